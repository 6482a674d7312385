"""What the guardrails of a rollout have seen and conclude."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bluegreen_constructs.engine.absolute_floor import AbsoluteFloor
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.counts import Counts
from bluegreen_constructs.engine.guardrails import LatencyComparison, MetricComparison
from bluegreen_constructs.engine.judgement import (
    assessments,
    is_shown_healthy,
    is_unhealthy,
    lost_targets,
    needs_evidence,
    objections,
    observed,
    with_fresh_evidence,
)
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.model import Arm, Verdict
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import Rollout
from bluegreen_constructs.engine.target_settings import AlarmName, EngineGuardrail
from bluegreen_constructs.testing import example_settings

NOW = datetime(2026, 11, 5, 9, tzinfo=UTC)
FIRST = int(NOW.timestamp() // 60)
ERRORS, FLOOR, GPU = ErrorComparison(), AbsoluteFloor(99), AlarmName("Gpu")
SLOW = LatencyComparison(slo=timedelta(milliseconds=800))
LOW = MetricComparison(namespace="Model", bad="Low", total="All")


def rollout(*guardrails: EngineGuardrail, split: float | None = None) -> Rollout:
    settings = replace(example_settings(), guardrails=guardrails, split=split)
    begun = Rollout("one", settings, Release("1.4.2"), "blue", 1, NOW, NOW, Phase.SHIFTING)
    return with_fresh_evidence(replace(begun, weight=10, applied=10, applied_at=NOW, judged=FIRST - 1))


def counts(of: Rollout, live: Arm | None, candidate: Arm | None, *minutes: int) -> Counts:
    """Both sides had this in each of the minutes."""
    values: dict[str, dict[int, float]] = {}
    for side, arm in (("blue", live), ("green", candidate)):
        if arm is not None:
            values[f"{side}/requests"] = dict.fromkeys(minutes, arm.requests)
            values[f"{side}/errors"] = dict.fromkeys(minutes, arm.bad)
            values[f"{side}/{SLOW.name}"] = dict.fromkeys(minutes, 100 - 100 * arm.bad / arm.requests)
            values[f"{side}/{LOW.name}/total"] = dict.fromkeys(minutes, arm.requests)
            values[f"{side}/{LOW.name}/bad"] = dict.fromkeys(minutes, arm.bad)
    return Counts(of.settings, values)


def after(of: Rollout, live: Arm | None, candidate: Arm | None, minutes: int) -> Rollout:
    """The rollout after so many such minutes, with what its guardrails say."""
    last = FIRST + minutes - 1
    seen = observed(of, counts(of, live, candidate, *range(FIRST, last + 1)), last)
    return replace(seen, said=assessments(seen, {}))


GOOD, BAD = Arm(6000, 12), Arm(6000, 240)


@pytest.mark.parametrize("guardrail", [ERRORS, SLOW, LOW], ids=lambda one: one.name)
def test_a_candidate_that_is_worse_than_live_is_unhealthy_with_its_numbers(guardrail: EngineGuardrail) -> None:
    seen = after(rollout(guardrail), GOOD, BAD, 1)
    assert is_unhealthy(seen)
    assert [one.verdict for one in seen.said] == [Verdict.UNHEALTHY]
    assert objections(seen) == f"{guardrail.name}: candidate 240 bad of 6000 (4 %), live 12 bad of 6000 (0.2 %)"


@pytest.mark.parametrize("guardrail", [ERRORS, SLOW, LOW], ids=lambda one: one.name)
def test_a_candidate_as_good_as_live_is_shown_healthy_in_time(guardrail: EngineGuardrail) -> None:
    begun = rollout(guardrail)
    assert not is_shown_healthy(replace(begun, said=assessments(begun, {})))
    seen = after(begun, GOOD, GOOD, 10)
    assert is_shown_healthy(seen)
    assert not is_unhealthy(seen)
    assert objections(seen) == ""


def test_an_incident_that_both_sides_have_is_nobodys_fault() -> None:
    assert not is_unhealthy(after(rollout(ERRORS), BAD, BAD, 30))


def test_a_floor_objects_also_when_live_is_as_bad() -> None:
    seen = after(rollout(FLOOR), BAD, BAD, 1)
    assert is_unhealthy(seen)
    assert objections(seen) == "at least 99 % good: candidate 240 bad of 6000 (4 %)"


def test_a_floor_is_shown_without_any_live_traffic() -> None:
    assert is_shown_healthy(after(rollout(FLOOR), None, GOOD, 3))


@pytest.mark.parametrize("silent", ["live", "candidate", "both"])
def test_a_side_without_data_is_no_evidence(silent: str) -> None:
    live = None if silent in {"live", "both"} else GOOD
    candidate = None if silent in {"candidate", "both"} else GOOD
    seen = after(rollout(ERRORS), live, candidate, 60)
    assert not is_shown_healthy(seen)
    assert not is_unhealthy(seen)
    assert seen.step_minutes == 0
    assert seen.evidence is not None
    assert seen.evidence.members["errors"].intervals == 0


def test_all_guardrails_must_be_shown_healthy_and_one_is_enough_to_object() -> None:
    assert not is_shown_healthy(after(rollout(ERRORS, GPU), GOOD, GOOD, 10)), "an alarm that is not there is UNSURE"
    begun = rollout(ERRORS, FLOOR)
    assert is_shown_healthy(after(begun, GOOD, GOOD, 10))
    assert is_unhealthy(after(begun, BAD, BAD, 10))


def test_a_rollout_without_guardrails_has_nothing_to_be_shown() -> None:
    assert is_shown_healthy(rollout())
    assert not is_unhealthy(rollout())
    assert not needs_evidence(rollout())


def test_an_alarm_counts_no_requests() -> None:
    assert not needs_evidence(rollout(GPU))
    assert needs_evidence(rollout(FLOOR))
    assert needs_evidence(rollout(ERRORS))


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("OK", Verdict.HEALTHY),
        ("ALARM", Verdict.UNHEALTHY),
        ("INSUFFICIENT_DATA", Verdict.UNSURE),
        ("something new", Verdict.UNSURE),
    ],
)
def test_an_alarms_state_is_its_verdict(state: str, verdict: Verdict) -> None:
    (said,) = assessments(rollout(GPU), {"Gpu": state, "another": "ALARM"})
    assert said.verdict is verdict
    assert said.reason == f"its state is {state}"


def test_an_alarm_that_is_gone_never_passes() -> None:
    (said,) = assessments(rollout(GPU), {})
    assert said.verdict is Verdict.UNSURE
    assert "no such alarm" in said.reason


def test_with_several_comparisons_the_guilty_one_is_named() -> None:
    begun = rollout(ERRORS, LOW)
    values = {**counts(begun, GOOD, GOOD, FIRST).values, f"green/{LOW.name}/bad": {FIRST: 240.0}}
    seen = observed(begun, Counts(begun.settings, values), FIRST)
    said = {one.guardrail: one.verdict for one in assessments(seen, {})}
    assert said[LOW.name] is Verdict.UNHEALTHY
    assert said["errors"] is not Verdict.UNHEALTHY


def test_one_of_several_does_not_object_alone_before_all_together_do() -> None:
    alone, begun = rollout(ERRORS), rollout(ERRORS, LOW)
    suspicious = Arm(6000, 36)
    assert is_unhealthy(after(alone, GOOD, suspicious, 1)), "one guardrail has the whole budget of false alarms"
    values = {**counts(begun, GOOD, suspicious, FIRST).values, f"green/{LOW.name}/bad": {FIRST: 12.0}}
    seen = observed(begun, Counts(begun.settings, values), FIRST)
    seen = replace(seen, said=assessments(seen, {}))
    assert not is_unhealthy(seen)
    assert {one.verdict for one in seen.said} == {Verdict.UNSURE}


@pytest.mark.parametrize("guardrail", [ERRORS, FLOOR])
def test_what_was_healthy_is_unsure_while_cloudwatch_says_nothing(guardrail: EngineGuardrail) -> None:
    of = after(rollout(guardrail), Arm(9000, 9), Arm(9000, 9), 60)
    assert is_shown_healthy(of)
    (said,) = assessments(of, {}, "could not be asked: throttled")
    assert said.verdict is Verdict.UNSURE
    assert said.reason.startswith("could not be asked: throttled; until then candidate ")
    assert not is_shown_healthy(replace(of, said=(said,)))


def test_what_was_unhealthy_stays_so_while_cloudwatch_says_nothing() -> None:
    of = after(rollout(ERRORS), Arm(9000, 9), Arm(9000, 900), 10)
    (said,) = assessments(of, {}, "could not be asked: throttled")
    assert said.verdict is Verdict.UNHEALTHY


def test_an_alarm_that_could_not_be_asked_says_why_it_is_unsure() -> None:
    (said,) = assessments(rollout(GPU), {}, "could not be asked: throttled")
    assert (said.verdict, said.reason) == (Verdict.UNSURE, "could not be asked: throttled")


def test_what_was_seen_twice_counts_once() -> None:
    begun = rollout(ERRORS, FLOOR)
    once = observed(begun, counts(begun, GOOD, GOOD, FIRST), FIRST)
    again = observed(replace(once, judged=FIRST - 1), counts(begun, GOOD, GOOD, FIRST), FIRST)
    assert again.evidence == once.evidence
    assert again.floors == once.floors


def test_minutes_that_were_judged_are_not_judged_again() -> None:
    begun = rollout(ERRORS)
    seen = observed(begun, counts(begun, GOOD, GOOD, FIRST, FIRST + 1), FIRST + 1)
    assert seen.judged == FIRST + 1
    assert observed(seen, counts(begun, GOOD, GOOD, FIRST, FIRST + 1), FIRST + 1) == seen


def test_a_minute_belongs_to_a_step_when_its_weight_was_there_from_the_beginning() -> None:
    begun = replace(rollout(ERRORS), applied_at=NOW + timedelta(seconds=1))
    seen = observed(begun, counts(begun, GOOD, GOOD, FIRST, FIRST + 1), FIRST + 1)
    assert seen.step_minutes == 1
    assert seen.evidence is not None
    assert seen.evidence.members["errors"].intervals == 2, "evidence goes over from step to step"


def test_no_minute_belongs_to_a_step_whose_weight_is_not_there_yet() -> None:
    begun = replace(rollout(ERRORS), applied=None, applied_at=None)
    assert observed(begun, counts(begun, GOOD, GOOD, FIRST), FIRST).step_minutes == 0


def test_a_verdict_of_harm_stays_when_the_candidate_recovers() -> None:
    bad = after(rollout(ERRORS), GOOD, BAD, 2)
    last = FIRST + 60
    recovered = observed(bad, counts(bad, GOOD, GOOD, *range(FIRST + 2, last + 1)), last)
    assert is_unhealthy(replace(recovered, said=assessments(recovered, {})))


@pytest.mark.parametrize(("guardrails", "bad"), [((ERRORS, LOW), 30), ((ERRORS,), 12), ((LOW,), 30), ((SLOW, LOW), 30)])
def test_an_ab_test_counts_the_applications_own_metric_where_there_is_one(
    guardrails: tuple[EngineGuardrail, ...], bad: int
) -> None:
    begun = rollout(*guardrails, split=20)
    values = {**counts(begun, GOOD, GOOD, FIRST).values, f"green/{LOW.name}/bad": {FIRST: 30.0}}
    seen = observed(begun, Counts(begun.settings, values), FIRST)
    assert seen.ab is not None
    assert seen.ab.candidate == Arm(6000, bad)
    assert seen.ab.live == Arm(6000, 12)


def test_an_ab_test_without_comparisons_counts_nothing() -> None:
    begun = rollout(FLOOR, split=20)
    seen = observed(begun, counts(begun, GOOD, GOOD, FIRST), FIRST)
    assert seen.ab is not None
    assert seen.ab.intervals == 0


def test_a_rollout_that_is_no_ab_test_keeps_no_effect() -> None:
    assert rollout(ERRORS).ab is None


@pytest.mark.parametrize(
    ("healthy", "is_lost"),
    [
        ((2, 2), False),
        ((1, 1), True),
        ((0, 0), True),
        ((0, 2), False),
        ((2, 0), False),
        ((None, 0), False),
        ((0,), False),
    ],
)
def test_targets_are_lost_when_two_closed_minutes_say_so(healthy: tuple[int | None, ...], is_lost: bool) -> None:
    begun = replace(rollout(ERRORS), needs=4, weight=50, applied=50)
    values = {"green/healthy": {FIRST + k: float(one) for k, one in enumerate(healthy) if one is not None}}
    said = lost_targets(begun, Counts(begun.settings, values), FIRST + 1)
    assert bool(said) is is_lost
    if is_lost:
        assert said == f"the candidate has {healthy[-1]} healthy targets and needs 2 for 50 % of the traffic"


def test_no_targets_are_lost_while_nothing_is_known_or_the_weight_is_new() -> None:
    begun = replace(rollout(ERRORS), needs=4, weight=50, applied=50)
    counts_of = Counts(begun.settings, {"green/healthy": {FIRST: 0.0, FIRST + 1: 0.0}})
    assert lost_targets(begun, counts_of, FIRST + 1)
    assert lost_targets(begun, None, FIRST + 1) == ""
    assert lost_targets(begun, counts_of, None) == ""
    assert lost_targets(replace(begun, applied=None), counts_of, FIRST + 1) == ""
    assert lost_targets(replace(begun, applied_at=NOW + timedelta(seconds=1)), counts_of, FIRST + 1) == ""
    assert lost_targets(replace(begun, needs=0), counts_of, FIRST + 1) == "", "a function needs no targets"
