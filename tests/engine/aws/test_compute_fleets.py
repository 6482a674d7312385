"""Each side goes to what its compute is; what the engine cannot move is left alone."""

import pytest

from bluegreen_constructs.engine.aws.fleets import ComputeFleets
from bluegreen_constructs.engine.ports import FleetSeen
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.target_settings import Compute, SideSettings

RELEASE = Release("1.4.2")


class Remembering:
    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def seen(self, side: SideSettings, release: Release | None = None) -> FleetSeen:
        self.calls.append(("seen", side, release))
        return FleetSeen(3, 1, True)

    def deploy(self, *arguments: object) -> None:
        self.calls.append(("deploy", *arguments))

    def scale(self, *arguments: object) -> None:
        self.calls.append(("scale", *arguments))


@pytest.mark.parametrize("compute", list(Compute))
def test_a_side_is_handed_to_what_its_compute_is_and_to_nothing_else(compute: Compute) -> None:
    ecs, auto_scaling = Remembering(), Remembering()
    fleets = ComputeFleets(ecs=ecs, auto_scaling=auto_scaling)
    side = SideSettings("arn:green", "targetgroup/green/2", compute)
    seen = fleets.seen(side, RELEASE)
    fleets.deploy(side, RELEASE, 4)
    fleets.scale(side, 0, None)
    handed = [("seen", side, RELEASE), ("deploy", side, RELEASE, 4), ("scale", side, 0, None)]
    assert ecs.calls == (handed if compute is Compute.ECS else [])
    assert auto_scaling.calls == (handed if compute is Compute.AUTO_SCALING else [])
    assert seen == (FleetSeen(3, 1, True) if ecs.calls or auto_scaling.calls else FleetSeen(0, None, True))
