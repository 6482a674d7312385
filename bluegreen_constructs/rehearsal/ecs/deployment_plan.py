"""What one service deployment is to do, read from the service's `deploymentConfiguration` as ECS keeps it.

Sources: the API reference of DeploymentConfiguration, CanaryConfiguration, LinearConfiguration and
DeploymentLifecycleHook (defaults and limits), and the developer guide's page `troubleshooting-blue-green` (the words
of each refusal).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from ...engine.errors import ConfigurationError

MINUTE = 60.0
DAY = 24 * 60 * MINUTE
LONGEST_DEPLOYMENT = 1.5 * DAY
"""After 36 hours CloudFormation gives up a deployment that it waits for (its reference of CanaryConfiguration)."""
_MAX_BAKE_MINUTES = 1440
_MAX_PAUSE_MINUTES = 20_160  # 14 days


class Strategy(StrEnum):
    """How ECS replaces the live release."""

    ROLLING = "ROLLING"
    BLUE_GREEN = "BLUE_GREEN"
    CANARY = "CANARY"
    LINEAR = "LINEAR"


class Stage(StrEnum):
    """The lifecycle stages, in the order in which a deployment passes them."""

    RECONCILE_SERVICE = "RECONCILE_SERVICE"
    PRE_SCALE_UP = "PRE_SCALE_UP"
    SCALE_UP = "SCALE_UP"
    POST_SCALE_UP = "POST_SCALE_UP"
    TEST_TRAFFIC_SHIFT = "TEST_TRAFFIC_SHIFT"
    POST_TEST_TRAFFIC_SHIFT = "POST_TEST_TRAFFIC_SHIFT"
    PRE_PRODUCTION_TRAFFIC_SHIFT = "PRE_PRODUCTION_TRAFFIC_SHIFT"
    PRODUCTION_TRAFFIC_SHIFT = "PRODUCTION_TRAFFIC_SHIFT"
    POST_PRODUCTION_TRAFFIC_SHIFT = "POST_PRODUCTION_TRAFFIC_SHIFT"
    BAKE_TIME = "BAKE_TIME"
    CLEAN_UP = "CLEAN_UP"


HOOK_STAGES = frozenset(Stage) - {Stage.SCALE_UP, Stage.BAKE_TIME, Stage.CLEAN_UP}
# `troubleshooting-blue-green`: the stages at which a pause hook may stand.
PAUSE_STAGES = HOOK_STAGES - {Stage.RECONCILE_SERVICE, Stage.TEST_TRAFFIC_SHIFT, Stage.PRODUCTION_TRAFFIC_SHIFT}


@dataclass(frozen=True, slots=True)
class Hook:
    """One lifecycle hook: a Lambda function to ask, or a pause (`function_arn` empty) that waits for a person."""

    function_arn: str
    stages: frozenset[Stage]
    details: Mapping[str, object] | None = None
    timeout: float = DAY
    continues_on_timeout: bool = False

    @property
    def is_pause(self) -> bool:
        """Whether ContinueServiceDeployment answers this hook."""
        return not self.function_arn


@dataclass(frozen=True, slots=True)
class Step:
    """One shift of production traffic: the candidate's percent, and how long it stays so (rehearsed seconds)."""

    percent: float
    bake: float


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """How many tasks may fail before the deployment does."""

    enabled: bool = False
    rolls_back: bool = False
    resets_on_healthy_task: bool = True
    kind: str = "BOUNDED_PERCENT"
    value: int = 50

    def threshold(self, wanted: int) -> int:
        """Failed tasks that end the deployment of `wanted` tasks: at least 3 and at most 200 unless unbounded."""
        if self.kind == "COUNT":
            return max(1, self.value)
        share = math.ceil(self.value * wanted / 100)
        return max(1, share) if self.kind == "UNBOUNDED_PERCENT" else min(200, max(3, share))


@dataclass(frozen=True, slots=True)
class DeploymentAlarms:
    """The CloudWatch alarms that fail the deployment."""

    names: tuple[str, ...] = ()
    enabled: bool = False
    rolls_back: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Strategy, traffic steps (the last is 100), final bake, hooks, circuit breaker and alarms of one deployment."""

    strategy: Strategy = Strategy.ROLLING
    steps: tuple[Step, ...] = (Step(100.0, 0.0),)
    bake: float = 0.0
    hooks: tuple[Hook, ...] = ()
    breaker: CircuitBreaker = CircuitBreaker()
    alarms: DeploymentAlarms = DeploymentAlarms()

    @property
    def shifts_traffic(self) -> bool:
        """Whether both sides stand beside each other and weights move between them."""
        return self.strategy is not Strategy.ROLLING

    def hooks_at(self, stage: Stage) -> tuple[Hook, ...]:
        """The hooks that `stage` waits for."""
        return tuple(hook for hook in self.hooks if stage in hook.stages)


def read_plan(configuration: Mapping[str, object]) -> Plan:
    """The plan in a service's deploymentConfiguration (API casing); ConfigurationError in ECS's words."""
    try:
        strategy = Strategy(str(configuration.get("strategy") or Strategy.ROLLING))
    except ValueError:
        raise ConfigurationError(
            f"Invalid deployment strategy {configuration.get('strategy')}. Valid values are: {', '.join(Strategy)}"
        ) from None
    return Plan(
        strategy=strategy,
        steps=_steps(strategy, configuration),
        bake=_minutes(configuration, "bakeTimeInMinutes", 0) if strategy is not Strategy.ROLLING else 0.0,
        hooks=tuple(_hook(hook) for hook in mappings(configuration.get("lifecycleHooks"))),
        breaker=_breaker(mapping(configuration.get("deploymentCircuitBreaker"))),
        alarms=_alarms(mapping(configuration.get("alarms"))),
    )


def _steps(strategy: Strategy, configuration: Mapping[str, object]) -> tuple[Step, ...]:
    if strategy is Strategy.CANARY:
        canary = mapping(configuration.get("canaryConfiguration"))
        percent = _percent(canary, "canaryPercent", 5.0, least=0.1)
        bake = _minutes(canary, "canaryBakeTimeInMinutes", 10)
        return (Step(percent, bake), Step(100.0, 0.0)) if percent < 100 else (Step(100.0, 0.0),)
    if strategy is Strategy.LINEAR:
        linear = mapping(configuration.get("linearConfiguration"))
        percent = _percent(linear, "stepPercent", 10.0, least=3.0)
        bake = _minutes(linear, "stepBakeTimeInMinutes", 6)
        below = [round(percent * n, 1) for n in range(1, math.ceil(100 / percent))]
        # "This bake time is not applied after reaching 100 percent traffic" (LinearConfiguration).
        return (*(Step(share, bake) for share in below if share < 100), Step(100.0, 0.0))
    return (Step(100.0, 0.0),)


def _hook(hook: Mapping[str, object]) -> Hook:
    target_type = str(hook.get("targetType") or "AWS_LAMBDA")
    if target_type not in {"AWS_LAMBDA", "PAUSE"}:
        raise ConfigurationError("Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE")
    stages = frozenset(str(stage) for stage in cast("Sequence[object]", hook.get("lifecycleStages") or ()))
    is_pause = target_type == "PAUSE"
    if is_pause and not stages <= PAUSE_STAGES:
        raise ConfigurationError("Invalid lifecycle stage provided for Pause Hook")
    if not stages or not stages <= HOOK_STAGES:
        raise ConfigurationError(
            f"Invalid lifecycle stages {sorted(stages)} for lifecycle hook. Valid values are: {sorted(HOOK_STAGES)}"
        )
    function_arn = str(hook.get("hookTargetArn") or "")
    if not is_pause and not function_arn:
        raise ConfigurationError("hookTargetArn is required for lifecycle hooks of type AWS_LAMBDA")
    timeout = mapping(hook.get("timeoutConfiguration"))
    return Hook(
        function_arn="" if is_pause else function_arn,
        stages=frozenset(Stage(stage) for stage in stages),
        details=_details(hook.get("hookDetails")),
        timeout=_minutes(timeout, "timeoutInMinutes", 1440, most=_MAX_PAUSE_MINUTES),
        continues_on_timeout=timeout.get("action") == "CONTINUE",
    )


def _details(details: object) -> Mapping[str, object] | None:
    """CloudFormation passes hookDetails as "a JSON object as a string", the API as an object."""
    if isinstance(details, str):
        try:
            details = json.loads(details)
        except ValueError:
            raise ConfigurationError("hookDetails must be a JSON object") from None
    if details is None:
        return None
    if not isinstance(details, Mapping):
        raise ConfigurationError("hookDetails must be a JSON object")
    return details


def _breaker(breaker: Mapping[str, object]) -> CircuitBreaker:
    threshold = mapping(breaker.get("thresholdConfiguration"))
    return CircuitBreaker(
        enabled=truth(breaker.get("enable")),
        rolls_back=truth(breaker.get("rollback")),
        resets_on_healthy_task=truth(breaker.get("resetOnHealthyTask", True)),
        kind=str(threshold.get("type") or "BOUNDED_PERCENT"),
        value=int(str(threshold.get("value", 50))),
    )


def _alarms(alarms: Mapping[str, object]) -> DeploymentAlarms:
    names = tuple(str(name) for name in cast("Sequence[object]", alarms.get("alarmNames") or ()))
    return DeploymentAlarms(names, truth(alarms.get("enable")) and bool(names), truth(alarms.get("rollback")))


def _minutes(fields: Mapping[str, object], name: str, default: int, most: int = _MAX_BAKE_MINUTES) -> float:
    given = fields.get(name)
    minutes = float(str(default if given is None else given))
    if not 0 <= minutes <= most:
        raise ConfigurationError(f"{name} must be between 0 and {most}. Got: {minutes:g}")
    return minutes * MINUTE


def _percent(fields: Mapping[str, object], name: str, default: float, *, least: float) -> float:
    given = fields.get(name)
    percent = float(str(default if given is None else given))
    if not least <= percent <= 100 or abs(percent * 10 - round(percent * 10)) > 1e-6:
        raise ConfigurationError(f"{name} must be a multiple of 0.1 between {least:g} and 100. Got: {percent:g}")
    return percent


def mapping(value: object) -> Mapping[str, object]:
    """`value` when it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> tuple[Mapping[str, object], ...]:
    """The JSON objects of a JSON list; anything else is no object."""
    return tuple(item for item in value if isinstance(item, Mapping)) if isinstance(value, list | tuple) else ()


def truth(value: object) -> bool:
    """A boolean of a template may be spelled "true"."""
    return value.lower() == "true" if isinstance(value, str) else bool(value)
