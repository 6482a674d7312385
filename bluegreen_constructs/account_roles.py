"""AccountRoles: the roles that a pipeline acts with in another account, by their names."""

import re
from dataclasses import dataclass

import aws_cdk as cdk

from .engine.errors import ConfigurationError

DEFAULT_NAME = "bluegreen-delivery"
_ACCOUNT = re.compile(r"\d{12}")
_NAME = re.compile(r"[\w+=,.@-]{1,64}")


@dataclass(frozen=True)
class AccountRoles:
    """What `DeploymentRoles` makes in an account, and a pipeline of another account takes on.

    account: its number. action_role: the name of the role that CodePipeline takes on there.
    cloudformation_role: the name of the role that CloudFormation deploys with (default: the CDK bootstrap's, of
        `qualifier` and the stack's region).

    Raises ConfigurationError for a number that is no account's, or a name that IAM does not take.
    """

    account: str
    action_role: str = DEFAULT_NAME
    cloudformation_role: str | None = None
    qualifier: str = "hnb659fds"

    def __post_init__(self) -> None:
        """Refuse what is no account, and no role."""
        if not _ACCOUNT.fullmatch(self.account):
            raise ConfigurationError(f"AccountRoles account is {self.account!r}: give its twelve digits")
        for name in (self.action_role, self.cloudformation_role):
            if name is not None and not _NAME.fullmatch(name):
                raise ConfigurationError(f"AccountRoles has the role {name!r}: give its name, not its ARN")

    @property
    def action_role_arn(self) -> str:
        """The role that the pipeline's role takes on."""
        # Spelled out, so that the CDK reads the account in it.
        return f"arn:{cdk.Aws.PARTITION}:iam::{self.account}:role/{self.action_role}"

    def cloudformation_role_arn(self, region: str) -> str:
        """The role that CloudFormation deploys a stack of `region` with."""
        if self.cloudformation_role is not None:
            return _role(self.account, self.cloudformation_role)
        return bootstrap_role(self.account, region, "cfn-exec", self.qualifier)


def bootstrap_role(account: str, region: str, purpose: str, qualifier: str) -> str:
    """The ARN of one of the roles of `cdk bootstrap`.

    https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
    """
    return _role(account, f"cdk-{qualifier}-{purpose}-role-{account}-{region}")


def _role(account: str, name: str) -> str:
    # One Fn::Sub, which a reader of the template reads as one ARN.
    return cdk.Fn.sub(f"arn:${{AWS::Partition}}:iam::{_named(account)}:role/{_named(name)}")


def _named(text: str) -> str:
    """The pseudo parameters as Fn::Sub calls them."""
    return text.replace(cdk.Aws.ACCOUNT_ID, "${AWS::AccountId}").replace(cdk.Aws.REGION, "${AWS::Region}")
