"""What a judge is, and how one run of a rollout ends under it."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from bluegreen_constructs.engine.model import Arm

Look = tuple[Arm, Arm]
"""Live and candidate in one interval."""


class Answer(Enum):
    """What a judge wants done after a look."""

    NOTHING = "nothing"
    ROLLBACK = "rollback"
    PROMOTE = "promote"


class Sitting(Protocol):
    """A judge at work on one rollout."""

    def observe(self, live: Arm, candidate: Arm) -> Answer:
        """What is to be done after one more look. A judge that comes to a conclusion may repeat it."""
        ...


class Judge(Protocol):
    """A way to judge, fixed before the rollout; it must survive being sent to another process."""

    @property
    def name(self) -> str:
        """The head of its column."""
        ...

    def start(self, looks: int) -> Sitting:
        """A new rollout, which will have `looks` looks: some judges only speak at the end."""
        ...


class Ending(NamedTuple):
    """How one run ended under one judge. Looks are counted from 1.

    A judge sits on after it would have promoted, until it rolls back or the run is over: that way one run answers both
    what it does when only rollback is tested and what it does when promotion ends the rollout.
    """

    rollback_at: int | None
    promoted_at: int | None
    excess: float
    """Failed requests of the candidate above what live's rate gives on the same requests, from the look at which it
    began to fail more often, up to and including the look of the rollback, or the last one."""
    bad_when_judged: int | None
    """Bad events of both sides up to its first conclusion of either kind."""
    turn: int = 0
    """The look after which the candidate began to fail more often; 0 where it did so from the start, or never."""


def judge_run(
    judge: Judge, looks: Sequence[Look], excess: Sequence[float], bad: Sequence[int], turn: int = 0
) -> Ending:
    """Play one run before `judge`; `excess` and `bad` are the sums up to each look, `turn` is as in `Ending`."""
    sitting = judge.start(len(looks))
    promoted_at: int | None = None
    for number, (live, candidate) in enumerate(looks, 1):
        answer = sitting.observe(live, candidate)
        if answer is Answer.ROLLBACK:
            return Ending(number, promoted_at, excess[number - 1], bad[(promoted_at or number) - 1], turn)
        if answer is Answer.PROMOTE and promoted_at is None:
            promoted_at = number
    return Ending(None, promoted_at, excess[-1], None if promoted_at is None else bad[promoted_at - 1], turn)
