"""What one rollout looked like: its deployment, the weights, the requests, the calls. Pure, from recorded state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .deployed_service import DeployedService


@dataclass(frozen=True)
class Milestone:
    """One stage of a deployment: when (rehearsed and wall seconds), which, and production's share on the candidate."""

    at: float
    wall: float
    status: str
    stage: str
    production: float


@dataclass(frozen=True)
class Rollout:
    """One service deployment as the emulator's state tells it."""

    arn: str
    side: str
    status: str
    reason: str
    alarms: tuple[str, ...]
    watches_alarms: bool
    canary_percent: float
    milestones: tuple[Milestone, ...]


@dataclass(frozen=True)
class Weights:
    """A rule's weights, by side, from the wall-clock moment on which every load balancer node served them."""

    wall: float
    by_side: Mapping[str, int]

    def percent_of(self, side: str) -> float:
        """A side's share of the traffic, in percent."""
        return 100.0 * self.by_side.get(side, 0) / sum(self.by_side.values())


class HasSides(Protocol):
    """What has a blue and a green target group."""

    def side_of(self, group: str) -> str:
        """The side whose group this is."""


def rollouts_of(service: DeployedService, state: Mapping[str, Any]) -> list[Rollout]:
    """The deployments of a service, oldest first."""
    deployments = state["ecs"]["services"][service.service]["deployments"]
    return [
        Rollout(
            arn=found["arn"],
            side=found["side"],
            status=found["status"],
            reason=found["rollback_reason"] or found["reason"],
            alarms=tuple(found["triggered_alarms"]),
            watches_alarms=bool(found["watches_alarms"]),
            canary_percent=found["plan"]["steps"][0]["percent"],
            milestones=tuple(
                Milestone(one["at"], one["wall"], one["status"], one["stage"], one["production"])
                for one in found["timeline"]
            ),
        )
        for found in deployments
    ]


def weights_since(service: HasSides, rule: str, state: Mapping[str, Any], wall: float) -> list[Weights]:
    """How a rule's weights changed since a wall-clock moment, oldest first."""
    return [
        Weights(
            wall=change["wall"],
            by_side={service.side_of(group): weight for group, weight in change["weights"].items()},
        )
        for change in state["elbv2"]["weight_changes"]
        if change["rule"] == rule and change["wall"] >= wall
    ]


def calls_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, int]:
    """How many calls of each action were made between two states."""
    earlier = before["calls"]["by_action"]
    return {
        action: count - earlier.get(action, 0)
        for action, count in after["calls"]["by_action"].items()
        if count > earlier.get(action, 0)
    }
