"""Scaling: how many tasks a side runs."""

from dataclasses import dataclass

from .engine.errors import ConfigurationError


@dataclass(frozen=True)
class Scaling:
    """How many tasks run, and when there are more of them.

    min, max: bounds of the task count. requests_per_target: requests a minute that one task carries; when given, the
    service scales on the sum over both groups, which stays right while a canary splits the traffic (default: the
    count stays at `min`). While a deployment runs, Application Auto Scaling scales out but not in.

    Raises ConfigurationError when min is below 1, max below min, or requests_per_target not above 0.
    """

    min: int = 2
    max: int | None = None
    requests_per_target: int | None = None

    def __post_init__(self) -> None:
        """Refuse bounds that cannot hold."""
        if self.min < 1:
            raise ConfigurationError(f"Scaling min is {self.min}: a live side needs at least 1 task")
        if self.max is not None and self.max < self.min:
            raise ConfigurationError(f"Scaling max is {self.max}, below min {self.min}: give at least {self.min}")
        if self.requests_per_target is not None and self.requests_per_target < 1:
            raise ConfigurationError(f"Scaling requests_per_target is {self.requests_per_target}: give 1 or more")
        if self.max is not None and self.max > self.min and self.requests_per_target is None:
            raise ConfigurationError(
                f"Scaling goes from {self.min} to {self.max} tasks, but nothing says when: give requests_per_target"
            )
        if self.requests_per_target is not None and self.max is None:
            raise ConfigurationError("Scaling has requests_per_target without max: say how many tasks it may reach")
