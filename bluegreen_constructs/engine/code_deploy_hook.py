"""A lifecycle event of a CodeDeploy deployment: the hooks' functions are asked in order until all is said. Pure.

CodeDeploy calls one function for an event, waits an hour for it to report, and knows `Succeeded` and `Failed` only.
https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypeAlias

from .errors import ConfigurationError
from .ports import HookAnswer
from .spans import in_words

HOOKS = "BLUEGREEN_CODE_DEPLOY_HOOKS"
"""The environment variable in which the function of an event is told whom to ask."""
MOST_HOOKS = 3500
"""How many characters of JSON that may be: Lambda gives all variables together 4 KB."""

# CodeDeploy fails an event that is not reported within an hour; what is not said by then goes back a little earlier,
# with a reason.
EVENT_LIMIT = timedelta(hours=1)
LONGEST_ASKING = timedelta(minutes=56)

Event: TypeAlias = Literal["AfterAllowTestTraffic", "AfterAllowTraffic"]
Verdict: TypeAlias = Literal["", "Succeeded", "Failed"]

# What Amazon ECS calls the stages in which it asks the same hooks.
_STAGES: Mapping[str, str] = {
    "AfterAllowTestTraffic": "POST_TEST_TRAFFIC_SHIFT",
    "AfterAllowTraffic": "POST_PRODUCTION_TRAFFIC_SHIFT",
}
_PROGRESS = "Progress"


class EventReports(Protocol):
    """AWS CodeDeploy, for what became of an event."""

    def report(self, deployment: str, execution: str, *, succeeded: bool) -> None:
        """One call. An event that is reported already stays as it is. Raises AwsError."""


class Again(Protocol):
    """The function itself, once more and on its own time."""

    def again(self, event: Mapping[str, object]) -> None:
        """One call, which does not wait for what becomes of it. Raises AwsError."""


@dataclass(frozen=True, slots=True)
class EventFunction:
    """A hook's function: how the log calls it, its ARN, what it is told, how long it may take."""

    name: str
    arn: str
    details: Mapping[str, object] = field(default_factory=dict)
    timeout: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class EventHooks:
    """All that are asked for one event of `target`'s deployments, in order."""

    target: str
    event: Event
    functions: tuple[EventFunction, ...]

    def to_variable(self) -> str:
        """As the environment variable holds it."""
        functions = [
            {"name": one.name, "arn": one.arn, "details": dict(one.details), "timeout": one.timeout.total_seconds()}
            for one in self.functions
        ]
        return json.dumps(
            {"target": self.target, "event": self.event, "functions": functions}, separators=(",", ":"), allow_nan=False
        )

    @staticmethod
    def from_variable(text: str) -> "EventHooks":
        """What `to_variable` wrote; raises ConfigurationError for anything else."""
        try:
            known: Any = json.loads(text)
            functions = tuple(
                EventFunction(
                    str(one["name"]),
                    str(one["arn"]),
                    dict(one["details"]),
                    timedelta(seconds=float(one["timeout"])),
                )
                for one in known["functions"]
            )
            event = known["event"]
            if event not in _STAGES:
                raise ValueError(f"the event {event!r}")
            return EventHooks(str(known["target"]), event, functions)
        except (LookupError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"the variable {HOOKS} is not what the construct writes ({error}): deploy the stack again"
            ) from None


@dataclass(frozen=True, slots=True)
class Asking:
    """How far an event has come. It travels in the function's own event when that calls itself.

    deployment, execution: by what CodeDeploy knows the event. began: when it came. at: which function is asked.
    since: when that one was asked first. details: what its last answer wants to be told. resume: when to ask it again.
    verdict: what is to be reported, and reason: why it is Failed.
    """

    deployment: str
    execution: str
    began: datetime
    since: datetime
    at: int = 0
    details: Mapping[str, object] = field(default_factory=dict)
    resume: datetime | None = None
    verdict: Verdict = ""
    reason: str = ""

    @staticmethod
    def of(event: Mapping[str, object], now: datetime) -> "Asking":
        """What CodeDeploy's event says, or the function's own; raises ConfigurationError for another one."""
        deployment, execution = event.get("DeploymentId"), event.get("LifecycleEventHookExecutionId")
        if not deployment or not execution:
            raise ConfigurationError(
                "the event has no DeploymentId and LifecycleEventHookExecutionId: this function answers CodeDeploy's "
                "lifecycle events"
            )
        own = event.get(_PROGRESS)
        if not isinstance(own, Mapping):
            return Asking(str(deployment), str(execution), now, now)
        known: Mapping[str, Any] = own
        try:
            resume = known["resume"]
            return Asking(
                deployment=str(deployment),
                execution=str(execution),
                began=datetime.fromisoformat(known["began"]),
                since=datetime.fromisoformat(known["since"]),
                at=int(known["at"]),
                details=dict(known["details"]),
                resume=None if resume is None else datetime.fromisoformat(resume),
                verdict=known["verdict"],
                reason=str(known["reason"]),
            )
        except (LookupError, TypeError, ValueError) as error:
            raise ConfigurationError(f"the event's {_PROGRESS} is not what this function wrote: {error}") from None

    def to_event(self) -> dict[str, object]:
        """The event by which the function goes on."""
        progress = {
            "began": self.began.isoformat(),
            "since": self.since.isoformat(),
            "at": self.at,
            "details": dict(self.details),
            "resume": None if self.resume is None else self.resume.isoformat(),
            "verdict": self.verdict,
            "reason": self.reason,
        }
        return {
            "DeploymentId": self.deployment,
            "LifecycleEventHookExecutionId": self.execution,
            _PROGRESS: progress,
        }

    def payload(self, hooks: EventHooks) -> dict[str, object]:
        """What the function in turn is asked with: as Amazon ECS asks its lifecycle hooks, and as the engine does."""
        asked = hooks.functions[self.at]
        return {
            "executionId": self.execution,
            "lifecycleStage": _STAGES[hooks.event],
            "resourceArn": self.deployment,
            "hookDetails": {**asked.details, **self.details},
            "target": hooks.target,
            "rollout": self.deployment,
        }

    def at_time(self, hooks: Sequence[EventFunction], now: datetime) -> "Asking":
        """The same, with a verdict when nobody is left to ask, or no time."""
        if self.verdict:
            return self
        if self.at >= len(hooks):
            return replace(self, verdict="Succeeded")
        asked = hooks[self.at]
        if now - self.since >= asked.timeout:
            return self.failed(f"{asked.name} did not answer within {in_words(asked.timeout)}")
        if now - self.began >= LONGEST_ASKING:
            return self.failed(
                f"{asked.name} has not answered, and CodeDeploy waits {in_words(EVENT_LIMIT)} for all hooks together"
            )
        return self

    def ends(self, hooks: Sequence[EventFunction]) -> datetime:
        """When `at_time` will have a verdict, whatever is answered."""
        return min(self.since + hooks[self.at].timeout, self.began + LONGEST_ASKING)

    def after(self, answer: HookAnswer, hooks: Sequence[EventFunction], now: datetime) -> "Asking":
        """The same after the function in turn has answered."""
        if answer.status == "FAILED":
            return self.failed(f"{hooks[self.at].name}: {answer.reason or 'it answered FAILED'}")
        if answer.status == "IN_PROGRESS":
            resume = now + timedelta(seconds=answer.call_back_seconds)
            return replace(self, resume=resume, details={**self.details, **answer.details})
        return replace(self, at=self.at + 1, since=now, details={}, resume=None).at_time(hooks, now)

    def failed(self, reason: str) -> "Asking":
        """The same with the verdict Failed."""
        return replace(self, verdict="Failed", reason=reason)
