"""`promote` and `abort` of a deployment that AWS CodeDeploy makes: one is continued, the other is stopped (I6)."""

from ..engine.code_deployments import CodeDeploymentSeen, DeploymentOverError, NotWaitingError
from ..engine.errors import AwsError
from ..engine.ports import HistoryItem, RefusedError
from .aws_sentences import in_words
from .code_deploy_reading import code_deployment_in_flight, id_in_flight
from .deployment_commands import StopOutcome
from .deployment_reading import recorded
from .operator_world import OperatorWorld, TargetEngine, caller_of


def continue_deployment(world: OperatorWorld, engine: TargetEngine, reason: str) -> tuple[str, dict[str, object]]:
    """Let production traffic move; what there is to say about it, as a sentence and as JSON values.

    Raises RefusedError when the deployment does not wait for it.
    """
    found = code_deployment_in_flight(world, engine, "promote")
    if not found.waits:
        raise RefusedError(
            f"deployment {found.id} waits for no answer, it is {found.at} and waits for {found.waits_for}"
        )
    try:
        world.code_deployments().proceed(found.id)
    except (NotWaitingError, DeploymentOverError) as error:
        raise RefusedError(
            f"deployment {found.id} waits for no answer any more ({in_words(str(error))}): see bluegreen status "
            f"{engine.target}"
        ) from error
    note = ""
    if reason or engine.has_table:
        words = f"the deployment was continued: {reason}" if reason else "the deployment was continued"
        item = HistoryItem(world.now(), "ANSWERED", found.id, found.release, caller_of(world), words, phase=found.at)
        note = recorded(engine, item)
    said = f"deployment {found.id} is continued: AWS CodeDeploy moves production traffic"
    result: dict[str, object] = {"target": engine.target, "rollout": found.id, "given": "promote", "step": None}
    return (f"{said}\nnote: {note}" if note else said), result


def stop_in_group(world: OperatorWorld, engine: TargetEngine, reason: str) -> StopOutcome:
    """Take back what is in flight: ListDeployments, GetDeployment, StopDeployment, and only then the rest.

    CodeDeploy's own way back is a deployment as well, which would be stopped half way: it is left alone. What cannot be
    looked at is stopped. A target on instances has two groups, and may take a call more. Raises RefusedError when it is
    too late.
    """
    found, calls = id_in_flight(world, engine)
    if not found:
        return StopOutcome("NOTHING_IN_FLIGHT", calls=calls)
    seen = _looked_at(world, found)
    if isinstance(seen, CodeDeploymentSeen) and seen.is_rollback:
        note = f"deployment {found} is the way back from {seen.rolls_back or 'another one'} itself: it was left alone"
        return StopOutcome("GOING_BACK", found, calls + 1, seen.status, (note,))
    return stop_code_deployment(world, found, engine.target, reason, engine, calls=calls + 2)


def stop_code_deployment(
    world: OperatorWorld, id: str, target: str, reason: str, engine: TargetEngine | None = None, *, calls: int = 1
) -> StopOutcome:
    """Take this deployment back: StopDeployment, then a look at what has become of it.

    One that has ended without success meanwhile is no failure: `NOTHING_IN_FLIGHT`. `target` is its name, if it is
    known. Raises RefusedError when it has succeeded.
    """
    deployments = world.code_deployments()
    try:
        deployments.stop(id)
    except DeploymentOverError as error:
        seen = _looked_at(world, id)
        if isinstance(seen, CodeDeploymentSeen) and seen.status != "Succeeded":
            return StopOutcome("NOTHING_IN_FLIGHT", id, calls, seen.status)
        where = f" {target}" if target else ""
        raise RefusedError(
            f"it is too late to abort deployment {id} ({in_words(str(error))}): the candidate is live; go back with "
            f"bluegreen rollback{where}"
        ) from error
    notes, why = [], ""
    seen = _looked_at(world, id)
    if isinstance(seen, str):
        notes.append(f"how far it is on its way back is not known: {seen}")
    else:
        why = f"{seen.status}: {seen.error or seen.rollback_message}".rstrip(": .")
        if seen.is_rollback:
            of = seen.rolls_back or "another one"
            notes.append(f"deployment {id} was the way back from {of} itself: see bluegreen status {target}".rstrip())
    if engine is not None and (engine.has_table or reason):
        words = f"aborted: {reason}" if reason else "aborted"
        notes.append(recorded(engine, HistoryItem(world.now(), "ABORTED", id, "", caller_of(world), words)))
    elif reason:
        notes.append("the history was not written, as only the deployment is named: AWS CloudTrail knows who it was")
    return StopOutcome("GOING_BACK", id, calls, why, tuple(note for note in notes if note))


def _looked_at(world: OperatorWorld, id: str) -> CodeDeploymentSeen | str:
    """The deployment as it is now, or why that is not known."""
    try:
        return world.code_deployments().deployment(id)
    except AwsError as error:
        return in_words(str(error))
