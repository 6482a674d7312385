"""A role that an AWS service takes on, with all that it may do inside."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct


def service_role(
    scope: Construct,
    id: str,
    *,
    services: str | Sequence[str],
    description: str,
    policy: str,
    statements: Sequence[Mapping[str, object]],
) -> iam.CfnRole:
    """Make the role for `services`, such as `ecs.amazonaws.com`.

    The policy is inline, so that the permissions are there before anything needs them, and as long as the role: with
    one of its own, CloudFormation could make what takes the role on before the policy is attached.
    """
    return iam.CfnRole(
        scope,
        id,
        description=description,
        assume_role_policy_document={
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": services}}],
        },
        policies=[
            iam.CfnRole.PolicyProperty(
                policy_name=policy,
                policy_document={
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", **statement} for statement in statements],
                },
            )
        ],
    )
