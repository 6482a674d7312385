"""How much of what IAM allows a role's inline policies take, as far as that is known at synth."""

import json
import re

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from .engine.errors import ConfigurationError

# All inline policies of a role together, not counting white space.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_LONGEST = 10_240
_KNOWN = {"AWS::Partition": 3, "AWS::Region": 14, "AWS::AccountId": 12}
# What a reference becomes is known when it is deployed: a listener rule's ARN is the longest of those in our policies.
_RULE_ARN, _ANY_ARN = 170, 110


def refuse_long_policies(role: iam.CfnRole, *, targets: int) -> None:
    """Raise ConfigurationError, with the count, when the policies of `role` for so many targets are too long."""
    stack = cdk.Stack.of(role)
    length = len(re.sub(r"\s", "", json.dumps(_spelled_out(stack.resolve(role.policies)))))
    if length > _LONGEST:
        raise ConfigurationError(
            f"the engine of stack {stack.stack_name} has {targets} targets, for which {role.node.path} needs policies "
            f"of about {length} characters and IAM takes {_LONGEST}: move some targets to another stack, each stack "
            "has an engine of its own"
        )


def _spelled_out(value: object) -> object:
    """The value with as many characters as it will have."""
    match value:
        case {"Fn::Join": [str(between), [*parts]]}:
            return between.join(str(_spelled_out(part)) for part in parts)
        case {"Ref": str(name)}:
            return "x" * _KNOWN.get(name, _ANY_ARN)
        case {"Fn::GetAtt": [_, "RuleArn"]}:
            return "x" * _RULE_ARN
        case {"Fn::GetAtt": _} | {"Fn::ImportValue": _} | {"Fn::Select": _} | {"Fn::Sub": _}:
            return "x" * _ANY_ARN
        case dict():
            return {key: _spelled_out(one) for key, one in value.items()}
        case list():
            return [_spelled_out(one) for one in value]
        case _:
            return value
