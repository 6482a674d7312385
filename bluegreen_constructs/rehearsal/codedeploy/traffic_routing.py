"""How production traffic is shifted: the deployment configurations of the ECS platform, and the steps they make.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ..ecs.deployment_plan import MINUTE, mapping
from .refusals import RefusedError

_INVALID = "InvalidTrafficRoutingConfigurationException"
ECS_DEFAULT, SERVER_DEFAULT = "CodeDeployDefault.ECSAllAtOnce", "CodeDeployDefault.OneAtATime"


@dataclass(frozen=True, slots=True)
class Step:
    """The replacement's share of production traffic, in percent, and the seconds before the next step."""

    percent: float
    hold: float = 0.0


def canary(percentage: int, interval: int) -> dict[str, object]:
    """TimeBasedCanary: `percentage` at first, the rest after `interval` minutes."""
    return {
        "type": "TimeBasedCanary",
        "timeBasedCanary": {"canaryPercentage": percentage, "canaryInterval": interval},
    }


def linear(percentage: int, interval: int) -> dict[str, object]:
    """TimeBasedLinear: `percentage` at first and every `interval` minutes."""
    return {
        "type": "TimeBasedLinear",
        "timeBasedLinear": {"linearPercentage": percentage, "linearInterval": interval},
    }


_ROUTINGS: Mapping[str, dict[str, object]] = {
    "AllAtOnce": {"type": "AllAtOnce"},
    "Canary10Percent5Minutes": canary(10, 5),
    "Canary10Percent15Minutes": canary(10, 15),
    "Linear10PercentEvery1Minutes": linear(10, 1),
    "Linear10PercentEvery3Minutes": linear(10, 3),
}
# Those of instances say how many may be out of service at once: shown, for their deployments are not played.
_HOSTS = {
    SERVER_DEFAULT: {"type": "HOST_COUNT", "value": 1},
    "CodeDeployDefault.HalfAtATime": {"type": "FLEET_PERCENT", "value": 50},
    "CodeDeployDefault.AllAtOnce": {"type": "HOST_COUNT", "value": 0},
}
PREDEFINED: Mapping[str, dict[str, object]] = {
    **{
        f"CodeDeployDefault.ECS{name}": {"computePlatform": "ECS", "trafficRoutingConfig": routing}
        for name, routing in _ROUTINGS.items()
    },
    **{name: {"computePlatform": "Server", "minimumHealthyHosts": hosts} for name, hosts in _HOSTS.items()},
}


def read_steps(routing: Mapping[str, object]) -> tuple[Step, ...]:
    """The steps of a TrafficRoutingConfig, the last at 100; RefusedError with what is wrong in it."""
    kind = routing.get("type") or "AllAtOnce"
    if kind == "AllAtOnce":
        return (Step(100.0),)
    if kind == "TimeBasedCanary":
        given = mapping(routing.get("timeBasedCanary"))
        percent, interval = _number(given, "canaryPercentage", 99), _number(given, "canaryInterval", None)
        return (Step(percent, interval * MINUTE), Step(100.0))
    if kind == "TimeBasedLinear":
        given = mapping(routing.get("timeBasedLinear"))
        percent, interval = _number(given, "linearPercentage", 99), _number(given, "linearInterval", None)
        below = [Step(float(share), interval * MINUTE) for share in range(percent, 100, percent)]
        return (*below, Step(100.0))
    raise RefusedError(_INVALID, f"the traffic routing {kind!r} is not known; there is AllAtOnce, TimeBasedCanary and "
                            "TimeBasedLinear")  # fmt: skip


def _number(fields: Mapping[str, object], name: str, most: int | None) -> int:
    text = str(fields.get(name, ""))
    if not text.isdigit() or int(text) < 1 or (most is not None and int(text) > most):
        allowed = f"from 1 to {most}" if most is not None else "of at least 1"
        raise RefusedError(_INVALID, f"{name} is {fields.get(name)!r}; it must be a whole number {allowed}")
    return int(text)
