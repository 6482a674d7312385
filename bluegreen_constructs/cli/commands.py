"""The verbs of the `bluegreen` command, and how every one of them ends."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer
from typer.main import get_command

from ..engine.errors import BlueGreenError
from . import (
    ab_report,
    abort_command,
    app_spec,
    backtest,
    explain,
    history,
    operator_commands,
    regions_commands,
    rehearse,
    rollback,
    simulate,
    slots_commands,
    start,
    status,
    task_definition,
    unlock,
    watch,
)
from .endings import FAILED, USAGE, end_with
from .operator_world import OperatorWorld
from .output import write

_ABOUT = "Ship a new version without losing a request, and go back in one call."
_EXAMPLE = """\b
Examples:
  bluegreen start Serving/Model --release 1.4.2 --wait
  bluegreen abort Serving/Model
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


app.command("start", short_help="Begin the rollout of a release.", epilog=start.EXAMPLES)(start.start_command)
app.command("status", short_help="Where the rollout of each target is.", epilog=status.EXAMPLES)(status.status_command)
app.command("watch", short_help="A rollout's progress until it has ended.", epilog=watch.EXAMPLES)(watch.watch_command)
app.command("promote", short_help="Answer a pause with: go on.", epilog=operator_commands.PROMOTE_EXAMPLES)(
    operator_commands.promote_command
)
app.command("pause", short_help="Keep a rollout where it is.", epilog=operator_commands.PAUSE_EXAMPLES)(
    operator_commands.pause_command
)
app.command("resume", short_help="Let a paused rollout go on.", epilog=operator_commands.RESUME_EXAMPLES)(
    operator_commands.resume_command
)
app.command("abort", short_help="All traffic back to live, at once.", epilog=abort_command.EXAMPLES)(
    abort_command.abort_command
)
app.command("rollback", short_help="Back to a release that was live before.", epilog=rollback.EXAMPLES)(
    rollback.rollback_command
)
app.command("history", short_help="What happened to a target, and who did it.", epilog=history.EXAMPLES)(
    history.history_command
)
app.command(
    "explain", short_help="The evidence, the gates, and what would change the verdict.", epilog=explain.EXAMPLES
)(explain.explain_command)
app.command("report", short_help="What an A/B test has shown so far.", epilog=ab_report.EXAMPLES)(
    ab_report.report_command
)
app.command("unlock", short_help="Take a target from a rollout that is gone.", epilog=unlock.EXAMPLES)(
    unlock.unlock_command
)
app.command("appspec", short_help="The AppSpec for what AWS CodeDeploy deploys.", epilog=app_spec.EXAMPLES)(
    app_spec.appspec_command
)
app.command("taskdef", short_help="The task definition for CodePipeline.", epilog=task_definition.EXAMPLES)(
    task_definition.taskdef_command
)
app.add_typer(slots_commands.slots_app, short_help="Deployment slots: deploy, swap, go back.")
app.add_typer(regions_commands.regions_app, short_help="A service in two regions: move traffic, go back.")
app.command("rehearse", short_help="Rehearse a deployment on this machine, under load.", epilog=rehearse.EXAMPLES)(
    rehearse.rehearse_command
)
app.command("simulate", short_help="How rollouts of your traffic would end, and when.", epilog=simulate.EXAMPLES)(
    simulate.simulate_command
)
app.command("backtest", short_help="Which mode of the comparison your past data asks for.", epilog=backtest.EXAMPLES)(
    backtest.backtest_command
)


def run(arguments: list[str] | None = None, world: OperatorWorld | None = None) -> int:
    """Run one command (default: of this process) and answer its exit code; `endings` lists them.

    `world` is where operators' verbs find their targets (default: AWS, by the credentials of this process).
    """
    try:
        outcome = get_command(app).main(args=arguments, prog_name="bluegreen", standalone_mode=False, obj=world)
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
