"""What a command says: results on standard output, sentences and progress on standard error, whoever reads them."""

import os
import re
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import NoReturn, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

UNREAD = 141  # 128 + SIGPIPE, as shells report a command whose reader left
_TABLE = 80
_END_OF_LINE = re.compile(r"(?: |\x1b\[[\d;]*m)+$", re.MULTILINE)


def write(text: str) -> None:
    """A result on standard output. A reader that has left (`| head -1`) is no failure of the command.

    Raises OSError when it cannot be written for another reason, such as a full disk.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout)
    except OSError:
        discard(sys.stdout)
        raise


def laid_out(parts: Iterable[Table | Text], widest: int) -> str:
    """Tables and sentences as text, in colour where standard output is a terminal, without spaces at the ends of lines.

    Sentences are as wide as the window, and at most `widest` columns, as in a log, which has no window. Tables have 80
    columns even if the window has not: a terminal that wraps them shows every figure, where fitting them cuts figures.
    """
    console = Console(highlight=False)
    width = min(console.width, widest) if console.is_terminal else widest
    console = Console(highlight=False, width=max(width, _TABLE))
    with console.capture() as captured:
        for part in parts:
            console.print(part, width=width if isinstance(part, Text) else None)
    return _END_OF_LINE.sub(lambda end: end[0].replace(" ", ""), captured.get())


def exact(value: float) -> float:
    """For JSON, without the dust of binary fractions: 0.2 and not 0.20000000000000001."""
    return round(value, 6)


def discard(stream: TextIO) -> None:
    """Let what `stream` still holds and gets go nowhere, so that the end of Python does not fail on it."""
    with suppress(OSError, ValueError):  # a stream without a file, as in tests
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class Progress:
    """Lines on standard error with the seconds since the start before them."""

    def __init__(self) -> None:
        self._console = _Progress(stderr=True, highlight=False)
        self._started = time.monotonic()

    def __call__(self, line: str) -> None:
        """Say one line; in a window that is too narrow for it, the rest goes below its beginning."""
        seconds = f"{time.monotonic() - self._started:6.1f} s"
        if not self._console.is_terminal:
            self._console.print(Text(f"{seconds}  {line}"), soft_wrap=True)
            return
        row = Table.grid(padding=(0, 2))
        row.add_column(no_wrap=True, style="dim")
        row.add_column(overflow="fold")
        row.add_row(seconds, Text(line))
        self._console.print(row)


class _Progress(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Nobody watches any more: end, as a command that the kernel sends SIGPIPE does."""
        self.quiet = True
        discard(sys.stderr)
        raise SystemExit(UNREAD)
