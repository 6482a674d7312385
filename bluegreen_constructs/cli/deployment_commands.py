"""`promote` and `abort` of a deployment that Amazon ECS makes: a pause hook's answer, and I6's two calls."""

from dataclasses import dataclass

from ..engine.errors import AwsError
from ..engine.ports import HistoryItem, RefusedError
from ..engine.service_deployments import DeploymentSeen, ServiceDeployments, WaitingHook
from .aws_sentences import in_words
from .deployment_reading import recorded
from .ecs_target import CLEAN_UP, EcsTarget, deployment_id
from .operator_world import OperatorWorld, TargetEngine, caller_of


def go_on(world: OperatorWorld, engine: TargetEngine, found: EcsTarget, hook: str | None, reason: str) -> str:
    """Answer the pause hook that waits, or `hook` of several, with CONTINUE; what there is to say about it.

    Raises RefusedError when several wait and none is named, and when `hook` is none of them.
    """
    waiting = _chosen(found, hook)
    world.deployments().answer(found.deployment.arn, waiting.id, go_on=True)
    note = ""
    if engine.has_table or reason:
        deployment = found.deployment
        answered = f"pause hook {waiting.id} was answered with CONTINUE"
        words = f"{answered}: {reason}" if reason else answered
        item = HistoryItem(
            at=world.now(),
            event="ANSWERED",
            rollout=found.id,
            release=found.release,
            caller=caller_of(world),
            reason=words,
            phase=deployment.stage,
            weight=deployment.weight,
        )
        note = recorded(engine, item)
    said = f"pause hook {waiting.id} of deployment {found.id} was answered with CONTINUE: Amazon ECS goes on"
    return f"{said}\nnote: {note}" if note else said


def _chosen(found: EcsTarget, hook: str | None) -> WaitingHook:
    ids = [one.id for one in found.waiting]
    if hook is None and len(ids) == 1:
        return found.waiting[0]
    stage = found.deployment.stage
    if hook is None:
        raise RefusedError(
            f"{len(ids)} pause hooks of deployment {found.id} wait at {stage}: answer each with --hook, one of "
            f"{', '.join(ids)}"
        )
    if hook not in ids:
        raise RefusedError(f"no pause hook {hook} of deployment {found.id} waits at {stage}: there is {', '.join(ids)}")
    return found.waiting[ids.index(hook)]


@dataclass(frozen=True, slots=True)
class StopOutcome:
    """What an abort did: NOTHING_IN_FLIGHT, or GOING_BACK; `rollout` is the deployment's id.

    calls: AWS calls until ECS was told. why: its status now, and the reason in ECS's words.
    """

    state: str
    rollout: str = ""
    calls: int = 1
    why: str = ""
    notes: tuple[str, ...] = ()


def stop(
    world: OperatorWorld, service: tuple[str, str], target: str, reason: str, engine: TargetEngine | None = None
) -> StopOutcome:
    """Take the service's deployment back: ListServiceDeployments, StopServiceDeployment, and only then the rest.

    `service` is its cluster and its name; `engine` is where the history is, if that is known. A pause hook that waits
    needs no answer. Raises RefusedError when it is too late.
    """
    deployments = world.deployments()
    arn = deployments.in_flight(*service)
    if not arn:
        return StopOutcome("NOTHING_IN_FLIGHT")
    try:
        deployments.stop(arn)
    except AwsError as error:
        raise _refusal(deployments, arn, target, error) from error
    notes, why = [], ""
    try:
        seen = deployments.deployment(arn)
        why = f"{seen.status}: {seen.reason}".rstrip(": .")
    except AwsError as error:
        notes.append(f"how far it is on its way back is not known: {in_words(str(error))}")
    if engine is not None and (engine.has_table or reason):
        words = f"aborted: {reason}" if reason else "aborted"
        item = HistoryItem(world.now(), "ABORTED", deployment_id(arn), "", caller_of(world), words)
        notes.append(recorded(engine, item))
    elif reason:
        notes.append("the history was not written, as only the service is named: AWS CloudTrail knows who it was")
    return StopOutcome("GOING_BACK", deployment_id(arn), 2, why, tuple(note for note in notes if note))


def _refusal(deployments: ServiceDeployments, arn: str, target: str, error: AwsError) -> AwsError | RefusedError:
    """Too late is refused with the way that is left; everything else is AWS's to say."""
    try:
        seen = deployments.deployment(arn)
    except AwsError:
        return error
    if not _is_too_late(seen):
        return error
    return RefusedError(
        f"it is too late to abort deployment {deployment_id(arn)}, which is in {CLEAN_UP} or over: the candidate is "
        f"live and Amazon ECS ends live's former tasks ({in_words(str(error))}); go back with bluegreen "
        f"rollback {target}"
    )


def _is_too_late(seen: DeploymentSeen) -> bool:
    return seen.status == "SUCCESSFUL" or (seen.status == "IN_PROGRESS" and seen.stage == CLEAN_UP)
