"""`bluegreen rollback`: back to a release that was live before, days later too, as an expedited rollout."""

from typing import Annotated

import typer

from ..engine.lifecycle import Phase
from ..engine.ports import HeldError, RefusedError
from ..engine.release import Release
from .answers import answer
from .code_deploy_reading import follow_code_deployment
from .code_deploy_rollback import roll_back_code_deployment
from .code_deploy_target import code_deploy_of
from .deployment_reading import follow_deployment
from .deployment_rollback import roll_back
from .following import end_of, follow, leaving_it_running
from .operator_world import OperatorWorld, TargetEngine, opened
from .reason_option import ReasonOption
from .result_format import Format, FormatOption
from .rollout_start import EndQuarantineOption, request_of, rollout_id, started
from .rollout_summary import json_of
from .rollout_targets import TargetArgument, last_rollout, without_slots
from .spelled_times import iso

EXAMPLES = """\b
Examples:
  bluegreen rollback Serving/Model --wait
  bluegreen rollback Serving/Model --to 1.4.1 --quarantine --reason "wrong prices since noon"
"""


def rollback_command(
    context: typer.Context,
    target: TargetArgument = None,
    *,
    to: Annotated[
        str | None,
        typer.Option(metavar="RELEASE", help="Default: the release that was live before.", show_default=False),
    ] = None,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Keep the side that is left running, unrouted.")
    ] = False,
    end_quarantine: EndQuarantineOption = False,
    reason: ReasonOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Watch it to its end.")] = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Go back to a retained release: capacity and health are waited for, there are no steps and no bake.

    The release that is left is rejected: it is refused from then on, until it is accepted with a reason. During a
    rollout use `bluegreen abort`. Exit code 3, with the releases there are, when there is no such one; while a side is
    in quarantine; and for a launch template version whose number is of the other side: start that with `--version`.

    Of what Amazon ECS rolls out it is a deployment like any other, with all steps and hooks; the release that is left
    is not rejected, and the next change of the template brings it again.

    Of what AWS CodeDeploy deploys it is a deployment of the task definition that succeeded before, or of the one that
    --to names, also as FAMILY:REVISION. On EC2 instances it is one of the archive that succeeded before, to the side
    that is out of use; there, too, a deployment in flight is exit code 4.
    """
    with opened(context) as world:
        engine = without_slots(world, target, "rollback")
        if engine.is_ecs:
            if quarantine or end_quarantine:
                raise RefusedError(
                    f"Amazon ECS rolls out {engine.target}, and keeps no side running: leave out the quarantine"
                )
            _roll_back_deployment(world, engine, to, reason or "", wait=wait, format=format)
            return
        if engine.is_code_deploy:
            if quarantine or end_quarantine:
                raise RefusedError(
                    f"AWS CodeDeploy deploys {engine.target}, and keeps no side running: leave out the quarantine"
                )
            _roll_back_code_deployment(world, engine, to, reason or "", wait=wait, format=format)
            return
        live = _live_release(engine)
        release = _chosen(engine, live, to)
        request = request_of(
            engine,
            release,
            caller=world.caller(),
            reason=reason or f"rollback from {live}",
            is_expedited=True,
            is_quarantined=quarantine,
            ends_quarantine=end_quarantine,
        )
        rollout = started(world, engine, rollout_id(release.name, world.now()), request)
        if wait:
            with leaving_it_running(f"rollout {rollout.id}"):
                view = follow(world, engine, rollout)
            answer(format, f"{view.what}: {view.line}", {**view.json, "from": live})
            end_of(view)
            return
    said = (
        f"rollout {rollout.id} takes {rollout.target} back from {live} to {rollout.release.name}; watch it "
        f"with bluegreen watch {rollout.target}"
    )
    answer(format, said, {**json_of(rollout.target, rollout), "from": live})


def _roll_back_deployment(
    world: OperatorWorld, engine: TargetEngine, to: str | None, reason: str, *, wait: bool, format: Format
) -> None:
    begun, live, notes = roll_back(world, engine, to, reason)
    said = (
        f"deployment {begun.id} takes {engine.target} back from {live} to {begun.release}, with all steps and hooks; "
        f"watch it with bluegreen watch {engine.target}"
    )
    view = begun.view(world.now())
    if wait:
        with leaving_it_running(view.what):
            view = follow_deployment(world, engine, begun)
        said = f"{view.what}: {view.line}"
    said = "\n".join((said, *(f"note: {note}" for note in notes)))
    answer(format, said, {**view.json, "from": live, "notes": list(notes)})
    if wait:
        end_of(view)


def _roll_back_code_deployment(
    world: OperatorWorld, engine: TargetEngine, to: str | None, reason: str, *, wait: bool, format: Format
) -> None:
    begun, live = roll_back_code_deployment(world, engine, to, reason)
    is_server = code_deploy_of(engine.settings).platform == "Server"
    how = "on the other side's instances" if is_server else "with all steps and hooks"
    said = (
        f"deployment {begun.id} takes {engine.target} back from {live} to {begun.release}, {how}; watch it with "
        f"bluegreen watch {engine.target}"
    )
    view = begun.view(world.now())
    if wait:
        with leaving_it_running(view.what):
            view = follow_code_deployment(world, begun)
        said = f"{view.what}: {view.line}"
    answer(format, said, {**view.json, "from": live})
    if wait:
        end_of(view)


def _live_release(engine: TargetEngine) -> str:
    """The release that serves. Raises HeldError during a rollout, from which an abort goes back."""
    current = last_rollout(engine)
    if not current.has_ended:
        raise HeldError(
            f"rollout {current.id}, started by {current.caller or 'nobody known'}, has held {engine.target} since "
            f"{iso(current.started_at)}: bluegreen abort {engine.target} goes back from it"
        )
    return current.release.name if current.phase is Phase.PROMOTED else current.leaves


def _chosen(engine: TargetEngine, live: str, to: str | None) -> Release:
    """The release to go back to. Raises RefusedError, with the retained ones, when there is no such one."""
    records = engine.store.releases(engine.target)
    promoted = [one for one in records if one.status == "promoted" and one.release.name != live]
    retained = sorted(promoted, key=lambda one: one.at, reverse=True)[: engine.settings.retained]
    if to is None and retained:
        return retained[0].release
    if to is None:
        raise RefusedError(f"no release of {engine.target} was live before {live}: there is none to go back to")
    found = next((one.release for one in retained if one.release.name == to), None)
    if found is not None:
        return found
    listed = ", ".join(one.release.name for one in retained) or "none"
    if to == live:
        raise RefusedError(f"{to} is live on {engine.target} already; retained are: {listed}")
    known = next((one for one in records if one.release.name == to and one.status != "promoted"), None)
    if known is not None:
        raise RefusedError(
            f"{to} is {known.status} since {iso(known.at)} ({known.reason}); retained are: {listed}; try it again with "
            f"bluegreen start {engine.target} --release {to} --accept-rejected REASON"
        )
    raise RefusedError(f"{to} is no retained release of {engine.target}; retained are: {listed}")
