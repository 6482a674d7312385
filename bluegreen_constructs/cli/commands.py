"""The verbs of the `bluegreen` command, and how every one of them ends."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer
from typer.main import get_command

from ..engine.errors import BlueGreenError
from . import backtest, rehearse, simulate
from .endings import FAILED, USAGE, end_with
from .output import write

_ABOUT = "Ship a new version without losing a request, and go back in one call."
_EXAMPLE = """\b
Example:
  bluegreen rehearse --scenario ecs-good
"""

app = typer.Typer(
    name="bluegreen",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True, help=_ABOUT, epilog=_EXAMPLE)
def _verbs(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,  # noqa: FBT002
) -> None:
    if version:
        write(f"bluegreen {_version()}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        write(context.get_help() + "\n")
        raise typer.Exit(USAGE)


app.command("rehearse", short_help="Rehearse a deployment on this machine, under load.", epilog=rehearse.EXAMPLES)(
    rehearse.rehearse_command
)
app.command("simulate", short_help="How rollouts of your traffic would end, and when.", epilog=simulate.EXAMPLES)(
    simulate.simulate_command
)
app.command("backtest", short_help="Which mode of the comparison your past data asks for.", epilog=backtest.EXAMPLES)(
    backtest.backtest_command
)


def run(arguments: list[str] | None = None) -> int:
    """Run one command (default: of this process) and answer its exit code; `endings` lists them."""
    try:
        outcome = get_command(app).main(args=arguments, prog_name="bluegreen", standalone_mode=False)
    except BlueGreenError as error:
        return end_with(str(error), error.exit_code)
    except _usage_errors() as error:
        return end_with(_sentence(error), USAGE)
    except OSError as error:
        where = "" if error.filename is None else f": {error.filename}"
        return end_with(f"this machine does not let it go on: {error.strerror or error}{where}", FAILED)
    return outcome if isinstance(outcome, int) else 0


def _usage_errors() -> type[Exception]:
    """The base of wrong usage: click's own class, which newer versions of typer carry under a private name."""
    return next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def _sentence(error: Exception) -> str:
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    command = getattr(getattr(error, "ctx", None), "command_path", "bluegreen")
    return f"{text[:1].lower()}{text[1:].rstrip('.')}; see {command} --help"


def _version() -> str:
    try:
        return version("bluegreen-constructs")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "of a checkout that is not installed"
