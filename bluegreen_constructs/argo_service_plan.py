"""ServicePlan: what one service of an EksRollouts is to be."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from .argo_judges import Guardrails, Tests
from .engine.strategy import Strategy
from .ingress import Ingress
from .pods import ExistingDeployment, Pods
from .scaling import Scaling

Shape: TypeAlias = Literal["ping-pong", "blue-green"]


@dataclass(frozen=True, kw_only=True)
class ServicePlan:
    """Everything that `EksRollouts.add_service` was given, with its defaults."""

    name: str
    namespace: str
    pods: Pods | ExistingDeployment
    ingress: Ingress | None
    shape: Shape
    strategy: Strategy
    bake: timedelta
    guardrails: Guardrails
    hooks: Tests
    scaling: Scaling
    keep: timedelta
    deadline: timedelta
    accept_dropped_requests: bool
