"""ARNs of this account and region, as policies name them and as cdk-nag reads them in a finding."""

from collections.abc import Mapping
from functools import cache

import aws_cdk as cdk
from constructs import Construct


def arn_here(service: str, resource: str) -> str:
    """The ARN of `resource` in the account and the region that the stack is deployed to (a CloudFormation value)."""
    partition, place = _here()
    return f"arn:{partition}:{service}:{place}:{resource}"


def wildcard_finding(scope: Construct, arn: str) -> str:
    """The id of cdk-nag's finding about a policy of `scope`'s stack with this wildcard ARN."""
    return f"AwsSolutions-IAM5[Resource::{_flat(cdk.Stack.of(scope).resolve(arn))}]"


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
