"""How a service is judged: the judge as its hook, the alarm on the judge's verdict, what a release is marked with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import CfnResource
from constructs import Construct

from .ecs_judge import METRIC, NAMESPACE, EcsJudge
from .hook_function import HookHistory
from .release_marks import ReleaseMark, marks_as_details
from .service_guardrails import ServiceGuardrails
from .service_hooks import AskedFunction

# Before anything is started, and before each step. Neither is passed on the way back.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html
_STAGES = ("PRE_SCALE_UP", "PRE_PRODUCTION_TRAFFIC_SHIFT")


@dataclass(frozen=True)
class Verdicts:
    """The judge's hook, the alarm on its verdict, and where results are kept."""

    hook: AskedFunction
    alarm_name: str
    alarm: CfnResource
    history: HookHistory


def judged_by(
    scope: Construct,
    *,
    settings: Mapping[str, object],
    guardrails: ServiceGuardrails,
    marks: Sequence[ReleaseMark],
    alarm_names: Sequence[str],
    cluster_name: str,
) -> Verdicts:
    """Have the stack's judge judge the service. `settings` travel with each deployment, in the hook's details."""
    judge = EcsJudge.of(scope)
    judge.judge(cluster_name)
    target = str(settings["target"])
    alarm = CfnResource(
        scope,
        "UnhealthyVerdict",
        type="AWS::CloudWatch::Alarm",
        properties={
            "AlarmName": f"{target}/Verdict",
            "AlarmDescription": f"the release of {target} that is rolled out does harm, as its comparison shows",
            "Namespace": NAMESPACE,
            "MetricName": METRIC,
            "Dimensions": [{"Name": "Target", "Value": target}],
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            # Nothing is published while nothing is rolled out.
            "TreatMissingData": "notBreaching",
        },
    )
    own_alarm = f"{target}/Verdict"
    details = {
        "target": target,
        # As text: whoever hands details on as values may turn numbers into texts on the way, as CloudFormation does
        # with a custom resource's.
        "settings": json.dumps(settings, separators=(",", ":")),
        "alarms": [*alarm_names, own_alarm],
        "own_alarm": own_alarm,
        **marks_as_details(target, marks, guardrails.success_percent),
    }
    return Verdicts(
        AskedFunction(judge.function_arn, _STAGES, details, judge.invocation_role.attr_arn),
        own_alarm,
        alarm,
        HookHistory(target, judge.table.ref, judge.table.attr_arn),
    )
