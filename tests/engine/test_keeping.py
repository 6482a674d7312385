"""After a promotion the former live side can be kept running: for a rollback without starts, and in nobody's way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bluegreen_constructs.cli.waiting_for import waiting_for
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import HeldError, LostLockError, RefusedError
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import Rollout
from bluegreen_constructs.engine.runner import SUPERSEDED, tick
from tests.engine.rollout_world import BAD, NEXT, RolloutWorld, fixed, minutes, quick_settings
from tests.engine.test_tidying import give_requests

KEEP = timedelta(hours=30)
LATER = Release("1.5.0")


def keeping(keep: timedelta = KEEP) -> RolloutWorld:
    return RolloutWorld(replace(quick_settings(), keep=keep))


def kept(world: RolloutWorld | None = None) -> RolloutWorld:
    """A world whose release was promoted; blue is drained and kept."""
    world = world or keeping()
    world.start()
    world.pass_for(60, until=lambda: world.rollout.is_kept)
    assert world.rollout.is_kept, world.told()
    return world


def sleep_until(world: RolloutWorld, instant: datetime) -> None:
    """Let hours pass without any requests; ticks come when they are asked for."""
    while world.clock.now < instant:
        assert world.answer is not None
        world.clock.forward(min(timedelta(seconds=world.answer.wait_seconds), instant - world.clock.now))
        world.turn()


def test_the_former_live_side_keeps_its_targets_and_its_raised_minimum() -> None:
    world = kept()
    assert (world.rollout.phase, world.rollout.is_tidied) == (Phase.PROMOTED, False)
    assert (world.fleet("blue").desired, world.fleet("blue").minimum) == (4, 4)
    assert world.share_of("blue") == 0


def test_the_side_that_serves_has_its_own_minimum_back_while_the_other_is_kept() -> None:
    assert kept().fleet("green").minimum == 2


def test_it_is_kept_from_the_moment_in_which_it_was_drained() -> None:
    world = kept()
    (item,) = world.history("KEPT")
    assert world.rollout.kept_until == item.at + KEEP
    assert item.reason == f"the blue side keeps running until {item.at + KEEP:%Y-%m-%d %H:%M} UTC"
    (ended,) = world.history("ENDED")
    assert item.at - ended.at >= minutes(2) + world.settings.metric_lag


def test_it_is_scaled_down_when_the_time_is_over_and_it_is_still_quiet() -> None:
    world = kept()
    until = world.rollout.kept_until
    assert until is not None
    sleep_until(world, until - timedelta(seconds=1))
    assert world.fleet("blue").desired == 4
    done = world.finish()  # the world asserts I8
    assert (done.phase, done.is_tidied) == (Phase.PROMOTED, True)
    assert (world.fleet("blue").desired, world.fleet("blue").minimum) == (0, 0)
    assert world.clock.now - until < minutes(6)


def test_a_long_time_of_keeping_takes_a_few_turns() -> None:
    world = kept(keeping(timedelta(days=14)))
    assert world.rollout.kept_until is not None
    before = world.ticks
    sleep_until(world, world.rollout.kept_until)
    assert world.ticks - before <= 30


def test_a_turn_while_a_side_is_kept_asks_the_load_balancer_and_cloudwatch_nothing() -> None:
    world = kept()
    calls = len(world.rules.calls)
    world.metrics.minutes = lambda *_: pytest.fail("asked")  # type: ignore[method-assign,assignment]
    sleep_until(world, world.clock.now + timedelta(hours=20))
    assert world.watched_rules.calls_since(calls) == []


def test_a_stack_update_meanwhile_keeps_the_minimum_that_it_sets() -> None:
    world = kept()
    world.fleets.scale(world.settings.green, None, 3)
    assert world.rollout.kept_until is not None
    sleep_until(world, world.rollout.kept_until)
    world.finish()
    assert world.fleet("green").minimum == 3


def test_traffic_that_comes_to_a_kept_side_keeps_it_from_being_scaled_down() -> None:
    world = kept()
    assert world.rollout.kept_until is not None
    sleep_until(world, world.rollout.kept_until)
    while not world.rollout.is_tidied:
        give_requests(world, 3)
        world.pass_for(1 / 3)
    assert world.fleet("blue").desired == 4
    assert len(world.history("LEFT_RUNNING")) == 1


def test_an_engine_that_was_away_at_the_end_still_looks_whether_the_side_is_quiet() -> None:
    world = kept()
    world.clock.forward(KEEP + timedelta(days=2))
    world.finish()
    assert world.history("LEFT_RUNNING") == []
    assert world.fleet("blue").desired == 0


def over(world: RolloutWorld | None = None) -> RolloutWorld:
    """A world whose kept side was kept for as long as it is to be; nobody had requests in the end."""
    world = kept(world)
    assert world.rollout.kept_until is not None
    sleep_until(world, world.rollout.kept_until)
    return world


class TestNobodyHasRequestsWhenItsTimeIsOver:
    """An internal service at night: what no side has is no evidence, and no reason to pay for a side for ever."""

    def test_it_is_scaled_down_in_the_morning(self) -> None:
        world = over()
        sleep_until(world, world.clock.now + timedelta(hours=10))
        assert (world.rollout.is_kept, world.fleet("blue").desired) == (True, 4)
        morning = world.clock.now
        done = world.finish()  # the world asserts I8
        assert (world.fleet("blue").desired, world.fleet("blue").minimum) == (0, 0)
        assert (done.phase, done.is_left_running, world.history("LEFT_RUNNING")) == (Phase.PROMOTED, False, [])
        assert world.clock.now - morning < minutes(66)

    def test_a_minute_in_which_only_live_has_requests_is_not_enough(self) -> None:
        world = over()
        sleep_until(world, world.clock.now + timedelta(hours=2))
        world.pass_time(timedelta(seconds=30))
        sleep_until(world, world.clock.now + timedelta(hours=4))
        assert (world.rollout.quiet, world.fleet("blue").desired) == (1, 4)

    def test_after_a_weekend_it_is_scaled_down_within_three_hours(self) -> None:
        world = over()
        sleep_until(world, world.clock.now + timedelta(hours=62))
        monday = world.clock.now
        world.finish()
        assert (world.fleet("blue").desired, world.history("LEFT_RUNNING")) == (0, [])
        assert world.clock.now - monday < timedelta(hours=3, minutes=5)

    def test_a_side_that_nobody_could_ever_see_quiet_is_left_running_after_two_weeks(self) -> None:
        world = over()
        until = world.clock.now
        sleep_until(world, until + timedelta(days=14) - minutes(1))
        assert (world.rollout.is_kept, world.history("LEFT_RUNNING")) == (True, [])
        sleep_until(world, until + timedelta(days=14) + minutes(1))
        (item,) = world.history("LEFT_RUNNING")
        assert item.reason == (
            "the blue side was left running: it was not seen without requests for 2 minutes in 14 days after its time"
        )
        assert (world.rollout.is_tidied, world.rollout.is_left_running, world.fleet("blue").desired) == (True, True, 4)
        assert world.fleet("green").minimum == 2
        world.check_history()

    def test_looking_for_two_weeks_takes_few_enough_turns_for_one_execution(self) -> None:
        """25,000 events, of which the plan and its pauses may take 21,600, and a turn takes nine."""
        world = over()
        before = world.ticks
        sleep_until(world, world.clock.now + timedelta(days=14) + minutes(1))
        assert world.rollout.is_tidied
        assert world.ticks - before <= 170

    def test_every_minute_is_asked_for(self) -> None:
        world = over()
        asked: set[int] = set()
        minutes_of = world.metrics.minutes

        def noted(series: dict[str, object], first: int, last: int) -> object:
            asked.update(range(first, last + 1))
            return minutes_of(series, first, last)  # type: ignore[arg-type]

        world.metrics.minutes = noted  # type: ignore[assignment,method-assign]
        sleep_until(world, world.clock.now + timedelta(days=6))
        assert asked == set(range(min(asked), max(asked) + 1))
        assert len(asked) > 6 * 24 * 60 - 200

    def test_requests_on_the_side_that_was_kept_are_never_scaled_away(self) -> None:
        world = over()
        sleep_until(world, world.clock.now + timedelta(hours=8))
        while not world.rollout.is_tidied:
            give_requests(world, 3)
            world.pass_for(1 / 3)
        assert world.fleet("blue").desired == 4
        (item,) = world.history("LEFT_RUNNING")
        assert item.reason == "the blue side was left running: it was not seen without requests for 2 minutes"

    def test_requests_that_came_in_the_night_and_ended_are_drained_like_any(self) -> None:
        world = over()
        sleep_until(world, world.clock.now + timedelta(hours=2))
        give_requests(world, 3)
        world.finish()  # the world asserts I8
        assert (world.fleet("blue").desired, world.history("LEFT_RUNNING")) == (0, [])

    def test_cloudwatch_that_does_not_answer_is_asked_again(self) -> None:
        world = over()
        minutes_of = world.metrics.minutes

        def throttled(*_: object) -> object:
            raise AwsError("throttled")

        world.metrics.minutes = throttled  # type: ignore[assignment,method-assign]
        sleep_until(world, world.clock.now + timedelta(hours=3))
        assert (world.rollout.is_kept, world.history("LEFT_RUNNING")) == (True, [])
        world.metrics.minutes = minutes_of  # type: ignore[method-assign]
        world.finish()
        assert world.fleet("blue").desired == 0

    @pytest.mark.parametrize("broken", ["save", "scale", "read"])
    def test_a_turn_that_fails_when_the_morning_comes_is_made_up_for(self, broken: str) -> None:
        world = over()
        sleep_until(world, world.clock.now + timedelta(hours=2))
        owner: object = {"save": world.store, "scale": world.fleets, "read": world.rules}[broken]
        of, left = getattr(owner, broken), [3]

        def failing(*arguments: object) -> object:
            if left[0]:
                left[0] -= 1
                raise AwsError("broken")
            return of(*arguments)

        setattr(owner, broken, failing)
        world.finish()  # the world asserts I8
        assert (left, world.fleet("blue").desired, world.fleet("green").minimum) == ([0], 0, 2)
        assert world.history("LEFT_RUNNING") == []

    def test_a_turn_that_ended_when_it_was_let_go_is_finished_by_the_next_one(self) -> None:
        """Killed between the save and the scaling down: a start waits, and the side is scaled down."""
        world = over()
        world.pass_for(10, until=lambda: world.rollout.quiet == 1)
        scale = world.fleets.scale

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        world.fleets.scale = killed  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            world.pass_for(10)
        assert (world.rollout.is_kept, world.rollout.is_tidied, world.fleet("blue").desired) == (False, False, 4)
        with pytest.raises(HeldError, match="is still draining the side out of use"):
            world.start(world.request(LATER))
        world.fleets.scale = scale  # type: ignore[method-assign]
        world.finish()
        assert world.fleet("blue").desired == 0

    def test_an_operator_reads_what_it_waits_for(self) -> None:
        assert waiting_for(over().rollout) == (
            "nothing: blue keeps running, ready for a rollback, until it was seen without requests for two minutes"
        )

    def test_the_state_machine_has_nothing_to_restore(self) -> None:
        answer = over().turn()
        assert (answer.done, answer.restore) == (False, {})

    def test_a_rollback_starts_nothing(self) -> None:
        world = over()
        sleep_until(world, world.clock.now + timedelta(hours=3))
        running = world.fleet("blue")
        world.start(world.request(Release("first"), id="rollback", is_expedited=True))
        world.reach(Phase.PROMOTED)
        assert (world.share_of("blue"), world.fleet("blue").desired) == (100, running.desired)


class TestTheNextStart:
    def test_it_need_not_wait_and_takes_the_side_over(self) -> None:
        world = kept()
        former = world.rollout
        assert world.executions.is_running(former.execution)
        began = world.clock.now
        world.start(world.request(LATER))
        world.reach(Phase.TESTING)
        assert world.clock.now - began < minutes(2), "the side is known to be without requests"
        assert (world.rollout.candidate, world.release_on("blue")) == ("blue", LATER.name)

    def test_the_minimum_that_was_put_back_is_the_one_that_is_put_back_again(self) -> None:
        world = kept()
        world.fleets.scale(world.settings.green, None, 3)  # by a stack update
        world.start(world.request(LATER))
        world.pass_for(120, until=lambda: world.rollout.is_kept)
        assert (world.rollout.serving, world.fleet("blue").minimum) == ("blue", 3)

    def test_the_promotion_counts_from_the_time_of_keeping_on(self) -> None:
        world = kept()
        record = world.record(NEXT.name)
        assert record is not None
        assert record.status == "promoted"

    def test_the_execution_that_waited_ends_as_one_whose_release_was_promoted(self) -> None:
        world = kept()
        former = world.rollout.id
        world.start(world.request(LATER))
        answer = tick(world.ports, world.target, former, world.clock.now + KEEP)
        assert (answer.done, answer.outcome, answer.restore) == (True, "PROMOTED", {})

    def test_one_that_was_never_promoted_is_superseded(self) -> None:
        world = kept()
        answer = tick(world.ports, world.target, "another", world.clock.now)
        assert (answer.done, answer.outcome) == (True, SUPERSEDED)

    def test_the_state_machine_has_nothing_to_restore_while_a_side_is_kept(self) -> None:
        """Its tick may fail when the next rollout has long moved the traffic elsewhere."""
        world = kept()
        answer = world.turn()
        assert (answer.done, answer.restore) == (False, {})

    def test_of_a_start_and_the_end_of_keeping_one_has_the_target(self) -> None:
        world = kept()
        assert world.rollout.kept_until is not None
        sleep_until(world, world.rollout.kept_until - timedelta(seconds=1))
        world.clock.forward(timedelta(seconds=1))
        save, begun = world.store.save, [False]

        def beaten(rollout: Rollout) -> Rollout:
            if not begun[0]:
                begun[0] = True
                world.start(world.request(LATER))
            return save(rollout)

        world.store.save = beaten  # type: ignore[method-assign]
        answer = tick(world.ports, world.target, NEXT.name, world.clock.now)
        assert (answer.done, answer.outcome) == (True, "PROMOTED")
        world.store.save = save  # type: ignore[method-assign]
        assert (world.rollout.id, world.fleet("blue").desired) == (LATER.name, 4)
        world.pass_for(120, until=lambda: world.rollout.is_kept)
        assert world.rollout.phase is Phase.PROMOTED

    def test_it_takes_the_side_over_while_nobody_knows_whether_that_is_still_quiet(self) -> None:
        world = over()
        sleep_until(world, world.clock.now + timedelta(hours=5))
        former = world.rollout
        world.start(world.request(LATER))
        world.reach(Phase.TESTING)
        assert (world.rollout.candidate, world.release_on("blue")) == ("blue", LATER.name)
        answer = tick(world.ports, world.target, former.id, world.clock.now)
        assert (answer.done, answer.outcome) == (True, "PROMOTED")

    def test_it_waits_when_the_side_was_seen_with_requests(self) -> None:
        world = over()
        sleep_until(world, world.clock.now + minutes(1))
        give_requests(world, 3)
        world.pass_for(3, until=lambda: not world.rollout.is_kept)
        assert not world.rollout.is_kept
        with pytest.raises(HeldError, match="is still draining the side out of use"):
            world.start(world.request(LATER))

    def test_of_a_start_and_the_scaling_down_of_a_side_that_was_quiet_one_has_the_target(self) -> None:
        world = over()
        world.pass_for(10, until=lambda: world.rollout.quiet == 1)
        save, begun = world.store.save, [False]

        def beaten(rollout: Rollout) -> Rollout:
            if not rollout.is_kept and not begun[0]:
                begun[0] = True
                world.start(world.request(LATER))
            return save(rollout)

        world.store.save = beaten  # type: ignore[method-assign]
        world.pass_for(3, until=lambda: begun[0])
        world.store.save = save  # type: ignore[method-assign]
        assert (begun[0], world.rollout.id, world.fleet("blue").desired) == (True, LATER.name, 4)


class TestRollback:
    def test_it_starts_nothing(self) -> None:
        world = kept()
        world.pass_time(minutes(10))
        running = world.fleet("blue")
        began = world.clock.now
        world.start(world.request(Release("first"), id="rollback", is_expedited=True))
        world.reach(Phase.PROMOTED)
        assert world.clock.now - began < minutes(3)
        assert (world.share_of("blue"), world.fleet("blue").desired) == (100, running.desired)

    def test_what_it_leaves_is_rejected_and_not_kept(self) -> None:
        world = kept()
        world.start(world.request(Release("first"), id="rollback", is_expedited=True))
        world.finish()
        assert world.fleet("green").desired == 0
        with pytest.raises(RefusedError, match="was rejected"):
            world.start(world.request(NEXT, id="again"))


@pytest.mark.parametrize(
    ("settings", "failing"),
    [(quick_settings(), {}), (replace(quick_settings(), keep=KEEP), {NEXT.name: BAD})],
    ids=["no time to keep", "rolled back"],
)
def test_nothing_is_kept_without_a_time_or_a_promotion(settings: object, failing: dict[str, float]) -> None:
    world = RolloutWorld(settings)  # type: ignore[arg-type]
    world.failing = failing
    world.start()
    world.finish()
    assert world.history("KEPT") == []
    assert world.fleet(world.rollout.out_of_use).desired == 0


def test_sides_that_the_engine_does_not_scale_are_not_kept() -> None:
    world = RolloutWorld(fixed(replace(quick_settings(), keep=KEEP)))
    world.start()
    world.finish(hours=3)
    assert world.history("KEPT") == []


def test_a_side_that_never_gets_quiet_is_left_running_and_not_kept() -> None:
    world = keeping()
    world.start()
    world.pass_for(60, until=lambda: world.rollout.has_ended)
    while not world.rollout.is_tidied:
        give_requests(world, 3)
        world.pass_for(1 / 3)
    assert (len(world.history("LEFT_RUNNING")), world.history("KEPT")) == (1, [])


def test_an_operator_reads_until_when_a_side_is_kept() -> None:
    world = kept()
    assert waiting_for(world.rollout).startswith("nothing: blue keeps running until 2026-")


@pytest.mark.parametrize("broken", ["save", "scale"])
def test_a_turn_that_fails_while_it_begins_or_ends_to_keep_is_made_up_for(broken: str) -> None:
    world = keeping()
    world.start()
    world.pass_for(60, until=lambda: world.rollout.has_ended)

    def failing(of: Callable[..., object]) -> Callable[..., object]:
        left = [3]

        def call(*arguments: object) -> object:
            if left[0] and (world.rollout.quiet >= 2 or world.rollout.kept_until):
                left[0] -= 1
                raise LostLockError("broken")
            return of(*arguments)

        return call

    owner = world.store if broken == "save" else world.fleets
    setattr(owner, broken, failing(getattr(owner, broken)))
    world.pass_for(60, until=lambda: world.rollout.is_kept)
    assert world.rollout.kept_until is not None
    sleep_until(world, world.rollout.kept_until)
    world.finish()
    assert (world.fleet("blue").desired, world.fleet("green").minimum) == (0, 2)
