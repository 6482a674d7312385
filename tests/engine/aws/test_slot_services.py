"""The sides of an application with slots: what runs, what is registered, and how many tasks there are."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.ecs_calm import has_failed, is_calm, trouble_of
from bluegreen_constructs.engine.aws.slot_services import IAM_ACTIONS, EcsSlotServices
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.slot_settings import SlotSide
from bluegreen_constructs.engine.swap.ports import DefinitionSeen, ServiceSeen

BEGAN = datetime(2026, 11, 21, 12, tzinfo=UTC)
SIDE = SlotSide("b", "arn:group-b", "web-b", "Serving-Web-b")
ARN = "arn:aws:ecs:us-east-1:123456789012:task-definition/Serving-Web-b"
CONTENT: dict[str, Any] = {
    "family": "Serving-Web-b",
    "taskRoleArn": "arn:aws:iam::123456789012:role/task",
    "networkMode": "awsvpc",
    "containerDefinitions": [{"name": "app", "image": "registry/app:2", "essential": True}],
    "volumes": [],
    "cpu": "512",
    "memory": "1024",
}
# What DescribeTaskDefinition adds, and RegisterTaskDefinition does not take.
DESCRIBED = {
    "taskDefinitionArn": f"{ARN}:7",
    "revision": 7,
    "status": "ACTIVE",
    "requiresAttributes": [{"name": "ecs.capability.task-eni"}],
    "compatibilities": ["EC2", "FARGATE"],
    "registeredAt": BEGAN,
    "registeredBy": "arn:aws:iam::123456789012:user/ada",
    "deregisteredAt": BEGAN,
    "deleteRequestedAt": BEGAN,
}
CALM = {"status": "PRIMARY", "rolloutState": "COMPLETED", "createdAt": BEGAN, "taskDefinition": f"{ARN}:7"}
MOVING = {**CALM, "rolloutState": "IN_PROGRESS"}
FAILED = {**CALM, "rolloutState": "FAILED", "rolloutStateReason": "deployment circuit breaker: tasks failed to start."}


@pytest.fixture
def ecs() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("ecs")
    yield stubbed
    stubbed.done()


@pytest.fixture
def scaling() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("application-autoscaling")
    yield stubbed
    stubbed.done()


@pytest.fixture
def services(ecs: StubbedClient, scaling: StubbedClient) -> EcsSlotServices:
    return EcsSlotServices(ecs.client, scaling.client, (BotoCoreError,))


def described(*deployments: dict[str, Any], **more: object) -> dict[str, Any]:
    counts = {"desiredCount": 3, "runningCount": 3, "pendingCount": 0}
    known = {"serviceName": "web-b", "status": "ACTIVE", "taskDefinition": f"{ARN}:6", "events": []}
    return {**known, **counts, "deployments": list(deployments or (CALM,)), **more}


def answer_service(ecs: StubbedClient, *deployments: dict[str, Any], newest: int = 7, **more: object) -> None:
    asked = {"cluster": "web", "services": ["web-b"]}
    ecs.answers("describe_services", {"services": [described(*deployments, **more)]}, asked)
    answer = {"taskDefinition": {**CONTENT, **DESCRIBED, "taskDefinitionArn": f"{ARN}:{newest}"}}
    ecs.answers("describe_task_definition", answer, {"taskDefinition": "Serving-Web-b", "include": ["TAGS"]})


class TestSeen:
    def test_a_service_at_rest_says_what_it_runs_and_what_its_family_would_run(
        self, ecs: StubbedClient, services: EcsSlotServices
    ) -> None:
        answer_service(ecs, newest=9)
        assert services.seen("web", SIDE) == ServiceSeen(
            definition=f"{ARN}:6", newest=f"{ARN}:9", desired=3, running=3, is_calm=True
        )

    @pytest.mark.parametrize(
        ("deployments", "more"),
        [
            ((CALM,), {"runningCount": 2}),
            ((CALM,), {"runningCount": 4}),
            ((CALM,), {"pendingCount": 1}),
            ((MOVING,), {}),
            ((MOVING, {**CALM, "status": "ACTIVE"}), {}),
        ],
    )
    def test_one_in_motion_is_not_calm_and_has_no_trouble(
        self, ecs: StubbedClient, services: EcsSlotServices, deployments: tuple[dict[str, Any], ...], more: dict
    ) -> None:
        answer_service(ecs, *deployments, **more)
        seen = services.seen("web", SIDE)
        assert (seen.is_calm, seen.trouble, seen.has_failed) == (False, "", False)

    def test_one_whose_deployment_ecs_gave_up_has_failed_and_says_why(
        self, ecs: StubbedClient, services: EcsSlotServices
    ) -> None:
        answer_service(ecs, FAILED, runningCount=0)
        seen = services.seen("web", SIDE)
        assert (seen.is_calm, seen.has_failed, seen.running) == (False, True, 0)
        assert seen.trouble == "deployment circuit breaker: tasks failed to start."

    def test_trouble_that_its_events_tell_is_no_failure_yet(
        self, ecs: StubbedClient, services: EcsSlotServices
    ) -> None:
        message = "(service web-b) was unable to place a task. Reason: Capacity is unavailable at this time."
        event = {"id": "1", "createdAt": BEGAN + timedelta(minutes=1), "message": message}
        answer_service(ecs, MOVING, runningCount=2, events=[event])
        seen = services.seen("web", SIDE)
        assert (seen.trouble, seen.has_failed) == (message, False)

    def test_trouble_of_one_that_is_calm_is_over(self, ecs: StubbedClient, services: EcsSlotServices) -> None:
        event = {"id": "1", "createdAt": BEGAN + timedelta(minutes=1), "message": "failed to launch a task"}
        answer_service(ecs, events=[event])
        seen = services.seen("web", SIDE)
        assert (seen.is_calm, seen.trouble) == (True, "")

    @pytest.mark.parametrize("status", ["INACTIVE", "DRAINING"])
    def test_one_that_is_not_active_says_what_to_do(
        self, ecs: StubbedClient, services: EcsSlotServices, status: str
    ) -> None:
        ecs.answers("describe_services", {"services": [described(status=status)]})
        with pytest.raises(AwsError, match=f"web-b in cluster web is {status}, not ACTIVE: deploy its stack again"):
            services.seen("web", SIDE)

    def test_one_that_is_not_there_says_what_to_do(self, ecs: StubbedClient, services: EcsSlotServices) -> None:
        missing = {"services": [], "failures": [{"arn": "arn:web-b", "reason": "MISSING"}]}
        ecs.answers("describe_services", missing)
        with pytest.raises(AwsError, match="ECS service web-b in cluster web is MISSING, not ACTIVE"):
            services.seen("web", SIDE)


class TestFailed:
    @pytest.mark.parametrize(
        ("deployments", "failed"),
        [
            ([], False),
            ([CALM], False),
            ([MOVING], False),
            ([{"status": "PRIMARY"}], False),
            ([FAILED], True),
            # What replaced the one that failed is on its way.
            ([MOVING, {**FAILED, "status": "ACTIVE"}], False),
            ([CALM, {**FAILED, "status": "INACTIVE"}], False),
            ([{**CALM, "status": "ACTIVE"}, FAILED], True),
        ],
    )
    def test_only_the_deployment_that_is_to_run_now_can_have_failed(
        self, deployments: list[dict[str, Any]], failed: bool
    ) -> None:
        assert has_failed({"deployments": deployments}) is failed

    def test_a_service_without_deployments_is_neither_calm_nor_failed(self) -> None:
        assert (is_calm({}), has_failed({}), trouble_of({})) == (False, False, "")

    def test_a_failure_without_a_reason_is_called_one(self) -> None:
        assert trouble_of({"deployments": [{"status": "PRIMARY", "rolloutState": "FAILED"}]}) == "the deployment failed"


class TestDefinitions:
    def test_one_is_its_content_as_it_can_be_registered_again_and_its_tags(
        self, ecs: StubbedClient, services: EcsSlotServices
    ) -> None:
        answer = {
            "taskDefinition": {**CONTENT, **DESCRIBED},
            "tags": [{"key": "bluegreen:slot", "value": "staging"}, {"key": "bare"}],
        }
        ecs.answers("describe_task_definition", answer, {"taskDefinition": f"{ARN}:7", "include": ["TAGS"]})
        assert services.definition(f"{ARN}:7") == DefinitionSeen(
            f"{ARN}:7", CONTENT, {"bluegreen:slot": "staging", "bare": ""}
        )

    def test_what_is_described_can_be_registered(self, ecs: StubbedClient, services: EcsSlotServices) -> None:
        # The stub refuses whatever RegisterTaskDefinition does not take.
        ecs.answers("describe_task_definition", {"taskDefinition": {**CONTENT, **DESCRIBED}})
        asked = {**CONTENT, "tags": [{"key": "bluegreen:slot", "value": "staging"}]}
        ecs.answers("register_task_definition", {"taskDefinition": {"taskDefinitionArn": f"{ARN}:8"}}, asked)
        content = services.definition("Serving-Web-b").content
        assert services.register(content, {"bluegreen:slot": "staging"}) == f"{ARN}:8"

    def test_one_is_retired_by_its_arn(self, ecs: StubbedClient, services: EcsSlotServices) -> None:
        ecs.answers("deregister_task_definition", {}, {"taskDefinition": f"{ARN}:8"})
        services.retire(f"{ARN}:8")
        assert [name for name, _ in ecs.asked] == ["DeregisterTaskDefinition"]


class TestChanges:
    def test_a_side_is_told_its_revision_and_nothing_else(self, ecs: StubbedClient, services: EcsSlotServices) -> None:
        # Neither forceNewDeployment, which would start the same tasks again, nor desiredCount, which scaling has.
        asked = {"cluster": "web", "service": "web-b", "taskDefinition": f"{ARN}:8"}
        ecs.answers("update_service", {}, asked)
        services.run("web", SIDE, f"{ARN}:8")
        assert [name for name, _ in ecs.asked] == ["UpdateService"]

    def test_the_number_of_tasks_is_kept_between_both_bounds(
        self, scaling: StubbedClient, services: EcsSlotServices
    ) -> None:
        # Without RoleARN and SuspendedState, which stay as the stack made them.
        asked = {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": "service/web/web-b",
            "MinCapacity": 4,
            "MaxCapacity": 8,
        }
        scaling.answers("register_scalable_target", {}, asked)
        services.bound("web", SIDE, 4, 8)
        assert [name for name, _ in scaling.asked] == ["RegisterScalableTarget"]


def test_what_aws_refuses_is_an_aws_error_in_its_own_words(
    ecs: StubbedClient, scaling: StubbedClient, services: EcsSlotServices
) -> None:
    calls = (
        (ecs, "describe_services", lambda: services.seen("web", SIDE)),
        (ecs, "describe_task_definition", lambda: services.definition("Serving-Web-b")),
        (ecs, "register_task_definition", lambda: services.register(CONTENT, {"a": "b"})),
        (ecs, "deregister_task_definition", lambda: services.retire(f"{ARN}:8")),
        (ecs, "update_service", lambda: services.run("web", SIDE, f"{ARN}:8")),
        (scaling, "register_scalable_target", lambda: services.bound("web", SIDE, 1, 2)),
    )
    for stubbed, operation, call in calls:
        stubbed.fails(operation, "ClientException")
        with pytest.raises(AwsError, match="in the words of AWS"):
            call()


def test_silence_is_an_aws_error() -> None:
    silent = EcsSlotServices(SilentClient("ecs"), SilentClient("application-autoscaling"), (BotoCoreError,))
    for call in (
        lambda: silent.seen("web", SIDE),
        lambda: silent.register(CONTENT, {}),
        lambda: silent.run("web", SIDE, f"{ARN}:8"),
        lambda: silent.bound("web", SIDE, 1, 2),
    ):
        with pytest.raises(AwsError, match="timeout"):
            call()


def test_every_call_is_declared_and_nothing_else_is(
    ecs: StubbedClient, scaling: StubbedClient, services: EcsSlotServices
) -> None:
    answer_service(ecs)
    ecs.answers("register_task_definition", {"taskDefinition": {"taskDefinitionArn": f"{ARN}:8"}})
    ecs.answers("deregister_task_definition")
    ecs.answers("update_service")
    scaling.answers("register_scalable_target")
    services.seen("web", SIDE)
    services.register(CONTENT, {"a": "b"})
    services.retire(f"{ARN}:8")
    services.run("web", SIDE, f"{ARN}:8")
    services.bound("web", SIDE, 1, 2)
    # Passing roles and tagging what is registered are rights without a call of their own.
    assert {*ecs.actions, *scaling.actions} == set(IAM_ACTIONS) - {"iam:PassRole", "ecs:TagResource"}
