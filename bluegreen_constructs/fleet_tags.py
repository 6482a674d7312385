"""The tags of a fleet's instances, which they read from their metadata: EC2 launches none with a key unfit for it."""

import re
from collections.abc import Iterable

import aws_cdk as cdk
import jsii
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from constructs import IValidation

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
_KEY = re.compile(r"[0-9a-zA-Z\-_+=,.@:]{1,255}")
_RESERVED = {".", "..", "_index"}


@jsii.implements(IValidation)
class ReadableTags:
    """Asked by CDK when it synthesises the app: by then it has all its tags, those of the app and the stack too.

    Auto Scaling gives instances the tags of the stack itself as well. Those of `cdk deploy --tags` nobody sees here.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html
    """

    def __init__(self, template: ec2.LaunchTemplate, group: autoscaling.AutoScalingGroup) -> None:
        """Look at what instances get from the template, and from the group."""
        self._template = template
        self._group = group

    def validate(self) -> list[str]:
        """One sentence for each key with which no instance would be launched."""
        return [
            f"the tag {key!r} reaches the instances, which read their tags from their metadata, and EC2 launches none "
            "with this key: give it letters, digits and + - = . , _ : @ only, or keep it off them with Tags.of(…).add("
            "…, exclude_resource_types=['aws:cdk:stack', 'AWS::EC2::LaunchTemplate', "
            "'AWS::AutoScaling::AutoScalingGroup'])"
            for key in dict.fromkeys(self._keys())
            if not cdk.Token.is_unresolved(key) and (key in _RESERVED or not _KEY.fullmatch(key))
        ]

    def _keys(self) -> Iterable[str]:
        of_template = cdk.TagManager.of(self._template)
        if of_template is not None:
            yield from of_template.tag_values()
        stack: cdk.Stack | None = cdk.Stack.of(self._group)
        while stack is not None:
            yield from stack.tags.tag_values()
            stack = stack.nested_stack_parent
        resource = self._group.node.default_child
        if isinstance(resource, autoscaling.CfnAutoScalingGroup):
            rendered = cdk.Stack.of(resource).resolve(resource.tags.render_tags()) or []
            yield from (one["key"] for one in rendered if one.get("propagateAtLaunch"))
