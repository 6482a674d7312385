"""Pauses: what holds a rollout, who may answer, what a late or foreign answer does, and that every pause ends."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import HoldKind
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import AlarmName, HookSettings
from bluegreen_constructs.engine.weights import forward
from tests.engine.rollout_world import BAD, NEXT, OPERATOR, RolloutWorld, minutes, quick_settings

LARGEST_EXECUTION = 25_000
"""Events of a standard execution. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
EVENTS_OF_A_TICK = 9


def at_step(step: int = 0, settings: object = None) -> RolloutWorld:
    world = RolloutWorld(settings) if settings else RolloutWorld()  # type: ignore[arg-type]
    world.start()
    world.reach(Phase.SHIFTING, step=step, applied=(10, 50)[step])
    return world


def silent() -> RolloutWorld:
    """Held for want of data at its first step."""
    world = RolloutWorld()
    world.is_silent = True
    world.start()
    world.reach_hold(HoldKind.NO_DATA)
    return world


# An operator's


def test_a_paused_rollout_stays_where_it_is_until_it_is_resumed() -> None:
    world = at_step()
    world.give("pause", reason="lunch")
    world.pass_for(40)
    assert world.hold is not None
    assert world.hold.kind is HoldKind.OPERATOR
    assert (world.rollout.step, world.share_of("green")) == (0, 10)
    world.give("resume", reason="back")
    world.pass_for(1)
    assert (world.hold, world.rollout.step) == (None, 1)
    assert world.finish().phase is Phase.PROMOTED
    (paused,), (resumed,) = world.history("PAUSED"), world.history("RESUMED")
    assert (paused.caller, paused.reason) == (OPERATOR, "bluegreen pause: lunch")
    assert (resumed.caller, resumed.reason) == (OPERATOR, "bluegreen resume: back")


def test_promote_answers_a_pause_too() -> None:
    world = at_step()
    world.give("pause")
    world.pass_for(20)
    world.give("promote")
    assert world.finish().phase is Phase.PROMOTED
    assert len(world.history("CONTINUED")) == 1


def test_abort_answers_a_pause_with_the_way_back() -> None:
    world = at_step()
    world.give("pause")
    world.pass_for(20)
    world.give("abort", reason="enough")
    done = world.finish()
    assert (done.phase, done.why_back, done.hold) == (Phase.ROLLED_BACK, "bluegreen abort: enough", None)
    (item,) = [one for one in world.history("PHASE") if one.reason.startswith("ROLLING_BACK")]
    assert item.caller == OPERATOR


def test_a_pause_that_nobody_ends_goes_back() -> None:
    world = at_step()
    world.give("pause")
    started = world.clock.now
    done = world.finish()
    assert done.phase is Phase.ROLLED_BACK
    assert "nobody answered in time" in done.why_back
    assert done.phase_since - started < minutes(63)
    assert not done.is_bad


def test_a_paused_candidate_is_still_judged() -> None:
    world = at_step()
    world.give("pause")
    world.failing = {NEXT.name: BAD}
    done = world.finish()
    assert (done.phase, done.is_bad) == (Phase.ROLLED_BACK, True)


@pytest.mark.parametrize("phase", [Phase.PREPARING, Phase.TESTING, Phase.BAKING], ids=lambda one: one.name)
def test_a_rollout_can_be_paused_and_resumed_in_every_phase(phase: Phase) -> None:
    smoke = HookSettings("smoke", "arn:smoke")
    world = RolloutWorld(replace(quick_settings(), hooks=(smoke,)))
    world.start()
    world.reach(phase)
    world.give("pause")
    world.pass_for(5)
    assert world.rollout.phase is phase
    assert world.hold is not None
    world.give("resume")
    assert world.finish().phase is Phase.PROMOTED


def test_a_pause_does_not_take_the_time_that_a_candidate_has_to_get_healthy() -> None:
    world = RolloutWorld()
    world.start()
    world.give("pause")
    world.pass_for(30)
    assert world.rollout.phase is Phase.PREPARING
    world.give("resume")
    assert world.finish().phase is Phase.PROMOTED


def test_a_pause_during_the_deadline_does_not_stretch_it() -> None:
    world = at_step(settings=replace(quick_settings(), deadline=timedelta(minutes=30), hold_timeout=timedelta(hours=9)))
    world.give("pause")
    assert world.finish().why_back == "the deadline of 30 min is over"


def test_a_second_pause_counts_anew() -> None:
    world = at_step()
    world.give("pause")
    world.pass_for(50)
    world.give("pause")
    world.pass_for(50)
    assert world.rollout.phase is Phase.SHIFTING
    assert world.hold is not None


def test_what_goes_back_cannot_be_paused() -> None:
    world = at_step(1)
    world.fleets.on_change = lambda _side, _desired: None
    world.set_healthy("blue", 0)
    world.give("abort")
    world.pass_for(1)
    assert world.rollout.phase is Phase.ROLLING_BACK
    world.give("pause")
    world.pass_for(1)
    assert world.hold is None
    assert "found nothing to answer" in world.history("REFUSED")[-1].reason


# Commands that come late, twice, or to the wrong one


@pytest.mark.parametrize("verb", ["promote", "resume"])
def test_an_answer_without_a_question_is_refused_and_recorded(verb: str) -> None:
    world = at_step()
    world.give(verb)  # type: ignore[arg-type]
    world.pass_for(1)
    (refused,) = world.history("REFUSED")
    assert (refused.caller, refused.reason) == (OPERATOR, f"bluegreen {verb}: because found nothing to answer")
    assert world.store.commands(world.target) == []
    assert world.rollout.step == 0


@pytest.mark.parametrize("verb", ["promote", "pause", "resume", "abort"])
def test_a_command_for_another_rollout_is_refused_and_recorded(verb: str) -> None:
    world = at_step()
    world.give(verb, rollout="1.4.1")  # type: ignore[arg-type]
    world.pass_for(1)
    assert (world.rollout.phase, world.hold) == (Phase.SHIFTING, None)
    (refused,) = world.history("REFUSED")
    assert "1.4.1" in refused.reason
    assert world.store.commands(world.target) == []


def test_an_answer_to_an_earlier_step_is_none() -> None:
    world = RolloutWorld()
    world.requests = 30
    world.start()
    world.reach_hold(HoldKind.UNSURE)
    world.give("promote", step=0)
    world.pass_for(1)
    assert world.hold is not None
    assert "step 0" in world.history("REFUSED")[0].reason
    world.give("promote", step=1)
    world.pass_for(1)
    assert (world.hold, world.rollout.phase) == (None, Phase.BAKING)


def test_an_answer_that_comes_twice_answers_one_question() -> None:
    world = silent()
    answer = world.give("promote", step=0)
    world.pass_for(1)
    world.store.give(world.target, answer)
    world.pass_for(16)
    assert world.rollout.step == 1
    assert world.hold is not None
    assert world.hold.kind is HoldKind.NO_DATA


def test_resume_does_not_answer_what_is_not_an_operators_pause() -> None:
    world = silent()
    world.give("resume")
    world.pass_for(1)
    assert world.hold is not None
    assert world.hold.kind is HoldKind.NO_DATA


def test_commands_are_obeyed_in_the_order_of_their_times() -> None:
    world = at_step()
    world.give("pause")
    world.clock.forward(timedelta(seconds=1))
    world.give("resume")
    world.pass_for(1)
    assert world.hold is None
    assert [item.event for item in world.history()][-2:] == ["PAUSED", "RESUMED"]


def test_a_pause_of_the_one_before_does_not_meet_the_next_rollout() -> None:
    world = at_step()
    world.finish()
    world.give("pause")
    world.start(world.request(Release("1.5.0")))
    assert world.finish().phase is Phase.PROMOTED
    assert world.history("PAUSED") == []


def test_one_approval_delivered_twice_does_not_give_the_second_one() -> None:
    owners = (HookSettings("owner"), HookSettings("security"))
    world = RolloutWorld(replace(quick_settings(), hooks=owners))
    world.start()
    world.reach_hold(HoldKind.APPROVAL)
    world.clock.forward(timedelta(seconds=5))
    answer = world.give("promote", step=world.rollout.step)
    world.turn()
    world.store.give(world.target, answer)
    world.clock.forward(timedelta(seconds=5))
    world.turn()
    assert world.rollout.phase is Phase.TESTING
    assert world.hold is not None
    assert "security" in world.hold.reason


# For want of evidence


def test_evidence_that_comes_during_a_hold_resumes_the_rollout() -> None:
    world = silent()
    world.pass_for(20)
    world.is_silent = False
    assert world.finish().phase is Phase.PROMOTED
    assert world.history("RESUMED")[0].reason == "the evidence is there now"
    assert world.history("RESUMED")[0].caller == "the engine"


def test_enough_evidence_during_a_hold_of_the_last_step_resumes_it() -> None:
    world = RolloutWorld()
    world.requests = 30
    world.start()
    world.reach_hold(HoldKind.UNSURE)
    world.requests = 60_000
    assert world.finish().phase is Phase.PROMOTED


def test_an_operator_can_take_the_responsibility_for_a_step_without_data() -> None:
    world = silent()
    world.give("promote", reason="checked by hand")
    world.pass_for(1)
    assert (world.rollout.step, world.share_of("green")) == (1, 50)
    world.reach_hold(HoldKind.NO_DATA)
    world.give("promote")
    world.pass_for(1)
    assert world.rollout.phase is Phase.BAKING
    world.reach_hold(HoldKind.NO_DATA)
    world.give("promote")
    assert world.finish().phase is Phase.PROMOTED


def test_a_hold_that_nobody_answers_goes_back_and_blames_nobody() -> None:
    world = silent()
    since = world.hold
    assert since is not None
    done = world.finish()
    assert done.phase is Phase.ROLLED_BACK
    assert not done.is_bad
    assert world.record(NEXT.name) is None
    assert done.phase_since >= since.until


def test_a_hold_is_announced_once() -> None:
    world = silent()
    world.pass_for(30)
    assert [kind for kind, _ in world.events.announced].count("Rollout Held") == 1


def fits_into_one_execution(world: RolloutWorld) -> bool:
    return world.ticks * EVENTS_OF_A_TICK < LARGEST_EXECUTION


LONG = replace(quick_settings(), hold_timeout=timedelta(hours=24), deadline=timedelta(hours=36))


def test_the_longest_hold_fits_into_one_execution() -> None:
    world = RolloutWorld(LONG)
    world.is_silent = True
    world.start()
    world.finish()
    assert fits_into_one_execution(world)


def test_a_rollout_that_is_paused_until_its_deadline_fits_into_one_execution() -> None:
    world = RolloutWorld(LONG)
    world.start()
    world.reach(Phase.SHIFTING)
    world.give("pause")
    world.pass_for(20 * 60)
    world.give("pause")
    assert world.finish().why_back == "the deadline of 36 h is over"
    assert fits_into_one_execution(world)


def test_an_ab_test_of_weeks_fits_into_one_execution() -> None:
    settings = replace(LONG, steps=(Step(10, minutes(0)),), split=10, deadline=timedelta(days=21), guardrails=())
    world = RolloutWorld(settings)
    world.is_silent = True
    world.start()
    world.finish(hours=22 * 24)
    assert fits_into_one_execution(world)


def wait_of(world: RolloutWorld) -> int:
    assert world.answer is not None
    return world.answer.wait_seconds


def test_a_hold_is_looked_at_twelve_hundred_times_until_the_deadline() -> None:
    world = at_step(settings=LONG)
    world.give("pause")
    world.pass_for(5)
    assert world.hold is not None
    assert wait_of(world) == 36 * 3600 / 1200


def test_an_ab_test_is_looked_at_twelve_hundred_times_until_the_deadline() -> None:
    settings = replace(LONG, steps=(Step(10, minutes(0)),), split=10, deadline=timedelta(days=21))
    world = at_step(settings=settings)
    world.pass_for(60)
    assert (world.rollout.phase, wait_of(world)) == (Phase.SHIFTING, 21 * 24 * 3600 / 1200)


@pytest.mark.parametrize(("hours", "wait"), [(10, 60), (40, 122)])
def test_a_plan_is_looked_at_every_minute_unless_it_takes_longer_than_a_day(hours: int, wait: int) -> None:
    world = at_step(settings=replace(LONG, steps=(Step(10, timedelta(hours=hours)),), deadline=timedelta(days=20)))
    world.pass_for(60)
    assert 0 < wait_of(world) <= wait
    assert (wait_of(world) > 60) is (wait > 60)


def test_the_longest_plan_fits_into_one_execution() -> None:
    world = RolloutWorld(replace(LONG, bake=timedelta(hours=100), deadline=timedelta(hours=120)))
    world.requests = 10_000  # whole numbers of errors on both sides: days of rounding would be a difference
    world.start()
    assert world.finish(hours=120).phase is Phase.PROMOTED
    assert fits_into_one_execution(world)


def test_the_longest_preparation_fits_into_one_execution() -> None:
    world = RolloutWorld(replace(LONG, prepare_timeout=timedelta(hours=10)))
    world.fleets.trouble[world.settings.green.group_arn] = "no capacity"
    world.start()
    world.pass_for(60)
    assert wait_of(world) == 360
    assert world.finish().phase is Phase.ROLLED_BACK


# Interference


def moved_by_hand() -> RolloutWorld:
    world = at_step()
    blue, green = world.settings.blue.group_arn, world.settings.green.group_arn
    world.rules.rules[world.settings.rule_arn] = ((forward(blue, green, 33, None),), dict(world.tags))
    world.reach_hold(HoldKind.INTERFERENCE)
    return world


def test_traffic_that_was_moved_by_hand_holds_the_rollout_and_stays() -> None:
    world = moved_by_hand()
    world.pass_for(10)
    assert world.share_of("green") == 33
    assert world.hold is not None
    assert "33 %" in world.hold.reason


def test_promote_takes_over_what_was_moved_by_hand() -> None:
    world = moved_by_hand()
    world.give("promote")
    world.pass_for(1)
    assert (world.hold, world.share_of("green")) == (None, 50)
    assert not world.rollout.takes_over
    assert world.finish().phase is Phase.PROMOTED


def test_abort_gives_live_what_was_moved_by_hand() -> None:
    world = moved_by_hand()
    world.give("abort")
    assert world.finish().phase is Phase.ROLLED_BACK
    assert world.share_of("blue") == 100


def test_traffic_that_somebody_took_from_the_candidate_is_noticed_within_minutes() -> None:
    world = at_step(settings=replace(quick_settings(), steps=(Step(10, minutes(60)),)))
    blue, green = world.settings.blue.group_arn, world.settings.green.group_arn
    world.pass_for(3)
    world.rules.rules[world.settings.rule_arn] = ((forward(blue, green, 0, None),), dict(world.tags))
    world.pass_for(4)
    assert world.hold is not None
    assert world.hold.kind is HoldKind.INTERFERENCE
    assert world.share_of("blue") == 100


def test_an_abort_with_the_table_down_is_noticed_within_minutes() -> None:
    world = at_step(settings=replace(quick_settings(), steps=(Step(10, minutes(60)),)))
    world.pass_for(3)
    world.abort(with_table=False)
    world.pass_for(4)
    assert world.rollout.has_ended


def test_an_abort_with_the_table_down_is_noticed_during_a_hold_too() -> None:
    world = moved_by_hand()
    world.abort(with_table=False)
    world.pass_for(5)
    assert world.rollout.has_ended


def test_interference_that_nobody_answers_goes_back() -> None:
    world = moved_by_hand()
    assert world.finish().phase is Phase.ROLLED_BACK
    assert world.share_of("blue") == 100


def test_the_longest_interference_fits_into_one_execution() -> None:
    world = at_step(settings=LONG)
    blue, green = world.settings.blue.group_arn, world.settings.green.group_arn
    world.rules.rules[world.settings.rule_arn] = ((forward(blue, green, 33, None),), dict(world.tags))
    world.finish()
    assert fits_into_one_execution(world)


@pytest.mark.parametrize("share", [0, 33, 95])
def test_a_promotion_is_confirmed_by_the_rule_and_not_from_memory(share: float) -> None:
    world = RolloutWorld(replace(quick_settings(), hold_back=0))
    world.start()
    world.reach(Phase.BAKING, applied=100)
    blue, green = world.settings.blue.group_arn, world.settings.green.group_arn
    world.rules.rules[world.settings.rule_arn] = ((forward(blue, green, share, None),), dict(world.tags))
    world.pass_for(60, until=lambda: world.rollout.has_ended or world.hold is not None)
    assert not world.rollout.has_ended


# Releases that cannot be taken back


def frozen(*, phase: Phase = Phase.SHIFTING) -> RolloutWorld:
    world = RolloutWorld()
    world.start(world.request(is_irreversible=True))
    world.reach(phase)
    world.failing = {NEXT.name: BAD}
    world.reach_hold(HoldKind.FROZEN)
    return world


@pytest.mark.parametrize("phase", [Phase.SHIFTING, Phase.BAKING], ids=lambda one: one.name)
def test_an_irreversible_release_that_is_unhealthy_is_frozen_where_it_is(phase: Phase) -> None:
    world = frozen(phase=phase)
    share = world.share_of("green")
    world.pass_for(30)
    assert world.rollout.phase is phase
    assert world.share_of("green") == share > 0
    assert world.hold is not None
    assert world.hold.reason.startswith("irreversible, so it stays: errors: candidate")
    assert "Rollout Unhealthy" in [kind for kind, _ in world.events.announced]


def test_what_is_frozen_waits_longer_than_any_hold() -> None:
    world = frozen()
    world.pass_for(3 * 60)
    assert (world.rollout.phase, world.share_of("green")) == (Phase.SHIFTING, 10)
    assert world.hold is not None
    assert world.hold.kind is HoldKind.FROZEN


def test_what_is_frozen_and_loses_targets_is_not_frozen_again_every_minute() -> None:
    world = frozen()
    world.set_healthy("green", 0)
    world.pass_for(30)
    assert len(world.history("HELD")) == 1


def test_what_is_frozen_ends_at_the_deadline() -> None:
    world = frozen()
    done = world.finish()
    assert (done.phase, done.why_back) == (Phase.ROLLED_BACK, "the deadline of 6 h is over")


def test_an_operator_can_take_a_frozen_release_back_all_the_same() -> None:
    world = frozen()
    world.give("abort")
    assert world.finish().phase is Phase.ROLLED_BACK


def test_an_operator_can_lead_a_frozen_release_to_its_end_step_by_step() -> None:
    world = frozen()
    shares = []
    while not world.rollout.has_ended:
        world.reach_hold(HoldKind.FROZEN)
        world.give("promote")
        world.pass_for(5, until=lambda: world.hold is None)
        shares.append(world.share_of("green"))
    assert shares == [50, 95, 100]
    assert world.finish().phase is Phase.PROMOTED


def test_what_leads_a_frozen_release_on_holds_until_its_share_is_there() -> None:
    world = frozen()
    world.set_healthy("green", 1)
    world.give("promote")
    world.pass_for(3)
    assert (world.hold, world.rollout.applied, world.rollout.takes_over) == (None, None, True)
    world.set_healthy("green", 4)
    world.pass_for(0.5, until=lambda: world.rollout.applied is not None)
    assert (world.share_of("green"), world.rollout.takes_over) == (50, False)
    world.reach_hold(HoldKind.FROZEN)


def test_a_frozen_release_that_is_taken_back_is_rejected() -> None:
    world = frozen()
    assert world.rollout.is_bad
    world.give("abort")
    world.finish()
    record = world.record(NEXT.name)
    assert record is not None
    assert record.status == "rejected"


def test_the_state_machine_does_not_take_back_what_cannot_be() -> None:
    world = RolloutWorld()
    world.start(world.request(is_irreversible=True))
    knows_the_way_back = {"PREPARING": bool(world.answer and world.answer.restore)}
    while not (world.answer and world.answer.done):
        world.pass_for(1 / 6)
        assert world.answer is not None
        knows_the_way_back[world.answer.outcome] = bool(world.answer.restore)
    assert knows_the_way_back == {
        "PREPARING": True,
        "TESTING": True,
        "SHIFTING": False,
        "BAKING": False,
        "PROMOTED": True,
    }


def test_an_irreversible_release_that_is_good_is_promoted() -> None:
    world = RolloutWorld()
    world.start(world.request(is_irreversible=True))
    assert world.finish().phase is Phase.PROMOTED


def test_a_pause_does_not_thaw_what_is_frozen() -> None:
    world = RolloutWorld(quick_settings(guardrails=(ErrorComparison(), AlarmName("Gpu"))))
    world.metrics.alarms["Gpu"] = "OK"
    world.start(world.request(is_irreversible=True))
    world.reach(Phase.SHIFTING, step=0, applied=10)
    world.metrics.alarms["Gpu"] = "ALARM"
    world.reach_hold(HoldKind.FROZEN)
    world.metrics.alarms["Gpu"] = "OK"
    world.give("pause")
    world.pass_for(90)
    assert world.rollout.phase is Phase.SHIFTING
    assert world.share_of("green") == 10


@pytest.mark.parametrize("why", ["hold", "hook", "targets"])
def test_no_silence_takes_an_irreversible_release_off_its_users_before_the_deadline(why: str) -> None:
    settings = quick_settings()
    if why == "hook":
        settings = replace(settings, hooks=(HookSettings("owner", stage="BAKING", timeout=timedelta(minutes=5)),))
    world = RolloutWorld(settings)
    world.start(world.request(is_irreversible=True))
    world.reach(Phase.SHIFTING, step=0, applied=10)
    world.is_silent = why == "hold"
    if why == "targets":
        world.set_healthy("green", 0)
    world.pass_for(150)
    assert world.rollout.phase in {Phase.SHIFTING, Phase.BAKING}
    assert world.share_of("green") > 0


@pytest.mark.parametrize("kind", [HoldKind.OPERATOR, HoldKind.FROZEN], ids=lambda one: one.name)
def test_no_user_is_moved_to_the_candidate_while_a_rollout_is_held(kind: HoldKind) -> None:
    world = RolloutWorld()
    world.start(world.request(is_irreversible=kind is HoldKind.FROZEN))
    world.reach(Phase.SHIFTING, step=0, applied=10)
    world.set_healthy("green", 1)
    world.reach(Phase.SHIFTING, step=1)
    assert (world.rollout.applied, world.share_of("green")) == (None, 10)
    if kind is HoldKind.FROZEN:
        world.failing = {NEXT.name: BAD}
    else:
        world.give("pause")
    assert world.reach_hold(kind)
    world.set_healthy("green", 4)
    world.pass_for(5)
    assert world.share_of("green") == 10


# Time


@pytest.mark.parametrize("phase", [Phase.TESTING, Phase.SHIFTING, Phase.BAKING], ids=lambda one: one.name)
def test_the_deadline_ends_every_phase(phase: Phase) -> None:
    owner = HookSettings("owner", timeout=timedelta(hours=9)) if phase is Phase.TESTING else None
    settings = replace(
        quick_settings(steps=() if phase is Phase.BAKING else quick_settings().steps),
        hooks=(owner,) if owner else (),
        hold_timeout=timedelta(hours=9),
        patience=timedelta(hours=9),
        deadline=timedelta(hours=2),
    )
    world = RolloutWorld(settings)
    world.is_silent = True
    world.start()
    world.reach(phase)
    done = world.finish()
    assert (done.phase, done.why_back) == (Phase.ROLLED_BACK, "the deadline of 2 h is over")
    assert world.share_of("blue") == 100


def test_preparing_ends_by_its_own_time() -> None:
    world = RolloutWorld(replace(quick_settings(), prepare_timeout=timedelta(minutes=3)))
    world.fleets.trouble[world.settings.green.group_arn] = "no capacity"
    world.start()
    done = world.finish()
    assert "after 3 min" in done.why_back


def test_a_write_that_stays_refused_is_not_waited_for_while_a_rollout_is_paused() -> None:
    world = at_step()
    world.set_healthy("green", 1)
    world.pass_for(6, until=lambda: world.rollout.step == 1)
    world.give("pause")
    world.pass_for(30)
    assert world.rollout.phase is Phase.SHIFTING
    assert world.hold is not None


def test_the_next_release_can_start_when_a_paused_one_has_gone_back() -> None:
    world = at_step()
    world.give("pause")
    world.finish()
    world.start(world.request(Release("1.5.0")))
    assert world.finish().phase is Phase.PROMOTED
