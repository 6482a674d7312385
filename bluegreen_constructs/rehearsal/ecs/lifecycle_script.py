"""The stages of a service deployment in order, forward and back, as data: what each waits for and changes.

Followed: the developer guide's `blue-green-deployment-how-it-works`, `canary-deployment`, `deployment-type-linear` and
`deployment-lifecycle-hooks` (a rollback passes the two traffic shifts again).
"""

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum

from .deployment_plan import Plan, Stage


class Need(StrEnum):
    """What a stage waits for, before or after its change."""

    NOTHING = "nothing"
    CANDIDATE_HEALTHY = "the candidate's tasks healthy"
    CANDIDATE_GONE = "the candidate's tasks stopped"
    LIVE_GONE = "the former live side's tasks stopped"
    REPLACED = "the candidate's tasks healthy and all others stopped"
    RESTORED = "the live side's tasks healthy again and the candidate's stopped"
    STRAYS_GONE = "the tasks of a superseded deployment stopped"


@dataclass(frozen=True, slots=True)
class Change:
    """What the outside has to become; None leaves a part as it is. Percents are the candidate's share."""

    production: float | None = None
    test: float | None = None
    candidate_runs: bool | None = None
    live_runs: bool | None = None
    strays_run: bool | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One visit of a stage: wait for `before`, change the outside, pass the hooks, wait for `after`, then `hold`."""

    stage: Stage
    before: Need = Need.NOTHING
    change: Change | None = None
    asks_hooks: bool = True
    after: Need = Need.NOTHING
    hold: float = 0.0


def forward_script(plan: Plan, *, has_source: bool, has_strays: bool, has_test_rule: bool) -> tuple[Segment, ...]:
    """The stages from the start to SUCCESSFUL.

    A rolling deployment has one: both kinds of tasks come and go within its bounds, and what a superseded deployment
    left behind is replaced with the rest.
    """
    if not plan.shifts_traffic:
        change = Change(candidate_runs=True, live_runs=False, strays_run=False)
        return (Segment(Stage.SCALE_UP, change=change, asks_hooks=False, after=Need.REPLACED),)
    clean_up = Segment(Stage.CLEAN_UP, change=Change(live_runs=False), asks_hooks=False, after=Need.LIVE_GONE)
    scale_up = Segment(
        Stage.SCALE_UP, change=Change(candidate_runs=True), asks_hooks=False, after=Need.CANDIDATE_HEALTHY
    )
    reconcile = Segment(
        Stage.RECONCILE_SERVICE, change=Change(production=0.0, test=0.0, strays_run=False), after=Need.STRAYS_GONE
    )
    before = (reconcile,) if has_strays else ()
    shifts: list[Segment] = []
    for step in plan.steps if has_source else plan.steps[-1:]:
        # "For linear and canary deployments, this stage is invoked before every traffic shift step" (API reference).
        shifts.append(Segment(Stage.PRE_PRODUCTION_TRAFFIC_SHIFT))
        shifts.append(
            Segment(
                Stage.PRODUCTION_TRAFFIC_SHIFT,
                before=Need.CANDIDATE_HEALTHY,
                change=Change(production=step.percent),
                hold=step.bake,
            )
        )
    return (
        *before,
        Segment(Stage.PRE_SCALE_UP),
        scale_up,
        Segment(Stage.POST_SCALE_UP),
        Segment(
            Stage.TEST_TRAFFIC_SHIFT,
            before=Need.CANDIDATE_HEALTHY,
            change=Change(test=100.0) if has_test_rule else None,
        ),
        Segment(Stage.POST_TEST_TRAFFIC_SHIFT),
        *shifts,
        Segment(Stage.POST_PRODUCTION_TRAFFIC_SHIFT),
        Segment(Stage.BAKE_TIME, asks_hooks=False, hold=plan.bake),
        clean_up,
    )


def rollback_script(visited: Set[Stage], *, has_test_rule: bool, is_rolling: bool = False) -> tuple[Segment, ...]:
    """The way back: production first, then test, then the candidate's tasks; only what moved is moved back."""
    if is_rolling:
        change = Change(candidate_runs=False, live_runs=True)
        return (Segment(Stage.CLEAN_UP, change=change, asks_hooks=False, after=Need.RESTORED),)
    back: list[Segment] = []
    if Stage.PRODUCTION_TRAFFIC_SHIFT in visited:
        back.append(Segment(Stage.PRODUCTION_TRAFFIC_SHIFT, change=Change(production=0.0)))
    if Stage.TEST_TRAFFIC_SHIFT in visited:
        back.append(Segment(Stage.TEST_TRAFFIC_SHIFT, change=Change(test=0.0) if has_test_rule else None))
    back.append(
        Segment(Stage.CLEAN_UP, change=Change(candidate_runs=False), asks_hooks=False, after=Need.CANDIDATE_GONE)
    )
    return tuple(back)
