"""What a person sees before a stage begins: a change set for each of its stacks, its changes, and the question."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam

from .account_arns import arn_here, wildcard_finding
from .acknowledgements import acknowledge
from .delivery_stage import DeliveryStage, StageApproval
from .deploy_place import DeployPlace
from .pipeline_action import PipelineAction
from .stack_deploy import StackDeploy

_SHOWN = 600
"""Characters of changes in the question, which may have 1000; the change set itself has them all."""


def review_actions(stage: DeliveryStage, approval: StageApproval, place: DeployPlace) -> Sequence[codepipeline.IAction]:
    """The actions of the stage that asks, in the order of their run orders."""
    deploys = [one for one in stage.each() if isinstance(one, StackDeploy)]
    actions: list[codepipeline.IAction] = [one.review(place, 1) for one in deploys]
    # Another account's change sets are read there: the link leads to the console of whoever is signed in.
    read_here = [one for one in deploys if place.access_to(one.stack) is None]
    if read_here:
        actions.append(_changes(stage, read_here, place))
    actions.append(_question(stage, approval, deploys, place, shows_changes=bool(read_here)))
    return actions


def _changes(stage: DeliveryStage, deploys: Sequence[StackDeploy], place: DeployPlace) -> PipelineAction:
    """Writes every change of every change set into its log, and the first ones into a variable."""
    commands = ['export CHANGES=""']
    for one in deploys:
        region = place.region_of(one.stack)
        read = (
            f"aws cloudformation describe-change-set --stack-name {one.stack.stack_name} "
            f"--change-set-name {one.review_name}" + (f" --region {region}" if region else "")
        )
        changes = "Changes[].ResourceChange.[Action,LogicalResourceId,ResourceType,Replacement]"
        words = "Changes[].ResourceChange.join(' ',[Action,LogicalResourceId])"
        # What cannot be read is said to whoever decides; it decides nothing by itself.
        commands.append(f'{read} --query "{changes}" --output table || true')
        said = f'{read} --query "{words}" --output text || echo unreadable'
        commands.append(f"export CHANGES=\"$CHANGES {one.stack.stack_name}: $( ( {said} ) | tr '\\t\\n' ', ')\"")
        _allow_reading(one, place)
    commands.append(f'export CHANGES="$(echo "$CHANGES" | cut -c1-{_SHOWN})"')
    groups = arn_here("logs", "log-group:/aws/codepipeline/*")
    acknowledge(
        place.role,
        wildcard_finding(place.scope, groups),
        "Commands logs to a group that is named after the pipeline, which has no name before it is made; a name of our "
        "own for the pipeline was considered, and two of one name could not be deployed",
    )
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Commands.html
    place.role.add_to_policy(
        iam.PolicyStatement(
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], resources=[groups]
        )
    )
    return PipelineAction(
        "Changes",
        category=codepipeline.ActionCategory.COMPUTE,
        provider="Commands",
        configuration={},
        role=place.role,
        order=2,
        inputs=[place.require_assembly(f"the review of {stage.name}")],
        namespace=_namespace(stage),
        commands=commands,
        variables=["CHANGES"],
    )


def _question(
    stage: DeliveryStage,
    approval: StageApproval,
    deploys: Sequence[StackDeploy],
    place: DeployPlace,
    *,
    shows_changes: bool,
) -> PipelineAction:
    shipped = "" if place.image is None else f" {place.image.digest}"
    what = f" Changes: #{{{_namespace(stage)}.CHANGES}}" if shows_changes else ""
    configuration: dict[str, object] = {"CustomData": f"{approval.by}: ship{shipped} to {stage.name}?{what}"}
    if deploys:
        configuration["ExternalEntityLink"] = _link(deploys[0].stack, place)
    if approval.topic is not None:
        configuration["NotificationArn"] = approval.topic.topic_arn
        approval.topic.grant_publish(place.role)
    return PipelineAction(
        "Approve",
        category=codepipeline.ActionCategory.APPROVAL,
        provider="Manual",
        configuration=configuration,
        role=place.role,
        order=3,
        timeout=approval.span,
    )


def _link(stack: cdk.Stack, place: DeployPlace) -> str:
    """Where the console lists the stack, whose change set for reviewers is one click further."""
    region = place.region_of(stack) or cdk.Aws.REGION
    return (
        f"https://{region}.console.aws.amazon.com/cloudformation/home?region={region}"
        f"#/stacks?filteringText={stack.stack_name}"
    )


def _namespace(stage: DeliveryStage) -> str:
    return f"Review{stage.name}"


def _allow_reading(deploy: StackDeploy, place: DeployPlace) -> None:
    place.role.add_to_policy(
        iam.PolicyStatement(actions=["cloudformation:DescribeChangeSet"], resources=[deploy.stack_arn(place)])
    )
