"""What a stage's deploys agree on: where each makes its actions, and what an execution hands to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from constructs import Construct

from .account_roles import AccountRoles
from .engine.errors import ConfigurationError
from .pipeline_parts import ImageReference, MadeSource


@dataclass(frozen=True)
class DeployPlace:
    """One stage of a pipeline.

    scope: where a deploy makes what it needs. role: what the stage's actions run with, in the pipeline's own account.
    image: what is shipped (None: the pipeline has no image). assembly: the synthesised app (None: it has no app).
    sources: the artefacts by the sources' names. accounts: what the pipeline acts with in other accounts, with the
        role there as this stack knows it.
    """

    scope: Construct
    stage: str
    role: iam.Role
    image: ImageReference | None
    assembly: codepipeline.Artifact | None
    sources: Mapping[str, MadeSource]
    accounts: Mapping[AccountRoles, iam.IRole] = field(default_factory=dict)

    @property
    def caller(self) -> str:
        """Who the engine's history says it was: the execution, by which a person finds the pipeline and the commit."""
        return f"the pipeline of {cdk.Stack.of(self.scope).stack_name}, execution #{{codepipeline.PipelineExecutionId}}"

    def require_image(self, what: str) -> ImageReference:
        """The image. Raises ConfigurationError, which names `what` ships it, when the pipeline has none."""
        if self.image is None:
            raise ConfigurationError(
                f"{what} in stage {self.stage} ships an image, and the pipeline has none: give it an EcrPush source or "
                "a build"
            )
        return self.image

    def require_assembly(self, what: str) -> codepipeline.Artifact:
        """The assembly. Raises ConfigurationError, which names `what` needs it, when the pipeline makes none."""
        if self.assembly is None:
            raise ConfigurationError(
                f"{what} in stage {self.stage} deploys a template, and the pipeline synthesises none: give "
                "app=AppAssembly(...)"
            )
        return self.assembly

    def require_source(self, name: str, what: str) -> MadeSource:
        """A source by its name. Raises ConfigurationError, with the names there are, for one that is not there."""
        if name not in self.sources:
            raise ConfigurationError(
                f"{what} in stage {self.stage} reads the source {name}: give one of {', '.join(self.sources)}"
            )
        return self.sources[name]

    def region_of(self, stack: cdk.Stack) -> str | None:
        """The region that an action on `stack` runs in, when it is another one than the pipeline's."""
        return _other(stack.region, cdk.Stack.of(self.scope).region)

    def refuse_elsewhere(self, stack: cdk.Stack, what: str) -> None:
        """Raise ConfigurationError for a stack in another account or region than the pipeline's own.

        Builds, CodeDeploy and Step Functions act in the pipeline's; CloudFormation alone has roles elsewhere.
        """
        here = cdk.Stack.of(self.scope)
        for kind, one, other in (("account", stack.account, here.account), ("region", stack.region, here.region)):
            if one != other and not (cdk.Token.is_unresolved(one) and cdk.Token.is_unresolved(other)):
                raise ConfigurationError(
                    f"{what} in stage {self.stage} is in {kind} {_said(one)}, and the pipeline in {_said(other)}, "
                    "where all that it starts runs: make a pipeline there, and give both stacks the same env"
                )

    def access_to(self, stack: cdk.Stack) -> AccountRoles | None:
        """What acts on `stack`, when it is in another account than the pipeline.

        Raises ConfigurationError for an account of which the pipeline knows no roles.
        """
        account = _other(stack.account, cdk.Stack.of(self.scope).account)
        if account is None:
            return None
        found = next((one for one in self.accounts if one.account == account), None)
        if found is None:
            raise ConfigurationError(
                f"stack {stack.stack_name} in stage {self.stage} is in account {account}, where the pipeline has no "
                f"roles: deploy DeploymentRoles there, and give accounts=[AccountRoles({account!r})]"
            )
        return found

    def role_for(self, stack: cdk.Stack) -> iam.IRole:
        """What an action on `stack` runs with."""
        access = self.access_to(stack)
        return self.role if access is None else self.accounts[access]


class Deploy(Protocol):
    """One way in which a stage makes a release live."""

    def make(self, place: DeployPlace, order: int) -> Sequence[codepipeline.IAction]:
        """Make the actions, the first with `order` as its run order.

        Raises ConfigurationError for what CodePipeline would fail at, or give up on.
        """

    def stacks(self) -> Sequence[cdk.Stack]:
        """The stacks that it deploys, which an approval shows the changes of."""


def template_path(stack: cdk.Stack) -> str:
    """Where the stack's template is in the folder that its app is synthesised to."""
    root, stage = stack.node.root, cdk.Stage.of(stack)
    if stage is None or not isinstance(root, cdk.Stage):
        raise ConfigurationError(f"stack {stack.stack_name} is of no app: make it within cdk.App()")
    return (Path(stage.outdir).relative_to(root.outdir) / stack.template_file).as_posix()


def _other(one: str, here: str) -> str | None:
    if cdk.Token.is_unresolved(one) or one == here:
        return None
    if cdk.Token.is_unresolved(here):
        raise ConfigurationError(
            f"a stack in {one} is deployed by a pipeline whose own place is not known: give the pipeline's stack "
            "env=cdk.Environment(account=..., region=...)"
        )
    return one


def _said(place: str) -> str:
    return "one that is known at deploy only" if cdk.Token.is_unresolved(place) else place
