"""What a release is called that Amazon ECS rolls out: by its image, and by all else in its task definition.

`cdk deploy` ships images and settings together, so that an image's tag alone does not tell two releases apart, and a
revision's number tells apart what is the same: CloudFormation registers what it goes back to as a new revision.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from .errors import AwsError

DESCRIBED_ONLY = frozenset(
    {
        "compatibilities",
        "deleteRequestedAt",
        "deregisteredAt",
        "registeredAt",
        "registeredBy",
        "requiresAttributes",
        "revision",
        "status",
        "taskDefinitionArn",
    }
)
"""What DescribeTaskDefinition adds to what was registered: RegisterTaskDefinition does not take it.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
"""
_NOT_CONTENT = DESCRIBED_ONLY | {"family"}
_DIGITS = 8
_LONGEST_TAG = 128 - _DIGITS - 1  # what `Release.name` takes
_NO_TAG = "latest"
_NOT_IN_A_TAG = re.compile(r"[^A-Za-z0-9_.-]")


def release_name(task_definition: Mapping[str, object], container: str) -> str:
    """The name of what DescribeTaskDefinition answers: `<tag>.<8 hex>`, or `sha256-<12 hex>.<8 hex>` for a digest.

    The last part stands for the whole content. A release in which the container had another name is called by its first
    essential container: live may be one, and has to be left all the same. Raises AwsError when there is no container.
    """
    content = _plain({key: value for key, value in task_definition.items() if key not in _NOT_CONTENT})
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
    return f"{_tag(_image(task_definition, container))}.{digest[:_DIGITS]}"


def is_named(given: str, name: str) -> bool:
    """Whether `given`, an image's tag or digest, or the whole name, means the release called `name`."""
    tag = name.rpartition(".")[0]
    return bool(given) and (given == name or _of_word(given.rpartition("@")[2]) == tag)


def _image(task_definition: Mapping[str, object], container: str) -> str:
    containers = task_definition.get("containerDefinitions")
    known = [one for one in containers if isinstance(one, Mapping)] if isinstance(containers, Sequence) else []
    own = next((one for one in known if one.get("name") == container), None)
    first = own or next((one for one in known if one.get("essential", True)), None)
    if first is None:
        raise AwsError(
            f"task definition {task_definition.get('taskDefinitionArn')} has no container {container!r}, and none that "
            "is essential: name the one that runs the release"
        )
    return str(first.get("image") or "")


def _tag(image: str) -> str:
    bare, _, digest = image.partition("@")
    if digest:
        return _of_word(digest)
    last = bare.rpartition("/")[2]  # a colon before the last slash is a port
    return _of_word(last.partition(":")[2] or _NO_TAG)


def _of_word(word: str) -> str:
    """A tag as it is, a digest in short."""
    algorithm, colon, digits = word.partition(":")
    short = f"{algorithm}-{digits[:12]}" if colon else word
    clean = _NOT_IN_A_TAG.sub("_", short)[:_LONGEST_TAG]
    return clean if clean[:1].isalnum() or clean.startswith("_") else f"_{clean}"[:_LONGEST_TAG]


def _plain(value: object) -> object:
    """Without what is empty, and with lists of objects in one order: ECS keeps no order of them, of words it does."""
    if isinstance(value, Mapping):
        inner = {str(key): _plain(one) for key, one in value.items()}
        return {key: one for key, one in inner.items() if one not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        plain = [_plain(one) for one in value]
        if any(not isinstance(one, Mapping) for one in plain):
            return plain
        return sorted(plain, key=lambda one: json.dumps(one, sort_keys=True, default=str))
    return value
