"""How long a handler keeps trying: a clock that is given, and waits that all end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .errors import AwsError

T = TypeVar("T")

# The pauses between tries, in seconds: together about half a minute. A permission that was given a moment ago takes
# some seconds until every part of AWS knows it, and throttling ends as fast; what lasts longer is a fault to report.
_PAUSES_S = (1.0, 2.0, 3.0, 5.0, 5.0, 8.0, 8.0)


class TryAgainError(AwsError):
    """AWS refused for a reason that passes: it throttles, or has not yet seen a permission that was just given."""


class OutOfTimeError(AwsError):
    """The time that is left is too short for another call."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Tries a call again while AWS asks for it, and starts none that could outlast the time that is left."""

    seconds_left: Callable[[], float]
    """How long the work may still take."""
    pause: Callable[[float], None]
    """Waits for so many seconds."""
    seconds_per_call: float
    """The longest that one call may take, the client's own retries included."""

    def attempt(self, call: Callable[[], T]) -> T:
        """The answer of `call`, which is repeated while it raises `TryAgainError`.

        Raises:
            OutOfTimeError: the time left is shorter than a call may take; nothing was started.
            TryAgainError: still refused after the last try.
        """
        for pause in _PAUSES_S:
            self._check()
            try:
                return call()
            except TryAgainError:
                if self.seconds_left() < pause + self.seconds_per_call:
                    raise
                self.pause(pause)
        self._check()
        return call()

    def _check(self) -> None:
        left = self.seconds_left()
        if left < self.seconds_per_call:
            raise OutOfTimeError(
                f"{left:.0f} s are left and a call to AWS may take {self.seconds_per_call:.0f} s: "
                "nothing more was started, deploy again"
            )
