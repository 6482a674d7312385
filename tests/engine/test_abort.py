"""Abort: three calls to 100 % live, with nothing but Elastic Load Balancing; and what no later worker can undo."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import pytest

from bluegreen_constructs.engine.abort import AbortOutcome
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.listener_rules import Json
from bluegreen_constructs.engine.ports import HeldError, LostLockError, Ports, RuleSeen, TargetsSeen, WeightedRules
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rule_tags import ABORTED, ENDED
from bluegreen_constructs.engine.target_settings import HookSettings
from bluegreen_constructs.engine.weights import share_of
from tests.engine.rollout_world import NEXT, OPERATOR, RolloutWorld, fixed, minutes, quick_settings

COGNITO = {"Type": "authenticate-cognito", "AuthenticateCognitoConfig": {"UserPoolDomain": "serving"}}
IN_FLIGHT = [Phase.PREPARING, Phase.TESTING, Phase.SHIFTING, Phase.BAKING]
in_every_phase = pytest.mark.parametrize("phase", IN_FLIGHT, ids=lambda one: one.name)


def at(phase: Phase, world: RolloutWorld | None = None) -> RolloutWorld:
    settings = quick_settings()
    if phase is Phase.TESTING:
        settings = replace(settings, hooks=(HookSettings("owner"),))
    world = world or RolloutWorld(settings)
    world.start()
    world.reach(phase)
    return world


def aborted(world: RolloutWorld, **how: bool) -> tuple[AbortOutcome, list[str]]:
    """The abort's outcome and its calls to Elastic Load Balancing."""
    count = len(world.rules.calls)
    outcome = world.abort(**how)  # type: ignore[arg-type]
    return outcome, world.watched_rules.calls_since(count)


# The calls


@in_every_phase
def test_three_calls_give_live_everything_and_the_mark_follows(phase: Phase) -> None:
    world = at(phase)
    outcome, calls = aborted(world)
    assert calls == ["DescribeTags", "DescribeTargetHealth", "ModifyRule", "AddTags"]
    assert (outcome.state, outcome.calls, outcome.rollout, outcome.notes) == ("RESTORED", 3, NEXT.name, ())
    assert world.share_of("blue") == 100
    assert world.tags[ABORTED] == NEXT.name


@in_every_phase
@pytest.mark.parametrize("down", ["table", "step functions", "both"])
def test_an_abort_needs_neither_the_table_nor_step_functions(phase: Phase, down: str) -> None:
    world = at(phase)
    world.store.is_down = down in {"table", "both"}
    world.executions.is_down = down in {"step functions", "both"}
    outcome, calls = aborted(world)
    assert calls == ["DescribeTags", "DescribeTargetHealth", "ModifyRule", "AddTags"]
    assert outcome.state == "RESTORED"
    assert world.share_of("blue") == 100
    first, *more = outcome.notes
    assert ("table" in first) is (down != "step functions")
    assert [note.split(":")[0] for note in more] == {
        "table": ["abort again when the table answers"],
        "step functions": [],
        "both": ["Step Functions could not be reached either"],
    }[down]
    assert world.executions.running[world.executions.arn_of(NEXT.name)] is (down != "table")


def test_an_abort_by_the_rule_alone_says_what_it_left() -> None:
    world = at(Phase.SHIFTING)
    outcome, _ = aborted(world, with_table=False, with_executions=False)
    assert outcome.state == "RESTORED"
    assert outcome.notes == ("the engine's table was left alone: the next start finds the mark on the rule",)


@pytest.mark.parametrize("when", ["never", "ended"])
def test_an_abort_with_nothing_in_flight_writes_nothing(when: str) -> None:
    world = RolloutWorld()
    if when == "ended":
        world.start()
        world.finish()
    before = world.rules.rules[world.settings.rule_arn]
    outcome, calls = aborted(world)
    assert (outcome.state, outcome.calls, outcome.rollout) == ("NOTHING_IN_FLIGHT", 1, "")
    assert calls == ["DescribeTags"]
    assert world.rules.rules[world.settings.rule_arn] == before
    assert world.executions.started == ([] if when == "never" else [(NEXT.name, {})])


def test_an_abort_with_nothing_in_flight_and_the_table_down_says_so() -> None:
    world = RolloutWorld()
    world.store.is_down = True
    outcome, _ = aborted(world)
    assert outcome.state == "NOTHING_IN_FLIGHT"
    assert "table could not be read" in outcome.notes[0]


def test_an_abort_works_when_somebody_took_the_tags_away() -> None:
    world = at(Phase.BAKING)
    world.rules.rules[world.settings.rule_arn][1].clear()
    outcome, calls = aborted(world)
    assert outcome.state == "RESTORED"
    assert calls == ["DescribeTags", "ModifyRule", "AddTags"]
    assert world.share_of("blue") == 100
    assert world.finish().phase is Phase.ROLLED_BACK


@pytest.mark.parametrize("kind", ["is_expedited", "is_irreversible"])
def test_no_alarm_ends_a_way_back_that_has_not_come_as_far_as_the_rule(kind: str) -> None:
    world = RolloutWorld(quick_settings())
    world.start()
    world.finish()
    request = world.request(Release("first"), id="later", **{kind: True})
    with failing(world, "tag"), pytest.raises(AwsError):
        world.start(request)
    outcome, calls = aborted(world, is_alarm=True)
    assert (outcome.state, outcome.notes) == ("NOTHING_IN_FLIGHT", ("no alarm ends this rollout",))
    assert calls == ["DescribeTags"]
    assert (world.rollout.id, world.rollout.phase) == ("later", Phase.PREPARING)
    assert aborted(world)[0].state == "RESTORED"


def test_a_sticky_rule_loses_the_candidate() -> None:
    world = at(Phase.BAKING, RolloutWorld(replace(quick_settings(), stickiness_seconds=600)))
    aborted(world)
    assert world.settings.green.group_arn not in str(world.rules.rules[world.settings.rule_arn][0])
    assert "600" in str(world.rules.rules[world.settings.rule_arn][0])


def authenticating() -> RolloutWorld:
    world = RolloutWorld()
    actions, tags = world.rules.rules[world.settings.rule_arn]
    world.rules.rules[world.settings.rule_arn] = ((COGNITO, *actions), tags)
    return at(Phase.BAKING, world)


def test_an_abort_never_publishes_a_private_application() -> None:
    world = authenticating()
    aborted(world)
    actions = world.rules.rules[world.settings.rule_arn][0]
    assert [one["Type"] for one in actions] == ["authenticate-cognito", "forward"]
    assert world.share_of("blue") == 100


def test_an_abort_of_an_authenticating_rule_takes_three_calls_as_well() -> None:
    world = authenticating()
    outcome, calls = aborted(world)
    assert calls.index("ModifyRule") == 2
    assert outcome.calls == 3


# A live side that is not warm


def test_a_cold_live_side_gets_the_mark_only_and_the_engine_brings_it_back_first() -> None:
    world = at(Phase.BAKING)
    world.fleets.on_change = lambda _side, _desired: None
    world.set_healthy("blue", 2)
    outcome, calls = aborted(world)
    assert (outcome.state, outcome.calls) == ("NOT_WARM", 2)
    assert "ModifyRule" not in calls
    assert outcome.notes[0] == "live has 2 healthy targets and needs 4 for all traffic"
    assert world.share_of("green") == 95
    world.set_healthy("blue", 4)
    assert world.finish().phase is Phase.ROLLED_BACK
    assert world.share_of("blue") == 100


def test_a_cold_live_side_that_was_aborted_to_gets_what_it_can_carry() -> None:
    world = at(Phase.BAKING)
    world.fleets.on_change = lambda _side, _desired: None
    world.set_healthy("blue", 2)
    aborted(world)
    world.pass_for(1.2)
    assert world.share_of("blue") == 50


def test_an_abort_regardless_writes_to_a_cold_live_side_too() -> None:
    world = at(Phase.BAKING)
    world.set_healthy("blue", 0)
    outcome, calls = aborted(world, regardless=True)
    assert outcome.state == "RESTORED"
    assert calls.count("ModifyRule") == 1
    assert world.share_of("blue") == 100


# What follows


@in_every_phase
def test_an_aborted_rollout_is_closed_drained_and_tidied(phase: Phase) -> None:
    world = at(phase)
    former = world.rollout.execution
    aborted(world)
    assert world.executions.running[former] is False
    name, request = world.executions.started[-1]
    assert name == f"{NEXT.name}-closing-{world.rollout.fence}"
    assert {key: request[key] for key in ("target", "rollout", "closing")} == {
        "target": world.target,
        "rollout": NEXT.name,
        "closing": True,
    }
    assert world.executions.is_running(world.rollout.execution)
    with pytest.raises(HeldError):
        world.start(world.request(Release("1.5.0")))
    done = world.finish()
    assert (done.phase, done.why_back) == (Phase.ROLLED_BACK, "aborted: payments fail")
    assert world.fleet("blue").minimum == 2
    assert world.tags[ENDED] == NEXT.name
    assert world.start(world.request(Release("1.5.0"))).outcome == "PREPARING"


def test_a_closing_execution_knows_the_way_back_before_its_first_tick() -> None:
    world = at(Phase.SHIFTING)
    aborted(world)
    _, request = world.executions.started[-1]
    restore, mark = request["restore"], request["mark"]
    assert isinstance(restore, dict)
    assert restore["RuleArn"] == world.settings.rule_arn
    groups = world.settings.blue.group_arn, world.settings.green.group_arn
    assert share_of(restore["Actions"], *groups) == 0
    tags = [{"Key": ABORTED, "Value": NEXT.name}]
    assert mark == {"ResourceArns": [world.settings.rule_arn], "Tags": tags}


def test_who_aborted_and_why_is_in_the_history() -> None:
    world = at(Phase.SHIFTING)
    aborted(world)
    world.finish()
    (item,) = [one for one in world.history("PHASE") if one.reason.startswith("ROLLING_BACK")]
    assert (item.caller, item.reason) == (OPERATOR, "ROLLING_BACK: aborted: payments fail")


def test_an_abort_without_a_reason_is_one_as_well() -> None:
    world = at(Phase.SHIFTING)
    world.abort(reason="")
    assert world.finish().why_back == "aborted"


def test_a_second_abort_does_no_harm() -> None:
    world = at(Phase.BAKING)
    aborted(world)
    first = world.rollout.execution
    outcome, calls = aborted(world)
    assert outcome.state == "RESTORED"
    assert calls == ["DescribeTags", "DescribeTargetHealth", "ModifyRule", "AddTags"]
    assert world.executions.running[first] is False
    assert world.executions.is_running(world.rollout.execution)
    assert world.finish().phase is Phase.ROLLED_BACK
    assert aborted(world)[0].state == "NOTHING_IN_FLIGHT"


def over_one_that_is_marked() -> RolloutWorld:
    """A start over a rollout that its state machine brought back and marked; it dies with the lock, before the tags."""
    world = at(Phase.SHIFTING)
    aborted(world, with_table=False)
    world.executions.stop(world.rollout.execution, "EngineFailed")
    with failing(world, "tag"), pytest.raises(AwsError):
        world.start(world.request(Release("3"), id="later"))
    assert (world.rollout.id, world.rollout.phase) == ("later", Phase.PREPARING)
    return world


def test_a_rollout_that_died_before_it_was_on_the_rule_is_closed_as_well() -> None:
    world = over_one_that_is_marked()
    outcome, calls = aborted(world)
    assert calls == ["DescribeTags", "DescribeTargetHealth", "ModifyRule", "AddTags"]
    assert outcome.notes == ("rollout later, which had begun but is not on the rule yet, was closed as well",)
    assert world.executions.started[-1][1]["rollout"] == "later"
    assert world.finish().phase is Phase.ROLLED_BACK
    assert world.share_of("blue") == 100


def test_an_alarm_closes_no_rollout_but_the_one_on_the_rule() -> None:
    world = over_one_that_is_marked()
    aborted(world, is_alarm=True)
    assert world.rollout.phase is Phase.PREPARING


def test_a_worker_that_was_stopped_cannot_save_over_an_abort() -> None:
    world = at(Phase.SHIFTING)
    stale = world.rollout
    aborted(world)
    with pytest.raises(LostLockError):
        world.store.save(stale)


@in_every_phase
def test_an_abort_with_the_table_down_stops_a_late_worker_by_the_mark(phase: Phase) -> None:
    world = at(phase)
    aborted(world, with_table=False, with_executions=False)
    if phase is Phase.TESTING:
        world.give("promote")
    shares = []
    while not (world.answer and world.answer.done):
        world.pass_for(0.1)
        shares.append(world.share_of("green"))
    assert set(shares) == {0}
    assert world.rollout.phase is Phase.ROLLED_BACK


def test_a_release_that_an_alarm_aborted_is_rejected() -> None:
    world = at(Phase.SHIFTING)
    aborted(world, is_bad=True)
    world.finish()
    record = world.record(NEXT.name)
    assert record is not None
    assert (record.status, record.reason) == ("rejected", "aborted: payments fail")


def test_an_execution_is_stopped_only_when_another_one_closes_the_rollout() -> None:
    world = at(Phase.SHIFTING)
    former = world.rollout.execution

    def refuses(name: str, request: object) -> str:
        raise AwsError("ExecutionLimitExceeded")

    world.executions.start = refuses  # type: ignore[method-assign]
    outcome, _ = aborted(world)
    assert outcome.state == "RESTORED"
    assert world.executions.is_running(former) or world.executions.is_running(world.rollout.execution)


def test_what_was_told_before_an_abort_is_not_told_twice() -> None:
    world = RolloutWorld()
    world.start()
    aborted(world)
    world.finish()
    assert len(world.history("STARTED")) == 1


# Calls that fail


@dataclass
class FailingRules:
    """Elastic Load Balancing, whose call of this name fails, before its effect or after it."""

    rules: WeightedRules
    name: str
    has_effect: bool

    def read(self, rule_arn: str) -> RuleSeen:
        return self.rules.read(rule_arn)

    def tags(self, rule_arn: str) -> Mapping[str, str]:
        return self._call("tags", lambda: self.rules.tags(rule_arn))

    def targets(self, group_arn: str) -> TargetsSeen:
        return self._call("targets", lambda: self.rules.targets(group_arn))

    def write(self, rule_arn: str, actions: Sequence[Json]) -> None:
        return self._call("write", lambda: self.rules.write(rule_arn, actions))

    def tag(self, rule_arn: str, tags: Mapping[str, str]) -> None:
        return self._call("tag", lambda: self.rules.tag(rule_arn, tags))

    def _call(self, name: str, call: Callable[[], object]) -> object:  # type: ignore[type-var]
        if name == self.name and not self.has_effect:
            raise AwsError(name)
        answer = call()
        if name == self.name:
            raise AwsError(name)
        return answer


@contextmanager
def failing(world: RolloutWorld, name: str, has_effect: bool = False) -> Iterator[None]:
    """While this lasts, calls of this name fail."""
    rules, world.rules = world.rules, FailingRules(world.rules, name, has_effect)  # type: ignore[assignment]
    yield
    world.rules = rules


@pytest.mark.parametrize("has_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", ["tags", "targets", "write", "tag"])
def test_an_abort_whose_call_fails_says_so_and_the_next_try_succeeds(name: str, has_effect: bool) -> None:
    world = at(Phase.BAKING)
    with failing(world, name, has_effect), pytest.raises(AwsError, match=name):
        world.abort()
    assert world.rollout.phase is Phase.BAKING
    assert world.abort().state == "RESTORED"
    assert world.share_of("blue") == 100
    assert world.finish().phase is Phase.ROLLED_BACK


# An abort between any two calls of a tick


class Interrupted:
    """A part of the world; `comes` is called before its n-th call, counted over all parts."""

    def __init__(self, part: object, counter: list[int], at: int, comes: Callable[[], object]) -> None:
        self._part, self._counter, self._at, self._comes = part, counter, at, comes

    def __getattr__(self, name: str) -> object:
        found = getattr(self._part, name)
        if not callable(found):
            return found

        def call(*args: object, **more: object) -> object:
            self._counter[0] += 1
            if self._counter[0] == self._at:
                self._comes()
            return found(*args, **more)

        return call


def interrupt(world: RolloutWorld, at_call: int, comes: Callable[[], object]) -> list[int]:
    """Let `comes` come before the n-th call of what the world ticks from now on; answers the counter of calls."""
    counter, ports = [0], world.ports
    parts = {
        name: Interrupted(getattr(ports, name), counter, at_call, comes)
        for name in ("rules", "metrics", "fleets", "hooks", "events", "store")
    }
    world.ports = Ports(**parts)  # type: ignore[arg-type]
    return counter


def calls_of(world: RolloutWorld) -> int:
    counter = interrupt(world, 0, lambda: None)
    world.turn()
    return counter[0]


def about_to_shift() -> RolloutWorld:
    """The next tick writes 50 %."""
    world = at(Phase.SHIFTING)
    world.pass_for(4.8)
    assert world.rollout.step == 0
    world.pass_time(minutes(0.5))
    return world


def about_to_promote(world: RolloutWorld | None = None) -> RolloutWorld:
    """The next tick promotes."""
    world = at(Phase.BAKING, world)
    world.pass_for(9.9)
    assert world.rollout.phase is Phase.BAKING
    world.pass_time(minutes(0.5))
    return world


@pytest.mark.parametrize("with_table", [True, False], ids=["table", "no table"])
def test_an_abort_wins_wherever_it_meets_a_tick_that_shifts(with_table: bool) -> None:
    calls = calls_of(about_to_shift())
    assert calls > 8
    for call in range(1, calls + 1):
        world = about_to_shift()
        # What a late write gives the candidate for the moment until it is taken back, I5 does not know of.
        world.watched_rules.before_write = lambda _arn, _actions: None
        ports = world.ports
        interrupt(world, call, partial(world.abort, with_table=with_table, with_executions=with_table))
        world.turn()
        assert world.share_of("blue") == 100, f"before call {call}"
        world.ports = ports
        shares = set()
        while not (world.answer and world.answer.done):
            world.pass_for(0.2)
            shares.add(world.share_of("blue"))
        assert shares == {100}, f"before call {call}"
        assert world.rollout.phase is Phase.ROLLED_BACK, f"before call {call}"


@pytest.mark.parametrize("with_table", [True, False], ids=["table", "no table"])
def test_an_abort_that_meets_a_tick_that_promotes_ends_on_one_side(with_table: bool) -> None:
    calls = calls_of(about_to_promote())
    assert calls > 12
    for call in range(1, calls + 1):
        world = about_to_promote()
        world.watched_rules.before_write = lambda _arn, _actions: None
        ports = world.ports
        said: list[AbortOutcome] = []

        def comes(world: RolloutWorld = world, said: list[AbortOutcome] = said) -> None:
            said.append(world.abort(with_table=with_table, with_executions=with_table))

        interrupt(world, call, comes)
        world.turn()
        world.ports = ports
        world.finish()
        ended = (world.rollout.phase, world.share_of("blue"))
        wanted = (Phase.ROLLED_BACK, 100) if said[0].state == "RESTORED" else (Phase.PROMOTED, 0)
        assert ended == wanted, f"before call {call}"


def late(world: RolloutWorld, moment: Callable[[], None]) -> AbortOutcome:
    """An abort that reads the tags before the promotion, and writes at a moment after it."""

    class Slow:
        def __getattr__(self, name: str) -> object:
            return getattr(world.watched_rules, name)

        def targets(self, group_arn: str) -> TargetsSeen:
            moment()
            return world.watched_rules.targets(group_arn)

    world.rules = Slow()  # type: ignore[assignment]
    outcome = world.abort()
    world.rules = world.watched_rules
    return outcome


@pytest.mark.parametrize("kind", ["draining", "fixed", "quarantined"])
def test_a_late_abort_after_the_promotion_revokes_it(kind: str) -> None:
    settings = quick_settings()
    world = RolloutWorld(fixed(settings) if kind == "fixed" else settings)
    world.start(world.request(is_quarantined=kind == "quarantined"))
    world.reach(Phase.BAKING, applied=95)
    world.pass_for(9.9)

    def promotes() -> None:
        world.pass_for(3, until=lambda: world.rollout.phase is Phase.PROMOTED)
        assert world.rollout.phase is Phase.PROMOTED

    assert late(world, promotes).state == "RESTORED"
    done = world.finish()
    assert world.share_of("blue") == 100
    assert done.phase is Phase.ROLLED_BACK


def test_a_late_abort_is_seen_before_the_former_live_side_is_scaled_down() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.BAKING, applied=95)

    def drains() -> None:
        world.reach(Phase.PROMOTED)
        world.pass_for(10, until=lambda: world.rollout.quiet > 0)
        world.pass_time(minutes(1.1))

    assert late(world, drains).state == "RESTORED"
    done = world.finish()
    assert (done.phase, done.why_back) == (Phase.ROLLED_BACK, "an abort was found on the live rule")
    assert world.share_of("blue") == 100
    assert world.healthy("blue") == 4


def test_a_release_whose_promotion_was_revoked_is_not_remembered_as_promoted() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.BAKING, applied=95)

    def drains() -> None:
        world.reach(Phase.PROMOTED)
        world.pass_for(10, until=lambda: world.rollout.quiet > 0)
        world.pass_time(minutes(1.1))

    late(world, drains)
    assert world.finish().phase is Phase.ROLLED_BACK
    record = world.record(NEXT.name)
    assert record is None or record.status != "promoted"
