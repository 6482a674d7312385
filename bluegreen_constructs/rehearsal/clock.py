"""The rehearsal's one clock: every wait, bake and metric period is shorter by one stated factor."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from ..engine.errors import ConfigurationError

VARIABLE = "BLUEGREEN_REHEARSED_CLOCK"
"""Says which clock a command of an operator has to go by during a rehearsal: `ORIGIN/SPEED`."""


@dataclass(frozen=True)
class Clock:
    """Rehearsed time runs `speed` times as fast as the wall clock (30: a five-minute bake takes ten seconds).

    Request latencies are real and are not compressed. All instants handed between the parts of the rehearsal
    (metric timestamps, deployment events) are rehearsed time.
    """

    speed: float = 30.0
    origin: float = field(default_factory=time.time)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The clock of the rehearsal that set the environment; outside of any, real time.

        Raises ConfigurationError for a variable that no rehearsal has set.
        """
        given = environment.get(VARIABLE)
        if not given:
            return cls(speed=1.0, origin=0.0)
        try:
            origin, speed = map(float, given.split("/"))
        except ValueError:
            raise ConfigurationError(
                f"{VARIABLE} is {given!r}: only a rehearsal sets it, as ORIGIN/SPEED; take it out of the environment"
            ) from None
        return cls(speed=speed, origin=origin)

    def to_environment(self) -> dict[str, str]:
        """The environment of a command that is to go by this clock."""
        return {VARIABLE: f"{self.origin!r}/{self.speed!r}"}

    def now(self) -> float:
        """Rehearsed time, in seconds since the epoch."""
        return self.at(time.time())

    def at(self, wall: float) -> float:
        """The rehearsed time of a wall-clock instant (both in seconds since the epoch)."""
        return self.origin + (wall - self.origin) * self.speed

    def now_utc(self) -> datetime:
        """Rehearsed time as an aware datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    def real_seconds(self, rehearsed: timedelta | float) -> float:
        """How many real seconds a rehearsed span (a timedelta, or seconds) takes."""
        seconds = rehearsed.total_seconds() if isinstance(rehearsed, timedelta) else rehearsed
        return seconds / self.speed
