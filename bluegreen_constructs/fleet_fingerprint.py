"""The fingerprint of a fleet's group in its launch template, so that no edit of the one leaves the other alone."""

import json
from hashlib import sha256

import aws_cdk as cdk
import jsii
from aws_cdk import aws_autoscaling as autoscaling

GROUP_TAG = "bluegreen:group"
_LENGTH = 12  # hexadecimal digits: two edits of one group with the same are as good as excluded


def fingerprint(group: autoscaling.AutoScalingGroup) -> str:
    """Of all properties that the group has in the template when the app is synthesised (a token, known then).

    CloudFormation reads an attribute anew when the resource that has it is updated, and gives what it read then ever
    after. The group names its launch template's default version by such an attribute, and the engine sets that version:
    an edit of the group alone would write the one from before the last releases, and live would launch it. As the tag
    `bluegreen:group` in the launch template this makes any edit of the group an edit of its template as well.
    https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/68
    """
    return cdk.Lazy.string(_Fingerprint(group))


@jsii.implements(cdk.IStableStringProducer)
class _Fingerprint:
    """Asked at synth: target groups, tags and what the app itself sets come after the group is made."""

    def __init__(self, group: autoscaling.AutoScalingGroup) -> None:
        self._group = group

    def produce(self) -> str:
        resource = self._group.node.default_child
        if not isinstance(resource, autoscaling.CfnAutoScalingGroup):
            return ""
        stack = cdk.Stack.of(resource)
        # Protected, and all there is; tags are rendered apart.
        tags = [resource.tags.render_tags(), stack.tags.render_tags()]
        rendered = [stack.resolve(one) for one in (resource._cfn_properties, *tags)]
        return sha256(json.dumps(rendered, sort_keys=True).encode()).hexdigest()[:_LENGTH]
