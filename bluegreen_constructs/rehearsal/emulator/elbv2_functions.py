"""Target groups of Lambda functions in the emulator: their defaults, what may be registered, and who may invoke what.

A function is registered by its ARN, one for a group, when its policy lets Elastic Load Balancing invoke it:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html. Every function here works on
the account and region of the current request (`ministack.core.responses.request_scope`), except what `targets` makes.
"""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import request_scope
from ministack.services import alb, lambda_svc

from ..load_balancer.action_rules import ApiRefusal
from ..load_balancer.lambda_targets import LambdaTargets
from ..load_balancer.records import TargetGroupRecord, TargetRecord, is_function_group
from .patches import Patches
from .world import EmulatorConfig

SETTINGS = {
    "HealthCheckEnabled": "false",
    "HealthCheckIntervalSeconds": "35",
    "HealthCheckTimeoutSeconds": "30",
    "UnhealthyThresholdCount": "5",
}
"""What a function's group has, unlike others, when nothing is said of it.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
"""
ATTRIBUTES = {"lambda.multi_value_headers.enabled": "false"}
"""The attributes of a function's group; what the other groups have is not supported for it."""

_PRINCIPAL = "elasticloadbalancing.amazonaws.com"
# "If the target is a Lambda function, this parameter does not apply."
_NOT_THERE = re.compile(r"<(Protocol|Port|VpcId|HealthCheckProtocol|HealthCheckPort)>[^<]*</\1>")


def with_settings(given: Mapping[str, object]) -> dict[str, object]:
    """Parameters of CreateTargetGroup or properties of a template, with the defaults of a function's group."""
    return {**(SETTINGS if given.get("TargetType") == "lambda" else {}), **given}


def targets(config: EmulatorConfig) -> LambdaTargets:
    """The deployed functions, as the load balancer's data plane calls them from its own thread."""

    def may_invoke(function_arn: str, group_arn: str) -> bool:
        with request_scope(config.account, config.region):
            return is_permitted(function_arn, group_arn, config)

    return LambdaTargets(config.endpoint, may_invoke)


def is_permitted(function_arn: str, group_arn: str, config: EmulatorConfig) -> bool:
    """Whether the function is there and its policy lets this target group invoke it."""
    found = cast("tuple[Mapping[str, object], str] | None", lambda_svc.function_policy_for_arn(function_arn))
    if found is None:
        return False
    context = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=function_arn,
        region=config.region,
        service_context={"aws:sourcearn": group_arn, "aws:sourceaccount": config.account},
    )
    return bool(evaluate_resource_policy(found[0], context, service=_PRINCIPAL).decision == "Allow")


def refuse_wrong_functions(
    group: TargetGroupRecord, wanted: Sequence[TargetRecord], there: Sequence[TargetRecord], config: EmulatorConfig
) -> None:
    """As AWS does: a function's group takes one function, which is there and lets the load balancer invoke it."""
    if not is_function_group(group):
        return
    if len({target["Id"] for target in (*wanted, *there)}) > 1:
        raise ApiRefusal(
            "TooManyTargets", f"Target group '{group['TargetGroupArn']}' takes one Lambda function, and not another"
        )
    for target in wanted:
        function_arn = target["Id"]
        if lambda_svc.function_policy_for_arn(function_arn) is None:
            raise ApiRefusal("InvalidTarget", f"The Lambda function '{function_arn}' does not exist")
        if not is_permitted(function_arn, group["TargetGroupArn"], config):
            raise ApiRefusal(
                "AccessDenied",
                f"elasticloadbalancing principal does not have permission to invoke {function_arn} "
                f"from target group {group['TargetGroupArn']}",
            )


def show_as_aws_does(patches: Patches) -> None:
    """DescribeTargetGroups of a function's group, without what such a group does not have."""
    shown = patches.original(alb, "_tg_xml")

    def group_xml(tg: TargetGroupRecord) -> str:
        xml = str(shown(tg))  # type: ignore[operator]  # the emulator's own function
        return _NOT_THERE.sub("", xml) if is_function_group(tg) else xml

    patches.replace(alb, "_tg_xml", group_xml, written_for=["tg"])
