"""`bluegreen start` of what AWS CodeDeploy deploys to instances: an archive in S3, on the side that is out of use."""

from ..engine.code_deploy_settings import CodeDeploySettings
from ..engine.code_deployments import LONGEST_DESCRIPTION, StoredArchive
from ..engine.errors import ConfigurationError
from ..engine.fleet_sides import FLEET_TAG, SIDE_TAG, SidesSeen, sides_seen
from ..engine.release import Release
from ..engine.target_settings import AlarmName, Side
from .code_deploy_creation import created, refuse_held
from .code_deploy_reading import described
from .code_deploy_target import CodeDeployTarget, code_deploy_of
from .operator_world import OperatorWorld, TargetEngine

ARCHIVE = ".zip"


def start_on_instances(world: OperatorWorld, engine: TargetEngine, release: Release, reason: str) -> CodeDeployTarget:
    """Begin the deployment of the release's archive, `<prefix><release>.zip` in the fleet's bucket.

    Raises ConfigurationError for a release whose archive is not there, HeldError while another deployment is in
    flight, and what `sides_seen` raises.
    """
    where = code_deploy_of(engine.settings)
    given = {"--version": release.version, "--image": release.image}
    wrong = [f"{name} {value}" for name, value in given.items() if value]
    if wrong:
        raise ConfigurationError(
            f"{' and '.join(wrong)} is no release of {engine.target}, which CodeDeploy deploys to instances: give "
            f"--release alone, the name of an archive in s3://{where.bucket}/{where.prefix}"
        )
    if ":" in release.name:
        raise ConfigurationError(
            f"{release.name} is the digest of an image, and CodeDeploy deploys {engine.target} to instances: give the "
            f"name of an archive in s3://{where.bucket}/{where.prefix}, such as 1.4.2"
        )
    if not where.bucket:
        raise ConfigurationError(
            f"the settings of {engine.target} name no bucket for the archives of releases: give FleetInstances an "
            "artefact, and deploy its stack again"
        )
    refuse_held(world, engine)
    archive = StoredArchive(where.bucket, f"{where.prefix}{release.name}{ARCHIVE}")
    return deploy_archive(world, engine, release.name, archive, reason)


def deploy_archive(
    world: OperatorWorld, engine: TargetEngine, release: str, archive: StoredArchive, reason: str
) -> CodeDeployTarget:
    """Begin the deployment of an archive to the side that is out of use, and answer it.

    Call it when nothing was found in flight. In this order: a deployment that ends meanwhile has moved the traffic
    before the sides are looked at. CodeDeploy itself lets two groups deploy to the same instances at a time.
    https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments.html

    Raises ConfigurationError when the archive is not there, HeldError when another deployment was quicker, and what
    `sides_seen` raises.
    """
    where = code_deploy_of(engine.settings)
    if not world.stored_objects().is_stored(archive.bucket, archive.key):
        raise ConfigurationError(
            f"there is no {archive.address}, which release {release} of {engine.target} would be: put the revision "
            "there, with its appspec.yml at the root of the archive"
        )
    sides = sides_of(world, engine)
    group = group_from(where, sides.original)
    tags = {FLEET_TAG: engine.target, SIDE_TAG: sides.candidate}
    description = described(release, sides.candidate, reason)[:LONGEST_DESCRIPTION]

    alarms = _alarms_for(engine, sides)

    def create() -> str:
        deployments = world.code_deployments()
        return deployments.create_on_instances(where.application, group, archive, tags, description, alarms=alarms)

    return created(world, engine, group, description, create)


def sides_of(world: OperatorWorld, engine: TargetEngine) -> SidesSeen:
    """Which side serves now, and which one is deployed to next."""
    fleet = world.fleet_sides()
    registered = fleet.registered(engine.settings.blue.group_arn)
    return sides_seen(engine.target, registered, fleet.instances(engine.target), _size(engine))


def _size(engine: TargetEngine) -> int:
    return code_deploy_of(engine.settings).size


def _alarms_for(engine: TargetEngine, sides: SidesSeen) -> tuple[str, ...] | None:
    """The alarms that judge a deployment; None for those of its group.

    While live has fewer healthy instances than it is to have, as before the first deployment and after one of them was
    replaced, the alarm that counts them is red, or will be at once, and would stop the very deployment that mends it.
    """
    counting = code_deploy_of(engine.settings).size_alarm
    if sides.is_whole or not counting:
        return None
    named = (one.alarm for one in engine.settings.guardrails if isinstance(one, AlarmName))
    return tuple(name for name in named if name != counting)


def group_from(where: CodeDeploySettings, original: Side) -> str:
    """The deployment group whose original instances are those of a side, and which deploys to the other side."""
    group = where.group if original == "blue" else where.other_group
    if not group:
        raise ConfigurationError(
            f"the settings name no deployment group of application {where.application} for the {original} side: deploy "
            "the stack again"
        )
    return group
