"""Which call fails, and how: planned by number, by operation or by service, or drawn by a seed."""

from collections.abc import Collection
from enum import Enum
from random import Random


class Fault(Enum):
    """What happens to one call."""

    KILL_BEFORE = "killed before"
    """The process ends before the request leaves."""
    KILL_AFTER = "killed after"
    """The call takes effect, and the process ends before it knows."""
    THROTTLE = "throttled"
    """AWS refuses for the rate of calls; no effect."""
    TIMEOUT = "timeout"
    """Nothing arrives in either direction; no effect."""
    TIMEOUT_WITH_EFFECT = "timeout with effect"
    """The call takes effect, and its answer is lost."""
    SERVER_ERROR = "server error"
    """AWS fails with a 5xx; no effect."""


FIVE_KINDS = (Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.THROTTLE, Fault.TIMEOUT_WITH_EFFECT, Fault.SERVER_ERROR)
"""What the matrix crosses with every call."""


class KilledError(BaseException):
    """The process ends here; nothing after it runs, no handler of exceptions either."""


class FaultPlan:
    """Says of each call, right before it is served, which fault it meets.

    throttling: the share of the calls of `throttled` services that AWS throttles, drawn by `random`.
    """

    def __init__(self, random: Random, throttling: float = 0.0, throttled: Collection[str] = ("elbv2",)) -> None:
        self.throttling = throttling
        self.throttled = frozenset(throttled)
        self._random = random
        self._at: dict[int, Fault] = {}
        self._of: dict[tuple[str, str, int], Fault] = {}
        self._seen: dict[tuple[str, str], int] = {}
        self._out: dict[tuple[str, str], Fault] = {}

    def at(self, number: int, fault: Fault) -> None:
        """Fault the call that will have this number in the world's log (0 is the first ever)."""
        self._at[number] = fault

    def of(self, service: str, operation: str, fault: Fault, nth: int = 0) -> None:
        """Fault the `nth` call of one operation from now on (0 is the next)."""
        self._of[service, operation, self._seen.get((service, operation), 0) + nth] = fault

    def outage(self, service: str, fault: Fault = Fault.SERVER_ERROR, operation: str = "") -> None:
        """Fault every call of a service (or of one operation of it) until `restored`."""
        self._out[service, operation] = fault

    def restored(self, service: str, operation: str = "") -> None:
        """End an outage."""
        del self._out[service, operation]

    def is_out(self, service: str) -> bool:
        """Whether the whole service is down."""
        return (service, "") in self._out

    def met_by(self, number: int, service: str, operation: str) -> Fault | None:
        """The fault of this call; each planned one is met once."""
        key = (service, operation)
        nth = self._seen.get(key, 0)
        self._seen[key] = nth + 1
        if self._at and number in self._at:
            return self._at.pop(number)
        if self._of and (*key, nth) in self._of:
            return self._of.pop((*key, nth))
        if self._out:
            fault = self._out.get((service, "")) or self._out.get(key)
            if fault:
                return fault
        if self.throttling and service in self.throttled and self._random.random() < self.throttling:
            return Fault.THROTTLE
        return None
