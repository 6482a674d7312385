"""Each Auto Scaling side counts the versions of its own launch template: a number of one is no release of the other."""

from dataclasses import replace

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import FleetSeen, RefusedError
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.target_settings import Compute, Side, TargetSettings
from tests.engine.rollout_world import BAD, RolloutWorld, minutes, quick_settings

GOLD = Release("gold", version="7")
REFUSAL = (
    "version 7 of release gold is of green's launch template, and the release goes to blue, where 7 is another "
    "version: a way back is not judged, so start it with --release gold and, as --version, its number on blue"
)


def fleets(settings: TargetSettings | None = None, *, named: bool = False) -> TargetSettings:
    settings = settings or quick_settings()
    sides = {
        side: replace(
            settings.side(side), compute=Compute.AUTO_SCALING, auto_scaling_group=f"{side}-group", named=named
        )
        for side in ("blue", "green")
    }
    return replace(settings, **sides)


def promoted(*releases: Release, settings: TargetSettings | None = None) -> RolloutWorld:
    """Blue is live with a release that no rollout brought; then these are promoted, on green first."""
    world = RolloutWorld(settings or fleets())
    for number, release in enumerate(releases):
        world.start(world.request(release, id=f"{number}-{release.name}"))
        assert world.finish().phase is Phase.PROMOTED, world.told()
        world.pass_time(minutes(30))
    return world


def side_of(world: RolloutWorld, release: str) -> Side | None:
    record = world.record(release)
    assert record is not None
    return record.side


def back_to(world: RolloutWorld, release: Release) -> None:
    world.start(world.request(release, id=f"back to {release.name}", is_expedited=True))


class TestAWayBack:
    def test_to_a_number_of_the_other_side_is_refused_with_the_way_that_there_is(self) -> None:
        world = promoted(GOLD, Release("b", version="4"), Release("c", version="8"))
        with pytest.raises(RefusedError) as refused:
            back_to(world, GOLD)
        assert str(refused.value) == REFUSAL
        assert (refused.value.exit_code, world.rollout.release.name) == (3, "c")
        assert world.history("REFUSED")[-1].reason == REFUSAL

    def test_to_the_former_side_is_as_it_was(self) -> None:
        world = promoted(GOLD, Release("b", version="4"))
        back_to(world, GOLD)
        assert world.finish().phase is Phase.PROMOTED
        assert (world.share_of("green"), side_of(world, "gold"), side_of(world, "b")) == (100, "green", "blue")

    def test_to_the_former_side_before_it_is_drained_is_as_it_was(self) -> None:
        world = promoted(GOLD)
        world.start(world.request(Release("b", version="4")))
        world.reach(Phase.PROMOTED)
        back_to(world, GOLD)
        assert world.finish().phase is Phase.PROMOTED
        assert world.share_of("green") == 100

    def test_to_a_release_whose_latest_number_is_of_that_side_is_allowed(self) -> None:
        other = Release("c", version="8")
        world = promoted(GOLD, Release("gold", version="5"), other)
        assert side_of(world, "gold") == "blue"
        back_to(world, Release("gold", version="5"))
        assert world.finish().phase is Phase.PROMOTED

    def test_to_a_number_that_is_live_on_the_other_side_is_refused_whatever_is_remembered(self) -> None:
        world = promoted(GOLD)
        record = world.record("gold")
        assert record is not None
        world.store.remember(world.target, replace(record, side=None))
        with pytest.raises(RefusedError, match="of green's launch template, and the release goes to blue"):
            back_to(world, GOLD)

    def test_to_what_a_former_engine_remembered_without_a_side_goes_on(self) -> None:
        world = promoted(GOLD, Release("b", version="4"), Release("c", version="8"))
        record = world.record("gold")
        assert record is not None
        world.store.remember(world.target, replace(record, side=None))
        back_to(world, GOLD)
        assert world.finish().phase is Phase.PROMOTED

    def test_to_the_version_that_was_there_before_the_first_rollout_is_one_to_its_own_side_only(self) -> None:
        world = RolloutWorld(fleets(named=True))
        blue = world.settings.blue.group_arn
        world.fleets.running[blue] = replace(world.fleet("blue"), release="3", version="3")
        for release in ("1.1", "1.2"):
            world.start(world.request(Release(release)))
            world.finish()
            world.pass_time(minutes(30))
        record = world.record("first")
        assert record is not None
        assert (record.release, record.side) == (Release("first", version="3"), "blue")
        with pytest.raises(RefusedError, match="version 3 of release first is of blue's launch template"):
            back_to(world, record.release)

    @pytest.mark.parametrize(
        ("settings", "release"),
        [
            (fleets(named=True), Release("gold")),
            (fleets(), Release("gold", image="ami-0123456789abcdef0")),
            (quick_settings(), Release("7")),
        ],
        ids=["an archive", "an image", "a number that is an image's tag"],
    )
    def test_to_what_is_no_number_goes_to_either_side(self, settings: TargetSettings, release: Release) -> None:
        others = [replace(release, name=name) for name in ("b", "c")]
        world = promoted(release, *others, settings=settings)
        back_to(world, release)
        assert world.finish().phase is Phase.PROMOTED
        assert side_of(world, release.name) == "blue"


class TestAStart:
    def test_of_a_bare_number_of_the_other_side_is_refused(self) -> None:
        world = promoted(Release("7"), Release("4"), Release("8"))
        with pytest.raises(RefusedError) as refused:
            world.start(world.request(Release("7"), id="again"))
        assert str(refused.value) == (
            "version 7 of release 7 is of green's launch template, and the release goes to blue, where 7 is another "
            "version: its name alone does not say whose it is, so start it with --release 7 and, as --version, its "
            "number on blue"
        )

    def test_with_a_version_is_the_operators_own_word(self) -> None:
        world = promoted(GOLD, Release("b", version="4"), Release("c", version="8"))
        world.start(world.request(GOLD, id="again"))
        assert world.finish().phase is Phase.PROMOTED
        assert side_of(world, "gold") == "blue"

    def test_of_a_bare_number_to_its_own_side_is_a_start_like_any(self) -> None:
        world = promoted(Release("7"), Release("4"))
        world.start(world.request(Release("7"), id="again"))
        assert world.finish().phase is Phase.PROMOTED

    def test_of_a_number_that_nobody_knows_is_a_start_like_any(self) -> None:
        assert promoted(Release("7"), Release("4")).rollout.release.name == "4"

    def test_of_what_is_no_release_of_a_fleet_is_refused_as_it_was(self) -> None:
        with pytest.raises(ConfigurationError, match="names no launch template version, which green-group runs"):
            promoted(Release("gold"))


class TestWhatIsRemembered:
    def test_a_rejected_release_keeps_its_side(self) -> None:
        world = RolloutWorld(fleets())
        world.failing = {"gold": BAD}
        world.start(world.request(GOLD))
        world.finish()
        record = world.record("gold")
        assert record is not None
        assert (record.status, record.side) == ("rejected", "green")

    def test_a_release_that_a_rollback_leaves_keeps_its_side(self) -> None:
        world = promoted(GOLD, Release("b", version="4"))
        back_to(world, GOLD)
        world.finish()
        record = world.record("b")
        assert record is not None
        assert (record.status, record.side) == ("rejected", "blue")

    def test_an_accepted_release_has_the_side_that_it_goes_to(self) -> None:
        world = RolloutWorld(fleets())
        world.failing = {"gold": BAD}
        world.start(world.request(GOLD))
        world.finish()
        world.start(world.request(GOLD, id="again", accept="the database was to blame"))
        record = world.record("gold")
        assert record is not None
        assert (record.status, record.side) == ("accepted", "green")

    def test_a_promotion_that_the_next_start_settles_has_its_side(self) -> None:
        world = promoted(GOLD)
        world.start(world.request(Release("b", version="4")))
        world.reach(Phase.PROMOTED)
        back_to(world, GOLD)
        assert side_of(world, "b") == "blue"

    def test_a_fleet_of_the_first_release_without_one_version_has_no_number(self) -> None:
        world = RolloutWorld(fleets())
        world.fleets.running[world.settings.blue.group_arn] = FleetSeen(4, 2, is_settled=True, release="3, 4")
        world.start(world.request(GOLD))
        world.finish()
        record = world.record("first")
        assert record is not None
        assert (record.release, record.side) == (Release("first"), "blue")
