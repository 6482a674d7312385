"""E-processes: capital that grows only by winning bets against "nothing is wrong", and is evidence once it has grown.

Each process watches hits among events (a bad event hits when it is the candidate's) and plays against the share of
hits that its null allows. Its capital starts at 1 and cannot grow on average while the null is true, whatever the
stopping rule; by Ville's inequality it ever reaches 1/alpha with a probability of at most alpha. That is what makes it
safe to look every minute. Capital is kept as logarithms: a billion events neither overflow nor drown a small case.

Sources: Ville 1939; Lindon and Malek 2022, https://arxiv.org/abs/2011.03567 (the likelihood form); Waudby-Smith and
Ramdas 2024, https://arxiv.org/abs/2010.09686 (the betting form). docs/statistics.md has the proofs in our words.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from math import exp, inf, log, log1p

_HELD_BACK = 0.4


class Form(Enum):
    """How a bet pays."""

    LIKELIHOOD = "likelihood"
    """By the likelihood ratio of the counts: the fastest, and right when events fail independently of each other."""
    BETTING = "betting"
    """By the share of hits in the interval: slower, and right also when events come in bursts, as long as each burst is
    a hit with no more than the null's probability."""


@dataclass(frozen=True, slots=True)
class Bets:
    """What a process bets on, fixed before the first event.

    at: for LIKELIHOOD the odds ratios against the null's odds; for BETTING the stakes as a part of the largest that
        cannot go bankrupt, above -1 and below 1; positive ones win by more hits than the null's share, negative ones by
        fewer. All lie on the same side of the null (ratios all above 1 or all below it): that makes the process valid
        for the whole composite null.
    shares: how the capital is divided among them; they sum to 1.
    pace: two fifths of the capital are held back as a reserve and staked little by little, so that a candidate that
        turns bad late does not first have to win back what was lost while it was well. The reserve halves by the time
        that three times `pace` misses (in BETTING: intervals with a miss) were seen. `None` stakes everything at once.
    """

    form: Form
    at: tuple[float, ...]
    shares: tuple[float, ...]
    pace: float | None = None

    def reserve(self, clock: float) -> float:
        """The part of the first capital that is still held back when `clock` misses have been seen."""
        return 0.0 if self.pace is None else _HELD_BACK / (1 + clock / self.pace) ** 0.5


@dataclass(frozen=True, slots=True)
class EProcess:
    """The capital of each bet, as logarithms, and the clock of the reserve. Immutable and of constant size."""

    bets: Bets
    logs: tuple[float, ...]
    clock: int = 0

    @classmethod
    def start(cls, bets: Bets) -> "EProcess":
        """Capital 1, divided as `bets` says."""
        staked = 1 - bets.reserve(0)
        return cls(bets, tuple(log(share * staked) for share in bets.shares))

    def observe(self, hits: int, misses: int, odds: float) -> "EProcess":
        """One interval: `hits` and `misses` among its events, and the `odds` of a hit at the edge of the null.

        An interval without events changes nothing. What is staked from the reserve depends on earlier misses only:
        a bet must be made before its event is known, and more hits must never mean less evidence.
        """
        events = hits + misses
        if not events:
            return self
        bets = self.bets
        if bets.form is Form.LIKELIHOOD:
            shrink = odds / (1 + odds)
            growths = [hits * log(ratio) - events * log1p(shrink * (ratio - 1)) for ratio in bets.at]
            clock = self.clock + misses
        else:
            share, rest = odds / (1 + odds), 1 / (1 + odds)
            surplus = hits / events - share
            growths = [log1p(stake * surplus / (share if stake > 0 else rest)) for stake in bets.at]
            clock = self.clock + (misses > 0)
        logs = [held + growth for held, growth in zip(self.logs, growths, strict=True)]
        freed = bets.reserve(self.clock) - bets.reserve(clock)
        if freed > 0:
            # Staked after this interval, for the next one.
            logs = [log_sum((held, log(freed * part))) for held, part in zip(logs, bets.shares, strict=True)]
        return EProcess(bets, tuple(logs), clock)

    @property
    def log_evidence(self) -> float:
        """The logarithm of the whole capital; evidence of 1/alpha is reached at -log(alpha)."""
        reserve = self.bets.reserve(self.clock)
        return log_sum((*self.logs, log(reserve)) if reserve else self.logs)


def log_sum(logs: Collection[float]) -> float:
    """The logarithm of a sum from the logarithms of its parts; of no parts, minus infinity."""
    highest = max(logs, default=-inf)
    return highest if highest == -inf else highest + log(sum([exp(part - highest) for part in logs]))
