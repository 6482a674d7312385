"""The verbs of `bluegreen slots`."""

import typer

from . import (
    slots_answers,
    slots_deploy,
    slots_diff,
    slots_history,
    slots_resume,
    slots_rollback,
    slots_status,
    slots_swap,
    slots_traffic,
)
from .endings import USAGE
from .output import write
from .slots_usage import SharesCommand, SlotCommand

_EXAMPLE = """\b
Examples:
  bluegreen slots status
  bluegreen slots deploy Web/App staging --release 1.4.2 --wait
  bluegreen slots diff Web/App staging
  bluegreen slots swap Web/App staging --wait
"""

slots_app = typer.Typer(
    name="slots",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@slots_app.callback(
    invoke_without_command=True,
    help="Deployment slots: deploy to one, swap it with production, go back.",
    epilog=_EXAMPLE,
)
def _verbs(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        write(context.get_help() + "\n")
        raise typer.Exit(USAGE)


slots_app.command(
    "status", short_help="Each slot's side and release, and what is under way.", epilog=slots_status.EXAMPLES
)(slots_status.status_command)
slots_app.command(
    "deploy", cls=SlotCommand, short_help="Put a release onto a slot.", epilog=slots_deploy.DEPLOY_EXAMPLES
)(slots_deploy.deploy_command)
slots_app.command(
    "swap", cls=SlotCommand, short_help="Exchange a slot with production.", epilog=slots_swap.SWAP_EXAMPLES
)(slots_swap.swap_command)
slots_app.command(
    "preview", cls=SlotCommand, short_help="Begin a swap that waits for complete.", epilog=slots_swap.PREVIEW_EXAMPLES
)(slots_swap.preview_command)
slots_app.command("complete", short_help="Let a previewed swap go on.", epilog=slots_answers.COMPLETE_EXAMPLES)(
    slots_answers.complete_command
)
slots_app.command("cancel", short_help="Take back what has no traffic yet.", epilog=slots_answers.CANCEL_EXAMPLES)(
    slots_answers.cancel_command
)
slots_app.command("rollback", short_help="Give back all traffic of a swap, at once.", epilog=slots_rollback.EXAMPLES)(
    slots_rollback.rollback_command
)
slots_app.command("end-bake", short_help="End the bake of a swap now.", epilog=slots_answers.END_BAKE_EXAMPLES)(
    slots_answers.end_bake_command
)
slots_app.command(
    "traffic", cls=SharesCommand, short_help="Give slots shares of production's traffic.", epilog=slots_traffic.EXAMPLES
)(slots_traffic.traffic_command)
slots_app.command("clone", short_help="Copy a slot's settings to another one.", epilog=slots_deploy.CLONE_EXAMPLES)(
    slots_deploy.clone_command
)
slots_app.command("diff", cls=SlotCommand, short_help="What a swap would change.", epilog=slots_diff.EXAMPLES)(
    slots_diff.diff_command
)
slots_app.command("history", short_help="What happened to the slots, and who did it.", epilog=slots_history.EXAMPLES)(
    slots_history.history_command
)
slots_app.command("resume", short_help="Let slots swap by themselves again.", epilog=slots_resume.RESUME_EXAMPLES)(
    slots_resume.resume_command
)
slots_app.command("resolve", short_help="Go on with what halted.", epilog=slots_resume.RESOLVE_EXAMPLES)(
    slots_resume.resolve_command
)
