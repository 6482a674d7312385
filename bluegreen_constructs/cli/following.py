"""Follows a rollout until it has ended, and shows what changes: lines in a log, one table in a window."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeAlias, TypeVar

import typer
from rich.console import Console, Group
from rich.text import Text

from ..engine.errors import AwsError, RolloutError
from ..engine.rollout import Rollout
from .endings import FAILED, INTERRUPTED, end_with
from .interruption import Interrupted
from .operator_world import OperatorWorld, TargetEngine
from .option_parsers import number, option
from .output import Progress
from .rollout_summary import view_of
from .spelled_times import rough
from .target_view import TargetView, table_of

T = TypeVar("T")

LONGEST = timedelta(hours=48)
"""Longer than any rollout with the default deadline of 36 h."""
_SECONDS = 5.0
_FAILURES = 12  # in a row: a minute of them is no hiccup
_LOOKS_BETWEEN = 6  # half a minute: how long an execution that has ended may be unknown

_Show: TypeAlias = Callable[[TargetView], None]
TIMEOUT = option(
    number("number of minutes", 0, 60 * 24 * 30, above=True), "MINUTES", "Stop watching after them; default: 48 hours."
)


def follow(world: OperatorWorld, engine: TargetEngine, rollout: Rollout, timeout: timedelta = LONGEST) -> TargetView:
    """Show the rollout as it goes on, and answer it when it has ended.

    A failed read is tried again for a minute. Raises RolloutError when the time is over, when another rollout has taken
    the place of this one, and when its execution has ended without it; the rollout itself is left alone in every case.
    """
    looks = silent = 0

    def again() -> TargetView:
        nonlocal rollout, looks, silent
        looks += 1
        found = _same(rollout, tried(world, lambda: engine.store.load(engine.target)), engine.target)
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
        return view_of(engine.target, rollout, world.now())

    return until_ended(world, view_of(engine.target, rollout, world.now()), again, timeout)


def until_ended(
    world: OperatorWorld, view: TargetView, again: Callable[[], TargetView], timeout: timedelta = LONGEST
) -> TargetView:
    """Show what `again` answers every few seconds, from `view` on, and answer the one that has ended.

    Raises RolloutError when the time is over.
    """
    until = world.now() + timeout
    with _shown() as show:
        while True:
            show(view)
            if view.has_ended:
                return view
            left = (until - world.now()).total_seconds()
            if left <= 0:
                raise RolloutError(
                    f"{view.what} is still {view.phase} after {rough(timeout)}: it goes on; watch it again with "
                    f"bluegreen watch {view.target}"
                )
            world.wait(min(_SECONDS, left))
            view = again()


def tried(world: OperatorWorld, read: Callable[[], T]) -> T:
    """What `read` answers; a minute of failures in a row is no hiccup, and raised."""
    for _ in range(_FAILURES - 1):
        try:
            return read()
        except AwsError:
            world.wait(_SECONDS)
    return read()


def end_of(view: TargetView) -> None:
    """End the command as the rollout has ended: quietly when promoted, with exit code 1 when it went back."""
    if not view.is_promoted:
        raise typer.Exit(FAILED)


@contextmanager
def leaving_it_running(what: str) -> Iterator[None]:
    """Ctrl-C within the block ends the watching only, and says so."""
    try:
        yield
    except Interrupted:
        code = end_with(f"interrupted; {what} goes on", INTERRUPTED)
        raise typer.Exit(code) from None


def _same(known: Rollout, found: Rollout | None, target: str) -> Rollout:
    if found is None or found.id != known.id:
        raise RolloutError(
            f"rollout {known.id} has ended, and {'nothing' if found is None else found.id} is in its place: see "
            f"bluegreen history {target}"
        )
    return found


def _runs(engine: TargetEngine, rollout: Rollout) -> bool:
    try:
        return not rollout.execution or engine.executions.is_running(rollout.execution)
    except AwsError:
        return True  # not known: nothing is concluded from it


@contextmanager
def _shown() -> Iterator[_Show]:
    # Not rich's opinion of a terminal: FORCE_COLOR makes one of a log, which has no use for a table that moves.
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.live import Live  # noqa: PLC0415  # only who watches needs it

    with Live(console=Console(stderr=True), redirect_stdout=False, redirect_stderr=False) as live:

        def show(view: TargetView) -> None:
            live.update(Group(table_of([view]), Text(f"It waits for {view.waits_for}")), refresh=True)

        yield show


def _lines() -> _Show:
    say, said = Progress(), ""

    def show(view: TargetView) -> None:
        nonlocal said
        if view.line != said:
            said = view.line
            say(said)

    return show
