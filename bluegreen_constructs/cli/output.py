"""What a command says: results on standard output, sentences and progress on standard error, whoever reads them."""

import os
import sys
import time
from contextlib import suppress
from typing import NoReturn, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

UNREAD = 141  # 128 + SIGPIPE, as shells report a command whose reader left


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
