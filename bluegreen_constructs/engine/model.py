"""The values that all judgement shares: what was counted on one side, and what was concluded."""

from dataclasses import dataclass
from enum import Enum
from operator import index

from .errors import ObservationError


class Verdict(Enum):
    """What a guardrail concludes. `UNSURE` is an answer of its own: it is never taken for a pass."""

    HEALTHY = "HEALTHY"
    UNSURE = "UNSURE"
    UNHEALTHY = "UNHEALTHY"


FEWEST_BAD_EVENTS = 2
"""A single bad event is an anecdote: below this many none is held against a candidate, whatever the odds asked for."""

MOST = 10**18
"""More requests than all intervals together have: a count beyond it is a slip, and would overflow what follows."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What one side did in one interval: `requests` in all, and how many of them were `bad`.

    "Bad" is anything that can be counted: failed, slower than the SLO, a broken stream, a low-confidence prediction.

    Raises ObservationError, which is a ValueError, for a negative or non-integer count and for more bad events than
    requests. Whole numbers of other libraries are taken for what they are; True and False are not numbers here.
    """

    requests: int
    bad: int

    def __post_init__(self) -> None:
        """Refuse what nobody can have counted."""
        if type(self.requests) is not int or type(self.bad) is not int:
            object.__setattr__(self, "requests", whole(self.requests, "an Arm's requests"))
            object.__setattr__(self, "bad", whole(self.bad, "an Arm's bad"))
        if not 0 <= self.bad <= self.requests <= MOST:
            raise ObservationError(
                f"an Arm of {_short(self.requests)} requests with {_short(self.bad)} bad: give counts of zero or more, "
                f"no more bad events than requests, and at most {MOST:g} requests"
            )

    def __add__(self, other: "Arm") -> "Arm":
        """Both together."""
        return Arm(self.requests + other.requests, self.bad + other.bad)


def _short(count: int) -> str:
    return str(count) if abs(count) <= 10 * MOST else "far too many"


def whole(value: object, name: str) -> int:
    """`value` as an int, also when it is another library's whole number; ObservationError, by `name`, if it is none."""
    if not isinstance(value, bool):
        try:
            return index(value)  # type: ignore[arg-type]  # what has no whole value raises, which is the question asked
        except TypeError:
            pass
    raise ObservationError(f"{name} is {value!r}: give a whole number")
