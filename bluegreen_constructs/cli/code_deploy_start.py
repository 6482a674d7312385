"""`bluegreen start` of what AWS CodeDeploy deploys: a revision with the release's image, and a deployment of it."""

from ..engine.app_spec import ecs_app_spec
from ..engine.code_deployments import LONGEST_DESCRIPTION
from ..engine.errors import ConfigurationError
from ..engine.release import Release
from ..engine.swap.ports import DefinitionSeen
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

    The revision that the stack has is deployed if it has the release's image already; else one more is registered
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
    found = world.definitions().definition(where.template)
    current = registered_image(found, engine.settings.blue.container)
    image, arn = release.image_for(current), found.arn
    if image != current:
        arn = _registered(world, engine, found, image)
    return create_code_deployment(world, engine, release.name, arn, reason)


def _registered(world: OperatorWorld, engine: TargetEngine, found: DefinitionSeen, image: str) -> str:
    """The ARN of a revision like `found` with another image: the newest one if it is such, by an earlier try."""
    container = engine.settings.blue.container
    content, tags = with_image(found, container, image), own_tags(found)
    newest = world.definitions().definition(code_deploy_of(engine.settings).family)
    current = registered_image(newest, container)
    if (with_image(newest, container, current), own_tags(newest)) == (content, tags):
        return newest.arn
    return world.definitions().register(content, tags)


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
