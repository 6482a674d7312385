"""The command: plays, prints the tables, and writes them into docs/benchmarks.md."""

import argparse
import logging
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.judgement.page import check_page, write_page

from .at_scale import at_scale
from .matrix_size import matrix_size
from .requests_lost import requests_lost
from .way_back import way_back

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- rollouts:begin -->", "<!-- rollouts:end -->"

_ABOUT = """Measure what rollouts cost and lose, by the real engine on a simulated AWS.

Ends with 0 when all targets are met, with 1 when one is missed, with 2 for wrong usage."""


def run(arguments: Sequence[str]) -> int:
    """Play, print, write; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rollouts", description=_ABOUT)
    parser.add_argument("--quick", action="store_true", help="a hundredth of it, in seconds: a look, not a measurement")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    if options.quick and options.write:
        parser.error("--quick measures too little to be written: leave one of both out")
    if options.write:
        check_page(PAGE, BEGIN, END)
    logging.disable(logging.CRITICAL)  # what the engine logs of throttled calls
    started = time.monotonic()
    small = options.quick
    tables = [
        requests_lost(10_000 if small else 1_000_000, 1 if small else 10),
        at_scale(10 if small else 1000),
        way_back(3 if small else 100),
        matrix_size(),
    ]
    text = "\n".join(tables)
    took = time.monotonic() - started
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    text += f"\nBy `python -m benchmarks.rollouts` in {took / 60:.1f} min on {machine}.\n"
    sys.stdout.write(text)
    if options.write:
        write_page(PAGE, text, BEGIN, END)
    return int("**missed**" in text)
