"""Deployments that AWS CodeDeploy makes: read as it says them, stopped, continued; in shapes checked by its model."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import botocore.session
import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.code_deployments import IAM_ACTIONS, AwsCodeDeployments
from bluegreen_constructs.engine.code_deployments import (
    IN_FLIGHT,
    DeploymentHeldError,
    DeploymentOverError,
    NotWaitingError,
    Progress,
    StoredArchive,
)
from bluegreen_constructs.engine.errors import AwsError

BEGAN = datetime(2026, 11, 21, 12, tzinfo=UTC)
ARN = "arn:aws:ecs:eu-west-1:123456789012:task-definition/Inference:7"
GROUP = {"applicationName": "App", "deploymentGroupName": "Group"}
SPEC = f"Resources:\n  - TargetService:\n      Properties:\n        TaskDefinition: {ARN}\n"


@pytest.fixture
def codedeploy() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("codedeploy")
    yield stubbed
    assert set(stubbed.actions) <= set(IAM_ACTIONS)
    stubbed.done()


@pytest.fixture
def deployments(codedeploy: StubbedClient) -> AwsCodeDeployments:
    return AwsCodeDeployments(codedeploy.client, (BotoCoreError,))


def info(id: str = "d-1", minute: int = 0, **more: object) -> dict:
    """As GetDeployment describes a deployment to Amazon ECS under way."""
    return {
        "applicationName": "App",
        "deploymentGroupName": "Group",
        "deploymentConfigName": "CodeDeployDefault.ECSCanary10Percent5Minutes",
        "deploymentId": id,
        "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "cafe"}},
        "status": "InProgress",
        "createTime": BEGAN + timedelta(minutes=minute),
        "startTime": BEGAN + timedelta(minutes=minute),
        "deploymentOverview": {"Pending": 0, "InProgress": 1, "Succeeded": 0, "Failed": 0, "Skipped": 0, "Ready": 0},
        "description": "release 2.0 (Inference:7)",
        "creator": "user",
        "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]},
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "instanceTerminationWaitTimeStarted": False,
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 15},
            "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0},
        },
        "computePlatform": "ECS",
        **more,
    }


class TestDeployment:
    def test_it_is_read_in_the_words_of_codedeploy(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        codedeploy.answers("get_deployment", {"deploymentInfo": info()}, {"deploymentId": "d-1"})
        seen = deployments.deployment("d-1")
        assert (seen.id, seen.status, seen.creator, seen.is_in_flight) == ("d-1", "InProgress", "user", True)
        assert (seen.created_at, seen.finished_at) == (BEGAN, None)
        assert (seen.task_definition, seen.revision) == ("", "cafe")
        assert (seen.approval, seen.keeps, seen.keeps_now) == (None, timedelta(minutes=15), False)
        assert seen.goes_back_on == ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM")
        assert (seen.error, seen.rolled_back_by, seen.is_rollback) == ("", "", False)
        assert seen.group == "Group"

    @pytest.mark.parametrize(
        "revision",
        [
            {"revisionType": "AppSpecContent", "appSpecContent": {"content": SPEC, "sha256": "cafe"}},
            {"revisionType": "String", "string": {"content": f'{{"TaskDefinition":"{ARN}"}}'}},
        ],
    )
    def test_an_appspec_that_is_answered_names_its_task_definition(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments, revision: dict
    ) -> None:
        codedeploy.answers("get_deployment", {"deploymentInfo": info(revision=revision)})
        assert deployments.deployment("d-1").task_definition == ARN

    def test_an_archive_in_s3_goes_by_its_address(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        stored = {"revisionType": "S3", "s3Location": {"bucket": "releases", "key": "inference/7.zip"}}
        codedeploy.answers("get_deployment", {"deploymentInfo": info(revision=stored)})
        assert deployments.deployment("d-1").revision == "s3://releases/inference/7.zip"

    def test_a_wait_for_an_answer_is_known_with_its_length(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        waits = {"deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 90}}
        ready = info(status="Ready", blueGreenDeploymentConfiguration=waits)
        codedeploy.answers("get_deployment", {"deploymentInfo": ready})
        seen = deployments.deployment("d-1")
        assert (seen.status, seen.approval, seen.is_in_flight) == ("Ready", timedelta(minutes=90), True)

    def test_one_that_goes_back_says_why_and_by_what(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        stopped = info(
            status="Stopped",
            completeTime=BEGAN,
            errorInformation={"code": "ALARM_ACTIVE", "message": "One or more alarms."},
            rollbackInfo={"rollbackDeploymentId": "d-2", "rollbackMessage": "taken back"},
            autoRollbackConfiguration={"enabled": False},
        )
        codedeploy.answers("get_deployment", {"deploymentInfo": stopped})
        seen = deployments.deployment("d-1")
        assert (seen.error_code, seen.error) == ("ALARM_ACTIVE", "One or more alarms.")
        assert (seen.rolled_back_by, seen.rollback_message) == ("d-2", "taken back")
        assert (seen.is_in_flight, seen.goes_back_on) == (False, ())

    def test_what_takes_another_one_back_says_which(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        back = info("d-2", creator="codeDeployRollback", rollbackInfo={"rollbackTriggeringDeploymentId": "d-1"})
        codedeploy.answers("get_deployment", {"deploymentInfo": back})
        seen = deployments.deployment("d-2")
        assert (seen.rolls_back, seen.is_rollback) == ("d-1", True)


class TestLists:
    def test_what_is_in_flight_is_one_call(self, codedeploy: StubbedClient, deployments: AwsCodeDeployments) -> None:
        asked = {**GROUP, "includeOnlyStatuses": list(IN_FLIGHT)}
        codedeploy.answers("list_deployments", {"deployments": ["d-1"]}, asked)
        assert deployments.in_flight("App", "Group") == "d-1"

    def test_none_may_be_in_flight(self, codedeploy: StubbedClient, deployments: AwsCodeDeployments) -> None:
        codedeploy.answers("list_deployments", {"deployments": []})
        assert deployments.in_flight("App", "Group") == ""

    def test_the_last_ones_are_described_the_newest_first(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        listed = [f"d-{number}" for number in range(40)]
        codedeploy.answers("list_deployments", {"deployments": listed}, GROUP)
        described = {"deploymentsInfo": [info("d-1", 0), info("d-0", 5)]}
        codedeploy.answers("batch_get_deployments", described, {"deploymentIds": listed[:25]})
        assert [one.id for one in deployments.latest("App", "Group", 99)] == ["d-0", "d-1"]

    def test_a_group_without_deployments_is_one_call(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        codedeploy.answers("list_deployments", {})
        assert list(deployments.latest("App", "Group")) == []


class TestProgress:
    def asked(self, codedeploy: StubbedClient, *targets: dict) -> None:
        found = {"deploymentTargets": [{"deploymentTargetType": "ECSTarget", "ecsTarget": one} for one in targets]}
        asked = {"deploymentId": "d-1", "targetIds": ["serving:inference"]}
        codedeploy.answers("batch_get_deployment_targets", found, asked)

    def test_the_weight_is_that_of_the_replacement(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        def task_set(label: str, weight: float, status: str) -> dict:
            return {"identifer": f"ecs-svc/{label}", "status": status, "trafficWeight": weight, "taskSetLabel": label}

        def event(name: str, status: str, **more: object) -> dict:
            return {"lifecycleEventName": name, "status": status, **more}

        events = [
            event("BeforeInstall", "Skipped"),
            event("Install", "Succeeded", startTime=BEGAN, endTime=BEGAN),
            event("AllowTraffic", "InProgress", startTime=BEGAN),
            event("AfterAllowTraffic", "Pending"),
        ]
        sets = [task_set("Blue", 90.0, "PRIMARY"), task_set("Green", 10.0, "ACTIVE")]
        self.asked(codedeploy, {"lifecycleEvents": events, "taskSetsInfo": sets, "status": "InProgress"})
        progress = deployments.progress("d-1", "serving", "inference")
        assert (progress.weight, progress.event, progress.last_end) == (10.0, "AllowTraffic", BEGAN)
        assert progress.trouble == ""

    def test_a_hook_that_failed_says_what_it_said(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        failed = {
            "lifecycleEventName": "AfterAllowTestTraffic",
            "status": "Failed",
            "diagnostics": {"errorCode": "ScriptFailed", "message": "the function answered Failed"},
        }
        self.asked(codedeploy, {"lifecycleEvents": [failed]})
        progress = deployments.progress("d-1", "serving", "inference")
        assert progress.trouble == "AfterAllowTestTraffic: the function answered Failed"
        assert (progress.event, progress.weight, progress.last_end) == ("AfterAllowTestTraffic", None, None)

    @pytest.mark.parametrize("code", ["DeploymentNotStartedException", "DeploymentTargetDoesNotExistException"])
    def test_one_that_has_not_begun_says_nothing(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments, code: str
    ) -> None:
        codedeploy.fails("batch_get_deployment_targets", code)
        assert deployments.progress("d-1", "serving", "inference") == Progress()
        assert Progress().event == ""


class TestCalls:
    def test_an_appspec_is_found_by_its_digest(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        location = {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "cafe"}}
        whole = {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "cafe", "content": SPEC}}
        asked = {"applicationName": "App", "revision": location}
        codedeploy.answers("get_application_revision", {"applicationName": "App", "revision": whole}, asked)
        assert deployments.task_definition("App", "cafe") == ARN

    def test_a_deployment_is_made_with_nothing_but_appspec_and_description(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": SPEC}}
        asked = {**GROUP, "revision": revision, "description": "release 2.0"}
        codedeploy.answers("create_deployment", {"deploymentId": "d-9"}, asked)
        assert deployments.create("App", "Group", SPEC, "release 2.0") == "d-9"

    def test_a_deployment_to_instances_is_for_those_that_have_all_tags(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        stored = {"bucket": "releases", "key": "inference/2.0.zip", "bundleType": "zip"}
        sets = [
            [{"Key": "bluegreen:fleet", "Value": "A/B", "Type": "KEY_AND_VALUE"}],
            [{"Key": "bluegreen:side", "Value": "green", "Type": "KEY_AND_VALUE"}],
        ]
        asked = {
            **GROUP,
            "revision": {"revisionType": "S3", "s3Location": stored},
            "targetInstances": {"ec2TagSet": {"ec2TagSetList": sets}},
            "description": "release 2.0 (green)",
        }
        codedeploy.answers("create_deployment", {"deploymentId": "d-9"}, asked)
        archive = StoredArchive("releases", "inference/2.0.zip")
        tags = {"bluegreen:fleet": "A/B", "bluegreen:side": "green"}
        made = deployments.create_on_instances("App", "Group", archive, tags, "release 2.0 (green)")
        assert made == "d-9"

    @pytest.mark.parametrize("alarms", [(), ("Errors", "Latency")])
    def test_other_alarms_than_the_groups_are_those_of_the_one_deployment(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments, alarms: tuple[str, ...]
    ) -> None:
        stored = {"bucket": "releases", "key": "2.zip", "bundleType": "zip"}
        asked = {
            **GROUP,
            "revision": {"revisionType": "S3", "s3Location": stored},
            "targetInstances": {
                "ec2TagSet": {"ec2TagSetList": [[{"Key": "a", "Value": "b", "Type": "KEY_AND_VALUE"}]]}
            },
            "description": "",
            "overrideAlarmConfiguration": {
                "enabled": bool(alarms),
                "ignorePollAlarmFailure": False,
                "alarms": [{"name": name} for name in alarms],
            },
        }
        codedeploy.answers("create_deployment", {"deploymentId": "d-9"}, asked)
        archive = StoredArchive("releases", "2.zip")
        assert deployments.create_on_instances("App", "Group", archive, {"a": "b"}, "", alarms=alarms) == "d-9"

    def test_a_group_that_is_taken_makes_none_on_instances_either(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        codedeploy.fails("create_deployment", "DeploymentLimitExceededException")
        with pytest.raises(DeploymentHeldError):
            deployments.create_on_instances("App", "Group", StoredArchive("releases", "2.zip"), {"a": "b"}, "")

    def test_traffic_is_let_move_and_not_the_original_terminated(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        asked = {"deploymentId": "d-1", "deploymentWaitType": "READY_WAIT"}
        codedeploy.answers("continue_deployment", {}, asked)
        deployments.proceed("d-1")

    def test_what_is_stopped_is_taken_back_whatever_its_group_says(
        self, codedeploy: StubbedClient, deployments: AwsCodeDeployments
    ) -> None:
        asked = {"deploymentId": "d-1", "autoRollbackEnabled": True}
        codedeploy.answers("stop_deployment", {"status": "Pending"}, asked)
        deployments.stop("d-1")

    @pytest.mark.parametrize(
        ("operation", "code", "kind", "call"),
        [
            ("create_deployment", "DeploymentLimitExceededException", DeploymentHeldError, "create"),
            ("continue_deployment", "DeploymentIsNotInReadyStateException", NotWaitingError, "proceed"),
            ("continue_deployment", "DeploymentAlreadyCompletedException", DeploymentOverError, "proceed"),
            ("stop_deployment", "DeploymentAlreadyCompletedException", DeploymentOverError, "stop"),
            ("get_deployment", "DeploymentDoesNotExistException", AwsError, "deployment"),
        ],
    )
    def test_what_codedeploy_refuses_is_told_apart(
        self,
        codedeploy: StubbedClient,
        deployments: AwsCodeDeployments,
        operation: str,
        code: str,
        kind: type[AwsError],
        call: str,
    ) -> None:
        codedeploy.fails(operation, code)
        arguments = ("App", "Group", SPEC, "") if call == "create" else ("d-1",)
        with pytest.raises(kind, match="in the words of AWS") as raised:
            getattr(deployments, call)(*arguments)
        assert type(raised.value) is kind


@pytest.mark.parametrize(
    "call",
    [
        lambda one: one.in_flight("App", "Group"),
        lambda one: one.deployment("d-1"),
        lambda one: one.progress("d-1", "serving", "inference"),
        lambda one: one.stop("d-1"),
    ],
)
def test_no_answer_is_an_aws_error(call: Callable[[AwsCodeDeployments], object]) -> None:
    with pytest.raises(AwsError):
        call(AwsCodeDeployments(SilentClient("codedeploy"), (BotoCoreError,)))


@pytest.mark.parametrize("action", sorted(IAM_ACTIONS))
def test_every_action_is_an_operation_that_codedeploy_has(action: str) -> None:
    service, operation = action.split(":")
    assert operation in botocore.session.get_session().get_service_model(service).operation_names
