"""What of a stack's resources still exists: asked of each service itself, not of CloudFormation."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..engine.errors import RehearsalError
from .aws_apis import AwsApis

# What cannot outlive the resource that holds it, and has no list of its own to ask.
HELD_BY_ANOTHER: Mapping[str, str] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "shown by the rehearsal's state, looked at apart",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "shown by the rehearsal's state, looked at apart",
    "AWS::EC2::Route": "its route table",
    "AWS::EC2::SecurityGroupEgress": "its security group",
    "AWS::EC2::SecurityGroupIngress": "its security group",
    "AWS::EC2::SubnetRouteTableAssociation": "its route table",
    "AWS::EC2::VPCGatewayAttachment": "its gateway",
    "AWS::IAM::Policy": "its role",
    "AWS::Lambda::EventInvokeConfig": "its function",
    "AWS::Lambda::Permission": "its function",
    "AWS::S3::BucketPolicy": "its bucket",
    "AWS::SQS::QueuePolicy": "its queue",
    "AWS::CDK::Metadata": "nothing: it describes the template",
    "Custom::S3AutoDeleteObjects": "its bucket",
    "Custom::TrafficRule": "its listener, whose rules are looked at by their ARNs",
    "Custom::VpcRestrictDefaultSG": "its VPC",
}


@dataclass(frozen=True)
class Owned:
    """One resource of a stack before it was destroyed; `is_kept` when its template says that it stays."""

    kind: str
    id: str
    is_kept: bool = False


def owned_by(stacks: Sequence[str], apis: AwsApis) -> tuple[Owned, ...]:
    """Everything that the stacks hold; raises RehearsalError for a type that nobody could look for afterwards."""
    found = tuple(
        Owned(resource["ResourceType"], resource["PhysicalResourceId"], is_kept=resource["LogicalResourceId"] in kept)
        for stack in stacks
        for kept in [_kept(stack, apis)]
        for resource in apis.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    )
    unknown = sorted({one.kind for one in found} - _LISTS.keys() - HELD_BY_ANOTHER.keys())
    if unknown:
        raise RehearsalError(
            f"nobody knows how to look for leftovers of {', '.join(unknown)}: add a list to rehearsal/leftovers.py"
        )
    return found


def _kept(stack: str, apis: AwsApis) -> set[str]:
    """The logical ids of what the template keeps when the stack goes."""
    body = apis.cloudformation.get_template(StackName=stack)["TemplateBody"]
    template = json.loads(body) if isinstance(body, str) else body
    return {
        name
        for name, resource in template["Resources"].items()
        if str(resource.get("DeletionPolicy", "Delete")).startswith("Retain")
    }


def still_there(owned: Iterable[Owned], apis: AwsApis) -> list[str]:
    """Which of the resources exist that should not, each as `type id`."""
    by_kind: dict[str, set[str]] = {}
    for one in owned:
        if not one.is_kept:
            by_kind.setdefault(one.kind, set()).add(one.id)
    return [
        f"{kind} {name}"
        for kind, names in sorted(by_kind.items())
        if kind in _LISTS
        for name in sorted(names & set(_LISTS[kind](apis)))
    ]


def rules_still_there(rules: Iterable[str], apis: AwsApis) -> list[str]:
    """Which of the listener rules exist on any listener that does."""
    existing = {
        rule["RuleArn"]
        for listener in _listeners(apis)
        for rule in apis.elbv2.describe_rules(ListenerArn=listener)["Rules"]
    }
    return [f"rule {arn}" for arn in rules if arn in existing]


def _listeners(apis: AwsApis) -> list[str]:
    return [
        listener["ListenerArn"]
        for balancer in _all(apis.elbv2, "describe_load_balancers", "LoadBalancers", "LoadBalancerArn")
        for listener in apis.elbv2.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    ]


def _running_services(apis: AwsApis) -> list[str]:
    return [
        service
        for cluster in apis.ecs.list_clusters()["clusterArns"]
        for service in apis.ecs.list_services(cluster=cluster)["serviceArns"]
    ]


def _all(client: Any, operation: str, key: str, field: str) -> list[str]:
    """One field of everything that a Describe or List operation shows, over all its pages."""
    if client.can_paginate(operation):
        pages = client.get_paginator(operation).paginate()
        return [one[field] for page in pages for one in page.get(key, [])]
    return [one[field] for one in getattr(client, operation)().get(key, [])]


def _ec2(operation: str, key: str, field: str) -> Callable[[AwsApis], list[str]]:
    return lambda apis: _all(apis.ec2, operation, key, field)


_LISTS: Mapping[str, Callable[[AwsApis], list[str]]] = {
    "AWS::AutoScaling::AutoScalingGroup": lambda apis: _all(
        apis.autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"
    ),
    "AWS::CloudWatch::Alarm": lambda apis: _all(apis.cloudwatch, "describe_alarms", "MetricAlarms", "AlarmName"),
    "AWS::CloudWatch::Dashboard": lambda apis: _all(
        apis.cloudwatch, "list_dashboards", "DashboardEntries", "DashboardName"
    ),
    "AWS::DynamoDB::Table": lambda apis: list(apis.dynamodb.list_tables()["TableNames"]),
    "AWS::EC2::EIP": _ec2("describe_addresses", "Addresses", "PublicIp"),
    "AWS::EC2::FlowLog": _ec2("describe_flow_logs", "FlowLogs", "FlowLogId"),
    # A terminated instance is shown for a while, as terminated.
    "AWS::EC2::Instance": lambda apis: [
        one["InstanceId"]
        for reservation in apis.ec2.describe_instances()["Reservations"]
        for one in reservation["Instances"]
        if one["State"]["Name"] != "terminated"
    ],
    "AWS::EC2::InternetGateway": _ec2("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    "AWS::EC2::LaunchTemplate": _ec2("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    # A deleted gateway is shown for an hour, as deleted.
    "AWS::EC2::NatGateway": lambda apis: [
        one["NatGatewayId"] for one in apis.ec2.describe_nat_gateways()["NatGateways"] if one["State"] != "deleted"
    ],
    "AWS::EC2::RouteTable": _ec2("describe_route_tables", "RouteTables", "RouteTableId"),
    "AWS::EC2::SecurityGroup": _ec2("describe_security_groups", "SecurityGroups", "GroupId"),
    "AWS::EC2::Subnet": _ec2("describe_subnets", "Subnets", "SubnetId"),
    "AWS::EC2::VPC": _ec2("describe_vpcs", "Vpcs", "VpcId"),
    "AWS::ECS::Cluster": lambda apis: [arn.rsplit("/", 1)[-1] for arn in apis.ecs.list_clusters()["clusterArns"]],
    "AWS::ECS::Service": _running_services,
    "AWS::ECS::TaskDefinition": lambda apis: list(
        apis.ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
    ),
    "AWS::ElasticLoadBalancingV2::Listener": _listeners,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": lambda apis: _all(
        apis.elbv2, "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": lambda apis: _all(
        apis.elbv2, "describe_target_groups", "TargetGroups", "TargetGroupArn"
    ),
    "AWS::Events::Rule": lambda apis: [
        name for rule in apis.events.list_rules()["Rules"] for name in (rule["Name"], rule["Arn"])
    ],
    "AWS::IAM::InstanceProfile": lambda apis: _all(
        apis.iam, "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"
    ),
    "AWS::IAM::Role": lambda apis: _all(apis.iam, "list_roles", "Roles", "RoleName"),
    "AWS::Lambda::Function": lambda apis: _all(apis.lambda_, "list_functions", "Functions", "FunctionName"),
    "AWS::Logs::LogGroup": lambda apis: _all(apis.logs, "describe_log_groups", "logGroups", "logGroupName"),
    "AWS::S3::Bucket": lambda apis: [one["Name"] for one in apis.s3.list_buckets()["Buckets"]],
    "AWS::SQS::Queue": lambda apis: list(apis.sqs.list_queues().get("QueueUrls", [])),
    "AWS::SSM::Parameter": lambda apis: _all(apis.ssm, "describe_parameters", "Parameters", "Name"),
    "AWS::SecretsManager::Secret": lambda apis: _all(apis.secretsmanager, "list_secrets", "SecretList", "ARN"),
    "AWS::StepFunctions::StateMachine": lambda apis: _all(
        apis.stepfunctions, "list_state_machines", "stateMachines", "stateMachineArn"
    ),
}
