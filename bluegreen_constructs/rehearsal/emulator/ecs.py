"""The overlay on ministack's ECS: services are deployed as AWS documents it, and tasks are processes of this machine.

Replaced: CreateService, UpdateService, DeleteService and DescribeServices for services with the deployment controllers
ECS and CODE_DEPLOY (whose task sets the overlay's CodeDeploy makes), RunTask and StopTask, everything about service
deployments and revisions, and the CloudFormation handlers of AWS::ECS::Service and AWS::ECS::TaskDefinition. Services
of the controller EXTERNAL stay ministack's.

Not covered: containers' own health checks, Service Connect traffic, Network Load Balancers' extra ten minutes a shift,
ECS Exec's sessions, log drivers (each task has a file in the work folder).
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import ModuleType
from typing import cast

from ...engine.errors import RehearsalError
from ..ecs.deployment_controller import is_played
from ..ecs.played_ecs import EcsSettings, PlayedEcs
from ..ecs.played_services import Records, Service
from ..ecs.service_api import Answer, EmulatorEcs, JsonAnswer, ServiceApi
from ..ecs.service_resource import EcsResources
from . import ecs_families
from .patches import Patches
from .world import World

# Where ministack has the actions that it knows; the others are new to it.
_FUNCTIONS = {
    "CreateService": "_create_service",
    "UpdateService": "_update_service",
    "DeleteService": "_delete_service",
    "DescribeServices": "_describe_services",
    "RunTask": "_run_task",
    "StopTask": "_stop_task",
    "DescribeServiceDeployments": "_describe_service_deployments",
    "ListServiceDeployments": "_list_service_deployments",
    "DescribeServiceRevisions": "_describe_service_revisions",
}


def install(patches: Patches, world: World) -> PlayedEcs:
    """Put the played services in the place of ministack's."""
    from ministack.services import ecs, eventbridge  # noqa: PLC0415  # an optional extra

    ecs_families.install(patches, ecs)
    records = _records(patches, world, ecs)
    put_events = cast("Callable[..., object]", patches.original(eventbridge, "_put_events"))
    config = world.config
    part = PlayedEcs(
        EcsSettings(config.endpoint, config.region, config.tasks_file, config.work_dir / "tasks"),
        records,
        world.clock,
        lambda event: put_events({"Entries": [event]}, allow_aws_source=True),
        world.metrics,
    )
    api = ServiceApi(_emulator_ecs(patches, ecs, records), part.services, part.one_off)
    _replace_actions(patches, ecs, api)
    _leave_played_services_alone(patches, ecs, records)
    _replace_resources(patches, world, ecs, api)
    return part


def _records(patches: Patches, world: World, ecs: ModuleType) -> Records:
    from ministack.core import responses  # noqa: PLC0415  # an optional extra

    from .elbv2_state import users_of_groups  # noqa: PLC0415  # imports the optional extra

    enter = cast("Callable[[str, str], AbstractContextManager[None]]", patches.original(responses, "request_scope"))
    definitions = cast("Mapping[str, Mapping[str, object]]", patches.original(ecs, "_task_defs"))
    key_of = cast("Callable[[str], str | None]", ecs._resolve_td_key)  # ours, by now

    def scope() -> AbstractContextManager[None]:
        return enter(world.config.account, world.config.region)

    def task_definition(reference: str) -> Mapping[str, object]:
        with scope():
            return definitions.get(key_of(reference) or "", {})

    return Records(
        services=cast("dict[str, Service]", patches.original(ecs, "_services")),
        tasks=cast("dict[str, dict[str, object]]", patches.original(ecs, "_tasks")),
        task_definition=task_definition,
        scope=scope,
        is_behind_a_balancer=lambda group: users_of_groups().get(group) is not None,
    )


def _emulator_ecs(patches: Patches, ecs: ModuleType, records: Records) -> EmulatorEcs:
    from ministack.core import responses  # noqa: PLC0415  # an optional extra

    cluster_name = cast("Callable[[str], str | None]", patches.original(ecs, "_resolve_cluster_name"))
    clusters = cast("Mapping[str, Mapping[str, object]]", patches.original(ecs, "_clusters"))
    own = {action: patches.original(ecs, name) for action, name in _FUNCTIONS.items()}
    return EmulatorEcs(
        records=records,
        json=cast(JsonAnswer, patches.original(responses, "json_response")),
        error=cast("Callable[[str, str, int], Answer]", patches.original(responses, "error_response_json")),
        sanitize=cast("Callable[[object], object]", patches.original(ecs, "_sanitize")),
        cluster_name=cluster_name,
        cluster=lambda reference: clusters.get(cluster_name(reference) or ""),
        service_reference=cast(
            "Callable[[str], tuple[str, str | None] | None]", patches.original(ecs, "_resolve_service_ref")
        ),
        originals=cast("dict[str, Callable[[dict[str, object]], Answer]]", own),
    )


def _replace_actions(patches: Patches, ecs: ModuleType, api: ServiceApi) -> None:
    table = cast("dict[str, object]", patches.original(ecs, "_ACTION_MAP"))
    for action, replacement in api.actions().items():
        name = _FUNCTIONS.get(action)
        if (name is not None) != (action in table):
            raise RehearsalError(f"the emulator's ECS has changed about {action}, which the overlay relies on")
        if name is not None:
            patches.replace(ecs, name, replacement, written_for=["data"])
        table[action] = replacement


def _leave_played_services_alone(patches: Patches, ecs: ModuleType, records: Records) -> None:
    """ministack would start records of tasks, count them and publish targets, all of its own."""

    def guard(name: str, parameters: list[str]) -> None:
        original = cast("Callable[[str, object], object]", patches.original(ecs, name))

        def for_others_only(cluster: str, reference: object) -> object:
            record: Mapping[str, object] | None = reference if isinstance(reference, dict) else None
            if record is None:
                service = str(reference).removeprefix("service:")
                record = records.services.get(service) or records.services.get(f"{cluster}/{service}")
            return None if record is not None and is_played(record) else original(cluster, reference)

        patches.replace(ecs, name, for_others_only, written_for=parameters)

    guard("_reconcile_service_tasks", ["cluster_name", "svc_key"])
    guard("_refresh_service_state", ["cluster_name", "group"])
    guard("_sync_service_targets", ["cluster_name", "svc"])


def _replace_resources(patches: Patches, world: World, ecs: ModuleType, api: ServiceApi) -> None:
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415  # an optional extra

    register = cast("Callable[[dict[str, object]], Answer]", patches.original(ecs, "_register_task_definition"))
    resources = EcsResources(api, register, world.clock)
    world.worker_thread_types.add("AWS::ECS::Service")
    patches.resource_type(
        "AWS::ECS::Service",
        {
            "create": resources.create_service,
            "update": resources.update_service,
            "delete": resources.delete_service,
        },
        is_there=True,
    )
    parameters = ["logical_id", "props", "stack_name"]
    # Its own update handler calls the create function by this name.
    patches.replace(provisioners, "_ecs_task_def_create", resources.create_task_definition, written_for=parameters)
    table = cast(
        "dict[str, dict[str, Callable[..., object] | bool]]", patches.original(provisioners, "_RESOURCE_HANDLERS")
    )
    handlers = {**table["AWS::ECS::TaskDefinition"], "create": resources.create_task_definition}
    patches.resource_type("AWS::ECS::TaskDefinition", handlers, is_there=True)
