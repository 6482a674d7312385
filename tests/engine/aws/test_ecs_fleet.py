"""An ECS side: what it runs, how it gets another image, how it is scaled."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.ecs_fleet import IAM_ACTIONS, EcsFleet
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.target_settings import Compute, SideSettings

BEGAN = datetime(2026, 11, 21, 12, tzinfo=UTC)
SIDE = SideSettings(
    "arn:green", "targetgroup/green/2", Compute.ECS, cluster="apps", service="web-green", container="app"
)
SCALING = replace(SIDE, scalable=True)
REPOSITORY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/web"
ARN = "arn:aws:ecs:us-east-1:123456789012:task-definition/web"
APP = {
    "name": "app",
    "image": f"{REPOSITORY}:1.4.1",
    "cpu": 256,
    "essential": True,
    "environment": [{"name": "A", "value": "b"}],
}
PROXY = {"name": "proxy", "image": "public.ecr.aws/envoy:v1", "cpu": 64, "essential": True}
DEFINITION = {
    "taskDefinitionArn": f"{ARN}:7",
    "containerDefinitions": [PROXY, APP],
    "family": "web",
    "taskRoleArn": "arn:aws:iam::123456789012:role/task",
    "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
    "networkMode": "awsvpc",
    "revision": 7,
    "volumes": [],
    "status": "ACTIVE",
    "requiresAttributes": [{"name": "ecs.capability.task-eni"}],
    "placementConstraints": [],
    "compatibilities": ["EC2", "FARGATE"],
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "512",
    "memory": "1024",
    "enableFaultInjection": False,
    "registeredAt": BEGAN,
    "registeredBy": "arn:aws:iam::123456789012:user/ada",
    "deregisteredAt": BEGAN,
    "deleteRequestedAt": BEGAN,
}
TAGS = [{"key": "team", "value": "ml"}]
RUNNING = Release("1.4.1")
OTHER = Release("1.4.2")
CALM = {"status": "PRIMARY", "rolloutState": "COMPLETED", "createdAt": BEGAN, "taskDefinition": f"{ARN}:7"}
MOVING = {**CALM, "rolloutState": "IN_PROGRESS"}


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
def fleet(ecs: StubbedClient, scaling: StubbedClient) -> EcsFleet:
    return EcsFleet(ecs.client, scaling.client, (BotoCoreError,))


def defined(ecs: StubbedClient, name: str, **changes: object) -> None:
    """Set the answer for a task definition, asked for by `name`."""
    answer = {
        "taskDefinition": {**DEFINITION, **changes},
        "tags": [*TAGS, {"key": "aws:cloudformation:x", "value": "S"}],
    }
    ecs.answers("describe_task_definition", answer, {"taskDefinition": name, "include": ["TAGS"]})


def service(
    ecs: StubbedClient, *events: str, deployments: tuple[dict, ...] = (CALM,), seen: bool = True, **more: object
) -> None:
    """Set the answers for the service and, when `seen`, its revision; `events` are the latest first, a minute apart."""
    said = [
        {"id": str(age), "createdAt": BEGAN + timedelta(minutes=9 - age), "message": f"(service web-green) {message}"}
        for age, message in enumerate(events)
    ]
    counts = {"desiredCount": 3, "runningCount": 3, "pendingCount": 0}
    known = {"status": "ACTIVE", "taskDefinition": f"{ARN}:7", "deployments": list(deployments), "events": said}
    asked = {"cluster": "apps", "services": ["web-green"]}
    ecs.answers("describe_services", {"services": [{**known, **counts, **more}]}, asked)
    if seen:
        defined(ecs, f"{ARN}:7")


class TestSeen:
    def test_a_service_at_rest_is_settled_and_says_its_image(self, ecs: StubbedClient, fleet: EcsFleet) -> None:
        service(ecs)
        defined(ecs, "web")
        seen = fleet.seen(SIDE, RUNNING)
        assert (seen.desired, seen.minimum, seen.is_settled) == (3, None, True)
        assert (seen.release, seen.trouble) == (f"{REPOSITORY}:1.4.1", "")

    def test_the_lower_bound_of_one_that_scales_is_looked_up(
        self, ecs: StubbedClient, scaling: StubbedClient, fleet: EcsFleet
    ) -> None:
        asked = {
            "ServiceNamespace": "ecs",
            "ResourceIds": ["service/apps/web-green"],
            "ScalableDimension": "ecs:service:DesiredCount",
        }
        target = {
            "ServiceNamespace": "ecs",
            "ResourceId": "service/apps/web-green",
            "ScalableDimension": "ecs:service:DesiredCount",
            "MinCapacity": 2,
            "MaxCapacity": 20,
            "RoleARN": "arn:aws:iam::123456789012:role/scaling",
            "CreationTime": BEGAN,
        }
        service(ecs)
        scaling.answers("describe_scalable_targets", {"ScalableTargets": [target]}, asked)
        assert fleet.seen(SCALING).minimum == 2

    def test_a_scalable_target_that_is_gone_has_no_lower_bound(
        self, ecs: StubbedClient, scaling: StubbedClient, fleet: EcsFleet
    ) -> None:
        service(ecs)
        scaling.answers("describe_scalable_targets", {"ScalableTargets": []})
        assert fleet.seen(SCALING).minimum is None

    @pytest.mark.parametrize(
        "more",
        [
            {"runningCount": 2},
            {"runningCount": 4},
            {"pendingCount": 1},
            {"deployments": (MOVING,)},
            {"deployments": (CALM, {**CALM, "status": "ACTIVE"})},
            {"deployments": ({**CALM, "status": "ACTIVE"},)},
            {"deployments": ()},
        ],
    )
    def test_one_in_motion_is_not_settled(self, ecs: StubbedClient, fleet: EcsFleet, more: dict) -> None:
        service(ecs, **more)
        seen = fleet.seen(SIDE)
        assert (seen.is_settled, seen.trouble) == (False, "")

    def test_a_deployment_without_a_rollout_state_counts_as_done(self, ecs: StubbedClient, fleet: EcsFleet) -> None:
        service(ecs, deployments=({"status": "PRIMARY"},))
        assert fleet.seen(SIDE).is_settled

    def test_one_at_rest_with_another_image_is_not_settled_on_the_release(
        self, ecs: StubbedClient, fleet: EcsFleet
    ) -> None:
        service(ecs)
        assert not fleet.seen(SIDE, OTHER).is_settled

    def test_one_at_rest_behind_an_edit_of_the_template_is_not_settled_on_the_release(
        self, ecs: StubbedClient, fleet: EcsFleet
    ) -> None:
        service(ecs)
        defined(ecs, "web", taskDefinitionArn=f"{ARN}:8", memory="4096")
        seen = fleet.seen(SIDE, RUNNING)
        assert (seen.is_settled, seen.release) == (False, f"{REPOSITORY}:1.4.1")

    def test_the_latest_event_that_tells_of_a_failure_is_the_trouble(self, ecs: StubbedClient, fleet: EcsFleet) -> None:
        no_capacity = "was unable to place a task. Reason: Capacity is unavailable at this time."
        service(ecs, "has started 1 tasks", no_capacity, "failed to launch a task", runningCount=2)
        assert fleet.seen(SIDE).trouble == f"(service web-green) {no_capacity}"

    @pytest.mark.parametrize(
        "message",
        [
            "(port 8080) is unhealthy in (target-group green) due to (reason Health checks failed)",
            "(task 1) failed container health checks.",
            "is unable to consistently start tasks successfully.",
            "operations are being throttled. Will try again later.",
        ],
    )
    def test_the_failures_that_ecs_reports_are_known(self, ecs: StubbedClient, fleet: EcsFleet, message: str) -> None:
        service(ecs, message, runningCount=0)
        assert fleet.seen(SIDE).trouble == f"(service web-green) {message}"

    def test_a_failure_that_is_over_is_none(self, ecs: StubbedClient, fleet: EcsFleet) -> None:
        service(ecs, "has begun draining", "has reached a steady state.", "failed to launch a task", runningCount=2)
        assert fleet.seen(SIDE).trouble == ""

    def test_a_failure_of_an_earlier_deployment_is_none(self, ecs: StubbedClient, fleet: EcsFleet) -> None:
        later = {**MOVING, "createdAt": BEGAN + timedelta(minutes=30)}
        service(ecs, "failed to launch a task", deployments=(later,))
        assert fleet.seen(SIDE).trouble == ""

    def test_a_failure_of_one_that_settled_since_is_none(self, ecs: StubbedClient, fleet: EcsFleet) -> None:
        service(ecs, "failed to launch a task")
        assert fleet.seen(SIDE).trouble == ""

    def test_a_failed_deployment_is_trouble_with_its_reason(self, ecs: StubbedClient, fleet: EcsFleet) -> None:
        reason = "ECS deployment circuit breaker: tasks failed to start."
        failed = {**CALM, "status": "ACTIVE", "rolloutState": "FAILED", "rolloutStateReason": reason}
        service(ecs, "has started 1 tasks", deployments=(MOVING, failed))
        assert fleet.seen(SIDE).trouble == reason

    @pytest.mark.parametrize(
        ("services", "status"),
        [([], "MISSING"), ([{"status": "INACTIVE"}], "INACTIVE"), ([{"status": "DRAINING"}], "DRAINING")],
    )
    def test_a_service_that_is_gone_is_an_error(
        self, ecs: StubbedClient, fleet: EcsFleet, services: list, status: str
    ) -> None:
        ecs.answers("describe_services", {"services": services, "failures": []})
        with pytest.raises(AwsError, match=f"web-green in cluster apps is {status}, not ACTIVE"):
            fleet.seen(SIDE)

    def test_a_container_that_the_task_definition_does_not_have_is_an_error(
        self, ecs: StubbedClient, fleet: EcsFleet
    ) -> None:
        service(ecs)
        with pytest.raises(AwsError, match="no container 'web', only proxy, app"):
            fleet.seen(replace(SIDE, container="web"))


class TestDeploy:
    def test_another_image_is_registered_with_all_else_as_it_was_and_run(
        self, ecs: StubbedClient, fleet: EcsFleet
    ) -> None:
        service(ecs, seen=False)
        defined(ecs, "web")
        wanted = {
            "containerDefinitions": [PROXY, {**APP, "image": f"{REPOSITORY}:1.4.2"}],
            "family": "web",
            "taskRoleArn": "arn:aws:iam::123456789012:role/task",
            "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
            "networkMode": "awsvpc",
            "volumes": [],
            "placementConstraints": [],
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "512",
            "memory": "1024",
            "enableFaultInjection": False,
            "tags": TAGS,  # those of AWS itself may not be set
        }
        ecs.answers("register_task_definition", {"taskDefinition": {"taskDefinitionArn": f"{ARN}:8"}}, wanted)
        asked = {"cluster": "apps", "service": "web-green", "taskDefinition": f"{ARN}:8", "desiredCount": 5}
        ecs.answers("update_service", {}, asked)
        fleet.deploy(SIDE, OTHER, 5)

    def test_a_task_definition_without_tags_is_registered_without(self, ecs: StubbedClient, fleet: EcsFleet) -> None:
        known = {"status": "ACTIVE", "taskDefinition": f"{ARN}:7", "desiredCount": 3}
        ecs.answers("describe_services", {"services": [known]})
        ecs.answers("describe_task_definition", {"taskDefinition": DEFINITION})
        ecs.answers("register_task_definition", {"taskDefinition": {"taskDefinitionArn": f"{ARN}:8"}})
        ecs.answers("update_service")
        fleet.deploy(SIDE, OTHER, 3)
        assert "tags" not in dict(ecs.asked)["RegisterTaskDefinition"]

    def test_what_the_template_has_changed_since_is_registered_with_the_release(
        self, ecs: StubbedClient, fleet: EcsFleet
    ) -> None:
        service(ecs, seen=False)
        first = {**APP, "image": f"{REPOSITORY}:1.0.0", "environment": [{"name": "A", "value": "c"}]}
        defined(ecs, "web", taskDefinitionArn=f"{ARN}:8", memory="4096", containerDefinitions=[PROXY, first])
        ecs.answers("register_task_definition", {"taskDefinition": {"taskDefinitionArn": f"{ARN}:9"}})
        asked = {"cluster": "apps", "service": "web-green", "taskDefinition": f"{ARN}:9", "desiredCount": 3}
        ecs.answers("update_service", {}, asked)
        fleet.deploy(SIDE, RUNNING, 3)
        registered = dict(ecs.asked)["RegisterTaskDefinition"]
        assert registered["memory"] == "4096"
        assert registered["containerDefinitions"] == [PROXY, {**first, "image": f"{REPOSITORY}:1.4.1"}]

    def test_a_revision_that_was_registered_before_a_crash_is_run(self, ecs: StubbedClient, fleet: EcsFleet) -> None:
        service(ecs, seen=False)
        defined(
            ecs,
            "web",
            taskDefinitionArn=f"{ARN}:8",
            containerDefinitions=[PROXY, {**APP, "image": f"{REPOSITORY}:1.4.2"}],
        )
        asked = {"cluster": "apps", "service": "web-green", "taskDefinition": f"{ARN}:8", "desiredCount": 3}
        ecs.answers("update_service", {}, asked)
        fleet.deploy(SIDE, OTHER, 3)

    def test_an_image_that_is_there_already_needs_the_number_of_tasks_only(
        self, ecs: StubbedClient, fleet: EcsFleet
    ) -> None:
        service(ecs, seen=False)
        defined(ecs, "web")
        ecs.answers("update_service", {}, {"cluster": "apps", "service": "web-green", "desiredCount": 5})
        fleet.deploy(SIDE, RUNNING, 5)

    def test_a_release_that_runs_with_the_number_wanted_needs_no_write(
        self, ecs: StubbedClient, fleet: EcsFleet
    ) -> None:
        service(ecs, seen=False)
        defined(ecs, "web")
        fleet.deploy(SIDE, RUNNING, 3)
        assert ecs.actions == ["ecs:DescribeServices", "ecs:DescribeTaskDefinition"]


class TestScale:
    def test_number_and_lower_bound_are_a_call_each(
        self, ecs: StubbedClient, scaling: StubbedClient, fleet: EcsFleet
    ) -> None:
        asked = {
            "ServiceNamespace": "ecs",
            "ResourceId": "service/apps/web-green",
            "ScalableDimension": "ecs:service:DesiredCount",
            "MinCapacity": 0,
        }
        scaling.answers("register_scalable_target", {}, asked)
        ecs.answers("update_service", {}, {"cluster": "apps", "service": "web-green", "desiredCount": 0})
        fleet.scale(SCALING, 0, 0)

    def test_a_number_below_the_lower_bound_is_not_asked_for_before_that_is_lowered(
        self, ecs: StubbedClient, scaling: StubbedClient, fleet: EcsFleet
    ) -> None:
        scaling.fails("register_scalable_target", "ConcurrentUpdateException")
        with pytest.raises(AwsError):
            fleet.scale(SCALING, 0, 0)
        assert ecs.actions == []

    def test_what_is_none_is_left_alone(self, ecs: StubbedClient, scaling: StubbedClient, fleet: EcsFleet) -> None:
        fleet.scale(SCALING, None, None)
        assert (ecs.actions, scaling.actions) == ([], [])

    def test_a_service_that_does_not_scale_has_no_lower_bound_to_set(
        self, scaling: StubbedClient, fleet: EcsFleet
    ) -> None:
        fleet.scale(SIDE, None, 2)
        assert scaling.actions == []


def test_a_refusal_and_silence_are_aws_errors(ecs: StubbedClient, scaling: StubbedClient, fleet: EcsFleet) -> None:
    ecs.fails("describe_services", "ClusterNotFoundException")
    with pytest.raises(AwsError, match="in the words of AWS"):
        fleet.seen(SIDE)
    scaling.fails("register_scalable_target", "ValidationException")
    with pytest.raises(AwsError, match="in the words of AWS"):
        fleet.scale(SCALING, None, 30)
    with pytest.raises(AwsError, match="timeout"):
        EcsFleet(SilentClient("ecs"), SilentClient("application-autoscaling"), (BotoCoreError,)).scale(SIDE, 1, None)


def test_every_call_is_declared_and_nothing_else_is(
    ecs: StubbedClient, scaling: StubbedClient, fleet: EcsFleet
) -> None:
    service(ecs)
    defined(ecs, "web")
    scaling.answers("describe_scalable_targets", {"ScalableTargets": []})
    fleet.seen(SCALING, RUNNING)
    service(ecs, seen=False)
    defined(ecs, "web")
    ecs.answers("register_task_definition", {"taskDefinition": {"taskDefinitionArn": f"{ARN}:8"}})
    ecs.answers("update_service")
    fleet.deploy(SCALING, OTHER, 5)
    scaling.answers("register_scalable_target")
    ecs.answers("update_service")
    fleet.scale(SCALING, 1, 1)
    # what RegisterTaskDefinition asks for besides: tags, and roles
    beside = {"ecs:TagResource", "iam:PassRole"}
    assert {*ecs.actions, *scaling.actions, *beside} == set(IAM_ACTIONS)
