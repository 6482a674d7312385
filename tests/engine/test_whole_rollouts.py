"""Whole rollouts of releases that are good, bad, slow, unseen: what they write, when, and how they end."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from itertools import pairwise

import pytest

from bluegreen_constructs.engine.absolute_floor import AbsoluteFloor
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.guardrails import LatencyComparison, MetricComparison
from bluegreen_constructs.engine.judgement import is_shown_healthy
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.listener_rules import Json
from bluegreen_constructs.engine.live_rule import forwarded_groups
from bluegreen_constructs.engine.ports import FleetSeen, Series
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import HoldKind
from bluegreen_constructs.engine.runner import tick
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import AlarmName, EngineGuardrail, HookSettings, SideSettings
from bluegreen_constructs.engine.weights import share_of
from bluegreen_constructs.testing import InMemoryMetrics
from tests.engine.rollout_world import BAD, NEXT, RolloutWorld, fixed, minutes, quick_settings

SLOW = LatencyComparison(slo=timedelta(milliseconds=800))
LOW = MetricComparison(namespace="Model", bad="LowConfidence", total="Predictions")


def weights_written(world: RolloutWorld) -> list[float | None]:
    return [item.weight for item in world.history("WEIGHT")]


def test_a_good_release_takes_every_step_the_bake_and_all_traffic() -> None:
    world = RolloutWorld()
    world.start()
    done = world.finish()
    assert done.phase is Phase.PROMOTED
    assert [item.reason for item in world.history("WEIGHT")] == [
        f"{percent} % to the candidate" for percent in (10, 50, 95, 100)
    ]
    assert world.share_of("green") == 100
    assert world.answer is not None
    assert (world.answer.outcome, world.answer.done) == ("PROMOTED", True)


def test_each_step_lasts_as_long_as_its_bake_and_the_bake_comes_last() -> None:
    world = RolloutWorld()
    world.start()
    world.finish()
    at = [item.at for item in world.history("WEIGHT")]
    spans = [later - earlier for earlier, later in pairwise(at)]
    for span, wanted in zip(spans, (5, 5, 10), strict=True):
        assert minutes(wanted) <= span < minutes(wanted) + timedelta(seconds=20)


def test_the_sides_exchange_their_roles_with_every_promotion() -> None:
    world = RolloutWorld()
    world.start()
    world.finish()
    world.start(world.request(Release("1.5.0")))
    assert (world.rollout.live, world.rollout.leaves) == ("green", "1.4.2")
    assert world.finish().phase is Phase.PROMOTED
    assert world.share_of("blue") == 100
    assert world.release_on("blue") == "1.5.0"


def test_a_bad_release_is_back_off_the_users_in_its_first_step_and_is_remembered() -> None:
    world = RolloutWorld()
    world.failing = {NEXT.name: BAD}
    world.start()
    done = world.finish()
    assert done.phase is Phase.ROLLED_BACK
    assert done.step == 0
    assert world.share_of("blue") == 100
    (said,) = world.history("UNHEALTHY")
    assert "errors: candidate" in said.reason
    assert said.evidence == {"errors": {"verdict": "UNHEALTHY", "reason": said.reason.removeprefix("errors: ")}}
    record = world.record(NEXT.name)
    assert record is not None
    assert (record.status, record.reason) == ("rejected", said.reason)


def test_a_release_that_hangs_goes_back_by_what_the_load_balancer_answers_for_it() -> None:
    world = RolloutWorld(replace(quick_settings(), shares_load_balancer=False))
    world.hanging = {NEXT.name: BAD}
    world.start()
    done = world.finish()
    assert (done.phase, done.is_bad, done.step) == (Phase.ROLLED_BACK, True, 0)


def test_a_live_side_that_hangs_takes_no_release_back() -> None:
    world = RolloutWorld(replace(quick_settings(), shares_load_balancer=False))
    world.hanging = {"first": BAD}
    world.start()
    assert world.finish().phase is Phase.PROMOTED


def test_going_back_takes_one_turn_from_the_verdict_to_the_rule() -> None:
    world = RolloutWorld()
    world.failing = {NEXT.name: BAD}
    world.start()
    world.finish()
    (said,) = world.history("UNHEALTHY")
    assert world.history("WEIGHT")[-1].at == said.at


@pytest.mark.parametrize("share", [BAD, 0.5])
def test_an_incident_of_both_sides_takes_no_release_back(share: float) -> None:
    world = RolloutWorld()
    world.failing = {NEXT.name: share, "first": share}
    world.start()
    assert world.finish().phase is Phase.PROMOTED
    assert world.history("UNHEALTHY") == []


@pytest.mark.parametrize(
    ("guardrail", "part"),
    [(SLOW, "slow"), (LOW, "low"), (AbsoluteFloor(99), "failing"), (ErrorComparison(mode="bursty"), "failing")],
    ids=["latency", "metric", "floor", "bursty"],
)
def test_what_a_guardrail_counts_decides(guardrail: EngineGuardrail, part: str) -> None:
    good = RolloutWorld(quick_settings(guardrails=(guardrail,)))
    good.start()
    assert good.finish().phase is Phase.PROMOTED, good.told()
    bad = RolloutWorld(quick_settings(guardrails=(guardrail,)))
    getattr(bad, part)[NEXT.name] = 0.3
    bad.start()
    done = bad.finish()
    assert done.phase is Phase.ROLLED_BACK
    assert guardrail.name in done.why_back


def test_every_guardrail_must_be_healthy_for_all_to_be() -> None:
    world = RolloutWorld(quick_settings(guardrails=(ErrorComparison(), SLOW, LOW)))
    world.low = {NEXT.name: 0.3}
    world.start()
    assert world.finish().why_back.startswith("LowConfidence of Predictions")


def test_an_alarm_that_stays_ok_lets_a_rollout_pass() -> None:
    world = RolloutWorld(quick_settings(guardrails=(AlarmName("Gpu"),)))
    world.metrics.alarms["Gpu"] = "OK"
    world.start()
    assert world.finish().phase is Phase.PROMOTED


def test_an_alarm_that_goes_off_takes_the_release_back() -> None:
    world = RolloutWorld(quick_settings(guardrails=(AlarmName("Gpu"),)))
    world.metrics.alarms["Gpu"] = "OK"
    world.start()
    world.reach(Phase.SHIFTING, step=1, applied=50)
    world.metrics.alarms["Gpu"] = "ALARM"
    done = world.finish()
    assert (done.phase, done.why_back) == (Phase.ROLLED_BACK, "alarm Gpu: its state is ALARM")


def test_an_alarm_before_users_meet_the_candidate_is_not_the_candidates() -> None:
    world = RolloutWorld(quick_settings(guardrails=(AlarmName("Gpu"),)))
    world.metrics.alarms["Gpu"] = "ALARM"
    world.set_healthy("green", 0)
    world.fleets.trouble[world.settings.green.group_arn] = "pulling the image"
    world.start()
    world.pass_for(5)
    assert world.rollout.phase is Phase.PREPARING
    world.metrics.alarms["Gpu"] = "OK"
    world.fleets.trouble.clear()
    world.set_healthy("green", 4)
    assert world.finish().phase is Phase.PROMOTED


def test_an_alarm_right_before_users_meet_the_candidate_ends_the_rollout_and_rejects_nothing() -> None:
    world = RolloutWorld(quick_settings(guardrails=(AlarmName("Gpu"), AlarmName("Disk"))))
    world.metrics.alarms = {"Gpu": "ALARM", "Disk": "OK"}
    world.start()
    done = world.finish()
    assert (done.phase, done.why_back) == (Phase.ROLLED_BACK, "in ALARM before any traffic moved: Gpu")
    assert world.record(NEXT.name) is None
    assert world.rules.calls.count(("ModifyRule", world.settings.rule_arn)) == 0


@pytest.mark.parametrize("state", ["INSUFFICIENT_DATA", None])
def test_an_alarm_without_data_or_gone_never_passes(state: str | None) -> None:
    world = RolloutWorld(quick_settings(guardrails=(AlarmName("Gpu"),)))
    if state:
        world.metrics.alarms["Gpu"] = state
    world.start()
    assert world.reach_hold(HoldKind.UNSURE).reason.startswith("not enough evidence")
    assert world.finish().phase is Phase.ROLLED_BACK


# Capacity


def test_the_candidate_gets_lives_capacity_before_it_gets_traffic() -> None:
    world = RolloutWorld(targets=7)
    world.start()
    world.reach(Phase.TESTING)
    assert world.fleet("green").desired == 7
    assert world.fleet("green").release == NEXT.name
    assert world.healthy("green") == 7
    assert world.share_of("green") == 0
    assert "DescribeTargetHealth" in world.watched_rules.calls_since(0)


def test_no_side_shrinks_while_traffic_moves() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING)
    assert (world.fleet("blue").minimum, world.fleet("green").minimum) == (4, 4)
    world.finish()
    assert (world.fleet("blue").minimum, world.fleet("green").minimum) == (0, 2), "live's own minimum is put back"


def test_insufficient_capacity_ends_before_traffic_and_says_what_aws_said() -> None:
    world = RolloutWorld()
    world.fleets.trouble[world.settings.green.group_arn] = "unable to place a task: insufficient GPU"
    world.start()
    done = world.finish()
    assert done.phase is Phase.ROLLED_BACK
    assert done.why_back == (
        "insufficient capacity: 0 of 4 healthy targets after 10 min: unable to place a task: insufficient GPU"
    )
    assert [name for name, arn in world.rules.calls if arn == world.settings.rule_arn].count("ModifyRule") == 0
    assert world.record(NEXT.name) is None, "the release is not to blame"


@pytest.mark.parametrize(
    ("error", "lasts", "why"),
    [
        (ConfigurationError("the service has no container app"), minutes(1), "the service has no container app"),
        (AwsError("throttled"), minutes(11), "insufficient capacity: 0 of 4 healthy targets after 10 min: throttled"),
    ],
    ids=["for good", "for now"],
)
def test_a_deployment_that_is_refused_for_good_ends_the_rollout_and_one_that_fails_is_tried_again(
    error: Exception, lasts: timedelta, why: str
) -> None:
    def fails(side: SideSettings, release: Release, desired: int) -> None:
        raise error

    world = RolloutWorld()
    world.fleets.deploy = fails  # type: ignore[method-assign]
    world.start()
    began = world.clock.now
    done = world.finish()
    assert (done.phase, done.why_back, done.is_bad) == (Phase.ROLLED_BACK, why, False)
    ended = world.history("ENDED")[0].at - began
    assert lasts - minutes(1) <= ended <= lasts


def with_an_approval() -> RolloutWorld:
    world = RolloutWorld(replace(quick_settings(), hooks=(HookSettings("owner"),)))
    world.start()
    world.reach_hold(HoldKind.APPROVAL)
    return world


def test_a_live_side_that_grew_during_an_approval_is_matched_again_before_the_first_shift() -> None:
    world = with_an_approval()
    world.fleets.running[world.settings.blue.group_arn] = replace(world.fleet("blue"), desired=8)
    world.set_healthy("blue", 8)
    world.fleets.on_change = lambda _side, _desired: None
    world.give("promote")
    world.reach(Phase.SHIFTING, step=1, applied=50)
    assert (world.rollout.needs, world.fleet("green").desired, world.fleet("green").minimum) == (8, 8, 8)
    world.pass_for(8)
    assert (world.rollout.weight, world.share_of("green")) == (95, 50), "its new targets are waited for"
    world.set_healthy("green", 8)
    assert world.finish().phase is Phase.PROMOTED


def test_a_live_side_that_shrank_during_an_approval_asks_for_no_less() -> None:
    world = with_an_approval()
    world.set_healthy("blue", 3)
    world.give("promote")
    world.reach(Phase.SHIFTING, step=0, applied=10)
    assert (world.rollout.needs, world.fleet("green").desired) == (4, 4)


class GreenUnseen(InMemoryMetrics):
    """CloudWatch, which has nothing of the green side: what has no targets has no metrics."""

    def minutes(self, series: Mapping[str, Series], first: int, last: int) -> Mapping[str, Mapping[int, float]]:
        seen = super().minutes(series, first, last)
        return {name: {} if name.startswith("green/") else values for name, values in seen.items()}


def test_a_candidate_without_any_target_goes_back_although_it_has_no_metrics_either() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING, step=0, applied=10)
    world.set_healthy("green", 0)
    world.ports = replace(world.ports, metrics=GreenUnseen(world.metrics.values))
    lost = world.clock.now
    world.pass_for(10, until=lambda: world.rollout.phase is not Phase.SHIFTING)
    assert world.clock.now - lost < minutes(4)
    done = world.finish()
    assert done.phase is Phase.ROLLED_BACK
    assert done.why_back == "the candidate has 0 healthy targets and no requests, and needs 1"
    assert not done.is_bad


def test_a_candidate_without_requests_whose_targets_are_healthy_is_only_held() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING, step=0, applied=10)
    world.ports = replace(world.ports, metrics=GreenUnseen(world.metrics.values))
    world.reach_hold(HoldKind.NO_DATA)
    assert world.share_of("green") == 10


def test_healthy_targets_of_another_release_are_not_the_candidate() -> None:
    world = RolloutWorld()
    green = world.settings.green.group_arn
    world.fleets.running[green] = FleetSeen(4, 1, is_settled=True, release="an earlier one")
    world.fleets.trouble[green] = "the tasks of the release do not start"
    world.fleets.on_change = lambda _side, _desired: None
    world.set_healthy("green", 4)
    world.start()
    assert world.finish().why_back.endswith("the tasks of the release do not start")


def test_a_candidate_that_runs_the_release_already_is_brought_to_lives_count_first() -> None:
    world = RolloutWorld()
    blue, green = world.settings.blue.group_arn, world.settings.green.group_arn
    world.fleets.running[blue] = FleetSeen(6, 2, is_settled=True, release="first")
    world.fleets.running[green] = FleetSeen(4, 1, is_settled=True, release=NEXT.name)
    world.set_healthy("green", 4)
    world.start()
    world.reach(Phase.SHIFTING)
    assert world.fleet("green").desired == 6
    assert world.fleet("green").minimum == 6


def test_a_candidate_with_too_few_healthy_targets_gets_no_traffic() -> None:
    world = RolloutWorld()
    world.start()
    world.pass_for(0.3, until=lambda: bool(world.rollout.desired))
    world.fleets.on_change = lambda _side, _desired: None
    world.set_healthy("green", 3)
    done = world.finish()
    assert done.why_back.startswith("insufficient capacity: 3 of 4 healthy targets")
    assert weights_written(world) == []
    assert world.share_of("blue") == 100


def test_a_step_waits_for_targets_that_were_lost_and_ends_when_they_do_not_come_back() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING, step=0, applied=10)
    world.set_healthy("green", 1)
    world.pass_for(9)
    assert (world.rollout.step, world.rollout.applied, world.share_of("green")) == (1, None, 10)
    world.set_healthy("green", 4)
    world.pass_for(1)
    assert world.share_of("green") == 50
    world.set_healthy("green", 3)
    done = world.finish()
    assert done.phase is Phase.ROLLED_BACK
    assert "insufficient capacity for 10 min: the candidate has 3 healthy targets and needs 4 for 95 %" in done.why_back


def test_a_candidate_that_loses_its_targets_loses_its_traffic_too() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING, step=1, applied=50)
    world.set_healthy("green", 0)
    lost = world.clock.now
    done = world.finish()
    assert done.phase is Phase.ROLLED_BACK
    assert done.why_back == "the candidate has 0 healthy targets and needs 2 for 50 % of the traffic"
    (item,) = [one for one in world.history("PHASE") if one.reason.startswith("ROLLING_BACK")]
    assert item.at - lost < minutes(5)


def test_one_bad_minute_of_health_checks_takes_no_release_back() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING, step=0, applied=10)
    world.pass_for(1)
    world.set_healthy("green", 0)
    world.pass_for(0.9)
    world.set_healthy("green", 4)
    assert world.finish().phase is Phase.PROMOTED


def test_a_candidate_that_loses_targets_in_its_bake_does_not_get_the_rest() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.BAKING, applied=95)
    world.set_healthy("green", 3)
    assert world.finish().phase is Phase.ROLLED_BACK


def test_a_fixed_side_is_neither_deployed_nor_scaled() -> None:
    world = RolloutWorld(fixed(quick_settings()))
    world.start()
    assert world.finish().phase is Phase.PROMOTED
    assert world.fleets.calls == []


# Evidence


def test_no_data_is_no_evidence_and_is_never_passed() -> None:
    world = RolloutWorld()
    world.is_silent = True
    world.start()
    hold = world.reach_hold(HoldKind.NO_DATA)
    assert hold.reason == "no minute with requests on both sides, even 10 min after the bake"
    assert (world.rollout.step, world.share_of("green")) == (0, 10)
    done = world.finish()
    assert (done.phase, done.is_bad) == (Phase.ROLLED_BACK, False)
    assert "nobody answered in time" in done.why_back
    assert world.record(NEXT.name) is None


def test_low_traffic_ends_held_and_not_passed() -> None:
    world = RolloutWorld()
    world.requests = 30
    world.start()
    hold = world.reach_hold(HoldKind.UNSURE)
    assert (world.rollout.step, world.share_of("green")) == (1, 50)
    assert "not enough evidence" in hold.reason


def test_the_last_step_is_extended_by_the_patience_before_it_is_held() -> None:
    world = RolloutWorld()
    world.requests = 30
    world.start()
    hold = world.reach_hold(HoldKind.UNSURE)
    at = world.history("WEIGHT")[-1].at
    assert at + minutes(15) <= hold.since < at + minutes(16.5)


def test_evidence_that_comes_in_the_extension_moves_the_rollout_on() -> None:
    world = RolloutWorld()
    world.requests = 30
    world.start()
    world.reach(Phase.SHIFTING, step=1, applied=50)
    world.pass_for(7)
    assert world.rollout.phase is Phase.SHIFTING
    world.requests = 60_000
    world.reach(Phase.BAKING)
    assert world.history("HELD") == []


def test_one_minute_of_data_is_enough_to_leave_a_step_that_is_not_the_last_one() -> None:
    world = RolloutWorld()
    world.requests = 30
    world.start()
    world.reach(Phase.SHIFTING, step=1)
    assert world.history("STEP")[1].at - world.history("STEP")[0].at < minutes(6)


def test_cloudwatch_that_does_not_answer_is_no_evidence_and_no_failure() -> None:
    world = RolloutWorld(quick_settings(guardrails=(ErrorComparison(), AlarmName("Gpu"))))
    world.metrics.alarms["Gpu"] = "OK"
    world.start()
    world.reach(Phase.SHIFTING, step=0, applied=10)

    class Down(InMemoryMetrics):
        def minutes(self, series: object, first: int, last: int) -> dict[str, dict[int, float]]:
            raise AwsError("CloudWatch does not answer")

    world.ports = replace(world.ports, metrics=Down())
    world.pass_for(6)
    assert not world.is_failed
    assert (world.rollout.phase, world.rollout.step) == (Phase.SHIFTING, 0)


def test_nothing_is_promoted_while_cloudwatch_does_not_answer() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.BAKING, applied=95)
    world.pass_for(9)
    assert is_shown_healthy(world.rollout)

    class Down(InMemoryMetrics):
        def minutes(self, series: object, first: int, last: int) -> dict[str, dict[int, float]]:
            raise AwsError("CloudWatch does not answer")

    sound, world.ports = world.ports, replace(world.ports, metrics=Down())
    world.reach_hold(HoldKind.UNSURE)
    assert (world.rollout.phase, world.share_of("green")) == (Phase.BAKING, 95)
    world.ports = sound
    assert world.finish().phase is Phase.PROMOTED


@pytest.mark.parametrize("phase", [Phase.SHIFTING, Phase.BAKING], ids=lambda one: one.name)
def test_neither_the_last_step_nor_the_bake_is_left_unseen_by_earlier_evidence(phase: Phase) -> None:
    world = RolloutWorld()
    world.requests = 120_000
    world.start()
    world.reach(phase, step=1, applied=50 if phase is Phase.SHIFTING else 95)
    world.is_silent = True
    world.reach_hold(HoldKind.NO_DATA)
    assert world.rollout.phase is phase
    assert is_shown_healthy(world.rollout)


def test_a_bake_that_holds_nothing_back_needs_no_minute_of_both_sides() -> None:
    world = RolloutWorld(replace(quick_settings(), hold_back=0))
    world.requests = 120_000
    world.start()
    world.reach(Phase.BAKING, applied=100)
    assert world.finish().phase is Phase.PROMOTED


def test_an_unhealthy_verdict_of_an_earlier_step_counts_in_a_later_one() -> None:
    world = RolloutWorld()
    world.requests = 1200
    world.failing = {NEXT.name: 0.006}
    world.start()
    done = world.finish()
    assert done.phase is Phase.ROLLED_BACK
    assert done.evidence is not None
    assert done.evidence.members["errors"].intervals > 5, "more than one step's minutes"


# The bake


def test_a_part_of_the_traffic_stays_on_live_in_the_bake_so_that_the_comparison_goes_on() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.BAKING, applied=95)
    assert world.share_of("blue") == 5
    world.pass_for(3)
    world.failing = {NEXT.name: BAD}
    done = world.finish()
    assert (done.phase, done.is_bad) == (Phase.ROLLED_BACK, True)


def test_without_a_hold_back_the_bake_has_everything() -> None:
    world = RolloutWorld(replace(quick_settings(), hold_back=0))
    world.start()
    world.reach(Phase.BAKING, applied=100)
    assert world.share_of("green") == 100
    assert world.finish().phase is Phase.PROMOTED


def test_a_release_without_steps_is_watched_in_its_bake() -> None:
    good = RolloutWorld(quick_settings(steps=()))
    good.start()
    assert good.finish().phase is Phase.PROMOTED
    assert [item.reason for item in good.history("WEIGHT")] == ["95 % to the candidate", "100 % to the candidate"]
    bad = RolloutWorld(quick_settings(steps=()))
    bad.failing = {NEXT.name: BAD}
    bad.start()
    assert bad.finish().phase is Phase.ROLLED_BACK


def test_a_bake_that_shows_nothing_is_held() -> None:
    world = RolloutWorld(quick_settings(steps=()))
    world.is_silent = True
    world.start()
    world.reach_hold(HoldKind.NO_DATA)
    assert world.rollout.phase is Phase.BAKING


def test_without_guardrails_time_alone_moves_a_rollout() -> None:
    world = RolloutWorld(quick_settings(guardrails=()))
    world.is_silent = True
    world.failing = {NEXT.name: 1.0}
    world.start()
    assert world.finish().phase is Phase.PROMOTED


# A/B


def test_a_split_runs_until_it_is_promoted_and_measures_the_effect() -> None:
    settings = quick_settings(guardrails=(LOW,), steps=(Step(10, minutes(0)),))
    world = RolloutWorld(replace(settings, split=10, deadline=timedelta(hours=36)))
    world.low = {NEXT.name: 0.017}
    world.start()
    world.pass_for(300)
    assert (world.rollout.phase, world.rollout.hold, world.share_of("green")) == (Phase.SHIFTING, None, 10)
    assert world.rollout.ab is not None
    assert world.rollout.ab.intervals > 290
    assert world.rollout.ab.candidate.requests == 1200 * world.rollout.ab.intervals
    world.give("promote")
    assert world.finish().phase is Phase.PROMOTED


def test_a_split_that_harms_ends() -> None:
    settings = quick_settings(steps=(Step(10, minutes(0)),))
    world = RolloutWorld(replace(settings, split=10))
    world.failing = {NEXT.name: BAD}
    world.start()
    assert world.finish().phase is Phase.ROLLED_BACK


def test_a_split_ends_at_its_deadline() -> None:
    settings = quick_settings(steps=(Step(10, minutes(0)),))
    world = RolloutWorld(replace(settings, split=10, deadline=timedelta(hours=3)))
    world.start()
    done = world.finish()
    assert (done.phase, done.why_back) == (Phase.ROLLED_BACK, "the deadline of 3 h is over")


def test_a_split_needs_only_its_part_of_lives_targets() -> None:
    settings = quick_settings(steps=(Step(10, minutes(0)),))
    world = RolloutWorld(replace(settings, split=10))
    world.start()
    world.pass_for(0.3, until=lambda: bool(world.rollout.desired))
    world.fleets.on_change = lambda _side, _desired: None
    world.set_healthy("green", 1)
    world.reach(Phase.SHIFTING, applied=10)


# Test routes


def share_of_tests(world: RolloutWorld) -> float | None:
    """Green's part of what the test rule forwards."""
    (rule,) = world.settings.test_rule_arns
    return share_of(world.rules.rules[rule][0], world.settings.blue.group_arn, world.settings.green.group_arn)


def test_test_routes_lead_to_the_candidate_from_its_first_target_on() -> None:
    world = RolloutWorld()
    world.start()
    world.pass_for(1 / 60)
    assert (world.rollout.phase, share_of_tests(world)) == (Phase.PREPARING, 100)
    world.reach(Phase.BAKING, applied=95)
    assert share_of_tests(world) == 100


@pytest.mark.parametrize("stickiness", [None, 600])
def test_the_side_that_leaves_the_rule_keeps_its_health_checks_by_the_test_routes(stickiness: int | None) -> None:
    """By the same turn, with stickiness too, where the rule is left a turn later (I8)."""
    world = RolloutWorld(replace(quick_settings(), stickiness_seconds=stickiness))
    world.start()
    world.reach(Phase.PROMOTED)
    assert share_of_tests(world) == 0
    world.finish()
    world.start(world.request(Release("1.5.0")))
    world.reach(Phase.TESTING)
    assert share_of_tests(world) == 0, "blue is the candidate now"


# Invariants that are not the world's


def test_new_settings_change_nothing_of_a_rollout_that_runs() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING, step=0, applied=10)
    world.source.known[world.target] = replace(quick_settings(steps=()), bake=timedelta(days=1), rule_arn="elsewhere")
    assert world.finish().phase is Phase.PROMOTED
    assert len(world.history("STEP")) == 2


def test_the_fence_grows_with_every_rollout() -> None:
    world = RolloutWorld()
    fences = []
    for version in ("1", "2", "3"):
        world.start(world.request(Release(version)))
        fences.append(world.rollout.fence)
        assert world.tags["bluegreen:fence"] == str(world.rollout.fence)
        world.finish()
    assert fences == sorted(set(fences))


def test_a_turn_that_comes_twice_is_as_one() -> None:
    once, twice = RolloutWorld(), RolloutWorld()
    for world in (once, twice):
        world.start()
        while not (world.answer and world.answer.done):
            world.pass_for(1 / 60)
            if world is twice:
                world.turn()
    assert twice.rollout.phase is once.rollout.phase is Phase.PROMOTED
    assert [item.reason for item in twice.history()] == [item.reason for item in once.history()]


def test_between_its_writes_a_rollout_leaves_elastic_load_balancing_alone() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING, step=0, applied=10)
    count = len(world.rules.calls)
    world.pass_for(4)
    assert world.watched_rules.calls_since(count) == []


def test_a_turn_of_another_rollout_does_nothing() -> None:
    world = RolloutWorld()
    world.start()
    count = len(world.rules.calls)
    answer = tick(world.ports, world.target, "an earlier one", world.clock.now)
    assert (answer.done, answer.outcome) == (True, "SUPERSEDED")
    assert answer.restore == {}
    assert world.watched_rules.calls_since(count) == []
    assert tick(world.ports, "No/Target", "any", world.clock.now).outcome == "SUPERSEDED"


def test_every_answer_tells_the_state_machine_how_to_restore_without_the_engine() -> None:
    world = RolloutWorld()
    world.start()
    serving = {}
    while not (world.answer and world.answer.done):
        world.pass_for(1 / 60)
        assert world.answer is not None
        answer = json.loads(json.dumps(asdict(world.answer)))
        assert answer["wait_seconds"] >= 1
        assert answer["restore"]["RuleArn"] == world.settings.rule_arn
        assert answer["mark"]["ResourceArns"] == [world.settings.rule_arn]
        actions: list[Json] = answer["restore"]["Actions"]
        share = share_of(actions, world.settings.blue.group_arn, world.settings.green.group_arn)
        serving[answer["outcome"]] = (share, answer["mark"]["Tags"])
    aborted = [{"Key": "bluegreen:aborted", "Value": NEXT.name}]
    ended = [{"Key": "bluegreen:ended", "Value": NEXT.name}]
    assert serving == {
        "PREPARING": (0, aborted),
        "TESTING": (0, aborted),
        "SHIFTING": (0, aborted),
        "BAKING": (0, aborted),
        "PROMOTED": (100, ended),
    }


def test_live_leaves_a_sticky_rule_only_when_the_state_machine_knows_that_it_is_not_to_go_back_there() -> None:
    """What is in no rule gets no health checks: brought back to without the engine, it would get all traffic cold."""
    world = RolloutWorld(replace(quick_settings(), stickiness_seconds=600))
    blue, _ = groups = world.settings.blue.group_arn, world.settings.green.group_arn

    def named() -> dict[str, float]:
        return forwarded_groups(world.rules.rules[world.settings.rule_arn][0])

    world.start()
    world.reach(Phase.BAKING, applied=95)
    world.pass_for(60, until=lambda: world.rollout.is_baked)
    assert (world.share_of("green"), sorted(named())) == (100, sorted(groups))
    assert world.answer is not None
    assert world.answer.restore == {}
    world.turn()  # the same turn again, because its answer got lost
    assert blue in named()
    world.pass_time(timedelta(seconds=1))
    world.turn()
    assert (world.rollout.phase, blue in named()) == (Phase.PROMOTED, False)


def test_the_restoring_actions_authenticate_as_the_rule_does() -> None:
    world = RolloutWorld()
    cognito = {"Type": "authenticate-cognito", "AuthenticateCognitoConfig": {"UserPoolDomain": "serving"}}
    actions, tags = world.rules.rules[world.settings.rule_arn]
    world.rules.rules[world.settings.rule_arn] = ((cognito, *actions), tags)
    answer = world.start()
    restored: list[Json] = list(answer.restore["Actions"])  # type: ignore[call-overload]
    assert [one["Type"] for one in restored] == ["authenticate-cognito", "forward"]
    world.finish()
    assert [one["Type"] for one in world.rules.rules[world.settings.rule_arn][0]] == ["authenticate-cognito", "forward"]


def test_an_engine_that_fails_half_way_leaves_live_with_everything_and_the_next_start_closes_it() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING, step=1, applied=50)
    world.store.is_down = True
    world.machine_turn()
    assert world.is_failed
    assert world.share_of("blue") == 100
    assert world.tags["bluegreen:aborted"] == NEXT.name
    world.store.is_down = False
    world.pass_time(minutes(5))
    world.start(world.request(Release("1.5.0")))
    assert world.finish().phase is Phase.PROMOTED
    assert "closed by the next start" in world.history("ENDED")[0].reason


def test_an_engine_that_fails_for_a_while_goes_on_where_it_was() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING, step=1, applied=50)
    world.store.is_down = True
    for _ in range(3):
        with pytest.raises(AwsError):
            world.turn()
    world.store.is_down = False
    assert world.finish().phase is Phase.PROMOTED


def test_the_events_of_a_rollout_name_it_and_where_it_is() -> None:
    world = RolloutWorld()
    world.start()
    world.finish()
    kinds = [kind for kind, _ in world.events.announced]
    assert kinds[0] == "Rollout Started"
    assert kinds[-1] == "Rollout Ended"
    assert kinds.count("Rollout Ended") == 1
    assert set(kinds) == {"Rollout Started", "Rollout Phase", "Rollout Ended"}
    for _, detail in world.events.announced:
        assert detail["target"] == world.target
        assert detail["rollout"] == detail["release"] == NEXT.name
        assert set(detail) == {"target", "rollout", "release", "phase", "weight", "reason", "verdict"}


def test_what_a_bad_release_did_is_announced_with_its_verdict() -> None:
    world = RolloutWorld()
    world.failing = {NEXT.name: BAD}
    world.start()
    world.finish()
    (detail,) = [detail for kind, detail in world.events.announced if kind == "Rollout Unhealthy"]
    assert detail["verdict"] == "UNHEALTHY"


def test_the_history_says_where_a_rollout_was_when_something_happened() -> None:
    world = RolloutWorld()
    world.failing = {NEXT.name: BAD}
    world.start()
    world.finish()
    (said,) = world.history("UNHEALTHY")
    assert (said.phase, said.weight) == ("SHIFTING", 10)


def test_the_history_says_who_asked_and_why() -> None:
    world = RolloutWorld()
    world.start()
    world.finish()
    first = world.history()[0]
    assert (first.event, first.reason, first.release) == ("STARTED", "weekly release", NEXT.name)
    assert first.caller.endswith("/sam")
    assert {item.caller for item in world.history()[1:]} == {"the engine"}
    assert len(world.history("ENDED")) == 1


def test_every_minute_counts_once_however_often_a_rollout_looks() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.BAKING)
    evidence = world.rollout.evidence
    assert evidence is not None
    counted = evidence.members["errors"]
    assert counted.intervals >= 8
    assert counted.live.requests + counted.candidate.requests == 12_000 * counted.intervals
