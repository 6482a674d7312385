"""The rehearsal's one clock: every wait, bake and metric period is shorter by one stated factor."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Clock:
    """Rehearsed time runs `speed` times as fast as the wall clock (30: a five-minute bake takes ten seconds).

    Request latencies are real and are not compressed. All instants handed between the parts of the rehearsal
    (metric timestamps, deployment events) are rehearsed time.
    """

    speed: float = 30.0
    origin: float = field(default_factory=time.time)

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
