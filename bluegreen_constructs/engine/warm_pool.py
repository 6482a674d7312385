"""The warm pool of an Auto Scaling side: instances that have booted already and wait beside the group."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from .errors import ConfigurationError

PoolState: TypeAlias = Literal["Stopped", "Running", "Hibernated"]
POOL_STATES: tuple[PoolState, ...] = get_args(PoolState)


@dataclass(frozen=True, slots=True)
class WarmPool:
    """What the engine makes the pool with again, after it has deleted one that held another release.

    minimum: how many instances the pool has at least. most_prepared: how many instances pool and group have together at
        most (None: the group's maximum size). state: what they wait in. reuse: whether an instance that is scaled in
        returns to the pool.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutWarmPool.html

    Raises ConfigurationError for a number below zero, or a state that no pool has.
    """

    minimum: int = 0
    most_prepared: int | None = None
    state: PoolState = "Stopped"
    reuse: bool = False

    def __post_init__(self) -> None:
        """Refuse what Auto Scaling refuses."""
        for name, value in (("minimum", self.minimum), ("most_prepared", self.most_prepared)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ConfigurationError(f"WarmPool {name} is {value!r}: give a whole number of 0 or more")
        if self.state not in POOL_STATES:
            raise ConfigurationError(f"WarmPool state is {self.state!r}: give one of {', '.join(POOL_STATES)}")
