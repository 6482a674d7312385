"""What the rehearsal covers: each resource type with how true it is, and a check of templates before the start.

The data is static, so that it can be read (and documented) without the emulator; a test compares it with the handlers
that the emulator really has behind the overlay.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ...engine.errors import RehearsalError
from .coverage_data import EMULATED_ELSEWHERE, PLAYED_CUSTOM_RESOURCES, TYPES, UNCOVERED_CUSTOM_RESOURCES


class Kind(StrEnum):
    """How true a resource is in the rehearsal."""

    REAL = "real"  # the thing itself runs: your function's code, your task's process, an HTTP request
    EMULATED = "emulated"  # the emulator answers its API and does what the API says
    PLAYED = "played"  # our own part behaves as AWS documents it
    RECORD_ONLY = "record only"  # the API shows it, and nothing follows from it


@dataclass(frozen=True)
class Coverage:
    """How a resource type is covered, and in one line what that means."""

    kind: Kind
    note: str


@dataclass(frozen=True)
class Finding:
    """A resource that the rehearsal does not cover, and why."""

    logical_id: str
    resource_type: str
    reason: str

    def __str__(self) -> str:
        return f"{self.logical_id} ({self.resource_type}): {self.reason}"


def coverage(resource_type: str) -> Coverage | None:
    """How a type is covered; None when the rehearsal refuses it."""
    if resource_type in TYPES:
        kind, note = TYPES[resource_type]
        return Coverage(Kind(kind), note)
    if resource_type in PLAYED_CUSTOM_RESOURCES:
        return Coverage(Kind.PLAYED, PLAYED_CUSTOM_RESOURCES[resource_type])
    if resource_type in EMULATED_ELSEWHERE:
        return Coverage(Kind.EMULATED, "as the emulator has it; no scenario of ours uses it")
    if resource_type in UNCOVERED_CUSTOM_RESOURCES:
        return None
    if resource_type.startswith("Custom::"):
        return Coverage(Kind.REAL, "your function runs with the event CloudFormation sends, and its answer counts")
    return None


def covered_types() -> dict[str, Coverage]:
    """Every type named in the data with its coverage, by name; any other `Custom::` type is covered as well."""
    names = {*TYPES, *PLAYED_CUSTOM_RESOURCES, *EMULATED_ELSEWHERE}
    return {name: found for name in sorted(names) if (found := coverage(name)) is not None}


def uncovered(template: Mapping[str, object]) -> list[Finding]:
    """The resources of a template that the rehearsal would get wrong; empty when it can be rehearsed.

    A property that is not written out (`Ref`, `Fn::If`) is given the benefit of the doubt.
    """
    findings = []
    resources = template.get("Resources")
    for logical_id, resource in (resources if isinstance(resources, Mapping) else {}).items():
        if not isinstance(resource, Mapping):
            continue
        resource_type = str(resource.get("Type"))
        if coverage(resource_type) is None:
            reason = UNCOVERED_CUSTOM_RESOURCES.get(resource_type, "no such type in the rehearsal")
            findings.append(Finding(logical_id, resource_type, reason))
            continue
        properties = resource.get("Properties")
        reasons = _wrong_properties(resource_type, properties if isinstance(properties, Mapping) else {})
        findings.extend(Finding(logical_id, resource_type, reason) for reason in reasons)
    return findings


def findings_in(assembly: Path) -> list[str]:
    """What the templates of a cloud assembly hold that the rehearsal does not cover, a line each: stack, id, type, why.

    Nested stacks and nested assemblies (stages) are templates of the folder, too.
    """
    return [
        f"{path.name.removesuffix('.template.json')}: {finding}"
        for path in sorted(assembly.rglob("*.template.json"))
        for finding in uncovered(json.loads(path.read_text(encoding="utf-8")))
    ]


def require_covered(assembly: Path) -> None:
    """Raise RehearsalError with the list of what a cloud assembly holds that the rehearsal does not cover."""
    if found := findings_in(assembly):
        raise RehearsalError(f"the rehearsal does not cover {len(found)} of the resources:\n  " + "\n  ".join(found))


def _wrong_properties(resource_type: str, properties: Mapping[str, object]) -> Iterable[str]:
    for path, is_covered, reason in _PROPERTIES.get(resource_type, ()):
        for value in _at(properties, path.split(".")):
            if not isinstance(value, Mapping | list) and not is_covered(str(value)):
                yield f"{path} {value}: {reason}"


def _at(value: object, path: list[str]) -> Iterable[object]:
    """The values at a path of names; a list is followed into each of its items."""
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _one_of(*allowed: str) -> Callable[[str], bool]:
    return lambda value: value in allowed


_Rule = tuple[str, Callable[[str], bool], str]
_HTTP_ONLY = "only HTTP listeners of application load balancers have a data plane here"
_IDENTITY = "nobody signs in here; rehearse with a forward action"
# Properties that change behaviour in a way the rehearsal does not play: path, what is covered, why the rest is not.
_PROPERTIES: dict[str, tuple[_Rule, ...]] = {
    "AWS::ECS::Service": (
        (
            "DeploymentController.Type",
            _one_of("ECS", "CODE_DEPLOY"),
            "only deployments that ECS or AWS CodeDeploy runs are played",
        ),
        ("LaunchType", _one_of("FARGATE"), "a task is a local process; container instances are not played"),
        ("SchedulingStrategy", _one_of("REPLICA"), "one task per container instance needs container instances"),
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (("Type", _one_of("application"), _HTTP_ONLY),),
    "AWS::ElasticLoadBalancingV2::Listener": (
        ("Protocol", _one_of("HTTP", "HTTPS"), _HTTP_ONLY),
        ("DefaultActions.Type", _one_of("forward", "redirect", "fixed-response"), _IDENTITY),
    ),
    "AWS::ElasticLoadBalancingV2::ListenerRule": (
        ("Actions.Type", _one_of("forward", "redirect", "fixed-response"), _IDENTITY),
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (
        ("TargetType", _one_of("ip", "instance", "lambda"), "a target is a local process, or a function"),
        ("Protocol", _one_of("HTTP"), "targets are asked over HTTP"),
        ("ProtocolVersion", _one_of("HTTP1"), "targets are asked over HTTP/1.1"),
    ),
    "AWS::Lambda::Function": (
        ("PackageType", _one_of("Zip"), "a function from a container image needs Docker"),
        (
            "Runtime",
            lambda runtime: runtime.startswith(("python", "nodejs")),
            "functions run in this machine's Python and Node",
        ),
    ),
}
