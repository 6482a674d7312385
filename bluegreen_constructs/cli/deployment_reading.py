"""Reads a target that Amazon ECS rolls out: ECS's deployments, and what the judge's table holds of them."""

from collections.abc import Iterator
from datetime import timedelta

from ..engine.errors import AwsError, ConfigurationError
from ..engine.ports import HeldError, HistoryItem, RefusedError
from ..engine.rollout import Rollout
from ..engine.service_deployments import DeploymentSeen, ServiceDeployments
from .aws_sentences import in_words
from .code_deploy_reading import view_of_code_deploy
from .ecs_target import EcsTarget, deployment_id
from .following import LONGEST, tried, until_ended
from .operator_world import OperatorWorld, TargetEngine
from .rollout_summary import view_of
from .slots_view import view_of_slots
from .spelled_times import iso
from .target_view import TargetView

_REFUSALS_LOOKED_AT = 20  # a refused deployment is over within minutes, and hardly anything comes after it


def view(world: OperatorWorld, engine: TargetEngine) -> TargetView:
    """The target as it is now, whoever rolls it out."""
    if engine.is_slots:
        return view_of_slots(engine.settings, engine.store.slots(engine.target), world.now())
    if engine.is_code_deploy:
        return view_of_code_deploy(world, engine)
    if not engine.is_ecs:
        return view_of(engine.target, engine.store.load(engine.target), world.now())
    found = last_deployment(world, engine)
    if found is None:
        json = {"target": engine.target, "controller": "ecs", "rollout": None}
        return TargetView(engine.target, phase="no deployment yet", json=json)
    return found.view(world.now())


def last_deployment(world: OperatorWorld, engine: TargetEngine) -> EcsTarget | None:
    """The deployment in flight, or the last one; None for a service that has had none."""
    found = world.deployments().latest(*engine.service)
    return seen(world, engine, found[0]) if found else None


def known_deployment(world: OperatorWorld, engine: TargetEngine) -> EcsTarget:
    """The same; raises ConfigurationError when there was never one."""
    found = last_deployment(world, engine)
    if found is None:
        cluster, service = engine.service
        raise ConfigurationError(
            f"{engine.target} has had no deployment in the last 90 days: Amazon ECS knows of none of service {service} "
            f"in cluster {cluster}"
        )
    return found


def deployment_in_flight(world: OperatorWorld, engine: TargetEngine, verb: str) -> EcsTarget:
    """The deployment that `verb` is meant for. Raises RefusedError when none is in flight, or it goes back."""
    found = known_deployment(world, engine)
    if found.is_forward:
        return found
    if found.deployment.is_in_flight:
        raise RefusedError(
            f"deployment {found.id} is on its way back ({found.why_back}): watch it with bluegreen watch {found.target}"
        )
    raise RefusedError(
        f"there is nothing to {verb}: {found.target} has no deployment in flight (the last one, {found.id}, is "
        f"{found.deployment.status}); see bluegreen status"
    )


def begun_by_template(world: OperatorWorld, engine: TargetEngine) -> RefusedError | HeldError:
    """Why nothing can be started here: the deployment in flight holds the target, or the template brings releases."""
    found = last_deployment(world, engine)
    if found is not None and found.deployment.is_in_flight:
        return HeldError(
            f"deployment {found.id} of {found.release} has held {engine.target} since "
            f"{iso(found.deployment.created_at)} and is at {found.at}: wait for it, or end it with bluegreen abort "
            f"{engine.target}"
        )
    return RefusedError(
        f"the releases of {engine.target} come with its template, as Amazon ECS rolls it out: give its container the "
        "new image, and cdk deploy"
    )


def seen(world: OperatorWorld, engine: TargetEngine, deployment: DeploymentSeen) -> EcsTarget:
    """A deployment with the name of its release, and with the judge's rollout of it where there is one."""
    rollout, trouble = _judged(engine, deployment)
    if rollout is not None:
        return EcsTarget(engine.settings, deployment, rollout.release.name, rollout)
    release, _ = release_of(world.deployments(), deployment.target, engine.settings.blue.container)
    return EcsTarget(engine.settings, deployment, release, None, trouble, _refusal(engine, deployment))


def _refusal(engine: TargetEngine, deployment: DeploymentSeen) -> str:
    """Why the judge refused a deployment: ECS only says that a hook has failed."""
    if not engine.has_table or deployment.status == "SUCCESSFUL":
        return ""
    own = deployment_id(deployment.arn)
    try:
        items = engine.store.history(engine.target, limit=_REFUSALS_LOOKED_AT)
    except AwsError:
        return ""
    return next((item.reason for item in items if item.event == "REFUSED" and item.rollout == own), "")


def release_of(deployments: ServiceDeployments, revision: str, container: str) -> tuple[str, str]:
    """The name of a service revision's release, and its task definition.

    A revision that can no longer be read, as its task definition is deleted, goes by its own id.
    """
    try:
        task_definition = deployments.revision(revision).task_definition
        return deployments.release(task_definition, container), task_definition
    except AwsError:
        return deployment_id(revision), ""


def deployments_as_items(world: OperatorWorld, engine: TargetEngine) -> Iterator[HistoryItem]:
    """ECS's last deployments as items of the history: each when it ended, or when it began while it is in flight."""
    deployments = world.deployments()
    named: dict[str, tuple[str, str]] = {}
    for one in deployments.latest(*engine.service):
        if one.target not in named:
            named[one.target] = release_of(deployments, one.target, engine.settings.blue.container)
        release, task_definition = named[one.target]
        yield HistoryItem(
            at=one.finished_at or one.created_at,
            event=one.status,
            rollout=deployment_id(one.arn),
            release=release,
            caller="Amazon ECS",
            reason=one.reason,
            phase=one.stage,
            weight=one.weight,
            evidence={
                "revision": one.target,
                "task_definition": task_definition,
                "began_at": iso(one.created_at),
                "alarms": one.alarms_status,
                "alarms_triggered": list(one.triggered),
            },
        )


def follow_deployment(
    world: OperatorWorld, engine: TargetEngine, found: EcsTarget, timeout: timedelta = LONGEST
) -> TargetView:
    """Show the deployment as it goes on, and answer it when it has ended. Raises RolloutError when time is over."""
    arn = found.deployment.arn

    def again() -> TargetView:
        deployment = tried(world, lambda: world.deployments().deployment(arn))
        rollout, trouble = _judged(engine, deployment)
        return EcsTarget(engine.settings, deployment, found.release, rollout, trouble).view(world.now())

    return until_ended(world, found.view(world.now()), again, timeout)


def recorded(engine: TargetEngine, item: HistoryItem) -> str:
    """Leave an item in the history; why it could not be, in a sentence (empty: it could)."""
    if not engine.has_table:
        return "no table keeps the reason: AWS CloudTrail knows who it was" if item.reason else ""
    try:
        engine.store.record(engine.target, item)
    except AwsError as error:
        return f"the history could not be written: {in_words(str(error))}"
    return ""


def _judged(engine: TargetEngine, deployment: DeploymentSeen) -> tuple[Rollout | None, str]:
    if not engine.has_table:
        return None, ""
    try:
        rollout = engine.store.load(engine.target)
    except AwsError as error:
        return None, in_words(str(error))
    return (rollout, "") if rollout is not None and rollout.execution == deployment.arn else (None, "")
