"""Which side of a fleet on instances is live: by what is registered, by the instances' tags, and never by a guess."""

from collections.abc import Mapping, Sequence

import pytest

from bluegreen_constructs import fleet_group, release_artefact
from bluegreen_constructs.engine.fleet_sides import FLEET_TAG, SIDE_TAG, InstanceSeen, SidesSeen, sides_seen
from bluegreen_constructs.engine.ports import HeldError, RefusedError

INSTANCES = [InstanceSeen(f"i-{side}{n}", side) for side in ("blue", "green") for n in (1, 2)]
BLUE, GREEN = ({f"i-{side}{n}": "healthy" for n in (1, 2)} for side in ("blue", "green"))


def seen(registered: Mapping[str, str], instances: Sequence[InstanceSeen] = INSTANCES, size: int = 0) -> SidesSeen:
    return sides_seen("A/Fleet", registered, instances, size)


def of_each(blue: int, green: int) -> list[InstanceSeen]:
    """So many running instances of each side."""
    counts = {"blue": blue, "green": green}
    return [InstanceSeen(f"i-{side}{n}", side) for side, count in counts.items() for n in range(1, count + 1)]


FOUR = {f"i-blue{n}": "healthy" for n in range(1, 5)}


def test_the_tags_are_those_that_the_construct_gives() -> None:
    assert (FLEET_TAG, SIDE_TAG) == (fleet_group.FLEET_TAG, release_artefact.SIDE_TAG)


@pytest.mark.parametrize(("registered", "live", "candidate"), [(BLUE, "blue", "green"), (GREEN, "green", "blue")])
def test_what_is_registered_is_live_and_the_other_side_is_deployed_to(
    registered: Mapping[str, str], live: str, candidate: str
) -> None:
    found = seen(registered)
    assert (found.live, found.candidate, found.original) == (live, candidate, live)


def test_while_nothing_is_registered_blue_is_deployed_to_and_greens_are_the_original_instances() -> None:
    found = seen({})
    assert (found.live, found.candidate, found.original) == (None, "blue", "green")


@pytest.mark.parametrize("state", ["initial", "healthy", "unhealthy", "unhealthy.draining", "unused", "unavailable"])
def test_a_side_is_live_whatever_the_health_check_says_of_it(state: str) -> None:
    assert seen({"i-green1": state}).live == "green"


def test_one_instance_out_of_many_is_enough() -> None:
    assert seen({"i-green2": "healthy"}).live == "green"


def test_both_sides_are_not_chosen_from() -> None:
    with pytest.raises(RefusedError) as raised:
        seen({**BLUE, "i-green2": "unhealthy"})
    assert str(raised.value) == (
        "instances of blue (i-blue1, i-blue2) and green (i-green2) are registered in the target group of A/Fleet, so "
        "which side is live cannot be told: deregister those that are not to serve, and try again"
    )


@pytest.mark.parametrize("side", ["", "red"])
def test_a_registered_instance_of_no_side_is_refused(side: str) -> None:
    with pytest.raises(RefusedError) as raised:
        seen({**BLUE, "i-else": "healthy"}, [*INSTANCES, InstanceSeen("i-else", side)])
    assert str(raised.value) == (
        "i-else in the target group of A/Fleet has no tags bluegreen:fleet=A/Fleet and bluegreen:side of blue or "
        "green, so which side is live cannot be told: deregister what does not belong to the fleet"
    )


@pytest.mark.parametrize("state", ["draining", "unused"])
def test_a_foreign_instance_that_gets_no_requests_is_no_hindrance(state: str) -> None:
    assert seen({**BLUE, "i-gone": state}).live == "blue"


def test_what_drains_of_live_is_on_its_way_out_and_no_hindrance() -> None:
    assert seen({**BLUE, "i-blue2": "draining"}).live == "blue"


def test_what_drains_alone_does_not_serve() -> None:
    assert seen({"i-green1": "draining"}).live is None


@pytest.mark.parametrize("serving", [GREEN, {}])
def test_instances_that_still_finish_requests_are_not_deployed_to(serving: Mapping[str, str]) -> None:
    with pytest.raises(HeldError) as raised:
        seen({**serving, "i-blue1": "draining"})
    assert str(raised.value) == (
        "i-blue1 of the side blue of A/Fleet still finishes requests (draining): try again when the deregistration "
        "delay is over"
    )


@pytest.mark.parametrize(
    "instances", [INSTANCES[:2], [*INSTANCES[:2], InstanceSeen("i-green1", "green", is_running=False)]]
)
def test_a_side_without_an_instance_that_runs_is_not_deployed_to(instances: Sequence[InstanceSeen]) -> None:
    with pytest.raises(HeldError) as raised:
        seen(BLUE, instances)
    assert str(raised.value) == (
        "0 of 2 instances of the side green of A/Fleet run, and that side would get all traffic: try again in some "
        "minutes, or see the activities of its Auto Scaling group"
    )


@pytest.mark.parametrize("size", [0, 4])
@pytest.mark.parametrize("running", [1, 3])
def test_a_side_that_has_not_filled_up_yet_is_not_deployed_to(running: int, size: int) -> None:
    with pytest.raises(HeldError, match=f"^{running} of 4 instances of the side green of A/Fleet run, "):
        seen(FOUR, of_each(4, running), size)


def test_instances_that_boot_or_end_do_not_fill_a_side() -> None:
    ending = [InstanceSeen(f"i-old{n}", "green", is_running=False) for n in range(4)]
    with pytest.raises(HeldError, match=r"^2 of 4 instances"):
        seen(FOUR, [*of_each(4, 2), *ending])


@pytest.mark.parametrize("size", [0, 4])
def test_a_side_that_has_filled_up_is_deployed_to(size: int) -> None:
    assert seen(FOUR, of_each(4, 4), size).candidate == "green"


def test_before_the_first_deployment_a_side_needs_what_its_stack_says() -> None:
    with pytest.raises(HeldError, match=r"^2 of 4 instances of the side blue"):
        seen({}, of_each(2, 4), 4)
    assert seen({}, of_each(4, 0), 4).candidate == "blue"


def test_before_the_first_deployment_one_instance_is_needed_when_nothing_says_more() -> None:
    assert seen({}, of_each(1, 0)).candidate == "blue"
    with pytest.raises(HeldError, match=r"^0 of 1 instances"):
        seen({}, of_each(0, 2))


def test_unhealthy_instances_of_live_lower_nothing() -> None:
    with pytest.raises(HeldError, match=r"^2 of 4 instances"):
        seen({**FOUR, "i-blue1": "unhealthy", "i-blue2": "initial"}, of_each(4, 2))


def test_instances_that_have_left_live_are_not_counted() -> None:
    assert seen({**FOUR, "i-blue3": "draining", "i-blue4": "unused"}, of_each(4, 2)).candidate == "green"


def test_a_side_that_was_made_smaller_can_be_deployed_to_while_live_still_has_more() -> None:
    """Auto Scaling does not end protected instances, and starts no more than the stack says."""
    assert seen(FOUR, of_each(4, 2), 2).candidate == "green"


@pytest.mark.parametrize(
    ("registered", "is_whole"),
    [
        ({}, False),
        (FOUR, True),
        ({**FOUR, "i-blue1": "unhealthy"}, False),
        ({**FOUR, "i-blue1": "draining"}, False),
        (dict(list(FOUR.items())[:3]), False),
    ],
)
def test_live_is_whole_with_as_many_healthy_instances_as_a_side_is_to_have(
    registered: Mapping[str, str], is_whole: bool
) -> None:
    assert seen(registered, of_each(4, 4), 4).is_whole == is_whole


def test_a_live_instance_that_has_ended_does_not_make_the_other_side_look_live() -> None:
    ended = [InstanceSeen("i-blue1", "blue", is_running=False), *INSTANCES[1:]]
    assert seen({"i-blue1": "unused", "i-blue2": "healthy"}, ended).live == "blue"


def test_many_instances_make_no_long_sentence() -> None:
    many = [InstanceSeen(f"i-{n}", "blue") for n in range(9)]
    with pytest.raises(RefusedError, match=r"of blue \(i-0, i-1, i-2 and 6 more\) and green \(i-green1\)"):
        seen({**{one.id: "healthy" for one in many}, "i-green1": "healthy"}, [*many, *INSTANCES])
