"""What calls the engine without an operator: a guardrail's alarm, and an image that is pushed. EventBridge rules."""

from collections.abc import Sequence

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from .service_role import service_role

# An alarm that could not be delivered for this long says nothing about the rollout that runs by then; a lost push can
# be started by hand. What is not delivered goes to the dead letter queue.
_ALARM_AGE_SECONDS = 900
_PUSH_AGE_SECONDS = 3600
_DELIVERIES = 20


def abort_on_alarms(
    scope: Construct,
    *,
    target: str,
    rule_arn: str,
    alarm_names: Sequence[str],
    function_arn: str,
    dead_letters_arn: str,
) -> None:
    """Call the engine's `alarm` function when one of the alarms goes off.

    It is told the live rule as well, from whose tags it aborts when the engine's table does not answer.
    """
    rule = events.CfnRule(
        scope,
        "AlarmRule",
        description=f"An alarm of {target} aborts its rollout",
        event_pattern={
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change"],
            "detail": {"alarmName": list(alarm_names), "state": {"value": ["ALARM"]}},
        },
        targets=[
            events.CfnRule.TargetProperty(
                id="Abort",
                arn=function_arn,
                dead_letter_config={"arn": dead_letters_arn},
                retry_policy={
                    "maximumEventAgeInSeconds": _ALARM_AGE_SECONDS,
                    "maximumRetryAttempts": _DELIVERIES,
                },
                input_transformer=events.CfnRule.InputTransformerProperty(
                    input_paths_map={
                        "alarm": "$.detail.alarmName",
                        "state": "$.detail.state.value",
                        "now": "$.time",
                    },
                    # Without quotes around a variable that is a whole value: EventBridge writes them.
                    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
                    input_template=(
                        f'{{"target":"{target}","alarm":<alarm>,"state":<state>,"now":<now>,"rule":"{rule_arn}"}}'
                    ),
                ),
            )
        ],
    )
    lambda_.CfnPermission(
        scope,
        "AlarmPermission",
        action="lambda:InvokeFunction",
        function_name=function_arn,
        principal="events.amazonaws.com",
        source_arn=rule.attr_arn,
    )


def start_on_pushes(
    scope: Construct,
    *,
    target: str,
    repository: ecr.IRepository,
    tag_pattern: str,
    state_machine_arn: str,
    dead_letters_arn: str,
) -> None:
    """Start a rollout for every image that is pushed to `repository` with a tag like `tag_pattern`.

    The release is called by its tag and runs by its digest, so that a tag that is moved later changes nothing.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """
    role = service_role(
        scope,
        "PushRole",
        services="events.amazonaws.com",
        description=f"EventBridge starts rollouts of {target}",
        policy="Start",
        statements=[{"Action": "states:StartExecution", "Resource": state_machine_arn}],
    )
    image = f'"{repository.repository_uri}@<digest>"'
    template = (
        f'{{"target":"{target}","release":{{"name":<tag>,"image":{image}}},'
        '"caller":"Amazon ECR","reason":"the image was pushed with the tag <tag>"}'
    )
    events.CfnRule(
        scope,
        "PushRule",
        description=f"An image that is pushed is rolled out to {target}",
        event_pattern={
            "source": ["aws.ecr"],
            "detail-type": ["ECR Image Action"],
            "detail": {
                "action-type": ["PUSH"],
                "result": ["SUCCESS"],
                "repository-name": [repository.repository_name],
                "image-tag": [{"wildcard": tag_pattern}],
            },
        },
        targets=[
            events.CfnRule.TargetProperty(
                id="Start",
                arn=state_machine_arn,
                role_arn=role.attr_arn,
                dead_letter_config={"arn": dead_letters_arn},
                retry_policy={
                    "maximumEventAgeInSeconds": _PUSH_AGE_SECONDS,
                    "maximumRetryAttempts": _DELIVERIES,
                },
                input_transformer=events.CfnRule.InputTransformerProperty(
                    input_paths_map={"tag": "$.detail.image-tag", "digest": "$.detail.image-digest"},
                    input_template=template,
                ),
            )
        ],
    )
