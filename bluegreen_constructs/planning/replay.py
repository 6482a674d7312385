"""The judge played again on the past, as rollouts in which nothing was wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..engine.comparison import Mode, Terms
from ..engine.model import Verdict
from .dispersion import Interval, Split


@dataclass(frozen=True, slots=True)
class Replay:
    """What one mode would have said in the past, played again as rollouts of the same length.

    plays: each window twice, once with the sides exchanged; windows without data are not played.
    rolled_back: judged UNHEALTHY at any look: false alarms, because nothing was wrong.
    promoted: HEALTHY at the end. unsure: neither.
    median_looks: after how many looks half of the promoted were HEALTHY; `None` when none was.
    """

    mode: Mode
    plays: int
    rolled_back: int
    promoted: int
    unsure: int
    median_looks: int | None

    @property
    def false_alarm_rate(self) -> float | None:
        """The part of the plays that was rolled back; `None` when nothing was played."""
        return self.rolled_back / self.plays if self.plays else None


def replay(past: Sequence[Interval], terms: Terms, looks: int) -> Replay:
    """One mode over consecutive windows; what is left at the end is too short for a rollout and is left out."""
    rolled_back = unsure = 0
    promoted_at: list[int] = []
    for start in range(0, len(past) - looks + 1, looks):
        window = past[start : start + looks]
        if not any(Split.of(live, candidate) for live, candidate in window):
            continue
        for played in (window, [(candidate, live) for live, candidate in window]):
            verdict, look = _judged(played, terms)
            if verdict is Verdict.UNHEALTHY:
                rolled_back += 1
            elif verdict is Verdict.HEALTHY:
                promoted_at.append(look)
            else:
                unsure += 1
    promoted = len(promoted_at)
    median = sorted(promoted_at)[(promoted - 1) // 2] if promoted else None
    return Replay(terms.mode, rolled_back + promoted + unsure, rolled_back, promoted, unsure, median)


def _judged(window: Sequence[Interval], terms: Terms) -> tuple[Verdict, int]:
    """The verdict at the end of the window, and the look at which it was first HEALTHY (0: never).

    Judged to the end also after HEALTHY: the promise of `false_alarm` covers however long one looks.
    """
    evidence = terms.start()
    healthy_at = 0
    for look, (live, candidate) in enumerate(window, start=1):
        evidence = evidence.observe(live, candidate)
        if evidence.verdict is Verdict.UNHEALTHY:
            break
        if not healthy_at and evidence.verdict is Verdict.HEALTHY:
            healthy_at = look
    return evidence.verdict, healthy_at
