"""CloudFormation handlers for the capacity of ECS clusters: kept and shown, for a task is a local process anyway.

Nothing is placed on an instance, no Spot task is interrupted, and no capacity provider scales its group. What places a
task is the same for every provider.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import cast

from ..ecs.cloudformation_properties import api_casing

Properties = Mapping[str, object]
Handler = Callable[..., object]
Answer = tuple[int, object, bytes]
Made = tuple[str, dict[str, str]]
_Call = Callable[[dict[str, object]], Answer]


def types(
    ecs: ModuleType, original: Callable[[ModuleType, str], object]
) -> dict[str, tuple[dict[str, Handler | bool], Sequence[str]]]:
    """By type: its handlers, and the properties whose change replaces it; `original` is `Patches.original`."""
    put = cast("_Call", original(ecs, "_put_cluster_capacity_providers"))
    create = cast("_Call", original(ecs, "_create_capacity_provider"))
    delete = cast("_Call", original(ecs, "_delete_capacity_provider"))

    def associate(logical_id: str, props: Properties, stack_name: str) -> Made:
        del logical_id, stack_name
        cluster = str(props["Cluster"])
        _done(
            put(
                {
                    "cluster": cluster,
                    "capacityProviders": props.get("CapacityProviders") or [],
                    "defaultCapacityProviderStrategy": api_casing(props.get("DefaultCapacityProviderStrategy") or []),
                }
            )
        )
        return cluster, {"Cluster": cluster}

    def associate_again(physical_id: str, had: Properties, wanted: Properties, stack_name: str) -> Made:
        del had
        return associate(physical_id, wanted, stack_name)

    def dissociate(physical_id: str, props: Properties) -> None:
        del props
        put({"cluster": physical_id})  # a cluster that has gone has none

    def provide(logical_id: str, props: Properties, stack_name: str) -> Made:
        name = str(props.get("Name") or f"{stack_name}-{logical_id}")
        _done(create({**cast("dict[str, object]", api_casing(props)), "name": name}))
        return name, {}

    def provide_again(physical_id: str, had: Properties, wanted: Properties, stack_name: str) -> Made:
        del had, wanted, stack_name
        return physical_id, {}

    def withdraw(physical_id: str, props: Properties) -> None:
        del props
        delete({"capacityProvider": physical_id})

    return {
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-clustercapacityproviderassociations.html
        "AWS::ECS::ClusterCapacityProviderAssociations": (
            {"create": associate, "update": associate_again, "delete": dissociate},
            ("Cluster",),
        ),
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-capacityprovider.html
        "AWS::ECS::CapacityProvider": (
            {"create": provide, "update": provide_again, "delete": withdraw},
            ("Name",),
        ),
    }


def _done(answer: Answer) -> None:
    if answer[0] >= 400:
        raise ValueError(str(json.loads(answer[2]).get("message", answer[2])))
