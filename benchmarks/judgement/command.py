"""The command: which cells, how many runs, and where the tables go."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bluegreen_constructs.engine.errors import BlueGreenError, ConfigurationError

from .cells import CELLS
from .page import PAGE, check_page, write_page
from .play import play
from .result import Result
from .target import ENOUGH_RUNS

QUICK_RUNS = 500
INTERRUPTED = 130  # 128 + SIGINT, as shells report it

_ABOUT = """Measure how often the judgement is right, beside the judges that are in use elsewhere.

Every judge sees the same made-up traffic. Ends with 0 when all targets are met, with 1 when one is missed, with 2 for
wrong usage. Fewer than 10 000 runs may leave a target open, which fails nothing."""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    cells: tuple[str, ...]
    runs: int
    processes: int
    write: bool
    json: Path | None


def run(arguments: Sequence[str]) -> int:
    """Play, print, write; the exit code."""
    try:
        return _run(_options(arguments))
    except BlueGreenError as error:
        print(f"judgement: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"judgement: {error.filename or 'a file'} cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("judgement: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(options: Options) -> int:
    if options.write:
        check_page(PAGE)
    if options.json is not None and not options.json.parent.is_dir():
        raise ConfigurationError(
            f"there is no folder {options.json.parent} for the JSON file: make it, or name another"
        )
    started = time.monotonic()
    left = len(options.cells)

    def done(cell: str) -> None:
        nonlocal left
        left -= 1
        print(f"{time.monotonic() - started:6.1f} s  {cell}, {left} to go", file=sys.stderr, flush=True)

    played = play(options.cells, options.runs, options.processes, done)
    result = Result(played, options.runs, time.monotonic() - started)
    tables = result.markdown()
    sys.stdout.write(tables)
    if options.json is not None:
        options.json.write_text(json.dumps(result.json(), indent=2) + "\n", encoding="utf-8")
    if options.write:
        write_page(PAGE, tables)
    missed = result.missed()
    for sentence in missed:
        print(f"judgement: {sentence}", file=sys.stderr)
    return int(bool(missed))


def _options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.judgement", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    runs = parser.add_mutually_exclusive_group()
    runs.add_argument("--runs", type=int, default=ENOUGH_RUNS, metavar="N", help="of each cell (default 10000)")
    runs.add_argument(
        "--quick", action="store_const", dest="runs", const=QUICK_RUNS, help=f"{QUICK_RUNS} runs of each cell"
    )
    parser.add_argument("--cell", metavar="NAME,...", help="only these cells (default: all)")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="to share the work (default 2)")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/statistics.md, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE, too")
    given = parser.parse_args(arguments)
    _check_range("--runs", given.runs, 1_000_000)
    _check_range("--processes", given.processes, 64)
    if given.write and given.cell is not None:
        raise ConfigurationError("--write needs all cells, and --cell names some: leave one of them out")
    if given.write and given.runs < ENOUGH_RUNS:
        raise ConfigurationError(
            f"--write puts numbers where people rely on them, and {given.runs} runs are too few: give {ENOUGH_RUNS} or "
            "more"
        )
    return Options(_cells(given.cell), given.runs, given.processes, given.write, given.json)


def _check_range(option: str, number: int, most: int) -> None:
    if not 1 <= number <= most:
        raise ConfigurationError(f"{option} is {number}: give a whole number from 1 to {most}")


def _cells(given: str | None) -> tuple[str, ...]:
    if given is None:
        return tuple(CELLS)
    names = tuple(dict.fromkeys(name.strip() for name in given.split(",")))
    for name in names:
        if name not in CELLS:
            raise ConfigurationError(f"there is no cell {name!r}: give any of {', '.join(CELLS)}")
    return names
