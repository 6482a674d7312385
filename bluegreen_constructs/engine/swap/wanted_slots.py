"""What a stack asks of an application's slots: the properties of its custom resources, read and checked. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import ConfigurationError
from ..slot_settings import PRODUCTION, SlotSettings, SlotSide, SlotsSettings

Properties = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class WantedSlots:
    """An application: its target, and of the settings what the stack knows by then; side n is made for slot n."""

    target: str
    settings: SlotsSettings

    @property
    def initial_map(self) -> dict[str, str]:
        """The side of each slot before anything was swapped."""
        return {slot.name: side.name for slot, side in zip(self.settings.slots, self.settings.sides, strict=True)}


def wanted_slots(properties: Properties) -> WantedSlots:
    """Read the properties; CloudFormation hands over numbers as texts.

    Raises ConfigurationError: a property is missing or makes no sense.
    """
    sides = tuple(
        SlotSide(
            name=_text(one, "Name"), group_arn="", service=_text(one, "Service", ""), family=_text(one, "Family", "")
        )
        for one in _objects(properties, "Sides")
    )
    slots = tuple(
        SlotSettings(
            name=_text(one, "Name"),
            definition=_text(one, "Definition", ""),
            minimum=_whole(one, "Minimum"),
            maximum=_whole(one, "Maximum"),
        )
        for one in _objects(properties, "Slots")
    )
    if len(sides) != len(slots) or not slots or slots[0].name != PRODUCTION:
        raise ConfigurationError(
            f"there are {len(sides)} sides and {len(slots)} slots: give as many of both, {PRODUCTION} first"
        )
    return WantedSlots(
        target=_text(properties, "Target"),
        settings=SlotsSettings(
            cluster=_text(properties, "Cluster", ""),
            container=_text(properties, "Container", ""),
            sides=sides,
            slots=slots,
            sticky=_texts(properties, "Sticky"),
            role_parameter=_text(properties, "RoleParameter", ""),
        ),
    )


def _text(given: Properties, name: str, default: str | None = None) -> str:
    value = given.get(name, default)
    if not isinstance(value, str) or (not value and default is None):
        raise ConfigurationError(f"the property {name} is {value!r}: give a text")
    return value


def _texts(given: Properties, name: str) -> tuple[str, ...]:
    value = given.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ConfigurationError(f"the property {name} is {value!r}: give a list of texts")
    return tuple(value)


def _whole(given: Properties, name: str) -> int:
    value = str(given.get(name, "1"))
    if not (value.isascii() and value.isdigit()):
        raise ConfigurationError(f"the property {name} is {value!r}: give a whole number")
    return int(value)


def _objects(given: Properties, name: str) -> Sequence[Properties]:
    value = given.get(name)
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise ConfigurationError(f"the property {name} is {value!r}: give a list of objects")
    return value
