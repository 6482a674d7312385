"""The compute behind the sides, whichever it is."""

from ..ports import Fleets, FleetSeen
from ..release import Release
from ..target_settings import Compute, SideSettings


class ComputeFleets:
    """`engine.ports.Fleets` on AWS: hands each side to what its compute is."""

    def __init__(self, *, ecs: Fleets, auto_scaling: Fleets) -> None:
        """Use `ecs` (an `EcsFleet`) and `auto_scaling` (an `AutoScalingFleet`) for the sides that are such."""
        self._fleets = {Compute.ECS: ecs, Compute.AUTO_SCALING: auto_scaling}

    def seen(self, side: SideSettings, release: Release | None = None) -> FleetSeen:
        """A FIXED or LAMBDA side is always settled, and nothing is asked of it: its targets' health tells the rest."""
        fleet = self._fleets.get(side.compute)
        return fleet.seen(side, release) if fleet else FleetSeen(desired=0, minimum=None, is_settled=True)

    def deploy(self, side: SideSettings, release: Release, desired: int) -> None:
        """Nothing for a FIXED or LAMBDA side."""
        fleet = self._fleets.get(side.compute)
        if fleet:
            fleet.deploy(side, release, desired)

    def scale(self, side: SideSettings, desired: int | None, minimum: int | None) -> None:
        """Nothing for a FIXED or LAMBDA side."""
        fleet = self._fleets.get(side.compute)
        if fleet:
            fleet.scale(side, desired, minimum)
