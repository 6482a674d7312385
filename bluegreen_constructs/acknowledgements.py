"""How a construct acknowledges a finding of cdk-nag or cfn-lint: on one resource, with the alternative considered."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, CfnResource, Validations
from constructs import IConstruct


def acknowledge(resource: IConstruct, rule: str, reason: str) -> None:
    """Acknowledge `rule` (such as "AwsSolutions-S1", or one finding as "AwsSolutions-IAM5[Resource::*]") on `resource`.

    `reason` names the alternative that was considered. A test lists every acknowledgement of every stack.
    """
    Validations.of(resource).acknowledge(Acknowledgment(id=f"AwsSolutions::{rule}", reason=reason))


def acknowledge_all(resource: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge several rules at once, by their names, as `acknowledge` does."""
    found = [Acknowledgment(id=f"AwsSolutions::{rule}", reason=reason) for rule, reason in reasons.items()]
    if found:
        Validations.of(resource).acknowledge(*found)


def acknowledge_lint(resource: IConstruct, rule: str, reason: str) -> None:
    """Acknowledge cfn-lint's `rule` (such as "W3005") on the one resource; its metadata carries the reason too."""
    if not isinstance(resource, CfnResource):
        raise TypeError(f"{resource.node.path} is no CloudFormation resource: name the resource that the finding is on")
    resource.add_metadata("cfn-lint", {"config": {"ignore_checks": [rule]}})
    resource.add_metadata("cfn-lint-reason", f"{rule}: {reason}")
