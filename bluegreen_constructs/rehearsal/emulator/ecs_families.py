"""A family's name stands for its newest active task definition, as Amazon ECS documents it.

ministack takes the newest revision, deregistered or not.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import cast

from .patches import Patches

_ACTIVE = "ACTIVE"


def install(patches: Patches, ecs: ModuleType) -> None:
    """Put it in the place of ministack's; before anything else takes the function."""
    original = cast("Callable[[str], str | None]", patches.original(ecs, "_resolve_td_key"))
    definitions = cast("Mapping[str, Mapping[str, object]]", patches.original(ecs, "_task_defs"))

    def resolved(ref: str) -> str | None:
        name = str(ref).rpartition("/")[2]
        if not name or ":" in name:
            return original(ref)
        revisions = [
            (int(str(one["revision"])), key)
            for key, one in definitions.items()
            if one.get("family") == name and one.get("status") == _ACTIVE
        ]
        return max(revisions)[1] if revisions else None

    patches.replace(ecs, "_resolve_td_key", resolved, written_for=["ref"])
