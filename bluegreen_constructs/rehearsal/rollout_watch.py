"""What one rollout looked like: its deployment, the weights, the requests, the calls. Pure, from recorded state."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .deployed_service import DeployedService
from .load import LoadRecord


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
    milestones: tuple[Milestone, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """The candidate's shares of production traffic in the order in which they were reached, without repeats."""
        shares: list[float] = []
        for milestone in self.milestones:
            if not shares or shares[-1] != milestone.production:
                shares.append(milestone.production)
        return tuple(shares)


@dataclass(frozen=True)
class Weights:
    """A rule's weights, by side, from the wall-clock moment on which every load balancer node served them."""

    wall: float
    by_side: Mapping[str, int]


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
            milestones=tuple(
                Milestone(one["at"], one["wall"], one["status"], one["stage"], one["production"])
                for one in found["timeline"]
            ),
        )
        for found in deployments
    ]


def weights_of_rule(service: DeployedService, rule: str, state: Mapping[str, Any]) -> list[Weights]:
    """How a rule's weights changed, oldest first."""
    return [
        Weights(
            wall=change["wall"],
            by_side={service.side_of(group): weight for group, weight in change["weights"].items()},
        )
        for change in state["elbv2"]["weight_changes"]
        if change["rule"] == rule
    ]


def back_on(side: str, changes: Sequence[Weights], *, after: float) -> float | None:
    """When all production traffic was on `side` again, after the wall-clock moment `after`; None when it never was."""
    shifted = False
    for change in changes:
        alone = all((weight > 0) == (name == side) for name, weight in change.by_side.items())
        if alone and shifted and change.wall >= after:
            return change.wall
        shifted = shifted or not alone
    return None


def calls_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, int]:
    """How many calls of each action were made between two states."""
    earlier = before["calls"]["by_action"]
    return {
        action: count - earlier.get(action, 0)
        for action, count in after["calls"]["by_action"].items()
        if count > earlier.get(action, 0)
    }


def within(records: Iterable[LoadRecord], start: float, end: float) -> list[LoadRecord]:
    """The requests that were due in a span of wall-clock time."""
    return [record for record in records if start <= record.scheduled <= end]


def most_expected(requests: int, share: float) -> float:
    """The most of `requests` that a share of them can plausibly be: four standard deviations above the mean."""
    return requests * share + 4 * math.sqrt(requests * share * (1 - share)) + 1
