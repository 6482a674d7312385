"""What is read from the endings of many runs: shares, median looks, excess failed requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

from bluegreen_constructs.engine.model import FEWEST_BAD_EVENTS

from .estimate import Estimate, Unit, count, quantile, share
from .judge import Ending


class Figure(Protocol):
    """One number for a cell and a judge."""

    @property
    def name(self) -> str:
        """What is measured, in words, for the target and the JSON file."""
        ...

    def of(self, endings: Sequence[Ending]) -> Estimate:
        """The number, with its interval."""
        ...


@dataclass(frozen=True)
class RolledBack:
    """How many of the runs are rolled back within `within` looks, counted from the candidate's turn.

    Runs that had been rolled back before it are false alarms of another cell: they are left out.
    """

    within: int

    @property
    def name(self) -> str:
        """For people."""
        return f"rolled back within {self.within} looks"

    def of(self, endings: Sequence[Ending]) -> Estimate:
        """In percent."""
        at = _rollbacks(endings)
        return share(sum(look <= self.within for look in at), len(at))


@dataclass(frozen=True)
class LookOfRollback:
    """The median look of the rollback, counted from the candidate's turn; runs without one count as never."""

    @property
    def name(self) -> str:
        """For people."""
        return "median look of the rollback"

    def of(self, endings: Sequence[Ending]) -> Estimate:
        """In looks."""
        return quantile(_rollbacks(endings), 0.5, Unit.LOOKS)


@dataclass(frozen=True)
class RolledBackFirst:
    """How many of the runs are rolled back before they are promoted: what is caught when promotion is allowed, too."""

    within: int

    @property
    def name(self) -> str:
        """For people."""
        return f"rolled back, not promoted, within {self.within} looks"

    def of(self, endings: Sequence[Ending]) -> Estimate:
        """In percent."""
        hits = sum(
            ending.promoted_at is None and ending.rollback_at is not None and ending.rollback_at <= self.within
            for ending in endings
        )
        return share(hits, len(endings))


@dataclass(frozen=True)
class Promoted:
    """How many of the runs are promoted within `within` looks, before any rollback."""

    within: int

    @property
    def name(self) -> str:
        """For people."""
        return f"promoted within {self.within} looks"

    def of(self, endings: Sequence[Ending]) -> Estimate:
        """In percent."""
        hits = sum(ending.promoted_at is not None and ending.promoted_at <= self.within for ending in endings)
        return share(hits, len(endings))


@dataclass(frozen=True)
class PromotedAtTheEnd:
    """How many of the runs stand as promoted after the last look: once they might have been, and no rollback since.

    Whether that was before the candidate's turn or after it makes no difference. Runs that had been rolled back before
    the turn are left out, as in `RolledBack`.
    """

    @property
    def name(self) -> str:
        """For people."""
        return "promoted at the end"

    def of(self, endings: Sequence[Ending]) -> Estimate:
        """In percent."""
        met = _met_the_turn(endings)
        return share(sum(ending.promoted_at is not None and ending.rollback_at is None for ending in met), len(met))


@dataclass(frozen=True)
class LookOfPromotion:
    """The median look of the promotion; runs without one count as never."""

    @property
    def name(self) -> str:
        """For people."""
        return "median look of the promotion"

    def of(self, endings: Sequence[Ending]) -> Estimate:
        """In looks."""
        return quantile(
            [inf if ending.promoted_at is None else ending.promoted_at for ending in endings], 0.5, Unit.LOOKS
        )


@dataclass(frozen=True)
class Excess:
    """A quantile of the failed requests that the candidate added before its rollback, or until the run was over."""

    level: float

    @property
    def name(self) -> str:
        """For people."""
        which = "median" if self.level == 0.5 else f"p{100 * self.level:.0f}"
        return f"{which} excess failed requests"

    def of(self, endings: Sequence[Ending]) -> Estimate:
        """In requests."""
        return quantile([ending.excess for ending in _met_the_turn(endings)], self.level, Unit.REQUESTS)


@dataclass(frozen=True)
class Unsure:
    """How many of the runs end without any verdict."""

    @property
    def name(self) -> str:
        """For people."""
        return "unsure to the end"

    def of(self, endings: Sequence[Ending]) -> Estimate:
        """In percent."""
        return share(sum(ending.bad_when_judged is None for ending in endings), len(endings))


@dataclass(frozen=True)
class HastyVerdicts:
    """Runs with a verdict from fewer bad events than any verdict may rest on."""

    @property
    def name(self) -> str:
        """For people."""
        return f"verdicts from fewer than {FEWEST_BAD_EVENTS} bad events"

    def of(self, endings: Sequence[Ending]) -> Estimate:
        """In runs."""
        seen = [ending.bad_when_judged for ending in endings if ending.bad_when_judged is not None]
        return count(sum(bad < FEWEST_BAD_EVENTS for bad in seen))


def _met_the_turn(endings: Sequence[Ending]) -> list[Ending]:
    return [ending for ending in endings if ending.rollback_at is None or ending.rollback_at > ending.turn]


def _rollbacks(endings: Sequence[Ending]) -> list[float]:
    return [
        inf if ending.rollback_at is None else ending.rollback_at - ending.turn for ending in _met_the_turn(endings)
    ]
