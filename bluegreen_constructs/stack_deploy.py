"""StackDeploy: a stage's deploy by CloudFormation, with the image's digest kept in the stack."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam

from .account_arns import wildcard_finding
from .account_roles import bootstrap_role
from .acknowledgements import acknowledge
from .asset_publication import bootstrap_qualifier
from .deploy_place import DeployPlace, template_path
from .engine.errors import ConfigurationError
from .pipeline_action import PipelineAction
from .pipeline_parts import ImageReference
from .release_image import ReleaseImage, release_parameters

_CHANGE_SET = "BlueGreenDelivery"
_REVIEW = "BlueGreenReview"


@dataclass(frozen=True)
class StackDeploy:
    """Deploys a stack of the app with the image that the execution ships; its `ReleaseImage` keeps the digest.

    A service that Amazon ECS rolls out is judged on the way: the action ends with the deployment, and fails when that
    went back. The release is a parameter of the stack, so that a `cdk deploy` by hand keeps the release that is live,
    and a stage that is rolled back puts the former one back.

    stack: the stack, of the pipeline's app. parameters: its other parameters that are to have other values than the
        template's defaults, by name: CloudFormation gives a parameter its default whenever a change set does not name
        it. So a stack that holds releases of two images is refused, of which one would be taken back.

    The stack is changed by a change set, because that alone both makes a stack and updates it after somebody has
    looked at its first one. https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html

    Raises ConfigurationError, when the stage is made, for a parameter that the stack does not have.
    """

    stack: cdk.Stack
    parameters: Mapping[str, str] = field(default_factory=dict)

    def stacks(self) -> Sequence[cdk.Stack]:
        """The stack."""
        return (self.stack,)

    def make(self, place: DeployPlace, order: int) -> Sequence[codepipeline.IAction]:
        """A change set, and its execution."""
        prepare = self._change_set(place, _CHANGE_SET, f"{self._name}.Prepare", order)
        execute = self._action(
            place,
            f"{self._name}.Deploy",
            order + 1,
            {"ActionMode": "CHANGE_SET_EXECUTE", "StackName": self.stack.stack_name, "ChangeSetName": _CHANGE_SET},
            namespace=f"{place.stage}{self._name}".replace(".", "-"),
        )
        self._allow(place, _CHANGE_SET, ["cloudformation:ExecuteChangeSet"])
        return (prepare, execute)

    def review(self, place: DeployPlace, order: int) -> codepipeline.IAction:
        """A change set that is looked at and never executed."""
        return self._change_set(place, _REVIEW, f"{self._name}.Changes", order)

    @property
    def review_name(self) -> str:
        """What the change set for reviewers is called."""
        return _REVIEW

    def stack_arn(self, place: DeployPlace) -> str:
        """The stack in the pipeline's own account, whatever id CloudFormation gives it."""
        account = f"{self._region(place)}:{cdk.Aws.ACCOUNT_ID}"
        return f"arn:{cdk.Aws.PARTITION}:cloudformation:{account}:stack/{self._name}/*"

    @property
    def _name(self) -> str:
        return self.stack.stack_name

    def _change_set(self, place: DeployPlace, change_set: str, name: str, order: int) -> codepipeline.IAction:
        artifact = place.require_assembly(f"StackDeploy({self._name})")
        access, stack = place.access_to(self.stack), self.stack
        account, region = (cdk.Aws.ACCOUNT_ID if access is None else access.account), self._region(place)
        deploys_with = (
            bootstrap_role(account, region, "cfn-exec", bootstrap_qualifier(stack))
            if access is None
            else access.cloudformation_role_arn(region)
        )
        configuration = {
            "ActionMode": "CHANGE_SET_REPLACE",
            "StackName": self._name,
            "ChangeSetName": change_set,
            "TemplatePath": artifact.at_path(template_path(stack)).location,
            "Capabilities": "CAPABILITY_NAMED_IAM,CAPABILITY_AUTO_EXPAND",
            "RoleArn": deploys_with,
            **self._overrides(place),
        }
        self._allow(
            place,
            change_set,
            ["cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:DescribeChangeSet"],
        )
        if access is None:
            place.role.add_to_policy(
                iam.PolicyStatement(
                    actions=["iam:PassRole"],
                    resources=[deploys_with],
                    conditions={"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
                )
            )
        return self._action(place, name, order, configuration, inputs=[artifact])

    def _overrides(self, place: DeployPlace) -> Mapping[str, str]:
        values = dict(self.parameters)
        known = release_parameters(self.stack)
        if known:
            image = place.require_image(f"StackDeploy({self._name})")
            parameter = _only(list(known), self._name)
            _refuse_foreign(self._name, known[parameter], image)
            values[parameter] = ReleaseImage.value(image.digest)
        unknown = [
            name for name in self.parameters if not isinstance(self.stack.node.try_find_child(name), cdk.CfnParameter)
        ]
        if unknown:
            raise ConfigurationError(
                f"StackDeploy({self._name}) gives {', '.join(unknown)}, of which the stack has no parameter: give the "
                "names of its CfnParameters"
            )
        bare = [
            child.node.id
            for child in self.stack.node.children
            if isinstance(child, cdk.CfnParameter) and child.default is None and child.node.id not in values
        ]
        if bare:
            raise ConfigurationError(
                f"StackDeploy({self._name}) lacks a value for {', '.join(bare)}, which has no default: CloudFormation "
                "keeps none that a change set does not name, give parameters= or a default"
            )
        text = json.dumps(values, sort_keys=True)
        return {"ParameterOverrides": text} if values else {}

    def _action(
        self,
        place: DeployPlace,
        name: str,
        order: int,
        configuration: Mapping[str, object],
        *,
        inputs: Sequence[codepipeline.Artifact] = (),
        namespace: str | None = None,
    ) -> PipelineAction:
        return PipelineAction(
            name,
            category=codepipeline.ActionCategory.DEPLOY,
            provider="CloudFormation",
            configuration=configuration,
            role=place.role_for(self.stack),
            order=order,
            inputs=inputs,
            namespace=namespace,
            region=place.region_of(self.stack),
        )

    def _allow(self, place: DeployPlace, change_set: str, actions: Sequence[str]) -> None:
        """On the one stack and the one change set; a role of another account has its rights from `DeploymentRoles`."""
        if place.access_to(self.stack) is not None:
            return
        arn = self.stack_arn(place)
        acknowledge(
            place.role,
            wildcard_finding(place.scope, arn),
            "a stack's ARN ends with an id that CloudFormation gives it when it is made; stacks of every name were "
            "considered, and the role knows this one name",
        )
        place.role.add_to_policy(
            iam.PolicyStatement(
                actions=list(actions),
                resources=[arn],
                conditions={"StringEqualsIfExists": {"cloudformation:ChangeSetName": change_set}},
            )
        )
        place.role.add_to_policy(iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[arn]))

    def _region(self, place: DeployPlace) -> str:
        return place.region_of(self.stack) or cdk.Aws.REGION


def _only(known: Sequence[str], stack: str) -> str:
    if len(known) > 1:
        raise ConfigurationError(
            f"StackDeploy({stack}) ships one image, and the stack holds releases in {', '.join(known)}: CloudFormation "
            "would give the others their defaults, and take their services back to the first image; put them into "
            "stacks of their own"
        )
    return known[0]


def _refuse_foreign(stack: str, repository: str, image: ImageReference) -> None:
    """A digest of one repository is nothing in another one; as far as both names are known at synth."""
    shipped = image.repository.repository_name
    if repository and not cdk.Token.is_unresolved(shipped) and shipped != repository:
        raise ConfigurationError(
            f"StackDeploy({stack}) ships an image of {shipped}, and the stack runs releases of {repository}: give the "
            "pipeline that repository's image"
        )
