"""Ctrl-C, SIGTERM and a closed terminal end a command in order: everything it started first, then itself."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody asked the command to end. Not KeyboardInterrupt, which typer would take for its own."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the first of the signals within the block into `Interrupted`, and hold the further ones off for good.

    What runs after the first one is the clean-up, whose waits all end: a second Ctrl-C could only leave processes
    behind. A signal that was ignored when the command was started (nohup) stays so.
    """

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        for taken in before:
            signal.signal(taken, _stay)
        raise Interrupted

    handlers = {number: signal.getsignal(number) for number in _NUMBERS}
    before = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, interrupt)
    was_interrupted = False
    try:
        yield
    except Interrupted:
        was_interrupted = True
        raise
    finally:
        for number, handler in before.items():
            if not was_interrupted:
                signal.signal(number, handler)


def _stay(number: int, frame: FrameType | None) -> None:
    """The command is ending already. Not SIG_IGN, which processes started from now on would inherit."""
