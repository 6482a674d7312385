"""EngineAlarms: who hears of it when the engine itself fails: a dead letter queue and three alarms."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from .engine_function import EngineFunction
from .engine_state_machine import NOT_PROMOTED, REFUSALS

_KEPT_SECONDS = 14 * 24 * 3600  # the longest that Amazon SQS keeps a message
_MINUTE = 60
_WINDOW_MINUTES = 3  # an alarm that looks at the last minute alone may look before its metric is there
# A tick that fails once is repeated within seconds; this many failures in a minute are no passing trouble. An abort
# that fails counts as much at once.
_FAILED_TICKS = 3


class EngineAlarms(Construct):
    """The alarms of an engine. A refused or rolled back rollout is no failure of the engine, and sets none off."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        state_machine_arn: str,
        tick: EngineFunction,
        alarm: EngineFunction,
        actions: Sequence[str],
    ) -> None:
        """Watch the state machine and the functions; `alarm` gets the queue for what it could not handle.

        actions: ARNs that every alarm tells, such as a topic's.
        """
        super().__init__(scope, id)
        self._actions = list(actions)
        self.queue = sqs.CfnQueue(
            self, "DeadLetters", message_retention_period=_KEPT_SECONDS, sqs_managed_sse_enabled=True
        )
        self._let_events_in()
        alarm.allow("KeepDeadLetters", ["sqs:SendMessage"], [self.queue.attr_arn])
        alarm.resource.dead_letter_config = lambda_.CfnFunction.DeadLetterConfigProperty(target_arn=self.queue.attr_arn)
        failures = self._failures_rule(state_machine_arn)
        waiting = ("QueueName", self.queue.attr_queue_name)
        self._alarm(
            "DeadLettersWaiting",
            "an alarm or a push that the engine never heard of, or a rollout that it lost: see the queue",
            {"letters": _metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", waiting, "Maximum")},
            "FILL(letters,0)",
        )
        self._alarm(
            "StateMachineFailed",
            "the engine failed in a rollout, and the state machine gave live all traffic: see bluegreen status",
            {"failures": _metric("AWS/Events", "MatchedEvents", ("RuleName", failures.ref), "Sum")},
            "FILL(failures,0)",
        )
        self._alarm(
            "FunctionsFailed",
            "the engine's functions keep failing: rollouts are not judged, or an alarm aborted nothing",
            {
                "tick": _metric("AWS/Lambda", "Errors", ("FunctionName", tick.resource.ref), "Sum"),
                "abort": _metric("AWS/Lambda", "Errors", ("FunctionName", alarm.resource.ref), "Sum"),
            },
            f"FILL(tick,0)+{_FAILED_TICKS}*FILL(abort,0)",
            threshold=_FAILED_TICKS,
        )

    def _let_events_in(self) -> None:
        queue = self.queue.attr_arn
        sqs.CfnQueuePolicy(
            self,
            "Policy",
            queues=[self.queue.ref],
            policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "OnlyEncrypted",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sqs:*",
                        "Resource": queue,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                    {
                        "Sid": "FromOurRules",
                        "Effect": "Allow",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": queue,
                        "Condition": {"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
                    },
                ],
            },
        )

    def _failures_rule(self, state_machine_arn: str) -> events.CfnRule:
        """Executions that failed for another reason than a decision; the event says what DescribeExecution says.

        https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
        """
        return events.CfnRule(
            self,
            "Failures",
            description="Rollouts that ended because the engine failed",
            event_pattern={
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {
                    "stateMachineArn": [state_machine_arn],
                    "status": ["FAILED"],
                    "error": [{"anything-but": [NOT_PROMOTED, *REFUSALS]}],
                },
            },
            targets=[events.CfnRule.TargetProperty(id="DeadLetters", arn=self.queue.attr_arn)],
        )

    def _alarm(
        self, id: str, description: str, metrics: Mapping[str, dict[str, object]], expression: str, threshold: int = 1
    ) -> None:
        alarm = cloudwatch.CfnAlarm(
            self,
            id,
            alarm_description=description,
            comparison_operator="GreaterThanOrEqualToThreshold",
            evaluation_periods=_WINDOW_MINUTES,
            datapoints_to_alarm=1,
            threshold=threshold,
            treat_missing_data="notBreaching",
            alarm_actions=self._actions or None,
        )
        alarm.add_property_override(
            "Metrics",
            [
                *({"Id": name, "MetricStat": stat, "ReturnData": False} for name, stat in metrics.items()),
                {"Id": "watched", "Expression": expression, "Label": description, "ReturnData": True},
            ],
        )


def _metric(namespace: str, name: str, dimension: tuple[str, str], stat: str) -> dict[str, object]:
    return {
        "Stat": stat,
        "Period": _MINUTE,
        "Metric": {
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": dimension[0], "Value": dimension[1]}],
        },
    }
