"""The CloudFormation types that the emulator lacks and the deployed applications need."""

from collections.abc import Callable
from typing import cast

from . import cdk_custom_resources, ec2_resources, ecs_capacity, listener_certificates, stack_waits
from .added_apis import add_api
from .application_auto_scaling import TARGET_PREFIX, ApplicationAutoScaling
from .patches import Patches
from .world import World


def install(patches: Patches, world: World) -> ApplicationAutoScaling:
    """Add the types, and let every type that asked for it run off the emulator's event loop."""
    from ministack.services import ecs  # noqa: PLC0415  # an optional extra
    from ministack.services.cloudformation import provisioners, stacks  # noqa: PLC0415

    ec2_resources.assert_relied_on(patches.original)
    scaling = ApplicationAutoScaling(world.config)
    add_api(patches, "application-autoscaling", TARGET_PREFIX, scaling.handle_request)
    world.worker_thread_types.add("AWS::ApplicationAutoScaling::ScalableTarget")  # it calls ECS through the gateway
    replacing = patches.original(provisioners, "_REPLACING_PROPERTIES")
    capacity = ecs_capacity.types(ecs, patches.original)
    for name, (handlers, replaced_by) in {**ec2_resources.types(), **scaling.types(), **capacity}.items():
        patches.resource_type(name, handlers, is_there=False)
        cast(dict[str, tuple[str, ...]], replacing)[name] = tuple(replaced_by)
    for name, handlers in cdk_custom_resources.types(world.config).items():
        patches.resource_type(name, handlers, is_there=False)
    patches.resource_type(listener_certificates.TYPE, listener_certificates.handlers(), is_there=False)
    cast(dict[str, tuple[str, ...]], replacing)[listener_certificates.TYPE] = ("ListenerArn", "Certificates")
    blocks = cast(Callable[[str], bool], patches.original(stacks, "_runs_on_worker_thread"))

    def runs_on_worker_thread(resource_type: str) -> bool:
        return resource_type in world.worker_thread_types or blocks(resource_type)

    patches.replace(stacks, "_runs_on_worker_thread", runs_on_worker_thread, written_for=["resource_type"])
    stack_waits.install(patches)
    return scaling
