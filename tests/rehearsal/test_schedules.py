"""EventBridge Scheduler's schedules against a clock, targets and parsers in memory."""

import contextlib
import json
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, datetime

import pytest

from bluegreen_constructs.rehearsal.clock import Clock
from bluegreen_constructs.rehearsal.emulator.schedule_times import context, filled_in, latest_due
from bluegreen_constructs.rehearsal.emulator.schedules import Parsers, Schedules

ARN = "arn:aws:scheduler:us-east-1:123456789012:schedule/default/look"
KEY = ("123456789012", "us-east-1", "default/look")
CREATED = 1_000_000.0
PARSERS = Parsers(
    rate={"rate(1 minute)": 60, "rate(5 minutes)": 300}.get,
    at=lambda text: float(text[3:-1]) if text.startswith("at(") else None,
    cron=lambda text, after: (after // 3600 + 1) * 3600 if text == "cron(0 * * * ? *)" else None,
    instant=lambda given: None if given is None else float(str(given)),
)


class Stopped(Clock):
    """A clock that the test moves."""

    def now(self) -> float:
        return MOMENT[0]


MOMENT = [CREATED]


class Account:
    """One schedule, and what its target got."""

    def __init__(self, **schedule: object) -> None:
        MOMENT[0] = CREATED
        self.stored: MutableMapping[tuple[str, str, str], MutableMapping[str, object]] = {}
        self.make(**schedule)
        self.scopes: list[tuple[str, str]] = []
        self.inputs: list[str] = []
        self.events: list[Mapping[str, object]] = []
        self.fails = False
        self.schedules = Schedules(Stopped(), lambda: self.stored, self.enter, PARSERS, self.invoke)

    def make(self, **schedule: object) -> None:
        self.stored[KEY] = {
            "Arn": ARN,
            "ScheduleExpression": "rate(1 minute)",
            "State": "ENABLED",
            "CreationDate": MOMENT[0],
            "Target": {"Arn": "arn:function", "Input": '{"look": true, "now": "<aws.scheduler.scheduled-time>"}'},
            **schedule,
        }

    @contextlib.contextmanager
    def enter(self, account: str, region: str) -> Iterator[None]:
        self.scopes.append((account, region))
        yield

    def invoke(self, target: Mapping[str, object], event: Mapping[str, object], schedule: object) -> None:
        if self.fails:
            raise ZeroDivisionError("a defect")
        self.inputs.append(str(target.get("Input")))
        self.events.append(event)

    def until(self, seconds: float, step: float = 5.0) -> "Account":
        while MOMENT[0] < CREATED + seconds:
            MOMENT[0] = min(MOMENT[0] + step, CREATED + seconds)
            self.schedules.tick()
        return self

    def times(self) -> list[float]:
        return [datetime.fromisoformat(json.loads(text)["now"]).timestamp() - CREATED for text in self.inputs]


def test_a_rate_is_fired_at_once_and_then_every_rehearsed_minute_with_the_time_it_was_due() -> None:
    account = Account()
    account.schedules.tick()
    account.until(185, step=7.0)
    assert account.times() == [0, 60, 120, 180]
    assert json.loads(account.inputs[0])["look"] is True
    assert set(account.scopes) == {("123456789012", "us-east-1")}
    assert account.schedules.describe() == {"fired": 4}


def test_of_the_minutes_that_a_busy_machine_missed_the_latest_one_is_fired() -> None:
    assert Account().until(400, step=200).times() == [180, 360]


def test_a_disabled_schedule_is_silent_and_makes_up_for_nothing() -> None:
    account = Account(State="DISABLED")
    account.until(130)
    assert account.inputs == []
    account.stored[KEY]["State"] = "ENABLED"
    assert account.until(190).times() == [180]


def test_a_schedule_that_was_made_anew_begins_anew() -> None:
    account = Account(ScheduleExpression="rate(5 minutes)")
    account.until(100)
    account.make(ScheduleExpression="rate(5 minutes)")
    assert account.until(110).times() == [0, 100]


def test_the_start_and_the_end_of_a_schedule_hold() -> None:
    account = Account(StartDate=CREATED + 90, EndDate=CREATED + 200)
    assert account.until(600).times() == [90, 150]


def test_a_single_instant_is_fired_once_and_deleted_when_it_says_so() -> None:
    account = Account(ScheduleExpression=f"at({CREATED + 30})", ActionAfterCompletion="DELETE")
    assert account.until(25).times() == []
    assert account.until(300).times() == [30]
    assert account.stored == {}
    assert Account(ScheduleExpression=f"at({CREATED + 30})").until(300).times() == [30]


def test_a_cron_is_fired_at_its_hours() -> None:
    hours = Account(ScheduleExpression="cron(0 * * * ? *)").until(7400).times()
    assert [(CREATED + at) % 3600 for at in hours] == [0, 0]


def test_an_expression_that_means_nothing_is_never_fired() -> None:
    assert Account(ScheduleExpression="every now and then").until(600).inputs == []


def test_a_target_without_input_gets_an_event_of_the_due_time() -> None:
    account = Account(Target={"Arn": "arn:function"}).until(5)
    assert account.inputs == ["None"]
    assert (account.events[0]["Source"], account.events[0]["Time"]) == ("aws.scheduler", CREATED)


def test_a_target_that_cannot_be_reached_keeps_no_other_from_being_fired(caplog: pytest.LogCaptureFixture) -> None:
    account = Account()
    account.fails = True
    account.until(5)
    account.fails = False
    assert account.until(60).times() == [60]
    assert "default/look failed" in caplog.text


@pytest.mark.parametrize(("now", "due"), [(99.9, None), (100, 100), (159, 100), (160, 160), (1000, 1000)])
def test_the_latest_instant_of_a_rate(now: float, due: float | None) -> None:
    assert latest_due(100.0, 60.0, now) == due


def test_every_context_attribute_is_filled_in_and_other_brackets_stay() -> None:
    due = datetime(2026, 3, 22, 18, 59, 43, tzinfo=UTC).timestamp()
    keywords = context(ARN, due, "d32c5kddcf5bb8c3")
    text = (
        "<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.execution-id> "
        "<aws.scheduler.attempt-number> <aws.events.rule-arn>"
    )
    assert filled_in(text, keywords) == f"{ARN} 2026-03-22T18:59:43Z d32c5kddcf5bb8c3 1 <aws.events.rule-arn>"
