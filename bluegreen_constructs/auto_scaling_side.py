"""A side that is an Auto Scaling group: what it must not do by itself, and what of it no stack update may launch."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2

from .account_arns import arn_here
from .engine.aws.resource_kinds import Kind
from .engine.errors import ConfigurationError

_Specification = autoscaling.CfnAutoScalingGroup.LaunchTemplateSpecificationProperty


def refuse_group(group: autoscaling.AutoScalingGroup) -> None:
    """Raise ConfigurationError for a group that the engine cannot put a release on, or a stack update would change."""
    path, resource = group.node.path, group.node.default_child
    if not isinstance(resource, autoscaling.CfnAutoScalingGroup):
        return
    if resource.mixed_instances_policy is not None:
        raise ConfigurationError(
            f"{path} has a mixed instances policy, on which the engine cannot put a release: give it "
            "launch_template=…, or one instance_type"
        )
    if not isinstance(resource.launch_template, _Specification):
        raise ConfigurationError(
            f"{path} has no launch template, whose versions are its releases: give it launch_template=…, or set the "
            "feature flag @aws-cdk/aws-autoscaling:generateLaunchTemplateInsteadOfLaunchConfig"
        )
    policy = resource.cfn_options.update_policy
    if policy is not None and (policy.auto_scaling_rolling_update or policy.auto_scaling_replacing_update):
        raise ConfigurationError(
            f"{path} has an update policy, by which a stack update replaces instances that are live: leave it out, the "
            "engine puts releases there"
        )


def leave_versions_to_the_engine(group: autoscaling.AutoScalingGroup) -> None:
    """Let the template name the launch template's default version, which the engine sets, instead of its latest.

    The latest is what the last deploy of the stack made, and the live group would launch it. The constant "$Default"
    would say it best, and CloudFormation's reference says that it is not supported here; what it names instead is the
    attribute DefaultVersionNumber, which CloudFormation itself never changes. It is not documented that CloudFormation
    reads the attribute again when only the group is edited; what it read last would be an earlier release of this side.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-autoscaling-autoscalinggroup-launchtemplatespecification.html

    Raises ConfigurationError for a launch template that is not of this app, unless its version is "$Default".
    """
    resource = group.node.default_child
    if not isinstance(resource, autoscaling.CfnAutoScalingGroup):
        return
    specification = resource.launch_template
    if not isinstance(specification, _Specification) or specification.version == "$Default":
        return
    version = cdk.Tokenization.reverse_string(specification.version).first_token
    template = version.target if isinstance(version, cdk.Reference) else None
    if not isinstance(template, ec2.CfnLaunchTemplate):
        raise ConfigurationError(
            f"{group.node.path} has version {specification.version} of its launch template in the template, and every "
            "edit of the group would put it back: make the launch template in this app"
        )
    resource.launch_template = _Specification(
        launch_template_id=specification.launch_template_id,
        launch_template_name=specification.launch_template_name,
        version=template.attr_default_version_number,
    )


def group_resources(group: autoscaling.AutoScalingGroup) -> dict[Kind, Sequence[str]]:
    """What the engine has to act on."""
    name, template = group.auto_scaling_group_name, arn_here("ec2", f"launch-template/{_launch_template(group)}")
    return {
        "auto scaling group": [arn_here("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{name}")],
        "launch template": [template],
        "launched from template": [template],
        "tagged at launch": [arn_here("ec2", "*/*")],
        "instance role": _instance_roles(group),
    }


def changed_since(group: autoscaling.AutoScalingGroup) -> list[str]:
    """What was done to the group after the CanaryAlb was made that is refused before, a sentence each."""
    try:
        refuse_group(group)
    except ConfigurationError as error:
        return [str(error)]
    return []


def _launch_template(group: autoscaling.AutoScalingGroup) -> str:
    """The id of the launch template (a CloudFormation value)."""
    resource = group.node.default_child
    specification = resource.launch_template if isinstance(resource, autoscaling.CfnAutoScalingGroup) else None
    found = specification.launch_template_id if isinstance(specification, _Specification) else None
    if found is None:
        raise ConfigurationError(
            f"{group.node.path} knows its launch template by name only: import it by its launch_template_id"
        )
    return found


def _instance_roles(group: autoscaling.AutoScalingGroup) -> list[str]:
    try:
        return [group.role.role_arn]
    except RuntimeError:  # a launch template without a role of its own has none to pass on
        return []
