"""When a schedule of EventBridge Scheduler is due, and what its target's input says then (pure).

Followed: the user guide's `schedule-types` ("If you do not provide a StartDate for a rate-based schedule, your schedule
starts invoking the target immediately") and `managing-schedule-context-attributes`.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime


def latest_due(first: float, interval: float, now: float) -> float | None:
    """The latest instant by `now` of a rate that began at `first`; None before it. All in rehearsed seconds."""
    if now < first:
        return None
    return first + interval * math.floor((now - first) / interval)


def context(schedule_arn: str, due: float, execution_id: str) -> dict[str, str]:
    """The keywords that Scheduler replaces in an input; the attempt is always the first, for none fails here."""
    return {
        "<aws.scheduler.schedule-arn>": schedule_arn,
        "<aws.scheduler.scheduled-time>": datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "<aws.scheduler.execution-id>": execution_id,
        "<aws.scheduler.attempt-number>": "1",
    }


def filled_in(text: str, keywords: Mapping[str, str]) -> str:
    """The input with the values of the keywords in it; other text in angle brackets stays."""
    for keyword, value in keywords.items():
        text = text.replace(keyword, value)
    return text
