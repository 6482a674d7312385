"""CodeDeploy inside the emulator, driven as a user drives AWS: a stack, deployments, real tasks behind listeners."""

import io
import json
import textwrap
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess

SPEED = 120.0  # a rehearsed minute is half a second
APP = """
    import http.server, os, sys

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = os.environ["RELEASE"].encode()
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
    import boto3, json, os
    def handler(event, context):
        with open(os.environ["SEEN"], "a") as seen:
            seen.write(json.dumps(event) + chr(10))
        if os.environ["STATUS"]:
            boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
                deploymentId=event["DeploymentId"],
                lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
                status=os.environ["STATUS"],
            )
"""
ENDED = {"Succeeded", "Failed", "Stopped"}
EVENTS = (
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
)
ROLE = "arn:aws:iam::123456789012:role/any"
ALL = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]


class Aws:
    """One emulator with a network and a load balancer."""

    def __init__(self, emulator: EmulatorProcess, folder: Path) -> None:
        self.emulator = emulator
        self.folder = folder
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        self.client: Callable[[str], Any] = lambda name: boto3.client(name, endpoint_url=emulator.endpoint, **keys)
        self.ecs, self.elb, self.cfn = self.client("ecs"), self.client("elbv2"), self.client("cloudformation")
        self.codedeploy = self.client("codedeploy")
        ec2 = self.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        self.balancer = self.elb.create_load_balancer(Name="lb", Subnets=[self.subnet])["LoadBalancers"][0]
        self.ecs.create_cluster(clusterName="c")
        self.port = 1000

    def definition(self, family: str, tag: str) -> str:
        container = {
            "name": "app",
            "image": f"repository/app:{tag}",
            "portMappings": [{"containerPort": 8080}],
            "stopTimeout": 2,
        }
        answer = self.ecs.register_task_definition(
            family=family, networkMode="awsvpc", containerDefinitions=[container]
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def function(self, name: str, status: str) -> Path:
        """A hook's function; what it was called with is in the file that is returned."""
        package, seen = io.BytesIO(), self.folder / f"{name}.jsonl"
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("hook.py", textwrap.dedent(HOOK))
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="hook.handler",
            Role=ROLE,
            Code={"ZipFile": package.getvalue()},
            Environment={"Variables": {"SEEN": str(seen), "STATUS": status}},
        )
        return seen

    def events_of(self, source: str) -> Callable[[], list[dict[str, Any]]]:
        """What EventBridge is told from now on: read once, at the end."""
        events, queues = self.client("events"), self.client("sqs")
        queue = queues.create_queue(QueueName="events")["QueueUrl"]
        target = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="events", EventPattern=json.dumps({"source": [source]}))
        events.put_targets(Rule="events", Targets=[{"Id": "events", "Arn": target}])

        def read() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            while messages := queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
                found.extend(json.loads(message["Body"]) for message in messages)
            return found

        return read

    def stack(self, name: str) -> str:
        return str(until(lambda: self._status(name), lambda status: not status.endswith("IN_PROGRESS")))

    def _status(self, name: str) -> str:
        try:
            return str(self.cfn.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        except ClientError:  # a deleted stack is no longer found by its name
            return "DELETE_COMPLETE"


def until(look: Callable[[], Any], is_wanted: Callable[[Any], bool], seconds: float = 40) -> Any:
    """What `look` sees once it is as wanted."""
    deadline = time.monotonic() + seconds
    while not is_wanted(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    return seen


class Deployed:
    """A service with its listeners, rules and deployment group, made by a stack."""

    def __init__(self, aws: Aws, name: str, **group: Any) -> None:
        self.aws, self.name, self.group = aws, name, group
        self.first = aws.definition(name, "v1")
        aws.port += 2
        self.ports = (aws.port, aws.port + 1)
        self.template = self.made()
        aws.cfn.create_stack(StackName=name, TemplateBody=json.dumps(self.template))
        assert aws.stack(name) == "CREATE_COMPLETE", aws.cfn.describe_stack_events(StackName=name)
        self.stack = {
            r["LogicalResourceId"]: r["PhysicalResourceId"]
            for r in aws.cfn.describe_stack_resources(StackName=name)["StackResources"]
        }

    def made(self, **service: object) -> dict[str, Any]:
        groups = {side: self._group(side) for side in ("blue", "green")}
        traffic = [
            {"TargetGroupArn": {"Ref": "blue"}, "Weight": 100},
            {"TargetGroupArn": {"Ref": "green"}, "Weight": 0},
        ]
        routes: dict[str, Any] = {}
        for what, port in zip(("Production", "Test"), self.ports, strict=True):
            routes[what] = {
                "Type": "AWS::ElasticLoadBalancingV2::Listener",
                "Properties": {
                    "LoadBalancerArn": self.aws.balancer["LoadBalancerArn"],
                    "Protocol": "HTTP",
                    "Port": port,
                    "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
                },
            }
            routes[f"{what}Rule"] = {
                "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
                "Properties": {
                    "ListenerArn": {"Ref": what},
                    "Priority": 1,
                    "Conditions": [{"Field": "path-pattern", "Values": ["/*"]}],
                    "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": traffic}}],
                },
            }
        return {"Resources": {**groups, **routes, **self._service(service), **self._code_deploy()}}

    def _group(self, side: str) -> dict[str, Any]:
        return {
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": {
                "Name": f"{self.name}-{side}",
                "Protocol": "HTTP",
                "Port": 8080,
                "VpcId": self.aws.vpc,
                "TargetType": "ip",
                "HealthCheckIntervalSeconds": 5,
                "HealthCheckTimeoutSeconds": 2,
                "HealthyThresholdCount": 2,
                "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}],
            },
        }

    def _service(self, changes: dict[str, object]) -> dict[str, Any]:
        balancer = {"ContainerName": "app", "ContainerPort": 8080, "TargetGroupArn": {"Ref": "blue"}}
        service = {
            "ServiceName": self.name,
            "Cluster": "c",
            "TaskDefinition": self.name,
            "LaunchType": "FARGATE",
            "DeploymentController": {"Type": "CODE_DEPLOY"},
            "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": [self.aws.subnet]}},
            "LoadBalancers": [balancer],
            **changes,
        }
        return {"Service": {"Type": "AWS::ECS::Service", "DependsOn": "ProductionRule", "Properties": service}}

    def _code_deploy(self) -> dict[str, Any]:
        group = {
            "ApplicationName": {"Ref": "Application"},
            "DeploymentGroupName": "all",
            "DeploymentConfigName": {"Ref": "Canary"},
            "ServiceRoleArn": ROLE,
            "DeploymentStyle": {"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"},
            "ECSServices": [{"ClusterName": "c", "ServiceName": {"Fn::GetAtt": ["Service", "Name"]}}],
            "BlueGreenDeploymentConfiguration": {
                "DeploymentReadyOption": {"ActionOnTimeout": "CONTINUE_DEPLOYMENT", "WaitTimeInMinutes": 0},
                "TerminateBlueInstancesOnDeploymentSuccess": {
                    "Action": "TERMINATE",
                    "TerminationWaitTimeInMinutes": 4,
                },
            },
            "AutoRollbackConfiguration": {"Enabled": True, "Events": ALL},
            "LoadBalancerInfo": {
                "TargetGroupPairInfoList": [
                    {
                        "TargetGroups": [{"Name": f"{self.name}-blue"}, {"Name": f"{self.name}-green"}],
                        "ProdTrafficRoute": {"ListenerArns": [{"Ref": "Production"}]},
                        "TestTrafficRoute": {"ListenerArns": [{"Ref": "Test"}]},
                    }
                ]
            },
            **self.group,
        }
        shift = {"CanaryInterval": 2, "CanaryPercentage": 10}
        return {
            "Application": {
                "Type": "AWS::CodeDeploy::Application",
                "Properties": {"ApplicationName": self.name, "ComputePlatform": "ECS"},
            },
            "Canary": {
                "Type": "AWS::CodeDeploy::DeploymentConfig",
                "Properties": {
                    "ComputePlatform": "ECS",
                    "TrafficRoutingConfig": {"Type": "TimeBasedCanary", "TimeBasedCanary": shift},
                },
            },
            "Group": {"Type": "AWS::CodeDeploy::DeploymentGroup", "Properties": group},
        }

    def deploy(self, tag: str, hooks: tuple[dict[str, str], ...] = ()) -> str:
        """Start a deployment of a build; its id."""
        return self.start(self.aws.definition(self.name, tag), hooks)

    def start(self, definition: str, hooks: tuple[dict[str, str], ...] = (), **request: object) -> str:
        properties = {
            "TaskDefinition": definition,
            "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080},
        }
        service = {"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}
        spec = json.dumps({"version": 0.0, "Resources": [service], "Hooks": list(hooks)})
        revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": spec}}
        answer = self.aws.codedeploy.create_deployment(
            applicationName=self.name, deploymentGroupName="all", revision=revision, **request
        )
        return str(answer["deploymentId"])

    def info(self, deployment: str) -> dict[str, Any]:
        return dict(self.aws.codedeploy.get_deployment(deploymentId=deployment)["deploymentInfo"])

    def wait(self, deployment: str, status: str) -> dict[str, Any]:
        return dict(until(lambda: self.info(deployment), lambda it: it["status"] in {status, *ENDED}))

    def ended(self, deployment: str) -> dict[str, Any]:
        return dict(until(lambda: self.info(deployment), lambda it: it["status"] in ENDED))

    def target(self, deployment: str) -> dict[str, Any]:
        answer = self.aws.codedeploy.get_deployment_target(deploymentId=deployment, targetId=f"c:{self.name}")
        return dict(answer["deploymentTarget"]["ecsTarget"])

    def events(self, deployment: str) -> dict[str, str]:
        return {event["lifecycleEventName"]: event["status"] for event in self.target(deployment)["lifecycleEvents"]}

    def weights(self, rule: str = "ProductionRule") -> dict[str, int]:
        forward = self.aws.elb.describe_rules(RuleArns=[self.stack[rule]])["Rules"][0]["Actions"][0]["ForwardConfig"]
        return {g["TargetGroupArn"].split("/")[1].split("-")[-1]: g["Weight"] for g in forward["TargetGroups"]}

    def service(self) -> dict[str, Any]:
        return dict(self.aws.ecs.describe_services(cluster="c", services=[self.name])["services"][0])

    def answer(self, listener: str) -> str:
        """Who answers on a listener: Production, Test."""
        state: Any = self.aws.emulator.state()
        port = self.ports[0] if listener == "Production" else self.ports[1]
        address = state["elbv2"]["endpoints"]["lb"][str(port)]
        with urllib.request.urlopen(f"http://{address}/", timeout=5) as response:
            return str(response.read().decode())


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    folder = tmp_path_factory.mktemp("codedeploy")
    (folder / "app.py").write_text(textwrap.dedent(APP))
    (folder / "tasks.toml").write_text(textwrap.dedent(TASKS))
    with EmulatorProcess(folder / "emulator", tasks_file=folder / "tasks.toml", speed=SPEED) as emulator:
        yield Aws(emulator, folder)


def test_a_good_release_gets_a_tenth_then_everything_and_the_former_task_set_ends(aws: Aws) -> None:
    it = Deployed(aws, "good")
    (first,) = it.service()["taskSets"]
    assert (first["status"], first["taskDefinition"], it.service()["deployments"]) == ("PRIMARY", it.first, [])
    second = aws.definition("good", "v2")
    events = aws.events_of("aws.codedeploy")

    deployment = it.start(second, deploymentConfigName="CodeDeployDefault.ECSCanary10Percent15Minutes")
    until(it.weights, lambda weights: weights["green"] > 0)
    assert (it.weights(), it.weights("TestRule")) == ({"blue": 90, "green": 10}, {"blue": 0, "green": 100})
    assert it.service()["taskDefinition"] == it.first
    until(lambda: it.answer("Test"), lambda answer: answer == "v2")
    blue, green = it.target(deployment)["taskSetsInfo"]
    assert (blue["taskSetLabel"], blue["status"], blue["trafficWeight"]) == ("Blue", "PRIMARY", 90.0)
    assert (green["taskSetLabel"], green["status"], green["trafficWeight"]) == ("Green", "ACTIVE", 10.0)
    with pytest.raises(ClientError, match=rf"'all' already has an active Deployment '{deployment}'") as refused:
        it.start(second)
    assert refused.value.response["Error"]["Code"] == "DeploymentLimitExceededException"
    assert it.events(deployment)["AllowTraffic"] == "InProgress"

    waiting = until(lambda: it.info(deployment), lambda info: info["instanceTerminationWaitTimeStarted"])
    assert (waiting["status"], it.weights()) == ("InProgress", {"blue": 0, "green": 100})
    assert {one["taskDefinition"]: one["status"] for one in it.service()["taskSets"]} == {
        it.first: "ACTIVE",
        second: "PRIMARY",
    }
    ended = it.ended(deployment)
    assert (ended["status"], ended["deploymentOverview"]["Succeeded"]) == ("Succeeded", 1)
    assert it.events(deployment) == dict.fromkeys(EVENTS, "Succeeded")
    service = until(it.service, lambda one: len(one["taskSets"]) == 1 and one["runningCount"] == 1)
    assert (service["taskDefinition"], service["taskSets"][0]["externalId"]) == (second, deployment)
    assert service["loadBalancers"][0]["targetGroupArn"] == it.stack["green"]
    until(lambda: it.answer("Production"), lambda answer: answer == "v2")
    calls: Any = aws.emulator.state()["calls"]
    rules = {call["caller"] for call in calls["rule_calls"] if call["action"] == "ModifyRule"}
    assert rules == {"codedeploy"}
    told = [event["detail"] for event in events() if event["detail"]["deploymentId"] == deployment]
    assert {(one["state"], one["application"], one["deploymentGroup"]) for one in told} == {
        ("START", "good", "all"),
        ("SUCCESS", "good", "all"),
    }
    group = aws.codedeploy.get_deployment_group(applicationName="good", deploymentGroupName="all")
    assert group["deploymentGroupInfo"]["lastSuccessfulDeployment"]["deploymentId"] == deployment
    state: Any = aws.emulator.state()
    sides = {task["revision"]: task["side"] for task in state["ecs"]["services"]["good"]["tasks"]}
    assert sides == {first["taskSetArn"]: "blue", service["taskSets"][0]["taskSetArn"]: "green"}

    aws.cfn.delete_stack(StackName="good")
    assert aws.stack("good") == "DELETE_COMPLETE"
    assert it.service()["status"] == "INACTIVE"
    with pytest.raises(ClientError, match="No application found for name: good"):
        it.start(second)


def test_hooks_are_asked_in_their_order_and_a_no_rolls_back_before_any_user_meets_the_release(aws: Aws) -> None:
    it = Deployed(aws, "hooked")
    yes, no = aws.function("says-yes", "Succeeded"), aws.function("says-no", "Failed")
    second = aws.definition("hooked", "v2")
    deployment = it.start(second, ({"AfterInstall": "says-yes"}, {"AfterAllowTestTraffic": "says-no"}))
    failed = it.ended(deployment)
    assert failed["status"] == "Failed"
    assert failed["errorInformation"] == {
        "code": "HOOK_EXECUTION_FAILURE",
        "message": "The deployment failed because one or more of the lifecycle event validation functions failed.",
    }
    assert it.events(deployment) == {
        **dict.fromkeys(EVENTS[:4], "Succeeded"),
        "AfterAllowTestTraffic": "Failed",
        **dict.fromkeys(EVENTS[5:], "Skipped"),
    }
    for seen in (yes, no):
        (event,) = [json.loads(line) for line in seen.read_text().splitlines()]
        assert event.keys() == {"DeploymentId", "LifecycleEventHookExecutionId"}
        assert event["DeploymentId"] == deployment
    with pytest.raises(ClientError) as late:
        aws.codedeploy.put_lifecycle_event_hook_execution_status(
            deploymentId=deployment,
            lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
            status="Succeeded",
        )
    assert late.value.response["Error"]["Code"] == "LifecycleEventAlreadyCompletedException"

    rollback = failed["rollbackInfo"]["rollbackDeploymentId"]
    back = it.ended(rollback)
    assert (back["status"], back["creator"]) == ("Succeeded", "codeDeployRollback")
    assert back["deploymentConfigName"] == "CodeDeployDefault.ECSAllAtOnce"
    assert back["rollbackInfo"]["rollbackTriggeringDeploymentId"] == deployment
    assert it.first in back["revision"]["appSpecContent"]["content"]
    assert (it.weights(), it.weights("TestRule")) == ({"blue": 100, "green": 0}, {"blue": 100, "green": 0})
    (left,) = until(it.service, lambda one: len(one["taskSets"]) == 1)["taskSets"]
    assert (left["taskDefinition"], left["status"], it.answer("Production")) == (it.first, "PRIMARY", "v1")
    calls: Any = aws.emulator.state()["calls"]
    written = [one for one in calls["rule_calls"] if one["arn"] == it.stack["ProductionRule"] and one["writes_actions"]]
    assert written == [], "production was never shifted"
    listed = aws.codedeploy.list_deployments(applicationName="hooked", deploymentGroupName="all")["deployments"]
    assert listed == [rollback, deployment]
    found = aws.codedeploy.list_deployments(
        applicationName="hooked", deploymentGroupName="all", includeOnlyStatuses=["Failed"]
    )
    assert found["deployments"] == [deployment]


def test_an_alarm_in_the_shift_stops_the_deployment_and_all_traffic_goes_back(aws: Aws) -> None:
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
    it = Deployed(aws, "alarmed", AlarmConfiguration={"Enabled": True, "Alarms": [{"Name": "errors"}]})
    deployment = it.start(
        aws.definition("alarmed", "v2"), deploymentConfigName="CodeDeployDefault.ECSCanary10Percent15Minutes"
    )
    until(it.weights, lambda weights: weights == {"blue": 90, "green": 10})
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
    stopped = it.ended(deployment)
    assert (stopped["status"], stopped["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert "Activated alarms: <errors>" in stopped["errorInformation"]["message"]
    assert it.ended(stopped["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
    assert it.weights() == {"blue": 100, "green": 0}
    assert (it.events(deployment)["AllowTraffic"], it.events(deployment)["AfterAllowTraffic"]) == ("Failed", "Skipped")

    again = it.ended(it.deploy("v3"))
    assert (again["status"], again["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE"), "it still rings"


def test_a_stop_in_the_termination_wait_brings_the_former_task_set_back(aws: Aws) -> None:
    wait = {
        "TerminateBlueInstancesOnDeploymentSuccess": {"Action": "TERMINATE", "TerminationWaitTimeInMinutes": "600"},
    }
    it = Deployed(
        aws,
        "stopped",
        BlueGreenDeploymentConfiguration=wait,
        DeploymentConfigName="CodeDeployDefault.ECSAllAtOnce",
        AutoRollbackConfiguration={"Enabled": "false"},
    )
    deployment = it.deploy("v2")
    until(lambda: it.info(deployment), lambda info: info["instanceTerminationWaitTimeStarted"])
    until(lambda: it.answer("Production"), lambda answer: answer == "v2")
    asked = aws.codedeploy.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
    assert asked["status"] == "Pending"
    stopped = it.ended(deployment)
    assert (stopped["status"], stopped["errorInformation"]["code"]) == ("Stopped", "MANUAL_STOP")
    assert it.ended(stopped["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
    assert (it.weights(), it.service()["taskDefinition"]) == ({"blue": 100, "green": 0}, it.first)
    assert aws.codedeploy.stop_deployment(deploymentId=deployment)["status"] == "Succeeded"

    left = it.deploy("v3")
    until(lambda: it.info(left), lambda info: info["instanceTerminationWaitTimeStarted"])
    aws.codedeploy.stop_deployment(deploymentId=left)
    assert "rollbackInfo" not in it.ended(left), "the group rolls nothing back by itself"
    assert it.weights() == {"blue": 0, "green": 100}

    last = it.deploy("v4")
    until(lambda: it.info(last), lambda info: info["instanceTerminationWaitTimeStarted"])
    assert it.weights() == {"blue": 100, "green": 0}, "what the stopped one left behind made room"
    aws.codedeploy.continue_deployment(deploymentId=last, deploymentWaitType="TERMINATION_WAIT")
    assert it.ended(last)["status"] == "Succeeded"


def test_a_deployment_waits_to_be_continued_and_stops_when_nobody_does(aws: Aws) -> None:
    def waits(minutes: int) -> dict[str, Any]:
        return {
            "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": minutes},
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 0},
        }

    def update(minutes: int) -> None:
        aws.codedeploy.update_deployment_group(
            applicationName="approved",
            currentDeploymentGroupName="all",
            blueGreenDeploymentConfiguration=waits(minutes),
        )

    it = Deployed(aws, "approved")
    update(600)
    deployment = it.deploy("v2")
    ready = it.wait(deployment, "Ready")
    assert (ready["status"], it.target(deployment)["status"]) == ("Ready", "Ready")
    until(lambda: it.answer("Test"), lambda answer: answer == "v2")
    assert it.answer("Production") == "v1"
    with pytest.raises(ClientError) as early:
        aws.codedeploy.continue_deployment(deploymentId=deployment, deploymentWaitType="TERMINATION_WAIT")
    assert early.value.response["Error"]["Code"] == "DeploymentIsNotInReadyStateException"
    aws.codedeploy.continue_deployment(deploymentId=deployment, deploymentWaitType="READY_WAIT")
    assert it.ended(deployment)["status"] == "Succeeded"
    with pytest.raises(ClientError) as over:
        aws.codedeploy.continue_deployment(deploymentId=deployment)
    assert over.value.response["Error"]["Code"] == "DeploymentAlreadyCompletedException"

    update(2)
    stopped = it.ended(it.deploy("v3"))
    assert (stopped["status"], stopped["errorInformation"]) == (
        "Stopped",
        {
            "code": "TIMEOUT",
            "message": "The deployment timed out while waiting for a notification to continue. This time out period "
            "is 2 minutes.",
        },
    )
    assert it.ended(stopped["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
    assert (it.weights(), it.answer("Production")) == ({"blue": 0, "green": 100}, "v2")


def test_what_codedeploy_controls_is_refused_by_updates_and_the_desired_count_is_not(aws: Aws) -> None:
    it = Deployed(aws, "kept")
    second = aws.definition("kept", "v2")
    sentence = (
        "Unable to update task definition on services with a CODE_DEPLOY deployment controller. "
        "Use AWS CodeDeploy to trigger a new deployment."
    )
    with pytest.raises(ClientError, match=sentence):
        aws.ecs.update_service(cluster="c", service="kept", taskDefinition=second)
    with pytest.raises(ClientError, match="Cannot force a new deployment on services with a CODE_DEPLOY"):
        aws.ecs.update_service(cluster="c", service="kept", forceNewDeployment=True)
    network = {"awsvpcConfiguration": {"subnets": ["subnet-other"]}}
    with pytest.raises(ClientError, match="Unable to update network parameters on services with a CODE_DEPLOY"):
        aws.ecs.update_service(cluster="c", service="kept", networkConfiguration=network)
    aws.ecs.update_service(cluster="c", service="kept", desiredCount=2, healthCheckGracePeriodSeconds=60)
    scaled = until(it.service, lambda one: one["runningCount"] == 2)
    assert scaled["taskSets"][0]["computedDesiredCount"] == 2

    changed = it.made(TaskDefinition=second, DesiredCount=2)
    aws.cfn.update_stack(StackName="kept", TemplateBody=json.dumps(changed))
    assert aws.stack("kept") == "UPDATE_ROLLBACK_COMPLETE"
    events = aws.cfn.describe_stack_events(StackName="kept")["StackEvents"]
    assert any(sentence in event.get("ResourceStatusReason", "") for event in events)
    assert it.service()["taskDefinition"] == it.first


def test_what_cannot_be_deployed_is_refused_with_the_name_of_the_error(aws: Aws) -> None:
    codedeploy = aws.codedeploy

    def code(call: Callable[[], object]) -> str:
        with pytest.raises(ClientError) as refused:
            call()
        return str(refused.value.response["Error"]["Code"])

    assert code(lambda: codedeploy.get_deployment(deploymentId="d-NONE")) == "DeploymentDoesNotExistException"
    assert code(lambda: codedeploy.get_application(applicationName="no")) == "ApplicationDoesNotExistException"
    assert code(lambda: codedeploy.get_deployment_config(deploymentConfigName="no")) == (
        "DeploymentConfigDoesNotExistException"
    )
    codedeploy.create_application(applicationName="fleet", computePlatform="Server")
    codedeploy.create_deployment_group(
        applicationName="fleet", deploymentGroupName="Blue", serviceRoleArn=ROLE, autoScalingGroups=["asg"]
    )
    group = codedeploy.get_deployment_group(applicationName="fleet", deploymentGroupName="Blue")["deploymentGroupInfo"]
    assert (group["computePlatform"], group["deploymentConfigName"]) == ("Server", "CodeDeployDefault.OneAtATime")
    bucket = {"revisionType": "S3", "s3Location": {"bucket": "b", "key": "k", "bundleType": "zip"}}
    with pytest.raises(ClientError, match="deployments of the compute platform Server are not played"):
        codedeploy.create_deployment(applicationName="fleet", deploymentGroupName="Blue", revision=bucket)
    codedeploy.create_application(applicationName="web", computePlatform="ECS")
    with pytest.raises(ClientError, match="must be configured for a CODE_DEPLOY deployment controller"):
        codedeploy.create_deployment_group(
            applicationName="web",
            deploymentGroupName="all",
            serviceRoleArn=ROLE,
            deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            ecsServices=[{"clusterName": "c", "serviceName": "none"}],
            loadBalancerInfo={
                "targetGroupPairInfoList": [
                    {
                        "targetGroups": [{"name": "one"}, {"name": "two"}],
                        "prodTrafficRoute": {"listenerArns": ["arn:listener"]},
                    }
                ]
            },
        )
    assert codedeploy.list_applications()["applications"].count("fleet") == 1
