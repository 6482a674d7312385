"""A side that is an Auto Scaling group: what it must not do by itself, and what of it no stack update may launch."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2

from .account_arns import arn_here
from .engine.aws.resource_kinds import Kind
from .engine.errors import ConfigurationError

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/using-systems-manager-parameters.html
_AT_LAUNCH = "resolve:ssm:"
_Specification = autoscaling.CfnAutoScalingGroup.LaunchTemplateSpecificationProperty
_Mixed = autoscaling.CfnAutoScalingGroup.MixedInstancesPolicyProperty
_OfMixed = autoscaling.CfnAutoScalingGroup.LaunchTemplateProperty


def refuse_group(group: autoscaling.AutoScalingGroup) -> None:
    """Raise ConfigurationError for a group that the engine cannot put a release on, or a stack update would change."""
    path, resource = group.node.path, group.node.default_child
    if not isinstance(resource, autoscaling.CfnAutoScalingGroup):
        return
    if _has_foreign_templates(resource):
        raise ConfigurationError(
            f"{path} has a mixed instances policy in which a type has a launch template of its own, on which the "
            "engine puts no release: leave the templates of the overrides out"
        )
    if _specification(resource) is None:
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
    attribute DefaultVersionNumber, which CloudFormation itself never changes. It reads the attribute when it updates
    the template, and gives what it read then when only the group is edited, an earlier release of this side. The
    template is the user's here, so docs/engine.md says what to edit beside; a fleet's has its group's fingerprint.
    https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/68
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-autoscaling-autoscalinggroup-launchtemplatespecification.html

    Raises ConfigurationError for a launch template that is not of this app, unless its version is "$Default".
    """
    resource = group.node.default_child
    if not isinstance(resource, autoscaling.CfnAutoScalingGroup):
        return
    specification = _specification(resource)
    if specification is None or specification.version == "$Default":
        return
    version = cdk.Tokenization.reverse_string(specification.version).first_token
    template = version.target if isinstance(version, cdk.Reference) else None
    if not isinstance(template, ec2.CfnLaunchTemplate):
        raise ConfigurationError(
            f"{group.node.path} has version {specification.version} of its launch template in the template, and every "
            "edit of the group would put it back: make the launch template in this app"
        )
    named = _Specification(
        launch_template_id=specification.launch_template_id,
        launch_template_name=specification.launch_template_name,
        version=template.attr_default_version_number,
    )
    mixed = resource.mixed_instances_policy
    if isinstance(mixed, _Mixed) and isinstance(mixed.launch_template, _OfMixed):
        resource.mixed_instances_policy = _Mixed(
            instances_distribution=mixed.instances_distribution,
            launch_template=_OfMixed(launch_template_specification=named, overrides=mixed.launch_template.overrides),
        )
    else:
        resource.launch_template = named


def group_resources(group: autoscaling.AutoScalingGroup) -> dict[Kind, Sequence[str]]:
    """What the engine has to act on."""
    name, template = group.auto_scaling_group_name, arn_here("ec2", f"launch-template/{_launch_template(group)}")
    return {
        "auto scaling group": [arn_here("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{name}")],
        "launch template": [template],
        "launched from template": [template],
        "tagged at launch": [arn_here("ec2", "*/*")],
        "instance role": _instance_roles(group),
        "image parameter": _image_parameters(group),
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
    specification = _specification(resource) if isinstance(resource, autoscaling.CfnAutoScalingGroup) else None
    found = None if specification is None else specification.launch_template_id
    if found is None:
        raise ConfigurationError(
            f"{group.node.path} knows its launch template by name only: import it by its launch_template_id"
        )
    return found


def _specification(resource: autoscaling.CfnAutoScalingGroup) -> _Specification | None:
    """Which launch template the group launches, and which version of it; None for a launch configuration."""
    mixed = resource.mixed_instances_policy
    found: object = resource.launch_template
    if isinstance(mixed, _Mixed) and isinstance(mixed.launch_template, _OfMixed):
        found = mixed.launch_template.launch_template_specification
    return found if isinstance(found, _Specification) else None


def _has_foreign_templates(resource: autoscaling.CfnAutoScalingGroup) -> bool:
    """Whether a type of a mixed instances policy is launched from a template of its own."""
    mixed = resource.mixed_instances_policy
    if not isinstance(mixed, _Mixed) or not isinstance(mixed.launch_template, _OfMixed):
        return mixed is not None
    overrides = mixed.launch_template.overrides
    if overrides is None:
        return False
    if not isinstance(overrides, list):
        return True
    return any(getattr(one, "launch_template_specification", None) is not None for one in overrides)


def _image_parameters(group: autoscaling.AutoScalingGroup) -> list[str]:
    """The parameter that the launch template has its image from, whose other versions are releases as well."""
    resource = group.node.default_child
    specification = _specification(resource) if isinstance(resource, autoscaling.CfnAutoScalingGroup) else None
    named = cdk.Tokenization.reverse(None if specification is None else specification.launch_template_id)
    template = named.target if isinstance(named, cdk.Reference) else None
    data = template.launch_template_data if isinstance(template, ec2.CfnLaunchTemplate) else None
    image = data.image_id if isinstance(data, ec2.CfnLaunchTemplate.LaunchTemplateDataProperty) else None
    if not image or cdk.Token.is_unresolved(image) or not image.startswith(_AT_LAUNCH):
        return []
    name = image.removeprefix(_AT_LAUNCH)
    if name.startswith("arn:"):  # one that another account shares
        return [":".join(name.split(":")[:6])]
    return [arn_here("ssm", f"parameter/{name.partition(':')[0].lstrip('/')}")]


def _instance_roles(group: autoscaling.AutoScalingGroup) -> list[str]:
    try:
        return [group.role.role_arn]
    except RuntimeError:  # a launch template without a role of its own has none to pass on
        return []
