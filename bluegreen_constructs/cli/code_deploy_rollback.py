"""`bluegreen rollback` of what AWS CodeDeploy deploys: a task definition that succeeded before is deployed again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..engine.ecs_release import is_named
from ..engine.errors import AwsError
from ..engine.ports import RefusedError
from .code_deploy_reading import known_code_deployment, latest_code_deployments, release_brought
from .code_deploy_server_rollback import roll_back_on_instances
from .code_deploy_start import create_code_deployment
from .code_deploy_target import CodeDeployTarget, code_deploy_of
from .ecs_target import deployment_id
from .operator_world import OperatorWorld, TargetEngine


@dataclass(frozen=True, slots=True)
class _Former:
    """A release that has succeeded, and the task definition that brings it again."""

    release: str
    task_definition: str

    @property
    def revision(self) -> str:
        """The task definition as family:revision."""
        return deployment_id(self.task_definition)

    def is_named(self, by: str) -> bool:
        """Whether `by` is the release, its tag or digest, or the task definition by its ARN or as family:revision."""
        return is_named(by, self.release) or by == self.release or deployment_id(by) == self.revision


def roll_back_code_deployment(
    world: OperatorWorld, engine: TargetEngine, to: str | None, reason: str
) -> tuple[CodeDeployTarget, str]:
    """Deploy a release again that succeeded before; the deployment, and the release that it leaves.

    What was live before CodeDeploy's first deployment, it does not know: `to` may name its revision. Raises
    RefusedError while a deployment is in flight, and when there is no such release.
    """
    if code_deploy_of(engine.settings).platform == "Server":
        return roll_back_on_instances(world, engine, to, reason)
    last = known_code_deployment(world, engine)
    if last.is_in_flight:
        raise RefusedError(
            f"deployment {last.id} of {last.release} is in flight on {engine.target} ({last.at}): bluegreen abort "
            f"{engine.target} goes back from it"
        )
    was_live = _successes(world, engine)
    live = was_live[0].release if was_live else "what its stack has made"
    former = _chosen(world, engine, was_live, to)
    words = f"rollback from {live}: {reason}" if reason else f"rollback from {live}"
    # A description of ours names a revision in short, and an AppSpec takes it by its ARN only.
    whole = former.task_definition.startswith("arn:")
    arn = former.task_definition if whole else world.definitions().definition(former.task_definition).arn
    return create_code_deployment(world, engine, former.release, arn, words), live


def _successes(world: OperatorWorld, engine: TargetEngine) -> list[_Former]:
    """What every deployment that has succeeded brought, the latest first, which is live."""
    latest = latest_code_deployments(world, engine)
    found = [release_brought(world, engine, one) for one in latest if one.status == "Succeeded"]
    if found and not found[0][1]:
        raise AwsError(f"what is live on {engine.target} cannot be read, so what was live before it is not known")
    return [_Former(release, definition) for release, definition in found if definition]


def _chosen(world: OperatorWorld, engine: TargetEngine, was_live: Sequence[_Former], to: str | None) -> _Former:
    family = code_deploy_of(engine.settings).family
    if to is None:
        if not was_live:
            raise RefusedError(f"no deployment of {engine.target} has succeeded: there is no release to go back to")
        # What came after live was live for the first time is what was gone back from: a second rollback goes on to what
        # was before, and not back to that.
        first = max(at for at, one in enumerate(was_live) if one.revision == was_live[0].revision)
        before = [one for one in was_live[first:] if one.revision != was_live[0].revision]
        if not before:
            raise RefusedError(
                f"no deployment of {engine.target} before that of {was_live[0].release} has succeeded: name the "
                f"revision to go back to, such as --to {family}:1"
            )
        return before[0]
    others = [one for one in was_live if one.revision != was_live[0].revision]
    listed = ", ".join(dict.fromkeys(f"{one.release} ({one.revision})" for one in others)) or "none"
    found = next((one for one in others if one.is_named(to)), None)
    if found is not None:
        return found
    if was_live and was_live[0].is_named(to):
        raise RefusedError(f"{to} is live on {engine.target} already; there are: {listed}")
    if re.fullmatch(rf"(arn:[^\s]+:task-definition/)?{re.escape(family)}:\d+", to):
        return _registered(world, engine, to)
    raise RefusedError(
        f"{to} is no release that {engine.target} has had in its last deployments; there are: {listed}, and the "
        f"revisions of {family}, such as --to {family}:1"
    )


def _registered(world: OperatorWorld, engine: TargetEngine, to: str) -> _Former:
    """A revision of the family, whether CodeDeploy knows it or not."""
    arn = world.definitions().definition(to).arn
    return _Former(world.deployments().release(arn, engine.settings.blue.container), arn)
