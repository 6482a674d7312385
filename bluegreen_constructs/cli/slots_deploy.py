"""`bluegreen slots deploy` and `clone`: what a slot runs, and with whose settings."""

from typing import Annotated

import typer

from ..engine.errors import ConfigurationError
from ..engine.release import Release
from ..engine.swap.record import SlotsRecord
from ..engine.swap.rendering import image_of
from .operator_world import OperatorWorld, TargetEngine, opened
from .reason_option import ReasonOption
from .result_format import Format, FormatOption
from .slots_start import SlotsWaitOption, begin
from .slots_targets import (
    SlotArgument,
    SlotsTargetArgument,
    known_record,
    side_of,
    slots_in,
    target_and_slot,
    with_slots,
)

DEPLOY_EXAMPLES = """\b
Examples:
  bluegreen slots deploy Web/App staging --release 1.4.2 --wait
  bluegreen slots deploy Web/App staging --release hotfix --image registry.example.com/app@sha256:0a1b
"""
CLONE_EXAMPLES = """\b
Examples:
  bluegreen slots clone Web/App --from production --to staging
  bluegreen slots clone Web/App --from production --to staging --with-release --wait
"""


def deploy_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    slot: SlotArgument = None,
    *,
    release: Annotated[str, typer.Option(metavar="NAME", help="An image tag, a digest, or a name of yours.")],
    image: Annotated[
        str, typer.Option(metavar="REF", help="The whole image; default: the slot's repository.", show_default=False)
    ] = "",
    reason: ReasonOption = None,
    wait: SlotsWaitOption = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Put a release onto a slot, with the slot's own settings, and warm it up. Production is not touched.

    A slot that swaps by itself goes on to production at once. Exit code 3: a safety rule refuses it, such as a slot
    that has a share of production's traffic, or production itself, to which releases come by a swap; 4: another
    operation holds the slots.
    """
    where, name = target_and_slot(target, slot)
    shipped = Release(release, image)
    with opened(context) as world:
        engine = with_slots(world, where)
        side = side_of(engine, record := known_record(engine), name)
        asked: dict[str, object] = {
            "verb": "deploy",
            "slot": name,
            "release": shipped.name,
            "image": image or shipped.image_for(_image_on(world, engine, record, side)),
        }
        begin(world, engine, asked, reason=reason, wait=wait, format=format)


def clone_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    *,
    source: Annotated[str, typer.Option("--from", metavar="SLOT", help="Whose settings are copied.")],
    to: Annotated[str, typer.Option("--to", metavar="SLOT", help="Which slot gets them; never production.")],
    with_release: Annotated[bool, typer.Option("--with-release", help="Copy the release as well.")] = False,
    reason: ReasonOption = None,
    wait: SlotsWaitOption = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Copy a slot's settings that travel to another slot; what stays with a slot stays.

    The other slot goes on with its own release, unless --with-release. The next deployment to it has the settings of
    the template again.
    """
    if source == to:
        raise ConfigurationError(f"--from and --to are both {to}: give two slots")
    with opened(context) as world:
        engine = with_slots(world, target)
        record = known_record(engine)
        giving, getting = side_of(engine, record, source), side_of(engine, record, to)
        asked: dict[str, object] = {"verb": "deploy", "slot": to, "settings_from": source}
        if with_release:
            asked["release"] = record.sides[giving].release
        else:
            asked["image"] = _image_on(world, engine, record, getting)
        begin(world, engine, asked, reason=reason, wait=wait, format=format)


def _image_on(world: OperatorWorld, engine: TargetEngine, record: SlotsRecord, side: str) -> str:
    """The image that a side runs, by its own revision."""
    content = world.definitions().definition(record.sides[side].definition).content
    return image_of(content, slots_in(engine).container)
