"""The beginning of a rollout: what is taken from the world, who is refused and told what to do, and starting twice."""

from dataclasses import replace

import pytest

from bluegreen_constructs.engine.beginning import Beginning
from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import (
    HeldError,
    HistoryItem,
    LostLockError,
    RefusedError,
    ReleaseRecord,
    ReleaseStatus,
)
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import HoldKind, Rollout
from bluegreen_constructs.engine.start_request import StartRequest
from bluegreen_constructs.engine.target_settings import Compute
from bluegreen_constructs.engine.weights import forward
from tests.engine.rollout_world import NEXT, OPERATOR, RolloutWorld, minutes, quick_settings
from tests.engine.watched_store import WatchedStore

LATER = Release("1.5.0")


def shifting() -> RolloutWorld:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING, step=0, applied=10)
    return world


def left_behind(phase: Phase = Phase.SHIFTING) -> RolloutWorld:
    """Its execution is over, and nobody closed it."""
    world = RolloutWorld()
    world.start()
    world.reach(phase)
    world.pass_for(1)
    world.executions.stop(world.rollout.execution, "somebody stopped it in the console")
    world.pass_time(minutes(30))
    return world


def give_rule(world: RolloutWorld, share: float, candidate: str = "") -> None:
    blue, green = world.settings.blue.group_arn, world.settings.green.group_arn
    world.rules.rules[world.settings.rule_arn] = ((forward(blue, candidate or green, share, None),), dict(world.tags))


# What a rollout begins with


def test_a_rollout_begins_with_what_the_rule_and_its_targets_say() -> None:
    world = RolloutWorld(targets=7)
    answer = world.start()
    begun = world.rollout
    assert (begun.live, begun.needs, begun.phase, begun.weight) == ("blue", 7, Phase.PREPARING, 0)
    assert (begun.caller, begun.reason, begun.leaves) == (OPERATOR, "weekly release", "first")
    assert begun.settings == world.settings
    assert begun.started_at == begun.phase_since == world.clock.now
    assert (answer.done, answer.outcome, answer.wait_seconds) == (False, "PREPARING", 1)


def test_the_side_with_all_traffic_is_live_whatever_came_before() -> None:
    world = RolloutWorld()
    give_rule(world, 100)
    world.set_healthy("green", 3)
    world.start()
    assert (world.rollout.live, world.rollout.needs) == ("green", 3)


def test_the_rule_is_tagged_before_the_first_tick() -> None:
    world = RolloutWorld()
    world.start()
    assert world.tags["bluegreen:rollout"] == NEXT.name
    assert world.tags["bluegreen:live"] == world.settings.blue.group_arn
    assert world.tags["bluegreen:needs"] == "4"
    assert world.share_of("blue") == 100
    assert "ModifyRule" not in world.watched_rules.calls_since(0)


def test_the_fence_is_above_that_of_the_rule_and_that_of_the_table() -> None:
    world = RolloutWorld()
    world.rules.rules[world.settings.rule_arn][1]["bluegreen:fence"] = "40"
    world.start()
    assert world.rollout.fence == 41
    world.finish()
    world.rules.rules[world.settings.rule_arn][1]["bluegreen:fence"] = "7"
    world.start(world.request(LATER))
    assert world.rollout.fence == 42


def test_a_live_side_that_is_unhealthy_needs_what_is_registered_there() -> None:
    world = RolloutWorld()
    targets = world.rules.targets
    world.rules.targets = lambda arn: replace(targets(arn), healthy=0, registered=4)  # type: ignore[method-assign]
    world.start()
    assert world.rollout.needs == 4


# Who starts twice


def test_the_same_start_again_answers_the_same_and_changes_nothing() -> None:
    world = RolloutWorld()
    request = world.request()
    first = world.start(request)
    there = world.rollout
    assert world.start(request) == first
    assert world.rollout == there
    assert len(world.history("STARTED")) == 1


def test_a_start_that_is_repeated_late_finds_its_rollout_where_it_is() -> None:
    world = RolloutWorld()
    request = world.request()
    world.start(request)
    world.reach(Phase.SHIFTING, step=1, applied=50)
    there = world.rollout
    assert world.start(request).outcome == "SHIFTING"
    assert world.rollout == there
    assert world.share_of("green") == 50


def test_a_start_that_is_repeated_late_does_not_take_the_rule_from_a_later_worker() -> None:
    world = RolloutWorld()
    request = world.request()
    world.start(request)
    world.tags["bluegreen:fence"] = "40"  # type: ignore[index]
    world.start(request)
    assert world.tags["bluegreen:fence"] == "40"


@pytest.mark.parametrize("failing", ["rules.tag", "store.record"])
def test_a_start_that_failed_half_way_is_completed_by_its_repetition(failing: str) -> None:
    world = RolloutWorld()
    request = world.request()
    part, name = failing.split(".")

    def fails(*_: object) -> None:
        raise AwsError("throttled")

    setattr(getattr(world, part), name, fails)
    with pytest.raises(AwsError):
        world.start(request)
    delattr(getattr(world, part), name)
    world.executions.running[request.execution] = True
    world.start(request)
    assert world.tags["bluegreen:rollout"] == NEXT.name
    assert world.finish().phase is Phase.PROMOTED
    assert len(world.history("STARTED")) == 1


def test_of_two_starts_at_once_one_is_held_by_the_other() -> None:
    class Raced(WatchedStore):
        def begin(self, rollout: Rollout, former: Rollout | None) -> Rollout:
            super().begin(replace(rollout, id="the faster one"), former)
            raise LostLockError("somebody was faster")

    world = RolloutWorld()
    with pytest.raises(HeldError, match="rollout the faster one"):
        Beginning(world.source, Raced(), world.rules, world.executions).begin(world.request(), world.clock.now)
    assert "bluegreen:rollout" not in world.tags


def test_a_start_whose_lock_was_taken_by_its_own_repetition_is_begun() -> None:
    class Twice(WatchedStore):
        def begin(self, rollout: Rollout, former: Rollout | None) -> Rollout:
            super().begin(rollout, former)
            raise LostLockError("we were there already")

    world = RolloutWorld()
    answer = Beginning(world.source, Twice(), world.rules, world.executions).begin(world.request(), world.clock.now)
    assert answer.outcome == "PREPARING"
    assert world.tags["bluegreen:rollout"] == NEXT.name


def test_a_start_that_an_abort_has_overtaken_does_not_tag_the_rule_any_more() -> None:
    class Overtaken(WatchedStore):
        def begin(self, rollout: Rollout, former: Rollout | None) -> Rollout:
            begun = super().begin(rollout, former)
            self.states[rollout.target] = replace(begun, phase=Phase.ROLLING_BACK, fence=begun.fence + 1)
            return begun

    world = RolloutWorld()
    Beginning(world.source, Overtaken(), world.rules, world.executions).begin(world.request(), world.clock.now)
    assert "bluegreen:rollout" not in world.tags


# Who is held


def test_a_held_start_says_by_whom_since_when_and_what_to_do() -> None:
    world = shifting()
    with pytest.raises(HeldError) as refused:
        world.start(world.request(LATER))
    assert str(refused.value) == (
        f"rollout 1.4.2 of release 1.4.2 is SHIFTING since 2026-01-05 09:00 UTC, started by {OPERATOR}: wait for it "
        "(bluegreen watch Serving/Model), or bluegreen abort Serving/Model"
    )
    assert refused.value.exit_code == 4
    assert world.rollout.id == NEXT.name
    assert world.tags["bluegreen:rollout"] == NEXT.name


def test_a_start_that_is_held_by_a_pause_says_why_it_is_paused() -> None:
    world = shifting()
    world.give("pause", reason="lunch")
    world.pass_for(2)
    with pytest.raises(HeldError, match="paused: bluegreen pause: lunch"):
        world.start(world.request(LATER))


@pytest.mark.parametrize("failing", [{}, {NEXT.name: 0.1}], ids=["promoted", "rolled back"])
def test_a_side_that_is_still_draining_holds_the_next_start(failing: dict[str, float]) -> None:
    world = RolloutWorld()
    world.failing = failing
    world.start()
    world.pass_for(60, until=lambda: world.rollout.has_ended)
    with pytest.raises(HeldError, match="is still draining the side out of use"):
        world.start(world.request(LATER))
    world.finish()
    world.start(world.request(LATER))
    assert world.finish().phase is Phase.PROMOTED


def test_a_refusal_is_in_the_history_with_who_was_refused() -> None:
    world = shifting()
    with pytest.raises(HeldError) as refused:
        world.start(world.request(LATER))
    (item,) = world.history("REFUSED")
    assert item == HistoryItem(world.clock.now, "REFUSED", LATER.name, LATER.name, OPERATOR, str(refused.value))


# Ways back


def test_a_release_that_was_never_live_is_no_way_back() -> None:
    world = RolloutWorld()
    with pytest.raises(RefusedError, match=r"release 1\.4\.2 was never live here, and a way back is not judged"):
        world.start(world.request(is_expedited=True))
    assert world.store.load(world.target) is None
    assert len(world.history("REFUSED")) == 1


@pytest.mark.parametrize("status", ["promoted", "accepted"])
def test_a_release_that_was_live_or_accepted_is_a_way_back(status: ReleaseStatus) -> None:
    world = RolloutWorld()
    world.store.remember(world.target, ReleaseRecord(NEXT, status, world.clock.now, "", OPERATOR, "earlier"))
    world.start(world.request(is_expedited=True))
    assert world.finish().phase is Phase.PROMOTED


def test_what_the_rollout_before_left_is_a_way_back_whatever_is_remembered_of_it() -> None:
    world = RolloutWorld()
    world.start()
    world.finish()
    world.watched_store.records.clear()
    world.start(world.request(Release("first"), id="rollback", is_expedited=True))
    assert world.finish().phase is Phase.PROMOTED
    assert world.share_of("blue") == 100


# What was left behind


def test_a_rollout_that_was_left_behind_holds_the_target_and_says_what_to_do() -> None:
    world = left_behind()
    with pytest.raises(HeldError) as refused:
        world.start(world.request(LATER))
    said = str(refused.value)
    assert "rollout 1.4.2 of release 1.4.2 is SHIFTING since" in said
    assert "its execution is over" in said
    assert "bluegreen abort Serving/Model" in said
    assert "bluegreen unlock Serving/Model" in said


def test_an_abort_closes_what_was_left_behind() -> None:
    world = left_behind()
    world.abort()
    assert world.finish().phase is Phase.ROLLED_BACK
    world.start(world.request(LATER))
    assert world.finish().phase is Phase.PROMOTED


def test_an_unlock_lets_the_next_one_begin_once() -> None:
    world = left_behind()
    give_rule(world, 0)
    world.give("unlock", reason="looked at it")
    world.pass_time(minutes(5))
    world.start(world.request(LATER))
    (item,) = world.history("UNLOCKED")
    assert (item.caller, item.reason, item.rollout) == (OPERATOR, "looked at it", NEXT.name)
    assert world.store.commands(world.target) == []
    assert world.finish().phase is Phase.PROMOTED


def test_an_unlock_of_another_rollout_opens_nothing() -> None:
    world = left_behind()
    give_rule(world, 0)
    world.give("unlock", rollout="another one")
    with pytest.raises(HeldError):
        world.start(world.request(LATER))


def test_an_unlock_does_not_open_what_still_runs() -> None:
    world = shifting()
    world.give("unlock")
    world.pass_for(2)
    assert [command.verb for command in world.store.commands(world.target)] == ["unlock"]
    with pytest.raises(HeldError):
        world.start(world.request(LATER))


def test_an_unlock_with_split_traffic_is_refused() -> None:
    world = left_behind()
    world.give("unlock")
    with pytest.raises(RefusedError, match="unlocked while its rule still splits traffic: run bluegreen abort"):
        world.start(world.request(LATER))


def test_a_rollout_that_was_aborted_with_the_table_down_is_closed_by_the_next_start() -> None:
    world = left_behind()
    world.abort(with_table=False)
    world.pass_time(minutes(5))
    world.start(world.request(LATER))
    assert world.rollout.id == LATER.name
    (item,) = world.history("ENDED")
    assert (item.rollout, item.reason) == (NEXT.name, "closed by the next start: the rule says it was aborted")
    assert world.finish().phase is Phase.PROMOTED


def test_a_mark_without_the_traffic_back_closes_nothing() -> None:
    world = left_behind()
    world.rules.rules[world.settings.rule_arn][1]["bluegreen:aborted"] = NEXT.name
    with pytest.raises(HeldError):
        world.start(world.request(LATER))


def test_a_rollout_whose_draining_was_left_behind_does_not_hold_the_next_one() -> None:
    world = RolloutWorld()
    world.start()
    world.pass_for(60, until=lambda: world.rollout.has_ended)
    world.executions.stop(world.rollout.execution, "somebody stopped it")
    world.pass_time(minutes(10))
    world.start(world.request(LATER))
    assert world.finish().phase is Phase.PROMOTED


@pytest.mark.parametrize("how", ["unlocked", "aborted", "draining"])
def test_what_was_held_up_and_not_put_back_is_the_next_rollouts_duty(how: str) -> None:
    world = left_behind(Phase.SHIFTING)
    if how == "unlocked":
        give_rule(world, 0)
        world.give("unlock")
    elif how == "aborted":
        world.abort(with_table=False)
    else:
        world.abort()
        world.pass_for(60, until=lambda: world.rollout.has_ended)
        world.executions.stop(world.rollout.execution, "somebody stopped it")
    world.pass_time(minutes(5))
    assert world.fleet("blue").minimum == 4
    world.start(world.request(LATER))
    assert world.finish().phase is Phase.PROMOTED
    assert world.fleet("green").minimum == 2, "live's own minimum, as it was before the first of them"


def test_a_side_that_had_requests_a_moment_ago_is_drained_before_it_gets_the_next_release() -> None:
    world = shifting()
    world.store.is_down = True
    world.machine_turn()
    assert world.is_failed
    world.store.is_down = False
    world.start(world.request(LATER))
    world.pass_for(5)  # the world asserts I8


def test_what_the_former_rollout_had_yet_to_tell_is_told() -> None:
    world = shifting()

    def fails(*_: object) -> None:
        raise AwsError("throttled")

    world.store.record = fails  # type: ignore[method-assign]
    world.pass_for(30)
    assert world.is_failed
    del world.store.record
    world.pass_time(minutes(5))
    world.start(world.request(LATER))
    world.finish()
    world.check_history()


# Who is refused


@pytest.mark.parametrize("share", [0.1, 10, 50, 99.9])
def test_a_rule_that_splits_traffic_has_no_live_side(share: float) -> None:
    world = RolloutWorld()
    give_rule(world, share)
    with pytest.raises(RefusedError, match=f"gives green {share:g} % of the traffic.*bluegreen abort or by hand"):
        world.start()
    assert world.store.load(world.target) is None


def test_a_rule_with_a_foreign_group_is_refused() -> None:
    world = RolloutWorld()
    give_rule(world, 0, candidate="targetgroup/elsewhere")
    with pytest.raises(RefusedError, match="forwards to other target groups"):
        world.start()


def test_a_rejected_release_is_refused_whoever_rejected_it() -> None:
    world = RolloutWorld()
    record = ReleaseRecord(NEXT, "rejected", world.clock.now, "errors", OPERATOR, "an earlier one")
    world.store.remember(world.target, record)
    with pytest.raises(RefusedError) as refused:
        world.start()
    assert str(refused.value) == (
        "release 1.4.2 was rejected at 2026-01-05 09:00 UTC (errors): start another one, or accept it with "
        "--accept-rejected and a reason"
    )
    assert refused.value.exit_code == 3
    world.start(world.request(LATER))


@pytest.mark.parametrize("status", ["promoted", "accepted"])
def test_a_release_that_is_not_rejected_is_welcome(status: str) -> None:
    world = RolloutWorld()
    record = ReleaseRecord(NEXT, status, world.clock.now, "", OPERATOR, "an earlier one")  # type: ignore[arg-type]
    world.store.remember(world.target, record)
    world.start()


def test_a_target_that_does_not_exist_is_refused_with_those_that_do() -> None:
    world = RolloutWorld()
    with pytest.raises(RefusedError, match="there is no target 'Serving/Other': choose from Serving/Model"):
        world.start(replace(world.request(), target="Serving/Other"))


def test_an_auto_scaling_side_needs_a_launch_template_version() -> None:
    settings = quick_settings()
    asg = replace(settings.green, compute=Compute.AUTO_SCALING, auto_scaling_group="green-group")
    world = RolloutWorld(replace(settings, green=asg))
    with pytest.raises(ConfigurationError, match=r"1\.4\.2 names no launch template version.*green-group.*--version"):
        world.start()
    world.start(world.request(Release("1.4.2", version="17"), id="again"))
    other = RolloutWorld(replace(settings, green=asg))
    other.start(other.request(Release("17")))


def test_an_auto_scaling_side_that_fetches_releases_by_their_name_needs_no_more_than_the_name() -> None:
    settings = quick_settings()
    asg = replace(settings.green, compute=Compute.AUTO_SCALING, auto_scaling_group="green-group", named=True)
    RolloutWorld(replace(settings, green=asg)).start()


def test_an_image_that_no_instance_boots_is_refused_before_the_lock_is_taken() -> None:
    settings = quick_settings()
    asg = replace(settings.green, compute=Compute.AUTO_SCALING, auto_scaling_group="green-group")
    world = RolloutWorld(replace(settings, green=asg))
    with pytest.raises(ConfigurationError, match=r"resolve:ssm:/golden, and green-group runs AMIs"):
        world.start(world.request(Release("1.4.2", image="resolve:ssm:/golden")))
    assert world.store.states == {}
    world.start(world.request(Release("1.4.2", image="ami-0123456789abcdef0"), id="again"))


def test_a_start_that_was_refused_accepted_nothing() -> None:
    world = RolloutWorld()
    record = ReleaseRecord(NEXT, "rejected", world.clock.now, "errors", OPERATOR, "an earlier one")
    world.store.remember(world.target, record)
    give_rule(world, 50)
    with pytest.raises(RefusedError, match="50 %"):
        world.start(world.request(accept="innocent"))
    assert world.record(NEXT.name) == record


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"target": "Serving/Model", "rollout": "one", "execution": "arn"},
        {"target": "Serving/Model", "rollout": "one", "execution": "arn", "release": 7},
        {"target": "Serving/Model", "rollout": "one", "execution": "arn", "release": {"image": "registry/model:1"}},
        {"target": "Serving/Model", "rollout": "one", "execution": "arn", "release": "not a tag"},
        {
            "target": "Serving/Model",
            "rollout": "one",
            "execution": "arn",
            "release": {"name": "1", "version": "$Latest"},
        },
        {"target": "", "rollout": "one", "execution": "arn", "release": "1.4.2"},
        {"target": "Serving/Model", "execution": "arn", "release": "1.4.2"},
        {"target": "Serving/Model", "rollout": "one", "release": "1.4.2"},
        {"target": 7, "rollout": "one", "execution": "arn", "release": "1.4.2"},
        {"target": "Serving/Model", "rollout": "one", "execution": "arn", "release": "1.4.2", "expedited": "yes"},
        {"target": "Serving/Model", "rollout": "one", "execution": "arn", "release": "1.4.2", "accept_rejected": True},
        {"target": "Serving/Model", "rollout": "one", "execution": "arn", "release": "1.4.2", "reason": None},
    ],
)
def test_an_input_that_is_incomplete_or_makes_no_sense_is_refused_in_a_sentence(event: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=": give "):
        StartRequest.of(event)


def test_what_an_input_leaves_out_is_the_harmless_choice() -> None:
    event = {"target": "Serving/Model", "rollout": "one", "execution": "arn", "release": "1.4.2"}
    request = StartRequest.of(event)
    assert request == StartRequest("Serving/Model", "one", "arn", NEXT, "unknown", "", False, False, False, "")
    assert StartRequest.of({**event, "release": {"name": "1.4.2"}}) == request


def test_a_start_during_a_hold_for_approval_says_what_is_waited_for() -> None:
    world = RolloutWorld()
    world.is_silent = True
    world.start()
    world.reach_hold(HoldKind.NO_DATA)
    with pytest.raises(HeldError, match="paused: no minute with requests on both sides"):
        world.start(world.request(LATER))


def test_step_functions_that_does_not_answer_fails_a_start_and_opens_nothing() -> None:
    world = left_behind()
    request = world.request(LATER)
    world.executions.is_down = True
    beginning = Beginning(world.source, world.store, world.rules, world.executions)
    with pytest.raises(AwsError):
        beginning.begin(request, world.clock.now)
    assert world.rollout.id == NEXT.name
