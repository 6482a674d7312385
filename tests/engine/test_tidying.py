"""After the end: the side out of use is drained, and only then scaled down; unless it is to be kept."""

from contextlib import suppress
from dataclasses import replace

import pytest

from bluegreen_constructs.engine.counts import series_of
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import HeldError, RefusedError
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.target_settings import Compute, SideSettings
from bluegreen_constructs.engine.weights import forward, share_of
from tests.engine.rollout_world import BAD, NEXT, RolloutWorld, fixed, minutes, quick_settings

ends = pytest.mark.parametrize(
    ("failing", "phase", "out", "serving"),
    [({}, Phase.PROMOTED, "blue", "green"), ({NEXT.name: BAD}, Phase.ROLLED_BACK, "green", "blue")],
    ids=["promoted", "rolled back"],
)


def ended(failing: dict[str, float] | None = None, *, world: RolloutWorld | None = None) -> RolloutWorld:
    world = world or RolloutWorld()
    world.failing = failing or {}
    world.start()
    world.pass_for(60, until=lambda: world.rollout.has_ended)
    assert world.rollout.has_ended
    return world


@ends
def test_nothing_is_scaled_down_before_two_quiet_minutes(
    failing: dict[str, float], phase: Phase, out: str, serving: str
) -> None:
    world = ended(failing)
    assert world.rollout.phase is phase
    since = world.clock.now
    while world.fleet(out).desired:  # type: ignore[arg-type]
        assert not world.rollout.is_tidied
        world.pass_for(1 / 6)
    first_whole_minute = minutes(1) - (since - since.replace(second=0))
    quiet = world.clock.now - since - first_whole_minute
    assert minutes(2) + world.settings.metric_lag <= quiet < minutes(2) + world.settings.metric_lag + minutes(1.5)
    assert world.fleet(serving).desired == 4  # type: ignore[arg-type]


@ends
def test_the_side_out_of_use_is_empty_in_the_end_and_the_other_has_lives_minimum(
    failing: dict[str, float], phase: Phase, out: str, serving: str
) -> None:
    world = ended(failing)
    done = world.finish()
    assert (done.phase, done.is_tidied) == (phase, True)
    assert (world.fleet(out).desired, world.fleet(out).minimum) == (0, 0)  # type: ignore[arg-type]
    assert (world.fleet(serving).desired, world.fleet(serving).minimum) == (4, 2)  # type: ignore[arg-type]


def test_a_side_that_still_gets_requests_is_not_quiet() -> None:
    world = ended()
    lingers_until = world.clock.now + minutes(6)

    def lingering() -> bool:
        """Long answers, clients that hold on to their connection."""
        if world.clock.now < lingers_until:
            give_requests(world, 3)
        return world.fleet("blue").desired == 0

    world.pass_for(30, until=lingering)
    assert world.clock.now >= lingers_until + minutes(2)


def give_requests(world: RolloutWorld, count: float) -> None:
    minute = int(world.clock.now.timestamp() // 60)
    world.metrics.add(series_of(world.settings)["blue/requests"], minute, count)


def test_a_side_that_never_gets_quiet_is_left_running_and_the_history_says_so() -> None:
    world = ended()
    since = world.clock.now
    while not world.rollout.is_tidied:
        give_requests(world, 3)
        world.pass_for(1 / 3)
    assert world.settings.drain_timeout <= world.clock.now - since < world.settings.drain_timeout + minutes(2)
    assert world.fleet("blue").desired == 4
    (item,) = world.history("LEFT_RUNNING")
    assert "the blue side was left running" in item.reason
    assert world.fleet("green").minimum == 2


def test_minutes_without_any_requests_prove_nothing() -> None:
    world = ended()
    world.is_silent = True
    world.finish()
    assert world.fleet("blue").desired == 4
    assert len(world.history("LEFT_RUNNING")) == 1


def test_a_minute_with_requests_between_quiet_ones_begins_the_count_anew() -> None:
    world = ended()
    world.pass_for(10, until=lambda: world.rollout.quiet == 1)
    quiet_until = world.rollout.quiet_until
    assert quiet_until is not None
    world.metrics.add(series_of(world.settings)["blue/requests"], quiet_until + 1, 1)
    world.pass_for(1.2)
    assert (world.rollout.quiet, world.fleet("blue").desired) == (0, 4)
    world.finish()
    assert world.fleet("blue").desired == 0


def test_a_quarantined_side_keeps_running_unrouted() -> None:
    world = RolloutWorld()
    world.failing = {NEXT.name: BAD}
    world.start(world.request(is_quarantined=True))
    assert world.finish().phase is Phase.ROLLED_BACK
    assert world.fleet("green").desired == 4
    assert world.share_of("green") == 0
    assert world.release_on("green") == NEXT.name
    assert world.fleet("blue").minimum == 2


@ends
def test_a_quarantined_side_is_taken_only_by_a_rollout_that_ends_the_quarantine(
    failing: dict[str, float], phase: Phase, out: str, serving: str
) -> None:
    world = RolloutWorld()
    world.failing = failing
    world.start(world.request(is_quarantined=True))
    assert world.finish().phase is phase
    world.pass_time(minutes(60))
    kept = "first" if out == "blue" else NEXT.name
    with pytest.raises(RefusedError, match=f"the {out} side keeps release {kept} in quarantine.*--end-quarantine"):
        world.start(world.request(Release("1.5.0")))
    assert (world.fleet(out).desired, world.share_of(serving)) == (4, 100)  # type: ignore[arg-type]
    world.start(world.request(Release("1.5.0"), ends_quarantine=True))
    assert world.finish().phase is Phase.PROMOTED


def left_running() -> RolloutWorld:
    world = ended()
    while not world.rollout.is_tidied:
        give_requests(world, 3)
        world.pass_for(1 / 3)
    return world


def test_a_side_that_was_left_running_is_no_quarantine() -> None:
    world = left_running()
    assert (world.rollout.is_left_running, world.rollout.is_quarantined) == (True, False)
    world.pass_time(minutes(10))
    world.start(world.request(Release("1.5.0")))
    assert world.finish().phase is Phase.PROMOTED


def test_a_side_that_was_left_running_is_drained_before_it_gets_the_next_release() -> None:
    world = left_running()
    world.start(world.request(Release("1.5.0")))
    assert world.finish().phase is Phase.PROMOTED  # the world asserts I8


def say_nothing_is_requested(world: RolloutWorld) -> None:
    """CloudWatch says 0 of both sides."""
    minute = int(world.clock.now.timestamp() // 60)
    for side in ("blue", "green"):
        world.metrics.values.setdefault(series_of(world.settings)[f"{side}/requests"], {})[minute] = 0.0


def test_a_minute_in_which_a_side_is_said_to_have_had_no_requests_is_quiet_also_when_nobody_has_any() -> None:
    world = ended()
    world.is_silent = True

    def is_empty() -> bool:
        say_nothing_is_requested(world)
        return world.fleet("blue").desired == 0

    world.pass_for(10, until=is_empty)
    assert world.fleet("blue").desired == 0
    world.finish()
    assert world.history("LEFT_RUNNING") == []


@ends
def test_test_traffic_leaves_a_side_that_drains(
    failing: dict[str, float], phase: Phase, out: str, serving: str
) -> None:
    world = ended(failing)
    world.pass_for(1)
    assert world.rollout.phase is phase
    (rule,) = world.settings.test_rule_arns
    groups = [world.settings.side(side).group_arn for side in (out, serving)]  # type: ignore[arg-type]
    assert share_of(world.rules.rules[rule][0], *groups) == 100


def test_test_traffic_stays_on_a_side_in_quarantine() -> None:
    world = RolloutWorld()
    world.failing = {NEXT.name: BAD}
    world.start(world.request(is_quarantined=True))
    world.finish()
    (rule,) = world.settings.test_rule_arns
    groups = world.settings.blue.group_arn, world.settings.green.group_arn
    assert share_of(world.rules.rules[rule][0], *groups) == 100


def test_fixed_sides_have_nothing_to_tidy() -> None:
    world = ended(world=RolloutWorld(fixed(quick_settings())))
    since = world.clock.now
    world.finish()
    assert minutes(0.5) <= world.clock.now - since < minutes(1), "as long as reads of the rule may be old"


def test_a_scaled_side_beside_a_fixed_one_is_tidied() -> None:
    settings = quick_settings()
    world = ended(world=RolloutWorld(replace(settings, blue=replace(settings.blue, compute=Compute.FIXED))))
    world.finish()
    assert world.fleets.calls[0][0] == "deploy"
    assert world.fleet("green").desired == 4


def test_nothing_of_a_side_that_the_rule_names_again_is_scaled_down() -> None:
    world = ended()
    blue, green = world.settings.blue.group_arn, world.settings.green.group_arn
    world.pass_for(10, until=lambda: world.rollout.quiet == 1)
    world.rules.rules[world.settings.rule_arn] = ((forward(blue, green, 90, None),), dict(world.tags))
    world.pass_for(10)
    assert world.fleet("blue").desired == 4


def test_who_gives_a_draining_side_traffic_again_reads_in_the_history_that_it_was_left_running() -> None:
    world = given_traffic_again()
    world.finish(hours=3)
    assert len(world.history("LEFT_RUNNING")) == 1


def test_draining_ends_also_when_somebody_gives_the_side_traffic_again() -> None:
    world = given_traffic_again()
    world.finish(hours=3)  # the world asserts I8
    assert world.fleet("blue").desired == 4


def given_traffic_again() -> RolloutWorld:
    world = ended()
    blue, green = world.settings.blue.group_arn, world.settings.green.group_arn
    world.pass_for(10, until=lambda: world.rollout.quiet == 1)
    world.pass_time(minutes(0.9))
    world.rules.rules[world.settings.rule_arn] = ((forward(blue, green, 90, None),), dict(world.tags))
    return world


@pytest.mark.parametrize("share", [0, 50])
def test_traffic_that_was_moved_by_hand_after_the_end_stays_where_it_is(share: float) -> None:
    world = ended()
    blue, green = world.settings.blue.group_arn, world.settings.green.group_arn
    world.pass_for(2.5)
    world.rules.rules[world.settings.rule_arn] = ((forward(blue, green, share, None),), dict(world.tags))
    world.pass_for(60)
    assert world.share_of("green") == share


def test_a_way_back_never_meets_the_scaling_down_of_the_side_it_goes_to() -> None:
    world = ended()
    first = world.rollout.id
    scale, begun = world.fleets.scale, [False]

    def slow(side: SideSettings, desired: int | None, minimum: int | None) -> None:
        """UpdateService is throttled, and tried again by the SDK for a while; the operator rolls back meanwhile."""
        if desired == 0 and not begun[0]:
            begun[0] = True
            with suppress(HeldError):
                world.start(world.request(Release("first"), id="rollback", is_expedited=True))
                world.reach(Phase.PROMOTED)
        scale(side, desired, minimum)

    world.fleets.scale = slow  # type: ignore[method-assign]
    world.pass_for(20, until=lambda: begun[0])  # the world asserts I8
    assert begun[0]
    assert world.rollout.id in {first, "rollback"}


def test_a_target_is_free_when_all_is_tidied() -> None:
    world = ended()
    world.finish()
    assert world.executions.is_running(world.rollout.execution) is False
    for version in ("2", "3"):
        world.start(world.request(Release(version)))
        assert world.finish().phase is Phase.PROMOTED


def test_a_turn_after_the_end_changes_nothing() -> None:
    world = ended()
    world.finish()
    there, calls = world.rollout, len(world.rules.calls)
    world.pass_time(minutes(60))
    answer = world.turn()
    assert (answer.done, answer.outcome) == (True, "PROMOTED")
    assert world.rollout == there
    assert world.watched_rules.calls_since(calls) == []


def test_an_engine_that_was_away_while_a_side_got_quiet_scales_it_down() -> None:
    world = ended()
    world.pass_time(minutes(20))
    world.finish()
    assert world.fleet("blue").desired == 0
    assert world.history("LEFT_RUNNING") == []


def test_draining_looks_at_requests_only() -> None:
    world = ended()
    asked: list[int] = []
    minutes_of = world.metrics.minutes

    def counted(series: dict[str, object], first: int, last: int) -> object:
        asked.append(len(series))
        assert first <= last, "no minute is closed that was not looked at yet"
        return minutes_of(series, first, last)  # type: ignore[arg-type]

    world.metrics.minutes = counted  # type: ignore[assignment,method-assign]
    world.finish()
    assert set(asked) == {2}
