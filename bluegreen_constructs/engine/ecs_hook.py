"""A lifecycle hook of Amazon ECS: what the judge is called with, and what it answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from .errors import ConfigurationError

ADMISSION = "PRE_SCALE_UP"
NEXT_STEP = "PRE_PRODUCTION_TRAFFIC_SHIFT"
"""The stages that the judge is asked at. A rollback runs neither of them again.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html
"""

HookStatus: TypeAlias = Literal["SUCCEEDED", "FAILED", "IN_PROGRESS"]

_SINCE = "asked_since"


@dataclass(frozen=True, slots=True)
class ReleaseMark:
    """What somebody says of one release, and why: that it is a hotfix, or that it may be tried again.

    release: its image's tag or digest, or its whole name.
    success_percent: of a hotfix, the share of its requests that must be good (None: only what the settings ask).
    """

    release: str
    reason: str
    success_percent: float | None = None


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call of the judge's hook.

    deployment: the service deployment's ARN. alarms: the names of all its alarms; own_alarm: of the one on the judge's
        own metric. details: the hook's details as they came; `settings` among them are the target's.
    troubled_since: since when the calls of this hook could not be served, as the last answer said.
    """

    stage: str
    deployment: str
    target: str
    alarms: tuple[str, ...] = ()
    own_alarm: str = ""
    hotfix: ReleaseMark | None = None
    accepts: ReleaseMark | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    troubled_since: datetime | None = None

    @property
    def rollout(self) -> str:
        """The rollout's id: the last part of the deployment's ARN."""
        return self.deployment.rpartition("/")[2]

    @classmethod
    def of(cls, event: Mapping[str, object]) -> "HookCall":
        """Read what ECS calls the function with. Raises ConfigurationError for what no deployment of ours sends."""
        details = event.get("hookDetails")
        if isinstance(details, str):  # CloudFormation takes them as text, and ECS may hand them on as it got them
            try:
                details = json.loads(details)
            except ValueError:
                raise ConfigurationError(f"the hook's details are {details!r}: give an object as JSON") from None
        if not isinstance(details, Mapping):
            raise ConfigurationError(f"the hook's details are {details!r}: give an object with the target's name")
        alarms = details.get("alarms") or ()
        if not isinstance(alarms, list | tuple):
            raise ConfigurationError(f"the hook's alarms are {alarms!r}: give a list of names")
        return cls(
            stage=_text(event, "lifecycleStage"),
            deployment=_text(event, "resourceArn"),
            target=_text(details, "target"),
            alarms=tuple(map(str, alarms)),
            own_alarm=str(details.get("own_alarm") or ""),
            hotfix=_mark(details, "hotfix"),
            accepts=_mark(details, "accepts"),
            details={key: value for key, value in details.items() if key != _SINCE},
            troubled_since=_instant(details.get(_SINCE)),
        )


@dataclass(frozen=True, slots=True)
class HookReply:
    """What the judge says to a call, and why; ECS hears the status and, with IN_PROGRESS, when to ask again.

    troubled_since: since when it could not be served (None: it was).
    """

    status: HookStatus
    reason: str
    delay_seconds: int = 30
    troubled_since: datetime | None = None

    def to_answer(self, call: HookCall) -> dict[str, object]:
        """The function's answer. ECS calls again with the details that it gets here.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
        """
        if self.status != "IN_PROGRESS":
            return {"hookStatus": self.status}
        since = self.troubled_since
        more = {} if since is None else {_SINCE: since.astimezone(UTC).isoformat()}
        return {
            "hookStatus": self.status,
            "callBackDelay": self.delay_seconds,
            "hookDetails": {**call.details, **more},
        }


def _text(given: Mapping[str, object], key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"the hook's {key} is {value!r}: give a text")
    return value


def _mark(details: Mapping[str, object], key: str) -> ReleaseMark | None:
    mark = details.get(key)
    if mark is None:
        return None
    if not isinstance(mark, Mapping):
        raise ConfigurationError(f"the hook's {key} is {mark!r}: give an object with release and reason")
    return ReleaseMark(str(mark.get("release") or ""), str(mark.get("reason") or ""), _percent(mark, key))


def _percent(mark: Mapping[str, object], key: str) -> float | None:
    given = mark.get("success_percent")
    try:
        percent = None if given is None else float(str(given))  # CloudFormation may have made a text of it
    except ValueError:
        percent = 0.0
    if percent is not None and not 0 < percent < 100:
        raise ConfigurationError(f"the hook's {key} has success_percent {given!r}: give a number above 0 and below 100")
    return percent


def _instant(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
