"""The `bluegreen` command's first step: is what it needs installed, and what happens when somebody interrupts it."""

import importlib.util
import io
import os
import sys

from .endings import INTERRUPTED, USAGE, end_with
from .interruption import Interrupted, interruptible

_NEEDED = ("typer", "rich")


def main() -> None:
    """Run the command line as a process; every way out of it passes here."""
    _open_closed_streams()
    try:
        with interruptible():
            code = _run()
    except Interrupted:
        code = end_with("interrupted; everything that was started has been ended", INTERRUPTED)
    sys.exit(code)


def _open_closed_streams() -> None:
    """Lead the streams that the process was started without (`>&-`) to nowhere: Python has `None` for them.

    Under their own numbers, which the next file would get otherwise: what a child process says would go into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
            os.set_inheritable(nowhere, True)  # noqa: FBT003  # the standard library's own signature
            setattr(sys, name, open(nowhere, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  # as long as the process


def _run() -> int:
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        return end_with("the bluegreen command needs the extra: pip install 'bluegreen-constructs[cli]'", USAGE)
    from .commands import run  # noqa: PLC0415  # needs the extra

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without % → % is no reason to lose a result
    return run()
