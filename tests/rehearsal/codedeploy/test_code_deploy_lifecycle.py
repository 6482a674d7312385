"""The life of one deployment, step by step, without threads: every way in which it can end."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from bluegreen_constructs.rehearsal.codedeploy.deployment_plan import Plan, RollbackOn
from bluegreen_constructs.rehearsal.codedeploy.deployment_run import (
    ENDED,
    TRANSITIONS,
    AskHook,
    Problem,
    Run,
    Seen,
    Status,
    Stop,
    new_rollback,
    new_run,
)
from bluegreen_constructs.rehearsal.codedeploy.lifecycle import advance, look_again_at
from bluegreen_constructs.rehearsal.codedeploy.lifecycle_event import Event, EventStatus
from bluegreen_constructs.rehearsal.codedeploy.lifecycle_script import Change, Side, Wait
from bluegreen_constructs.rehearsal.codedeploy.traffic_routing import Step
from bluegreen_constructs.rehearsal.ecs.deployment_run import Tasks

MINUTE, HOUR = 60.0, 3600.0
ALL = frozenset(RollbackOn)
CANARY = Plan(steps=(Step(10.0, 5 * MINUTE), Step(100.0)), termination_wait=10 * MINUTE, rolls_back_on=ALL)
HEALTHY = Tasks(2, 2, 2)


@dataclass
class Played:
    """A deployment in a world that does at once what it is asked; `said` is everything it asked for, in order."""

    run: Run
    seen: Seen = field(default_factory=lambda: Seen(0.0, replacement=HEALTHY))
    said: list[Change | AskHook] = field(default_factory=list)

    @classmethod
    def of(cls, plan: Plan) -> "Played":
        return cls(new_run(plan, "d-1"))

    def settle(self, **seen: object) -> "Played":
        """Look (with what has changed since) until it comes to rest."""
        self.seen = replace(self.seen, **seen)
        for _ in range(100):
            before = self.run
            self.run, actions = advance(before, self.seen)
            self.said.extend(actions)
            self.seen = replace(self.seen, problem=None)
            if not actions and self.run == before:
                return self
        raise AssertionError("does not come to rest")

    def later(self, seconds: float, **seen: object) -> "Played":
        return self.settle(now=self.seen.now + seconds, **seen)

    def until(self, status: Status) -> "Played":
        """Let time pass to the next thing that it changes, until the status."""
        for _ in range(50):
            if self.settle().run.status is status:
                return self
            self.later(look_again_at(self.run, self.seen.now) - self.seen.now)
        raise AssertionError(self.run)

    @property
    def events(self) -> Mapping[Event, EventStatus]:
        return {state.event: state.status for state in self.run.events}

    @property
    def shifts(self) -> list[float]:
        return [it.production for it in self.said if isinstance(it, Change) and it.production is not None]

    @property
    def ended_with(self) -> tuple[Status, str, bool]:
        assert self.run.error is not None
        return self.run.status, self.run.error.code, self.run.rolls_back


def test_a_canary_passes_its_events_in_order_and_ends_the_original_last() -> None:
    it = Played.of(CANARY).settle()
    assert it.run.status is Status.IN_PROGRESS
    assert (it.run.production, it.run.test, it.run.event) == (10.0, 100.0, Event.ALLOW_TRAFFIC)
    it.later(5 * MINUTE - 1)
    assert it.run.production == 10.0
    it.later(1)
    assert (it.run.production, it.run.is_waiting_to_terminate) == (100.0, True)
    assert set(it.events.values()) == {EventStatus.SUCCEEDED}
    it.later(10 * MINUTE - 1)
    assert it.run.status is Status.IN_PROGRESS
    it.later(1)
    assert it.run.status is Status.SUCCEEDED
    assert it.said == [
        Change(installs=True),
        Change(test=100.0),
        Change(production=10.0),
        Change(production=100.0, primary=Side.REPLACEMENT),
        Change(ends=Side.ORIGINAL),
    ]


def test_a_linear_shift_takes_as_many_steps_as_it_says() -> None:
    steps = (*(Step(share, MINUTE) for share in (25.0, 50.0, 75.0)), Step(100.0))
    it = Played.of(replace(CANARY, steps=steps)).until(Status.SUCCEEDED)
    assert it.shifts == [25.0, 50.0, 75.0, 100.0]
    assert it.seen.now == 3 * MINUTE + 10 * MINUTE


def test_without_a_test_listener_its_events_are_skipped_and_its_hook_is_not_asked() -> None:
    it = Played.of(replace(CANARY, has_test_route=False, hooks={Event.AFTER_ALLOW_TEST_TRAFFIC: "smoke"}))
    it.until(Status.SUCCEEDED)
    assert it.events[Event.ALLOW_TEST_TRAFFIC] is it.events[Event.AFTER_ALLOW_TEST_TRAFFIC] is EventStatus.SKIPPED
    assert not any(isinstance(said, AskHook) for said in it.said)
    assert all(said.test is None for said in it.said if isinstance(said, Change))


def test_install_waits_until_every_task_of_the_replacement_is_healthy() -> None:
    it = Played.of(CANARY).settle(replacement=Tasks(2, 2, 1))
    assert (it.run.event, it.shifts) == (Event.INSTALL, [])
    it.later(30, replacement=HEALTHY)
    assert it.run.event is Event.ALLOW_TRAFFIC


def test_a_replacement_that_is_not_healthy_within_an_hour_fails_the_deployment() -> None:
    it = Played.of(CANARY).settle(replacement=Tasks(2, 1, 0)).later(HOUR - 1)
    assert it.run.status is Status.IN_PROGRESS
    it.later(1)
    assert it.ended_with == (Status.FAILED, "TIMEOUT", True)
    assert it.events[Event.INSTALL] is EventStatus.FAILED
    assert it.events[Event.ALLOW_TRAFFIC] is EventStatus.SKIPPED


def hooked(event: Event) -> Played:
    return Played.of(replace(CANARY, hooks={event: "check"})).settle()


def test_a_hook_holds_the_deployment_until_it_says_succeeded() -> None:
    it = hooked(Event.AFTER_ALLOW_TEST_TRAFFIC)
    (asked,) = [said for said in it.said if isinstance(said, AskHook)]
    assert (asked.function, it.run.test, it.shifts) == ("check", 100.0, [])
    it.later(HOUR - 1)
    assert it.shifts == []
    it.settle(answers={asked.id: "Succeeded"})
    assert it.shifts == [10.0]


@pytest.mark.parametrize(
    ("answer", "code", "sentence"),
    [
        ("Failed", "HOOK_EXECUTION_FAILURE", "one or more of the lifecycle event validation functions failed"),
        ("no such function", "HOOK_EXECUTION_FAILURE", "no such function"),
    ],
)
def test_a_hook_that_does_not_succeed_fails_the_deployment(answer: str, code: str, sentence: str) -> None:
    it = hooked(Event.BEFORE_ALLOW_TRAFFIC)
    assert it.run.hook is not None
    it.settle(answers={it.run.hook.id: answer})
    assert it.ended_with == (Status.FAILED, code, True)
    assert it.run.error is not None
    assert sentence in it.run.error.message
    assert it.events[Event.BEFORE_ALLOW_TRAFFIC] is EventStatus.FAILED


def test_a_hook_that_never_answers_fails_the_deployment_after_an_hour() -> None:
    it = hooked(Event.AFTER_ALLOW_TRAFFIC).later(5 * MINUTE)
    assert it.run.production == 100.0
    it.later(HOUR)
    assert it.ended_with == (Status.FAILED, "TIMEOUT", True)


def test_before_install_there_is_nothing_to_roll_back() -> None:
    it = hooked(Event.BEFORE_INSTALL)
    assert it.run.hook is not None
    assert it.settle(answers={it.run.hook.id: "Failed"}).ended_with == (Status.FAILED, "HOOK_EXECUTION_FAILURE", False)
    stopped = hooked(Event.BEFORE_INSTALL).settle(stop=Stop(rolls_back=True))
    assert stopped.ended_with == (Status.STOPPED, "MANUAL_STOP", False)


ALARMED = replace(CANARY, alarms=("errors", "latency"))


@pytest.mark.parametrize("minutes", [0, 3, 12], ids=["in the shift", "later in it", "in the termination wait"])
def test_an_alarm_stops_the_deployment_at_any_time_and_is_named(minutes: int) -> None:
    it = Played.of(ALARMED).settle().later(5 * MINUTE if minutes > 5 else 0).later(minutes * MINUTE / 2)
    it.settle(alarms=frozenset({"errors", "another's"}))
    assert it.ended_with == (Status.STOPPED, "ALARM_ACTIVE", True)
    assert it.run.error is not None
    assert it.run.error.message.endswith("Activated alarms: <errors>")


def test_an_alarm_that_rings_already_stops_the_deployment_in_install() -> None:
    it = Played.of(ALARMED).settle(alarms=frozenset({"latency"}))
    assert (it.run.status, it.events[Event.INSTALL], it.shifts) == (Status.STOPPED, EventStatus.FAILED, [])


def test_a_foreign_alarm_stops_nothing() -> None:
    assert Played.of(ALARMED).settle(alarms=frozenset({"another's"})).run.status is Status.IN_PROGRESS


READY = replace(CANARY, ready_wait=30 * MINUTE)


def test_a_ready_deployment_waits_with_test_traffic_only_until_it_is_continued() -> None:
    it = Played.of(READY).settle().later(30 * MINUTE - 1)
    assert (it.run.status, it.run.event, it.run.test, it.shifts) == (Status.READY, None, 100.0, [])
    it.settle(continued=frozenset({Wait.READY}))
    assert (it.run.status, it.shifts) == (Status.IN_PROGRESS, [10.0])


def test_a_ready_deployment_that_nobody_continues_is_stopped() -> None:
    it = Played.of(READY).settle().later(30 * MINUTE)
    assert it.ended_with == (Status.STOPPED, "TIMEOUT", True)
    assert it.run.error is not None
    assert it.run.error.message.endswith("This time out period is 30 minutes.")
    assert it.shifts == []


def test_the_termination_wait_can_be_ended_before_its_time() -> None:
    it = Played.of(CANARY).settle().later(5 * MINUTE)
    it.settle(continued=frozenset({Wait.TERMINATION}))
    assert it.run.status is Status.SUCCEEDED


def test_continuing_the_termination_wait_does_not_reroute_traffic() -> None:
    assert Played.of(READY).settle(continued=frozenset({Wait.TERMINATION})).run.status is Status.READY


@pytest.mark.parametrize(
    ("rolls_back", "configured", "follows"),
    [(None, ALL, True), (None, frozenset(), False), (True, frozenset(), True), (False, ALL, False)],
)
def test_a_stop_rolls_back_as_it_says_or_else_as_the_group_says(
    rolls_back: bool | None, configured: frozenset[RollbackOn], follows: bool
) -> None:
    it = Played.of(replace(CANARY, rolls_back_on=configured)).settle().settle(stop=Stop(rolls_back))
    assert it.ended_with == (Status.STOPPED, "MANUAL_STOP", follows)
    assert it.events[Event.ALLOW_TRAFFIC] is EventStatus.FAILED


def test_a_deployment_that_was_stopped_before_it_began_does_nothing() -> None:
    it = Played.of(CANARY).settle(stop=Stop())
    assert (it.run.status, it.said) == (Status.STOPPED, [])


@pytest.mark.parametrize(
    ("event", "seen"),
    [
        (RollbackOn.FAILURE, {"problem": Problem("ECS_UPDATE_ERROR", "no")}),
        (RollbackOn.ALARM, {"alarms": frozenset({"errors"})}),
        (RollbackOn.REQUEST, {"stop": Stop()}),
    ],
)
def test_each_reason_rolls_back_only_when_it_is_configured(event: RollbackOn, seen: dict[str, object]) -> None:
    for configured, follows in ((frozenset({event}), True), (ALL - {event}, False)):
        it = Played.of(replace(ALARMED, rolls_back_on=configured)).settle().settle(**seen)
        assert it.run.status.has_ended
        assert it.run.rolls_back is follows


def test_a_rollback_gives_the_original_all_traffic_before_it_ends_the_replacement() -> None:
    stopped = Played.of(CANARY).settle().settle(stop=Stop())
    back = Played(new_rollback(stopped.run, "d-2"), seen=Seen(0.0)).settle()
    assert back.run.status is Status.SUCCEEDED
    assert back.said == [
        Change(production=0.0, primary=Side.ORIGINAL),
        Change(test=0.0),
        Change(ends=Side.REPLACEMENT),
    ]
    assert set(back.events.values()) == {EventStatus.SUCCEEDED}


def test_a_rollback_heeds_neither_alarm_nor_stop_and_a_failed_call_ends_it() -> None:
    of = new_run(ALARMED, "d-1")
    back = Played(new_rollback(of, "d-2"), seen=Seen(0.0))
    assert back.settle(alarms=frozenset({"errors"}), stop=Stop()).run.status is Status.SUCCEEDED
    failed = Played(new_rollback(of, "d-2"), seen=Seen(0.0)).settle(problem=Problem("IAM_ROLE_PERMISSIONS", "no"))
    assert failed.ended_with == (Status.FAILED, "IAM_ROLE_PERMISSIONS", False)


def test_once_the_original_is_ending_a_stop_comes_too_late() -> None:
    it = Played.of(replace(CANARY, steps=(Step(100.0),), termination_wait=0.0))
    actions: tuple[object, ...] = ()
    while actions != (Change(ends=Side.ORIGINAL),):
        assert not it.run.status.has_ended
        it.run, actions = advance(it.run, it.seen)
    assert it.settle(stop=Stop(rolls_back=True)).run.status is Status.SUCCEEDED


def test_nothing_leaves_a_status_that_has_ended() -> None:
    assert not any(status in ENDED for status, _ in TRANSITIONS)
    assert {status for status, _ in TRANSITIONS} == set(Status) - ENDED
