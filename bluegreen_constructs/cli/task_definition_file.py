"""taskdef.json, the task definition that CodePipeline's action CodeDeployToECS registers: written and checked; pure.

https://docs.aws.amazon.com/codepipeline/latest/userguide/tutorials-ecs-ecr-codedeploy.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from ..engine.ecs_release import DESCRIBED_ONLY
from ..engine.errors import AwsError
from ..engine.swap.ports import DefinitionSeen

IMAGE = "<IMAGE1_NAME>"
"""What the action replaces by the image of its first image artefact; `Image1ContainerName` names it IMAGE1_NAME."""

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
LARGEST = 64 * 1024
MOST_CONTAINERS = 10
LARGEST_ARTEFACT = 3 * 1024 * 1024
"""Bytes of an input artefact of the action, in which the file lies with everything else.

https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
"""
_RESERVED = "aws:"
_FIRST = ("family", "name", "image")


def task_definition_file(found: DefinitionSeen, container: str) -> str:
    """The file for a family, after one of its revisions; the same revision is always the same text.

    Tags go along, without those that AWS keeps for itself. Raises AwsError when there is no such container.
    """
    registered_image(found, container)
    content = with_image(found, container, IMAGE)
    tags = [{"key": key, "value": value} for key, value in own_tags(found).items()]
    return json.dumps(_ordered({**content, "tags": tags} if tags else content), indent=2) + "\n"


def own_tags(found: DefinitionSeen) -> dict[str, str]:
    """The tags of a revision that another one may be registered with: without those that AWS keeps for itself."""
    return {key: found.tags[key] for key in sorted(found.tags) if not key.startswith(_RESERVED)}


def registered_image(found: DefinitionSeen, container: str) -> str:
    """The image of a container; raises AwsError, with the names that there are, when there is no such one."""
    images = {str(one.get("name")): str(one.get("image")) for one in containers_of(found.content)}
    if container not in images:
        raise AwsError(
            f"task definition {found.arn} has no container {container!r}, only {', '.join(images) or 'none'}: deploy "
            "the target's stack again"
        )
    return images[container]


def with_image(found: DefinitionSeen, container: str, image: str) -> dict[str, object]:
    """What registers the same with another image of the container."""
    kept = {key: value for key, value in found.content.items() if key not in DESCRIBED_ONLY}
    changed = [{**one, "image": image} if one.get("name") == container else one for one in containers_of(found.content)]
    return {**kept, "containerDefinitions": changed}


def containers_of(content: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The containers of a task definition; of what is none of them, nothing."""
    given = content.get("containerDefinitions")
    listed = given if isinstance(given, Sequence) and not isinstance(given, str) else ()
    return [cast("Mapping[str, object]", one) for one in listed if isinstance(one, Mapping)]


def task_definition_problems(text: str, family: str, container: str, port: int) -> Iterator[str]:
    """Why the action, or Amazon ECS after it, would not take this taskdef.json; nothing when they would.

    The types of its values are `cli.registration_types`' business.
    """
    size = len(text.encode())
    if size > LARGEST:
        yield f"it has {size} bytes: a task definition has at most {LARGEST}"
    try:
        content = json.loads(text)
    except ValueError as error:
        yield f"it is no JSON: {error}"
        return
    if not isinstance(content, dict):
        yield "it is no JSON object: give what RegisterTaskDefinition takes"
        return
    described = sorted(DESCRIBED_ONLY & set(content))
    if described:
        yield f"{', '.join(described)} {'is' if len(described) == 1 else 'are'} only answered: leave out"
    if content.get("family") != family:
        yield f"its family is {content.get('family')!r}: the target's is {family!r}"
    yield from _of_containers(content, container, port)


def _of_containers(content: Mapping[str, object], container: str, port: int) -> Iterator[str]:
    given = containers_of(content)
    names = [str(one.get("name")) for one in given]
    if len(given) > MOST_CONTAINERS:
        yield f"it has {len(given)} containers: a task definition has at most {MOST_CONTAINERS}"
    if container not in names:
        yield f"it has no container {container!r}, which the load balancer reaches, only {', '.join(names) or 'none'}"
        return
    own = given[names.index(container)]
    if own.get("image") != IMAGE:
        yield f"the image of {container} is {own.get('image')!r}: give the placeholder {IMAGE}"
    mappings = own.get("portMappings")
    listed = mappings if isinstance(mappings, list) else []
    ports = [one.get("containerPort") for one in listed if isinstance(one, dict)]
    if port not in ports:
        said = ", ".join(map(str, ports)) or "none"
        yield f"container {container} has no port {port}, which the AppSpec names, only {said}"


def _ordered(value: object) -> object:
    """Keys in one order: what names a thing first, the rest by the alphabet; lists as they are."""
    if isinstance(value, Mapping):
        first = [key for key in _FIRST if key in value]
        return {key: _ordered(value[key]) for key in (*first, *sorted(set(value) - set(first)))}
    if isinstance(value, list | tuple):
        return [_ordered(one) for one in value]
    return value
