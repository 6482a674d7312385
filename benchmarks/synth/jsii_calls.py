"""Calls to jsii, counted where all of them pass: each is a message to the Node process and a wait for its answer."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import aws_cdk as cdk
from jsii._kernel.providers import process

from .surroundings import MakeService, make_app

_KINDS = {
    "CreateRequest": "create",
    "InvokeRequest": "invoke",
    "StaticInvokeRequest": "static invoke",
    "GetRequest": "get",
    "StaticGetRequest": "static get",
    "SetRequest": "set",
    "StaticSetRequest": "static set",
    "_CompleteRequest": "answer a callback",
    "LoadRequest": "load",
}
_LIBRARY = "aws-cdk-lib."


@dataclass(frozen=True, order=True)
class Call:
    """What was called: `create CfnResource`, `invoke aws_iam.Role.addToPolicy`."""

    kind: str
    member: str

    def __str__(self) -> str:
        """As the table lists it."""
        return f"{self.kind} {self.member}".rstrip()


@contextmanager
def counted_calls() -> Iterator[Counter[Call]]:
    """A counter that grows with every call to jsii until the block ends."""
    calls: Counter[Call] = Counter()
    send = process._NodeProcess.send

    def counting(self: process._NodeProcess, request: object, response_type: object) -> object:
        calls[_call(request)] += 1
        return send(self, request, response_type)  # type: ignore[arg-type]  # handed on as it came

    process._NodeProcess.send = counting  # type: ignore[method-assign,assignment]  # jsii has no place to look on from
    try:
        yield calls
    finally:
        process._NodeProcess.send = send  # type: ignore[method-assign]  # as it was


@dataclass(frozen=True)
class Synth:
    """What one synth took and gave."""

    calls: Counter[Call]
    resources: int


@dataclass(frozen=True)
class CallsOfServices:
    """Of the first service in a stack, and of every further one."""

    first: Counter[Call]
    further: Counter[Call]
    resources_of_first: int
    resources_of_further: int


def counted_synth(services: int, make: MakeService) -> Synth:
    """An app with so many services, made and synthesised; calls made while modules are imported are not counted."""
    with TemporaryDirectory(prefix="bluegreen-synth-") as folder:
        with counted_calls() as calls:
            assembly = make_app(services, make, folder).synth()
        resources = sum(len(_template(stack).get("Resources", {})) for stack in assembly.stacks)
    return Synth(calls, resources)


def calls_of_services(make: MakeService) -> CallsOfServices:
    """Calls and resources of one service more, by difference: none, one and two services in a stack."""
    counted_synth(1, make)  # what a module keeps for all its constructs is made now
    none, one, two = (counted_synth(services, make) for services in (0, 1, 2))
    return CallsOfServices(
        one.calls - none.calls, two.calls - one.calls, one.resources - none.resources, two.resources - one.resources
    )


def _template(stack: "cdk.cx_api.CloudFormationStackArtifact") -> dict[str, dict[str, object]]:
    template: dict[str, dict[str, object]] = stack.template
    return template


def _call(request: object) -> Call:
    name = type(request).__name__
    reference = getattr(request, "objref", None)
    owner = getattr(request, "fqn", "") if reference is None else str(reference.ref).partition("@")[0]
    member = getattr(request, "method", "") or getattr(request, "property", "")
    said = ".".join(part for part in (owner.removeprefix(_LIBRARY), member) if part)
    return Call(_KINDS.get(name, name), said)
