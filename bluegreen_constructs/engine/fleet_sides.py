"""Which side of a fleet on EC2 instances is live, as its target group says, and which one is deployed to next; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .ports import HeldError, RefusedError
from .target_settings import SIDES, Side, other

FLEET_TAG = "bluegreen:fleet"
"""The instance tag that holds the target's name."""
SIDE_TAG = "bluegreen:side"

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
_DRAINING = "draining"
_HEALTHY = "healthy"
_UNUSED = "unused"
_FIRST: Side = "blue"
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class InstanceSeen:
    """An instance of a fleet; `side` is its tag (empty: it has none)."""

    id: str
    side: str
    is_running: bool = True


class FleetSides(Protocol):
    """The instances of a fleet, and which of them requests reach. Any call may raise an `AwsError`."""

    def registered(self, group_arn: str) -> Mapping[str, str]:
        """The state of each target of a group by its id, such as `healthy`. One call: DescribeTargetHealth."""

    def instances(self, fleet: str) -> Sequence[InstanceSeen]:
        """The instances that are tagged with the fleet's name. DescribeInstances, once for each page."""


@dataclass(frozen=True, slots=True)
class SidesSeen:
    """The side that serves (None: none does), and the other one, which is deployed to.

    is_whole: whether live has as many healthy instances as a side is to have.
    """

    live: Side | None
    candidate: Side
    is_whole: bool = True

    @property
    def original(self) -> Side:
        """The side whose instances CodeDeploy takes out of the target group, and may terminate.

        It is never the one that is deployed to, also while nothing serves.
        """
        return other(self.candidate)


def sides_seen(
    target: str, registered: Mapping[str, str], instances: Sequence[InstanceSeen], size: int = 0
) -> SidesSeen:
    """What serves now, and what the next deployment goes to.

    While nothing is registered, as before the first deployment, blue is deployed to, and green's instances are the
    original ones: there is nothing of theirs to take away. Elastic Load Balancing takes the deregistration of what is
    not registered for done.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html

    Args:
        target: its name, for the sentences.
        registered: the state of each target of the target group, by its id. One that drains does not serve any more.
        instances: those of the fleet.
        size: how many instances a side is to have. When it is not known (0), as many as live has.

    Raises RefusedError when it cannot be told which side is live, and HeldError while instances that would be deployed
    to still finish requests, or fewer of them run than a side is to have: CodeDeploy deploys to what it finds, moves
    all traffic there, and may terminate all that is live.
    """
    side_of = {one.id: one.side for one in instances if one.side in SIDES}
    foreign = [id for id, state in registered.items() if id not in side_of and state not in {_DRAINING, _UNUSED}]  # noqa: A001
    if foreign:
        raise RefusedError(
            f"{_named(foreign)} in the target group of {target} has no tags {FLEET_TAG}={target} and {SIDE_TAG} of "
            "blue or green, so which side is live cannot be told: deregister what does not belong to the fleet"
        )
    serving = {id: side_of[id] for id, state in registered.items() if id in side_of and state != _DRAINING}  # noqa: A001
    by_side = {side: [id for id, its in serving.items() if its == side] for side in SIDES}  # noqa: A001
    live = [side for side in SIDES if by_side[side]]
    if len(live) > 1:
        both = " and ".join(f"{side} ({_named(by_side[side])})" for side in SIDES)
        raise RefusedError(
            f"instances of {both} are registered in the target group of {target}, so which side is live cannot be "
            "told: deregister those that are not to serve, and try again"
        )
    states = [registered[id] for id in serving]  # noqa: A001
    size = size or sum(state != _UNUSED for state in states)
    is_whole = bool(live) and states.count(_HEALTHY) >= size
    seen = SidesSeen(live[0], other(live[0]), is_whole) if live else SidesSeen(None, _FIRST, is_whole)
    leaving = [id for id, state in registered.items() if state == _DRAINING and side_of.get(id) == seen.candidate]  # noqa: A001
    if leaving:
        raise HeldError(
            f"{_named(leaving)} of the side {seen.candidate} of {target} still finishes requests (draining): try again "
            "when the deregistration delay is over"
        )
    running, needed = sum(one.is_running for one in instances if one.side == seen.candidate), max(size, 1)
    if running < needed:
        raise HeldError(
            f"{running} of {needed} instances of the side {seen.candidate} of {target} run, and that side would get "
            "all traffic: try again in some minutes, or see the activities of its Auto Scaling group"
        )
    return seen


def _named(ids: Sequence[str]) -> str:
    """The first of them, and how many there are besides."""
    shown = ", ".join(sorted(ids)[:_MOST_NAMED])
    return shown if len(ids) <= _MOST_NAMED else f"{shown} and {len(ids) - _MOST_NAMED} more"
