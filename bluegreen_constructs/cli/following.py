"""Follows a rollout until it has ended, and shows what changes: lines in a log, one table in a window."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeAlias

import typer
from rich.console import Console, Group
from rich.text import Text

from ..engine.errors import AwsError, RolloutError
from ..engine.lifecycle import Phase
from ..engine.rollout import Rollout
from .endings import FAILED, INTERRUPTED, end_with
from .interruption import Interrupted
from .operator_world import OperatorWorld, TargetEngine
from .option_parsers import number, option
from .output import Progress
from .rollout_summary import line_of, table_of
from .spelled_times import rough
from .waiting_for import waiting_for

LONGEST = timedelta(hours=48)
"""Longer than any rollout with the default deadline of 36 h."""
_SECONDS = 5.0
_FAILURES = 12  # in a row: a minute of them is no hiccup
_LOOKS_BETWEEN = 6  # half a minute: how long an execution that has ended may be unknown

_Show: TypeAlias = Callable[[Rollout], None]
TIMEOUT = option(
    number("number of minutes", 0, 60 * 24 * 30, above=True), "MINUTES", "Stop watching after them; default: 48 hours."
)


def follow(world: OperatorWorld, engine: TargetEngine, rollout: Rollout, timeout: timedelta = LONGEST) -> Rollout:
    """Show the rollout as it goes on, and answer it when it has ended.

    A failed read is tried again for a minute. Raises RolloutError when the time is over, when another rollout has taken
    the place of this one, and when its execution has ended without it; the rollout itself is left alone in every case.
    """
    until = world.now() + timeout
    looks = silent = 0
    with _shown(world) as show:
        while True:
            show(rollout)
            if rollout.has_ended:
                return rollout
            left = (until - world.now()).total_seconds()
            if left <= 0:
                raise RolloutError(
                    f"rollout {rollout.id} is still {rollout.phase.value} after {rough(timeout)}: it goes on; watch it "
                    f"again with bluegreen watch {rollout.target}"
                )
            world.wait(min(_SECONDS, left))
            looks += 1
            found = _again(world, engine, rollout)
            # One look at the execution is not enough: an abort stops it, and starts another one that ends the rollout.
            if looks % _LOOKS_BETWEEN == 0:
                is_silent = found == rollout and not _runs(engine, found)
                silent = silent + 1 if is_silent else 0
                if silent == 2:
                    raise RolloutError(
                        f"the execution of rollout {rollout.id} has ended, and the rollout is still "
                        f"{rollout.phase.value}: bring all traffic to live with bluegreen abort {rollout.target}"
                    )
            rollout = found


def end_of(rollout: Rollout) -> None:
    """End the command as the rollout has ended: quietly when promoted, with exit code 1 when it went back."""
    if rollout.phase is not Phase.PROMOTED:
        raise typer.Exit(FAILED)


@contextmanager
def leaving_it_running(rollout: str) -> Iterator[None]:
    """Ctrl-C within the block ends the watching only, and says so."""
    try:
        yield
    except Interrupted:
        code = end_with(f"interrupted; rollout {rollout} goes on", INTERRUPTED)
        raise typer.Exit(code) from None


def _again(world: OperatorWorld, engine: TargetEngine, known: Rollout) -> Rollout:
    for tries_left in reversed(range(_FAILURES)):
        try:
            found = engine.store.load(engine.target)
            break
        except AwsError:
            if not tries_left:
                raise
            world.wait(_SECONDS)
    if found is None or found.id != known.id:
        raise RolloutError(
            f"rollout {known.id} has ended, and {'nothing' if found is None else found.id} is in its place: see "
            f"bluegreen history {engine.target}"
        )
    return found


def _runs(engine: TargetEngine, rollout: Rollout) -> bool:
    try:
        return not rollout.execution or engine.executions.is_running(rollout.execution)
    except AwsError:
        return True  # not known: nothing is concluded from it


@contextmanager
def _shown(world: OperatorWorld) -> Iterator[_Show]:
    # Not rich's opinion of a terminal: FORCE_COLOR makes one of a log, which has no use for a table that moves.
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.live import Live  # noqa: PLC0415  # only who watches needs it

    with Live(console=Console(stderr=True), redirect_stdout=False, redirect_stderr=False) as live:

        def show(rollout: Rollout) -> None:
            table = table_of([(rollout.target, rollout)], world.now())
            live.update(Group(table, Text(f"It waits for {waiting_for(rollout)}")), refresh=True)

        yield show


def _lines() -> _Show:
    say, said = Progress(), ""

    def show(rollout: Rollout) -> None:
        nonlocal said
        if (line := line_of(rollout)) != said:
            said = line
            say(line)

    return show
