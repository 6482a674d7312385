"""`bluegreen status` and `watch` show what Amazon ECS rolls out as ECS sees it, beside what the engine rolls out."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bluegreen_constructs.cli.interruption import Interrupted
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.guardrails import Assessment
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.model import Verdict
from bluegreen_constructs.engine.rollout import Hold, HoldKind
from bluegreen_constructs.engine.service_deployments import WaitingHook
from tests.cli.deployed_services import BEGAN, ECS_TARGET, HOOK, ecs_settings, judging
from tests.cli.operated_world import OperatedWorld, Operator, settings_of

SHIFTING = {"status": "IN_PROGRESS", "stage": "PRODUCTION_TRAFFIC_SHIFT", "weight": 10.0}
AT_THE_JUDGE = {"status": "IN_PROGRESS", "stage": "PRE_PRODUCTION_TRAFFIC_SHIFT", "weight": 10.0}
UNSURE = (Assessment("errors", Verdict.UNSURE, "too few requests"),)


def hold(until: timedelta = timedelta(hours=3)) -> Hold:
    return Hold(HoldKind.UNSURE, "too few requests", BEGAN, BEGAN + until)


# Status


def test_targets_of_the_engine_and_of_ecs_are_lines_of_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    alarms = ecs_settings(target="Serving/Other", is_judged=False)
    operator = Operator(capsys, OperatedWorld(settings_of(), ecs_settings(), alarms))
    operator.world.begun("1.4.2", minutes=3)
    begun = operator.world.services.brought("abc", "2.0.11112222", **SHIFTING)
    operator.world.judged(judging(ecs_settings(), begun, "2.0.11112222", said=UNSURE))
    assert operator.types("status") == 0
    heading, inference, model, other = (line.split() for line in operator.out.splitlines())
    assert heading == ["target", "release", "phase", "weight", "step", "verdict", "for"]
    ecs = ["2.0.11112222", "PRODUCTION_TRAFFIC_SHIFT", "10", "%", "1", "of", "2"]
    assert inference == ["Serving/Inference", *ecs, "UNSURE", "13", "min"]
    assert model[:6] == ["Serving/Model", "1.4.2", "SHIFTING", "10", "%", "1"]
    assert other == ["Serving/Other", *ecs, "alarms", "13", "min"]


def test_json_has_one_shape_whoever_moves_the_traffic(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(settings_of(), ecs_settings()))
    operator.world.begun("1.4.2", minutes=3)
    operator.world.services.brought("abc", "2.0.11112222", **SHIFTING)
    ecs, engine = operator.reads("status")["targets"]
    assert list(ecs) == list(engine)
    assert [type(value) for value in engine["hold"] or ()] == [type(value) for value in ecs["hold"] or ()]
    assert (engine["controller"], engine["ecs"], ecs["controller"]) == ("engine", None, "ecs")
    assert (ecs["phase"], ecs["step"], ecs["steps"], ecs["weight_percent"]) == ("SHIFTING", 1, 2, 10.0)
    assert (ecs["ecs"]["status"], ecs["ecs"]["stage"]) == ("IN_PROGRESS", "PRODUCTION_TRAFFIC_SHIFT")
    assert ecs["execution"].endswith("service-deployment/serving/inference/abc")
    assert ecs["rule"] == ecs_settings().rule_arn


def test_a_service_without_a_deployment_has_a_line_and_nothing_else(ecs: Operator) -> None:
    assert ecs.types("status") == 0
    assert ecs.out.splitlines()[1].split() == ["Serving/Inference", "-", "no", "deployment", "yet", *"----"]
    (status,) = ecs.reads("status")["targets"]
    assert (status["rollout"], status["controller"]) == (None, "ecs")


def test_a_judged_deployment_is_two_calls_and_one_read_of_the_table(ecs: Operator) -> None:
    begun = ecs.world.services.brought("abc", "2.0.11112222", **SHIFTING)
    ecs.world.judged(judging(ecs_settings(), begun, "2.0.11112222"))
    ecs.types("status")
    assert ecs.world.services.calls == ["ListServiceDeployments", "DescribeServiceDeployments"]


def test_what_the_table_holds_of_another_deployment_is_not_shown(ecs: Operator) -> None:
    former = ecs.world.services.brought("abc", "1.9.99999999")
    ecs.world.judged(judging(ecs_settings(), former, "1.9.99999999", said=UNSURE))
    ecs.world.services.brought("def", "2.0.11112222", **SHIFTING)
    (status,) = ecs.reads("status")["targets"]
    assert (status["release"], status["verdict"]) == ("2.0.11112222", None)


def test_a_table_that_does_not_answer_hides_the_verdict_only(ecs: Operator) -> None:
    ecs.world.services.brought("abc", "2.0.11112222", **SHIFTING)
    ecs.world.store.is_down = True
    assert ecs.types("status") == 0
    assert "2.0.11112222" in ecs.out
    assert "the judge's table cannot be read, so its verdict is not known: the table does not answer" in ecs.out


def test_a_service_that_is_gone_hides_no_other_target_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(settings_of(), ecs_settings()))
    operator.world.begun("1.4.2", minutes=3)
    operator.world.services.fails["ListServiceDeployments"] = AwsError("Cluster not found.")
    assert operator.types("status") == 1
    _, gone, model, *more = operator.out.splitlines()
    assert gone.split() == ["Serving/Inference", "-", "not", "readable", *"----"]
    assert model.split()[:3] == ["Serving/Model", "1.4.2", "SHIFTING"]
    assert more == ["", "Serving/Inference: cluster not found"]
    assert operator.err == ""
    assert operator.types("status", "--format", "json") == 1
    gone, model = json.loads(operator.out)["targets"]
    assert gone == {"target": "Serving/Inference", "error": "cluster not found"}
    assert model["phase"] == "SHIFTING"


def test_the_one_that_is_asked_for_and_is_gone_ends_with_its_sentence(ecs: Operator) -> None:
    ecs.world.services.fails["ListServiceDeployments"] = AwsError("Cluster not found.")
    assert ecs.types("status", "Serving/Inference") == 1
    assert (ecs.out, ecs.err) == ("", "bluegreen: Cluster not found.\n")


def test_a_release_whose_task_definition_is_deleted_goes_by_its_revision(unjudged: Operator) -> None:
    unjudged.world.services.brought("abc", "2.0.11112222", **SHIFTING)
    unjudged.world.services.fails["DescribeTaskDefinition"] = AwsError("Unable to describe task definition.")
    (status,) = unjudged.reads("status")["targets"]
    assert status["release"] == "rev-abc"


@pytest.mark.parametrize(
    ("at_timeout", "then"), [("ROLLBACK", "it goes back"), ("CONTINUE", "it goes on")], ids=["back", "on"]
)
def test_a_pause_hook_says_what_answers_it_and_what_happens_without_an_answer(
    ecs: Operator, at_timeout: str, then: str
) -> None:
    hook = replace(HOOK, at_timeout=at_timeout)
    ecs.world.services.brought("abc", "2.0", "IN_PROGRESS", stage="POST_TEST_TRAFFIC_SHIFT", waiting=(hook,))
    assert ecs.types("status") == 0
    said = " ".join(ecs.out.split())
    assert "POST_TEST_TRAFFIC_SHIFT, paused" in said
    assert "paused (APPROVAL): pause hook ecs-pause-owner waits at POST_TEST_TRAFFIC_SHIFT" in said
    assert "It waits for bluegreen promote Serving/Inference to go on, or bluegreen abort Serving/Inference" in said
    assert f"without an answer until 2026-01-05T09:50:00Z {then}" in said
    (status,) = ecs.reads("status")["targets"]
    assert status["hold"] == {
        "kind": "APPROVAL",
        "reason": "pause hook ecs-pause-owner waits at POST_TEST_TRAFFIC_SHIFT",
        "since": None,
        "until": "2026-01-05T09:50:00Z",
    }
    assert status["ecs"]["waiting_hooks"] == ["ecs-pause-owner"]


def test_of_several_pause_hooks_the_first_end_is_told(ecs: Operator) -> None:
    later = WaitingHook("ecs-pause-legal", BEGAN + timedelta(hours=2), "CONTINUE")
    endless = WaitingHook("ecs-pause-any", None, "ROLLBACK")
    waiting = (later, endless, HOOK)
    ecs.world.services.brought("abc", "2.0", "IN_PROGRESS", stage="POST_TEST_TRAFFIC_SHIFT", waiting=waiting)
    (status,) = ecs.reads("status")["targets"]
    assert status["waits_for"].endswith("without an answer until 2026-01-05T09:50:00Z it goes back")
    assert "pause hooks ecs-pause-legal, ecs-pause-any, ecs-pause-owner wait at" in status["hold"]["reason"]


def test_the_judges_hold_is_a_pause(ecs: Operator) -> None:
    begun = ecs.world.services.brought("abc", "2.0", **AT_THE_JUDGE)
    ecs.world.judged(
        judging(ecs_settings(), begun, "2.0", phase=Phase.SHIFTING, hook_since=BEGAN, hold=hold(), said=UNSURE)
    )
    assert ecs.types("status") == 0
    assert "Serving/Inference is paused (UNSURE) for 10 min: too few requests" in ecs.out
    assert "It waits for bluegreen promote Serving/Inference to go on" in ecs.out
    (status,) = ecs.reads("status")["targets"]
    assert (status["hold"]["kind"], status["verdict"]) == ("UNSURE", "UNSURE")


def test_a_judge_that_is_asked_says_until_when(ecs: Operator) -> None:
    begun = ecs.world.services.brought("abc", "2.0", **AT_THE_JUDGE)
    ecs.world.judged(judging(ecs_settings(), begun, "2.0", phase=Phase.SHIFTING, hook_since=BEGAN, said=UNSURE))
    (status,) = ecs.reads("status")["targets"]
    assert status["waits_for"] == (
        "HEALTHY, or bluegreen promote Serving/Inference without it, until 2026-01-06T07:50:00Z; then it goes back"
    )
    assert status["hold"] is None


def test_a_verdict_that_ecs_has_not_heard_yet_is_a_way_back(ecs: Operator) -> None:
    begun = ecs.world.services.brought("abc", "2.0", **SHIFTING)
    bad = {"phase": Phase.ROLLING_BACK, "why_back": "errors: UNHEALTHY, 20 of 100 fail", "is_bad": True}
    ecs.world.judged(judging(ecs_settings(), begun, "2.0", **bad))
    assert ecs.types("status") == 0
    assert "Serving/Inference is going back: errors: UNHEALTHY, 20 of 100 fail" in ecs.out
    (status,) = ecs.reads("status")["targets"]
    assert (status["phase"], status["ecs"]["status"]) == ("ROLLING_BACK", "IN_PROGRESS")
    assert "on its way back (errors: UNHEALTHY" in ecs.is_refused(3, "promote")


def test_a_hold_of_a_deployment_that_goes_back_is_none(ecs: Operator) -> None:
    begun = ecs.world.services.brought("abc", "2.0", "ROLLBACK_IN_PROGRESS", reason="Rollback was requested.")
    ecs.world.judged(judging(ecs_settings(), begun, "2.0", phase=Phase.SHIFTING, hook_since=BEGAN, hold=hold()))
    assert ecs.types("status") == 0
    assert "paused" not in ecs.out
    assert "Serving/Inference is going back: Rollback was requested" in ecs.out


@pytest.mark.parametrize(
    ("at", "phase", "waits_for"),
    [
        ({"status": "PENDING"}, "PREPARING", "Amazon ECS to begin it"),
        ({"stage": "RECONCILE_SERVICE"}, "PREPARING", "Amazon ECS to bring the service to one revision first"),
        ({"stage": "PRE_SCALE_UP"}, "PREPARING", "the hooks before the candidate's tasks are started"),
        ({"stage": "SCALE_UP"}, "PREPARING", "the candidate's tasks to be healthy"),
        ({"stage": "POST_SCALE_UP"}, "PREPARING", "the hooks after the candidate's tasks have been started"),
        ({"stage": "TEST_TRAFFIC_SHIFT"}, "TESTING", "the test rule to lead to the candidate"),
        ({"stage": "POST_TEST_TRAFFIC_SHIFT"}, "TESTING", "the hooks that test the candidate"),
        ({"stage": "PRE_PRODUCTION_TRAFFIC_SHIFT", "weight": 0.0}, "SHIFTING", "the hooks before traffic moves"),
        (SHIFTING, "SHIFTING", "Amazon ECS to move this step's traffic, and for the step's bake of 5 min"),
        (
            {**SHIFTING, "weight": 100.0},
            "SHIFTING",
            "Amazon ECS to move this step's traffic, and for the step's bake",
        ),
        ({"stage": "POST_PRODUCTION_TRAFFIC_SHIFT"}, "SHIFTING", "the hooks after all traffic has moved"),
        ({"stage": "BAKE_TIME"}, "BAKING", "the bake of 10 min to end; until then going back is one call"),
        ({"stage": "CLEAN_UP"}, "PROMOTED", "Amazon ECS to end live's former tasks; it is too late to abort"),
        ({"stage": "NEW_STAGE"}, "PREPARING", "Amazon ECS, which is at NEW_STAGE"),
        ({"status": "STOP_REQUESTED"}, "PREPARING", "Amazon ECS to begin it"),
        (
            {"status": "ROLLBACK_IN_PROGRESS", "stage": "SCALE_UP"},
            "ROLLING_BACK",
            "Amazon ECS to give live all traffic again",
        ),
        ({"status": "SUCCESSFUL"}, "PROMOTED", "nothing"),
        ({"status": "ROLLBACK_SUCCESSFUL"}, "ROLLED_BACK", "nothing"),
        ({"status": "ROLLBACK_FAILED"}, "ROLLBACK_FAILED", "nothing"),
        ({"status": "STOPPED"}, "STOPPED", "nothing"),
    ],
)
def test_every_stage_and_every_end_is_named(ecs: Operator, at: dict[str, object], phase: str, waits_for: str) -> None:
    ecs.world.services.brought("abc", "2.0", **{"status": "IN_PROGRESS", **at})
    (status,) = ecs.reads("status", ECS_TARGET)["targets"]
    assert (status["phase"], status["waits_for"]) == (phase, waits_for)
    assert ecs.types("status", ECS_TARGET) == 0
    assert ecs.out.splitlines()[-1] == f"It waits for {waits_for}"


def test_why_it_went_back_names_the_alarms_that_went_off(unjudged: Operator) -> None:
    unjudged.world.services.brought(
        *("abc", "2.0", "ROLLBACK_SUCCESSFUL"),
        reason="Service deployment rolled back because of alarms.",
        triggered=("Errors", "Latency"),
        alarms_status="TRIGGERED",
    )
    assert unjudged.types("status") == 0
    said = " ".join(unjudged.out.split())
    reason = "Service deployment rolled back because of alarms; alarms that went off: Errors, Latency"
    assert f"Serving/Inference went back: {reason}" in said
    (status,) = unjudged.reads("status")["targets"]
    assert (status["why_back"], status["ecs"]["alarms_triggered"]) == (reason, ["Errors", "Latency"])


def test_the_judges_reason_stands_for_ecss(ecs: Operator) -> None:
    begun = ecs.world.services.brought("abc", "2.0", "ROLLBACK_IN_PROGRESS", reason="A lifecycle hook failed.")
    ecs.world.judged(judging(ecs_settings(), begun, "2.0", why_back="errors: UNHEALTHY, 20 of 100 fail"))
    (status,) = ecs.reads("status")["targets"]
    assert status["why_back"] == "errors: UNHEALTHY, 20 of 100 fail"


@pytest.mark.parametrize(("status", "is_said"), [("IN_PROGRESS", True), ("SUCCESSFUL", False)])
def test_alarms_that_ecs_ignores_are_said_while_it_matters(unjudged: Operator, status: str, is_said: bool) -> None:
    unjudged.world.services.brought("abc", "2.0", status, alarms_status="DISABLED")
    assert unjudged.types("status") == 0
    assert ("Amazon ECS ignores alarms during this deployment (DISABLED)" in unjudged.out) is is_said


def test_ecs_that_does_not_answer_is_one_sentence(unjudged: Operator) -> None:
    unjudged.world.services.fails["ListServiceDeployments"] = AwsError("ServiceUnavailable")
    assert unjudged.is_refused(1, "status") == "ServiceUnavailable"


# Watch


def stages(operator: Operator, *changes: dict[str, object]) -> None:
    """What becomes of the deployment with every look."""
    operator.world.on_wait = [lambda change=change: operator.world.services.becomes(**change) for change in changes]


def test_watching_ends_with_0_when_ecs_has_succeeded(unjudged: Operator) -> None:
    unjudged.world.services.brought("abc", "2.0", **SHIFTING)
    stages(unjudged, {}, {"weight": 50.0}, {"weight": 100.0, "stage": "BAKE_TIME"}, {"status": "SUCCESSFUL"})
    assert unjudged.types("watch") == 0
    assert unjudged.out == "deployment abc: SUCCESSFUL 100 %\n"
    lines = [line.partition(" s  ")[2].strip() for line in unjudged.err.splitlines()]
    assert lines == [
        "PRODUCTION_TRAFFIC_SHIFT 10 %, step 1 of 2",  # what does not change is not said again
        "PRODUCTION_TRAFFIC_SHIFT 50 %, step 2 of 2",
        "BAKE_TIME 100 %",
        "SUCCESSFUL 100 %",
    ]


def test_watching_ends_with_1_and_the_reason_when_it_went_back(ecs: Operator) -> None:
    ecs.world.services.brought("abc", "2.0", **SHIFTING)
    back = {"status": "ROLLBACK_IN_PROGRESS", "reason": "An alarm went off."}
    stages(ecs, back, {"status": "ROLLBACK_SUCCESSFUL", "weight": 0.0})
    assert ecs.types("watch") == 1
    assert ecs.out == "deployment abc: ROLLBACK_SUCCESSFUL 0 %, went back: An alarm went off\n"
    assert "ROLLBACK_IN_PROGRESS 10 %, goes back: An alarm went off" in ecs.err


def test_watching_shows_the_judges_verdict_and_its_hold(ecs: Operator) -> None:
    begun = ecs.world.services.brought("abc", "2.0", **AT_THE_JUDGE)
    ecs.world.judged(
        judging(ecs_settings(), begun, "2.0", phase=Phase.SHIFTING, hook_since=BEGAN, said=UNSURE, hold=hold())
    )
    stages(ecs, {"status": "SUCCESSFUL"})
    ecs.types("watch")
    expected = "PRE_PRODUCTION_TRAFFIC_SHIFT 10 %, step 1 of 2, UNSURE, paused (UNSURE): too few requests"
    assert expected in ecs.err


def test_the_end_of_the_last_deployment_is_told_when_nothing_is_in_flight(ecs: Operator) -> None:
    ecs.world.services.brought("abc", "2.0")
    assert ecs.reads("watch")["phase"] == "PROMOTED"
    assert ecs.world.waited == 0


def test_a_service_without_a_deployment_has_nothing_to_watch(ecs: Operator) -> None:
    assert ecs.is_refused(2, "watch") == (
        "Serving/Inference has had no deployment in the last 90 days: Amazon ECS knows of none of service inference in "
        "cluster serving"
    )


def test_the_timeout_ends_the_watching_of_a_deployment_and_leaves_it_alone(ecs: Operator) -> None:
    ecs.world.services.brought("abc", "2.0", **SHIFTING)
    assert ecs.types("watch", "--timeout", "2") == 1
    assert ecs.err.splitlines()[-1] == (
        "bluegreen: deployment abc is still PRODUCTION_TRAFFIC_SHIFT after 2 min: it goes on; watch it again with "
        "bluegreen watch Serving/Inference"
    )
    assert "StopServiceDeployment" not in ecs.world.services.calls


def test_ecs_that_fails_for_a_minute_ends_the_watching(ecs: Operator) -> None:
    ecs.world.services.brought("abc", "2.0", **SHIFTING)
    ecs.world.on_wait = [
        lambda: ecs.world.services.fails.update({"DescribeServiceDeployments": AwsError("Throttling")})
    ]
    assert ecs.types("watch") == 1
    assert (ecs.err.splitlines()[-1], ecs.world.waited) == ("bluegreen: Throttling", 60)


def test_ctrl_c_ends_the_watching_of_a_deployment_only(ecs: Operator) -> None:
    def interrupted() -> None:
        raise Interrupted

    ecs.world.services.brought("abc", "2.0", **SHIFTING)
    ecs.world.on_wait = [interrupted]
    assert ecs.types("watch") == 130
    assert ecs.err.splitlines()[-1] == "bluegreen: interrupted; deployment abc goes on"
