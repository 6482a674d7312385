"""The command: counts calls, measures CPU, prints the tables, and writes them into docs/benchmarks.md."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.judgement.page import check_page, write_page
from bluegreen_constructs.engine.errors import BlueGreenError

from .tables import MANY, calls_table, cpu_table, frequent_calls

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- synth:begin -->", "<!-- synth:end -->"
ROUNDS = 9

_ABOUT = """Measure what a synth of EcsBlueGreenService costs beside the same services written by hand.

Ends with 0 when all targets are met, with 1 when one is missed, with 2 for wrong usage."""


def run(arguments: Sequence[str]) -> int:
    """Measure, print, write; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.synth", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="2 runs, at most 10 services: a look, not a measurement")
    parser.add_argument("--calls", action="store_true", help="only the calls to jsii, all of them: seconds")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    for name in ("quick", "calls"):
        if options.write and getattr(options, name):
            parser.error(f"--{name} measures too little to be written: leave one of both out")
    try:
        if options.calls:
            text = calls_table() + "\n" + frequent_calls(None)
            sys.stdout.write(text)
            return int("**missed**" in text)
        return _run(quick=options.quick, write=options.write)
    except BlueGreenError as error:
        print(f"synth: {error}", file=sys.stderr)
        return error.exit_code


def _run(*, quick: bool, write: bool) -> int:
    if write:
        check_page(PAGE, BEGIN, END)
    started = time.monotonic()
    tables = [
        cpu_table((1, 10), 2) if quick else cpu_table((1, MANY), ROUNDS),
        calls_table(),
        frequent_calls(),
    ]
    text = "\n".join(tables)
    took = time.monotonic() - started
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    text += f"\nBy `python -m benchmarks.synth` in {took / 60:.1f} min on {machine}.\n"
    sys.stdout.write(text)
    if write:
        write_page(PAGE, text, BEGIN, END)
    return int("**missed**" in text)
