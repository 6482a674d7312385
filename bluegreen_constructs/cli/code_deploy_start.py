"""`bluegreen start` of what AWS CodeDeploy deploys: a revision with the release's image, and a deployment of it."""

import json

from ..engine.app_spec import ecs_app_spec
from ..engine.code_deploy_settings import CodeDeploySettings
from ..engine.code_deployments import LONGEST_DESCRIPTION, DeploymentHeldError
from ..engine.errors import AwsError, ConfigurationError
from ..engine.ports import HeldError, RefusedError
from ..engine.release import Release
from .code_deploy_reading import described, id_in_flight, seen_of, told
from .code_deploy_target import CodeDeployTarget, code_deploy_of
from .operator_world import OperatorWorld, TargetEngine
from .spelled_times import iso
from .task_definition_file import own_tags, registered_image, with_image

_CLOCKS = 60.0
"""Seconds by which this machine's clock may be ahead of AWS's."""


def start_code_deployment(
    world: OperatorWorld, engine: TargetEngine, release: Release, reason: str
) -> CodeDeployTarget:
    """Begin the deployment of a release.

    The family's newest active revision is deployed if it has the release's image already; else one more is registered
    that has it, so that what the template has changed since, such as memory, is shipped and judged with the release.

    Raises HeldError while another deployment is in flight, and RefusedError for the platform Server.
    """
    where = refuse_server(engine, release.name)
    if release.version:
        raise ConfigurationError(
            f"--version {release.version} is a launch template's, and CodeDeploy deploys {engine.target} to Amazon "
            "ECS: give --image"
        )
    refuse_held(world, engine)
    # Before anything is registered: what cannot be deployed must not become the family's newest revision.
    ecs_app_spec(where, engine.settings.blue.container)
    found = world.definitions().definition(where.family)
    current = registered_image(found, engine.settings.blue.container)
    image, arn = release.image_for(current), found.arn
    if image != current:
        content = with_image(found, engine.settings.blue.container, image)
        arn = world.definitions().register(content, own_tags(found))
    return create_code_deployment(world, engine, release.name, arn, reason)


def create_code_deployment(
    world: OperatorWorld, engine: TargetEngine, release: str, task_definition: str, reason: str
) -> CodeDeployTarget:
    """Begin the deployment of a revision, and answer it. Raises HeldError when another one was quicker."""
    where = code_deploy_of(engine.settings)
    app_spec = ecs_app_spec(where, engine.settings.blue.container, task_definition)
    description = described(release, task_definition, reason)[:LONGEST_DESCRIPTION]
    began = world.now()
    deployments = world.code_deployments()
    try:
        id = deployments.create(where.application, where.group, app_spec, description)  # noqa: A001
    except DeploymentHeldError as error:
        # A call that was not answered may have had its effect, and its repetition meets what it has made.
        id = deployments.in_flight(where.application, where.group)  # noqa: A001
        made = deployments.deployment(id) if id else None
        if made is None or made.description != description or (began - made.created_at).total_seconds() > _CLOCKS:
            refuse_held(world, engine)
            raise HeldError(f"CodeDeploy makes no deployment of {engine.target} now ({error}): try again") from error
    return seen_of(world, engine, deployments.deployment(id))


def refuse_held(world: OperatorWorld, engine: TargetEngine) -> None:
    """Raise HeldError while a deployment is in flight."""
    id, _ = id_in_flight(world, engine)  # noqa: A001
    if not id:
        return
    what = f"deployment {id} has held {engine.target}"
    try:
        one = world.code_deployments().deployment(id)
        release = told(one.description)[0]
        of = f" of {release}" if release else ""
        what = f"deployment {id}{of} has held {engine.target} since {iso(one.created_at)} and is {one.status}"
    except AwsError:
        pass  # that it is held is known, and must not be hidden by what is not
    raise HeldError(f"{what}: wait for it, or end it with bluegreen abort {engine.target}")


def refuse_server(engine: TargetEngine, release: str) -> CodeDeploySettings:
    """Where its deployments are made; raises RefusedError, with the command to use, for the platform Server."""
    where = code_deploy_of(engine.settings)
    if where.platform == "Server":
        key = f"{where.prefix.strip('/')}/{release}.zip".lstrip("/")
        tags = {"bluegreen:fleet": engine.target, "bluegreen:side": "green"}
        groups = [[{"Key": key, "Value": value, "Type": "KEY_AND_VALUE"}] for key, value in tags.items()]
        instances = json.dumps({"ec2TagSet": {"ec2TagSetList": groups}}, separators=(",", ":"))
        raise RefusedError(
            f"CodeDeploy deploys {engine.target} to instances, and which of its sides is live is yours to say; while "
            f"blue is: aws deploy create-deployment --application-name {where.application} --deployment-group-name "
            f"{where.group} --s3-location bucket={where.bucket or 'BUCKET'},key={key},bundleType=zip "
            f"--target-instances '{instances}'; while green is: the same with {where.other_group or 'its own group'} "
            "and the side blue"
        )
    return where
