"""Services that are replaced in place, driven as an engine drives them: real tasks, load balancer and stack."""

import json
import shutil
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import boto3
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_ssm as ssm
from botocore.exceptions import ClientError

from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess

pytestmark = pytest.mark.emulator

APP = Path(__file__).with_name("answering_app.py")
TASKS = """
    [containers.App]
    command = ["{python}", "-S", "app.py"]
    [releases.crash.environment]
    FAULT = "crash"
    [releases.nowhere]
    no_capacity = true
"""
# What DescribeTaskDefinition adds to what was registered.
ADDED = (
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
)


class Sides(cdk.Stack):
    """A load balancer and two sides: blue with two tasks, green with none; `note` is the rest of the template."""

    def __init__(self, scope: cdk.App, note: str) -> None:
        super().__init__(scope, "Sides", synthesizer=cdk.LegacyStackSynthesizer())
        vpc = ec2.Vpc(self, "Vpc", max_azs=2, nat_gateways=0)
        cluster = ecs.Cluster(self, "Cluster", cluster_name="sides", vpc=vpc)
        balancer = elbv2.ApplicationLoadBalancer(self, "Balancer", load_balancer_name="sides", vpc=vpc)
        listener = balancer.add_listener("Http", port=80, default_action=elbv2.ListenerAction.fixed_response(404))
        ssm.StringParameter(self, "Note", parameter_name="/note", string_value=note)
        for name, count, priority in (("blue", 2, 10), ("green", 0, 20)):
            definition = ecs.FargateTaskDefinition(self, f"Task{name}", family=name, cpu=256)
            definition.add_container(
                "App",
                image=ecs.ContainerImage.from_registry("repository/app:v1"),
                port_mappings=[ecs.PortMapping(container_port=8080)],
                environment={"LEVEL": "info" if note == "first" else note},
                stop_timeout=cdk.Duration.seconds(2),
            )
            service = ecs.FargateService(
                self,
                f"Service{name}",
                service_name=name,
                cluster=cluster,
                task_definition=definition,
                desired_count=count,
                min_healthy_percent=100,
                max_healthy_percent=200,
                vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            )
            # As a CanaryAlb has it: the family, no revision.
            service.node.default_child.task_definition = name  # type: ignore[union-attr]
            service.node.default_child.add_resource_dependency(definition.node.default_child)  # type: ignore[union-attr]
            definition.node.default_child.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN  # type: ignore[union-attr]
            group = elbv2.ApplicationTargetGroup(
                self,
                f"Group{name}",
                target_group_name=name,
                vpc=vpc,
                port=8080,
                protocol=elbv2.ApplicationProtocol.HTTP,
                target_type=elbv2.TargetType.IP,
                deregistration_delay=cdk.Duration.seconds(60),
                health_check=elbv2.HealthCheck(
                    interval=cdk.Duration.seconds(5), timeout=cdk.Duration.seconds(2), healthy_threshold_count=2
                ),
                targets=[service],
            )
            listener.add_action(
                name,
                priority=priority,
                conditions=[elbv2.ListenerCondition.path_patterns([f"/{name}"])],
                action=elbv2.ListenerAction.forward([group]),
            )


def template(note: str = "first") -> str:
    app = cdk.App(analytics_reporting=False)
    stack = Sides(app, note)
    return json.dumps(app.synth().get_stack_by_name(stack.stack_name).template)


class Account:
    """The emulator's account with the stack in it, and the few calls that an engine makes."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        names = ("ecs", "elbv2", "cloudformation", "ssm", "application-autoscaling")
        clients: list[Any] = [boto3.client(name, endpoint_url=emulator.endpoint, **keys) for name in names]
        self.ecs, self.elb, self.cfn, self.ssm, self.scaling = clients
        self.cfn.create_stack(StackName="sides", TemplateBody=template(), Capabilities=["CAPABILITY_IAM"])
        self.stack_is("CREATE_COMPLETE")
        groups = self.elb.describe_target_groups(Names=["blue", "green"])["TargetGroups"]
        self.groups = {group["TargetGroupName"]: group["TargetGroupArn"] for group in groups}

    def stack_is(self, expected: str) -> None:
        def status() -> str:
            return str(self.cfn.describe_stacks(StackName="sides")["Stacks"][0]["StackStatus"])

        self.wait(lambda: not status().endswith("IN_PROGRESS"))
        assert status() == expected, self.cfn.describe_stack_events(StackName="sides")["StackEvents"][:10]

    def wait(self, seen: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 40
        while not seen():
            assert time.monotonic() < deadline, self.emulator.log.read_text()[-3000:]
            time.sleep(0.05)

    def service(self, name: str) -> dict[str, Any]:
        return dict(self.ecs.describe_services(cluster="sides", services=[name])["services"][0])

    def is_stable(self, name: str) -> bool:
        """As the SDK's waiter `services_stable` asks, and that its deployment is complete."""
        found = self.service(name)
        is_whole = len(found["deployments"]) == 1 and found["runningCount"] == found["desiredCount"]
        return is_whole and found["deployments"][0]["rolloutState"] == "COMPLETED"

    def register(self, name: str, tag: str) -> str:
        """The service's present definition with another image, as the engine registers a release."""
        present = self.ecs.describe_task_definition(
            taskDefinition=self.service(name)["taskDefinition"], include=["TAGS"]
        )
        definition = {key: value for key, value in present["taskDefinition"].items() if key not in ADDED}
        definition["containerDefinitions"][0]["image"] = f"repository/app:{tag}"
        return str(self.ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"])

    def release(self, name: str, tag: str, count: int) -> str:
        arn = self.register(name, tag)
        self.ecs.update_service(cluster="sides", service=name, taskDefinition=arn, desiredCount=count)
        return arn

    def scale(self, name: str, count: int) -> None:
        self.ecs.update_service(cluster="sides", service=name, desiredCount=count)

    def health(self, name: str) -> list[str]:
        described = self.elb.describe_target_health(TargetGroupArn=self.groups[name])["TargetHealthDescriptions"]
        return sorted(target["TargetHealth"]["State"] for target in described)

    def ask(self, name: str) -> tuple[int, str]:
        state: Any = self.emulator.state()["elbv2"]
        url = f"http://{state['endpoints']['sides']['80']}/{name}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    def tasks(self, name: str) -> list[dict[str, Any]]:
        state: Any = self.emulator.state()["ecs"]
        return list(state["services"][name]["tasks"])

    def messages(self, name: str) -> list[str]:
        return [event["message"] for event in self.service(name)["events"]]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("plain")
    shutil.copy(APP, folder / "app.py")
    (folder / "tasks.toml").write_text(textwrap.dedent(TASKS))
    with EmulatorProcess(folder / "emulator", tasks_file=folder / "tasks.toml", speed=120.0) as emulator:
        yield Account(emulator)


@pytest.fixture
def green(account: Account) -> Iterator[Account]:
    """Green goes back to no task, whatever the test did with it."""
    yield account
    account.scale("green", 0)
    account.wait(lambda: account.is_stable("green") and all(t["state"] == "STOPPED" for t in account.tasks("green")))


def test_a_service_that_wants_nothing_is_complete_without_a_task_and_its_rule_answers_503(green: Account) -> None:
    service = green.service("green")
    (deployment,) = service["deployments"]
    assert (service["desiredCount"], service["runningCount"], service["pendingCount"]) == (0, 0, 0)
    assert (deployment["status"], deployment["rolloutState"], deployment["desiredCount"]) == ("PRIMARY", "COMPLETED", 0)
    assert green.tasks("green") == []
    assert green.ask("green")[0] == 503
    assert green.ask("blue") == (200, "v1")


def test_a_release_is_put_on_an_empty_side_and_only_that_release_ever_runs_there(green: Account) -> None:
    arn = green.release("green", "v2", 2)
    primary = green.service("green")["deployments"][0]
    assert (primary["status"], primary["rolloutState"], primary["taskDefinition"]) == ("PRIMARY", "IN_PROGRESS", arn)
    green.wait(lambda: green.is_stable("green"))
    assert green.health("green") == ["healthy", "healthy"]
    assert green.ask("green") == (200, "v2")
    definitions = {task["arn"] for task in _described_tasks(green, "green")}
    assert definitions == {arn}
    container = green.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["containerDefinitions"][0]
    assert container["environment"] == [{"name": "LEVEL", "value": "info"}]
    started = [message for message in green.messages("green") if "has started" in message]
    assert len(started) == 2


def _described_tasks(account: Account, name: str) -> list[dict[str, str]]:
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in account.ecs.list_tasks(cluster="sides", serviceName=name, desiredStatus=status)["taskArns"]
    ]
    described = account.ecs.describe_tasks(cluster="sides", tasks=arns)["tasks"]
    return [{"arn": task["taskDefinitionArn"]} for task in described]


def test_a_serving_side_is_replaced_without_a_failed_request_or_too_few_healthy_targets(account: Account) -> None:
    arn = account.release("blue", "v2", 2)
    answers: list[tuple[int, str]] = []
    healthy: list[int] = []
    seen: set[tuple[str, str, str]] = set()
    deadline = time.monotonic() + 40
    while not account.is_stable("blue"):
        answers.append(account.ask("blue"))
        healthy.append(account.health("blue").count("healthy"))
        seen |= {(d["status"], d["rolloutState"], d["taskDefinition"]) for d in account.service("blue")["deployments"]}
        assert time.monotonic() < deadline, account.messages("blue")
    assert {status for status, _ in answers} == {200}
    assert "v1" in {body for _, body in answers}
    assert min(healthy) >= 2
    assert ("PRIMARY", "IN_PROGRESS", arn) in seen
    assert ("ACTIVE", "COMPLETED") in {(status, rollout) for status, rollout, _ in seen}
    assert account.ask("blue") == (200, "v2")
    account.wait(lambda: "(service blue) has reached a steady state." in account.messages("blue")[0])


def test_scaling_to_nothing_drains_the_targets_before_their_processes_end(green: Account) -> None:
    green.release("green", "v2", 1)
    green.wait(lambda: green.is_stable("green"))
    green.scale("green", 0)
    states: set[tuple[str, ...]] = set()
    deadline = time.monotonic() + 40
    while any(task["state"] != "STOPPED" for task in green.tasks("green")):
        running = {task["state"] for task in green.tasks("green") if task["state"] == "STOPPING"}
        states.add(tuple(green.health("green")))
        assert time.monotonic() < deadline, green.messages("green")
        if running:
            assert green.health("green") == [], "a process was asked to end before its target had drained"
    assert ("draining",) in states
    assert green.service("green")["deployments"][0]["rolloutState"] == "COMPLETED"


def test_a_stack_update_that_does_not_change_the_service_leaves_its_count_and_release_alone(green: Account) -> None:
    arn = green.release("green", "v3", 1)
    green.wait(lambda: green.is_stable("green"))
    running = {task["id"] for task in green.tasks("green") if task["state"] == "RUNNING"}
    green.cfn.update_stack(StackName="sides", TemplateBody=template("second"), Capabilities=["CAPABILITY_IAM"])
    green.stack_is("UPDATE_COMPLETE")
    assert green.ssm.get_parameter(Name="/note")["Parameter"]["Value"] == "second"
    service = green.service("green")
    assert (service["taskDefinition"], service["desiredCount"], service["runningCount"]) == (arn, 1, 1)
    assert {task["id"] for task in green.tasks("green") if task["state"] == "RUNNING"} == running
    # The edit of the task definition waits in the family until somebody runs its latest revision.
    latest = green.ecs.describe_task_definition(taskDefinition="green")["taskDefinition"]
    assert latest["containerDefinitions"][0]["environment"] == [{"name": "LEVEL", "value": "second"}]
    assert latest["taskDefinitionArn"] != arn
    green.ecs.update_service(cluster="sides", service="green", taskDefinition="green")
    assert green.service("green")["taskDefinition"] == latest["taskDefinitionArn"]


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("crash", "failed: exit code 1."),
        ("nowhere", "was unable to place a task. Reason: Capacity is unavailable at this time."),
    ],
)
def test_tasks_that_cannot_start_leave_the_deployment_in_progress_and_the_events_say_why(
    green: Account, tag: str, said: str
) -> None:
    before = {event["id"] for event in green.service("green")["events"]}
    green.release("green", tag, 1)
    green.wait(lambda: green.service("green")["deployments"][0]["failedTasks"] >= 3)
    service = green.service("green")
    messages = [event["message"] for event in service["events"] if event["id"] not in before]
    assert any(said in message for message in messages)
    assert "(service green) is unable to consistently start tasks successfully." in messages
    primary = service["deployments"][0]
    assert (primary["status"], primary["rolloutState"]) == ("PRIMARY", "IN_PROGRESS")
    assert green.health("green").count("healthy") == 0


def test_the_next_release_takes_the_place_of_one_that_never_came_up(green: Account) -> None:
    green.release("green", "crash", 1)
    green.wait(lambda: any(task["exit_code"] for task in green.tasks("green")))
    arn = green.release("green", "v4", 1)
    green.wait(lambda: green.is_stable("green"))
    assert green.service("green")["deployments"][0]["taskDefinition"] == arn
    assert green.ask("green") == (200, "v4")


def test_a_service_whose_group_no_rule_names_is_refused_as_ecs_does(account: Account) -> None:
    vpc = account.elb.describe_target_groups(Names=["blue"])["TargetGroups"][0]["VpcId"]
    group = account.elb.create_target_group(Name="lone", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
    balancer = {"containerName": "App", "containerPort": 8080}
    with pytest.raises(ClientError, match="does not have an associated load balancer"):
        account.ecs.create_service(
            cluster="sides",
            serviceName="lone",
            taskDefinition="blue",
            desiredCount=1,
            loadBalancers=[{**balancer, "targetGroupArn": group["TargetGroups"][0]["TargetGroupArn"]}],
        )


def test_the_minimum_of_a_scalable_target_is_registered_shown_and_brings_the_service_up(green: Account) -> None:
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/sides/green",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    with pytest.raises(ClientError, match="MaxCapacity is required"):
        green.scaling.register_scalable_target(**target, MinCapacity=1)
    green.scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=6)
    assert green.service("green")["desiredCount"] == 0
    green.scaling.register_scalable_target(**target, MinCapacity=2)
    assert green.service("green")["desiredCount"] == 2
    described = green.scaling.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=[target["ResourceId"], "service/sides/none"]
    )
    (shown,) = described["ScalableTargets"]
    assert (shown["MinCapacity"], shown["MaxCapacity"], shown["ResourceId"]) == (2, 6, "service/sides/green")
    green.scaling.deregister_scalable_target(**target)
    assert green.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    with pytest.raises(ClientError, match="ObjectNotFoundException"):
        green.scaling.deregister_scalable_target(**target)
