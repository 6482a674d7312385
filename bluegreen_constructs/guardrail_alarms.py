"""Guardrails as CloudWatch alarms: errors, latency and unhealthy targets of both sides, and alarms of your own."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from aws_cdk import CfnResource
from constructs import Construct

from .engine.errors import ConfigurationError
from .engine.guardrails import AlarmGuardrail, AlarmLike
from .engine.spans import Span, as_timedelta

PERIOD_SECONDS = 60  # Elastic Load Balancing publishes once a minute
Metric: TypeAlias = Mapping[str, object]
Name: TypeAlias = str | Mapping[str, object]
"""A CloudFormation value: a text, a token, or an intrinsic function as a plain dict."""


@dataclass(frozen=True)
class AlarmThresholds:
    """When the built-in alarms of a service go off. `None` leaves an alarm out.

    error_rate_percent: failed requests (5xx answers and refused connections) of one side, or of both together, in a
        minute (default 1 %), in 2 of 5 minutes. On a load balancer of its own, answers that the load balancer had to
        give itself (a task that died or hung while answering) count in the rate of both together; on a shared one they
        could be anybody's, and only the unhealthy target tells.
    p95_latency: time to the first byte of the answer that one request in twenty exceeds, on either side (default
        1 s), in 2 of 5 minutes. A stream counts to its first byte.
    unhealthy_targets: targets that fail their health check, over both sides (default 1), for 2 minutes and the
        start-up grace more, because a task that still loads its model fails it too.
    requests_floor: a side with no more requests than this in a minute is not judged by rate or latency (default 20),
        so that one stray error among three requests rolls nothing back. It also says how much traffic the alarms
        need to see anything at all.

    Raises ConfigurationError for thresholds that could never or would always go off.
    """

    error_rate_percent: float | None = 1.0
    p95_latency: Span | None = timedelta(seconds=1)
    unhealthy_targets: int | None = 1
    requests_floor: int = 20

    def __post_init__(self) -> None:
        """Refuse thresholds that say nothing."""
        if self.error_rate_percent is not None and not 0 < self.error_rate_percent < 100:
            raise ConfigurationError(
                f"AlarmThresholds error_rate_percent is {self.error_rate_percent}: give more than 0 and less than 100"
            )
        if self.p95_latency is not None:
            span = as_timedelta(self.p95_latency, "AlarmThresholds p95_latency")
            if not span:
                raise ConfigurationError("AlarmThresholds p95_latency is 0: give the latency that is still good")
            object.__setattr__(self, "p95_latency", span)
        if self.unhealthy_targets is not None and self.unhealthy_targets < 1:
            raise ConfigurationError(
                f"AlarmThresholds unhealthy_targets is {self.unhealthy_targets}: give 1 or more, or None for no alarm"
            )
        if self.requests_floor < 0:
            raise ConfigurationError(f"AlarmThresholds requests_floor is {self.requests_floor}: give 0 or more")


@dataclass(frozen=True)
class SideMetrics:
    """The load balancer metrics of the two sides, by their names in metric dimensions."""

    load_balancer: Name
    blue: Name
    green: Name
    shares_load_balancer: bool = True

    def metric(self, id: str, name: str, stat: str, side: Name) -> dict[str, object]:
        """One metric of one side, as alarms, scaling policies and dashboards spell it in CloudFormation."""
        return {
            "Id": id,
            "ReturnData": False,
            "MetricStat": {
                "Stat": stat,
                "Period": PERIOD_SECONDS,
                "Metric": {
                    "Namespace": "AWS/ApplicationELB",
                    "MetricName": name,
                    "Dimensions": [
                        {"Name": "TargetGroup", "Value": side},
                        {"Name": "LoadBalancer", "Value": self.load_balancer},
                    ],
                },
            },
        }

    def own_failures(self, id: str) -> list[dict[str, object]]:
        """Answers that the load balancer gave itself, which it counts for no side; none where it serves others, too."""
        if self.shares_load_balancer:
            return []
        metric = self.metric(id, "HTTPCode_ELB_5XX_Count", "Sum", self.blue)
        stat = metric["MetricStat"]
        if isinstance(stat, dict):
            stat["Metric"]["Dimensions"] = [{"Name": "LoadBalancer", "Value": self.load_balancer}]
        return [metric]

    def pair(self, letter: str, name: str, stat: str) -> list[dict[str, object]]:
        """The metric of both sides, with ids `<letter>b` and `<letter>g`."""
        return [self.metric(f"{letter}b", name, stat, self.blue), self.metric(f"{letter}g", name, stat, self.green)]


# FILL, because ELB publishes nothing for a minute without requests (or without errors), or publishes zero. A fraction's
# denominator is never zero: what CloudWatch makes of a division by zero in the branch of an IF that is not taken is not
# documented, and it must not drop the other side's point.
ERROR_RATE = (
    "MAX(["
    "IF(FILL(rb,0)>{floor},100*(FILL(eb,0)+FILL(cb,0))/IF(FILL(rb,0)>0,FILL(rb,0),1),0),"
    "IF(FILL(rg,0)>{floor},100*(FILL(eg,0)+FILL(cg,0))/IF(FILL(rg,0)>0,FILL(rg,0),1),0),"
    "IF(FILL(rb,0)+FILL(rg,0)>{floor},100*(FILL(eb,0)+FILL(cb,0)+FILL(eg,0)+FILL(cg,0){own})"
    "/IF(FILL(rb,0)+FILL(rg,0)>0,FILL(rb,0)+FILL(rg,0),1),0)"
    "])"
)
LATENCY = "MAX([IF(FILL(rb,0)>{floor},FILL(lb,0),0),IF(FILL(rg,0)>{floor},FILL(lg,0),0)])"
UNHEALTHY = "FILL(ub,0)+FILL(ug,0)"


class GuardrailAlarms:
    """The alarms of one service, made once; their names go to whoever judges a deployment.

    The built-in ones are called `<target>/ErrorRate`, `/Latency` and `/UnhealthyTargets`; what names them has to wait
    for `resources`.

    Built from the target groups' and the load balancer's metrics, never the service's, so that no cycle arises.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        target: str,
        metrics: SideMetrics,
        thresholds: AlarmThresholds,
        guardrails: Sequence[AlarmGuardrail] = (),
        grace_seconds: int = 0,
    ) -> None:
        """Make the built-in alarms that `thresholds` asks for, and join the given ones."""
        self._scope, self._target = scope, target
        self.resources: list[CfnResource] = []
        requests = metrics.pair("r", "RequestCount", "Sum")
        own = metrics.own_failures("xl")
        floor = thresholds.requests_floor
        self._names: list[str] = []
        if thresholds.error_rate_percent is not None:
            self._alarm(
                "ErrorRate",
                description="failed requests of either side or of both together, percent of a minute's requests",
                threshold=thresholds.error_rate_percent,
                expression=ERROR_RATE.format(floor=floor, own="+FILL(xl,0)" if own else ""),
                metrics=[
                    *requests,
                    *metrics.pair("e", "HTTPCode_Target_5XX_Count", "Sum"),
                    *metrics.pair("c", "TargetConnectionErrorCount", "Sum"),
                    *own,
                ],
            )
        if thresholds.p95_latency is not None:
            self._alarm(
                "Latency",
                description="seconds to the first byte that 5 % of a minute's requests to either side exceed",
                threshold=as_timedelta(thresholds.p95_latency, "p95_latency").total_seconds(),
                expression=LATENCY.format(floor=floor),
                metrics=[*requests, *metrics.pair("l", "TargetResponseTime", "p95")],
            )
        if thresholds.unhealthy_targets is not None:
            self._alarm(
                "UnhealthyTargets",
                description="targets of both sides that fail their health check",
                threshold=thresholds.unhealthy_targets,
                expression=UNHEALTHY,
                # Minimum, because each node of the load balancer counts for itself.
                # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
                metrics=metrics.pair("u", "UnHealthyHostCount", "Minimum"),
                operator="GreaterThanOrEqualToThreshold",
                breaching=2 + math.ceil(grace_seconds / PERIOD_SECONDS),
            )
        self._names.extend(name_here(scope, guardrail.alarm) for guardrail in guardrails)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all alarms, the built-in ones first (CloudFormation values)."""
        return tuple(self._names)

    def _alarm(
        self,
        id: str,
        *,
        description: str,
        threshold: float,
        expression: str,
        metrics: Sequence[Metric],
        operator: str = "GreaterThanThreshold",
        breaching: int = 2,
    ) -> None:
        expressed = {"Id": "guardrail", "Expression": expression, "Label": description, "ReturnData": True}
        name = f"{self._target}/{id}"
        alarm = CfnResource(
            self._scope,
            f"{id}Alarm",
            type="AWS::CloudWatch::Alarm",
            properties={
                # A name that says whose alarm rings, in ECS's and the engine's reasons as in everybody's inbox.
                "AlarmName": name,
                "AlarmDescription": description,
                "ComparisonOperator": operator,
                # Metrics come a minute or two late, and FILL reads a minute that has not come as a good one: within
                # three minutes two bad ones might never be seen together.
                "EvaluationPeriods": breaching + 3,
                "DatapointsToAlarm": breaching,
                "Threshold": threshold,
                # I4 for alarms: a minute without data is neither good nor bad, so it must not go off; what judges a
                # candidate without traffic is the step's own evidence, not an alarm.
                "TreatMissingData": "notBreaching",
                "Metrics": [*metrics, expressed],
            },
        )
        self.resources.append(alarm)
        self._names.append(name)


def name_here(scope: Construct, alarm: AlarmLike) -> str:
    """The alarm's name, by which it is asked for: in the stack's own account and region only.

    Raises ConfigurationError for an alarm of another place.
    """
    from .account_arns import foreign_place  # noqa: PLC0415 -- few services bring alarms, and it loads a CDK module

    place = foreign_place(scope, str(getattr(alarm, "alarm_arn", "")), getattr(alarm, "env", None))
    if place is not None:
        raise ConfigurationError(
            f"{scope.node.path} has an alarm in {place}, which nobody here sees or hears: give one of the stack's own "
            "account and region"
        )
    return alarm.alarm_name
