"""AWS CodeDeploy, which the emulator does not have: its API and CloudFormation types, over the played ECS.

Deployments of the ECS platform are played. Applications, groups and configurations of the platforms Server and Lambda
are kept and shown; a deployment to one is refused, saying so. Triggers send nothing to SNS, and nobody's permissions
are looked at.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import cast

from ...engine.errors import RehearsalError
from ..codedeploy.played_code_deploy import EcsSide, PlayedCodeDeploy
from ..codedeploy.refusals import RefusedError
from ..ecs.deployment_plan import mapping
from ..ecs.played_ecs import PlayedEcs
from . import code_deploy_types
from .added_apis import add_api
from .patches import Patches
from .world import World

TARGET_PREFIX = "CodeDeploy_20141006"
Answer = tuple[int, dict[str, str], bytes]


def install(patches: Patches, world: World) -> PlayedCodeDeploy:
    """Add the API and the types; after ECS."""
    from ministack.core import responses  # noqa: PLC0415  # an optional extra
    from ministack.services import ecs, eventbridge  # noqa: PLC0415
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    played_ecs = world.parts.get("ecs")
    if not isinstance(played_ecs, PlayedEcs):
        raise RehearsalError("the overlay's ECS has to be installed before its CodeDeploy")
    enter = cast("Callable[[str, str], AbstractContextManager[None]]", patches.original(responses, "request_scope"))
    put_events = cast("Callable[..., object]", patches.original(eventbridge, "_put_events"))
    services = cast("Mapping[str, Mapping[str, object]]", patches.original(ecs, "_services"))
    definitions = cast("Mapping[str, Mapping[str, object]]", patches.original(ecs, "_task_defs"))
    key_of = cast("Callable[[str], str | None]", ecs._resolve_td_key)  # ours, by now

    def scope() -> AbstractContextManager[None]:
        return enter(world.config.account, world.config.region)

    def find_service(cluster: str, service: str) -> Mapping[str, object] | None:
        with scope():
            record = services.get(f"{cluster}/{service}")
        return record if record is not None and record.get("status") == "ACTIVE" else None

    def task_definition(reference: str) -> str:
        with scope():
            found = mapping(definitions.get(key_of(reference) or ""))
        return str(found["taskDefinitionArn"]) if found.get("status") == "ACTIVE" else ""

    part = PlayedCodeDeploy(
        world.config.endpoint,
        world.config.region,
        world.clock,
        EcsSide(played_ecs.services.task_sets, find_service, task_definition, played_ecs.check_tasks),
        scope=scope,
        put_event=lambda event: put_events({"Entries": [event]}, allow_aws_source=True),
    )
    add_api(patches, "codedeploy", TARGET_PREFIX, _handler(part))
    replacing = cast("dict[str, tuple[str, ...]]", patches.original(provisioners, "_REPLACING_PROPERTIES"))
    for name, (handlers, replaced_by) in code_deploy_types.types(part.registry).items():
        patches.resource_type(name, handlers, is_there=False)
        replacing[name] = tuple(replaced_by)
    return part


def _handler(part: PlayedCodeDeploy) -> Callable[..., object]:
    """One API call; on a thread of its own, for it may take a lock that a deployment's thread holds."""

    async def handle_request(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: Mapping[str, object]
    ) -> Answer:
        del method, path, query_params
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        answers = part.actions.get(action)
        if answers is None:
            return _error("UnknownOperationException", f"{action} is not covered by the rehearsal")
        try:
            answer = await asyncio.to_thread(answers, json.loads(body or b"{}"))
        except RefusedError as error:
            return _error(error.code, str(error))
        return _json(answer)

    return handle_request


def _json(body: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()


def _error(code: str, message: str) -> Answer:
    return _json({"__type": code, "message": message}, 400)
