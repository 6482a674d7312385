"""The overlay on ministack's EC2 and Auto Scaling: instances run as processes, groups keep their desired capacity.

ministack keeps records of both and starts nothing. Its records stay the truth that the API shows; here the group's
instances are launched, put in service, health-checked, drained and terminated (`..instances`). Replaced or added:
UpdateAutoScalingGroup, SetDesiredCapacity, DescribeScalingActivities, DescribeAutoScalingGroups (its target groups,
mixed instances policy and warm pool), Attach- and DetachLoadBalancerTargetGroups, TerminateInstanceInAutoScalingGroup,
DeleteAutoScalingGroup, the actions of warm pools (records only), CreateLaunchTemplateVersion,
DescribeLaunchTemplateVersions, and the CloudFormation handlers of AWS::AutoScaling::AutoScalingGroup,
AWS::AutoScaling::WarmPool and AWS::EC2::Instance.
"""

from typing import cast

import boto3
from botocore.config import Config
from ministack.services import alb, autoscaling, ec2

from ..ecs.load_balancer_calls import LoadBalancerCalls
from ..ecs.task_environment import task_environment
from ..instances.played_instances import InstanceSettings, PlayedInstances
from . import recorded_warm_pools
from .auto_scaling_actions import Action, AutoScalingActions
from .instance_records import EmulatorInstances
from .instance_templates import install_instance_types
from .launch_template_actions import LaunchTemplateActions
from .patches import Patches
from .world import World

_RELIED_ON = (
    (autoscaling, ("_asgs", "_p", "_parse_member_list", "_parse_nested", "_member_xml", "_xml", "_error")),
    (ec2, ("_instances", "_launch_templates", "_launch_instances_internal", "_terminate_instances", "_tags")),
    (ec2, ("_p", "_parse_member_list", "_lt_version_xml", "_xml", "_error")),
    (alb, ("_targets", "_tgs")),
)


def install(patches: Patches, world: World) -> PlayedInstances:
    """Put the played groups and instances in the place of the records."""
    for module, names in _RELIED_ON:
        for name in names:
            patches.original(module, name)
    config = world.config
    records = EmulatorInstances(config.account, config.region)
    client = boto3.Session("autoscaling", "autoscaling", region_name=config.region).client(
        "elbv2", endpoint_url=config.endpoint, config=Config(proxies={}, read_timeout=20)
    )
    part = PlayedInstances(
        InstanceSettings(
            config.tasks_file, config.work_dir / "instances", task_environment(config.endpoint, config.region)
        ),
        records,
        LoadBalancerCalls(client),
        world.clock,
        addresses_by_id=world.instance_addresses,
    )
    # Instances come and go with the keeper's rounds, not at once.
    patches.replace(autoscaling, "_reconcile_instances", _leave_alone, written_for=["asg"])
    table = cast(dict[str, Action], patches.original(autoscaling, "_ACTION_MAP"))
    table.update(AutoScalingActions(part, dict(table)).actions())
    of_ec2 = cast(dict[str, Action], patches.original(ec2, "_ACTION_MAP"))
    of_ec2.update(LaunchTemplateActions(dict(of_ec2)).actions())
    install_instance_types(patches, world, part)
    recorded_warm_pools.install(patches)
    return part


def _leave_alone(asg: object) -> None:
    """Instead of ministack's instances, which are there at once and never run."""
