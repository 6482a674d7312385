"""`status`, `watch`, `history` and `explain` of what AWS CodeDeploy deploys, in its own words."""

from datetime import timedelta

import pytest

from bluegreen_constructs.engine.code_deployments import EventSeen, Progress
from bluegreen_constructs.engine.errors import AwsError
from tests.cli.code_deployed import BEGAN, GROUP, TARGET, code_deploy_settings, server_settings
from tests.cli.operated_world import OperatedWorld, Operator

OURS = "release 2.0 (Inference:1): ticket 4711"


def one(operator: Operator) -> dict[str, object]:
    (found,) = operator.reads("status", TARGET)["targets"]
    return found


def test_without_a_deployment_there_is_none_yet(deployed: Operator) -> None:
    assert deployed.types("status") == 0
    assert "no deployment yet" in deployed.out
    found = one(deployed)
    assert (found["controller"], found["rollout"]) == ("codedeploy", None)


@pytest.mark.parametrize("verb", ["watch", "explain"])
def test_what_needs_a_deployment_says_where_there_is_none(deployed: Operator, verb: str) -> None:
    assert deployed.is_refused(2, verb) == (
        f"Serving/Inference has had no deployment: CodeDeploy knows of none in {GROUP} of application Serving-Inference"
    )


def test_a_deployment_on_its_way_has_event_weight_and_step(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress", description=OURS)
    deployed.world.deployer.is_at("AllowTraffic", 10.0)
    found = one(deployed)
    assert (found["rollout"], found["release"], found["phase"]) == ("d-1", "2.0", "SHIFTING")
    assert (found["weight_percent"], found["step"], found["steps"]) == (10.0, 1, 2)
    assert (found["has_ended"], found["verdict"], found["reason"]) == (False, None, OURS)
    assert found["waits_for"] == "AWS CodeDeploy to move the traffic, step by step"
    assert found["codedeploy"]["event"] == "AllowTraffic"
    assert deployed.types("status") == 0
    header, row = deployed.out.splitlines()[:2]
    assert header.split() == ["target", "release", "phase", "weight", "step", "verdict", "for"]
    assert row.split()[:9] == [TARGET, "2.0", "AllowTraffic", "10", "%", "1", "of", "2", "alarms"]


def test_its_json_has_the_keys_of_every_other_controller(deployed: Operator, operator: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress")
    operator.world.begun()
    (theirs,) = operator.reads("status")["targets"]
    assert set(theirs) == set(one(deployed)) - {"codedeploy"}


@pytest.mark.parametrize(
    ("event", "phase", "said"),
    [
        ("Install", "PREPARING", "the candidate's tasks to be healthy"),
        (
            "AfterAllowTestTraffic",
            "TESTING",
            "the tests of the candidate: function Serving-Smoke answers within an hour, or it goes back",
        ),
        ("AfterAllowTraffic", "SHIFTING", "what is asked after all traffic has moved"),
    ],
)
def test_each_event_says_what_it_waits_for(deployed: Operator, event: str, phase: str, said: str) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress")
    deployed.world.deployer.is_at(event)
    assert (one(deployed)["phase"], one(deployed)["waits_for"]) == (phase, said)


def test_one_that_has_not_begun_waits_for_codedeploy(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "Created")
    assert one(deployed)["waits_for"] == "AWS CodeDeploy to begin it"


def test_one_that_is_ready_waits_for_an_answer_and_says_until_when(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "Ready", approval=timedelta(hours=2))
    deployed.world.deployer.is_at("BeforeAllowTraffic")
    found = one(deployed)
    assert found["waits_for"] == (
        "bluegreen promote Serving/Inference to go on, or bluegreen abort Serving/Inference to go back; without an "
        "answer until about 2026-01-05T10:55:00Z it stops, and live keeps all traffic"
    )
    assert found["hold"]["until"] == found["codedeploy"]["waits_until"] == "2026-01-05T10:55:00Z"
    assert deployed.types("status") == 0
    assert "is paused (APPROVAL): the candidate is ready, and CodeDeploy waits to be continued" in deployed.out


def test_while_the_former_tasks_are_kept_it_bakes(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress", keeps_now=True)
    deployed.world.deployer.is_at("AfterAllowTraffic", 100.0)
    found = one(deployed)
    assert (found["phase"], found["weight_percent"]) == ("BAKING", 100.0)
    assert found["waits_for"] == (
        "live's former tasks to be kept for 10 min until about 2026-01-05T09:05:00Z; until then going back is one call"
    )
    assert deployed.types("status") == 0
    assert "TerminationWait" in deployed.out


def test_a_success_is_promoted(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1)
    found = one(deployed)
    assert (found["phase"], found["has_ended"], found["why_back"]) == ("PROMOTED", True, None)
    assert deployed.types("watch") == 0


def test_one_that_codedeploy_takes_back_says_why_and_by_what(deployed: Operator) -> None:
    deployer = deployed.world.deployer
    deployer.brought("d-1", 1, "Stopped", error="One or more alarms have been activated.", error_code="ALARM_ACTIVE")
    deployer.goes_back()
    found = one(deployed)
    assert (found["rollout"], found["phase"], found["weight_percent"]) == ("d-1", "ROLLING_BACK", None)
    assert found["why_back"] == (
        "One or more alarms have been activated (ALARM_ACTIVE); Deployment d-BACK takes it back"
    )
    assert found["waits_for"] == "AWS CodeDeploy to give live all traffic again (deployment d-BACK)"
    assert found["codedeploy"]["rollback"] == "d-BACK"
    deployer.becomes(status="Succeeded")
    assert (one(deployed)["phase"], one(deployed)["has_ended"]) == ("ROLLED_BACK", True)
    assert deployed.types("watch") == 1


def test_what_an_event_failed_with_is_a_reason(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "Failed", error="The overall deployment failed.", error_code="HOOK")
    events = (EventSeen("AfterAllowTestTraffic", "Failed", BEGAN, "the answer was 500"),)
    deployed.world.deployer.far["d-1"] = Progress(events)
    assert one(deployed)["why_back"] == (
        "AfterAllowTestTraffic: the answer was 500; The overall deployment failed (HOOK)"
    )
    assert one(deployed)["phase"] == "Failed"


def test_a_rollback_whose_cause_is_forgotten_is_shown_by_itself(deployed: Operator) -> None:
    own = {"creator": "codeDeployRollback", "rolls_back": "d-GONE", "description": "Automatically rolled back."}
    deployed.world.deployer.brought("d-2", 1, **own)
    found = one(deployed)
    assert (found["rollout"], found["phase"]) == ("d-2", "ROLLED_BACK")
    assert deployed.types("watch") == 1


def test_how_far_it_is_may_be_unknown_and_the_rest_is_shown(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress", description=OURS)
    deployed.world.deployer.fails["BatchGetDeploymentTargets"] = AwsError("Rate exceeded")
    assert deployed.types("status") == 0
    assert "how far it is cannot be read: rate exceeded" in deployed.out
    assert "InProgress" in deployed.out


def test_a_release_of_a_pipeline_is_called_by_its_image_and_content(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress", description="by CodePipeline")
    assert one(deployed)["release"].startswith("1.0.")


def test_an_appspec_that_is_left_out_is_found_by_its_digest(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress", task_definition="", revision="cafe")
    deployed.world.deployer.app_specs["cafe"] = '{"TaskDefinition": "arn:aws:ecs:x:1:task-definition/Inference:1"}'
    assert one(deployed)["codedeploy"]["task_definition"] == "arn:aws:ecs:x:1:task-definition/Inference:1"


def test_a_deleted_task_definition_goes_by_its_name(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 9)
    assert one(deployed)["release"] == "Inference:9"


def test_watching_ends_with_the_end_of_what_takes_it_back(deployed: Operator) -> None:
    deployer = deployed.world.deployer
    deployer.brought("d-1", 1, "InProgress", description=OURS)
    deployer.is_at("AllowTraffic", 10.0)
    deployed.world.on_wait = [
        lambda: deployer.becomes(
            status="Stopped", error="Alarm.", error_code="ALARM_ACTIVE", finished_at=deployed.world.now()
        ),
        deployer.goes_back,
        lambda: deployer.becomes(status="Succeeded"),
    ]
    assert deployed.types("watch") == 1
    assert deployed.out == (
        "deployment d-1: Stopped, rollback Succeeded, went back: Alarm (ALARM_ACTIVE); "
        "Deployment d-BACK takes it back\n"
    )
    assert "AllowTraffic 10 %, step 1 of 2" in deployed.err
    assert "Stopped, rollback InProgress, goes back" in deployed.err


def test_watching_does_not_wait_for_ever_for_what_would_take_it_back(deployed: Operator) -> None:
    deployer = deployed.world.deployer
    deployer.brought("d-1", 1, "InProgress")
    deployed.world.on_wait = [lambda: deployer.becomes(status="Stopped", finished_at=deployed.world.now())]
    assert deployed.types("watch") == 1
    assert deployed.out == "deployment d-1: Stopped, went back: Stopped\n"
    assert 30 <= deployed.world.waited <= 40


def test_how_one_ended_long_ago_is_told_at_once(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "Stopped")
    assert deployed.types("watch") == 1
    assert deployed.world.waited == 0


def test_watching_to_success_ends_well(deployed: Operator) -> None:
    deployer = deployed.world.deployer
    deployer.brought("d-1", 1, "InProgress")
    deployed.world.on_wait = [lambda: deployer.becomes(status="Succeeded")]
    assert deployed.types("watch") == 0
    assert deployed.out == "deployment d-1: Succeeded\n"


def test_history_has_every_deployment_the_newest_first(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, description=OURS)
    deployed.world.deployer.brought("d-2", 1, "Stopped", error="Alarm.", error_code="ALARM_ACTIVE")
    deployed.world.deployer.goes_back("d-3", "Succeeded")
    items = deployed.reads("history")["items"]
    assert [item["rollout"] for item in items] == ["d-3", "d-2", "d-1"]
    assert [item["event"] for item in items] == ["Succeeded", "Stopped", "Succeeded"]
    assert (items[2]["release"], items[2]["reason"], items[0]["caller"]) == ("2.0", OURS, "codeDeployRollback")
    assert items[1]["reason"] == "ALARM_ACTIVE: Alarm; Deployment d-3 takes it back"
    assert (items[1]["evidence"]["rollback"], items[0]["evidence"]["rolls_back"]) == ("d-3", "d-2")
    assert deployed.types("history") == 0
    assert "Inference:1" in deployed.out


def test_explain_says_that_alarms_judge_alone_and_what_goes_back(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress", description=OURS)
    deployed.world.deployer.is_at("AllowTraffic", 10.0)
    assert deployed.types("explain") == 0
    assert deployed.out.endswith(
        "Nothing compares the sides: CloudWatch alarms judge alone (Errors).\n"
        "AWS CodeDeploy goes back by itself on DEPLOYMENT_FAILURE, DEPLOYMENT_STOP_ON_ALARM,\n"
        "DEPLOYMENT_STOP_ON_REQUEST.\n"
        "It asks Serving-Smoke at AfterAllowTestTraffic.\n"
        "It waits for AWS CodeDeploy to move the traffic, step by step.\n"
    )
    said = deployed.reads("explain")
    assert (said["comparisons"], said["deadline"], len(said["judges"])) == ([], None, 3)


def test_a_deployment_that_nothing_takes_back_says_so(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress", goes_back_on=())
    assert deployed.types("explain") == 0
    assert "Nothing makes it go back by itself." in deployed.out


def test_a_target_on_instances_is_shown_without_events(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(server_settings()))
    operator.world.deployer.brought(
        "d-1", 1, "InProgress", task_definition="", revision="s3://releases/inference/7.zip"
    )
    found = one(operator)
    assert (found["release"], found["phase"], found["weight_percent"]) == ("7", "PREPARING", None)
    assert "BatchGetDeploymentTargets" not in operator.world.deployer.calls


def test_settings_without_an_application_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(code_deploy_settings(codedeploy=None)))
    assert operator.is_refused(2, "status", TARGET) == (
        "the settings of Serving/Inference name no application of CodeDeploy: deploy its stack again"
    )
