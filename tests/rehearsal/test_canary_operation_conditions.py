"""The conditions of the scenarios in which somebody, or something, comes in the way of a rollout go red. Pure."""

import json
from dataclasses import replace

import pytest

from bluegreen_constructs.rehearsal.scenarios import (
    canary_abort,
    canary_common_incident,
    canary_engine_killed,
    canary_low_traffic,
    canary_rollback,
)
from bluegreen_constructs.rehearsal.scenarios.canary_abort import MOVING, REASON, Abort
from bluegreen_constructs.rehearsal.scenarios.canary_common_incident import Incident
from bluegreen_constructs.rehearsal.scenarios.canary_engine_killed import Killed
from bluegreen_constructs.rehearsal.scenarios.canary_low_traffic import Held
from bluegreen_constructs.rehearsal.scenarios.canary_rollback import WayBack
from bluegreen_constructs.rehearsal.scenarios.canary_seen import CanarySeen, Execution, RuleWrite, Tasks
from tests.rehearsal.canary_records import (
    BACK_WEIGHTS,
    BAKE,
    BROKEN,
    END,
    FIRST,
    FULL,
    GOOD_WEIGHTS,
    RATE,
    SECOND,
    TICK,
    answered,
    back,
    back_records,
    changed,
    command,
    explained,
    good_records,
    item,
    red,
    seen,
    spread,
    to_candidate,
    weights,
)

RESTORED = json.dumps({"state": "RESTORED", "aws_calls": 3})
LOST = "no request failed and no stream broke"


class TestACommonIncident:
    INCIDENT = Incident(SECOND + 1, SECOND + 4)

    def records(self, *, live: bool = True, candidate: bool = True) -> list:
        """Every second request of the incident fails, on the sides that it hits."""
        hit = {"blue": live, "green": candidate}
        numbers = {"blue": 0, "green": 0}

        def fail(record):
            numbers[record.side] += 1
            return replace(record, status=500) if hit[record.side] and numbers[record.side] % 2 else record

        return changed(good_records(), self.INCIDENT.began, self.INCIDENT.ended, fail)

    def red(self, code: int = 0, **changes: object) -> set[str]:
        found = seen(**{"records": self.records(), **changes})  # type: ignore[arg-type]
        return red(canary_common_incident.judged("incident", found, command("start", code), self.INCIDENT))

    def test_what_should_happen_passes(self) -> None:
        assert self.red() == set()

    def test_a_rollback_is_seen(self) -> None:
        found = self.red(1, execution=Execution("FAILED", "NotPromoted"), weights=BACK_WEIGHTS)
        assert "bluegreen start ends 0" in found
        assert "the rollout's execution ended SUCCEEDED" in found

    @pytest.mark.parametrize("hit", [{"live": False}, {"candidate": False}, {"live": False, "candidate": False}])
    def test_an_incident_of_one_side_or_of_none_shows_nothing(self, hit: dict[str, bool]) -> None:
        assert "the incident hit both sides alike" in self.red(records=self.records(**hit))

    @pytest.mark.parametrize("fault", BROKEN)
    def test_one_request_that_was_lost_at_another_time_is_enough(self, fault: dict[str, object]) -> None:
        records = [*self.records(), answered(35.0, "candidate", **fault)]
        assert "nothing was lost before or after it" in self.red(records=records)


class TestLowTraffic:
    RATE = 3.0
    HELD = json.dumps({"hold": {"kind": "UNSURE", "reason": "not enough evidence"}, "verdict": "UNSURE"})
    WEIGHTS = weights((FIRST, 10), (SECOND, 50), (BAKE, 0))

    def records(self) -> list:
        parts = ((0, FIRST, 0), (FIRST, SECOND, 10), (SECOND, BAKE, 50), (BAKE, END, 0))
        return [one for start, end, share in parts for one in spread(start, end, share, rate=self.RATE)]

    def red(self, held: str = HELD, aborted: str = RESTORED, **changes: object) -> set[str]:
        known: dict[str, object] = {
            "records": self.records(),
            "rate": self.RATE,
            "weights": self.WEIGHTS,
            "writes": (RuleWrite(FIRST, TICK), RuleWrite(BAKE, "operator")),
            "history": (item("STARTED"), item("HELD", "not enough evidence")),
            "tasks": {"blue": Tasks(2, 2), "green": Tasks(0, 0, BAKE + 10)},
            **changes,
        }
        outcome = Held(command("explain", 0, held), command("abort", 0, aborted))
        return red(canary_low_traffic.judged("low", back(**known), outcome))  # type: ignore[arg-type]

    def test_what_should_happen_passes(self) -> None:
        assert self.red() == set()

    @pytest.mark.parametrize("hold", [None, {"kind": "OPERATOR", "reason": "paused"}, {"kind": "INTERFERENCE"}])
    def test_a_rollout_that_was_not_held_for_want_of_evidence_is_seen(self, hold: dict[str, str] | None) -> None:
        assert "it was held for want of evidence" in self.red(json.dumps({"hold": hold, "verdict": "UNSURE"}))

    def test_a_hold_that_the_history_does_not_know_is_seen(self) -> None:
        assert "it was held for want of evidence" in self.red(history=(item("STARTED"),))

    @pytest.mark.parametrize("verdict", ["HEALTHY", "UNHEALTHY", None])
    def test_a_verdict_that_nobody_could_know_is_seen(self, verdict: str | None) -> None:
        held = json.dumps({"hold": {"kind": "UNSURE", "reason": ""}, "verdict": verdict})
        assert "with the verdict UNSURE" in self.red(held)

    def test_a_release_that_passed_is_seen(self) -> None:
        found = self.red(weights=GOOD_WEIGHTS, final_weights={"blue": 0, "green": 100})
        assert "it never got more than its last step's share" in found
        assert "100 % of production traffic is on blue" in found

    def test_an_abort_that_found_nothing_to_end_is_seen(self) -> None:
        assert "bluegreen abort ended it" in self.red(aborted='{"state": "NOTHING_IN_FLIGHT"}')


CALLS = {**dict.fromkeys(MOVING, 1), "AddTags": 1}


class TestAnAbort:
    HISTORY = (item("STARTED"), item("PHASE", f"aborted: {REASON}", "arn:aws:iam::1:user/x"), item("ENDED"))

    def red(self, code: int = 0, answer: str = RESTORED, calls: dict | None = None, mark: str = "r", **changes: object):
        known: dict[str, object] = {
            "execution": Execution("ABORTED", "Aborted"),
            "writes": (RuleWrite(FIRST, TICK), RuleWrite(SECOND - 0.2, "operator")),
            "history": self.HISTORY,
            **changes,
        }
        made = Abort(command("abort", code, answer), CALLS if calls is None else calls, mark, "r")
        return red(canary_abort.judged("abort", back(**known), made))  # type: ignore[arg-type]

    def test_what_should_happen_passes(self) -> None:
        assert self.red() == set()

    @pytest.mark.parametrize("state", ["NOTHING_IN_FLIGHT", "NOT_WARM"])
    def test_an_abort_that_moved_nothing_is_seen(self, state: str) -> None:
        found = self.red(answer=json.dumps({"state": state, "aws_calls": 3}))
        assert "bluegreen abort ends 0 and says that live has all traffic" in found

    @pytest.mark.parametrize(
        "calls", [{}, {"ModifyRule": 1}, {**CALLS, "DescribeRules": 1}, {**CALLS, "ModifyRule": 2}]
    )
    def test_another_number_of_calls_is_seen(self, calls: dict[str, int]) -> None:
        assert "it took three calls of Elastic Load Balancing, and a fourth one for the mark" in self.red(calls=calls)

    def test_a_command_that_counts_otherwise_than_the_call_log_is_seen(self) -> None:
        found = self.red(answer=json.dumps({"state": "RESTORED", "aws_calls": 2}))
        assert "it took three calls of Elastic Load Balancing, and a fourth one for the mark" in found

    @pytest.mark.parametrize("mark", ["", "another"])
    def test_a_rule_without_its_mark_is_seen(self, mark: str) -> None:
        assert "the rule is marked, so that no late worker of the rollout moves traffic" in self.red(mark=mark)

    def test_an_execution_that_goes_on_is_seen(self) -> None:
        assert any("execution ended" in says for says in self.red(execution=Execution("RUNNING")))

    def test_a_history_that_knows_no_caller_is_seen(self) -> None:
        history = (item("STARTED"), item("PHASE", f"aborted: {REASON}"), item("ENDED"))
        assert "the history says who aborted it and why" in self.red(history=history)

    def test_a_rollout_that_was_never_closed_is_seen(self) -> None:
        assert "what it left was closed" in self.red(explained={**explained(), "is_tidied": False})

    @pytest.mark.parametrize("fault", BROKEN)
    def test_one_lost_request_is_enough(self, fault: dict[str, object]) -> None:
        assert LOST in self.red(records=[*back_records(), answered(18.0, "live", **fault)])

    def test_a_late_worker_that_moved_traffic_again_is_seen(self) -> None:
        again = (*BACK_WEIGHTS, *weights((BAKE, 10), (FULL, 0)))
        assert "the rule gave the candidate 10 %, then 0 %" in self.red(weights=again)


class TestAKilledEngine:
    BEGAN = FIRST + 2
    WRITES = (RuleWrite(FIRST, TICK), RuleWrite(SECOND - 0.2, "states"), RuleWrite(BAKE, "operator"))

    def red(self, mark: str = "r", alarms: tuple[str, ...] = ("a",), code: int = 0, **changes: object) -> set[str]:
        known = {"execution": Execution("FAILED", "EngineFailed"), "writes": self.WRITES, **changes}
        killed = Killed(self.BEGAN, "r", mark, alarms, command("abort", code, RESTORED))
        return red(canary_engine_killed.judged("killed", back(**known), killed))  # type: ignore[arg-type]

    def test_what_should_happen_passes(self) -> None:
        assert self.red() == set()

    def test_a_way_back_by_the_function_itself_shows_nothing(self) -> None:
        writes = (RuleWrite(FIRST, TICK), RuleWrite(SECOND - 0.2, TICK), RuleWrite(BAKE, "operator"))
        assert {"the state machine itself gave live all traffic", "no function moved weights any more"} <= self.red(
            writes=writes
        )

    def test_a_way_back_that_the_operator_had_to_make_is_seen(self) -> None:
        writes = (RuleWrite(FIRST, TICK), RuleWrite(SECOND - 0.2, "operator"), RuleWrite(BAKE, "states"))
        assert "the state machine itself gave live all traffic" in self.red(writes=writes)

    def test_a_tick_that_moved_weights_after_it_was_killed_is_seen(self) -> None:
        writes = (*self.WRITES, RuleWrite(FULL, TICK))
        assert "no function moved weights any more" in self.red(writes=writes)

    @pytest.mark.parametrize("mark", ["", "another"])
    def test_a_rule_without_its_mark_is_seen(self, mark: str) -> None:
        assert "it left the mark of an abort on the rule" in self.red(mark)

    def test_an_engine_that_fails_in_silence_is_seen(self) -> None:
        assert "an alarm of the engine went off" in self.red(alarms=())

    def test_traffic_that_stayed_on_the_candidate_is_seen(self) -> None:
        found = self.red(weights=weights((FIRST, 10)), final_weights={"blue": 90, "green": 10})
        assert "the rule gave the candidate 10 %, then 0 %" in found
        assert "100 % of production traffic is on blue" in found

    @pytest.mark.parametrize(
        "execution", [Execution("RUNNING"), Execution("FAILED", "NotPromoted"), Execution("SUCCEEDED")]
    )
    def test_another_end_of_the_execution_is_seen(self, execution: Execution) -> None:
        assert "the rollout's execution ended FAILED with EngineFailed" in self.red(execution=execution)

    def test_a_rollout_that_nobody_could_close_is_seen(self) -> None:
        assert "bluegreen abort closed what it had left" in self.red(explained={**explained(), "is_tidied": False})
        assert "bluegreen abort closed what it had left" in self.red(code=1)


class TestAWayBackAfterAPromotion:
    """The candidate is the former release here, on the side that was out of use."""

    REJECTED = command("start", 3, "", "bluegreen: release 2.0.0 was rejected at noon (left by a rollback)")
    RECORDS = (*spread(0, SECOND, 0), *spread(SECOND, END, 100))

    def found(self, **changes: object) -> CanarySeen:
        known: dict[str, object] = {
            "records": self.RECORDS,
            "weights": weights((SECOND, 100)),
            "history": (item("STARTED", canary_rollback.REASON), item("ENDED")),
            "tasks": {"blue": Tasks(0, 0, SECOND + 10), "green": Tasks(2, 2)},
            **changes,
        }
        return seen(**known)  # type: ignore[arg-type]

    def red(self, code: int = 0, again=REJECTED, **changes: object) -> set[str]:
        way = WayBack(command("rollback", code), again)
        return red(canary_rollback.judged("rollback", self.found(**changes), way))

    def test_what_should_happen_passes(self) -> None:
        assert self.red() == set()

    def test_a_way_back_by_steps_is_seen(self) -> None:
        assert "the rule gave the candidate 100 %" in self.red(weights=weights((FIRST, 10), (SECOND, 100)))

    def test_answers_of_the_release_that_was_left_are_seen(self) -> None:
        records = [replace(one, release="live") if one.scheduled > 40 else one for one in self.RECORDS]
        assert "after the last step every answer is the candidate's" in self.red(records=records)

    @pytest.mark.parametrize(
        "again", [command("start", 0), command("start", 4, "", "bluegreen: held"), command("start", 3, "", "no target")]
    )
    def test_a_release_that_may_be_started_again_is_seen(self, again) -> None:
        assert "the release that was left is rejected: starting it is refused" in self.red(again=again)

    def test_a_history_without_the_reason_is_seen(self) -> None:
        assert "the history says who went back and why" in self.red(history=(item("STARTED"), item("ENDED")))

    @pytest.mark.parametrize("fault", BROKEN)
    def test_one_lost_request_is_enough(self, fault: dict[str, object]) -> None:
        assert LOST in self.red(records=[*self.RECORDS, answered(SECOND, "live", **fault)])

    def test_a_user_who_met_it_before_is_seen(self) -> None:
        records = changed(self.RECORDS, 5.0, 5.02, to_candidate)
        assert "before the first shift nobody met the candidate" in self.red(records=records)


def test_the_made_up_load_is_as_heavy_as_it_says() -> None:
    assert len(back_records()) == round(END * RATE)
