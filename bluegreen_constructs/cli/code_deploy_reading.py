"""Reads a target that AWS CodeDeploy deploys: its deployments, how far the last one is, and which release it brings."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from ..engine.code_deployments import CodeDeploymentSeen
from ..engine.errors import AwsError, ConfigurationError
from ..engine.ports import HistoryItem, RefusedError
from .aws_sentences import in_words
from .code_deploy_target import CodeDeployTarget, code_deploy_of, groups_of
from .ecs_target import deployment_id
from .following import LONGEST, tried, until_ended
from .operator_world import OperatorWorld, TargetEngine
from .spelled_times import iso
from .target_view import TargetView

_OURS = re.compile(r"release (?P<release>\S+) \((?P<definition>[^()\s]+)\)(?:: (?P<reason>.*))?", re.DOTALL)


def described(release: str, task_definition: str, reason: str = "") -> str:
    """What a deployment of ours says of itself; `told` reads it."""
    said = f"release {release} ({deployment_id(task_definition)})"
    return f"{said}: {reason}" if reason else said


def told(description: str) -> tuple[str, str]:
    """The release and the `family:revision` that a description of ours names; both empty for any other."""
    found = _OURS.fullmatch(description)
    return (found["release"], found["definition"]) if found else ("", "")


def view_of_code_deploy(world: OperatorWorld, engine: TargetEngine) -> TargetView:
    """The target as it is now."""
    found = last_code_deployment(world, engine)
    if found is None:
        json = {"target": engine.target, "controller": "codedeploy", "rollout": None}
        return TargetView(engine.target, phase="no deployment yet", json=json)
    return found.view(world.now())


def last_code_deployment(world: OperatorWorld, engine: TargetEngine) -> CodeDeployTarget | None:
    """The deployment in flight, or the last one, with what takes it back; None for a group that has had none."""
    latest = latest_code_deployments(world, engine, 1)
    if not latest:
        return None
    newest = latest[0]
    if newest.rolls_back:
        try:
            return seen_of(world, engine, world.code_deployments().deployment(newest.rolls_back), newest)
        except AwsError:
            return seen_of(world, engine, newest)
    return seen_of(world, engine, newest)


def latest_code_deployments(world: OperatorWorld, engine: TargetEngine, limit: int = 20) -> list[CodeDeploymentSeen]:
    """The last deployments of the target's groups, the newest first."""
    where, deployments = code_deploy_of(engine.settings), world.code_deployments()
    found = [one for group in groups_of(where) for one in deployments.latest(where.application, group, limit)]
    return sorted(found, key=lambda one: one.created_at, reverse=True)[:limit]


def id_in_flight(world: OperatorWorld, engine: TargetEngine) -> tuple[str, int]:
    """The deployment that has not ended (empty: none), and how many calls it took: one for each group at most."""
    where, deployments = code_deploy_of(engine.settings), world.code_deployments()
    groups = groups_of(where)
    for calls, group in enumerate(groups, 1):
        found = deployments.in_flight(where.application, group)
        if found:
            return found, calls
    return "", len(groups)


def known_code_deployment(world: OperatorWorld, engine: TargetEngine) -> CodeDeployTarget:
    """The same; raises ConfigurationError when there was never one."""
    found = last_code_deployment(world, engine)
    if found is None:
        where = code_deploy_of(engine.settings)
        raise ConfigurationError(
            f"{engine.target} has had no deployment: CodeDeploy knows of none in {' and '.join(groups_of(where))} of "
            f"application {where.application}"
        )
    return found


def code_deployment_in_flight(world: OperatorWorld, engine: TargetEngine, verb: str) -> CodeDeployTarget:
    """The deployment that `verb` is meant for. Raises RefusedError when none is in flight, or it goes back."""
    found = known_code_deployment(world, engine)
    if found.is_forward:
        return found
    if found.is_in_flight:
        raise RefusedError(
            f"deployment {found.id} is on its way back ({found.why_back}): watch it with bluegreen watch {found.target}"
        )
    raise RefusedError(
        f"there is nothing to {verb}: {found.target} has no deployment in flight (the last one, {found.id}, is "
        f"{found.at}); see bluegreen status"
    )


def seen_of(
    world: OperatorWorld,
    engine: TargetEngine,
    deployment: CodeDeploymentSeen,
    rollback: CodeDeploymentSeen | None = None,
) -> CodeDeployTarget:
    """A deployment with the name of its release, with how far it is, and with what takes it back."""
    release, task_definition = release_brought(world, engine, deployment)
    known = replace(deployment, task_definition=task_definition)
    return _followed(world, CodeDeployTarget(engine.settings, known, release, rollback=rollback))


def release_brought(world: OperatorWorld, engine: TargetEngine, deployment: CodeDeploymentSeen) -> tuple[str, str]:
    """The name of the release that a deployment brings, and its task definition (empty: it cannot be read).

    A description of ours names the release; what a pipeline or CodeDeploy itself has deployed is called by the task
    definition's image and content, as with services that Amazon ECS rolls out.
    """
    where = code_deploy_of(engine.settings)
    release, short = told(deployment.description)
    task_definition = deployment.task_definition
    if where.platform == "Server":
        stored = deployment.revision.rpartition("/")[2]
        return release or stored.removesuffix(".zip") or deployment.id, ""
    try:
        if not task_definition and deployment.revision:
            task_definition = world.code_deployments().task_definition(where.application, deployment.revision)
    except AwsError:
        task_definition = ""
    task_definition = task_definition or short
    if release and task_definition:
        return release, task_definition
    try:
        container = engine.settings.blue.container
        return world.deployments().release(task_definition, container) if task_definition else "-", task_definition
    except AwsError:
        return deployment_id(task_definition), task_definition


def code_deployments_as_items(world: OperatorWorld, engine: TargetEngine) -> Iterator[HistoryItem]:
    """CodeDeploy's last deployments as items of the history: each when it ended, or began while it is in flight."""
    for one in latest_code_deployments(world, engine):
        release, task_definition = release_brought(world, engine, one)
        error = f"{one.error_code}: {one.error}" if one.error_code else one.error
        yield HistoryItem(
            at=one.finished_at or one.created_at,
            event=one.status,
            rollout=one.id,
            release=release,
            caller=one.creator,
            reason="; ".join(part.rstrip(".") for part in (error, one.rollback_message, one.description) if part),
            phase="",
            weight=None,
            evidence={
                "task_definition": task_definition,
                "began_at": iso(one.created_at),
                "configuration": one.configuration,
                "rollback": one.rolled_back_by or None,
                "rolls_back": one.rolls_back or None,
            },
        )


def follow_code_deployment(world: OperatorWorld, found: CodeDeployTarget, timeout: timedelta = LONGEST) -> TargetView:
    """Show the deployment as it goes on, and what takes it back, and answer it when both have ended.

    Raises RolloutError when time is over.
    """

    def again() -> TargetView:
        nonlocal found
        deployment = tried(world, lambda: world.code_deployments().deployment(found.id))
        known = replace(deployment, task_definition=found.deployment.task_definition)
        found = _followed(world, replace(found, deployment=known))
        return shown()

    def shown() -> TargetView:
        view = found.view(world.now())
        return replace(view, has_ended=view.has_ended and not found.may_go_back(world.now()))

    return until_ended(world, shown(), again, timeout)


def _followed(world: OperatorWorld, found: CodeDeployTarget) -> CodeDeployTarget:
    """The same with its rollback as it is now, and with how far it is, as far as both can be read."""
    deployments, side = world.code_deployments(), found.settings.blue
    rollback, progress = found.rollback, found.progress
    taken_back_by = found.deployment.rolled_back_by or ("" if rollback is None else rollback.id)
    try:
        if taken_back_by and (rollback is None or rollback.is_in_flight):
            rollback = deployments.deployment(taken_back_by)
        if code_deploy_of(found.settings).platform == "ECS":
            progress = deployments.progress(found.id, side.cluster, side.service)
    except AwsError as error:
        return replace(found, rollback=rollback, trouble=in_words(str(error)))
    return replace(found, rollback=rollback, progress=progress, trouble="")
