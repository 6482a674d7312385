"""`bluegreen start` of what AWS CodeDeploy deploys: a revision with the release's image, and a deployment of it."""

from ..engine.app_spec import ecs_app_spec
from ..engine.code_deployments import LONGEST_DESCRIPTION
from ..engine.errors import ConfigurationError
from ..engine.release import Release
from .code_deploy_creation import created, refuse_held
from .code_deploy_reading import described
from .code_deploy_server_start import start_on_instances
from .code_deploy_target import CodeDeployTarget, code_deploy_of
from .operator_world import OperatorWorld, TargetEngine
from .task_definition_file import own_tags, registered_image, with_image


def start_code_deployment(
    world: OperatorWorld, engine: TargetEngine, release: Release, reason: str
) -> CodeDeployTarget:
    """Begin the deployment of a release.

    The family's newest active revision is deployed if it has the release's image already; else one more is registered
    that has it, so that what the template has changed since, such as memory, is shipped and judged with the release.
    A release for instances is an archive in S3.

    Raises HeldError while another deployment is in flight.
    """
    where = code_deploy_of(engine.settings)
    if where.platform == "Server":
        return start_on_instances(world, engine, release, reason)
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

    def create() -> str:
        return world.code_deployments().create(where.application, where.group, app_spec, description)

    return created(world, engine, where.group, description, create)
