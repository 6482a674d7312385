"""A service that is judged, everything on, and how a template's values look once CloudFormation has resolved them."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from bluegreen_constructs import (
    AbsoluteFloor,
    AcceptedRelease,
    EcsBlueGreenService,
    ErrorComparison,
    Hotfix,
    LatencyComparison,
)
from tests.blue_green_service import deployment_configuration, new_stack, service, template

GROUPS = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup"
RULES = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/edge/50dc6c495c0c9188/f2f7dc8efc522ab2"
HOTFIX = Hotfix(release="1.0.1", reason="mends the parser")
GUARDRAILS = (
    ErrorComparison(),
    LatencyComparison(slo=timedelta(milliseconds=800)),
    AbsoluteFloor(success_percent=98),
)


def judged(stack: cdk.Stack | None = None, **options: object) -> EcsBlueGreenService:
    """A service with comparisons, unless `options` say otherwise."""
    return service(stack, **{"guardrails": [ErrorComparison()], **options})


@cache
def fully_judged() -> Template:
    """With two comparisons, a floor, and both marks of a release; synthesised once for all files."""
    marks = [HOTFIX, AcceptedRelease(release="1.0.1", reason="the data was wrong, not the model")]
    return template(judged(new_stack(), guardrails=GUARDRAILS, release_marks=marks))


def resolved(value: object) -> Any:
    """The value with what CloudFormation would put in it: ARNs of the right shape, else `<logical id>`."""
    match value:
        case {"Fn::Join": [str(between), [*parts]]}:
            return between.join(str(resolved(part)) for part in parts)
        case {"Ref": str(name)}:
            return _referred(name)
        case {"Fn::GetAtt": [str(name), "RuleArn"]}:
            return f"{RULES}/{name}"
        case {"Fn::GetAtt": [str(), "LoadBalancerFullName"]}:
            return "app/edge/50dc6c495c0c9188"
        case {"Fn::GetAtt": [str(name), "TargetGroupFullName"]}:
            return _referred(name).rpartition(":")[2]
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Select": [index, parts]}:
            return resolved(parts)[int(str(index))]
        case {"Fn::Split": [str(at), text]}:
            return str(resolved(text)).split(at)
        case {"Fn::Sub": str(text)}:
            return text
        case Mapping():
            return {str(name): resolved(inner) for name, inner in value.items()}
        case list():
            return [resolved(inner) for inner in value]
        case _:
            return value


def _referred(name: str) -> str:
    known = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012"}
    if name in known:
        return known[name]
    if name == "AWS::StackId":
        return "arn:aws:cloudformation:eu-west-1:123456789012:stack/Stack/0f0e0d0c-0b0a"
    if re.match(r"Inference(LoadBalancer)?Http", name):  # listeners
        return RULES.replace("listener-rule", "listener")
    for side in ("Blue", "Green"):
        if name.startswith(f"Inference{side}"):
            return f"{GROUPS}/{side}/73e2d6bc24d8a067"
    return f"<{name}>"


def hooks_of(found: Template) -> list[dict[str, Any]]:
    """The lifecycle hooks of the one service."""
    hooks: list[dict[str, Any]] = deployment_configuration(found)["LifecycleHooks"]
    return hooks


def judge_hook(found: Template) -> dict[str, Any]:
    """The hook by which ECS asks the judge."""
    (hook,) = [one for one in hooks_of(found) if "PRE_SCALE_UP" in one["LifecycleStages"]]
    return hook


def watched(found: Template) -> list[str]:
    """The logical ids of the alarms in the deployment's list, whether it has their names or refers to them."""
    ids = {}
    for name, alarm in found.find_resources("AWS::CloudWatch::Alarm").items():
        ids[str(resolved(alarm["Properties"].get("AlarmName", {"Ref": name})))] = name
        ids[str(resolved({"Ref": name}))] = name
    return [ids[str(resolved(one))] for one in deployment_configuration(found)["Alarms"]["AlarmNames"]]


def details_of(hook: Mapping[str, Any]) -> Any:
    """What the function is given, as it reads them."""
    return json.loads(resolved(hook["HookDetails"]))
