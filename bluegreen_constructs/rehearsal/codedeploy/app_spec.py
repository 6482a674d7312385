"""The AppSpec of an ECS deployment, read from the text of a revision: YAML or JSON.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html
"""

from collections.abc import Mapping
from dataclasses import dataclass

import yaml  # type: ignore[import-untyped]  # part of the extra

from ..ecs.cloudformation_properties import api_casing
from ..ecs.deployment_plan import mapping, mappings
from .lifecycle_event import HOOK_EVENTS, Event
from .refusals import RefusedError

_INVALID = "InvalidRevisionException"
_SERVICE = "AWS::ECS::Service"
# Optional properties that become the task set's own, in the API's casing.
_CHANGES = ("PlatformVersion", "NetworkConfiguration", "CapacityProviderStrategy")


@dataclass(frozen=True, slots=True)
class AppSpec:
    """What is deployed. `hooks` are functions (name or ARN) by event; `changes` replace the service's parameters."""

    task_definition: str
    container: str
    port: int
    hooks: Mapping[Event, str]
    changes: Mapping[str, object]


def revision_text(revision: Mapping[str, object]) -> str:
    """The AppSpec's text in a RevisionLocation; RefusedError for one that lies elsewhere, or is missing."""
    kind = str(revision.get("revisionType") or "")
    member = {"AppSpecContent": "appSpecContent", "String": "string"}.get(kind)
    if member is None:
        raise RefusedError(
            _INVALID,
            f"revisions of the type {kind or '(none)'} are not played: give the AppSpec itself, with revisionType "
            "AppSpecContent",
        )
    content = mapping(revision.get(member)).get("content")
    if not isinstance(content, str) or not content.strip():
        raise RefusedError(_INVALID, f"{member} has no content")
    return content


def read_app_spec(text: str) -> AppSpec:
    """Read an AppSpec; RefusedError (InvalidRevisionException) with what is wrong in it."""
    try:
        document = yaml.safe_load(text)  # JSON is YAML, too
    except yaml.YAMLError as error:
        raise RefusedError(_INVALID, f"The AppSpec file is not valid YAML or JSON: {error}") from error
    if not isinstance(document, dict):
        raise RefusedError(_INVALID, "The AppSpec file is empty or is not an object")
    sections = {str(name).lower(): value for name, value in document.items()}
    if str(sections.get("version")) not in {"0.0", "0"}:
        raise RefusedError(
            _INVALID, f"The AppSpec file has the version {sections.get('version')!r}; the one allowed is 0.0"
        )
    properties = _target_service(sections.get("resources"))
    balancer = mapping(properties.get("LoadBalancerInfo"))
    return AppSpec(
        task_definition=_text(properties, "TaskDefinition"),
        container=_text(balancer, "ContainerName"),
        port=_port(balancer.get("ContainerPort")),
        hooks=_hooks(sections.get("hooks")),
        changes=_changes(properties),
    )


def _target_service(resources: object) -> Mapping[str, object]:
    """The properties of the one resource, whatever its name is."""
    listed = [resource for named in mappings(resources) for resource in named.values()]
    if len(listed) != 1 or not isinstance(listed[0], Mapping):
        raise RefusedError(_INVALID, f"The AppSpec file must have exactly one resource; it has {len(listed)}")
    if listed[0].get("Type") != _SERVICE:
        raise RefusedError(
            _INVALID, f"The AppSpec file has the type {listed[0].get('Type')!r}; for ECS it is {_SERVICE}"
        )
    return mapping(listed[0].get("Properties"))


def _text(properties: Mapping[str, object], name: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not value:
        raise RefusedError(_INVALID, f"The AppSpec file has no {name}")
    return value


def _port(value: object) -> int:
    """A number: a text is what a wrong template makes of it."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise RefusedError(_INVALID, f"The AppSpec file's ContainerPort is {value!r}; it must be a number")
    return value


def _hooks(hooks: object) -> Mapping[Event, str]:
    found: dict[Event, str] = {}
    for entry in mappings(hooks):
        for name, function in entry.items():
            if name not in set(HOOK_EVENTS):
                allowed = ", ".join(event for event in Event if event in HOOK_EVENTS)
                raise RefusedError(_INVALID, f"The AppSpec file has a hook at {name!r}; there is {allowed}")
            if name in found or not isinstance(function, str):
                raise RefusedError(_INVALID, f"The AppSpec file must name one function for {name}, as a text")
            found[Event(name)] = function
    return found


def _changes(properties: Mapping[str, object]) -> Mapping[str, object]:
    given = {name: properties[name] for name in _CHANGES if properties.get(name)}
    return mapping(api_casing(given))
