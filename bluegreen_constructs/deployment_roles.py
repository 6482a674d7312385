"""DeploymentRoles: what an account gives a pipeline of another account, so that its actions can deploy there."""

import re
from collections.abc import Mapping, Sequence
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from .account_arns import wildcard_finding
from .account_roles import AccountRoles
from .acknowledgements import acknowledge_all
from .engine.aws.alarms_of_regions import READ_ACTIONS
from .engine.errors import ConfigurationError

ALARMS_ROLE = "bluegreen-alarms"
"""The name of the role that reads alarms, unless another one is given."""

_ACCOUNT = re.compile(r"\d{12}")
_NAME = re.compile(r"[\w+=,.@-]{1,64}")
_STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_BUCKET = re.compile(r"arn:[^:\s]+:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEY = re.compile(r"arn:[^:\s]+:kms:[^:\s]+:\d{12}:key/[\w-]+")
_ANY = "AwsSolutions-IAM5[Resource::*]"
# As `StackDeploy` calls them: one is executed, the other only looked at.
_DEPLOYED, _REVIEWED = "BlueGreenDelivery", "BlueGreenReview"
_WILDCARDS = {
    "stack": "a stack's ARN ends with an id that CloudFormation gives it when it is made; stacks of every name were "
    "considered, and the role knows the given names only",
    "artefact": "the pipeline's bucket and key have no name before the pipeline is made, which needs this role first; "
    "giving both fixed names was considered, and the bucket's and the key's own policies decide who reads them",
    "objects": "CodePipeline names an artefact when an execution makes it; a bucket for each artefact was considered, "
    "and a pipeline has one bucket for all",
}


class DeploymentRoles(Construct):
    """Roles in the account that this stack is deployed to, which a pipeline of another account deploys with.

    The order of deployment is: `cdk bootstrap` of this account, trusting the pipeline's, for its assets; this stack;
    the pipeline's stack, with `accounts=[AccountRoles(...)]` of the same value. The pipeline's artefacts name the role
    in the policies of their bucket and their key, and AWS refuses a policy that names a role which does not exist.

    This side names nobody who has to exist: a role trusts the whole other account on the condition that it is the one
    role there by its name. A role of that name that is made anew is trusted as well, so keep the name for the pipeline.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html

    Where the pipeline's bucket and key are not known yet, both ends still decide together: this role may read objects
    of the pipeline's account only, and those only where the bucket and the key there name this role. Give their ARNs
    when they are known.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        roles: AccountRoles,
        pipeline_account: str,
        pipeline_role: str,
        stacks: Sequence[str],
        regions: Sequence[str] = (),
        artefact_buckets: Sequence[str] = (),
        artefact_keys: Sequence[str] = (),
        cloudformation_policies: Sequence[iam.IManagedPolicy] = (),
        bake_roles: Sequence[str] = (),
        alarms_role: str = ALARMS_ROLE,
    ) -> None:
        """Make the roles.

        Args:
            scope: where in the construct tree; a stack of the account in `roles`, in any one region.
            id: the construct id.
            roles: their names, as the pipeline knows them.
            pipeline_account: the account of the pipeline.
            pipeline_role: the name of the pipeline's own role there.
            stacks: the names of the stacks that the pipeline deploys here.
            regions: where they are (default: the region of this stack).
            artefact_buckets: ARNs of the pipeline's buckets, one for each region (default: those whose policies
                name this role).
            artefact_keys: ARNs of their keys (default: those whose policies name this role).
            cloudformation_policies: what CloudFormation may do with the role `roles.cloudformation_role`, which is made
                then (default: that role is there already, as the CDK bootstrap's is).
            bake_roles: the names of the roles of the `StageBake`s there that read alarms here (default: nobody does).
            alarms_role: the name of the role that it reads them with.

        Raises ConfigurationError for the pipeline's own account, whose roles the pipeline makes itself, for names that
        nobody has, and for policies without a role of ours.
        """
        super().__init__(scope, id)
        regions = list(regions) or [cdk.Stack.of(self).region]
        _refuse(
            self,
            roles=roles,
            pipeline_account=pipeline_account,
            pipeline_role=pipeline_role,
            stacks=stacks,
            regions=regions,
        )
        _refuse_arns(self.node.path, artefact_buckets, artefact_keys)
        self._pipeline_account = pipeline_account
        made = self._cloudformation_role(roles, cloudformation_policies)
        passed = [roles.cloudformation_role_arn(region) for region in regions] if made is None else [made.attr_arn]
        self.action_role = self._action_role(
            roles.action_role,
            pipeline_role,
            [
                *_on_stacks(roles.account, stacks, regions),
                {
                    "Sid": "PassTheRoleThatDeploys",
                    "Action": ["iam:PassRole"],
                    "Resource": list(dict.fromkeys(passed)),
                    "Condition": {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
                },
                *_on_artefacts(pipeline_account, artefact_buckets, artefact_keys, regions),
            ],
        )
        self.alarms_role = self._alarms_role(bake_roles, alarms_role) if bake_roles else None

    def _action_role(self, name: str, pipeline_role: str, statements: Sequence[Mapping[str, object]]) -> iam.CfnRole:
        role = self._role(
            "Action",
            name,
            trusts=_role_of(self._pipeline_account, pipeline_role),
            description="Deploys stacks for a pipeline of another account",
            statements=statements,
        )
        resources = {str(arn) for statement in statements for arn in cast("Sequence[object]", statement["Resource"])}
        acknowledge_all(
            role, {wildcard_finding(self, arn): _WILDCARDS[_kind(arn)] for arn in sorted(resources) if "*" in arn}
        )
        return role

    def _alarms_role(self, bake_roles: Sequence[str], name: str) -> iam.CfnRole:
        for given in (*bake_roles, name):
            if not _NAME.fullmatch(given):
                raise ConfigurationError(f"{self.node.path} has the role {given!r}: give its name, not its ARN")
        role = self._role(
            "Alarms",
            name,
            trusts=[_role_of(self._pipeline_account, one) for one in bake_roles],
            description="Reads alarms for the bake of a pipeline of another account",
            statements=[{"Sid": "ReadAlarms", "Action": list(READ_ACTIONS), "Resource": ["*"]}],
        )
        reason = (
            "CloudWatch tells of composite alarms only to those who may read all of them; naming the alarms was "
            "considered, and would leave composite ones out"
        )
        acknowledge_all(role, {_ANY: reason})
        return role

    def _cloudformation_role(self, roles: AccountRoles, policies: Sequence[iam.IManagedPolicy]) -> iam.CfnRole | None:
        if not policies:
            return None
        if roles.cloudformation_role is None:
            raise ConfigurationError(
                f"{self.node.path} has policies for CloudFormation and no role of its own for them: give "
                "AccountRoles(cloudformation_role='a name')"
            )
        return iam.CfnRole(
            self,
            "CloudFormation",
            role_name=roles.cloudformation_role,
            description="What CloudFormation deploys a pipeline's stacks with",
            assume_role_policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRole",
                        "Principal": {"Service": "cloudformation.amazonaws.com"},
                    }
                ],
            },
            managed_policy_arns=[policy.managed_policy_arn for policy in policies],
        )

    def _role(
        self,
        id: str,
        name: str,
        *,
        trusts: str | Sequence[str],
        description: str,
        statements: Sequence[Mapping[str, object]],
    ) -> iam.CfnRole:
        return iam.CfnRole(
            self,
            id,
            role_name=name,
            description=description,
            assume_role_policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRole",
                        "Principal": {"AWS": f"arn:{cdk.Aws.PARTITION}:iam::{self._pipeline_account}:root"},
                        "Condition": {"ArnEquals": {"aws:PrincipalArn": trusts}},
                    }
                ],
            },
            policies=[
                iam.CfnRole.PolicyProperty(
                    policy_name="Delivery",
                    policy_document={
                        "Version": "2012-10-17",
                        "Statement": [{"Effect": "Allow", **statement} for statement in statements],
                    },
                )
            ],
        )


def _on_stacks(account: str, stacks: Sequence[str], regions: Sequence[str]) -> Sequence[Mapping[str, object]]:
    """What the action of CloudFormation does with change sets, on the stacks of these names.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html
    """
    arns = [
        f"arn:{cdk.Aws.PARTITION}:cloudformation:{region}:{account}:stack/{stack}/*"
        for region in regions
        for stack in stacks
    ]
    return [
        {
            "Sid": "PrepareChangeSets",
            "Action": [
                "cloudformation:CreateChangeSet",
                "cloudformation:DeleteChangeSet",
                "cloudformation:DescribeChangeSet",
            ],
            "Resource": arns,
            "Condition": {"StringEqualsIfExists": {"cloudformation:ChangeSetName": [_DEPLOYED, _REVIEWED]}},
        },
        {
            "Sid": "ExecuteTheOneThatIsDeployed",
            "Action": ["cloudformation:ExecuteChangeSet"],
            "Resource": arns,
            "Condition": {"StringEqualsIfExists": {"cloudformation:ChangeSetName": _DEPLOYED}},
        },
        {"Sid": "SeeTheStacks", "Action": ["cloudformation:DescribeStacks"], "Resource": arns},
    ]


def _on_artefacts(
    account: str, buckets: Sequence[str], keys: Sequence[str], regions: Sequence[str]
) -> Sequence[Mapping[str, object]]:
    """Reading the templates that CodePipeline hands to the action."""
    partition = cdk.Aws.PARTITION
    named = [arn for bucket in buckets for arn in (bucket, f"{bucket}/*")]
    return [
        {
            "Sid": "ReadArtefacts",
            "Action": [
                "s3:GetBucketAcl",
                "s3:GetBucketLocation",
                "s3:GetBucketVersioning",
                "s3:GetObject",
                "s3:GetObjectVersion",
            ],
            "Resource": named or [f"arn:{partition}:s3:::*"],
            "Condition": {"StringEquals": {"aws:ResourceAccount": account}},
        },
        {
            "Sid": "DecryptArtefacts",
            "Action": ["kms:Decrypt", "kms:DescribeKey"],
            "Resource": list(keys) or [f"arn:{partition}:kms:{region}:{account}:key/*" for region in regions],
            "Condition": {"StringEquals": {"kms:ViaService": [f"s3.{region}.amazonaws.com" for region in regions]}},
        },
    ]


def _kind(arn: str) -> str:
    if ":stack/" in arn:
        return "stack"
    return "objects" if arn.endswith("/*") and ":s3:" in arn else "artefact"


def _role_of(account: str, name: str) -> str:
    return f"arn:{cdk.Aws.PARTITION}:iam::{account}:role/{name}"


def _refuse(
    scope: Construct,
    *,
    roles: AccountRoles,
    pipeline_account: str,
    pipeline_role: str,
    stacks: Sequence[str],
    regions: Sequence[str],
) -> None:
    path, here = scope.node.path, cdk.Stack.of(scope).account
    if not _ACCOUNT.fullmatch(pipeline_account):
        raise ConfigurationError(f"{path} has pipeline_account {pipeline_account!r}: give its twelve digits")
    if pipeline_account == roles.account:
        raise ConfigurationError(
            f"{path} is for account {roles.account}, which is the pipeline's own: leave it out, the pipeline makes the "
            "roles of its own account"
        )
    if not cdk.Token.is_unresolved(here) and here != roles.account:
        raise ConfigurationError(
            f"{path} is in a stack of account {here}, and its roles are of {roles.account}: deploy the stack there"
        )
    if not _NAME.fullmatch(pipeline_role):
        raise ConfigurationError(f"{path} has pipeline_role {pipeline_role!r}: give the role's name, not its ARN")
    if isinstance(stacks, str) or not stacks:
        raise ConfigurationError(f"{path} has stacks {stacks!r}: give a list of the names of those deployed here")
    for name in stacks:
        if not _STACK.fullmatch(name):
            raise ConfigurationError(f"{path} has the stack {name!r}: give a stack's name, without wildcards")
    for region in regions:
        if not cdk.Token.is_unresolved(region) and not _REGION.fullmatch(region):
            raise ConfigurationError(f"{path} has the region {region!r}: give its name, such as 'eu-west-1'")


def _refuse_arns(path: str, buckets: Sequence[str], keys: Sequence[str]) -> None:
    for what, pattern, given in (("bucket", _BUCKET, buckets), ("key", _KEY, keys)):
        if isinstance(given, str):
            raise ConfigurationError(f"{path} has artefact_{what}s {given!r}: give a list of ARNs")
        for arn in given:
            if not cdk.Token.is_unresolved(arn) and not pattern.fullmatch(arn):
                raise ConfigurationError(f"{path} has the artefact {what} {arn!r}: give its ARN")
