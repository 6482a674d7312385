"""Lifecycle hooks while a stage waits for them: asked, asked again, answered, timed out.

Followed: the developer guide's `lambda-lifecycle-hooks`, `pause-lifecycle-hooks` and `troubleshooting-blue-green`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .deployment_plan import Hook, Stage

CALL_BACK_DELAY = 30.0  # seconds until a hook that answered IN_PROGRESS is asked again, unless it names its own


class HookStatus(StrEnum):
    """What DescribeServiceDeployments answers in lifecycleHookDetails."""

    AWAITING_ACTION = "AWAITING_ACTION"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"


@dataclass(frozen=True, slots=True)
class HookVisit:
    """One hook during one visit of a stage."""

    id: str
    hook: Hook
    stage: Stage
    expires_at: float
    status: HookStatus
    ask_at: float
    asked: bool = False
    details: Mapping[str, object] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the stage still waits for this hook."""
        return self.status in {HookStatus.AWAITING_ACTION, HookStatus.IN_PROGRESS}


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What a Lambda hook answered: its hookStatus, or ECS's sentence about why there is none."""

    status: str | None
    delay: float = CALL_BACK_DELAY
    details: Mapping[str, object] | None = None
    problem: str = ""


def opened(hooks: Sequence[Hook], stage: Stage, *, key: str, now: float) -> tuple[HookVisit, ...]:
    """The visits of a stage's hooks; ids have ECS's form `ecs-{hookType}-{id}`."""
    return tuple(
        HookVisit(
            id=f"ecs-{'pause' if hook.is_pause else 'lambda'}-{key}-{number}",
            hook=hook,
            stage=stage,
            expires_at=now + hook.timeout,
            status=HookStatus.AWAITING_ACTION if hook.is_pause else HookStatus.IN_PROGRESS,
            ask_at=now,
            details=hook.details,
        )
        for number, hook in enumerate(hooks)
    )


def visited(visit: HookVisit, answer: HookAnswer | None, now: float) -> HookVisit:
    """A visit after its answer or its time-out."""
    if not visit.is_open:
        return visit
    if answer is not None and (visit.asked or visit.hook.is_pause):
        if answer.status in {"SUCCEEDED", "CONTINUE"}:
            return replace(visit, status=HookStatus.SUCCEEDED)
        if answer.status == "IN_PROGRESS":
            details = visit.details if answer.details is None else answer.details
            visit = replace(visit, asked=False, ask_at=now + answer.delay, details=details)
        else:
            return replace(visit, status=HookStatus.FAILED)
    if now >= visit.expires_at:
        ended = HookStatus.SUCCEEDED if visit.hook.continues_on_timeout else HookStatus.TIMED_OUT
        return replace(visit, status=ended)
    return visit


def problem_of(visit: HookVisit, answer: HookAnswer | None) -> str:
    """ECS's sentence about a failed hook (`troubleshooting-blue-green`); "" when it has not failed."""
    if visit.status is HookStatus.TIMED_OUT:
        if visit.hook.is_pause:
            return f"because {visit.stage} pause hook timed out."
        target = f"Lifecycle hook target {visit.hook.function_arn} timed out."
        return f"because {visit.stage} lifecycle hook(s) failed. {target}"
    if visit.status is not HookStatus.FAILED:
        return ""
    if visit.hook.is_pause:
        return f"because {visit.stage} pause hook was answered with ROLLBACK."
    detail = answer.problem if answer is not None and answer.problem else ""
    detail = detail or f"Lifecycle hook target {visit.hook.function_arn} returned FAILED status."
    return f"because {visit.stage} lifecycle hook(s) failed. {detail}"
