"""`bluegreen history`, `explain` and `report` tell what happened, why, and how sure that is."""

from dataclasses import replace
from datetime import timedelta
from math import exp

import pytest

from bluegreen_constructs.cli.explanation import findings
from bluegreen_constructs.engine.ab_effect import AbEvidence
from bluegreen_constructs.engine.absolute_floor import AbsoluteFloor
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.guardrails import LatencyComparison
from bluegreen_constructs.engine.joint_comparison import JointComparison
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.model import Arm, Verdict
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import AlarmName
from bluegreen_constructs.planning.eta import looks_to_verdict
from tests.cli.operated_world import TARGET, OperatedWorld, Operator, settings_of

SLOW = LatencyComparison(slo=timedelta(milliseconds=800))
JUDGED = settings_of(
    guardrails=(ErrorComparison(), AbsoluteFloor(90), AlarmName("GpuFaults")), steps=(Step(50, timedelta(hours=2)),)
)
SPLIT = settings_of(steps=(Step(20, timedelta()),), split=20.0, guardrails=(ErrorComparison(),))


@pytest.fixture
def judged(capsys: pytest.CaptureFixture[str]) -> Operator:
    """A target with a comparison, a floor and an alarm, which is OK."""
    operator = Operator(capsys, OperatedWorld(JUDGED))
    operator.world.first.metrics.alarms["GpuFaults"] = "OK"
    return operator


# History


def test_the_history_is_told_the_latest_first_with_who_and_why(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    operator.types("abort", "--reason", "payments fail")
    operator.world.go_on(30)
    assert operator.types("history", TARGET) == 0
    heading, *lines = operator.out.splitlines()
    assert heading.split() == ["time", "event", "release", "phase", "weight", "caller", "reason"]
    times = [line.split()[0] for line in lines]
    assert times == sorted(times, reverse=True)
    assert lines[-1].split()[1:3] == ["STARTED", "1.4.2"]
    (aborted,) = (line for line in lines if "ROLLING_BACK: aborted: payments fail" in line)
    assert "assumed-role/Operators/sam" in aborted


def test_the_history_is_cut_for_people_and_whole_for_machines(operator: Operator) -> None:
    for release in ("1.0", "1.1", "1.2"):
        operator.world.promoted(release)
    operator.types("history")
    assert len(operator.out.splitlines()) == 21
    operator.types("history", "--limit", "2")
    assert len(operator.out.splitlines()) == 3
    items = operator.reads("history")["items"]
    assert len(items) == len(operator.world.store.items[TARGET]) > 20
    assert set(items[0]) == {
        *("at", "event", "rollout", "release", "caller", "reason", "phase", "weight_percent", "evidence")
    }
    assert len(operator.reads("history", "--limit", "2")["items"]) == 2


def test_the_evidence_is_exported(judged: Operator) -> None:
    judged.world.begun("bad", minutes=60)
    (item,) = (item for item in judged.reads("history")["items"] if item["event"] == "UNHEALTHY")
    assert item["evidence"]["errors"]["verdict"] == "UNHEALTHY"


def test_a_target_without_history_says_so(operator: Operator) -> None:
    assert operator.types("history") == 0
    assert operator.out == "nothing has happened to Serving/Model yet\n"
    assert operator.reads("history") == {"target": TARGET, "items": []}


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_that_is_none_is_refused(operator: Operator, limit: str) -> None:
    operator.is_refused(2, "history", "--limit", limit)


# Explain


def test_the_counts_of_both_sides_the_odds_and_the_verdict_are_told(judged: Operator) -> None:
    judged.world.begun("1.4.2", minutes=20)
    evidence = judged.world.rollout.evidence.members["errors"]
    assert judged.types("explain") == 0
    (line,) = (line for line in judged.out.splitlines() if line.startswith("errors "))
    live, candidate = (f"{arm.bad} of {arm.requests}" for arm in (evidence.live, evidence.candidate))
    assert evidence.live.requests > 40_000
    assert f" {live} " in line
    assert f" {candidate} " in line
    assert "of 100 " in line
    assert line.endswith("of 20  HEALTHY")
    assert "alarm GpuFaults: HEALTHY, its state is OK." in judged.out
    assert "It waits for the bake of this step to end, at 2026-01-05T11:0" in judged.out
    assert "Its deadline is 2026-01-06T21:00:00Z." in judged.out


def test_json_has_the_same_as_numbers(judged: Operator) -> None:
    judged.world.begun("1.4.2", minutes=20)
    evidence = judged.world.rollout.evidence.members["errors"]
    explained = judged.reads("explain")
    errors, floor = explained["comparisons"]
    assert errors["live"] == {"requests": evidence.live.requests, "bad": evidence.live.bad}
    assert errors["odds_of_harm"]["reached"] == pytest.approx(exp(evidence.log_harm), rel=1e-3)
    assert errors["odds_of_harm"]["needed"] == pytest.approx(100)
    assert errors["odds_of_safety"] == {
        "reached": pytest.approx(exp(evidence.log_safety), rel=1e-3),
        "needed": pytest.approx(20),
    }
    assert errors["minutes_seen"] == evidence.intervals
    assert (floor["guardrail"], floor["live"], floor["verdict"]) == ("at least 90 % good", None, "HEALTHY")
    assert explained["others"] == [{"guardrail": "alarm GpuFaults", "verdict": "HEALTHY", "reason": "its state is OK"}]


def test_what_would_change_an_unsure_verdict_is_told_in_minutes_at_present_traffic(judged: Operator) -> None:
    judged.world.begun("1.4.2", minutes=5)
    judged.world.put(evidence=JointComparison({"errors": ErrorComparison()}).start().observe({"errors": _few()}))
    evidence = judged.world.rollout.evidence.members["errors"]
    assert evidence.verdict is Verdict.UNSURE
    eta = looks_to_verdict(evidence)
    assert eta.if_unchanged
    assert eta.if_at_margin
    assert judged.types("explain") == 0
    assert (
        f"What would change errors: HEALTHY: about {eta.if_unchanged} min more, should it be as good as live; "
        f"UNHEALTHY: about {eta.if_at_margin} min more, should it fail 2 times as often."
    ) in " ".join(judged.out.split())


def _few() -> tuple[Arm, Arm]:
    return Arm(3000, 6), Arm(3000, 6)


def test_several_comparisons_share_their_odds(judged: Operator) -> None:
    rollout = judged.world.begun("1.4.2", minutes=3)
    jury = JointComparison({"errors": ErrorComparison(), "slow": SLOW}).start()
    jury = jury.observe({"errors": _few(), "slow": _few()})
    errors, slow, _ = findings(replace(rollout, evidence=jury))
    assert errors.harm.needed == pytest.approx(200)
    assert errors.to_unhealthy > looks_to_verdict(jury.members["errors"]).if_at_margin
    assert (slow.name, slow.safety.needed) == ("slow", pytest.approx(20))


def test_only_the_guilty_one_of_several_is_unhealthy(judged: Operator) -> None:
    rollout = judged.world.begun("1.4.2", minutes=3)
    jury = JointComparison({"errors": ErrorComparison(), "slow": SLOW}).start()
    for _ in range(20):
        jury = jury.observe({"errors": (Arm(3000, 6), Arm(3000, 60)), "slow": _few()})
    errors, slow, _ = findings(replace(rollout, evidence=jury))
    assert (errors.verdict, errors.would_change) == (Verdict.UNHEALTHY, "nothing: UNHEALTHY is for good")
    assert slow.verdict is not Verdict.UNHEALTHY


def test_odds_beyond_all_numbers_are_told_all_the_same(judged: Operator) -> None:
    rollout = judged.world.begun("bad", minutes=3)
    jury = JointComparison({"errors": ErrorComparison()}).start()
    for _ in range(50):
        jury = jury.observe({"errors": (Arm(10_000, 0), Arm(10_000, 5000))})
    judged.world.put(evidence=jury)
    assert rollout.id == judged.reads("explain")["rollout"]
    assert judged.types("explain") == 0
    assert "> 1000000 of 100" in judged.out


def test_why_a_bad_release_went_back_is_told(judged: Operator) -> None:
    judged.world.begun("bad", minutes=120)
    assert judged.world.rollout.phase is Phase.ROLLED_BACK
    assert judged.types("explain") == 0
    assert "What would change errors: nothing: UNHEALTHY is for good." in judged.out
    assert "Why it went back: errors: candidate" in judged.out


def test_a_rollout_that_has_counted_nothing_says_so(operator: Operator) -> None:
    operator.world.begun("1.4.2")
    assert operator.types("explain") == 0
    assert "Nothing was counted yet." in operator.out


def test_a_hold_is_explained(judged: Operator) -> None:
    judged.world.begun("1.4.2", minutes=3)
    judged.types("pause", "--reason", "lunch")
    judged.world.go_on(1)
    judged.types("explain")
    assert "Paused (OPERATOR) for " in judged.out
    assert ": bluegreen pause: lunch." in judged.out


def test_a_target_without_a_rollout_has_nothing_to_explain(operator: Operator) -> None:
    assert "has had no rollout yet" in operator.is_refused(2, "explain")
    assert "has had no rollout yet" in operator.is_refused(2, "report")


# Report


def test_an_ab_test_is_reported_with_effect_interval_and_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(SPLIT))
    operator.world.begun("1.4.2", minutes=30)
    ab = operator.world.rollout.ab
    assert ab.live.bad > 100
    low, high = ab.interval(0.95)
    assert operator.types("report", TARGET) == 0
    assert f"{ab.live.requests}" in operator.out
    said = " ".join(operator.out.split())
    assert f"The candidate's rate is {ab.effect:.3g} times live's; 95 % interval" in said
    assert f"valid at any time: {low:.3g} to {high:.3g}." in said
    assert operator.out.splitlines()[-1] == f"Verdict after {ab.intervals} min: no difference shown yet"


def test_a_difference_that_is_shown_is_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(SPLIT))
    operator.world.begun("1.4.2", minutes=5)
    ab = AbEvidence()
    for _ in range(30):
        ab = ab.observe(Arm(8000, 400), Arm(2000, 200))
    operator.world.put(ab=ab)
    report = operator.reads("report", "--confidence", "99")
    low, high = ab.interval(0.99)
    assert report["interval"] == {"low": pytest.approx(low, abs=1e-5), "high": pytest.approx(high, abs=1e-5)}
    assert (report["verdict"], report["confidence_percent"]) == ("CANDIDATE_HIGHER", 99.0)
    assert report["effect_ratio"] == pytest.approx(2, rel=0.1)
    assert report["candidate"] == {"side": "green", "requests": 60_000, "events": 6000}


def test_a_test_without_events_has_an_open_interval(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(SPLIT))
    operator.world.begun("1.4.2", minutes=5)
    operator.world.put(ab=AbEvidence())
    report = operator.reads("report")
    assert (report["effect_ratio"], report["interval"]["high"]) == (None, None)
    assert operator.types("report") == 0
    assert "Nothing that is counted has happened on either side yet" in operator.out
    assert "0 to infinity" in operator.out


def test_a_rollout_without_a_split_has_no_report(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    sentence = operator.is_refused(3, "report")
    assert sentence.endswith("its strategy is no Split: see bluegreen explain Serving/Model")


@pytest.mark.parametrize("confidence", ["49", "100", "all"])
def test_a_confidence_that_is_none_is_refused(operator: Operator, confidence: str) -> None:
    operator.is_refused(2, "report", "--confidence", confidence)
