"""The life of a service deployment, step by step and under everything hypothesis can think of."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bluegreen_constructs.rehearsal.ecs.deployment_plan import (
    DAY,
    HOOK_STAGES,
    PAUSE_STAGES,
    CircuitBreaker,
    DeploymentAlarms,
    Hook,
    Plan,
    Stage,
    Step,
    Strategy,
)
from bluegreen_constructs.rehearsal.ecs.deployment_run import (
    ENDED,
    TRANSITIONS,
    CallHook,
    Request,
    Run,
    Seen,
    Status,
    Tasks,
)
from bluegreen_constructs.rehearsal.ecs.hook_visits import HookAnswer, HookStatus
from bluegreen_constructs.rehearsal.ecs.lifecycle import advance, begin, look_again_at
from bluegreen_constructs.rehearsal.ecs.lifecycle_script import Change

HOOK = "arn:aws:lambda:us-east-1:123456789012:function:smoke"
CANARY = Plan(
    strategy=Strategy.CANARY,
    steps=(Step(10.0, 300.0), Step(100.0, 0.0)),
    bake=600.0,
    breaker=CircuitBreaker(enabled=True, rolls_back=True),
    alarms=DeploymentAlarms(("errors",), enabled=True, rolls_back=True),
)
ROLLING = Plan(breaker=CircuitBreaker(enabled=True, rolls_back=True))


class Outside:
    """A world that does at once what it is told, so that a deployment can be walked through by its clock."""

    def __init__(self, plan: Plan, *, has_source: bool = True, has_strays: bool = False) -> None:
        self.run = Run(plan=plan, key="d1", has_source=has_source, has_strays=has_strays)
        self.now = 1000.0
        self.candidate = Tasks(wanted=2)
        self.live = Tasks(wanted=2, existing=2, healthy=2) if has_source else Tasks()
        self.strays = Tasks(existing=2) if has_strays else Tasks()
        self.alarms: frozenset[str] = frozenset()
        self.failed = 0
        self.answers: dict[str, HookAnswer] = {}
        self.request: Request | None = None
        self.problem = ""
        self.production: list[float] = []
        self.test: list[float] = []
        self.calls: list[CallHook] = []
        self.stages: list[Stage] = []
        self.comes_up = True
        self.replacements: list[str] = []
        self.run = begin(self.run, self.seen())

    def seen(self) -> Seen:
        return Seen(
            now=self.now,
            candidate=self.candidate,
            live=self.live,
            strays=self.strays,
            failed_tasks=self.failed,
            alarms=self.alarms,
            answers=self.answers,
            request=self.request,
            problem=self.problem,
        )

    def settle(self) -> Status:
        """Advance until it waits for time or for somebody."""
        while True:
            before = self.run
            self.run, actions = advance(self.run, self.seen())
            self.problem = ""
            if self.run.stage and (not self.stages or self.stages[-1] is not self.run.stage):
                self.stages.append(self.run.stage)
            for action in actions:
                self.do(action)
            if not actions and self.run == before:
                return self.run.status

    def do(self, action: Change | CallHook) -> None:
        if isinstance(action, CallHook):
            self.answers.pop(action.id, None)
            self.calls.append(action)
            return
        if not self.run.plan.shifts_traffic:  # what comes of it takes time: the test says when
            self.replacements.append("candidate" if action.candidate_runs else "live")
            return
        if action.production is not None:
            self.production.append(action.production)
        if action.test is not None:
            self.test.append(action.test)
        if action.candidate_runs is True and self.comes_up:
            self.candidate = Tasks(wanted=2, existing=2, healthy=2)
        if action.candidate_runs is False:
            self.candidate = Tasks(wanted=0)
        if action.live_runs is False:
            self.live = Tasks()
        if action.strays_run is False:
            self.strays = Tasks()

    def later(self, seconds: float) -> Status:
        self.now += seconds
        return self.settle()


def test_a_canary_shifts_ten_percent_bakes_shifts_all_bakes_and_scales_the_former_live_side_in() -> None:
    outside = Outside(CANARY)
    assert outside.settle() is Status.IN_PROGRESS
    assert (outside.production, outside.test, outside.run.stage) == ([10.0], [100.0], Stage.PRODUCTION_TRAFFIC_SHIFT)
    outside.later(299)
    assert outside.production == [10.0]
    outside.later(1)
    assert (outside.production, outside.run.stage) == ([10.0, 100.0], Stage.BAKE_TIME)
    assert outside.live.existing == 2
    assert outside.later(600) is Status.SUCCESSFUL
    assert outside.live.existing == 0


def test_a_linear_deployment_shifts_in_its_steps_and_does_not_bake_after_the_last() -> None:
    steps = (Step(40.0, 60.0), Step(80.0, 60.0), Step(100.0, 0.0))
    outside = Outside(replace(CANARY, strategy=Strategy.LINEAR, steps=steps, bake=0.0))
    outside.settle()
    outside.later(60)
    assert outside.later(60) is Status.SUCCESSFUL
    assert outside.production == [40.0, 80.0, 100.0]


def test_the_stages_before_a_shift_come_in_aws_order_and_the_one_before_production_at_every_step() -> None:
    hooks = (Hook(HOOK, frozenset(HOOK_STAGES)),)
    outside = Outside(replace(CANARY, hooks=hooks))
    seen: list[str] = []
    while outside.settle() is Status.IN_PROGRESS:
        if not outside.calls:
            outside.now = look_again_at(outside.run, outside.now)
            continue
        call = outside.calls.pop()
        seen.append(call.stage)
        outside.answers[call.id] = HookAnswer("SUCCEEDED")
    assert seen == [
        Stage.PRE_SCALE_UP,
        Stage.POST_SCALE_UP,
        Stage.TEST_TRAFFIC_SHIFT,
        Stage.POST_TEST_TRAFFIC_SHIFT,
        Stage.PRE_PRODUCTION_TRAFFIC_SHIFT,
        Stage.PRODUCTION_TRAFFIC_SHIFT,
        Stage.PRE_PRODUCTION_TRAFFIC_SHIFT,
        Stage.PRODUCTION_TRAFFIC_SHIFT,
        Stage.POST_PRODUCTION_TRAFFIC_SHIFT,
    ]


def test_production_does_not_move_while_the_candidate_is_short_of_healthy_tasks() -> None:
    outside = Outside(CANARY)
    outside.comes_up = False
    outside.settle()
    outside.candidate = Tasks(wanted=2, existing=2, healthy=1)
    outside.later(60)
    assert (outside.run.stage, outside.production) == (Stage.SCALE_UP, [])
    outside.candidate = Tasks(wanted=2, existing=2, healthy=2)
    outside.later(1)
    assert outside.production == [10.0]


def test_an_alarm_takes_production_back_at_once_and_stops_the_candidate() -> None:
    outside = Outside(CANARY)
    outside.settle()
    outside.alarms = frozenset({"errors"})
    assert outside.later(30) is Status.ROLLBACK_SUCCESSFUL
    assert outside.production == [10.0, 0.0]
    assert outside.test == [100.0, 0.0]
    assert (outside.candidate.existing, outside.live.existing) == (0, 2)
    assert outside.run.reason == "Service deployment rolled back because alarm(s) errors went into the ALARM state."
    assert outside.run.triggered_alarms == {"errors"}


def test_an_alarm_in_the_bake_still_rolls_back_from_a_hundred_percent() -> None:
    outside = Outside(CANARY)
    outside.settle()
    outside.later(300)
    outside.alarms = frozenset({"errors"})
    assert outside.later(599) is Status.ROLLBACK_SUCCESSFUL
    assert outside.production == [10.0, 100.0, 0.0]


def test_an_alarm_that_rings_when_the_deployment_starts_is_not_watched_at_all() -> None:
    outside = Outside(CANARY)
    outside.run = Run(plan=CANARY, key="d2", has_source=True)
    outside.alarms = frozenset({"errors"})
    outside.run = begin(outside.run, outside.seen())
    outside.settle()
    outside.later(300)
    assert outside.later(600) is Status.SUCCESSFUL
    assert not outside.run.watches_alarms


def test_an_alarm_of_somebody_else_changes_nothing() -> None:
    outside = Outside(CANARY)
    outside.alarms = frozenset({"another"})
    assert outside.settle() is Status.IN_PROGRESS


def test_the_circuit_breaker_rolls_back_at_its_threshold_and_not_before() -> None:
    outside = Outside(CANARY)
    outside.comes_up = False
    outside.failed = 2
    assert outside.settle() is Status.IN_PROGRESS
    outside.failed = 3
    assert outside.settle() is Status.ROLLBACK_SUCCESSFUL
    assert outside.run.reason == "Service deployment rolled back because the circuit breaker threshold was exceeded."
    assert outside.production == []


def test_with_the_rollback_option_off_a_failed_deployment_stops_where_it_is() -> None:
    plan = replace(CANARY, alarms=DeploymentAlarms(("errors",), enabled=True, rolls_back=False))
    outside = Outside(plan)
    outside.settle()
    outside.alarms = frozenset({"errors"})
    assert outside.settle() is Status.STOPPED
    assert outside.production == [10.0]


def test_a_failed_first_deployment_finds_no_rollback_candidate() -> None:
    outside = Outside(CANARY, has_source=False)
    outside.comes_up = False
    outside.failed = 3
    assert outside.settle() is Status.ROLLBACK_FAILED
    assert outside.run.reason == "No rollback candidate was found to run the rollback."
    assert "circuit breaker" in outside.run.rollback_reason


def test_the_first_deployment_goes_to_a_hundred_percent_in_one_step() -> None:
    outside = Outside(CANARY, has_source=False)
    outside.settle()
    assert outside.later(600) is Status.SUCCESSFUL
    assert outside.production == [100.0]


def test_a_superseded_deployments_traffic_is_reconciled_before_anything_else() -> None:
    outside = Outside(CANARY, has_strays=True)
    outside.settle()
    assert outside.stages[0] is Stage.RECONCILE_SERVICE
    assert outside.production[:2] == [0.0, 10.0]
    assert outside.strays.existing == 0


def test_a_stop_request_rolls_back_and_one_in_clean_up_comes_too_late() -> None:
    outside = Outside(CANARY)
    outside.settle()
    outside.request = Request.ROLLBACK
    assert outside.settle() is Status.ROLLBACK_SUCCESSFUL
    late = Outside(CANARY)
    late.settle()
    late.later(300)
    late.do = lambda action: None  # type: ignore[method-assign]  # the former live side does not go
    late.later(600)
    assert late.run.stage is Stage.CLEAN_UP
    for request in Request:
        late.request = request
        assert late.settle() is Status.IN_PROGRESS


def test_a_hook_that_answers_failed_rolls_back_in_ecs_words() -> None:
    outside = Outside(replace(CANARY, hooks=(Hook(HOOK, frozenset({Stage.POST_TEST_TRAFFIC_SHIFT})),)))
    outside.settle()
    outside.answers[outside.calls[0].id] = HookAnswer("FAILED")
    assert outside.settle() is Status.ROLLBACK_SUCCESSFUL
    assert outside.run.reason == (
        "Service deployment rolled back because POST_TEST_TRAFFIC_SHIFT lifecycle hook(s) failed. "
        f"Lifecycle hook target {HOOK} returned FAILED status."
    )
    assert outside.production == []


def test_a_hook_in_progress_is_asked_again_after_its_own_delay_with_what_it_handed_over() -> None:
    outside = Outside(replace(CANARY, hooks=(Hook(HOOK, frozenset({Stage.PRE_SCALE_UP}), {"path": "/"}),)))
    outside.settle()
    assert outside.calls[0].details == {"path": "/"}
    outside.answers[outside.calls[0].id] = HookAnswer("IN_PROGRESS", delay=60.0, details={"try": 2})
    outside.later(59)
    assert len(outside.calls) == 1
    assert look_again_at(outside.run, outside.now) == pytest.approx(outside.now + 60)
    outside.later(60)
    assert outside.calls[1].details == {"try": 2}


def test_a_hook_that_never_answers_times_out_after_a_day() -> None:
    outside = Outside(replace(CANARY, hooks=(Hook(HOOK, frozenset({Stage.PRE_SCALE_UP})),)))
    outside.settle()
    assert outside.later(DAY) is Status.ROLLBACK_SUCCESSFUL
    assert "timed out" in outside.run.reason


@pytest.mark.parametrize(
    ("answer", "status"), [("CONTINUE", Status.IN_PROGRESS), ("ROLLBACK", Status.ROLLBACK_SUCCESSFUL)]
)
def test_a_pause_waits_for_its_answer(answer: str, status: Status) -> None:
    outside = Outside(replace(CANARY, hooks=(Hook("", frozenset({Stage.POST_TEST_TRAFFIC_SHIFT}), timeout=3600.0),)))
    outside.settle()
    visit = outside.run.visits[0]
    assert (visit.status, visit.id.startswith("ecs-pause-")) == (HookStatus.AWAITING_ACTION, True)
    assert outside.later(3599) is Status.IN_PROGRESS
    assert outside.production == []
    outside.answers[visit.id] = HookAnswer(answer)
    assert outside.settle() is status


@pytest.mark.parametrize(("continues", "status"), [(True, Status.IN_PROGRESS), (False, Status.ROLLBACK_SUCCESSFUL)])
def test_a_pause_that_nobody_answers_does_what_its_timeout_says(*, continues: bool, status: Status) -> None:
    pause = Hook("", frozenset({Stage.PRE_SCALE_UP}), timeout=3600.0, continues_on_timeout=continues)
    outside = Outside(replace(CANARY, hooks=(pause,)))
    outside.settle()
    assert outside.later(3600) is status


def test_a_rollback_asks_the_hooks_of_the_two_shifts_again_with_the_traffic_going_back() -> None:
    shifts = frozenset({Stage.TEST_TRAFFIC_SHIFT, Stage.PRODUCTION_TRAFFIC_SHIFT, Stage.POST_SCALE_UP})
    outside = Outside(replace(CANARY, hooks=(Hook(HOOK, shifts),)))
    asked: list[tuple[str, float | None, float | None]] = []
    for _ in range(20):
        outside.settle()
        for call in outside.calls:
            asked.append((call.stage, call.production, call.test))
            outside.answers[call.id] = HookAnswer("SUCCEEDED")
        outside.calls = []
        if (Stage.PRODUCTION_TRAFFIC_SHIFT, 10.0, None) in asked:
            outside.alarms = frozenset({"errors"})
    assert outside.run.status is Status.ROLLBACK_SUCCESSFUL
    assert asked[-2:] == [(Stage.PRODUCTION_TRAFFIC_SHIFT, 0.0, None), (Stage.TEST_TRAFFIC_SHIFT, None, 0.0)]


def test_a_failed_hook_on_the_way_back_does_not_stop_the_rollback() -> None:
    outside = Outside(replace(CANARY, hooks=(Hook(HOOK, frozenset({Stage.TEST_TRAFFIC_SHIFT})),)))
    outside.settle()
    outside.answers[outside.calls[0].id] = HookAnswer("FAILED")
    outside.settle()
    outside.answers[outside.calls[1].id] = HookAnswer("FAILED")
    assert outside.settle() is Status.ROLLBACK_SUCCESSFUL


def test_a_stage_that_takes_more_than_a_day_fails_the_deployment() -> None:
    outside = Outside(replace(CANARY, breaker=CircuitBreaker()))
    outside.comes_up = False
    outside.settle()
    assert outside.later(DAY) is Status.IN_PROGRESS
    assert outside.later(1) is Status.ROLLBACK_SUCCESSFUL
    assert "SCALE_UP stage took longer than 24 hours" in outside.run.reason


def test_a_bake_of_a_whole_day_is_not_too_long() -> None:
    outside = Outside(replace(CANARY, bake=DAY))
    outside.settle()
    outside.later(300)
    assert outside.later(DAY) is Status.SUCCESSFUL


def test_a_refused_call_on_the_way_back_leaves_the_candidate_standing_and_says_so() -> None:
    outside = Outside(CANARY)
    outside.settle()
    outside.alarms = frozenset({"errors"})
    outside.run, (change,) = advance(outside.run, outside.seen())
    assert isinstance(change, Change)
    assert change.production == 0.0
    outside.problem = "because of invalid networking configuration. One or more rules not found"
    assert outside.settle() is Status.ROLLBACK_FAILED
    assert outside.candidate.existing == 2
    assert "One or more rules not found" in outside.run.reason


def test_a_rolling_deployment_starts_the_new_tasks_then_stops_the_former_ones_and_has_no_stage() -> None:
    outside = Outside(ROLLING, has_strays=True)
    assert outside.settle() is Status.IN_PROGRESS
    assert (outside.run.stage, outside.replacements) == (None, ["candidate"])
    outside.candidate = Tasks(2, 2, 2)
    outside.live = Tasks()
    assert outside.settle() is Status.IN_PROGRESS, "tasks of a superseded deployment are left"
    outside.strays = Tasks()
    assert outside.settle() is Status.SUCCESSFUL
    assert (outside.production, outside.test) == ([], [])


def test_a_rolling_deployment_goes_on_for_as_long_as_its_tasks_do_not_come_up() -> None:
    outside = Outside(Plan())
    assert outside.later(3 * DAY) is Status.IN_PROGRESS
    assert look_again_at(outside.run, outside.now) > outside.now


def test_a_rolling_deployment_that_fails_has_its_former_tasks_back_before_it_is_rolled_back() -> None:
    outside = Outside(ROLLING)
    outside.settle()
    outside.candidate, outside.live, outside.failed = Tasks(2, 1, 0), Tasks(2, 1, 1), 3
    assert outside.settle() is Status.ROLLBACK_IN_PROGRESS
    assert outside.replacements == ["candidate", "live"]
    outside.candidate = Tasks()
    assert outside.settle() is Status.ROLLBACK_IN_PROGRESS, "a task of the former release is missing"
    outside.live = Tasks(2, 2, 2)
    assert outside.settle() is Status.ROLLBACK_SUCCESSFUL


def test_every_status_but_the_ended_ones_has_a_way_on() -> None:
    assert {status for status, _ in TRANSITIONS} == set(Status) - ENDED
    assert all(status not in ENDED for status, _ in TRANSITIONS)


hooks_of_any_kind = st.lists(
    st.one_of(
        st.builds(
            Hook,
            st.just(HOOK),
            st.frozensets(st.sampled_from(sorted(HOOK_STAGES)), min_size=1, max_size=3),
            timeout=st.sampled_from([600.0, DAY]),
        ),
        st.builds(
            Hook,
            st.just(""),
            st.frozensets(st.sampled_from(sorted(PAUSE_STAGES)), min_size=1, max_size=2),
            timeout=st.sampled_from([600.0, DAY]),
            continues_on_timeout=st.booleans(),
        ),
    ),
    max_size=2,
)
shifting_plans = st.builds(
    Plan,
    strategy=st.sampled_from([Strategy.BLUE_GREEN, Strategy.CANARY, Strategy.LINEAR]),
    steps=st.sampled_from(
        [(Step(100.0, 0.0),), (Step(10.0, 300.0), Step(100.0, 0.0)), (Step(50.0, 60.0), Step(100.0, 0.0))]
    ),
    bake=st.sampled_from([0.0, 600.0]),
    hooks=hooks_of_any_kind.map(tuple),
    breaker=st.builds(CircuitBreaker, enabled=st.booleans(), rolls_back=st.just(True)),
    alarms=st.builds(DeploymentAlarms, st.just(("errors",)), enabled=st.booleans(), rolls_back=st.just(True)),
)


class AnyDeployment(RuleBasedStateMachine):
    """Tasks come and go, alarms ring, hooks answer anything, people interfere, calls are refused, time passes."""

    @initialize(plan=shifting_plans, has_source=st.booleans(), has_strays=st.booleans())
    def start(self, plan: Plan, has_source: bool, has_strays: bool) -> None:
        self.outside = Outside(plan, has_source=has_source, has_strays=has_strays)
        self.outside.comes_up = False
        self.healthy_at_shift: list[tuple[float, bool]] = []
        do = self.outside.do

        def watched(action: Change | CallHook) -> None:
            if isinstance(action, Change) and action.production:
                is_covered = self.outside.candidate.healthy >= self.outside.candidate.wanted
                self.healthy_at_shift.append((action.production, is_covered))
            if isinstance(action, Change) and action.live_runs is False:
                assert self.outside.run.production == 100.0
            if isinstance(action, Change) and action.candidate_runs is False:
                assert self.outside.run.production == 0.0
            do(action)

        self.outside.do = watched  # type: ignore[method-assign]  # watches every action

    @rule(healthy=st.integers(0, 2))
    def tasks_come_and_go(self, healthy: int) -> None:
        if self.outside.candidate.wanted:
            self.outside.candidate = Tasks(2, 2, healthy)
        self.outside.settle()

    @rule(answer=st.sampled_from(["SUCCEEDED", "FAILED", "IN_PROGRESS", None, "CONTINUE", "ROLLBACK"]))
    def a_hook_answers(self, answer: str | None) -> None:
        for visit in self.outside.run.visits[:1]:
            self.outside.answers[visit.id] = HookAnswer(answer)
        self.outside.settle()

    @rule(seconds=st.sampled_from([1.0, 60.0, 600.0, DAY + 1]))
    def time_passes(self, seconds: float) -> None:
        self.outside.later(seconds)

    @rule()
    def an_alarm_rings(self) -> None:
        self.outside.alarms = frozenset({"errors"})
        self.outside.settle()

    @rule()
    def a_task_fails(self) -> None:
        self.outside.failed += 1
        self.outside.settle()

    @rule()
    def somebody_asks_for_a_rollback(self) -> None:
        self.outside.request = Request.ROLLBACK
        self.outside.settle()

    @invariant()
    def weights_are_on_sides_that_can_carry_them(self) -> None:
        if hasattr(self, "outside"):
            assert all(is_covered for _, is_covered in self.healthy_at_shift)
            assert 0.0 <= self.outside.run.production <= 100.0

    @invariant()
    def a_rollback_ends_a_hundred_percent_live(self) -> None:
        if hasattr(self, "outside") and self.outside.run.status is Status.ROLLBACK_SUCCESSFUL:
            assert self.outside.run.production == 0.0
            assert (self.outside.production or [0.0])[-1] == 0.0
            assert self.outside.candidate.existing == 0
            assert self.outside.live.existing == 2

    def teardown(self) -> None:
        if not hasattr(self, "outside"):
            return
        for _ in range(60):  # every run ends, by time-out if by nothing else
            if self.outside.run.status.has_ended:
                return
            self.outside.later(DAY + 1)
        raise AssertionError(f"still {self.outside.run.status} in {self.outside.run.stage}")


def test_no_order_of_events_breaks_the_invariants() -> None:
    run_state_machine_as_test(AnyDeployment, settings=settings(max_examples=40, stateful_step_count=12, deadline=None))
