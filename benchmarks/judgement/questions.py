"""The tables: what is asked, of which cells, of which judges, and what must come out."""

from dataclasses import dataclass

from .cells import DISPERSIONS, FAST_RAMP, LAST_STEP, LAST_STEP_RATIOS, LOOKS, RAMP_RATES, RAMP_RATIOS, TURN
from .figures import (
    Excess,
    Figure,
    HastyVerdicts,
    LookOfPromotion,
    LookOfRollback,
    Promoted,
    PromotedAtTheEnd,
    RolledBack,
    RolledBackFirst,
    Unsure,
)
from .fixed_threshold import AlarmInARow, FailureLimit
from .judge import Judge
from .mann_whitney import MannWhitney
from .our_judge import OurJudge
from .peeking import PeekingZTest
from .plain_grid import PlainGrid
from .target import Bound, Target

OURS = OurJudge("ours", "independent")
BURSTY = OurJudge("ours, bursty", "bursty")
PLAIN = PlainGrid()
THRESHOLD = FailureLimit()
ALARM = AlarmInARow()
MANN_WHITNEY = MannWhitney()
PEEKING = PeekingZTest()
INCUMBENTS: tuple[Judge, ...] = (THRESHOLD, ALARM, MANN_WHITNEY)


@dataclass(frozen=True)
class Column:
    """One judge's figures, written one after the other, with their intervals unless `interval` is false."""

    judge: Judge
    figures: tuple[Figure, ...]
    interval: bool = True
    head: str | None = None

    @property
    def title(self) -> str:
        """Its head: the judge's name, where nothing else is given."""
        return self.head or self.judge.name


@dataclass(frozen=True)
class Row:
    """One cell, by name, what it is in words, and what must come out."""

    cell: str
    label: str
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True)
class Question:
    """One table."""

    title: str
    about: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def _at_most(limit: float, figure: Figure, judge: Judge = OURS) -> Target:
    return Target(judge.name, figure, Bound.AT_MOST, limit)


def _at_least(limit: float, figure: Figure) -> Target:
    return Target(OURS.name, figure, Bound.AT_LEAST, limit)


def _columns(figures: tuple[Figure, ...], judges: tuple[Judge, ...]) -> tuple[Column, ...]:
    """Intervals for our own judges only: seven columns of them nobody reads."""
    return tuple(Column(judge, figures, interval=judge in {OURS, BURSTY, PLAIN}) for judge in judges)


def _false_rollback() -> Question:
    rolled_back = RolledBack(LOOKS)
    target = (_at_most(1, rolled_back),)
    bursty = (_at_most(1, rolled_back, BURSTY),)
    return Question(
        "An unchanged release is rolled back",
        f"Within {LOOKS} looks. Weight 10 %, 0.2 % bad requests and 100 requests a second (rps) unless the row says "
        "otherwise. Dispersion is the variance of a look's bad events by their mean, 1 where they are independent; it "
        "comes of small bursts here. A side that fails as a whole now and then breaks the promise of both modes.",
        _columns((rolled_back,), (OURS, BURSTY, PLAIN, *INCUMBENTS, PEEKING)),
        (
            Row("unchanged-1rps", "1 rps", target),
            Row("unchanged-10rps", "10 rps", target),
            Row("unchanged-100rps", "100 rps", target),
            Row("unchanged-1000rps", "1000 rps", target),
            Row("unchanged-incident", "both sides fail 5 % for 6 looks", target),
            Row("unchanged-swing", "traffic and bad rate swing by half", target),
            Row("unchanged-ramp", "weights 1, 5, 10, 25, 50 %", target),
            Row("unchanged-half", "weight 50 %", target),
            Row("unchanged-5-percent", "5 % bad requests", target),
            *(Row(f"unchanged-dispersion-{size:g}", f"dispersion {size:g}", bursty) for size in DISPERSIONS),
            Row("unchanged-bursts", "bursts of 10", bursty),
            Row("unchanged-flap", "covered by neither mode: a side fails 10 % for a look, 1 look in 20"),
        ),
    )


def _wrong_promotion() -> Question:
    promoted = Promoted(LOOKS)
    targets = {2: (_at_most(5, promoted),), 3: (_at_most(0.2, promoted),)}
    settings = (
        ("100rps", "100 rps, 0.2 %"),
        ("10rps", "10 rps, 0.5 %"),
        ("1000rps", "1000 rps, 0.05 %"),
        ("half", "100 rps, 0.2 %, weight 50 %"),
    )
    return Question(
        "A worse release is promoted",
        f"Within {LOOKS} looks, and not rolled back before. Weight 10 % unless the row says otherwise. The "
        "fixed thresholds and Mann-Whitney promote what they have not rolled back by the last look.",
        _columns((promoted,), (OURS, BURSTY, PLAIN, *INCUMBENTS)),
        tuple(
            Row(f"{name}-{ratio}x", f"{label}, {ratio}x", targets.get(ratio, ()))
            for name, label in settings
            for ratio in (2, 3, 5)
        ),
    )


def _detection() -> Question:
    rolled_back, look, caught = RolledBack(LOOKS), LookOfRollback(), RolledBackFirst(LOOKS)
    targets = {
        "100rps-2x": (_at_least(99, rolled_back), _at_most(16, look), _at_least(96, caught)),
        "100rps-5x": (_at_most(2, look),),
    }
    first = (
        Column(OURS, (rolled_back, look)),
        Column(OURS, (caught,), head="ours, may promote"),
    )
    return Question(
        "A worse release is rolled back",
        f"Within {LOOKS} looks, and the median look of it over all runs (never: more than half are not). Weight 10 %. "
        "Only rollback is tested, but for the column that may promote: there a promotion ends the run.",
        first + _columns((rolled_back, look), (BURSTY, PLAIN, *INCUMBENTS)),
        tuple(
            Row(f"{name}-{ratio}x", f"{label}, {ratio}x", targets.get(f"{name}-{ratio}x", ()))
            for name, label, ratios in (
                ("100rps", "100 rps, 0.2 %", ("1.1", "1.2", "1.5", "2", "3", "5", "10")),
                ("10rps", "10 rps, 0.5 %", ("2", "3", "5")),
            )
            for ratio in ratios
        ),
    )


def _harm() -> Question:
    median, high = Excess(0.5), Excess(0.95)
    return Question(
        "What a worse release costs on the ramp",
        f"Failed requests of the candidate above what live's rate gives on the same requests, until its rollback, or "
        f"until the ramp of {len(FAST_RAMP)} looks is over: median, and the 95th percentile of the runs. Weights 1, 5, "
        "10, 25 and 50 % with five looks each, 0.2 % bad requests.",
        _columns((median, high), (OURS, BURSTY, PLAIN, *INCUMBENTS)),
        tuple(
            Row(f"ramp-{rate}rps-{ratio}x", f"{rate} rps, {ratio}x", (_at_most(15, median), _at_most(30, high)))
            for ratio in RAMP_RATIOS
            for rate in RAMP_RATES
        ),
    )


def _promotion() -> Question:
    short, long, look = Promoted(20), Promoted(40), LookOfPromotion()
    judges: tuple[Judge, ...] = (OURS, BURSTY, PLAIN)
    return Question(
        "An unchanged release is promoted",
        "Within 20 looks, within 40, and the median look of it. 0.2 % bad requests. The other judges promote by the "
        "clock.",
        _columns((short, long, look), judges),
        (
            Row("unchanged-10rps", "10 rps, weight 10 %"),
            Row("unchanged-100rps", "100 rps, weight 10 %", (_at_least(98.5, long),)),
            Row("unchanged-1000rps", "1000 rps, weight 10 %"),
            Row("unchanged-half", "100 rps, weight 50 %", (_at_least(98.5, short),)),
        ),
    )


def _late() -> Question:
    rolled_back, promoted, look, cost = RolledBack(LOOKS), PromotedAtTheEnd(), LookOfRollback(), Excess(0.5)
    left = len(FAST_RAMP) - LAST_STEP
    return Question(
        "A candidate that turns bad late",
        f"It fails as often as live for {TURN} looks at 10 % and more often in the {LOOKS} looks from then on; or only "
        f"in the last {left} looks of a ramp of 1, 5, 10, 25, 50 % with five looks each. Rolled back after its turn, "
        "promoted when the looks are over, the median look of the rollback, counted from the turn, and the median of "
        "the excess failed requests. The reserve is for this; but HEALTHY, once reached, stays, so that a candidate "
        "that turns bad after it is promoted unless its harm is shown before the looks are over. 100 rps, 0.2 %.",
        _columns((rolled_back, promoted, look, cost), (OURS, BURSTY, PLAIN)),
        (
            *(Row(f"late-{ratio}x", f"{ratio}x") for ratio in (2, 3, 5)),
            *(Row(f"last-step-{ratio}x", f"{ratio}x at the ramp's last step") for ratio in LAST_STEP_RATIOS),
        ),
    )


def _low_traffic() -> Question:
    hasty = HastyVerdicts()
    target = (_at_most(0, hasty), _at_most(0, hasty, BURSTY))
    return Question(
        "Hardly any traffic",
        f"Without a verdict after {LOOKS} looks, and runs with a verdict from fewer than two bad events. 0.5 rps, "
        "0.2 %, weight 10 %.",
        _columns((Unsure(), hasty), (OURS, BURSTY)),
        (Row("0.5rps", "unchanged", target), Row("0.5rps-10x", "10x", target)),
    )


QUESTIONS = (
    _false_rollback(),
    _wrong_promotion(),
    _detection(),
    _harm(),
    _promotion(),
    _late(),
    _low_traffic(),
)


def judges_of(cell: str) -> tuple[Judge, ...]:
    """All judges that any table asks about `cell`, each once."""
    asked = (
        column.judge
        for question in QUESTIONS
        for row in question.rows
        if row.cell == cell
        for column in question.columns
    )
    return tuple(dict.fromkeys(asked))
