"""Which numbered intervals have been counted, so that late and repeated deliveries count once; of constant size."""

from dataclasses import dataclass
from typing import ClassVar

from .errors import ObservationError
from .model import whole


@dataclass(frozen=True, slots=True)
class IntervalWindow:
    """The newest interval counted, and which of the `LENGTH` before it were: bit 0 of `counted` is the newest.

    An interval without a number (`None`) is always new and is not remembered.
    """

    LENGTH: ClassVar[int] = 48  # 48 bits are exact in every JSON reader
    LONGEST_GAP: ClassVar[int] = 1_000_000  # two years of minutes

    newest: int | None = None
    counted: int = 0

    def takes(self, interval: int | None) -> bool:
        """Whether `interval` is new: neither counted already nor too old to tell.

        Raises ObservationError for what is no whole number, and for one that leaps ahead by more than `LONGEST_GAP`:
        a number in another unit would make all that follows too old, for good and in silence.
        """
        if interval is None:
            return True
        interval = whole(interval, "an interval")
        if self.newest is None:
            return True
        age = self.newest - interval
        if -age > self.LONGEST_GAP:
            raise ObservationError(
                f"interval {interval} follows {self.newest}: number the intervals one by one, such as by whole minutes"
            )
        if age < 0:
            return True
        return age < self.LENGTH and not self.counted >> age & 1

    def with_interval(self, interval: int | None) -> "IntervalWindow":
        """The window after `interval`, which it must take."""
        if interval is None:
            return self
        interval = whole(interval, "an interval")
        if self.newest is None:
            return IntervalWindow(interval, 1)
        ahead = interval - self.newest
        if ahead <= 0:
            return IntervalWindow(self.newest, self.counted | 1 << -ahead)
        kept = self.counted << ahead if ahead < self.LENGTH else 0
        return IntervalWindow(interval, kept & (1 << self.LENGTH) - 1 | 1)
