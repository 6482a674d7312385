"""`bluegreen rehearse`: a whole deployment on this machine, and a table for each scenario."""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ..engine.errors import ConfigurationError, RehearsalError
from .option_parsers import choice
from .output import Progress, write

if TYPE_CHECKING:
    from ..rehearsal.ecs.tasks_file import TasksFile
    from ..rehearsal.outcome import Outcome

_DEFAULT = "ecs-good,ecs-bad-errors"
_TASKS = "rehearse.toml"
EXAMPLES = """\b
Examples:
  bluegreen rehearse
  bluegreen rehearse --scenario ecs-good,ecs-bad-slow --report rehearsal.html
  bluegreen rehearse --scenario all --format json
  bluegreen rehearse --app "python app.py" --tasks rehearse.toml
  bluegreen rehearse --app "npx ts-node bin/app.ts" --format markdown > summary.md
"""


class Format(StrEnum):
    """How the outcomes are written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def _port(given: str) -> int:
    if not given.isdecimal() or not 1024 <= int(given) <= 65535:
        raise typer.BadParameter(
            f"{given!r} is no port to choose: give a whole number from 1024 to 65535, or leave the option out"
        )
    return int(given)


def _speed(given: str) -> float:
    refusal = typer.BadParameter(
        f"{given!r} is no speed to choose: give a number from 10 to 60; slower takes long, faster leaves too few "
        "requests in a minute to judge"
    )
    try:
        speed = float(given)
    except ValueError:
        raise refusal from None
    if not 10 <= speed <= 60:  # not a number is outside, too
        raise refusal
    return speed


def rehearse_command(
    scenario: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help=f"Scenarios, or all; default: {_DEFAULT}.", show_default=False),
    ] = None,
    *,
    app: Annotated[
        str | None,
        typer.Option(metavar="CMD", help="Rehearse your own CDK app: its command, as `cdk --app` takes it."),
    ] = None,
    tasks: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"With --app: what its containers are here; default: {_TASKS}."),
    ] = None,
    format: Annotated[
        Format,
        typer.Option(
            parser=choice("format", Format),
            metavar="text|json|markdown",
            help="Tables for people (the default), JSON, or a summary for a pull request.",
            show_default=False,
        ),
    ] = Format.TEXT,
    report: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Also write an HTML report.")] = None,
    port: Annotated[
        int | None, typer.Option(parser=_port, metavar="PORT", help="The emulator's port; default: a free one.")
    ] = None,
    speed: Annotated[
        float,
        typer.Option(
            parser=_speed, metavar="10..60", help="Rehearsed seconds in each real one; default: 30.", show_default=False
        ),
    ] = 30.0,
) -> None:
    """Deploy the application into an emulator on this machine, roll releases out under load, and judge what happened.

    The real CDK CLI deploys to an embedded emulator of AWS; no account and no credentials are used. Exit code 0
    only when every scenario passed.

    With --app it is your own application that is deployed, and each release of the tasks file is rolled out on each of
    its services and targets. What the rehearsal does not cover of it is listed before anything is started.
    """
    _refuse_contradictions(scenario, app, tasks)
    from ..rehearsal.installed import check_extra  # noqa: PLC0415  # the extra is checked before it is used

    check_extra()
    from ..rehearsal.catalogue import CATALOGUE  # noqa: PLC0415
    from ..rehearsal.own_application import NotCoveredError  # noqa: PLC0415
    from ..rehearsal.rehearse import Options, rehearse, rehearse_own  # noqa: PLC0415

    scenarios = CATALOGUE.named(_DEFAULT if scenario is None else scenario)
    own = None if app is None else (app, _tasks_file(tasks))
    if report is not None:
        _require_writable(report)
    say = Progress()
    options = Options(directory=Path.cwd(), port=port, speed=speed)
    try:
        outcomes = rehearse(scenarios, options, say) if own is None else rehearse_own(*own, options, say)
    except NotCoveredError as refusal:
        write(_not_covered(format, refusal.findings))
        raise
    write(_written(format, outcomes))
    if report is not None:
        _write_report(report, outcomes, speed)
        say(f"report: {report}")
    if not all(outcome.passed for outcome in outcomes):
        raise typer.Exit(1)


def _refuse_contradictions(scenario: str | None, app: str | None, tasks: Path | None) -> None:
    if app is None:
        if tasks is not None:
            raise ConfigurationError("give --app with your application's command, too: --tasks belongs to it")
        return
    if scenario is not None:
        raise ConfigurationError(
            "give --scenario for the application of this repository, or --app for your own, not both"
        )
    if not app.strip():
        raise ConfigurationError("give your CDK app's command with --app, such as --app 'python app.py': it is empty")


def _tasks_file(given: Path | None) -> "TasksFile":
    from ..rehearsal.ecs.tasks_file import TasksFile  # noqa: PLC0415

    path = Path(_TASKS) if given is None else given
    if not path.exists():
        raise ConfigurationError(
            f"there is no tasks file {path}: name one with --tasks; it says what your containers are on this machine"
        )
    try:
        return TasksFile.read(path.resolve())
    except RehearsalError as error:
        raise ConfigurationError(str(error)) from None


def _written(format: Format, outcomes: "Sequence[Outcome]") -> str:
    match format:
        case Format.JSON:
            return _as_json(outcomes)
        case Format.MARKDOWN:
            from ..rehearsal.report import as_markdown  # noqa: PLC0415

            return as_markdown(outcomes)
        case Format.TEXT:
            return _as_text(outcomes)


def _not_covered(format: Format, findings: "Sequence[str]") -> str:
    match format:
        case Format.JSON:
            return json.dumps({"passed": False, "scenarios": [], "not_covered": findings}, indent=2) + "\n"
        case Format.MARKDOWN:
            from ..rehearsal.report import not_covered_as_markdown  # noqa: PLC0415

            return not_covered_as_markdown(findings)
        case Format.TEXT:
            return "".join(f"not covered: {finding}\n" for finding in findings)


def _as_json(outcomes: "Sequence[Outcome]") -> str:
    passed = all(outcome.passed for outcome in outcomes)
    return json.dumps({"passed": passed, "scenarios": [outcome.to_json() for outcome in outcomes]}, indent=2) + "\n"


def _as_text(outcomes: "Sequence[Outcome]") -> str:
    from ..rehearsal.report import as_tables  # noqa: PLC0415

    console = Console(highlight=False)
    if not console.is_terminal:
        # Where nobody's window says otherwise (a log of CI), lines are as wide as the tables need.
        console = Console(highlight=False, width=120)
    with console.capture() as captured:
        console.print(as_tables(outcomes))
    return captured.get()


def _require_writable(report: Path) -> None:
    """Refuse now what would fail minutes later. Opening is the one test that every file system answers rightly."""
    if report.is_dir():
        raise ConfigurationError(f"the report {report} is a folder: name a file, such as {report / 'report.html'}")
    if not report.parent.is_dir():
        raise ConfigurationError(f"there is no folder {report.parent} for the report: make it, or name another file")
    existed = report.exists()
    try:
        report.open("ab").close()
    except OSError as error:
        raise ConfigurationError(
            f"the report {report} cannot be written ({error.strerror}): name another file"
        ) from None
    if not existed:
        report.unlink()


def _write_report(report: Path, outcomes: "Sequence[Outcome]", speed: float) -> None:
    from ..rehearsal.report import as_html  # noqa: PLC0415

    try:
        report.write_text(as_html(outcomes, speed=speed), encoding="utf-8")
    except OSError as error:
        raise RehearsalError(f"the report {report} could not be written ({error.strerror})") from None
