"""`bluegreen start`: begin the rollout of a release."""

from typing import Annotated

import typer

from ..engine.ports import RefusedError
from ..engine.release import Release
from .answers import answer
from .code_deploy_reading import follow_code_deployment
from .code_deploy_start import start_code_deployment
from .deployment_reading import begun_by_template
from .following import end_of, follow, leaving_it_running
from .operator_world import OperatorWorld, TargetEngine, opened
from .option_parsers import option, whole
from .reason_option import ReasonOption, sentence
from .result_format import Format, FormatOption
from .rollout_start import EndQuarantineOption, request_of, rollout_id, started
from .rollout_summary import json_of
from .rollout_targets import TargetArgument, without_slots

EXAMPLES = """\b
Examples:
  bluegreen start Serving/Model --release 1.4.2 --wait
  bluegreen start Serving/Fleet --release 1.4.2 --version 17 --reason "ticket 4711"
  bluegreen start Serving/Fleet --release 1.4.2 --image ami-0123456789abcdef0
  bluegreen start Serving/Fleet --release 1.4.2 --image resolve:ssm:/golden/model:3
"""


def start_command(
    context: typer.Context,
    target: TargetArgument = None,
    *,
    release: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="An image tag, a digest, or a name of yours; of a fleet with an Artefact the archive's name.",
        ),
    ],
    image: Annotated[
        str,
        typer.Option(
            metavar="REF",
            help="The whole image; default: the side's repository. Of an Auto Scaling side an AMI: ami-… or "
            "resolve:ssm:/name:version; default: the launch template's.",
            show_default=False,
        ),
    ] = "",
    version: Annotated[
        int | None,
        option(
            whole("launch template version", 1, 10**9),
            "N",
            "The launch template version, as it is; default: NAME, unless it is an archive's. Not with an AMI.",
        ),
    ] = None,
    reason: ReasonOption = None,
    irreversible: Annotated[
        bool, typer.Option("--irreversible", help="It cannot be taken back: freeze it instead of going back.")
    ] = False,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="If it goes back, keep the bad side running, unrouted.")
    ] = False,
    end_quarantine: EndQuarantineOption = False,
    accept_rejected: Annotated[
        str | None,
        option(
            sentence("reason"), "REASON", "Why a release that was rejected may be tried again; default: it may not."
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Watch it to its end; exit code 1 when it goes back.")] = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Begin the rollout of a release, and wait until the engine has accepted or refused it.

    Exit code 2: the settings or the release cannot be rolled out; 3: a safety rule refuses it, such as a release that
    was rejected, or a side that is in quarantine; 4: another rollout holds the target. The releases of
    what Amazon ECS rolls out come with its template: 3, and 4 while a deployment is in flight.

    What a release is on an Auto Scaling side: the archive NAME in the fleet's bucket, if its instances fetch one; the
    AMI of --image; or the launch template version of --version, or NAME. For an archive or an AMI the engine makes a
    version from the one that the stack made last.

    For what AWS CodeDeploy deploys, the task definition that the template made last is registered again with the
    release's image, unless it has it, and a deployment of it is created. On EC2 instances the release is the archive
    NAME.zip in the fleet's bucket, and is deployed to the side whose instances are not registered in the target group.
    """
    shipped = Release(release, image, "" if version is None else str(version))
    with opened(context) as world:
        engine = without_slots(world, target, "start")
        if engine.is_ecs:
            raise begun_by_template(world, engine)
        if engine.is_code_deploy:
            if irreversible or quarantine or end_quarantine or accept_rejected:
                raise RefusedError(
                    f"AWS CodeDeploy deploys {engine.target}: it keeps no side running and remembers no release, so "
                    "leave out --irreversible, --quarantine, --end-quarantine and --accept-rejected"
                )
            _deploy(world, engine, shipped, reason or "", wait=wait, format=format)
            return
        request = request_of(
            engine,
            shipped,
            caller=world.caller(),
            reason=reason or "",
            is_irreversible=irreversible,
            is_quarantined=quarantine,
            ends_quarantine=end_quarantine,
            accept_rejected=accept_rejected or "",
        )
        rollout = started(world, engine, rollout_id(shipped.name, world.now()), request)
        if wait:
            with leaving_it_running(f"rollout {rollout.id}"):
                view = follow(world, engine, rollout)
            answer(format, f"{view.what}: {view.line}", view.json)
            end_of(view)
            return
    said = f"rollout {rollout.id} of {rollout.target} has begun; watch it with bluegreen watch {rollout.target}"
    answer(format, said, json_of(rollout.target, rollout))


def _deploy(
    world: OperatorWorld, engine: TargetEngine, release: Release, reason: str, *, wait: bool, format: Format
) -> None:
    begun = start_code_deployment(world, engine, release, reason)
    view = begun.view(world.now())
    said = (
        f"deployment {begun.id} of {release.name} to {engine.target} has begun; watch it with bluegreen watch "
        f"{engine.target}"
    )
    if wait:
        with leaving_it_running(view.what):
            view = follow_code_deployment(world, begun)
        said = f"{view.what}: {view.line}"
    answer(format, said, view.json)
    if wait:
        end_of(view)
