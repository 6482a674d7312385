"""Whether CodePipeline's action CodeDeployToECS, and CodeDeploy after it, would take an AppSpec; pure."""

from collections.abc import Iterator, Mapping

from ..engine.app_spec import ECS_EVENTS, TASK_DEFINITION
from ..engine.code_deploy_settings import CodeDeploySettings
from .plain_yaml import YamlError, read_yaml
from .task_definition_file import LARGEST_ARTEFACT

_SERVICE = "AWS::ECS::Service"
# https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html
_PROPERTIES = {
    "TaskDefinition",
    "LoadBalancerInfo",
    "PlatformVersion",
    "NetworkConfiguration",
    "CapacityProviderStrategy",
}


def app_spec_problems(text: str, settings: CodeDeploySettings, container: str) -> Iterator[str]:
    """Why they would not take it, or would deploy something else than the target; nothing when all is well."""
    size = len(text.encode())
    if size > LARGEST_ARTEFACT:
        yield f"it has {size} bytes: an input artefact of the action has at most {LARGEST_ARTEFACT}"
    try:
        content = read_yaml(text)
    except YamlError as error:
        yield str(error)
        return
    if not isinstance(content, dict):
        yield "it has no version, Resources and Hooks: give what bluegreen appspec writes"
        return
    if str(content.get("version")) not in {"0.0", "0"}:
        yield f"its version is {content.get('version')!r}: give 0.0, the only one that there is"
    unknown = sorted(set(map(str, content)) - {"version", "Resources", "Hooks"})
    if unknown:
        yield f"it has {', '.join(unknown)}: give version, Resources and Hooks only"
    yield from _of_resources(content.get("Resources"), settings, container)
    yield from _of_hooks(content.get("Hooks"), settings)


def _of_resources(given: object, settings: CodeDeploySettings, container: str) -> Iterator[str]:
    services = given if isinstance(given, list) else []
    if len(services) != 1 or not isinstance(services[0], dict) or len(services[0]) != 1:
        yield f"Resources is no list of one resource: give one of the type {_SERVICE}"
        return
    (resource,) = services[0].values()
    service = _mapping(resource)
    if service.get("Type") != _SERVICE:
        yield f"the resource's Type is {service.get('Type')!r}: give {_SERVICE}"
    properties = _mapping(service.get("Properties"))
    unknown = sorted(set(map(str, properties)) - _PROPERTIES)
    if unknown:
        yield f"Properties has {', '.join(unknown)}: give {', '.join(sorted(_PROPERTIES))}"
    if properties.get("TaskDefinition") != TASK_DEFINITION:
        yield f"TaskDefinition is {properties.get('TaskDefinition')!r}: give the placeholder {TASK_DEFINITION}"
    balancer = _mapping(properties.get("LoadBalancerInfo"))
    name, port = balancer.get("ContainerName"), balancer.get("ContainerPort")
    if name != container:
        yield f"ContainerName is {name!r}: the target's container is {container!r}"
    if isinstance(port, bool) or not isinstance(port, int):
        yield f"ContainerPort is {port!r}: give a whole number"
    elif port != settings.port:
        yield f"ContainerPort is {port}: the target's port is {settings.port}"


def _of_hooks(given: object, settings: CodeDeploySettings) -> Iterator[str]:
    wanted = {hook.event: hook.function for hook in settings.hooks}
    listed = [] if given is None else given
    if not isinstance(listed, list) or any(not isinstance(one, dict) or len(one) != 1 for one in listed):
        yield "Hooks is no list of one `event: function` each"
        return
    found: dict[str, object] = {}
    for one in listed:
        ((event, function),) = one.items()
        if event not in ECS_EVENTS:
            yield f"Hooks has {event}: give one of {', '.join(ECS_EVENTS)}"
        elif event in found:
            yield f"Hooks has {event} twice: CodeDeploy asks one function for each event"
        elif not isinstance(function, str) or not function:
            yield f"the hook at {event} is {function!r}: give the name of a function"
        found[str(event)] = function
    for event, function in wanted.items():
        if found.get(event) != function:
            there = f"is {found[event]!r}" if event in found else "is missing"
            yield f"the hook at {event} {there}: the target's is {function}, which tests the candidate"


def _mapping(given: object) -> Mapping[object, object]:
    return given if isinstance(given, dict) else {}
