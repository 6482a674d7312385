"""The roles that a pipeline's actions run with: each trusts the pipeline's own role, and nobody else."""

import json

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from constructs import Construct


class ActionRoles:
    """Makes one role for each kind of thing that a pipeline does.

    Left to itself the CDK makes roles that the whole account may take on.
    """

    def __init__(self, pipeline_role: iam.IRole) -> None:
        """Roles that `pipeline_role` alone may take on."""
        self._pipeline_role = pipeline_role
        self._made: list[iam.Role] = []

    def make(self, scope: Construct, id: str, description: str) -> iam.Role:
        """A role without any right yet; what acts with it is granted to it."""
        principal = iam.ArnPrincipal(self._pipeline_role.role_arn)
        made = iam.Role(scope, id, assumed_by=principal, description=description)
        self.take_on(made.role_arn)
        self._made.append(made)
        return made

    def finish(self, pipeline: codepipeline.Pipeline) -> None:
        """Have the pipeline wait for what the roles may do: its first execution comes as soon as it is made.

        Except for a role that may do something with a name of the pipeline's own.
        """
        stack, own = cdk.Stack.of(pipeline), pipeline.node.default_child
        name = stack.get_logical_id(own) if isinstance(own, cdk.CfnElement) else ""
        for role in self._made:
            policy = role.node.try_find_child("DefaultPolicy")
            if isinstance(policy, iam.Policy) and f'"{name}"' not in json.dumps(stack.resolve(policy.document)):
                pipeline.node.add_dependency(policy)

    def take_on(self, role_arn: str) -> None:
        """Let the pipeline take on a role that is there already, such as another account's."""
        self._pipeline_role.add_to_principal_policy(
            iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[role_arn])
        )
