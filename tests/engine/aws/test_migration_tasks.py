"""One-off tasks: what RunTask is asked for a service revision, and how a task is seen to have ended."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.one_off_tasks import IAM_ACTIONS, EcsOneOffTasks
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.migration import MigrationTask
from bluegreen_constructs.engine.one_off_tasks import LaunchMarks, NotLaunchedError, RevisionToRun, TaskSeen

HERE = "arn:aws:ecs:us-east-1:123456789012"
DEPLOYMENT = f"{HERE}:service-deployment/apps/web/d1"
REVISION = f"{HERE}:service-revision/apps/web/4980306466373577095"
TASK = f"{HERE}:task/apps/0f2a6c5d8e9b4f1a"
DEFINITION = f"{HERE}:task-definition/web:7"
DIGEST = f"sha256:{'ab' * 32}"
NETWORK = {
    "awsvpcConfiguration": {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "DISABLED",
    }
}
REVISED = {
    "serviceRevisionArn": REVISION,
    "serviceArn": f"{HERE}:service/apps/web",
    "clusterArn": f"{HERE}:cluster/apps",
    "taskDefinition": DEFINITION,
    "launchType": "FARGATE",
    "platformVersion": "1.4.0",
    "platformFamily": "Linux",
    "networkConfiguration": NETWORK,
    "containerImages": [{"containerName": "app", "imageDigest": DIGEST, "image": "repository/web:1.5.0"}],
    "guardDutyEnabled": False,
    "createdAt": datetime(2026, 11, 21, tzinfo=UTC),
}
EXPAND = MigrationTask(["upgrade", "head"], "expand")
MARKS = LaunchMarks("token", "mark", "deployment")
RUN = RevisionToRun(f"{HERE}:cluster/apps", DEFINITION, placement={"launchType": "FARGATE"})


@pytest.fixture
def ecs() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("ecs")
    yield stubbed
    stubbed.done()


@pytest.fixture
def tasks(ecs: StubbedClient) -> EcsOneOffTasks:
    return EcsOneOffTasks(ecs.client, (BotoCoreError,))


def revised(ecs: StubbedClient, tasks: EcsOneOffTasks, **changes: object) -> RevisionToRun:
    known = {name: value for name, value in {**REVISED, **changes}.items() if value is not None}
    ecs.answers("describe_service_revisions", {"serviceRevisions": [known]}, {"serviceRevisionArns": [REVISION]})
    return tasks.revision(REVISION)


def looked_at(ecs: StubbedClient, tasks: EcsOneOffTasks, *containers: dict, **task: object) -> TaskSeen:
    asked = {"cluster": "apps", "tasks": [TASK]}
    ecs.answers("describe_tasks", {"tasks": [{"taskArn": TASK, "containers": list(containers), **task}]}, asked)
    return tasks.seen("apps", TASK, "app")


class TestRevisions:
    def test_a_deployment_says_what_it_replaces(self, ecs: StubbedClient, tasks: EcsOneOffTasks) -> None:
        found = {"serviceDeploymentArn": DEPLOYMENT, "sourceServiceRevisions": [{"arn": REVISION}]}
        asked = {"serviceDeploymentArns": [DEPLOYMENT]}
        ecs.answers("describe_service_deployments", {"serviceDeployments": [found]}, asked)
        assert tasks.source(DEPLOYMENT) == REVISION

    def test_of_several_that_it_replaces_live_is_the_one_with_the_traffic(
        self, ecs: StubbedClient, tasks: EcsOneOffTasks
    ) -> None:
        tried = {"arn": "tried", "requestedProductionTrafficWeight": 10.0}
        live = {"arn": REVISION, "requestedProductionTrafficWeight": 90.0}
        found = {"serviceDeploymentArn": DEPLOYMENT, "sourceServiceRevisions": [tried, live]}
        ecs.answers("describe_service_deployments", {"serviceDeployments": [found]})
        assert tasks.source(DEPLOYMENT) == REVISION

    def test_the_first_deployment_replaces_nothing(self, ecs: StubbedClient, tasks: EcsOneOffTasks) -> None:
        found = {"serviceDeploymentArn": DEPLOYMENT, "sourceServiceRevisions": []}
        ecs.answers("describe_service_deployments", {"serviceDeployments": [found]})
        assert tasks.source(DEPLOYMENT) == ""

    def test_a_deployment_that_is_not_known_yet_is_no_first_one(
        self, ecs: StubbedClient, tasks: EcsOneOffTasks
    ) -> None:
        ecs.answers("describe_service_deployments", {"failures": [{"arn": DEPLOYMENT, "reason": "MISSING"}]})
        with pytest.raises(AwsError, match=r"does not know .*MISSING"):
            tasks.source(DEPLOYMENT)

    def test_a_revision_says_where_its_tasks_run_and_how_its_image_is_called(
        self, ecs: StubbedClient, tasks: EcsOneOffTasks
    ) -> None:
        assert revised(ecs, tasks) == RevisionToRun(
            f"{HERE}:cluster/apps",
            DEFINITION,
            {"app": ("1.5.0", DIGEST, "repository/web:1.5.0")},
            {"launchType": "FARGATE", "platformVersion": "1.4.0", "networkConfiguration": NETWORK},
        )

    def test_a_service_on_spot_has_its_migration_run_where_nobody_takes_the_capacity_away(
        self, ecs: StubbedClient, tasks: EcsOneOffTasks
    ) -> None:
        spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
        found = revised(ecs, tasks, launchType=None, capacityProviderStrategy=spot)
        assert found.placement["launchType"] == "FARGATE"
        assert "capacityProviderStrategy" not in found.placement

    def test_a_service_on_instances_keeps_its_capacity_providers(
        self, ecs: StubbedClient, tasks: EcsOneOffTasks
    ) -> None:
        gpus = [{"capacityProvider": "gpus", "weight": 1, "base": 0}]
        found = revised(ecs, tasks, launchType=None, platformVersion=None, capacityProviderStrategy=gpus)
        assert found.placement == {"capacityProviderStrategy": gpus, "networkConfiguration": NETWORK}


class TestRunning:
    def test_it_is_run_once_with_the_command_where_the_service_runs(
        self, ecs: StubbedClient, tasks: EcsOneOffTasks
    ) -> None:
        placed = revised(ecs, tasks)
        asked = {
            "cluster": f"{HERE}:cluster/apps",
            "taskDefinition": DEFINITION,
            "count": 1,
            "overrides": {"containerOverrides": [{"name": "app", "command": ["upgrade", "head"]}]},
            "clientToken": "token",
            "startedBy": "mark",
            "group": "deployment",
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "networkConfiguration": NETWORK,
        }
        ecs.answers("run_task", {"tasks": [{"taskArn": TASK}], "failures": []}, asked)
        assert tasks.run(placed, "app", EXPAND, MARKS) == TASK

    def test_variables_and_another_size_are_overrides(self, ecs: StubbedClient, tasks: EcsOneOffTasks) -> None:
        ecs.answers("run_task", {"tasks": [{"taskArn": TASK}]})
        large = MigrationTask(["upgrade"], "expand", environment={"A": "b"}, cpu=1024, memory_mib=4096)
        tasks.run(RUN, "app", large, MARKS)
        assert ecs.asked[0][1]["overrides"] == {
            "containerOverrides": [
                {"name": "app", "command": ["upgrade"], "environment": [{"name": "A", "value": "b"}]}
            ],
            "cpu": "1024",
            "memory": "4096",
        }

    def test_no_task_says_why(self, ecs: StubbedClient, tasks: EcsOneOffTasks) -> None:
        ecs.answers("run_task", {"tasks": [], "failures": [{"arn": "arn", "reason": "RESOURCE:MEMORY"}]})
        with pytest.raises(NotLaunchedError, match="launched no task: RESOURCE:MEMORY"):
            tasks.run(RUN, "app", EXPAND, MARKS)

    def test_a_refused_or_unanswered_call_is_not_the_same_as_no_task(
        self, ecs: StubbedClient, tasks: EcsOneOffTasks
    ) -> None:
        ecs.fails("run_task", "AccessDeniedException")
        for asked in (tasks, EcsOneOffTasks(SilentClient("ecs"), (BotoCoreError,))):
            with pytest.raises(AwsError) as raised:
                asked.run(RUN, "app", EXPAND, MARKS)
            assert not isinstance(raised.value, NotLaunchedError)

    def test_those_with_a_mark_are_listed_by_it_alone_page_after_page(
        self, ecs: StubbedClient, tasks: EcsOneOffTasks
    ) -> None:
        asked = {"cluster": "apps", "startedBy": "mark"}
        ecs.answers("list_tasks", {"taskArns": [], "nextToken": "2"}, asked)
        ecs.answers("list_tasks", {"taskArns": [TASK]}, {**asked, "nextToken": "2"})
        assert list(tasks.running("apps", "mark")) == [TASK]

    def test_it_is_stopped_with_a_reason_that_fits(self, ecs: StubbedClient, tasks: EcsOneOffTasks) -> None:
        ecs.answers("stop_task", {"task": {}}, {"cluster": "apps", "task": TASK, "reason": "x" * 255})
        tasks.stop("apps", TASK, "x" * 300)


class TestSeen:
    def test_a_running_task(self, ecs: StubbedClient, tasks: EcsOneOffTasks) -> None:
        running = {"name": "app", "lastStatus": "RUNNING"}
        assert looked_at(ecs, tasks, running, lastStatus="RUNNING") == TaskSeen(has_ended=False)

    def test_a_task_says_by_which_deployment_it_was_run(self, ecs: StubbedClient, tasks: EcsOneOffTasks) -> None:
        assert looked_at(ecs, tasks, lastStatus="RUNNING", group="deployment").group == "deployment"

    def test_a_stopped_task_with_its_exit_code(self, ecs: StubbedClient, tasks: EcsOneOffTasks) -> None:
        proxy = {"name": "proxy", "lastStatus": "STOPPED", "exitCode": 143}
        ended = {"name": "app", "lastStatus": "STOPPED", "exitCode": 0}
        seen = looked_at(ecs, tasks, proxy, ended, lastStatus="STOPPED", stoppedReason="Essential container exited")
        assert seen == TaskSeen(has_ended=True, exit_code=0, is_stopped=True, reason="Essential container exited")

    def test_a_task_that_never_ran_has_no_exit_code(self, ecs: StubbedClient, tasks: EcsOneOffTasks) -> None:
        pulled = {"name": "app", "lastStatus": "STOPPED", "reason": "CannotPullContainerError: not found"}
        seen = looked_at(ecs, tasks, pulled, lastStatus="STOPPED", stoppedReason="Task failed to start")
        assert seen == TaskSeen(
            has_ended=True, is_stopped=True, reason="CannotPullContainerError: not found; Task failed to start"
        )

    def test_the_commands_end_is_seen_while_another_container_goes_on(
        self, ecs: StubbedClient, tasks: EcsOneOffTasks
    ) -> None:
        ended = {"name": "app", "lastStatus": "STOPPED", "exitCode": 2}
        seen = looked_at(ecs, tasks, ended, {"name": "proxy", "lastStatus": "RUNNING"}, lastStatus="RUNNING")
        assert seen == TaskSeen(has_ended=True, exit_code=2)

    def test_a_task_that_is_not_seen_yet_is_asked_for_again(self, ecs: StubbedClient, tasks: EcsOneOffTasks) -> None:
        ecs.answers("describe_tasks", {"tasks": [], "failures": [{"arn": TASK, "reason": "MISSING"}]})
        with pytest.raises(AwsError, match="MISSING"):
            tasks.seen("apps", TASK, "app")


class TestLogs:
    def defined(self, ecs: StubbedClient, tasks: EcsOneOffTasks, log: dict | None) -> str:
        app = {"name": "app", **({"logConfiguration": log} if log else {})}
        found = {"taskDefinition": {"containerDefinitions": [{"name": "proxy"}, app]}}
        ecs.answers("describe_task_definition", found, {"taskDefinition": DEFINITION})
        return tasks.log_stream(DEFINITION, "app", TASK)

    def test_the_stream_is_named_by_prefix_container_and_task(self, ecs: StubbedClient, tasks: EcsOneOffTasks) -> None:
        options = {"awslogs-group": "logs", "awslogs-stream-prefix": "web", "awslogs-region": "us-east-1"}
        stream = self.defined(ecs, tasks, {"logDriver": "awslogs", "options": options})
        assert stream == "web/app/0f2a6c5d8e9b4f1a of logs"

    @pytest.mark.parametrize("log", [None, {"logDriver": "awsfirelens"}, {"logDriver": "awslogs", "options": {}}])
    def test_output_that_goes_elsewhere_has_none(
        self, ecs: StubbedClient, tasks: EcsOneOffTasks, log: dict | None
    ) -> None:
        assert self.defined(ecs, tasks, log) == ""


def test_every_call_is_declared(ecs: StubbedClient, tasks: EcsOneOffTasks) -> None:
    ecs.answers("describe_service_deployments", {"serviceDeployments": [{"sourceServiceRevisions": []}]})
    tasks.source(DEPLOYMENT)
    revised(ecs, tasks)
    ecs.answers("run_task", {"tasks": [{"taskArn": TASK}]})
    tasks.run(RUN, "app", EXPAND, MARKS)
    ecs.answers("list_tasks", {"taskArns": []})
    tasks.running("apps", "mark")
    looked_at(ecs, tasks)
    ecs.answers("stop_task", {"task": {}})
    tasks.stop("apps", TASK, "")
    TestLogs().defined(ecs, tasks, None)
    assert {*ecs.actions, "iam:PassRole"} == set(IAM_ACTIONS)
