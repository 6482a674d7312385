"""The verbs of `bluegreen regions`."""

import typer

from . import regions_abort, regions_shift, regions_status
from .endings import USAGE
from .output import write
from .regions_targets import PercentCommand

_EXAMPLE = """\b
Examples:
  bluegreen regions status
  bluegreen regions shift Dns/Shop 10
  bluegreen regions abort Dns/Shop
  bluegreen regions promote Dns/Shop
"""

regions_app = typer.Typer(
    name="regions",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@regions_app.callback(
    invoke_without_command=True,
    help="A service in two regions: move the answers of Route 53, go back.",
    epilog=_EXAMPLE,
)
def _verbs(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        write(context.get_help() + "\n")
        raise typer.Exit(USAGE)


regions_app.command("status", short_help="Each region's share and health.", epilog=regions_status.EXAMPLES)(
    regions_status.status_command
)
regions_app.command(
    "shift", cls=PercentCommand, short_help="A share for the other region.", epilog=regions_shift.SHIFT_EXAMPLES
)(regions_shift.shift_command)
regions_app.command("promote", short_help="Call the other region live.", epilog=regions_shift.PROMOTE_EXAMPLES)(
    regions_shift.promote_command
)
regions_app.command("abort", short_help="Everything back to the live region.", epilog=regions_abort.EXAMPLES)(
    regions_abort.abort_command
)
