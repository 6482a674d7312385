"""A deployed canary target as its settings and its stack show it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ..engine.errors import RehearsalError
from ..engine.guardrails import LatencyComparison
from ..engine.settings_codec import settings_from_dict
from ..engine.target_settings import PARAMETER_PREFIX, SIDES, Compute, TargetSettings
from .aws_apis import AwsApis
from .ecs.tasks_file import image_tag

# The engine's logical ids, which no update of a stack changes: a rollout calls the functions by what follows from them.
_FUNCTION = "BlueGreenRollout"
_FUNCTIONS = ("Start", "Tick", "Alarm")


@dataclass(frozen=True)
class DeployedTarget:
    """Where a target's rule, sides and engine are.

    functions: the engine's, by what they do (start, tick, alarm), with their physical names. parameter: where the
    settings lie.
    """

    settings: TargetSettings
    table: str
    state_machine: str
    functions: Mapping[str, str]
    parameter: str

    @property
    def name(self) -> str:
        """What the command line calls it."""
        return self.settings.target

    @property
    def rule(self) -> str:
        """The live rule."""
        return self.settings.rule_arn

    @property
    def groups(self) -> Mapping[str, str]:
        """The target groups by side."""
        return {side: self.settings.side(side).group_arn for side in SIDES}

    @property
    def services(self) -> Mapping[str, str]:
        """The names of the ECS services by side."""
        return {side: self.settings.side(side).service for side in SIDES}

    @property
    def cluster(self) -> str:
        """The cluster of both services."""
        return self.settings.blue.cluster

    @property
    def slow_seconds(self) -> float:
        """The seconds above which the target's latency comparison calls an answer late; infinite without one."""
        bounds = [one.bound for one in self.settings.guardrails if isinstance(one, LatencyComparison)]
        return min((bound.total_seconds() for bound in bounds), default=float("inf"))

    def side_of(self, group: str) -> str:
        """blue or green."""
        for side, arn in self.groups.items():
            if arn == group:
                return side
        raise RehearsalError(f"the target {self.name} has no target group {group}")


def target_in(stack: str, apis: AwsApis, name: str | None = None) -> DeployedTarget:
    """The target of a stack, the one of that name if one is given.

    Raises RehearsalError when the stack does not hold it, or holds more than one of which none is named.
    """
    found: dict[str, str] = {}
    parameters: list[str] = []
    for page in apis.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            found[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]
            if resource["ResourceType"] == "AWS::SSM::Parameter":
                parameters.append(resource["PhysicalResourceId"])
    wanted = PARAMETER_PREFIX + (name or "")
    parameters = [one for one in parameters if one.startswith(wanted) and (name is None or one == wanted)]
    if len(parameters) != 1:
        raise RehearsalError(f"stack {stack} holds {len(parameters)} canary targets, and one is rehearsed")
    value = json.loads(apis.ssm.get_parameter(Name=parameters[0])["Parameter"]["Value"])
    return DeployedTarget(
        settings=settings_from_dict(value["settings"], "the target's settings"),
        table=value["table"],
        state_machine=value["state_machine"],
        functions={name.lower(): found[_FUNCTION + name] for name in _FUNCTIONS},
        parameter=parameters[0],
    )


def release_on(target: DeployedTarget, side: str, apis: AwsApis) -> str:
    """The release that a side is told to run, as AWS says: an image's tag or digest, or what instances say."""
    settings = target.settings.blue if side == "blue" else target.settings.green
    if settings.compute is Compute.AUTO_SCALING:
        return _release_of_group(settings.auto_scaling_group, apis)
    (service,) = apis.ecs.describe_services(cluster=settings.cluster, services=[settings.service])["services"]
    described = apis.ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    return image_tag(described["containerDefinitions"][0]["image"])


def _release_of_group(name: str, apis: AwsApis) -> str:
    (group,) = apis.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    launched = group["LaunchTemplate"]
    (version,) = apis.ec2.describe_launch_template_versions(
        LaunchTemplateId=launched["LaunchTemplateId"], Versions=[launched["Version"]]
    )["LaunchTemplateVersions"]
    tags = {
        tag["Key"]: tag["Value"]
        for given in version["LaunchTemplateData"].get("TagSpecifications", ())
        if given["ResourceType"] == "instance"
        for tag in given["Tags"]
    }
    return str(tags.get("bluegreen:release", launched["Version"]))
