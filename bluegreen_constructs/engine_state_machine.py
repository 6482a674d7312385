"""The state machine of a rollout: start, tick, wait, tick; and the way back to live that needs no function."""

from collections.abc import Mapping
from typing import TypeAlias

State: TypeAlias = dict[str, object]

REFUSALS = ("ConfigurationError", "HeldError", "RefusedError")
"""What `start` raises when a rollout must not begin; the execution then fails with that error and the sentence."""

NOT_PROMOTED = "NotPromoted"
"""The error of an execution whose rollout did not make its release live, so that a pipeline stops there."""

# Seconds for one invocation: as long as the function's own time-out, and a little for the way there.
_MARGIN_SECONDS = 15
# A failure of Lambda itself passes by; these are the errors that its guide tells to retry.
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
_LAMBDA_IS_BUSY: State = {
    "ErrorEquals": [
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
    ],
    "IntervalSeconds": 2,
    "BackoffRate": 2,
    "MaxAttempts": 5,
    "JitterStrategy": "FULL",
}
# Everything else that failed is tried again as well, but not for long: meanwhile nobody judges the candidate.
_FAILED: State = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "BackoffRate": 2, "MaxAttempts": 3}
# The last resort gets more patience than all before it: without it, traffic stays where the engine left it.
_LAST_RESORT: State = {
    "ErrorEquals": ["States.ALL"],
    "IntervalSeconds": 2,
    "BackoffRate": 2,
    "MaxAttempts": 8,
    "MaxDelaySeconds": 30,
}


def definition(
    *, start_arn: str, start_seconds: int, tick_arn: str, tick_seconds: int, partition: str = "aws"
) -> dict[str, object]:
    """The definition; ARNs and `partition` may be tokens. `…_seconds` are the functions' own time-outs.

    An execution's input is a rollout's request (`engine.handlers.start`), or `{"target", "rollout", "closing": true}`
    for what an abort leaves to be drained and tidied. Times come from the state machine, so that the engine has no
    clock of its own. When `tick` keeps failing, live gets all traffic by a direct call of Elastic Load Balancing, and
    the rule a mark that every later worker takes for an abort.

    A standard execution ends after 25,000 events, of which one tick takes nine.
    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    return {
        "Comment": "One rollout: bluegreen status, watch and explain show it in words",
        "StartAt": "Kind",
        "States": {
            "Kind": _choice([("$.closing", True, "Tick")], otherwise="Request"),
            "Request": {
                "Type": "Pass",
                "Parameters": {
                    "given.$": "$",
                    "known": {
                        "rollout.$": "$$.Execution.Name",
                        "execution.$": "$$.Execution.Id",
                        "now.$": "$$.State.EnteredTime",
                    },
                },
                "Next": "Start",
            },
            "Start": {
                **_invocation(
                    partition, start_arn, start_seconds, {"Payload.$": "States.JsonMerge($.given, $.known, false)"}
                ),
                "Retry": [
                    _LAMBDA_IS_BUSY,
                    {**_FAILED, "ErrorEquals": ["AwsError", "LostLockError", "States.Timeout", "Lambda.Unknown"]},
                ],
                "Catch": [{"ErrorEquals": list(REFUSALS), "ResultPath": "$.refusal", "Next": "Refusal"}],
                "Next": "Done",
            },
            "Refusal": {
                "Type": "Pass",
                "Parameters": {
                    "error.$": "$.refusal.Error",
                    "cause.$": "States.StringToJson($.refusal.Cause)",
                },
                "Next": "Refused",
            },
            "Refused": {"Type": "Fail", "ErrorPath": "$.error", "CausePath": "$.cause.errorMessage"},
            "Tick": {
                **_invocation(
                    partition,
                    tick_arn,
                    tick_seconds,
                    {
                        "Payload": {
                            "target.$": "$.target",
                            "rollout.$": "$.rollout",
                            "now.$": "$$.State.EnteredTime",
                            "execution.$": "$$.Execution.Id",
                        }
                    },
                ),
                "Retry": [_LAMBDA_IS_BUSY, _FAILED],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "WayBack"}],
                "Next": "Done",
            },
            "Done": _choice([("$.done", True, "Outcome")], otherwise="Wait"),
            "Wait": {"Type": "Wait", "SecondsPath": "$.wait_seconds", "Next": "Tick"},
            "Outcome": _choice(
                [
                    ("$.outcome", "PROMOTED", "Ended"),
                    ("$.outcome", "DONE", "Ended"),
                    ("$$.Execution.Input.closing", True, "Ended"),
                ],
                otherwise=NOT_PROMOTED,
            ),
            "Ended": {"Type": "Succeed"},
            NOT_PROMOTED: {
                "Type": "Fail",
                "Error": NOT_PROMOTED,
                "CausePath": "States.Format('rollout {} of {} ended {}: bluegreen explain says why', "
                "$.rollout, $.target, $.outcome)",
            },
            # A closing execution has no answer of a tick yet, and a superseded one nothing to restore.
            "WayBack": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.restore.RuleArn", "IsPresent": True, "Next": "RestoreLive"}],
                "Default": "EngineFailed",
            },
            "RestoreLive": _elb_call(
                partition,
                "modifyRule",
                {"RuleArn.$": "$.restore.RuleArn", "Actions.$": "$.restore.Actions"},
                answer="$.restored",
                following="MarkAborted",
            ),
            "MarkAborted": _elb_call(
                partition,
                "addTags",
                {"ResourceArns.$": "$.mark.ResourceArns", "Tags.$": "$.mark.Tags"},
                answer="$.marked",
                following="EngineFailed",
            ),
            "EngineFailed": {
                "Type": "Fail",
                "Error": "EngineFailed",
                "CausePath": "States.Format('the tick failed with {}: {}', $.failure.Error, $.failure.Cause)",
            },
        },
    }


def _choice(rules: list[tuple[str, str | bool, str]], *, otherwise: str) -> State:
    return {
        "Type": "Choice",
        "Choices": [
            {
                "And": [
                    {"Variable": variable, "IsPresent": True},
                    {"Variable": variable, _EQUALS[type(value)]: value},
                ],
                "Next": following,
            }
            for variable, value, following in rules
        ],
        "Default": otherwise,
    }


_EQUALS: Mapping[type, str] = {bool: "BooleanEquals", str: "StringEquals"}


def _invocation(partition: str, function_arn: str, seconds: int, payload: Mapping[str, object]) -> State:
    return {
        "Type": "Task",
        "Resource": f"arn:{partition}:states:::lambda:invoke",
        "Parameters": {"FunctionName": function_arn, **payload},
        "OutputPath": "$.Payload",
        "TimeoutSeconds": seconds + _MARGIN_SECONDS,
    }


def _elb_call(
    partition: str, operation: str, parameters: Mapping[str, object], *, answer: str, following: str
) -> State:
    """A direct call; when even that fails for minutes, the execution fails all the same, and its alarm goes off.

    The answer gets a place of its own: a ResultPath of null, which drops it, is lost on the way into a template.
    """
    return {
        "Type": "Task",
        "Resource": f"arn:{partition}:states:::aws-sdk:elasticloadbalancingv2:{operation}",
        "Parameters": dict(parameters),
        "ResultPath": answer,
        "Retry": [_LAST_RESORT],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "EngineFailed"}],
        "Next": following,
    }
