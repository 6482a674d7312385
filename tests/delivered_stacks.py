"""Stacks to deliver to, and BlueGreenPipelines over them: made with one call, changed by keyword."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_ecr as ecr
from aws_cdk.assertions import Template

from bluegreen_constructs import (
    AppAssembly,
    AppServiceSlots,
    BlueGreenPipeline,
    CanaryAlb,
    CodeCommitSource,
    DeliveryStage,
    EcrPush,
    EngineRollout,
    ReleaseImage,
    SlotSwap,
    StackDeploy,
    StageApproval,
    Targets,
)
from tests import canary_service, slots_application

ENV = canary_service.ENV
DIGEST = "#{Image.ImageDigest}"


def new_app() -> cdk.App:
    return cdk.App(context=canary_service.FLAGS)


def repository_in(stack: cdk.Stack) -> ecr.IRepository:
    known = stack.node.try_find_child("Repository")
    return known or ecr.Repository.from_repository_name(stack, "Repository", "inference")  # type: ignore[return-value]


def released_stack(app: cdk.App, name: str = "Prediction", env: cdk.Environment = ENV) -> cdk.Stack:
    """A stack that keeps a release, and is quickly made: it runs nothing."""
    stack = cdk.Stack(app, name, env=env)
    cdk.CfnOutput(stack, "Image", value=ReleaseImage(repository_in(stack)).reference(stack))
    return stack


def canary(app: cdk.App, name: str = "Serving", **options: object) -> CanaryAlb:
    stack = canary_service.new_stack(name, app)
    return CanaryAlb(
        stack,
        "Model",
        blue=Targets.of(canary_service.ecs_service(stack, "Blue"), port=8080),
        green=Targets.of(canary_service.ecs_service(stack, "Green"), port=8080),
        ingress=canary_service.PLAIN,
        **options,  # type: ignore[arg-type]
    )


def slots(app: cdk.App, **options: object) -> AppServiceSlots:
    return slots_application.application(canary_service.new_stack("Web", app), **options)


def pipeline(app: cdk.App, stages: Sequence[DeliveryStage], /, **options: object) -> BlueGreenPipeline:
    """A pipeline of an image and the code, in a stack of its own."""
    stack = cdk.Stack(app, "Delivery", env=ENV)
    settings: dict[str, object] = {
        "sources": [EcrPush(repository_in(stack)), code(stack)],
        "app": AppAssembly(),
        "stages": stages,
        **options,
    }
    return BlueGreenPipeline(stack, "Pipeline", **settings)  # type: ignore[arg-type]


def code(stack: cdk.Stack) -> CodeCommitSource:
    return CodeCommitSource(codecommit.Repository.from_repository_name(stack, "Code", "delivery"))


@cache
def whole() -> Mapping[str, Any]:
    """The template of a pipeline over three stages: by CloudFormation, by the engine, and by slots with an approval."""
    app = new_app()
    stages = [
        DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))]),
        DeliveryStage("Staging", deploys=[EngineRollout(canary(app))]),
        DeliveryStage(
            "Prod",
            deploys=[StackDeploy(released_stack(app, "Production")), SlotSwap(slots(app))],
            approval=StageApproval("release manager"),
        ),
    ]
    return template(pipeline(app, stages))


def template(made: BlueGreenPipeline) -> Mapping[str, Any]:
    found: Mapping[str, Any] = Template.from_stack(cdk.Stack.of(made)).to_json()
    return found


def properties(of: Mapping[str, Any]) -> Mapping[str, Any]:
    """What CodePipeline is told."""
    (found,) = (one for one in of["Resources"].values() if one["Type"] == "AWS::CodePipeline::Pipeline")
    return dict(found["Properties"])


def stage(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    (found,) = (one for one in properties(of)["Stages"] if one["Name"] == name)
    return dict(found)


def action(of: Mapping[str, Any], stage_name: str, name: str) -> Mapping[str, Any]:
    (found,) = (one for one in stage(of, stage_name)["Actions"] if one["Name"] == name)
    return dict(found)


def graph(of: Mapping[str, Any]) -> dict[str, list[tuple[int, str, str]]]:
    """Each stage with its actions: run order, name and provider."""
    return {
        one["Name"]: sorted((a["RunOrder"], a["Name"], a["ActionTypeId"]["Provider"]) for a in one["Actions"])
        for one in properties(of)["Stages"]
    }


def flat(value: object) -> str:
    """A template's value as one text, with references by their names."""
    match value:
        case {"Fn::Join": [str(between), [*parts]]}:
            return between.join(map(flat, parts))
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Fn::ImportValue": str(name)}:
            return f"<{name}>"
        case {"Fn::Sub": str(text)}:
            return text.replace("${", "<").replace("}", ">")
        case _:
            return str(value)


def asked(of: Mapping[str, Any], stage_name: str, name: str) -> dict[str, Any]:
    """What an action of Step Functions starts an execution with."""
    found: dict[str, Any] = json.loads(flat(action(of, stage_name, name)["Configuration"]["Input"]))
    return found


def statements(of: Mapping[str, Any], role: str) -> list[dict[str, Any]]:
    """What the role whose logical id contains this may do by policies beside it."""
    return [
        statement
        for name, one in of["Resources"].items()
        if one["Type"] == "AWS::IAM::Policy" and role in name
        for statement in one["Properties"]["PolicyDocument"]["Statement"]
    ]
