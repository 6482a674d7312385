"""A service of aws_ecs_patterns that becomes a canary and goes back, with what judges it: functions, a schedule, tasks.

One emulator for all: a stack with ApplicationLoadBalancedFargateService, and a load on it while the stack changes.
"""

import itertools
import json
import shutil
import textwrap
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import boto3
import pytest
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_ecs_patterns as patterns
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as functions
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm

from bluegreen_constructs.rehearsal.emulator.coverage import uncovered
from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess

pytestmark = pytest.mark.emulator

SPEED = 120.0
APP = Path(__file__).with_name("answering_app.py")
TASKS = """
    [containers.web]
    command = ["{python}", "-S", "app.py"]
"""
# Calls what it is told to; as a hook, or when the schedule calls it, it notes its event and its clock.
FUNCTION = """
import boto3, json, os, uuid

def handler(event, context):
    if "call" in event:
        service, operation, arguments = event["call"]
        answer = getattr(boto3.client(service), operation)(**arguments)
        answer.pop("ResponseMetadata", None)
        return json.loads(json.dumps(answer, default=str))
    kind = event.get("lifecycleStage", "look")
    boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={
        "pk": {"S": kind}, "sk": {"S": str(uuid.uuid4())}, "event": {"S": json.dumps(event)},
        "clock": {"S": os.environ["BLUEGREEN_REHEARSED_CLOCK"]}})
    return {"hookStatus": "SUCCEEDED"}
"""
ALARM = "web-unhealthy"


class Web(cdk.Stack):
    """The stack in one of its shapes: `rolling`, or a canary between two groups behind rules of its own."""

    def __init__(self, scope: cdk.App, tag: str, *, canary: bool, strategy: str) -> None:
        super().__init__(scope, "Web", synthesizer=cdk.LegacyStackSynthesizer())
        vpc = ec2.Vpc(self, "Vpc", max_azs=2, nat_gateways=0)
        cluster = ecs.Cluster(self, "Cluster", cluster_name="web", vpc=vpc, enable_fargate_capacity_providers=True)
        web = patterns.ApplicationLoadBalancedFargateService(
            self,
            "Web",
            cluster=cluster,
            service_name="web",
            load_balancer_name="web",
            desired_count=2,
            min_healthy_percent=100,
            enable_execute_command=True,
            capacity_provider_strategies=[ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT", weight=1)],
            task_image_options=patterns.ApplicationLoadBalancedTaskImageOptions(
                image=ecs.ContainerImage.from_registry(f"repository/app:{tag}"), container_port=8080
            ),
        )
        web.target_group.configure_health_check(
            interval=cdk.Duration.seconds(5), timeout=cdk.Duration.seconds(2), healthy_threshold_count=2
        )
        web.target_group.set_attribute("deregistration_delay.timeout_seconds", "30")
        count = web.service.auto_scale_task_count(min_capacity=2, max_capacity=4)
        count.scale_on_cpu_utilization("Cpu", target_utilization_percent=50)
        count.scale_on_schedule("Evening", schedule=scaling.Schedule.cron(hour="18", minute="0"), min_capacity=2)
        self.service: Any = web.service.node.default_child
        self.judged = self._judge()
        if strategy:
            self.service.add_property_override("DeploymentConfiguration.Strategy", strategy)
        if canary:
            self._canary(web, vpc)

    def _judge(self) -> functions.CfnFunction:
        """The function, its table and schedule, the alarm on what it publishes, and whom that tells."""
        table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        function = functions.CfnFunction(
            self,
            "Judge",
            function_name="judge",
            runtime="python3.14",
            handler="index.handler",
            timeout=20,
            role=role.role_arn,
            code=functions.CfnFunction.CodeProperty(zip_file=FUNCTION),
            environment=functions.CfnFunction.EnvironmentProperty(variables={"TABLE": table.table_name}),
        )
        scheduler.CfnSchedule(
            self,
            "Look",
            schedule_expression="rate(1 minute)",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.attr_arn,
                role_arn=role.role_arn,
                input='{"look": true, "now": "<aws.scheduler.scheduled-time>"}',
            ),
        )
        topic = sns.Topic(self, "Told")
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                resources=[topic.topic_arn],
            )
        )
        cloudwatch.CfnAlarm(
            self,
            "Unhealthy",
            alarm_name=ALARM,
            namespace="BlueGreen",
            metric_name="Unhealthy",
            dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name="Target", value="Web/Web")],
            statistic="Maximum",
            period=60,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[topic.topic_arn],
        )
        ssm.StringParameter(self, "Settings", parameter_name="/bluegreen/targets/Web/Web", string_value="{}")
        self.table = table
        return function

    def _canary(self, web: patterns.ApplicationLoadBalancedFargateService, vpc: ec2.IVpc) -> None:
        green = elbv2.ApplicationTargetGroup(
            self,
            "Green",
            vpc=vpc,
            port=80,
            protocol=elbv2.ApplicationProtocol.HTTP,
            target_type=elbv2.TargetType.IP,
            deregistration_delay=cdk.Duration.seconds(30),
            health_check=elbv2.HealthCheck(
                interval=cdk.Duration.seconds(5), timeout=cdk.Duration.seconds(2), healthy_threshold_count=2
            ),
        )
        weighted = [
            elbv2.WeightedTargetGroup(target_group=web.target_group, weight=100),
            elbv2.WeightedTargetGroup(target_group=green, weight=0),
        ]
        rules = [
            elbv2.ApplicationListenerRule(
                self,
                name,
                listener=web.listener,
                priority=priority,
                conditions=[condition],
                action=elbv2.ListenerAction.weighted_forward(weighted),
            )
            for name, priority, condition in (
                ("Test", 10, elbv2.ListenerCondition.http_header("x-test", ["yes"])),
                ("Live", 20, elbv2.ListenerCondition.path_patterns(["/*"])),
            )
        ]
        role = iam.Role(self, "Infrastructure", assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"))
        self.service.add_property_override(
            "LoadBalancers.0.AdvancedConfiguration",
            {
                "AlternateTargetGroupArn": green.target_group_arn,
                "ProductionListenerRule": rules[1].listener_rule_arn,
                "TestListenerRule": rules[0].listener_rule_arn,
                "RoleArn": role.role_arn,
            },
        )
        hook = {
            "TargetType": "AWS_LAMBDA",
            "HookTargetArn": self.judged.attr_arn,
            "RoleArn": role.role_arn,
            "LifecycleStages": ["PRE_SCALE_UP", "PRE_PRODUCTION_TRAFFIC_SHIFT"],
            "HookDetails": json.dumps({"target": "Web/Web", "alarms": [ALARM]}),
        }
        for name, value in {
            "Strategy": "CANARY",
            "BakeTimeInMinutes": 2,
            "CanaryConfiguration": {"CanaryPercent": 20, "CanaryBakeTimeInMinutes": 3},
            "LifecycleHooks": [hook],
            "Alarms": {"AlarmNames": [ALARM], "Enable": True, "Rollback": True},
        }.items():
            self.service.add_property_override(f"DeploymentConfiguration.{name}", value)
        self.service.add_dependency(self.judged)


def template(tag: str, *, canary: bool = False, strategy: str = "") -> dict[str, Any]:
    app = cdk.App(analytics_reporting=False)
    Web(app, tag, canary=canary, strategy=strategy)
    return dict(app.synth().get_stack_by_name("Web").template)


class Load(threading.Thread):
    """Requests one after another, and what each was answered with."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.answers: Counter[str] = Counter()
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.005):
            try:
                with urllib.request.urlopen(self.url, timeout=10) as answer:
                    self.answers[answer.read().decode()] += 1
            except urllib.error.HTTPError as error:
                self.answers[f"failed {error.code}"] += 1
            except OSError as error:
                self.answers[f"failed {error}"] += 1

    def __enter__(self) -> "Load":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.join(15)

    def failed(self) -> list[str]:
        return [answer for answer in self.answers if answer.startswith("failed")]


class Account:
    """The emulator's account with the stack in it."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        self.client: Callable[[str], Any] = lambda name: boto3.client(name, endpoint_url=emulator.endpoint, **keys)
        self.ecs, self.elb, self.cfn = self.client("ecs"), self.client("elbv2"), self.client("cloudformation")
        self.functions = self.client("lambda")

    def deploy(self, body: dict[str, Any], expected: str, *, stack: str = "web", **more: Any) -> None:
        assert uncovered(body) == []
        given = {"StackName": stack, "TemplateBody": json.dumps(body), "Capabilities": ["CAPABILITY_IAM"], **more}
        (self.cfn.create_stack if expected == "CREATE_COMPLETE" else self.cfn.update_stack)(**given)
        self.wait(lambda: not self.status(stack).endswith("IN_PROGRESS"), 60)
        assert self.status(stack) == expected, self.reasons(stack)

    def status(self, stack: str) -> str:
        return str(self.cfn.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])

    def reasons(self, stack: str = "web") -> list[str]:
        events = self.cfn.describe_stack_events(StackName=stack)["StackEvents"]
        return [event["ResourceStatusReason"] for event in events if "ResourceStatusReason" in event]

    def physical(self, *logical: str, stack: str = "web") -> list[str]:
        found = self.cfn.describe_stack_resources(StackName=stack)["StackResources"]
        by_name = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}
        return [next(arn for name, arn in by_name.items() if name.startswith(one)) for one in logical]

    def wait(self, seen: Callable[[], object], seconds: float = 40) -> None:
        deadline = time.monotonic() + seconds
        while not seen():
            assert time.monotonic() < deadline, self.emulator.log.read_text()[-3000:]
            time.sleep(0.05)

    def now(self) -> float:
        clock: Any = self.emulator.state()["clock"]
        return float(clock["now"])

    def url(self) -> str:
        state: Any = self.emulator.state()["elbv2"]
        return f"http://{state['endpoints']['web']['80']}/predict"

    def share(self, rule: str, group: str) -> int:
        forward = self.elb.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"][0]["ForwardConfig"]
        return next(int(g["Weight"]) for g in forward["TargetGroups"] if g["TargetGroupArn"] == group)

    def service(self) -> dict[str, Any]:
        return dict(self.ecs.describe_services(cluster="web", services=["web"])["services"][0])

    def deployments(self) -> list[dict[str, Any]]:
        listed = self.ecs.list_service_deployments(cluster="web", service="web")["serviceDeployments"]
        arns = [deployment["serviceDeploymentArn"] for deployment in listed]
        return list(self.ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"])

    def call(self, service: str, operation: str, /, **arguments: Any) -> Any:
        """What the deployed function got from an AWS call of its own."""
        payload = json.dumps({"call": [service, operation, arguments]})
        answer = self.functions.invoke(FunctionName="judge", Payload=payload)
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return body

    def noted(self, kind: str) -> list[dict[str, Any]]:
        (table,) = self.physical("Table")
        found = self.client("dynamodb").query(
            TableName=table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": kind}},
            ConsistentRead=True,
        )["Items"]
        return [{"clock": item["clock"]["S"], **json.loads(item["event"]["S"])} for item in found]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("adopted")
    shutil.copy(APP, folder / "app.py")
    (folder / "tasks.toml").write_text(textwrap.dedent(TASKS))
    with EmulatorProcess(folder / "emulator", tasks_file=folder / "tasks.toml", speed=SPEED) as emulator:
        made = Account(emulator)
        made.deploy(template("v1"), "CREATE_COMPLETE")
        yield made


def test_a_deployed_function_calls_what_a_judge_calls_and_knows_the_rehearsed_time(account: Account) -> None:
    before = account.now()
    metric = {"Namespace": "BlueGreen", "MetricName": "Probe"}
    account.call(
        "cloudwatch", "put_metric_data", Namespace="BlueGreen", MetricData=[{"MetricName": "Probe", "Value": 7}]
    )
    stat = {"Metric": metric, "Period": 60, "Stat": "Maximum"}
    window = {"StartTime": int(before) - 60, "EndTime": int(account.now()) + 60}
    queries = [{"Id": "probe", "MetricStat": stat}]
    (result,) = account.call("cloudwatch", "get_metric_data", MetricDataQueries=queries, **window)["MetricDataResults"]
    assert result["Values"] == [7.0], "a datum without a time is of the rehearsed now"
    (alarm,) = account.call("cloudwatch", "describe_alarms", AlarmNames=[ALARM])["MetricAlarms"]
    assert alarm["Dimensions"] == [{"Name": "Target", "Value": "Web/Web"}]

    service = {"cluster": "web", "service": "web"}
    (brief, *_) = account.call("ecs", "list_service_deployments", **service)["serviceDeployments"]
    arn = brief["serviceDeploymentArn"]
    (deployment,) = account.call("ecs", "describe_service_deployments", serviceDeploymentArns=[arn])[
        "serviceDeployments"
    ]
    target = deployment["targetServiceRevision"]["arn"]
    (revision,) = account.call("ecs", "describe_service_revisions", serviceRevisionArns=[target])["serviceRevisions"]
    definition = account.call("ecs", "describe_task_definition", taskDefinition=revision["taskDefinition"])
    assert definition["taskDefinition"]["containerDefinitions"][0]["image"].startswith("repository/app:")
    (group,) = account.physical("WebLBPublicListenerECSGroup")
    assert revision["resolvedConfiguration"]["loadBalancers"][0]["targetGroupArn"] == group
    (listener,) = account.physical("WebLBPublicListenerB")
    rules = account.call("elbv2", "describe_rules", ListenerArn=listener)["Rules"]
    assert rules[-1]["Actions"][0]["TargetGroupArn"] == group
    found = account.call("ssm", "get_parameter", Name="/bluegreen/targets/Web/Web")
    assert found["Parameter"]["Value"] == "{}"

    account.wait(lambda: len(account.noted("look")) >= 3)
    origin, speed = map(float, account.noted("look")[0]["clock"].split("/"))
    state: Any = account.emulator.state()["clock"]
    assert (origin, speed) == (state["origin"], SPEED)
    account.call("dynamodb", "delete_item", TableName=account.physical("Table")[0], Key=_key("none"))


def _key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": "-"}}


def test_the_schedule_looks_every_rehearsed_minute_and_says_when(account: Account) -> None:
    def times() -> list[float]:
        return sorted(datetime.fromisoformat(event["now"]).timestamp() for event in account.noted("look"))

    def gaps() -> set[float]:
        return {later - earlier for earlier, later in itertools.pairwise(times())}

    account.wait(lambda: 60.0 in gaps())
    assert {gap % 60 for gap in gaps()} == {0.0}, "a busy machine may miss a minute, but nothing is fired between them"
    assert 0.0 not in gaps()
    assert times()[-1] <= account.now()
    assert {event["look"] for event in account.noted("look")} == {True}


def test_a_one_off_task_runs_its_command_and_shows_its_exit_code(account: Account) -> None:
    definition = account.service()["taskDefinition"]
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}

    def run(*command: str) -> str:
        override = {"name": "web", "command": list(command), "environment": [{"name": "TO", "value": "7"}]}
        started = account.ecs.run_task(
            cluster="web",
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration=network,
            startedBy="migration",
            overrides={"containerOverrides": [override]},
        )
        assert started["failures"] == []
        return str(started["tasks"][0]["taskArn"])

    def described(arn: str) -> dict[str, Any]:
        return dict(account.ecs.describe_tasks(cluster="web", tasks=[arn])["tasks"][0])

    code = "import os, sys; print('to', os.environ['TO'], os.environ['RELEASE']); sys.exit(3)"
    migrated = run("python", "-S", "-c", code)
    waiting = run("python", "-S", "-c", "import time; time.sleep(600)")
    account.wait(lambda: described(migrated)["lastStatus"] == "STOPPED")
    stopped = described(migrated)
    assert (stopped["containers"][0]["exitCode"], stopped["stopCode"]) == (3, "EssentialContainerExited")
    account.wait(lambda: described(waiting)["lastStatus"] == "RUNNING")
    listed = account.ecs.list_tasks(cluster="web", startedBy="migration")["taskArns"]
    assert listed == [waiting]
    account.ecs.stop_task(cluster="web", task=waiting, reason="took too long")
    account.wait(lambda: described(waiting)["lastStatus"] == "STOPPED")
    ended = described(waiting)
    assert (ended["containers"][0]["exitCode"], ended["stoppedReason"]) == (143, "took too long")
    told: Any = account.emulator.state()["ecs"]
    (log,) = [task["log"] for task in told["one_off_tasks"] if task["exit_codes"] == {"web": 3}]
    image = account.ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]["containerDefinitions"][0]
    assert log == [f"to 7 {image['image'].partition(':')[2]}"], "the build of the definition"
    assert account.service()["runningCount"] == 2, "a one-off task is none of the service's"


def test_a_rule_of_a_template_is_left_alone_until_it_changes_and_then_its_weights_come_back(account: Account) -> None:
    """The danger of a rule that CloudFormation owns, see https://github.com/aws/aws-cdk/issues/36649."""
    (listener,) = account.physical("WebLBPublicListenerB")
    vpc = account.physical("Vpc")[0]
    group = {"Port": 80, "Protocol": "HTTP", "TargetType": "ip", "VpcId": vpc}

    def owned(path: str = "/owned", note: str = "first") -> dict[str, Any]:
        groups = [{"TargetGroupArn": {"Ref": name}, "Weight": weight} for name, weight in (("A", 100), ("B", 0))]
        return {
            "Resources": {
                "A": {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": group},
                "B": {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": group},
                "Note": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": note}},
                "Rule": {
                    "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
                    "Properties": {
                        "ListenerArn": listener,
                        "Priority": 5,
                        "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": [path]}}],
                        "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
                    },
                },
            }
        }

    account.deploy(owned(), "CREATE_COMPLETE", stack="owned")
    rule, live, candidate = account.physical("Rule", "A", "B", stack="owned")

    def shift() -> None:
        shares = [{"TargetGroupArn": live, "Weight": 0}, {"TargetGroupArn": candidate, "Weight": 100}]
        actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": shares}}]
        account.elb.modify_rule(RuleArn=rule, Actions=actions)

    shift()
    account.deploy(owned(note="second"), "UPDATE_COMPLETE", stack="owned")
    (note,) = account.physical("Note", stack="owned")
    assert account.client("ssm").get_parameter(Name=note)["Parameter"]["Value"] == "second"
    assert account.share(rule, candidate) == 100, "no call when the template's rule did not change"
    account.deploy(owned("/moved", "second"), "UPDATE_COMPLETE", stack="owned")
    assert account.share(rule, candidate) == 0, "a changed condition writes the template's weights, too"
    shift()
    account.deploy(owned("/moved", "second"), "UPDATE_COMPLETE", stack="owned", Tags=[{"Key": "team", "Value": "a"}])
    assert account.share(rule, candidate) == 0, "so does a tag of the stack"


def test_a_running_service_is_adopted_judged_and_left_without_a_failed_request(account: Account) -> None:
    arn = account.service()["serviceArn"]
    with Load(account.url()) as load:
        account.wait(lambda: load.answers["v1"] > 20)
        account.deploy(template("v2", canary=True), "UPDATE_COMPLETE")
        rule, green = account.physical("Live", "Green")
        assert account.share(rule, green) == 100
        account.wait(lambda: load.answers["v2"] > 20)
        account.deploy(template("v3", canary=True), "UPDATE_COMPLETE")
        assert account.share(rule, green) == 0
        before = dict(load.answers)
        account.deploy(template("v4"), "UPDATE_ROLLBACK_COMPLETE")
        assert any("advancedConfiguration field is required" in reason for reason in account.reasons())
        assert account.share(rule, green) == 0
        account.wait(lambda: load.answers["v3"] > before.get("v3", 0) + 20)
        _an_alarm_of_the_judges_own_rolls_back(account)
        account.deploy(template("v4", strategy="ROLLING"), "UPDATE_COMPLETE")
        account.wait(lambda: load.answers["v4"] > 20)
    assert load.failed() == [], load.answers
    assert account.service()["serviceArn"] == arn
    found = account.cfn.describe_stack_resources(StackName="web")["StackResources"]
    assert not [one for one in found if one["ResourceType"] == "AWS::ElasticLoadBalancingV2::ListenerRule"]
    statuses = [deployment["status"] for deployment in account.deployments()]
    back = ["ROLLBACK_SUCCESSFUL"] * 2
    assert statuses == ["SUCCESSFUL", *back, "SUCCESSFUL", "SUCCESSFUL", "SUCCESSFUL"]
    _the_hooks_were_asked_before_the_start_and_before_each_step(account)


def test_a_service_whose_alternate_group_is_live_cannot_be_left_without_losing_requests(account: Account) -> None:
    """ECS moves no weight in a rolling deployment: the rule points at the group that is emptied until it is deleted."""
    account.deploy(template("v5", canary=True), "UPDATE_COMPLETE")
    rule, green = account.physical("Live", "Green")
    assert account.share(rule, green) == 100
    with Load(account.url()) as load:
        account.deploy(template("v6", strategy="ROLLING"), "UPDATE_COMPLETE")
        account.wait(lambda: load.answers["v6"] > 20)
    assert "failed 503" in load.failed(), load.answers
    assert account.service()["runningCount"] == 2


def _an_alarm_of_the_judges_own_rolls_back(account: Account) -> None:
    """A release that the judge's metric condemns in the middle of a step; then it is stopped by the function itself."""
    service = account.service()
    present = account.ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    kept = ("family", "networkMode", "containerDefinitions", "requiresCompatibilities", "cpu", "memory")
    definition = {name: present[name] for name in kept}
    definition["containerDefinitions"][0]["image"] = "repository/app:bad"
    bad = account.ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
    account.ecs.update_service(
        cluster="web",
        service="web",
        taskDefinition=bad,
        deploymentConfiguration={"canaryConfiguration": {"canaryPercent": 20, "canaryBakeTimeInMinutes": 1000}},
    )
    account.wait(lambda: account.deployments()[0].get("targetServiceRevision", {})["requestedProductionTrafficWeight"])
    datum = {"MetricName": "Unhealthy", "Value": 1, "Dimensions": [{"Name": "Target", "Value": "Web/Web"}]}
    began = account.now()
    account.call("cloudwatch", "put_metric_data", Namespace="BlueGreen", MetricData=[datum])
    account.wait(lambda: account.deployments()[0]["status"] == "ROLLBACK_SUCCESSFUL")
    newest = account.deployments()[0]
    assert newest["alarms"]["triggeredAlarmNames"] == [ALARM]
    assert newest["rollback"]["startedAt"].timestamp() - began < 300, "within a few rehearsed minutes"
    assert account.service()["taskDefinition"] == service["taskDefinition"]
    state = account.client("cloudwatch").describe_alarms
    account.wait(lambda: state(AlarmNames=[ALARM])["MetricAlarms"][0]["StateValue"] == "OK")
    account.ecs.update_service(cluster="web", service="web", taskDefinition=bad)
    account.wait(lambda: account.deployments()[0].get("targetServiceRevision", {})["requestedProductionTrafficWeight"])
    running = account.deployments()[0]["serviceDeploymentArn"]
    account.call("ecs", "stop_service_deployment", serviceDeploymentArn=running, stopType="ROLLBACK")
    account.wait(lambda: account.deployments()[0]["status"] == "ROLLBACK_SUCCESSFUL")


def _the_hooks_were_asked_before_the_start_and_before_each_step(account: Account) -> None:
    began, steps = account.noted("PRE_SCALE_UP"), account.noted("PRE_PRODUCTION_TRAFFIC_SHIFT")
    by_deployment = Counter(event["resourceArn"] for event in steps)
    assert len(began) == 4, "one for each canary, none for a rolling deployment"
    assert sorted(by_deployment.values()) == [1, 1, 2, 2], "before 20 % and before 100 %; two did not come to that"
    for event in (*began, *steps):
        assert event["hookDetails"] == {"target": "Web/Web", "alarms": [ALARM]}
        assert event["executionDetails"]["serviceArn"] == account.service()["serviceArn"]
        assert ":service-revision/web/web/" in event["executionDetails"]["targetServiceRevisionArn"]
        assert ":service-deployment/web/web/" in event["resourceArn"]
