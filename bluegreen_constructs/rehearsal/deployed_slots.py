"""A deployed application with slots as its settings, its stack and its record show it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..engine.errors import RehearsalError
from ..engine.slot_settings import SlotSettings, SlotsSettings
from .deployed_target import DeployedTarget


@dataclass(frozen=True)
class DeployedSlots:
    """Where the application's rules, sides and engine are. Sides are called `side a`, `side b`, … here."""

    target: DeployedTarget
    slots: SlotsSettings

    @staticmethod
    def of(target: DeployedTarget) -> "DeployedSlots":
        """The slots of a target; raises RehearsalError for one that has none."""
        if target.settings.slots is None:
            raise RehearsalError(f"{target.name} has no slots")
        return DeployedSlots(target, target.settings.slots)

    @property
    def groups(self) -> Mapping[str, str]:
        """The target groups by side."""
        return {_called(side.name): side.group_arn for side in self.slots.sides}

    def side_of(self, group: str) -> str:
        """The side of a target group."""
        for side, arn in self.groups.items():
            if arn == group:
                return side
        raise RehearsalError(f"{self.target.name} has no target group {group}")

    def service_of(self, side: str) -> str:
        """The name of a side's ECS service."""
        return next(one.service for one in self.slots.sides if _called(one.name) == side)

    def slot(self, name: str) -> SlotSettings:
        """A slot's settings."""
        return self.slots.slot(name)


def record_of(slots: DeployedSlots, dynamodb: Any) -> Mapping[str, Any]:
    """The record as the engine's table holds it: the JSON itself, with sides called as they are here."""
    key = {"pk": {"S": f"slots#{slots.target.name}"}, "sk": {"S": "-"}}
    answer = dynamodb.get_item(TableName=slots.target.table, Key=key, ConsistentRead=True)
    if "Item" not in answer:
        raise RehearsalError(f"{slots.target.name} has no record of its slots")
    found: dict[str, Any] = json.loads(answer["Item"]["record"]["S"])
    found["sides_of"] = {slot: _called(side) for slot, side in found["sides_of"].items()}
    found["sides"] = {_called(name): side for name, side in found["sides"].items()}
    return found


def _called(side: str) -> str:
    return f"side {side}"
