"""`bluegreen rehearse`: a whole deployment on this machine, and a table for each scenario."""

import json
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..engine.errors import ConfigurationError

_DEFAULT = "ecs-good,ecs-bad-errors"
_EXAMPLE = "example: bluegreen rehearse --scenario ecs-good,ecs-bad-slow --report rehearsal.html"


class Format(StrEnum):
    """How results are written."""

    TEXT = "text"
    JSON = "json"


def rehearse_command(
    scenario: Annotated[str, typer.Option(help="names with commas between them, or all")] = _DEFAULT,
    format: Annotated[Format, typer.Option(help="text for people, json for machines")] = Format.TEXT,
    report: Annotated[Path | None, typer.Option(help="also write an HTML report to this file")] = None,
    port: Annotated[int | None, typer.Option(help="the emulator's port (default: a free one)")] = None,
    speed: Annotated[float, typer.Option(help="rehearsed seconds for each real one, 10 to 60")] = 30.0,
) -> None:
    """Deploy into an emulator on this machine, roll releases out under load, and judge what happened."""
    from ..rehearsal.emulator.process import check_extra  # noqa: PLC0415  # the extra is checked before it is used

    check_extra()
    from ..rehearsal.catalogue import CATALOGUE  # noqa: PLC0415
    from ..rehearsal.rehearse import Options, rehearse  # noqa: PLC0415
    from ..rehearsal.report import as_html, as_tables  # noqa: PLC0415

    scenarios = CATALOGUE.named(scenario)
    if not 10 <= speed <= 60:
        raise ConfigurationError(
            f"speed is {speed:g}: give 10 to 60; slower takes long, faster leaves too few requests in a minute to judge"
        )
    if port is not None and not 1024 <= port <= 65535:
        raise ConfigurationError(f"port is {port}: give one between 1024 and 65535, or leave it out")
    if report is not None and not report.parent.is_dir():
        raise ConfigurationError(f"there is no folder {report.parent} for the report: make it, or name another file")
    progress = Console(stderr=True, highlight=False, soft_wrap=True)
    started = time.monotonic()

    def say(line: str) -> None:
        progress.print(f"[dim]{time.monotonic() - started:6.1f} s[/dim]  {line}")

    outcomes = rehearse(scenarios, Options(directory=Path.cwd(), port=port, speed=speed), say)
    if report is not None:
        report.write_text(as_html(outcomes, speed=speed), encoding="utf-8")
        say(f"report: {report}")
    if format is Format.JSON:
        passed = all(outcome.passed for outcome in outcomes)
        print(json.dumps({"passed": passed, "scenarios": [outcome.to_json() for outcome in outcomes]}, indent=2))
    else:
        console = Console(highlight=False)
        # Where nobody's window says otherwise (a log of CI), lines are as wide as the tables need.
        Console(highlight=False, width=console.width if console.is_terminal else 120).print(as_tables(outcomes))
    if not all(outcome.passed for outcome in outcomes):
        raise typer.Exit(1)
