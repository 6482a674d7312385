"""`bluegreen rollback` of what Amazon ECS rolls out: a release that was live before is deployed again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..engine.ecs_release import is_named
from ..engine.errors import AwsError, RolloutError
from ..engine.ports import HistoryItem, RefusedError, ReleaseRecord
from ..engine.service_deployments import DeploymentSeen
from .deployment_reading import known_deployment, recorded, release_of, seen
from .ecs_target import EcsTarget, deployment_id
from .operator_world import OperatorWorld, TargetEngine, caller_of
from .spelled_times import iso

_SECONDS = 1.0
_PATIENCE = 60
"""Looks until a deployment that was asked for must be there."""


@dataclass(frozen=True, slots=True)
class _Former:
    """A release that was live, and the task definition that brings it again."""

    release: str
    task_definition: str

    def is_named(self, by: str) -> bool:
        """Whether `by` is the release, its tag or digest, or the task definition by its ARN or as family:revision."""
        return is_named(by, self.release) or by in {self.task_definition, deployment_id(self.task_definition)}


def roll_back(
    world: OperatorWorld, engine: TargetEngine, to: str | None, reason: str
) -> tuple[EcsTarget, str, tuple[str, ...]]:
    """Deploy a release again that was live before; the deployment, the release that it leaves, and notes.

    Raises RefusedError while a deployment is in flight, and when there is no such release; RolloutError when ECS has
    shown no deployment within a minute.
    """
    last = known_deployment(world, engine)
    if last.deployment.is_in_flight:
        raise RefusedError(
            f"deployment {last.id} of {last.release} is in flight on {engine.target} ({last.at}): bluegreen abort "
            f"{engine.target} goes back from it"
        )
    deployments = world.deployments()
    was_live = _successes(world, engine, deployments.latest(*engine.service))
    live = was_live[0].release
    former = _chosen(engine.target, was_live, _rejected(engine), to)
    arn = deployments.deploy(*engine.service, former.task_definition)
    begun = _begun(world, engine, arn, last.deployment)
    template = (
        "the template still names the release that it was deployed with, and the next cdk deploy that changes the "
        f"service brings that again: before it, give the container the image of {former.release}"
    )
    notes = [template]
    if not all(one.task_definition for one in was_live):
        notes.append("what Amazon ECS could no longer read, such as a deleted task definition, was passed over")
    if engine.has_table or reason:
        words = f"rollback from {live}: {reason}" if reason else f"rollback from {live}"
        item = HistoryItem(world.now(), "STARTED", begun.id, former.release, caller_of(world), words)
        notes.append(recorded(engine, item))
    return begun, live, tuple(note for note in notes if note)


def _successes(world: OperatorWorld, engine: TargetEngine, deployments: Sequence[DeploymentSeen]) -> list[_Former]:
    """What every deployment that has succeeded brought, the latest first, which is live."""
    known: dict[str, _Former] = {}
    targets = [one.target for one in deployments if one.status == "SUCCESSFUL"]
    for target in targets:
        if target not in known:
            known[target] = _Former(*release_of(world.deployments(), target, engine.settings.blue.container))
    if not known:
        raise RefusedError(f"no deployment of {engine.target} has succeeded: there is no release to go back to")
    if not known[targets[0]].task_definition:
        raise AwsError(f"what is live on {engine.target} cannot be read, so what was live before it is not known")
    return [known[target] for target in targets]


def _distinct(formers: Iterable[_Former]) -> list[_Former]:
    """Of each release the first."""
    found: dict[str, _Former] = {}
    for one in formers:
        found.setdefault(one.release, one)
    return list(found.values())


def _rejected(engine: TargetEngine) -> Mapping[str, ReleaseRecord]:
    """The releases that the judge would refuse; a table that does not answer names none, and the judge still would."""
    try:
        records = engine.store.releases(engine.target) if engine.has_table else ()
    except AwsError:
        return {}
    return {one.release.name: one for one in records if one.status == "rejected"}


def _chosen(target: str, was_live: Sequence[_Former], rejected: Mapping[str, ReleaseRecord], to: str | None) -> _Former:
    live = was_live[0].release
    formers = _distinct(one for one in was_live if one.task_definition and one.release != live)
    welcome = [one for one in formers if one.release not in rejected]
    if to is None:
        # What came after live was live for the first time is what was gone back from: a second rollback goes on to what
        # was before, and not back to that.
        first = max(at for at, one in enumerate(was_live) if one.release == live)
        before = {one.release for one in was_live[first:]}
        last = next((one for one in welcome if one.release in before), None)
        if last is None:
            raise RefusedError(f"no release of {target} was live before {live}: there is none to go back to")
        return last
    found = next((one for one in formers if one.is_named(to)), None)
    if found in welcome:
        return found
    listed = ", ".join(one.release for one in welcome) or "none"
    if found is not None:
        record = rejected[found.release]
        raise RefusedError(
            f"{found.release} is rejected since {iso(record.at)} ({record.reason}); there are: {listed}; the judge "
            "takes it again only from a template that accepts it with a reason"
        )
    if _Former(live, "").is_named(to):
        raise RefusedError(f"{to} is live on {target} already; there are: {listed}")
    raise RefusedError(f"{to} is no release that {target} has had in its last deployments; there are: {listed}")


def _begun(world: OperatorWorld, engine: TargetEngine, arn: str, last: DeploymentSeen) -> EcsTarget:
    for _ in range(_PATIENCE):
        arn = arn or world.deployments().in_flight(*engine.service)
        if arn and arn != last.arn:
            return seen(world, engine, world.deployments().deployment(arn))
        world.wait(_SECONDS)
    raise RolloutError(
        f"a deployment was asked for, and Amazon ECS has shown none within {_PATIENCE * _SECONDS:g} s: see bluegreen "
        f"status {engine.target}"
    )
