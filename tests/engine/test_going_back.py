"""Going back: to a live side that has shrunk, with what is remembered of a release, and days after a promotion."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import RefusedError, ReleaseRecord, RuleSeen
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.weights import forward
from tests.engine.rollout_world import BAD, NEXT, OPERATOR, RolloutWorld, fixed, minutes, quick_settings

FIRST = Release("first")


def baking(world: RolloutWorld | None = None) -> RolloutWorld:
    world = world or RolloutWorld()
    world.start()
    world.reach(Phase.BAKING, applied=95)
    return world


def promoted() -> RolloutWorld:
    world = RolloutWorld()
    world.start()
    assert world.finish().phase is Phase.PROMOTED
    return world


# A live side that cannot carry everything


def test_traffic_goes_back_in_one_write_to_a_live_side_that_is_warm() -> None:
    world = baking()
    count = len(world.rules.calls)
    world.give("abort")
    world.pass_for(1.1)
    assert world.share_of("blue") == 100
    assert world.watched_rules.calls[count:].count(("ModifyRule", world.settings.rule_arn)) == 1


def test_a_way_back_does_not_end_by_a_read_of_what_was_there_before_the_last_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING, applied=10)
    settings, read = world.settings, world.rules.read
    nothing = forward(settings.blue.group_arn, settings.green.group_arn, 0.0, None)
    before = replace(read(settings.rule_arn), actions=[nothing])
    world.set_healthy("blue", 2)  # so that the abort leaves the rule as it is
    assert world.abort().state == "NOT_WARM"
    since = world.clock.now

    def late(rule_arn: str) -> RuleSeen:
        return before if world.clock.now < since + timedelta(seconds=5) else read(rule_arn)

    monkeypatch.setattr(world.rules, "read", late)
    world.set_healthy("blue", 4)
    world.turn()
    assert (world.rollout.phase, world.share_of("blue")) == (Phase.ROLLING_BACK, 90)
    assert world.finish().phase is Phase.ROLLED_BACK
    assert world.share_of("blue") == 100


def test_traffic_goes_back_as_far_as_live_can_carry_it_and_then_all_the_way() -> None:
    world = baking()
    world.fleets.on_change = lambda _side, _desired: None
    world.set_healthy("blue", 2)
    world.give("abort")
    world.pass_for(1.2)
    assert (world.rollout.phase, world.share_of("blue")) == (Phase.ROLLING_BACK, 50)
    world.set_healthy("blue", 3)
    world.pass_for(0.5)
    assert world.share_of("blue") == 100
    assert world.finish().phase is Phase.ROLLED_BACK


def test_a_live_side_that_has_shrunk_gets_its_capacity_back() -> None:
    world = baking()
    fleet = world.fleet("blue")
    world.fleets.running[world.settings.blue.group_arn] = replace(fleet, desired=2)
    world.set_healthy("blue", 2)
    world.give("abort")
    assert world.finish().phase is Phase.ROLLED_BACK
    assert world.fleet("blue").desired == 4


def test_a_live_side_without_healthy_targets_gets_everything_when_its_time_is_up() -> None:
    world = baking()
    world.fleets.on_change = lambda _side, _desired: None
    world.set_healthy("blue", 0)
    world.give("abort")
    world.pass_for(4)
    assert (world.rollout.phase, world.share_of("green")) == (Phase.ROLLING_BACK, 95)
    done = world.finish()
    assert done.phase is Phase.ROLLED_BACK
    assert world.share_of("blue") == 100
    back = next(item.at for item in world.history("PHASE") if item.reason.startswith("ROLLING_BACK"))
    assert minutes(5) <= world.history("WEIGHT")[-1].at - back < minutes(5.5)


def test_a_live_side_that_was_scaled_out_since_is_not_scaled_in_on_the_way_back() -> None:
    world = baking()
    world.fleets.on_change = lambda _side, _desired: None
    world.fleets.running[world.settings.blue.group_arn] = replace(world.fleet("blue"), desired=10)
    world.set_healthy("blue", 2)
    world.give("abort")
    world.pass_for(2)
    assert world.fleet("blue").desired == 10


def test_a_way_back_says_why_and_who() -> None:
    world = baking()
    world.give("abort", reason="payments fail")
    world.finish()
    item = next(item for item in world.history("PHASE") if item.reason.startswith("ROLLING_BACK"))
    assert (item.caller, item.reason) == (OPERATOR, "ROLLING_BACK: bluegreen abort: payments fail")
    assert world.history("ENDED")[0].reason == "ROLLED_BACK: bluegreen abort: payments fail"


def test_a_sticky_rule_loses_the_candidate_on_the_way_back() -> None:
    world = baking(RolloutWorld(replace(quick_settings(), stickiness_seconds=600)))
    world.give("abort")
    world.finish()
    assert world.settings.green.group_arn not in str(world.rules.rules[world.settings.rule_arn][0])


def test_a_sticky_rollout_reaches_everything_and_loses_live() -> None:
    world = RolloutWorld(replace(quick_settings(), stickiness_seconds=600))
    world.start()
    assert world.finish().phase is Phase.PROMOTED
    assert world.settings.blue.group_arn not in str(world.rules.rules[world.settings.rule_arn][0])


# What is remembered


def test_the_release_that_was_there_before_the_first_rollout_is_one_to_go_back_to() -> None:
    world = promoted()
    record = world.record("first")
    assert record is not None
    assert record.status == "promoted"


def test_a_promoted_release_is_remembered_with_its_image_and_by_whom() -> None:
    world = RolloutWorld()
    release = Release("1.4.2", image="registry/model:1.4.2")
    world.start(world.request(release))
    world.finish()
    assert world.record("1.4.2") == ReleaseRecord(
        release, "promoted", world.rollout.phase_since, "weekly release", OPERATOR, "1.4.2", "green"
    )


def test_a_rejected_release_is_refused_until_somebody_accepts_it_with_a_reason() -> None:
    world = RolloutWorld()
    world.failing = {NEXT.name: BAD}
    world.start()
    world.finish()
    with pytest.raises(RefusedError, match=r"1\.4\.2 was rejected at .*errors: candidate.*--accept-rejected"):
        world.start(world.request(id="again"))
    world.failing = {}
    world.start(world.request(id="once more", accept="the database was to blame"))
    record = world.record(NEXT.name)
    assert record is not None
    assert (record.status, record.reason) == ("accepted", "the database was to blame")
    world.finish()
    record = world.record(NEXT.name)
    assert record is not None
    assert record.status == "promoted"


def test_an_accepted_release_that_fails_again_is_rejected_again() -> None:
    world = RolloutWorld()
    world.failing = {NEXT.name: BAD}
    world.start()
    world.finish()
    world.start(world.request(id="again", accept="the database was to blame"))
    world.finish()
    with pytest.raises(RefusedError):
        world.start(world.request(id="once more"))


@pytest.mark.parametrize("how", ["hold", "operator", "capacity"])
def test_a_release_that_nobody_found_bad_can_be_tried_again(how: str) -> None:
    world = RolloutWorld()
    world.is_silent = how == "hold"
    if how == "capacity":
        world.fleets.trouble[world.settings.green.group_arn] = "no capacity"
    world.start()
    if how == "operator":
        world.reach(Phase.SHIFTING)
        world.give("abort")
    assert world.finish().phase is Phase.ROLLED_BACK
    world.is_silent, world.fleets.trouble = False, {}
    world.start(world.request(id="again"))
    assert world.finish().phase is Phase.PROMOTED


def test_going_back_twice_keeps_what_was_found() -> None:
    world = baking()
    world.set_healthy("blue", 0)
    world.fleets.on_change = lambda _side, _desired: None
    world.failing = {NEXT.name: BAD}
    world.pass_for(10, until=lambda: world.rollout.phase is Phase.ROLLING_BACK)
    why = world.rollout.why_back
    world.give("abort")
    world.pass_for(1)
    assert (world.rollout.why_back, world.rollout.is_bad) == (why, True)


# After the promotion


def test_a_rollback_days_later_takes_the_gates_and_neither_steps_nor_bake() -> None:
    world = promoted()
    world.pass_time(timedelta(days=2))
    began = world.clock.now
    world.start(world.request(FIRST, id="rollback", is_expedited=True))
    done = world.finish()
    assert done.phase is Phase.PROMOTED
    assert world.share_of("blue") == 100
    assert world.release_on("blue") == "first"
    assert {item.reason for item in world.history("WEIGHT") if item.rollout == "rollback"} == {"100 % to the candidate"}
    assert done.phase_since - began < minutes(2)


def test_a_weight_that_the_rule_has_already_is_not_told_again() -> None:
    world = RolloutWorld(replace(quick_settings(), hold_back=0))
    world.start()
    world.finish()
    assert [item.reason for item in world.history("WEIGHT")] == [
        f"{share} % to the candidate" for share in (10, 50, 100)
    ]


def test_a_rollback_rejects_the_release_that_it_leaves_and_keeps_the_one_it_goes_to() -> None:
    world = promoted()
    world.pass_time(minutes(60))
    world.start(world.request(FIRST, id="rollback", is_expedited=True))
    world.finish()
    left, back = world.record(NEXT.name), world.record("first")
    assert left is not None
    assert back is not None
    assert (left.status, left.reason) == ("rejected", "left by a rollback: weekly release")
    assert back.status == "promoted"
    with pytest.raises(RefusedError):
        world.start(world.request(id="again"))


def test_a_rollback_needs_capacity_and_health_first() -> None:
    world = promoted()
    world.pass_time(minutes(60))
    world.fleets.trouble[world.settings.blue.group_arn] = "no capacity"
    world.start(world.request(FIRST, id="rollback", is_expedited=True))
    done = world.finish()
    assert done.phase is Phase.ROLLED_BACK
    assert "no capacity" in done.why_back
    assert world.share_of("green") == 100
    record = world.record(NEXT.name)
    assert record is not None
    assert record.status == "promoted", "it serves on"


def test_a_rollback_can_be_aborted() -> None:
    world = promoted()
    world.pass_time(minutes(60))
    world.start(world.request(FIRST, id="rollback", is_expedited=True))
    world.pass_for(0.1)
    world.abort()
    assert world.finish().phase is Phase.ROLLED_BACK
    assert world.share_of("green") == 100


def test_a_rollback_does_not_wait_for_the_draining_of_the_side_it_goes_to() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.PROMOTED)
    world.pass_for(0.5)
    assert world.fleet("blue").desired == 4
    began = world.clock.now
    world.start(world.request(FIRST, id="rollback", is_expedited=True))
    done = world.finish()
    assert (done.phase, world.share_of("blue")) == (Phase.PROMOTED, 100)
    assert done.phase_since - began < minutes(1)
    assert world.fleet("blue").minimum == 2, "what the first rollout held up is put back by the second one"


def test_a_rollback_between_fixed_sides_is_one_write() -> None:
    world = RolloutWorld(fixed(quick_settings()))
    world.start()
    world.finish()
    count = len(world.rules.calls)
    world.start(world.request(FIRST, id="rollback", is_expedited=True))
    world.finish()
    live = [name for name, arn in world.rules.calls[count:] if arn == world.settings.rule_arn]
    assert live.count("ModifyRule") == 1
    assert world.share_of("blue") == 100


def test_a_rejected_release_is_no_way_back_without_a_reason() -> None:
    world = promoted()
    world.pass_time(minutes(60))
    world.start(world.request(FIRST, id="rollback", is_expedited=True))
    world.finish()
    world.pass_time(minutes(60))
    with pytest.raises(RefusedError):
        world.start(world.request(NEXT, id="forward", is_expedited=True))
    world.start(world.request(NEXT, id="forward again", is_expedited=True, accept="it was innocent"))
    assert world.finish().phase is Phase.PROMOTED


def test_an_expedited_rollout_of_what_is_live_does_not_reject_it() -> None:
    world = promoted()
    world.pass_time(minutes(60))
    world.start(world.request(NEXT, id="again", is_expedited=True))
    world.finish()
    record = world.record(NEXT.name)
    assert record is not None
    assert record.status == "promoted"


def test_what_a_rollback_leaves_is_what_the_rule_says_is_live() -> None:
    world = RolloutWorld(replace(quick_settings(), hold_back=0))
    world.start()
    world.reach(Phase.BAKING, applied=100)
    world.executions.stop(world.rollout.execution, "its quota")
    world.give("unlock", reason="it serves well")
    world.start(world.request(FIRST, id="rollback", is_expedited=True))
    assert world.rollout.leaves == NEXT.name
    world.finish()
    left, back = world.record(NEXT.name), world.record("first")
    assert back is not None
    assert back.status == "promoted"
    assert left is not None
    assert left.status == "rejected"
