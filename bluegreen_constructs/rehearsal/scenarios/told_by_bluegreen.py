"""What `bluegreen explain` and `bluegreen history` told of a rollout, looked up. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any


def comparison_in(explained: Mapping[str, Any], guardrail: str) -> Mapping[str, Any]:
    """What is told of a guardrail that counts requests; nothing when none of that name is."""
    found = (one for one in explained.get("comparisons", ()) if one["guardrail"] == guardrail)
    return next(found, {})


def requests_of(arm: Mapping[str, Any] | None) -> tuple[int, int]:
    """(requests, bad ones) of one side of a comparison."""
    return (0, 0) if arm is None else (int(arm["requests"]), int(arm["bad"]))


def events_in(history: Sequence[Mapping[str, Any]], event: str) -> list[Mapping[str, Any]]:
    """The items of the history of one kind."""
    return [item for item in history if item["event"] == event]
