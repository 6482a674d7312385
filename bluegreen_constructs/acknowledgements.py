"""How a construct acknowledges a cdk-nag finding: one finding, on one resource, with the alternative considered."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(resource: IConstruct, rule: str, reason: str) -> None:
    """Acknowledge `rule` (such as "AwsSolutions-S1", or one finding as "AwsSolutions-IAM5[Resource::*]") on `resource`.

    `reason` names the alternative that was considered. A test lists every acknowledgement of every stack.
    """
    Validations.of(resource).acknowledge(Acknowledgment(id=f"AwsSolutions::{rule}", reason=reason))
