"""What CodePipeline's API takes of a pipeline: botocore's copy of its model, with lengths, patterns and words."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from tests.delivered_stacks import flat

_INTRINSIC = ("Ref", "Fn::")


@cache
def _declaration() -> Shape:
    service = botocore.session.get_session().get_service_model("codepipeline")
    return service.shape_for("PipelineDeclaration")


def objections(told: dict[str, Any]) -> list[str]:
    """What the API would object to of an AWS::CodePipeline::Pipeline's properties; empty: nothing."""
    said = {
        "name": "a-pipeline",
        "roleArn": "arn:aws:iam::123456789012:role/r",
        "stages": told["Stages"],
        "executionMode": told["ExecutionMode"],
        "pipelineType": told["PipelineType"],
    }
    return list(_look(_declaration(), said, "pipeline"))


def _look(shape: Shape, value: object, where: str) -> Iterator[str]:
    if isinstance(value, dict) and any(key.startswith(_INTRINSIC) for key in value):
        value = flat(value)
    if isinstance(shape, StructureShape):
        yield from _look_at_members(shape, value, where)
    elif isinstance(shape, ListShape):
        items = value if isinstance(value, list) else [value]
        yield from _bounds(shape, len(items), where)
        for number, item in enumerate(items):
            yield from _look(shape.member, item, f"{where}[{number}]")
    elif isinstance(shape, MapShape):
        for key, item in dict(value).items():  # type: ignore[call-overload]
            yield from _look(shape.key, key, f"{where}.{key}")
            yield from _look(shape.value, item, f"{where}.{key}")
    elif isinstance(shape, StringShape):
        yield from _look_at_text(shape, value, where)


def _look_at_members(shape: StructureShape, value: object, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is {value!r} and no structure"
        return
    given = {key[:1].lower() + key[1:]: one for key, one in value.items()}
    yield from (f"{where} has no member {key}" for key in given if key not in shape.members)
    yield from (f"{where} lacks {key}" for key in shape.required_members if key not in given)
    for key, one in given.items():
        if key in shape.members:
            yield from _look(shape.members[key], one, f"{where}.{key}")


def _look_at_text(shape: StringShape, value: object, where: str) -> Iterator[str]:
    text = flat(value)
    yield from _bounds(shape, len(text), where)
    pattern = shape.metadata.get("pattern")
    if pattern and "<" not in text and not re.fullmatch(pattern, text):
        yield f"{where} is {text!r}, which does not match {pattern}"
    if shape.enum and text not in shape.enum:
        yield f"{where} is {text!r}, which is none of {', '.join(shape.enum)}"


def _bounds(shape: Shape, size: int, where: str) -> Iterator[str]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if size < least or (most is not None and size > most):
        yield f"{where} has {size}, and the API takes {least} to {most}"
