"""The roles that a pipeline's actions run with: each trusts the pipeline's own role, and nobody else."""

from aws_cdk import aws_iam as iam
from constructs import Construct


class ActionRoles:
    """Makes one role for each kind of thing that a pipeline does.

    Left to itself the CDK makes roles that the whole account may take on.
    """

    def __init__(self, pipeline_role: iam.IRole) -> None:
        """Roles that `pipeline_role` alone may take on."""
        self._pipeline_role = pipeline_role

    def make(self, scope: Construct, id: str, description: str) -> iam.Role:
        """A role without any right yet; what acts with it is granted to it."""
        principal = iam.ArnPrincipal(self._pipeline_role.role_arn)
        made = iam.Role(scope, id, assumed_by=principal, description=description)
        self.take_on(made.role_arn)
        return made

    def take_on(self, role_arn: str) -> None:
        """Let the pipeline take on a role that is there already, such as another account's."""
        self._pipeline_role.add_to_principal_policy(
            iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[role_arn])
        )
