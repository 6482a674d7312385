"""What operating a switch across regions needs to know of it: written by its construct, read by the command line."""

from collections.abc import Mapping
from dataclasses import dataclass

from .stored_fields import StoredFields
from .target_settings import SIDES, Side

REGIONS_PREFIX = "/bluegreen/regions/"
"""Where the settings of a switch lie in Parameter Store, followed by the target's name."""
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class RegionPlace:
    """One side: its region, and the target groups there of which the fullest says how much it can carry."""

    region: str
    group_arns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegionSettings:
    """A switch: the hosted zone and the name of its records, and where its sides are."""

    target: str
    zone_id: str
    name: str
    places: Mapping[Side, RegionPlace]

    def region(self, side: Side) -> str:
        """Where a side is."""
        return self.places[side].region


def region_settings_to_dict(settings: RegionSettings) -> dict[str, object]:
    """`settings` as JSON values, in one order. Texts are passed on as they are: at synth an ARN is a token."""
    return {
        "schema": SCHEMA,
        "reads": 1,
        "target": settings.target,
        "zone_id": settings.zone_id,
        "name": settings.name,
        **{
            side: {"region": settings.places[side].region, "group_arns": list(settings.places[side].group_arns)}
            for side in SIDES
        },
    }


def region_settings_from_json(text: str, where: str) -> RegionSettings:
    """What `region_settings_to_dict` wrote, as JSON; `where` names it in refusals. Raises ObservationError."""
    fields = StoredFields.of_json(text, where)
    fields.refuse_above(SCHEMA, "update the command line to the version that wrote it")
    places = {side: _place(fields.inside(side)) for side in SIDES}
    return RegionSettings(fields.text("target"), fields.text("zone_id"), fields.text("name"), places)


def _place(fields: StoredFields) -> RegionPlace:
    return RegionPlace(fields.text("region"), fields.texts("group_arns"))
