"""AWS CDK constructs that ship a new version without losing a request and go back in one call.

The names are resolved on first use: importing this package must start neither Node nor boto3, because the `bluegreen`
command and the Lambda functions import it too.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .canary_alb import CanaryAlb as CanaryAlb
    from .candidate_route import CandidateRoute as CandidateRoute
    from .container import Container as Container
    from .ecs_blue_green_service import EcsBlueGreenService as EcsBlueGreenService
    from .engine.absolute_floor import AbsoluteFloor as AbsoluteFloor
    from .engine.comparison import ErrorComparison as ErrorComparison
    from .engine.guardrails import AlarmGuardrail as AlarmGuardrail
    from .engine.guardrails import LatencyComparison as LatencyComparison
    from .engine.guardrails import MetricComparison as MetricComparison
    from .engine.smoke_test import HttpSmokeTest as HttpSmokeTest
    from .engine.strategy import AllAtOnce as AllAtOnce
    from .engine.strategy import Canary as Canary
    from .engine.strategy import Linear as Linear
    from .engine.strategy import Split as Split
    from .engine.strategy import Step as Step
    from .engine.strategy import Steps as Steps
    from .guardrail_alarms import AlarmThresholds as AlarmThresholds
    from .hooks import Approval as Approval
    from .hooks import LambdaHook as LambdaHook
    from .ingress import Ingress as Ingress
    from .ingress import ServiceRules as ServiceRules
    from .planning.expected_traffic import ExpectedTraffic as ExpectedTraffic
    from .rollout_engine import RolloutEngine as RolloutEngine
    from .rollout_limits import RolloutLimits as RolloutLimits
    from .scaling import Scaling as Scaling
    from .targets import Targets as Targets
    from .test_traffic import TestTraffic as TestTraffic
    from .traffic_rule import TrafficRule as TrafficRule

_HOMES = {
    "AbsoluteFloor": "engine.absolute_floor",
    "AlarmGuardrail": "engine.guardrails",
    "AlarmThresholds": "guardrail_alarms",
    "AllAtOnce": "engine.strategy",
    "Approval": "hooks",
    "Canary": "engine.strategy",
    "CanaryAlb": "canary_alb",
    "CandidateRoute": "candidate_route",
    "Container": "container",
    "EcsBlueGreenService": "ecs_blue_green_service",
    "ErrorComparison": "engine.comparison",
    "ExpectedTraffic": "planning.expected_traffic",
    "HttpSmokeTest": "engine.smoke_test",
    "Ingress": "ingress",
    "LambdaHook": "hooks",
    "LatencyComparison": "engine.guardrails",
    "Linear": "engine.strategy",
    "MetricComparison": "engine.guardrails",
    "RolloutEngine": "rollout_engine",
    "RolloutLimits": "rollout_limits",
    "Scaling": "scaling",
    "ServiceRules": "ingress",
    "Split": "engine.strategy",
    "Step": "engine.strategy",
    "Steps": "engine.strategy",
    "Targets": "targets",
    "TestTraffic": "test_traffic",
    "TrafficRule": "traffic_rule",
}

__all__ = [
    "AbsoluteFloor",
    "AlarmGuardrail",
    "AlarmThresholds",
    "AllAtOnce",
    "Approval",
    "Canary",
    "CanaryAlb",
    "CandidateRoute",
    "Container",
    "EcsBlueGreenService",
    "ErrorComparison",
    "ExpectedTraffic",
    "HttpSmokeTest",
    "Ingress",
    "LambdaHook",
    "LatencyComparison",
    "Linear",
    "MetricComparison",
    "RolloutEngine",
    "RolloutLimits",
    "Scaling",
    "ServiceRules",
    "Split",
    "Step",
    "Steps",
    "Targets",
    "TestTraffic",
    "TrafficRule",
]


def __getattr__(name: str) -> object:
    """The public name, imported from its home on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)
