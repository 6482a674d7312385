"""Faults that a rehearsal builds into a release: `INFERENCE_FAULTS="error_rate=0.5,latency_ms=1500"`.

They exist so that a rehearsed rollout has something to find. In an account the variable is simply not set.
"""

from dataclasses import dataclass
from fractions import Fraction

from .errors import SettingsError

# What each fault may be, in the order of the fields below.
LIMITS = {
    "error_rate": (0, 1),
    "latency_ms": (0, 60_000),
    "wrong_predictions": (0, 1),
    "slow_warm_up_s": (0, 600),
    "broken_streams": (0, 1),
    "crash_on_start": (0, 1),
}
ALLOWED = ", ".join(f"{name}={low}..{high}" for name, (low, high) in LIMITS.items())


@dataclass(frozen=True)
class Faults:
    """What is wrong with this release; everything is 0 (nothing) by default.

    `error_rate`, `wrong_predictions` and `broken_streams` are shares of requests, kept as exact fractions because
    they are counted with; `latency_ms` and `slow_warm_up_s` are added time; `crash_on_start` is a switch.
    """

    error_rate: Fraction = Fraction(0)
    latency_ms: Fraction = Fraction(0)
    wrong_predictions: Fraction = Fraction(0)
    slow_warm_up_s: Fraction = Fraction(0)
    broken_streams: Fraction = Fraction(0)
    crash_on_start: Fraction = Fraction(0)

    @classmethod
    def parse(cls, text: str) -> "Faults":
        """Read `name=value,name=value`; raises SettingsError for anything that is not in `ALLOWED`."""
        values: dict[str, Fraction] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, separator, written = (piece.strip() for piece in part.partition("="))
            if name not in LIMITS or not separator or name in values:
                raise SettingsError(f"INFERENCE_FAULTS has {part!r}; allowed, each at most once: {ALLOWED}")
            values[name] = _value(name, written)
        return cls(**values)


def _value(name: str, written: str) -> Fraction:
    low, high = LIMITS[name]
    try:
        # Fraction reads "0.1" exactly; a float would make one request in a long run come a place too late.
        value = Fraction(written)
    except (ValueError, ZeroDivisionError):
        value = Fraction(-1)
    if not low <= value <= high or (name == "crash_on_start" and value.denominator != 1):
        raise SettingsError(f"INFERENCE_FAULTS has {name}={written}; allowed: {ALLOWED}")
    return value


@dataclass
class Spread:
    """Strikes a stated share of calls, evenly: after n calls it has struck n times the share, rounded.

    A random draw would need thousands of calls to show its rate; a rehearsal has dozens.
    """

    share: Fraction
    calls: int = 0

    def strikes(self) -> bool:
        """Whether this call is one of the struck ones."""
        before = self._struck()
        self.calls += 1
        return self._struck() > before

    def _struck(self) -> int:
        return int(self.calls * self.share + Fraction(1, 2))
