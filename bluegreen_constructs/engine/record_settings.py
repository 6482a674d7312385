"""What a stack asks of weighted records: the properties of the custom resource, parsed and checked."""

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import ConfigurationError
from .target_settings import SIDES, Side
from .weighted_records import AliasTo


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """The wanted records.

    zone_id: the hosted zone's. name: theirs, in small letters and without a last dot. targets: what each side leads to.
    """

    zone_id: str
    name: str
    targets: Mapping[Side, AliasTo]

    @property
    def place(self) -> tuple[str, str]:
        """Where they are."""
        return self.zone_id, self.name


def settings_of(properties: Mapping[str, object]) -> RecordSettings:
    """Read the custom resource's properties.

    Raises ConfigurationError when one is missing.
    """
    zone_id, name = place_of(properties)
    sides = {side: properties.get(side.capitalize()) for side in SIDES}
    targets: dict[Side, AliasTo] = {}
    for side, given in sides.items():
        if not isinstance(given, Mapping):
            raise ConfigurationError(
                f"the property {side.capitalize()} is {given!r}: give DnsName, ZoneId, HealthCheckId"
            )
        targets[side] = AliasTo(_text(given, "DnsName"), _text(given, "ZoneId"), _text(given, "HealthCheckId"))
    return RecordSettings(zone_id, name, targets)


def place_of(properties: Mapping[str, object]) -> tuple[str, str]:
    """The zone's id and the records' name. Raises ConfigurationError without them: then there can be no records."""
    return _text(properties, "HostedZoneId"), _text(properties, "RecordName").rstrip(".").lower()


def _text(properties: Mapping[str, object], name: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"the property {name} is {value!r}: give a text")
    return value
