"""What the functions of CodeDeploy events and of stack updates call: reports, themselves, the task set that serves."""

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws import (
    clients,
    code_deploy_events,
    code_deploy_stack_updates,
    live_task_sets,
    own_function,
)
from bluegreen_constructs.engine.aws.code_deploy_events import CodeDeployEvents
from bluegreen_constructs.engine.aws.code_deployments import AwsCodeDeployments
from bluegreen_constructs.engine.aws.live_task_sets import EcsLiveTaskSets
from bluegreen_constructs.engine.aws.own_function import OwnFunction
from bluegreen_constructs.engine.errors import AwsError

REVISION = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7"
REPORT = "put_lifecycle_event_hook_execution_status"


def stubbed(service: str) -> Iterator[StubbedClient]:
    client = StubbedClient(service)
    yield client
    client.done()


@pytest.fixture
def codedeploy() -> Iterator[StubbedClient]:
    yield from stubbed("codedeploy")


@pytest.fixture
def functions() -> Iterator[StubbedClient]:
    yield from stubbed("lambda")


@pytest.fixture
def ecs() -> Iterator[StubbedClient]:
    yield from stubbed("ecs")


class TestReports:
    @pytest.mark.parametrize(("succeeded", "status"), [(True, "Succeeded"), (False, "Failed")])
    def test_codedeploy_is_told_in_its_words(self, codedeploy: StubbedClient, succeeded: bool, status: str) -> None:
        asked = {"deploymentId": "d-1", "lifecycleEventHookExecutionId": "e-1", "status": status}
        codedeploy.answers(REPORT, {"lifecycleEventHookExecutionId": "e-1"}, asked)
        CodeDeployEvents(codedeploy.client).report("d-1", "e-1", succeeded=succeeded)
        assert set(codedeploy.actions) == set(code_deploy_events.IAM_ACTIONS)

    def test_an_event_that_is_reported_already_stays_as_it_is(self, codedeploy: StubbedClient) -> None:
        codedeploy.fails(REPORT, "LifecycleEventAlreadyCompletedException")
        CodeDeployEvents(codedeploy.client).report("d-1", "e-1", succeeded=True)

    def test_another_refusal_is_raised_in_awss_words(self, codedeploy: StubbedClient) -> None:
        codedeploy.fails(REPORT, "DeploymentDoesNotExistException")
        with pytest.raises(AwsError, match="in the words of AWS"):
            CodeDeployEvents(codedeploy.client).report("d-1", "e-1", succeeded=True)

    def test_no_answer_is_an_error_too(self) -> None:
        with pytest.raises(AwsError, match="timeout"):
            CodeDeployEvents(SilentClient("codedeploy"), (BotoCoreError,)).report("d-1", "e-1", succeeded=True)


class TestOwnFunction:
    def test_it_is_invoked_without_waiting_for_what_becomes_of_it(self, functions: StubbedClient) -> None:
        event = {"DeploymentId": "d-1", "Progress": {"at": 1}}
        asked = {"FunctionName": "event", "InvocationType": "Event", "Payload": json.dumps(event).encode()}
        functions.answers("invoke", {"StatusCode": 202}, asked)
        OwnFunction(functions.client, "event").again(event)
        assert set(functions.actions) == set(own_function.IAM_ACTIONS)

    def test_a_throttle_is_raised(self, functions: StubbedClient) -> None:
        functions.fails("invoke", "TooManyRequestsException")
        with pytest.raises(AwsError, match="in the words of AWS"):
            OwnFunction(functions.client, "event").again({})

    def test_no_answer_is_an_error_too(self) -> None:
        with pytest.raises(AwsError, match="timeout"):
            OwnFunction(SilentClient("lambda"), "event", (BotoCoreError,)).again({})


class TestLiveTaskSet:
    def test_it_is_the_primary_one_of_several(self, ecs: StubbedClient) -> None:
        sets = [
            {"status": "ACTIVE", "taskDefinition": "candidate"},
            {"status": "PRIMARY", "taskDefinition": REVISION},
        ]
        ecs.answers("describe_services", {"services": [{"taskSets": sets}]}, {"cluster": "apps", "services": ["web"]})
        assert EcsLiveTaskSets(ecs.client).task_definition("apps", "web") == REVISION
        assert set(ecs.actions) == set(live_task_sets.IAM_ACTIONS)

    @pytest.mark.parametrize("services", [[], [{}], [{"taskSets": [{"status": "ACTIVE", "taskDefinition": "x"}]}]])
    def test_a_service_without_one_is_an_error(self, ecs: StubbedClient, services: list[dict]) -> None:
        ecs.answers("describe_services", {"services": services})
        with pytest.raises(AwsError, match="the service web of the cluster apps has no PRIMARY task set"):
            EcsLiveTaskSets(ecs.client).task_definition("apps", "web")

    def test_a_refusal_is_raised(self, ecs: StubbedClient) -> None:
        ecs.fails("describe_services", "ClusterNotFoundException")
        with pytest.raises(AwsError, match="in the words of AWS"):
            EcsLiveTaskSets(ecs.client).task_definition("apps", "web")


def test_the_rights_of_a_stack_update_are_on_the_calls_it_makes(codedeploy: StubbedClient) -> None:
    deployments = AwsCodeDeployments(codedeploy.client)
    info = {"deploymentId": "d-1", "status": "Created"}
    codedeploy.answers("list_deployments", {"deployments": ["d-1"]})
    codedeploy.answers("batch_get_deployments", {"deploymentsInfo": [info]})
    codedeploy.answers("create_deployment", {"deploymentId": "d-2"})
    codedeploy.answers("get_deployment", {"deploymentInfo": info})
    codedeploy.answers("stop_deployment", {"status": "Pending"})
    deployments.latest("app", "group", 10)
    deployments.create("app", "group", "version: 0.0", "a stack update")
    deployments.deployment("d-1")
    deployments.stop("d-1")
    # CreateDeployment checks three more.
    checked = {"GetApplicationRevision", "GetDeploymentConfig", "RegisterApplicationRevision"}
    assert set(codedeploy.actions) | {f"codedeploy:{one}" for one in checked} == set(
        code_deploy_stack_updates.IAM_ACTIONS
    )


@pytest.mark.parametrize(
    "make", [clients.code_deploy_events, clients.code_deployments, clients.live_task_sets, clients.own_function]
)
def test_their_clients_try_three_times_and_end_in_time(make: object) -> None:
    config = make().meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert 3 * (config.connect_timeout + config.read_timeout) < clients.SECONDS_PER_CALL
