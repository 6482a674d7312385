"""The conditions on releases of somebody's own application go red for what they are there to catch. Pure."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from bluegreen_constructs.rehearsal.ecs.tasks_file import Expected
from bluegreen_constructs.rehearsal.load import LoadRecord
from bluegreen_constructs.rehearsal.outcome import Condition
from bluegreen_constructs.rehearsal.scenarios.own_seen import OwnSeen
from tests.rehearsal.canary_records import (
    BACK_WEIGHTS,
    BROKEN,
    FIRST,
    FULL,
    GOOD_WEIGHTS,
    RATE,
    SECOND,
    SPEED,
    answered,
    back_records,
    changed,
    good_records,
    red,
    spread,
    to_candidate,
    to_live,
    watched,
    weights,
)

SHARE_ROSE = "the candidate's share of the traffic rose to 100 %, and never fell"
SHARE_FELL = "the candidate's share of the traffic fell to nothing at once, if it ever had one"
NOBODY_BEFORE = "before the first shift nobody met the candidate"
ALL_CANDIDATE = "after the last step every answer is the candidate's"
NOTHING_LOST = "no request failed and no stream broke"
NOBODY_ELSE = "nobody suffered who did not meet the candidate"
ALL_LIVE = "once all traffic was back, every answer was live's and good"
MOVERS = "nobody but Amazon ECS moved traffic, no stack update among them"
ENDED = Condition("cdk deploy ends as it should", holds=True, found="it did")


def promoted(*, records: Iterable[LoadRecord] | None = None, **changes: object) -> OwnSeen:
    """A good release on green that went live, with changes."""
    known: dict[str, object] = {
        "name": "Shop/Web candidate",
        "release": "candidate",
        "live_release": "live",
        "expected": Expected.PROMOTED,
        "candidate_side": "green",
        "ended": (ENDED,),
        "writers": ("ecs",) * 4,
        "movers": frozenset({"ecs"}),
        "weights": GOOD_WEIGHTS,
        "final_weights": {"blue": 0, "green": 100},
        "watched": watched(good_records() if records is None else records, rate=RATE),
        "calls": {},
        "speed": SPEED,
    }
    return OwnSeen(**{**known, **changes})  # type: ignore[arg-type]


def rolled_back(*, records: Iterable[LoadRecord] | None = None, **changes: object) -> OwnSeen:
    """A release that had its first share, failed half of its requests, and went back, with changes."""
    known: dict[str, object] = {
        "expected": Expected.ROLLED_BACK,
        "writers": ("ecs",) * 2,
        "weights": BACK_WEIGHTS,
        "final_weights": {"blue": 100, "green": 0},
    }
    return promoted(records=back_records(status=500) if records is None else records, **{**known, **changes})


def stopped_before_users(*, records: Iterable[LoadRecord] | None = None, **changes: object) -> OwnSeen:
    """A release that never got any traffic."""
    known: dict[str, object] = {"weights": (), "writers": ()}
    return rolled_back(records=spread(0, 44.0, 0) if records is None else records, **{**known, **changes})


@pytest.mark.parametrize("seen", [promoted(), rolled_back(), stopped_before_users()])
def test_what_should_happen_passes(seen: OwnSeen) -> None:
    assert red(seen.outcome()) == set()


def test_the_same_recording_fails_when_the_other_end_was_expected() -> None:
    assert {SHARE_FELL, ALL_LIVE} <= red(replace(promoted(), expected=Expected.ROLLED_BACK).outcome())
    assert {SHARE_ROSE, ALL_CANDIDATE, NOTHING_LOST} <= red(
        replace(rolled_back(), expected=Expected.PROMOTED).outcome()
    )
    assert {SHARE_ROSE, ALL_CANDIDATE} <= red(replace(stopped_before_users(), expected=Expected.PROMOTED).outcome())


@pytest.mark.parametrize("of", [promoted, rolled_back, stopped_before_users])
class TestEveryRelease:
    def test_an_end_that_should_not_be_is_seen(self, of) -> None:
        assert red(of(ended=(replace(ENDED, holds=False),)).outcome()) == {ENDED.says}

    @pytest.mark.parametrize("writers", [("ecs", "ecs", "ecs", "cdk"), ("ecs",) * 4 + ("lambda/TrafficRule",)])
    def test_anybody_else_who_moved_traffic_is_seen(self, of, writers: tuple[str, ...]) -> None:
        assert red(of(writers=writers).outcome()) == {MOVERS}

    @pytest.mark.parametrize("final", [{}, {"blue": 50, "green": 50}, {"blue": 0, "green": 0}])
    def test_weights_that_are_not_on_one_side_at_the_end_are_seen(self, of, final: dict[str, int]) -> None:
        assert any(says.startswith("100 % of production") for says in red(of(final_weights=final).outcome()))

    def test_a_load_that_was_late_measured_this_machine(self, of) -> None:
        late = [replace(record, late=0.5) for record in of().watched.records]
        assert red(of(records=late).outcome()) == {"the load was sent whole and on time"}

    @pytest.mark.parametrize("harm", BROKEN)
    def test_one_user_of_the_live_release_who_suffered_is_enough(self, of, harm: dict[str, object]) -> None:
        records = [*of().watched.records, answered(5.0, "live", **harm)]
        assert red(of(records=records).outcome()) & {NOTHING_LOST, NOBODY_ELSE}


def test_a_change_of_weights_that_no_call_made_is_a_stack_updates() -> None:
    assert red(promoted(writers=("ecs",) * 3).outcome()) == {MOVERS}
    assert red(rolled_back(writers=("ecs",)).outcome()) == {MOVERS}


class TestAReleaseThatGoesLive:
    def test_a_share_that_fell_on_the_way_is_seen(self) -> None:
        reset = weights((FIRST, 10), (12.0, 0), (SECOND, 50), (FULL, 100))
        assert SHARE_ROSE in red(promoted(weights=reset).outcome())

    def test_a_user_who_met_it_before_its_time_is_seen(self) -> None:
        records = changed(good_records(), 4.0, 4.1, to_candidate)
        assert NOBODY_BEFORE in red(promoted(records=records).outcome())

    def test_an_answer_of_the_former_release_after_the_last_step_is_seen(self) -> None:
        records = changed(good_records(), 36.0, 36.1, to_live)
        assert ALL_CANDIDATE in red(promoted(records=records).outcome())

    def test_one_lost_request_of_the_candidate_is_enough(self) -> None:
        records = [*good_records(), answered(20.0, "candidate", status=500)]
        assert red(promoted(records=records).outcome()) == {NOTHING_LOST}


class TestAReleaseThatGoesBack:
    @pytest.mark.parametrize(
        "went", [weights((FIRST, 10)), weights((FIRST, 10), (12.0, 0), (SECOND, 10), (20.0, 0)), weights((FIRST, 0))]
    )
    def test_any_other_way_than_up_and_then_down_to_nothing_is_seen(self, went) -> None:
        assert SHARE_FELL in red(rolled_back(weights=went, writers=("ecs",) * 4).outcome())

    def test_a_request_that_nobody_answered_is_somebody_elses_loss(self) -> None:
        records = [*back_records(), answered(12.0, "candidate", side=None, status=503)]
        assert red(rolled_back(records=records).outcome()) == {NOBODY_ELSE}

    def test_a_bad_answer_after_the_way_back_is_seen(self) -> None:
        records = changed(back_records(), 30.0, 30.1, to_candidate)
        assert red(rolled_back(records=records).outcome()) == {ALL_LIVE}

    def test_silence_after_the_way_back_shows_nothing(self) -> None:
        records = [one for one in back_records() if one.scheduled < SECOND]
        assert ALL_LIVE in red(rolled_back(records=records).outcome())

    def test_how_long_users_were_worse_off_is_in_the_table(self) -> None:
        assert "first bad answer to 100 % live" in rolled_back().outcome().figures
        assert "first bad answer to 100 % live" not in promoted().outcome().figures
