"""ECS inside the emulator, driven as a user drives AWS, with real tasks behind the load balancer."""

import io
import json
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess

SPEED = 120.0
APP = """
    import http.server, os, sys, time

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = (os.environ["RELEASE"] + " " + os.environ.get("TOKEN", "")).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    if os.environ.get("FAULT") == "crash":
        sys.exit("this build cannot start")
    http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
TASKS = """
    [containers.app]
    command = ["{python}", "-S", "app.py"]
    [releases.crash.environment]
    FAULT = "crash"
"""
HOOK = """
    import json, os
    def handler(event, context):
        path = os.environ["ANSWERS"]
        with open(path, "a") as answers:
            answers.write(json.dumps(event) + chr(10))
        return {"hookStatus": os.environ["STATUS"]}
"""


class Aws:
    """One emulator with a network, a load balancer, two target groups and two rules per service."""

    def __init__(self, emulator: EmulatorProcess, folder: Path) -> None:
        self.emulator = emulator
        self.folder = folder
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        self.client: Callable[[str], Any] = lambda name: boto3.client(name, endpoint_url=emulator.endpoint, **keys)
        self.ecs, self.elb, self.cfn = self.client("ecs"), self.client("elbv2"), self.client("cloudformation")
        ec2 = self.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        balancer = self.elb.create_load_balancer(Name="lb", Subnets=[subnet])["LoadBalancers"][0]["LoadBalancerArn"]
        nothing = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
        listener = self.elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=nothing)
        self.listener = listener["Listeners"][0]["ListenerArn"]
        self.subnet = subnet
        self.ecs.create_cluster(clusterName="c")
        self.priority = 0

    def group(self, name: str) -> str:
        arn = str(
            self.elb.create_target_group(
                Name=name,
                Protocol="HTTP",
                Port=8080,
                VpcId=self.vpc,
                TargetType="ip",
                HealthCheckIntervalSeconds=5,
                HealthCheckTimeoutSeconds=2,
                HealthyThresholdCount=2,
            )["TargetGroups"][0]["TargetGroupArn"]
        )
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}]
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)
        return arn

    def rule(self, path: str, groups: tuple[str, ...]) -> str:
        self.priority += 1
        targets = [{"TargetGroupArn": group, "Weight": 0 if n else 100} for n, group in enumerate(groups)]
        return str(
            self.elb.create_rule(
                ListenerArn=self.listener,
                Priority=self.priority,
                Conditions=[{"Field": "path-pattern", "Values": [path]}],
                Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": targets}}],
            )["Rules"][0]["RuleArn"]
        )

    def ingress(self, name: str) -> dict[str, Any]:
        groups = (self.group(f"{name}-blue"), self.group(f"{name}-green"))
        return {
            "containerName": "app",
            "containerPort": 8080,
            "targetGroupArn": groups[0],
            "advancedConfiguration": {
                "alternateTargetGroupArn": groups[1],
                "productionListenerRule": self.rule(f"/{name}/*", groups),
                "testListenerRule": self.rule(f"/{name}-test/*", groups),
                "roleArn": "arn:aws:iam::123456789012:role/ecs",
            },
        }

    def weights(self, ingress: Mapping[str, Any]) -> dict[str, int]:
        rule = ingress["advancedConfiguration"]["productionListenerRule"]
        forward = self.elb.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"][0]["ForwardConfig"]
        return {g["TargetGroupArn"].split("/")[1].split("-")[-1]: g["Weight"] for g in forward["TargetGroups"]}

    def task_definition(self, family: str, tag: str, **container: object) -> str:
        definition = {
            "name": "app",
            "image": f"repository/app:{tag}",
            "portMappings": [{"containerPort": 8080}],
            "stopTimeout": 2,
            **container,
        }
        answer = self.ecs.register_task_definition(
            family=family, networkMode="awsvpc", containerDefinitions=[definition]
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def deployments(self, service: str) -> list[dict[str, Any]]:
        listed = self.ecs.list_service_deployments(cluster="c", service=service)["serviceDeployments"]
        arns = [deployment["serviceDeploymentArn"] for deployment in listed]
        described = self.ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
        return list(described)

    def wait_for(self, service: str, seen: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The newest deployment, once it is as wanted."""
        deadline = time.monotonic() + 40
        while True:
            newest = self.deployments(service)[0]
            if seen(newest):
                return newest
            assert time.monotonic() < deadline, f"{newest}\n{self.emulator.log.read_text()[-3000:]}"
            time.sleep(0.05)

    def ended(self, service: str) -> dict[str, Any]:
        ended = {"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"}
        return self.wait_for(service, lambda d: d["status"] in ended)

    def service(self, name: str) -> dict[str, Any]:
        return dict(self.ecs.describe_services(cluster="c", services=[name])["services"][0])

    def stack(self, name: str) -> str:
        deadline = time.monotonic() + 60
        while True:
            try:
                status = str(self.cfn.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
            except ClientError:  # a deleted stack is no longer found by its name
                return "DELETE_COMPLETE"
            if not status.endswith("IN_PROGRESS"):
                return status
            assert time.monotonic() < deadline, status
            time.sleep(0.05)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    folder = tmp_path_factory.mktemp("ecs")
    (folder / "app.py").write_text(textwrap.dedent(APP))
    (folder / "tasks.toml").write_text(textwrap.dedent(TASKS))
    with EmulatorProcess(folder / "emulator", tasks_file=folder / "tasks.toml", speed=SPEED) as emulator:
        yield Aws(emulator, folder)


def create(aws: Aws, name: str, tag: str = "v1", **configuration: object) -> dict[str, Any]:
    """A service with one task, created by the API."""
    ingress = aws.ingress(name)
    aws.ecs.create_service(
        cluster="c",
        serviceName=name,
        taskDefinition=aws.task_definition(name, tag),
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [aws.subnet]}},
        loadBalancers=[ingress],
        deploymentConfiguration={
            "strategy": "BLUE_GREEN",
            "bakeTimeInMinutes": 0,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            **configuration,
        },
    )
    return ingress


def template(aws: Aws, ingress: Mapping[str, Any], tag: str) -> str:
    advanced = {key[0].upper() + key[1:]: value for key, value in ingress["advancedConfiguration"].items()}
    return json.dumps(
        {
            "Resources": {
                "Task": {
                    "Type": "AWS::ECS::TaskDefinition",
                    "DeletionPolicy": "Retain",
                    "UpdateReplacePolicy": "Retain",
                    "Properties": {
                        "Family": "stacked",
                        "NetworkMode": "awsvpc",
                        "ContainerDefinitions": [
                            {
                                "Name": "app",
                                "Image": f"repository/app:{tag}",
                                "StopTimeout": 2,
                                "PortMappings": [{"ContainerPort": 8080}],
                                "Secrets": [{"Name": "TOKEN", "ValueFrom": "/stacked/token"}],
                            }
                        ],
                    },
                },
                "Service": {
                    "Type": "AWS::ECS::Service",
                    "Properties": {
                        "ServiceName": "stacked",
                        "Cluster": "c",
                        "TaskDefinition": {"Ref": "Task"},
                        "DesiredCount": 1,
                        "LaunchType": "FARGATE",
                        "HealthCheckGracePeriodSeconds": 30,
                        "DeploymentConfiguration": {
                            "Strategy": "CANARY",
                            "BakeTimeInMinutes": 1,
                            "CanaryConfiguration": {"CanaryPercent": 10, "CanaryBakeTimeInMinutes": 1},
                            "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
                        },
                        "LoadBalancers": [
                            {
                                "ContainerName": "app",
                                "ContainerPort": 8080,
                                "TargetGroupArn": ingress["targetGroupArn"],
                                "AdvancedConfiguration": advanced,
                            }
                        ],
                    },
                },
            }
        }
    )


def test_a_stack_creates_canaries_rolls_back_and_deletes_a_service(aws: Aws) -> None:
    ingress = aws.ingress("stacked")
    aws.client("ssm").put_parameter(Name="/stacked/token", Value="sesame", Type="SecureString")

    aws.cfn.create_stack(StackName="stacked", TemplateBody=template(aws, ingress, "v1"))
    assert aws.stack("stacked") == "CREATE_COMPLETE"
    assert aws.weights(ingress) == {"blue": 0, "green": 100}

    aws.cfn.update_stack(StackName="stacked", TemplateBody=template(aws, ingress, "v2"))
    assert aws.stack("stacked") == "UPDATE_COMPLETE"
    assert aws.weights(ingress) == {"blue": 100, "green": 0}
    good = aws.service("stacked")
    assert (good["runningCount"], len(good["deployments"]), good["healthCheckGracePeriodSeconds"]) == (1, 1, 30)

    aws.cfn.update_stack(StackName="stacked", TemplateBody=template(aws, ingress, "crash"))
    assert aws.stack("stacked") == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [
        e.get("ResourceStatusReason", "") for e in aws.cfn.describe_stack_events(StackName="stacked")["StackEvents"]
    ]
    assert any("rolled back because the circuit breaker threshold was exceeded" in reason for reason in reasons)
    assert aws.weights(ingress) == {"blue": 100, "green": 0}
    assert aws.service("stacked")["taskDefinition"] == good["taskDefinition"]
    state: Any = aws.emulator.state()
    failed = [task for task in state["ecs"]["services"]["stacked"]["tasks"] if task["exit_code"] == 1]
    assert len(failed) >= 3
    assert {(task["state"], *task["log"]) for task in failed} == {("STOPPED", "this build cannot start")}
    statuses = [deployment["status"] for deployment in aws.deployments("stacked")]
    assert statuses == ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL", "SUCCESSFUL"], "CloudFormation's rollback deploys nothing"

    aws.cfn.delete_stack(StackName="stacked")
    assert aws.stack("stacked") == "DELETE_COMPLETE"
    assert aws.service("stacked")["status"] == "INACTIVE"
    assert aws.elb.describe_target_health(TargetGroupArn=ingress["targetGroupArn"])["TargetHealthDescriptions"] == []
    definitions = aws.ecs.list_task_definitions(familyPrefix="stacked", status="ACTIVE")["taskDefinitionArns"]
    assert len(definitions) == 3


def test_a_service_describes_everything_it_was_given_and_its_tasks_where_they_listen(aws: Aws) -> None:
    ingress = create(aws, "described", alarms={"alarmNames": ["none"], "enable": True, "rollback": True})
    ended = aws.ended("described")
    assert ended["status"] == "SUCCESSFUL", ended
    service = aws.service("described")
    assert service["loadBalancers"] == [ingress]
    assert service["deploymentConfiguration"]["alarms"]["alarmNames"] == ["none"]
    assert [d["status"] for d in service["deployments"]] == ["PRIMARY"]
    (arn,) = aws.ecs.list_tasks(cluster="c", serviceName="described")["taskArns"]
    (task,) = aws.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"]
    details = {detail["name"]: detail["value"] for detail in task["attachments"][0]["details"]}
    assert details["privateIPv4Address"].startswith("127.")
    (revision,) = aws.ecs.describe_service_revisions(
        serviceRevisionArns=[service["currentServiceRevisions"][0]["arn"]]
    )["serviceRevisions"]
    resolved = revision["resolvedConfiguration"]["loadBalancers"][0]
    assert resolved["targetGroupArn"] == ingress["advancedConfiguration"]["alternateTargetGroupArn"]

    aws.ecs.stop_task(cluster="c", task=arn, reason="by hand")
    deadline = time.monotonic() + 30
    while aws.ecs.list_tasks(cluster="c", serviceName="described")["taskArns"] in ([arn], []):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    aws.ecs.update_service(cluster="c", service="described", desiredCount=2, enableExecuteCommand=True)
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
    aws.ecs.update_service(cluster="c", service="described", capacityProviderStrategy=spot)
    assert len(aws.deployments("described")) == 1, "neither scaling nor ECS Exec nor Spot deploys"
    assert aws.service("described")["capacityProviderStrategy"] == spot
    assert aws.service("described").get("launchType") is None


def test_a_refused_service_says_why_in_ecs_words_and_leaves_nothing(aws: Aws) -> None:
    with pytest.raises(ClientError, match="advancedConfiguration field is required for all loadBalancers"):
        aws.ecs.create_service(
            cluster="c",
            serviceName="refused",
            taskDefinition=aws.task_definition("refused", "v1"),
            loadBalancers=[{"containerName": "app", "containerPort": 8080, "targetGroupArn": aws.group("refused")}],
            deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1},
        )
    assert "refused" not in str(aws.ecs.list_services(cluster="c")["serviceArns"])


def test_an_alarm_in_the_bake_rolls_back_and_restores_the_service(aws: Aws) -> None:
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="errors",
        Namespace="Test",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    ingress = create(aws, "alarmed", alarms=alarms)
    assert aws.ended("alarmed")["status"] == "SUCCESSFUL"
    before = aws.service("alarmed")["taskDefinition"]
    aws.ecs.update_service(
        cluster="c",
        service="alarmed",
        taskDefinition=aws.task_definition("alarmed", "v2"),
        deploymentConfiguration={"bakeTimeInMinutes": 1440},
    )
    aws.wait_for("alarmed", lambda d: d.get("lifecycleStage") == "BAKE_TIME")
    assert aws.weights(ingress) == {"blue": 100, "green": 0}
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
    rolled_back = aws.ended("alarmed")
    assert (rolled_back["status"], rolled_back["alarms"]["triggeredAlarmNames"]) == ("ROLLBACK_SUCCESSFUL", ["errors"])
    assert aws.weights(ingress) == {"blue": 0, "green": 100}
    assert aws.service("alarmed")["taskDefinition"] == before


def test_a_pause_waits_for_continue_and_a_wrong_hook_id_is_refused(aws: Aws) -> None:
    pause = {
        "targetType": "PAUSE",
        "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"],
        "timeoutConfiguration": {"timeoutInMinutes": 600, "action": "ROLLBACK"},
    }
    events, queues = aws.client("events"), aws.client("sqs")
    queue = queues.create_queue(QueueName="pauses")["QueueUrl"]
    target = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.ecs"], "detail-type": ["ECS Hook State Change"]}
    events.put_rule(Name="pauses", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="pauses", Targets=[{"Id": "pauses", "Arn": target}])
    ingress = create(aws, "paused", lifecycleHooks=[pause])
    waiting = aws.wait_for("paused", lambda d: bool(d.get("lifecycleHookDetails")))
    hook = waiting["lifecycleHookDetails"][0]
    assert (hook["status"], hook["targetType"], hook["timeoutAction"]) == ("AWAITING_ACTION", "PAUSE", "ROLLBACK")
    assert aws.weights(ingress) == {"blue": 100, "green": 0}
    arn = waiting["serviceDeploymentArn"]
    (told,) = queues.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    detail = json.loads(told["Body"])["detail"]
    assert (detail["eventName"], detail["hookId"]) == ("HOOK_AWAITING_ACTION", hook["hookId"])
    assert (detail["serviceDeploymentArn"], detail["lifecycleStage"]) == (arn, "POST_TEST_TRAFFIC_SHIFT")
    with pytest.raises(ClientError, match="not associated with the given Resource ARN"):
        aws.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId="ecs-pause-x", action="CONTINUE")
    with pytest.raises(ClientError, match="hookId must follow the format"):
        aws.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId="x")
    aws.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook["hookId"], action="CONTINUE")
    assert aws.ended("paused")["status"] == "SUCCESSFUL"
    with pytest.raises(ClientError, match="terminal states"):
        aws.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook["hookId"])


def test_stopping_a_deployment_rolls_it_back_and_an_update_during_one_supersedes_it(aws: Aws) -> None:
    ingress = create(aws, "stopped", bakeTimeInMinutes=1440)
    first = aws.wait_for("stopped", lambda d: d.get("lifecycleStage") == "BAKE_TIME")
    aws.ecs.update_service(cluster="c", service="stopped", deploymentConfiguration={"bakeTimeInMinutes": 0})
    reconciled = aws.weights(ingress)
    aws.ecs.update_service(cluster="c", service="stopped", taskDefinition=aws.task_definition("stopped", "v2"))
    assert reconciled == {"blue": 0, "green": 100}
    assert aws.ended("stopped")["status"] == "SUCCESSFUL", "the first bake was superseded"
    superseded = next(
        d for d in aws.deployments("stopped") if d["serviceDeploymentArn"] == first["serviceDeploymentArn"]
    )
    assert superseded["status"] == "STOPPED"
    live = aws.weights(ingress)

    aws.ecs.update_service(
        cluster="c",
        service="stopped",
        taskDefinition=aws.task_definition("stopped", "v3"),
        deploymentConfiguration={"bakeTimeInMinutes": 1440},
    )
    baking = aws.wait_for("stopped", lambda d: d.get("lifecycleStage") == "BAKE_TIME")
    assert aws.weights(ingress) != live
    aws.ecs.stop_service_deployment(serviceDeploymentArn=baking["serviceDeploymentArn"], stopType="ROLLBACK")
    assert aws.ended("stopped")["status"] == "ROLLBACK_SUCCESSFUL"
    assert aws.weights(ingress) == live
    with pytest.raises(ClientError, match="cannot be stopped"):
        aws.ecs.stop_service_deployment(serviceDeploymentArn=baking["serviceDeploymentArn"])


def test_a_rule_that_serves_two_groups_fails_the_deployment_in_ecs_words(aws: Aws) -> None:
    ingress = create(aws, "split")
    assert aws.ended("split")["status"] == "SUCCESSFUL"
    groups = (ingress["targetGroupArn"], ingress["advancedConfiguration"]["alternateTargetGroupArn"])
    both = [{"TargetGroupArn": group, "Weight": 50} for group in groups]
    aws.elb.modify_rule(
        RuleArn=ingress["advancedConfiguration"]["productionListenerRule"],
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": both}}],
    )
    aws.ecs.update_service(cluster="c", service="split", taskDefinition=aws.task_definition("split", "v2"))
    failed = aws.ended("split")
    assert failed["status"] == "ROLLBACK_SUCCESSFUL"
    assert "should have exactly one target group serving traffic but found 2" in failed["statusReason"]


def test_a_lambda_hook_is_asked_with_its_details_and_its_no_rolls_back(aws: Aws) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("hook.py", textwrap.dedent(HOOK))
    answers = aws.folder / "answers.jsonl"
    function = aws.client("lambda").create_function(
        FunctionName="hook",
        Runtime="python3.12",
        Handler="hook.handler",
        Role="arn:aws:iam::123456789012:role/hook",
        Code={"ZipFile": package.getvalue()},
        Environment={"Variables": {"ANSWERS": str(answers), "STATUS": "FAILED"}},
    )["FunctionArn"]
    hook = {
        "targetType": "AWS_LAMBDA",
        "hookTargetArn": function,
        "roleArn": "arn:aws:iam::123456789012:role/hook",
        "lifecycleStages": ["POST_SCALE_UP"],
        "hookDetails": {"path": "/predict"},
    }
    ingress = create(aws, "hooked", lifecycleHooks=[hook])
    failed = aws.ended("hooked")
    assert failed["status"] == "ROLLBACK_FAILED"
    assert failed["statusReason"] == "No rollback candidate was found to run the rollback."
    assert f"POST_SCALE_UP lifecycle hook(s) failed. Lifecycle hook target {function}" in failed["rollback"]["reason"]
    (event,) = [json.loads(line) for line in answers.read_text().splitlines()]
    assert event["hookDetails"] == {"path": "/predict"}
    assert event["executionDetails"]["serviceArn"] == failed["serviceArn"]
    assert aws.weights(ingress) == {"blue": 100, "green": 0}


def test_a_container_that_the_tasks_file_does_not_name_fails_the_deployment_with_what_to_add(aws: Aws) -> None:
    ingress = aws.ingress("unnamed")
    aws.ecs.create_service(
        cluster="c",
        serviceName="unnamed",
        taskDefinition=aws.task_definition("unnamed", "v1", name="web"),
        loadBalancers=[{**ingress, "containerName": "web"}],
        deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0},
    )
    failed = aws.ended("unnamed")
    assert "names no command for container web; add [containers.web]" in failed["rollback"]["reason"]


def test_the_state_tells_stages_in_rehearsed_and_real_time(aws: Aws) -> None:
    ingress = create(aws, "told")
    aws.ended("told")
    state = aws.emulator.state()["ecs"]
    assert isinstance(state, dict)
    (deployment,) = state["services"]["told"]["deployments"]
    rules = (
        ingress["advancedConfiguration"]["productionListenerRule"],
        ingress["advancedConfiguration"]["testListenerRule"],
    )
    calls: Any = aws.emulator.state()["calls"]
    told = [(call["action"], call["arn"], call["caller"], call["writes_actions"]) for call in calls["rule_calls"]]
    assert [call for call in told if call[1] in rules] == [
        *(("CreateRule", rule, "test", True) for rule in rules),
        *(("ModifyRule", rule, "ecs", True) for rule in reversed(rules)),
    ]
    stages = [milestone["stage"] for milestone in deployment["timeline"]]
    assert stages[0] == "PRE_SCALE_UP"
    assert stages[-1] == "CLEAN_UP"
    at = [milestone["at"] for milestone in deployment["timeline"]]
    wall = [milestone["wall"] for milestone in deployment["timeline"]]
    assert at == sorted(at)
    assert at[-1] - at[0] > wall[-1] - wall[0]
    assert state["services"]["told"]["tasks"][0]["side"] == "green"
