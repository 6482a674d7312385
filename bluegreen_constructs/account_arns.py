"""ARNs of this account and region, as policies name them and as cdk-nag reads them in a finding."""

from collections.abc import Mapping
from functools import cache

import aws_cdk as cdk
from aws_cdk import interfaces
from constructs import Construct


def arn_here(service: str, resource: str) -> str:
    """The ARN of `resource` in the account and the region that the stack is deployed to (a CloudFormation value)."""
    partition, place = _here()
    return f"arn:{partition}:{service}:{place}:{resource}"


def wildcard_finding(scope: Construct, arn: str) -> str:
    """The id of cdk-nag's finding about a policy of `scope`'s stack with this wildcard ARN."""
    return f"AwsSolutions-IAM5[Resource::{_flat(cdk.Stack.of(scope).resolve(arn))}]"


def foreign_place(scope: Construct, arn: str, env: interfaces.ResourceEnvironment | None) -> str | None:
    """Where a resource is, when that is known to be another account or region than the stack's own; else None.

    arn: its ARN, as far as it is known at synth. env: where its construct says that it is.
    """
    stack = cdk.Stack.of(scope)
    fields = arn.split(":", 5)
    places = [(fields[4], fields[3])] if len(fields) > 5 else []
    if env is not None:
        places.append((env.account, env.region))
    for account, region in places:
        if _differ(account, stack.account):
            return f"account {account}"
        if _differ(region, stack.region):
            return f"region {region}"
    return None


def _differ(one: str, other: str) -> bool:
    return bool(one) and not cdk.Token.is_unresolved(one) and not cdk.Token.is_unresolved(other) and one != other


@cache
def _here() -> tuple[str, str]:
    """Partition, and region with account: the same references in every stack, each a call to Node."""
    return cdk.Aws.PARTITION, f"{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"


def _flat(value: object) -> str:
    """References as cdk-nag writes them: `<LogicalId>`, `<LogicalId.Attribute>`."""
    match value:
        case {"Fn::Join": [str(between), [*parts]]}:
            return between.join(map(_flat, parts))
        case {"Fn::GetAtt": [str(resource), str(attribute)]}:
            return f"<{resource}.{attribute}>"
        case {"Ref": str(resource)}:
            return f"<{resource}>"
        case Mapping():
            return ""  # of another stack, say: whoever made it acknowledges it
        case _:
            return str(value)
