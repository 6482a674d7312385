"""`bluegreen history` and `explain` tell what Amazon ECS did and what the judge saw, and who judges when."""

from datetime import timedelta

import pytest

from bluegreen_constructs.engine.absolute_floor import AbsoluteFloor
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.guardrails import Assessment
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.model import Verdict
from bluegreen_constructs.engine.ports import HistoryItem
from bluegreen_constructs.engine.rollout import Hold, HoldKind
from bluegreen_constructs.engine.target_settings import AlarmName
from tests.cli.deployed_services import BEGAN, ECS_TARGET, ecs_settings, judging
from tests.cli.operated_world import OperatedWorld, Operator, settings_of

COMPARED = {"guardrails": (ErrorComparison(), AbsoluteFloor(90), AlarmName("GpuFaults"))}
ALONE = "In the bake and on the way back CloudWatch alarms judge alone."
SHIFTING = {"status": "IN_PROGRESS", "stage": "PRODUCTION_TRAFFIC_SHIFT", "weight": 10.0}


def judged_for_a_while(operator: Operator, **others: object) -> None:
    """A deployment of which the judge has seen some minutes, as the engine sees those of its own."""
    engine = OperatedWorld(settings_of(**COMPARED))
    engine.first.metrics.alarms["GpuFaults"] = "OK"
    seen = engine.begun("2.0.11112222", minutes=5)
    assert seen.evidence is not None
    begun = operator.world.services.brought("abc", "2.0.11112222", **SHIFTING)
    fields = {"phase": seen.phase, "evidence": seen.evidence, "floors": seen.floors, "said": seen.said, **others}
    operator.world.judged(judging(ecs_settings(**COMPARED), begun, "2.0.11112222", **fields))


def said_by(operator: Operator, *words: str) -> str:
    assert operator.types(*words) == 0, operator.err
    return " ".join(operator.out.split())


# History


def test_ecss_deployments_and_the_judges_words_are_one_history(ecs: Operator) -> None:
    ecs.world.services.brought("d1", "1.9", finished_at=BEGAN + timedelta(minutes=20))
    ecs.world.services.brought("d2", "2.0", "ROLLBACK_SUCCESSFUL", reason="An alarm went off.", weight=0.0)
    ecs.world.services.becomes(created_at=BEGAN + timedelta(minutes=40), finished_at=BEGAN + timedelta(minutes=60))
    at = BEGAN + timedelta(minutes=50)
    ecs.world.store.record(ECS_TARGET, HistoryItem(at, "UNHEALTHY", "d2", "2.0", "Amazon ECS", "20 of 100 fail"))
    assert ecs.types("history") == 0
    heading, *lines = (line.split() for line in ecs.out.splitlines())
    assert heading == ["time", "event", "release", "phase", "weight", "caller", "reason", "task", "definition"]
    assert [line[1] for line in lines] == ["ROLLBACK_SUCCESSFUL", "UNHEALTHY", "SUCCESSFUL"]
    assert lines[0][0] == "2026-01-05T09:50:00Z"
    assert [line[-1] for line in lines] == ["Inference:2", "-", "Inference:1"]


def test_json_of_the_history_has_one_shape(ecs: Operator) -> None:
    ecs.world.services.brought("d1", "1.9", reason="It went well.", triggered=("Errors",))
    ecs.world.store.record(ECS_TARGET, HistoryItem(BEGAN, "STARTED", "d1", "1.9", "Amazon ECS", "begun"))
    first, second = ecs.reads("history")["items"]
    assert list(first) == list(second)
    (deployment,) = (one for one in (first, second) if one["event"] == "SUCCESSFUL")
    assert (deployment["rollout"], deployment["caller"], deployment["reason"]) == ("d1", "Amazon ECS", "It went well.")
    assert deployment["evidence"]["task_definition"].endswith("task-definition/Inference:1")
    assert deployment["evidence"]["revision"].endswith("service-revision/serving/inference/rev-d1")
    assert deployment["evidence"]["alarms_triggered"] == ["Errors"]


def test_without_a_table_ecss_deployments_are_the_history(unjudged: Operator) -> None:
    for deployment in ("d1", "d2", "d3"):
        unjudged.world.services.brought(deployment, "2.0")
    assert [item["rollout"] for item in unjudged.reads("history")["items"]] == ["d3", "d2", "d1"]
    assert [item["rollout"] for item in unjudged.reads("history", "--limit", "2")["items"]] == ["d3", "d2"]


def test_a_release_is_read_once_for_each_revision(unjudged: Operator) -> None:
    first = unjudged.world.services.brought("d1", "1.9")
    unjudged.world.services.brought("d2", "1.9", "IN_PROGRESS", source=first.target, target=first.target)
    unjudged.types("history")
    assert unjudged.world.services.calls.count("DescribeTaskDefinition") == 1


def test_a_service_to_which_nothing_has_happened_says_so(unjudged: Operator) -> None:
    assert said_by(unjudged, "history") == "nothing has happened to Serving/Inference yet"


# Explain


def test_the_judges_evidence_is_explained_as_the_engines(ecs: Operator) -> None:
    judged_for_a_while(ecs)
    said = said_by(ecs, "explain")
    assert "guardrail live bad candidate bad odds of harm of safety verdict" in said
    assert "What would change errors: HEALTHY: about" in said
    assert "alarm GpuFaults: HEALTHY" in said
    assert "It waits for Amazon ECS to move this step's traffic, and for the step's bake of 5 min." in said
    explained = ecs.reads("explain")
    assert explained["comparisons"][0]["guardrail"] == "errors"
    assert (explained["deadline"], explained["judges"][-1]) == (None, ALONE)


@pytest.mark.parametrize("judged", ["ecs", "unjudged"])
def test_that_alarms_judge_alone_in_the_bake_and_on_the_way_back_is_always_said(
    request: pytest.FixtureRequest, judged: str
) -> None:
    operator: Operator = request.getfixturevalue(judged)
    operator.world.services.brought("abc", "2.0", **SHIFTING)
    assert ALONE in said_by(operator, "explain")


def test_of_a_hotfix_only_the_floors_decide(ecs: Operator) -> None:
    judged_for_a_while(ecs, hotfix="the payments are down")
    said = said_by(ecs, "explain")
    assert "It is a hotfix (the payments are down): only the absolute floors decide, in the bake, too." in said
    assert ALONE not in said  # which would be no truth: Amazon ECS ignores them


@pytest.mark.parametrize(
    ("guardrails", "alarms"), [((AlarmName("Errors"), AlarmName("Latency")), " (Errors, Latency)"), ((), "")]
)
def test_without_a_judge_the_alarms_are_named(
    capsys: pytest.CaptureFixture[str], guardrails: tuple[AlarmName, ...], alarms: str
) -> None:
    operator = Operator(capsys, OperatedWorld(ecs_settings(is_judged=False, guardrails=guardrails)))
    operator.world.services.brought("abc", "2.0", **SHIFTING)
    said = said_by(operator, "explain")
    assert f"Nothing compares the sides: CloudWatch alarms judge alone{alarms}." in said
    assert "Amazon ECS's watch of the alarms is MONITORING; went off: none." in said
    assert "Nothing was counted" not in said


def test_the_alarms_that_went_off_are_named(unjudged: Operator) -> None:
    unjudged.world.services.brought("abc", "2.0", **SHIFTING, alarms_status="TRIGGERED", triggered=("Errors", "Slow"))
    assert "Amazon ECS's watch of the alarms is TRIGGERED; went off: Errors, Slow." in said_by(unjudged, "explain")


def test_alarms_that_ecs_ignores_because_one_was_red_are_said_to_be(unjudged: Operator) -> None:
    unjudged.world.services.brought("abc", "2.0", **SHIFTING, alarms_status="DISABLED")
    said = said_by(unjudged, "explain")
    assert (
        "Amazon ECS ignores alarms during this deployment (DISABLED), as one was red when it began, or none is set."
    ) in said
    assert said.count("ignores alarms") == 1
    assert "watch of the alarms" not in said


def test_a_deployment_that_waits_says_for_what_and_until_when(ecs: Operator) -> None:
    hold = Hold(HoldKind.UNSURE, "too few requests", BEGAN, BEGAN + timedelta(hours=3))
    said = (Assessment("errors", Verdict.UNSURE, "too few requests"),)
    judged_for_a_while(ecs, phase=Phase.SHIFTING, hook_since=BEGAN, hold=hold, said=said)
    explained = said_by(ecs, "explain")
    assert "Paused (UNSURE) for 10 min: too few requests." in explained
    assert "without an answer until 2026-01-05T11:50:00Z it goes back." in explained


def test_a_deployment_that_went_back_says_why(ecs: Operator) -> None:
    ecs.world.services.brought("abc", "2.0", "ROLLBACK_SUCCESSFUL", reason="An alarm went off.")
    said = said_by(ecs, "explain")
    assert "Nothing was counted. " in said
    assert "Why it went back: An alarm went off. It waits for nothing." in said


def test_a_deployment_that_the_judge_refused_says_why_and_not_only_that_a_hook_failed(ecs: Operator) -> None:
    ecs.world.services.brought("d1", "1.9")
    ecs.world.services.brought("d2", "2.0", "ROLLBACK_SUCCESSFUL", reason="a lifecycle hook failed", weight=0.0)
    for rollout, why in (("d1", "of an earlier one"), ("d2", "release 2.0 was rejected")):
        ecs.world.store.record(ECS_TARGET, HistoryItem(BEGAN, "REFUSED", rollout, "2.0", "Amazon ECS", why))
    assert "Why it went back: release 2.0 was rejected." in said_by(ecs, "explain")


def test_a_table_that_does_not_answer_leaves_the_rest_explained(ecs: Operator) -> None:
    judged_for_a_while(ecs)
    ecs.world.store.is_down = True
    said = said_by(ecs, "explain")
    assert "The judge's table cannot be read, so its verdict is not known: the table does not answer" in said
    assert "Nothing was counted" not in said


def test_a_service_without_a_deployment_has_nothing_to_explain(ecs: Operator) -> None:
    assert "has had no deployment in the last 90 days" in ecs.is_refused(2, "explain")


def test_ecs_that_does_not_answer_is_one_sentence_of_explain(ecs: Operator) -> None:
    ecs.world.services.fails["DescribeServiceDeployments"] = AwsError("ServiceUnavailable")
    assert ecs.is_refused(1, "explain") == "ServiceUnavailable"


def test_the_engines_explanation_has_the_same_keys(ecs: Operator, operator: Operator) -> None:
    judged_for_a_while(ecs)
    operator.world.begun("1.4.2", minutes=3)
    assert list(operator.reads("explain")) == list(ecs.reads("explain"))
