"""The traffic that a service expects while a release is tried."""

from dataclasses import dataclass

from ..engine.errors import ConfigurationError
from ..engine.finite import is_finite

_LIMITS = {"requests_per_second": (1e-6, 1e7), "error_rate": (0.0, 0.5), "burst": (1.0, 1e6)}


@dataclass(frozen=True)
class ExpectedTraffic:
    """What a plan is checked against at synth.

    requests_per_second: over both sides together, on a quiet day: with less, a plan sees less than it says.
    error_rate: live's bad events per request, from 0 to 0.5 (0.002 is 0.2 %); "bad" as `ErrorComparison` counts it.
    burst: the mean size of the bursts in which bad events come (default 1: one by one).

    Raises ConfigurationError, which is a ValueError, for traffic that cannot be.
    """

    requests_per_second: float
    error_rate: float
    burst: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be, and percent where a part of 1 is asked for."""
        for name, (least, most) in _LIMITS.items():
            given = getattr(self, name)
            if not is_finite(given) or not least <= given <= most:
                percent = " (bad events per request: 0.002 is 0.2 %)" if name == "error_rate" else ""
                raise ConfigurationError(
                    f"ExpectedTraffic {name} is {given!r}: give a number from {least:g} to {most:g}{percent}"
                )

    def __str__(self) -> str:
        """For a sentence: "100 requests/s with 0.2 % errors"."""
        bursts = f" in bursts of {self.burst:g}" if self.burst > 1 else ""
        errors = f"{self.error_rate * 100:.3g} % errors" if self.error_rate else "no errors"
        return f"{self.requests_per_second:g} requests/s with {errors}{bursts}"
