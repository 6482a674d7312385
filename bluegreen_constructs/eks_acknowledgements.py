"""What cdk-nag finds in the roles and functions that AWS and CDK define for a cluster, with the reasons they stay."""

import json
from collections.abc import Iterator

from aws_cdk import CfnResource, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from .acknowledgements import acknowledge_all, acknowledge_lint

_MANAGED = (
    "the policies that EKS asks of a cluster, of its nodes and of CDK's kubectl provider; AWS keeps them in step with "
    "what they call: copies of our own were considered, and would fall behind"
)
_WILDCARD = (
    "of the load balancer controller, whose load balancers have no name yet (its conditions ask for the cluster's "
    "tag), or every version of CDK's kubectl function, which only CDK's framework invokes: narrower ones were "
    "considered, and CDK gives no place for them"
)
_RUNTIME = (
    "CDK's kubectl function, whose runtime CDK chooses: an override was considered, and CDK tests its code on no other"
)


_ORDER = (
    "the CDK names a function's role twice, by its ARN and by an order; leaving one out was considered, it is the CDK's"
)
# The function that a role's condition with a computed key needs, one in each stack.
_JSON = "AWSCDKCfnUtilsProviderCustomResourceProvider"


def acknowledge_cluster(cluster: Construct) -> None:
    """Acknowledge them on the resources below `cluster`, finding by finding: nothing of ours is among them."""
    for node in cluster.node.find_all():
        if isinstance(node, CfnResource):
            acknowledge_all(node, dict(_findings(node)))
        if isinstance(node, lambda_.CfnFunction):
            acknowledge_lint(node, "W3005", _ORDER)
    shared = Stack.of(cluster).node.try_find_child(_JSON)
    handler = None if shared is None else shared.node.try_find_child("Handler")
    if handler is not None:
        acknowledge_lint(handler, "W3005", _ORDER)


def _findings(resource: CfnResource) -> Iterator[tuple[str, str]]:
    stack = Stack.of(resource)
    if isinstance(resource, iam.CfnRole):
        for arn in stack.resolve(resource.managed_policy_arns) or []:
            yield f"AwsSolutions-IAM4[Policy::{_text(arn)}]", _MANAGED
    elif isinstance(resource, iam.CfnPolicy):
        for statement in stack.resolve(resource.policy_document)["Statement"]:
            named = statement.get("Resource", [])
            for one in named if isinstance(named, list) else [named]:
                if "*" in _text(one):
                    yield f"AwsSolutions-IAM5[Resource::{_text(one)}]", _WILDCARD
    elif isinstance(resource, lambda_.CfnFunction) and str(resource.runtime).startswith("python"):
        yield "AwsSolutions-L1", _RUNTIME


def _text(value: object) -> str:
    """A CloudFormation value as cdk-nag writes it in a finding's name."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        if "Fn::Join" in value:
            glue, parts = value["Fn::Join"]
            return str(glue).join(map(_text, parts))
        if "Ref" in value:
            return f"<{value['Ref']}>"
        if "Fn::GetAtt" in value:
            return f"<{'.'.join(value['Fn::GetAtt'])}>"
    return json.dumps(value, separators=(",", ":"))
