"""A synthesised CDK app: its stacks, what in them is rolled out by the constructs, and what runs in their tasks."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..engine.errors import RehearsalError
from ..engine.target_settings import PARAMETER_PREFIX

_UNKNOWN_ACCOUNT, _UNKNOWN_REGION = "unknown-account", "unknown-region"
DEFAULT_QUALIFIER = "hnb659fds"
_QUALIFIER = re.compile(r"/cdk-bootstrap/([^/]+)/version")
# The settings are JSON in a string of a template, so the quotes may be escaped.
_CONTROLLER = re.compile(r"""\bcontroller[\\"]+:\s*[\\"]+(\w+)""")
_ENGINE = "engine"
_INSTANCES = frozenset({"AWS::EC2::Instance", "AWS::EC2::LaunchTemplate"})


@dataclass(frozen=True)
class AssemblyStack:
    """One stack of the app.

    name: as the CDK CLI takes it (`Stage/Stack` in a stage). stack_name: CloudFormation's. artifact: its key in the
    manifest of its `folder`. account, region: "" when the app does not say. qualifier: of the bootstrap that it needs.
    """

    name: str
    stack_name: str
    artifact: str
    template: Path
    account: str = ""
    region: str = ""
    qualifier: str = DEFAULT_QUALIFIER

    @property
    def folder(self) -> Path:
        """Where the manifest and the assets lie that the stack is of."""
        return self.template.parent

    @cached_property
    def content(self) -> Mapping[str, object]:
        """The template."""
        return _read(self.template)

    def resources(self) -> Iterator[tuple[str, str, Mapping[str, object]]]:
        """Logical id, type and properties of each resource."""
        for logical_id, resource in mapping(self.content.get("Resources")).items():
            yield logical_id, str(mapping(resource).get("Type")), mapping(mapping(resource).get("Properties"))

    def targets(self) -> Iterator[str]:
        """The names of the targets in it that the constructs' own engine rolls out (CanaryAlb, Ec2BlueGreenFleet)."""
        return (name for name, controller in self.controllers().items() if controller == _ENGINE)

    def controllers(self) -> Mapping[str, str]:
        """Who moves the traffic of each target in it, by the target's name: engine, ecs, slots, codedeploy."""
        found = {}
        for _, type_, properties in self.resources():
            name = str(properties.get("Name"))
            if type_ == "AWS::SSM::Parameter" and name.startswith(PARAMETER_PREFIX):
                said = _CONTROLLER.search(json.dumps(properties.get("Value")))
                found[name.removeprefix(PARAMETER_PREFIX)] = said[1] if said else _ENGINE
        return found


@dataclass(frozen=True)
class RolledOutService:
    """A service of a template that Amazon ECS rolls out blue/green.

    name: its path in the app, such as `Shop/Web`. container: the one behind the load balancer. definition: the logical
    id of its task definition, "" when that belongs to another stack.
    """

    name: str
    stack: AssemblyStack
    logical_id: str
    container: str
    definition: str

    @property
    def image(self) -> object:
        """The container's image as the template has it; None when it is not found there."""
        resource = mapping(mapping(self.stack.content.get("Resources")).get(self.definition))
        for container in items(mapping(resource.get("Properties")).get("ContainerDefinitions")):
            if container.get("Name") == self.container:
                return container.get("Image")
        return None

    @property
    def image_tag(self) -> str:
        """The tag that the template writes out; "" when it does not."""
        image = self.image
        if isinstance(image, dict):
            joined = image.get("Fn::Join")
            image = joined[1][-1] if joined else image.get("Fn::Sub")
        return image.rpartition("/")[2].partition("@")[0].partition(":")[2] if isinstance(image, str) else ""


@dataclass(frozen=True)
class CloudAssembly:
    """What `cdk synth` wrote into `folder`."""

    folder: Path
    stacks: tuple[AssemblyStack, ...]

    @classmethod
    def read(cls, folder: Path) -> "CloudAssembly":
        """Read the manifests; raises RehearsalError when there is no stack in them."""
        stacks = tuple(_stacks(folder))
        if not stacks:
            raise RehearsalError("the app has no stack: there is nothing to rehearse")
        return cls(folder, stacks)

    def services(self) -> tuple[RolledOutService, ...]:
        """The services that Amazon ECS rolls out blue/green."""
        return tuple(service for stack in self.stacks for service in _services(stack))

    def containers(self) -> dict[str, bool]:
        """The containers of task definitions by name, and whether a task of a service cannot run without it."""
        found: dict[str, bool] = {}
        for stack in self.stacks:
            served = {
                _reference(properties.get("TaskDefinition"))
                for _, type_, properties in stack.resources()
                if type_ == "AWS::ECS::Service"
            }
            for logical_id, type_, properties in stack.resources():
                if type_ != "AWS::ECS::TaskDefinition":
                    continue
                for container in items(properties.get("ContainerDefinitions")):
                    name = str(container.get("Name"))
                    is_needed = logical_id in served and container.get("Essential", True) is not False
                    found[name] = found.get(name, False) or is_needed
        return found

    def has_instances(self) -> bool:
        """Whether EC2 instances may run containers of the tasks file, which their tags name."""
        return any(type_ in _INSTANCES for stack in self.stacks for _, type_, _ in stack.resources())


def mapping(value: object) -> Mapping[str, object]:
    """The value as a mapping; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Mapping[str, object]]:
    """The mappings of a list; none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _stacks(folder: Path) -> Iterator[AssemblyStack]:
    for name, artifact in mapping(_read(folder / "manifest.json").get("artifacts")).items():
        described = mapping(artifact)
        properties = mapping(described.get("properties"))
        match described.get("type"):
            case "cdk:cloud-assembly":
                yield from _stacks(folder / str(properties.get("directoryName")))
            case "aws:cloudformation:stack":
                account, _, region = str(described.get("environment")).removeprefix("aws://").partition("/")
                qualifier = _QUALIFIER.search(str(properties.get("bootstrapStackVersionSsmParameter")))
                yield AssemblyStack(
                    name=str(described.get("displayName") or name),
                    stack_name=str(properties.get("stackName") or name),
                    artifact=name,
                    template=folder / str(properties.get("templateFile")),
                    account="" if account == _UNKNOWN_ACCOUNT else account,
                    region="" if region == _UNKNOWN_REGION else region,
                    qualifier=qualifier[1] if qualifier else DEFAULT_QUALIFIER,
                )


def _services(stack: AssemblyStack) -> Iterator[RolledOutService]:
    resources = mapping(stack.content.get("Resources"))
    for logical_id, type_, properties in stack.resources():
        balancers = [one for one in items(properties.get("LoadBalancers")) if one.get("AdvancedConfiguration")]
        if type_ != "AWS::ECS::Service" or not balancers:
            continue
        path = mapping(mapping(resources[logical_id]).get("Metadata")).get("aws:cdk:path")
        yield RolledOutService(
            name=str(path).removesuffix("/Resource") if path else f"{stack.name}/{logical_id}",
            stack=stack,
            logical_id=logical_id,
            container=str(balancers[0].get("ContainerName")),
            definition=_reference(properties.get("TaskDefinition")),
        )


def _reference(value: object) -> str:
    return str(mapping(value).get("Ref", ""))


def _read(path: Path) -> Mapping[str, object]:
    try:
        return mapping(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise RehearsalError(f"the synthesised app cannot be read: {path.name}: {error}") from None
