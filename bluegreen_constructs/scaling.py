"""Scaling: how many tasks a side runs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .engine.errors import ConfigurationError

_SCHEDULE = re.compile(r"(cron|rate|at)\(.+\)")


@dataclass(frozen=True)
class ScheduledScaling:
    """Other bounds from a time on, such as more tasks before the morning's first users.

    schedule: `cron(0 6 ? * MON-FRI *)`, `rate(…)` or `at(…)`, as Application Auto Scaling takes them.
    min, max: the bounds from then on. time_zone: such as Europe/Vienna (default UTC).

    Raises ConfigurationError for another kind of schedule, or bounds that cannot hold.
    """

    schedule: str
    min: int
    max: int
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse a time that never comes, and bounds that cannot hold."""
        if not _SCHEDULE.fullmatch(self.schedule):
            raise ConfigurationError(
                f"ScheduledScaling schedule is {self.schedule!r}: give cron(…), rate(…) or at(…), such as "
                "'cron(0 6 ? * MON-FRI *)'"
            )
        if not 1 <= self.min <= self.max:
            raise ConfigurationError(
                f"ScheduledScaling goes from {self.min} to {self.max} tasks: give 1 or more, and max at least min"
            )


@dataclass(frozen=True)
class Scaling:
    """How many tasks run, and when there are more of them.

    min, max: bounds of the task count.
    requests_per_target: requests a minute that one task carries; when given, the service scales on the sum over both
        groups, which stays right while a canary splits the traffic.
    cpu_percent: the CPU that tasks should use on average; while both sides run, their average is halved, so it is
        counted as if the work were on one side.
    schedules: other bounds from given times on.
    Without any of them the count stays at `min`. While a deployment runs, Application Auto Scaling scales out but not
    in. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html

    Raises ConfigurationError when min is below 1, max below min, or nothing says when to scale.
    """

    min: int = 2
    max: int | None = None
    requests_per_target: int | None = None
    cpu_percent: float | None = None
    schedules: Sequence[ScheduledScaling] = ()

    def __post_init__(self) -> None:
        """Refuse bounds that cannot hold."""
        if self.min < 1:
            raise ConfigurationError(f"Scaling min is {self.min}: a live side needs at least 1 task")
        if self.max is not None and self.max < self.min:
            raise ConfigurationError(f"Scaling max is {self.max}, below min {self.min}: give at least {self.min}")
        if self.requests_per_target is not None and self.requests_per_target < 1:
            raise ConfigurationError(f"Scaling requests_per_target is {self.requests_per_target}: give 1 or more")
        if self.cpu_percent is not None and not 0 < self.cpu_percent <= 100:
            raise ConfigurationError(f"Scaling cpu_percent is {self.cpu_percent}: give more than 0 and at most 100")
        if self.max is not None and self.max > self.min and not self.moves:
            raise ConfigurationError(
                f"Scaling goes from {self.min} to {self.max} tasks, but nothing says when: give requests_per_target, "
                "cpu_percent or schedules"
            )
        for name in ("requests_per_target", "cpu_percent"):
            if getattr(self, name) is not None and self.max is None:
                raise ConfigurationError(f"Scaling has {name} without max: say how many tasks it may reach")

    @property
    def moves(self) -> bool:
        """Whether anything changes the count."""
        return self.requests_per_target is not None or self.cpu_percent is not None or bool(self.schedules)
