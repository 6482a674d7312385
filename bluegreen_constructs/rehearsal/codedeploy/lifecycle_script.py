"""The steps of a deployment in order, and of its rollback, as data: what each changes and waits for.

Followed: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html (the events, and that a
rollback reroutes traffic "from the replacement task set to the original task set").
"""

from dataclasses import dataclass
from enum import StrEnum

from .deployment_plan import Plan
from .lifecycle_event import Event


class Side(StrEnum):
    """The two task sets of a deployment."""

    ORIGINAL = "original"
    REPLACEMENT = "replacement"


class Wait(StrEnum):
    """What ContinueDeployment ends (its deploymentWaitType)."""

    READY = "READY_WAIT"
    TERMINATION = "TERMINATION_WAIT"


@dataclass(frozen=True, slots=True)
class Change:
    """What the outside has to become; None leaves a part as it is. Percents are the replacement's share."""

    installs: bool = False
    production: float | None = None
    test: float | None = None
    primary: Side | None = None
    ends: Side | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One step: make `change`, ask the event's hook, wait until the replacement is healthy, then `hold` (seconds).

    ContinueDeployment ends the hold of a `wait`. After the hold of READY_WAIT the deployment is stopped.
    """

    event: Event | None
    change: Change | None = None
    asks_hook: bool = False
    needs_healthy: bool = False
    hold: float = 0.0
    wait: Wait | None = None


def forward_script(plan: Plan) -> tuple[Segment, ...]:
    """From the start to Succeeded."""
    test = (
        (
            Segment(Event.ALLOW_TEST_TRAFFIC, Change(test=100.0)),
            Segment(Event.AFTER_ALLOW_TEST_TRAFFIC, asks_hook=True),
        )
        if plan.has_test_route
        else ()
    )
    ready = () if plan.ready_wait is None else (Segment(None, hold=plan.ready_wait, wait=Wait.READY),)
    shifts = tuple(
        Segment(Event.ALLOW_TRAFFIC, Change(production=step.percent), hold=step.hold) for step in plan.steps[:-1]
    )
    return (
        Segment(Event.BEFORE_INSTALL, asks_hook=True),
        Segment(Event.INSTALL, Change(installs=True), needs_healthy=True),
        Segment(Event.AFTER_INSTALL, asks_hook=True),
        *test,
        *ready,
        Segment(Event.BEFORE_ALLOW_TRAFFIC, asks_hook=True),
        *shifts,
        Segment(Event.ALLOW_TRAFFIC, Change(production=100.0, primary=Side.REPLACEMENT)),
        Segment(Event.AFTER_ALLOW_TRAFFIC, asks_hook=True),
        Segment(None, hold=plan.termination_wait, wait=Wait.TERMINATION),
        Segment(None, Change(ends=Side.ORIGINAL)),
    )


def rollback_script(*, has_test_route: bool) -> tuple[Segment, ...]:
    """Production first; what is scaled in has no traffic any more."""
    test = (Segment(Event.ALLOW_TEST_TRAFFIC, Change(test=0.0)),) if has_test_route else ()
    return (
        Segment(Event.ALLOW_TRAFFIC, Change(production=0.0, primary=Side.ORIGINAL)),
        *test,
        Segment(None, Change(ends=Side.REPLACEMENT)),
    )
