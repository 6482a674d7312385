"""Auto Scaling groups and single instances in the emulator, driven as an engine drives them."""

import json
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import aws_cdk as cdk
import boto3
import pytest
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_elasticloadbalancingv2_targets as targets
from botocore.exceptions import ClientError

from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess

pytestmark = pytest.mark.emulator

APP = """
    import http.server, os, sys

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = os.environ["RELEASE"].encode()
            self.send_response(500 if os.environ.get("FAULT") else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
TASKS = """
    [containers.App]
    command = ["{python}", "-S", "app.py"]
    [releases.bad.environment]
    FAULT = "yes"
    [releases.nowhere]
    no_capacity = true
"""


class Sides(cdk.Stack):
    """A group that starts empty, and one instance, each behind a target group of its own."""

    def __init__(self, scope: cdk.App, maximum: int) -> None:
        super().__init__(scope, "Sides", synthesizer=cdk.LegacyStackSynthesizer())
        vpc = ec2.Vpc(self, "Vpc", max_azs=2, nat_gateways=0)
        public = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
        balancer = elbv2.ApplicationLoadBalancer(self, "Balancer", load_balancer_name="sides", vpc=vpc)
        listener = balancer.add_listener("Http", port=80, default_action=elbv2.ListenerAction.fixed_response(404))
        machine = {
            "instance_type": ec2.InstanceType("t3.micro"),
            "machine_image": ec2.MachineImage.generic_linux({"us-east-1": "ami-12345678"}),
        }
        security = ec2.SecurityGroup(self, "Security", vpc=vpc)
        template = ec2.LaunchTemplate(
            self, "Template", launch_template_name="model", security_group=security, **machine
        )
        cdk.Tags.of(template).add("bluegreen:release", "v1")
        group = autoscaling.AutoScalingGroup(
            self,
            "Fleet",
            auto_scaling_group_name="fleet",
            vpc=vpc,
            vpc_subnets=public,
            launch_template=template,
            min_capacity=0,
            max_capacity=maximum,
            health_checks=autoscaling.HealthChecks.with_additional_checks(
                additional_types=[autoscaling.AdditionalHealthCheckType.ELB],
                grace_period=cdk.Duration.seconds(60),
            ),
        )
        instance = ec2.Instance(self, "Single", vpc=vpc, vpc_subnets=public, **machine)
        cdk.Tags.of(instance).add("bluegreen:release", "stable")
        for name, priority, target in (("fleet", 10, group), ("single", 20, targets.InstanceTarget(instance, 8081))):
            target_group = elbv2.ApplicationTargetGroup(
                self,
                f"Group{name}",
                target_group_name=name,
                vpc=vpc,
                port=8080,
                protocol=elbv2.ApplicationProtocol.HTTP,
                deregistration_delay=cdk.Duration.seconds(60),
                health_check=elbv2.HealthCheck(
                    interval=cdk.Duration.seconds(5), timeout=cdk.Duration.seconds(2), healthy_threshold_count=2
                ),
                targets=[target],
            )
            listener.add_action(
                name,
                priority=priority,
                conditions=[elbv2.ListenerCondition.path_patterns([f"/{name}"])],
                action=elbv2.ListenerAction.forward([target_group]),
            )


def template(maximum: int) -> str:
    app = cdk.App(analytics_reporting=False)
    name = Sides(app, maximum).stack_name
    return json.dumps(app.synth().get_stack_by_name(name).template)


class Account:
    """The emulator's account with the stack in it."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        names = ("autoscaling", "elbv2", "cloudformation", "ec2")
        clients: list[Any] = [boto3.client(name, endpoint_url=emulator.endpoint, **keys) for name in names]
        self.scaling, self.elb, self.cfn, self.ec2 = clients
        self.cfn.create_stack(StackName="sides", TemplateBody=template(4), Capabilities=["CAPABILITY_IAM"])
        self.stack_is("CREATE_COMPLETE")
        groups = self.elb.describe_target_groups(Names=["fleet", "single"])["TargetGroups"]
        self.groups = {group["TargetGroupName"]: group["TargetGroupArn"] for group in groups}

    def stack_is(self, expected: str) -> None:
        def status() -> str:
            try:
                return str(self.cfn.describe_stacks(StackName="sides")["Stacks"][0]["StackStatus"])
            except ClientError:  # a deleted stack is no longer found by its name
                return "DELETE_COMPLETE"

        self.wait(lambda: not status().endswith("IN_PROGRESS"))
        assert status() == expected, self.cfn.describe_stack_events(StackName="sides")["StackEvents"][:10]

    def wait(self, seen: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 40
        while not seen():
            assert time.monotonic() < deadline, self.emulator.log.read_text()[-3000:]
            time.sleep(0.05)

    def fleet(self) -> dict[str, Any]:
        found = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["fleet"])["AutoScalingGroups"]
        return dict(found[0])

    def activities(self) -> list[dict[str, Any]]:
        return list(self.scaling.describe_scaling_activities(AutoScalingGroupName="fleet")["Activities"])

    def version(self, release: str) -> str:
        """A new version of the template, as an operator makes one for a release."""
        answer = self.ec2.create_launch_template_version(
            LaunchTemplateName="model",
            LaunchTemplateData={
                "InstanceType": "t3.micro",
                "TagSpecifications": [
                    {"ResourceType": "instance", "Tags": [{"Key": "bluegreen:release", "Value": release}]}
                ],
            },
        )
        return str(answer["LaunchTemplateVersion"]["VersionNumber"])

    def release(self, version: str, count: int) -> None:
        self.scaling.update_auto_scaling_group(
            AutoScalingGroupName="fleet",
            LaunchTemplate={"LaunchTemplateName": "model", "Version": version},
            MinSize=count,
            DesiredCapacity=count,
        )

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
            return error.code, error.read().decode()

    def programs(self) -> dict[str, dict[str, Any]]:
        state: Any = self.emulator.state()["instances"]
        return dict(state["instances"])


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("instances")
    (folder / "app.py").write_text(textwrap.dedent(APP))
    (folder / "tasks.toml").write_text(textwrap.dedent(TASKS))
    with EmulatorProcess(folder / "emulator", tasks_file=folder / "tasks.toml", speed=120.0) as emulator:
        yield Account(emulator)


@pytest.fixture
def empty(account: Account) -> Iterator[Account]:
    """The group goes back to no instance, whatever the test did with it."""
    yield account
    account.release("1", 0)
    account.wait(lambda: account.fleet()["Instances"] == [] and account.health("fleet") == [])


def test_a_release_is_a_template_version_whose_instances_go_in_service_behind_the_load_balancer(empty: Account) -> None:
    fleet = empty.fleet()
    assert (fleet["DesiredCapacity"], fleet["Instances"]) == (0, [])
    assert fleet["TargetGroupARNs"] == [empty.groups["fleet"]]
    version = empty.version("v2")
    empty.release(version, 2)
    empty.wait(lambda: empty.health("fleet") == ["healthy", "healthy"])
    fleet = empty.fleet()
    assert (fleet["MinSize"], fleet["DesiredCapacity"], fleet["LaunchTemplate"]["Version"]) == (2, 2, version)
    seen = {(i["LifecycleState"], i["HealthStatus"], i["LaunchTemplate"]["Version"]) for i in fleet["Instances"]}
    assert (len(fleet["Instances"]), seen) == (2, {("InService", "Healthy", version)})
    empty.wait(lambda: empty.ask("fleet") == (200, "v2"))
    launches = empty.activities()[:2]
    assert {activity["StatusCode"] for activity in launches} == {"Successful"}
    assert all(activity["Description"].startswith("Launching a new EC2 instance: i-") for activity in launches)


def test_scaling_to_nothing_drains_before_the_processes_end(empty: Account) -> None:
    empty.release("1", 1)
    empty.wait(lambda: empty.health("fleet") == ["healthy"])
    empty.wait(lambda: empty.ask("fleet") == (200, "v1"))
    (instance,) = empty.fleet()["Instances"]
    empty.release("1", 0)
    states: set[tuple[str, ...]] = set()

    def is_gone() -> bool:
        is_ending = empty.programs().get(instance["InstanceId"], {"is_leaving": True})["is_leaving"]
        health = tuple(empty.health("fleet"))
        states.add(health)
        assert not (is_ending and "draining" in health), "the process was asked to end before its target had drained"
        return empty.fleet()["Instances"] == []

    empty.wait(is_gone)
    assert ("draining",) in states
    assert instance["InstanceId"] not in empty.programs()
    newest = empty.activities()[0]
    assert newest["Description"] == f"Terminating EC2 instance: {instance['InstanceId']}"


def test_without_capacity_the_launch_fails_and_the_activity_says_so(empty: Account) -> None:
    empty.release(empty.version("nowhere"), 1)
    empty.wait(lambda: bool(empty.activities()) and empty.activities()[0]["StatusCode"] == "Failed")
    failed = empty.activities()[0]
    assert "InsufficientInstanceCapacity - We currently do not have sufficient t3.micro" in failed["StatusMessage"]
    assert empty.fleet()["Instances"] == []


def test_an_instance_that_fails_the_load_balancers_checks_is_replaced_after_the_grace_period(empty: Account) -> None:
    empty.release(empty.version("bad"), 1)
    empty.wait(lambda: bool(empty.fleet()["Instances"]))
    first = empty.fleet()["Instances"][0]["InstanceId"]
    empty.wait(lambda: any(one["InstanceId"] != first for one in empty.fleet()["Instances"]))
    causes = [activity["Cause"] for activity in empty.activities()]
    assert any("ELB health check" in cause for cause in causes)


def test_sizes_and_versions_that_cannot_be_are_refused_and_nothing_is_replaced_unasked(account: Account) -> None:
    set_capacity = account.scaling.set_desired_capacity
    with pytest.raises(ClientError, match="above max value 4"):
        set_capacity(AutoScalingGroupName="fleet", DesiredCapacity=5)
    with pytest.raises(ClientError, match="with version 99 does not exist"):
        account.release("99", 0)
    with pytest.raises(ClientError, match="does not play instance refreshes"):
        account.scaling.start_instance_refresh(AutoScalingGroupName="fleet")
    with pytest.raises(ClientError, match="not found - none"):
        account.scaling.describe_scaling_activities(AutoScalingGroupName="none")


def test_a_stack_update_of_the_group_leaves_a_capacity_that_the_template_does_not_give(empty: Account) -> None:
    empty.scaling.set_desired_capacity(AutoScalingGroupName="fleet", DesiredCapacity=1)
    empty.cfn.update_stack(StackName="sides", TemplateBody=template(5), Capabilities=["CAPABILITY_IAM"])
    empty.stack_is("UPDATE_COMPLETE")
    fleet = empty.fleet()
    assert (fleet["MaxSize"], fleet["DesiredCapacity"]) == (5, 1)
    assert fleet["TargetGroupARNs"] == [empty.groups["fleet"]]


def test_a_raised_minimum_takes_the_desired_capacity_with_it(empty: Account) -> None:
    empty.scaling.update_auto_scaling_group(AutoScalingGroupName="fleet", MinSize=1)
    assert empty.fleet()["DesiredCapacity"] == 1


def test_a_single_instance_serves_what_its_tag_says_and_another_release_after_a_stop_and_start(
    account: Account,
) -> None:
    account.wait(lambda: account.health("single") == ["healthy"])
    assert account.ask("single") == (200, "stable")
    described = account.elb.describe_target_health(TargetGroupArn=account.groups["single"])
    target = described["TargetHealthDescriptions"][0]["Target"]
    assert target["Port"] == 8081
    account.ec2.stop_instances(InstanceIds=[target["Id"]])
    account.wait(lambda: target["Id"] not in account.programs())
    account.ec2.create_tags(Resources=[target["Id"]], Tags=[{"Key": "bluegreen:release", "Value": "next"}])
    account.ec2.start_instances(InstanceIds=[target["Id"]])
    account.wait(lambda: account.ask("single") == (200, "next"))


def test_deleting_the_stack_ends_every_instance(account: Account) -> None:
    account.scaling.set_desired_capacity(AutoScalingGroupName="fleet", DesiredCapacity=1)
    account.wait(lambda: len(account.programs()) == 2)
    account.cfn.delete_stack(StackName="sides")
    account.stack_is("DELETE_COMPLETE")
    account.wait(lambda: account.programs() == {})
    assert account.scaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
