"""What a rollout of one target is run with: written by its construct, read by the engine and the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Literal, TypeAlias

from .absolute_floor import AbsoluteFloor
from .code_deploy_settings import CodeDeploySettings
from .comparison import ErrorComparison
from .guardrails import LatencyComparison, MetricComparison
from .slot_settings import SlotsSettings
from .strategy import Step
from .warm_pool import WarmPool

Side: TypeAlias = Literal["blue", "green"]
SIDES: tuple[Side, Side] = ("blue", "green")

PARAMETER_PREFIX = "/bluegreen/targets/"
"""Where the settings of a target lie in Parameter Store, followed by the target's name."""


def other(side: Side) -> Side:
    """The side that is not `side`."""
    return "green" if side == "blue" else "blue"


class Compute(Enum):
    """What runs behind a side's target group, and so what the engine can do with it."""

    ECS = "ecs"
    """A plain ECS service: the engine registers a task definition with the release's image, and scales it."""
    AUTO_SCALING = "asg"
    """An Auto Scaling group: the engine sets the launch template version, or makes it first, and scales it."""
    FIXED = "fixed"
    """Instances or IP addresses: the operator puts the release there; the engine scales nothing."""
    LAMBDA = "lambda"
    """A function: no health, no capacity."""


@dataclass(frozen=True, slots=True)
class SideSettings:
    """One side: its target group, and the compute behind it.

    group_arn: the target group's ARN.
    metric_name: the target group's name in metric dimensions (`targetgroup/<name>/<id>`); left out of stored settings
        it is the last part of the ARN, as `load_balancer` is a part of the rule's.
    cluster, service, container: an ECS side's cluster and service names, and which container runs the release.
    auto_scaling_group: an Auto Scaling side's group name.
    scalable: whether an ECS side's service is a scalable target of Application Auto Scaling.
    named: whether an Auto Scaling side's instances fetch a release by its name, from their tag `bluegreen:release`; a
        bare name, a number too, is a release then.
    warm_pool: the warm pool of an Auto Scaling side (None: it has none).
    """

    group_arn: str
    metric_name: str
    compute: Compute
    cluster: str = ""
    service: str = ""
    container: str = ""
    auto_scaling_group: str = ""
    scalable: bool = False
    named: bool = False
    warm_pool: WarmPool | None = None

    @property
    def can_be_scaled(self) -> bool:
        """Whether the engine can bring the side's capacity up and down."""
        return self.compute in {Compute.ECS, Compute.AUTO_SCALING}


@dataclass(frozen=True, slots=True)
class AlarmName:
    """An alarm that must not go off, by its name; OK is HEALTHY, ALARM is UNHEALTHY, no data is UNSURE."""

    alarm: str

    @property
    def name(self) -> str:
        """How explanations call it."""
        return f"alarm {self.alarm}"


Controller: TypeAlias = Literal["engine", "ecs", "slots", "codedeploy"]
"""Who moves a target's traffic, and how: the engine, step by step or by swapping slots; Amazon ECS itself, which the
engine then only advises; or AWS CodeDeploy, with CloudWatch alarms alone to judge."""

EngineGuardrail: TypeAlias = ErrorComparison | LatencyComparison | MetricComparison | AbsoluteFloor | AlarmName


@dataclass(frozen=True, slots=True)
class HookSettings:
    """One hook. A function is asked until it answers SUCCEEDED or FAILED; an approval waits for `bluegreen promote`.

    name: how history calls it. function_arn: the function to invoke; empty for an approval.
    details: what the function is given as `hookDetails`.
    stage: TESTING (before production traffic) or BAKING (once all of it has moved).
    timeout: when it ends without an answer, the rollout goes back.
    """

    name: str
    function_arn: str = ""
    details: Mapping[str, object] = field(default_factory=dict)
    stage: Literal["TESTING", "BAKING"] = "TESTING"
    timeout: timedelta = timedelta(hours=1)

    @property
    def is_approval(self) -> bool:
        """Whether a person answers it."""
        return not self.function_arn


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """Everything that a rollout of one target is run with.

    target: the target's name. rule_arn: the live rule. test_rule_arns: rules that always lead to the candidate.
    load_balancer: its name in metric dimensions (`app/<name>/<id>`).
    steps: the steps below 100 %. split: a fixed split in percent instead, which only an operator ends (A/B).
    stickiness_seconds: how long a client stays on its side (None: no stickiness).
    bake: how long going back stays one call. hold_back: percent of the traffic that stays on live during the bake, so
        that the comparison goes on (0: none).
    patience: how long a last step without enough evidence is extended before the rollout is held.
    hold_timeout: how long a hold, a pause or an interference waits for an answer; then the rollout goes back.
    prepare_timeout: how long the candidate may take to be healthy with live's capacity; then the rollout ends without
        having moved traffic.
    restore_timeout: how long going back waits for live to have the capacity again; then all traffic goes back anyway.
    deadline: how long the rollout may take in all, holds and approvals included; then it goes back.
    drain_timeout: how long to look for the quiet of a side that is out of use; then it is left running.
    keep: how long the former live side keeps running when a rollout was promoted and the side was drained (0: it is
        scaled down at once). A rollback keeps nothing: what it leaves is rejected.
    metric_lag: how long after its end a minute's metrics are taken to be complete.
    retained: how many promoted releases `bluegreen rollback` can go back to.
    shares_load_balancer: whether other services are behind the same load balancer.
    controller: who moves the traffic. With `ecs`, both sides name the one cluster, service and container; `steps`,
        `bake` and `hooks` say what ECS was told; `hold_timeout` is how long a hook waits for a verdict.
    is_judged: whether the engine compares the sides; with `ecs` and False, CloudWatch alarms judge alone.
    slots: with `slots`, the sides and the slots; `blue` and `green` are then the first two of the sides.
    codedeploy: with `codedeploy`, where its deployments are made; `steps` and `bake` say what CodeDeploy was told.
    """

    target: str
    rule_arn: str
    load_balancer: str
    blue: SideSettings
    green: SideSettings
    steps: tuple[Step, ...] = ()
    split: float | None = None
    test_rule_arns: tuple[str, ...] = ()
    guardrails: tuple[EngineGuardrail, ...] = ()
    hooks: tuple[HookSettings, ...] = ()
    stickiness_seconds: int | None = None
    bake: timedelta = timedelta(minutes=15)
    hold_back: float = 5.0
    patience: timedelta = timedelta(minutes=30)
    hold_timeout: timedelta = timedelta(hours=24)
    prepare_timeout: timedelta = timedelta(minutes=20)
    restore_timeout: timedelta = timedelta(minutes=10)
    deadline: timedelta = timedelta(hours=36)
    drain_timeout: timedelta = timedelta(minutes=30)
    keep: timedelta = timedelta(0)
    metric_lag: timedelta = timedelta(seconds=60)
    retained: int = 5
    shares_load_balancer: bool = True
    controller: Controller = "engine"
    is_judged: bool = True
    slots: SlotsSettings | None = None
    codedeploy: CodeDeploySettings | None = None

    def side(self, side: Side) -> SideSettings:
        """The settings of one side."""
        return self.blue if side == "blue" else self.green

    def side_of(self, group_arn: str) -> Side | None:
        """The side whose target group this is; None for a foreign one."""
        return next((side for side in SIDES if self.side(side).group_arn == group_arn), None)
