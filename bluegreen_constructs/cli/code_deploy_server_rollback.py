"""`bluegreen rollback` of what AWS CodeDeploy deploys to instances: an archive that succeeded before is deployed again.

Deployments to a side are those of the group whose original instances are the other side's, so that what a side runs is
known by the last one of that group. Those that CodeDeploy makes to take another one back are left out: each names the
last success of its own group as its revision, and whether that is installed again or the former instances are only
registered again AWS does not say.
https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..engine.code_deployments import CodeDeploymentSeen, StoredArchive
from ..engine.ports import RefusedError
from ..engine.target_settings import Side, other
from .code_deploy_creation import refuse_held
from .code_deploy_reading import known_code_deployment, release_brought
from .code_deploy_server_start import ARCHIVE, deploy_archive, group_from, sides_of
from .code_deploy_target import CodeDeployTarget, code_deploy_of, groups_of
from .operator_world import OperatorWorld, TargetEngine


@dataclass(frozen=True, slots=True)
class _Brought:
    """A deployment that has succeeded, and the name of the release that it brought."""

    release: str
    deployment: CodeDeploymentSeen

    @property
    def archive(self) -> StoredArchive:
        """Raises RefusedError for a revision that is none."""
        bucket, _, key = self.deployment.revision.removeprefix("s3://").partition("/")
        if not key or not key.endswith(ARCHIVE):
            where = self.deployment.revision or "elsewhere"
            raise RefusedError(
                f"deployment {self.deployment.id} brought {self.release} from {where}, which is no {ARCHIVE} in S3: "
                "deploy it again with what has deployed it"
            )
        return StoredArchive(bucket, key)


@dataclass(frozen=True, slots=True)
class _Past:
    """All successes of both sides, the newest first; the one that live runs; what casts doubt on that (empty: none)."""

    all: Sequence[_Brought]
    live: _Brought
    doubt: str = ""

    def before_live(self) -> _Brought | None:
        """What was live before live was for the first time, so that a second rollback goes on to what was before."""
        earlier = self.all[self.all.index(self.live) :]
        first = max(at for at, one in enumerate(earlier) if one.release == self.live.release)
        return next((one for one in earlier[first:] if one.release != self.live.release), None)


def roll_back_on_instances(
    world: OperatorWorld, engine: TargetEngine, to: str | None, reason: str
) -> tuple[CodeDeployTarget, str]:
    """Deploy a release again that succeeded before; the deployment, and the release that it leaves.

    Raises HeldError while a deployment is in flight, RefusedError when there is no such release or it cannot be told,
    and what `deploy_archive` raises.
    """
    known_code_deployment(world, engine)
    refuse_held(world, engine)
    sides = sides_of(world, engine)
    if sides.live is None:
        raise RefusedError(
            f"no instance is registered in the target group of {engine.target}, so no release is live to go back from: "
            f"deploy one with bluegreen start {engine.target} --release NAME"
        )
    past = _past(world, engine, sides.live)
    former = _chosen(engine, past, to)
    live = past.live.release
    words = f"rollback from {live}: {reason}" if reason else f"rollback from {live}"
    return deploy_archive(world, engine, former.release, former.archive, words), live


def _past(world: OperatorWorld, engine: TargetEngine, live: Side) -> _Past:
    where, deployments = code_deploy_of(engine.settings), world.code_deployments()
    of_group = {group: deployments.latest(where.application, group) for group in groups_of(where)}
    everything = sorted((one for found in of_group.values() for one in found), key=_begun, reverse=True)
    succeeded = [one for one in everything if one.status == "Succeeded"]
    own = [one for one in succeeded if not one.is_rollback]
    to_live = {one.id for one in of_group[group_from(where, other(live))]}
    current = next((one for one in own if one.id in to_live), None)
    if current is None:
        raise RefusedError(
            f"none of CodeDeploy's last deployments to the {live} side of {engine.target}, which is live, has "
            f"succeeded, so its release is not known: deploy one with bluegreen start {engine.target} --release NAME"
        )
    brought = [_Brought(release_brought(world, engine, one)[0], one) for one in own]
    (known,) = (one for one in brought if one.deployment.id == current.id)
    back = (one for one in succeeded if one.is_rollback and _begun(one) > _begun(current))
    doubtful = next((one for one in back if one.revision != current.revision), None)
    if doubtful is None:
        return _Past(brought, known)
    doubt = (
        f"deployment {doubtful.id}, by which CodeDeploy took another one back, says {doubtful.revision or 'nothing'}"
    )
    return _Past(brought, known, doubt)


def _begun(one: CodeDeploymentSeen) -> float:
    return one.created_at.timestamp()


def _chosen(engine: TargetEngine, past: _Past, to: str | None) -> _Brought:
    others = [one for one in past.all if one.release != past.live.release]
    listed = ", ".join(dict.fromkeys(one.release for one in others)) or "none"
    if to is None:
        if past.doubt:
            raise RefusedError(
                f"which release is live on {engine.target} is not certain: deployment {past.live.deployment.id} "
                f"brought {past.live.release} there, and {past.doubt}; name the release to go back to, of these: "
                f"{listed}"
            )
        former = past.before_live()
        if former is None:
            raise RefusedError(
                f"no deployment of {engine.target} before that of {past.live.release} has succeeded: deploy a release "
                f"with bluegreen start {engine.target} --release NAME"
            )
        return former
    found = next((one for one in others if one.release == to), None)
    if found is not None:
        return found
    if past.live.release == to:
        raise RefusedError(f"{to} is live on {engine.target} already; there are: {listed}")
    raise RefusedError(
        f"{to} is no release that {engine.target} has had in its last deployments; there are: {listed}, and an older "
        f"one is deployed with bluegreen start {engine.target} --release {to}"
    )
