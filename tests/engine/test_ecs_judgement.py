"""Before each further step: evidence or an operator's word, never silence; and between the steps the way back."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from ecs_world import BAD, ERRORS, OPERATOR, EcsWorld, ecs_settings, minutes, with_alarm
from hypothesis import given, settings
from hypothesis import strategies as st

from bluegreen_constructs.engine.absolute_floor import AbsoluteFloor
from bluegreen_constructs.engine.beginning import Beginning
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.ecs_hook import ADMISSION, NEXT_STEP
from bluegreen_constructs.engine.ecs_judgement import closed, is_to_be_stopped, replied, verdict_of, with_share
from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.handlers import ecs_judge
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.model import Verdict
from bluegreen_constructs.engine.ports import RefusedError
from bluegreen_constructs.engine.present_time import present
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import HoldKind
from bluegreen_constructs.engine.rollout_codec import rollout_from_json, rollout_to_json
from bluegreen_constructs.engine.start_request import StartRequest
from bluegreen_constructs.engine.strategy import Linear, Step
from bluegreen_constructs.testing import InMemoryExecutions

NEXT = "2.aaaaaaaa"
FLOORED = (ErrorComparison(), AbsoluteFloor(98))


def deployed(world: EcsWorld, **details: object) -> EcsWorld:
    world.deploy(NEXT, **details)
    return world


def at_the_step(world: EcsWorld) -> EcsWorld:
    """The candidate has its first share, and the judge has seen it."""
    deployed(world).passes(minutes(3.5))
    assert (world.rollout.step, world.rollout.phase) == (0, Phase.SHIFTING)
    return world


def silenced(world: EcsWorld) -> EcsWorld:
    """CloudWatch has forgotten what it knew, and hears nothing more."""
    world.is_silent = True
    world.metrics.values.clear()
    return world


def red_hotfix(guardrails: tuple = FLOORED) -> EcsWorld:
    world = EcsWorld(ecs_settings(guardrails=guardrails))
    world.red.add(ERRORS)
    world.metrics.alarms[ERRORS] = "ALARM"
    return deployed(world, hotfix={"release": "2", "reason": "stops the errors"})


class TestWholeDeployments:
    def test_a_good_release_is_promoted_and_told_at_every_turn(self) -> None:
        world = deployed(EcsWorld())
        world.finish()
        assert (world.rollout.phase, world.share) == (Phase.PROMOTED, 100)
        assert world.statuses == [(ADMISSION, "SUCCEEDED"), (NEXT_STEP, "SUCCEEDED")]
        kinds = [kind for kind, _ in world.events.announced]
        assert kinds == ["Rollout Started", *["Rollout Phase"] * 3, "Rollout Ended"]
        assert {one.release.name: one.status for one in world.store.releases(world.target)} == {
            "first.00000000": "promoted",
            NEXT: "promoted",
        }
        assert world.store.deployments == {}
        assert not any(unhealthy for _, _, unhealthy in world.verdicts.published)
        world.check_counted_once()

    def test_every_step_of_a_linear_shift_is_judged_by_what_all_of_them_have_seen(self) -> None:
        steps = Linear(25, minutes(3)).steps()
        world = deployed(EcsWorld(ecs_settings(steps=tuple(one for one in steps if one.percent < 100))))
        world.finish()
        assert [one.weight for one in world.said("STEP")] == [25, 50, 75]
        assert world.rollout.phase is Phase.PROMOTED

    def test_a_bad_release_goes_back_by_the_alarm_on_the_metric_without_waiting_for_a_hook(self) -> None:
        world = EcsWorld(ecs_settings(steps=(Step(10, timedelta(hours=1)),)))
        world.failing = {NEXT: BAD}
        deployed(world).finish(minutes(10))
        assert (world.rollout.phase, world.share, world.rollout.is_bad) == (Phase.ROLLED_BACK, 0, True)
        assert world.statuses == [(ADMISSION, "SUCCEEDED"), (NEXT_STEP, "SUCCEEDED")]
        assert [unhealthy for _, _, unhealthy in world.verdicts.published].count(True) == 1
        assert world.verdicts.published[-1][2] is False
        assert world.deployments.calls == []
        assert "Rollout Unhealthy" in [kind for kind, _ in world.events.announced]

    def test_the_hook_finds_it_too_when_no_look_comes(self) -> None:
        world = EcsWorld()
        world.failing, world.has_looks = {NEXT: BAD}, False
        deployed(world).passes(minutes(20))
        assert world.statuses[-2:] == [(NEXT_STEP, "SUCCEEDED"), (NEXT_STEP, "FAILED")]
        assert world.deployment.status == "ROLLBACK_SUCCESSFUL"
        record = next(one for one in world.store.releases(world.target) if one.release.name == NEXT)
        assert record.status == "rejected"

    def test_without_any_look_a_good_release_still_gets_its_verdict_from_the_hook(self) -> None:
        world = EcsWorld()
        world.has_looks = False
        deployed(world).passes(minutes(30))
        assert world.deployment.status == "SUCCESSFUL"

    def test_an_alarm_of_the_deployment_rejects_the_release_once_it_had_traffic(self) -> None:
        world = at_the_step(EcsWorld())
        world.red.add(ERRORS)
        world.finish()
        assert (world.rollout.phase, world.rollout.is_bad) == (Phase.ROLLED_BACK, True)
        assert "alarm(s) went into the ALARM state" in world.rollout.why_back

    def test_an_alarm_before_traffic_moved_is_not_the_candidates(self) -> None:
        world = deployed(EcsWorld())
        world.passes(minutes(1))
        world.red.add(ERRORS)
        world.finish()
        assert (world.rollout.phase, world.rollout.is_bad) == (Phase.ROLLED_BACK, False)

    def test_an_alarm_that_was_red_only_as_ecs_looked_is_watched_by_the_judge(self) -> None:
        world = EcsWorld()
        world.red.add(ERRORS)
        arn = world.deploy(NEXT)
        assert world.deployment.alarms_status == "DISABLED"
        world.red.clear()
        world.passes(minutes(3.5))
        assert world.rollout.phase is Phase.SHIFTING
        world.red.add(ERRORS)
        world.finish()
        assert ("stop", arn) in world.deployments.calls
        assert (world.rollout.phase, world.rollout.is_bad) == (Phase.ROLLED_BACK, True)

    def test_what_the_last_step_saw_counts_also_when_it_is_complete_in_the_bake_only(self) -> None:
        world = deployed(EcsWorld(replace(ecs_settings(steps=(Step(10, minutes(6)),)), bake=minutes(30))))
        while world.share != 100:
            world.passes(minutes(0.25))
        side = world.settings.green
        dimensions = (("LoadBalancer", world.settings.load_balancer), ("TargetGroup", side.metric_name))
        minute = int(world.clock.now.timestamp() // 60) - 1
        errors = next(s for s in world.metrics.values if s.metric.endswith("5XX_Count") and s.dimensions == dimensions)
        world.metrics.add(errors, minute, 4000)
        world.finish()
        assert (world.rollout.phase, world.rollout.is_bad) == (Phase.ROLLED_BACK, True)

    def test_in_the_bake_alarms_judge_alone(self) -> None:
        world = deployed(EcsWorld(ecs_settings(guardrails=FLOORED)))
        while world.share != 100:
            world.passes(minutes(0.25))
        world.passes(minutes(2))
        world.failing = {NEXT: 0.5}
        world.finish()
        assert world.rollout.phase is Phase.PROMOTED


class TestNoEvidence:
    @pytest.mark.parametrize("cut", ["silent", "down"])
    def test_a_step_without_evidence_is_held_and_then_goes_back(self, cut: str) -> None:
        world = at_the_step(EcsWorld())
        world.metrics.values.clear()
        if cut == "silent":
            world.is_silent = True
        else:
            world.metrics.minutes = _down  # type: ignore[method-assign]
        world.passes(minutes(14))
        hold = world.rollout.hold
        assert hold is not None
        assert hold.kind is HoldKind.NO_DATA
        assert hold.until == world.rollout.hook_since + minutes(60)
        assert "Rollout Held" in [kind for kind, _ in world.events.announced]
        world.finish()
        assert (world.rollout.phase, world.rollout.is_bad, world.share) == (Phase.ROLLED_BACK, False, 0)
        assert "no verdict after 1 h" in world.said("PHASE")[-1].reason
        assert {status for stage, status in world.statuses if stage == NEXT_STEP} == {
            "SUCCEEDED",
            "IN_PROGRESS",
            "FAILED",
        }

    def test_a_later_step_without_a_minute_of_its_own_is_held_whatever_was_shown_before(self) -> None:
        world = at_the_step(EcsWorld(ecs_settings(steps=(Step(10, minutes(5)), Step(50, minutes(5))))))
        while world.share != 50:
            world.passes(minutes(0.25))
        assert verdict_of(world.rollout) is Verdict.HEALTHY
        world.is_silent = True
        for held in world.metrics.values.values():
            held.pop(int(world.clock.now.timestamp() // 60), None)
        world.passes(minutes(30))
        assert (world.share, world.rollout.hold is not None) == (50, True)

    def test_nothing_that_counts_requests_never_shows_anything(self) -> None:
        world = deployed(EcsWorld(ecs_settings(guardrails=())))
        world.passes(minutes(30))
        assert world.share == 10
        assert "no guardrail counts requests" in world.replies[-1][1].reason

    def test_an_alarm_that_is_ok_is_no_evidence(self) -> None:
        world = deployed(EcsWorld(with_alarm(ecs_settings(guardrails=()))))
        world.passes(minutes(30))
        assert world.share == 10

    def test_an_alarm_without_data_holds_up_nothing(self) -> None:
        world = deployed(EcsWorld(with_alarm(ecs_settings())))
        world.metrics.alarms.pop(ERRORS)
        world.finish()
        assert world.rollout.phase is Phase.PROMOTED

    def test_too_few_requests_are_asked_for_again_when_there_is_news(self) -> None:
        world = EcsWorld()
        world.requests = 60
        deployed(world).passes(minutes(9))
        reply = world.replies[-1][1]
        assert (world.replies[-1][0], reply.status) == (NEXT_STEP, "IN_PROGRESS")
        assert 30 <= reply.delay_seconds <= 60
        assert "not enough evidence" in reply.reason

    def test_a_hold_ends_when_the_evidence_is_there(self) -> None:
        world = silenced(at_the_step(EcsWorld()))
        world.passes(minutes(20))
        assert world.rollout.hold is not None
        world.is_silent = False
        world.finish()
        assert world.rollout.phase is Phase.PROMOTED
        assert len(world.said("RESUMED")) == 1

    @pytest.mark.parametrize("share", [None, 0, 100])
    def test_a_rule_that_is_not_as_ecs_left_it_lets_nothing_pass(self, share: float | None) -> None:
        world = at_the_step(EcsWorld())
        world.passes(minutes(3))
        if share is None:
            world.rules.rules[world.settings.rule_arn] = (({"Type": "forward", "TargetGroupArn": "arn:x"},), {})
        else:
            world._shift(share)
        rollout = world.rollout
        reply = world.ask(world.hook(NEXT_STEP, world.deployment.arn))
        assert reply.status == "IN_PROGRESS"
        assert "the live rule" in reply.reason
        later = world.clock.now + minutes(61)
        waiting = replace(with_share(rollout, share, world.clock.now), hook_since=world.clock.now)
        assert replied(waiting, share, later)[1].status == "FAILED"

    def test_what_was_shown_does_not_count_while_cloudwatch_does_not_answer(self) -> None:
        world = at_the_step(EcsWorld())
        world.passes(minutes(2))
        assert (verdict_of(world.rollout), world.rollout.step_minutes) == (Verdict.HEALTHY, 1)
        world.clock.forward(minutes(1))
        minutes_of, world.metrics.minutes = world.metrics.minutes, _down  # type: ignore[method-assign]
        call = world.hook(NEXT_STEP, world.deployment.arn)
        reply = world.ask(call)
        assert reply.status == "IN_PROGRESS"
        assert "could not be asked: throttled" in reply.reason
        world.metrics.minutes = minutes_of  # type: ignore[method-assign]
        assert world.ask(call).status == "SUCCEEDED"

    def test_no_hold_is_longer_than_a_stage_of_ecs(self) -> None:
        world = at_the_step(EcsWorld(replace(ecs_settings(), hold_timeout=timedelta(days=7))))
        now = world.clock.now
        waiting = replace(world.rollout, hook_since=now - timedelta(hours=23), step_minutes=0)
        assert replied(replace(waiting, hook_since=now - timedelta(hours=22, minutes=59)), 10, now)[1].status == (
            "IN_PROGRESS"
        )
        assert replied(waiting, 10, now)[1].status == "FAILED"

    def test_weights_that_a_replaced_deployment_left_are_no_step(self) -> None:
        world = deployed(EcsWorld())
        world._shift(10)
        world.passes(minutes(1.5))
        assert (world.rollout.phase, world.rollout.step, world.rollout.judged) == (Phase.TESTING, -1, None)


class TestTellingEcs:
    def bad_now(self, **more: object) -> EcsWorld:
        """UNHEALTHY is saved, and ECS has not heard of it."""
        world = at_the_step(EcsWorld())
        now = world.clock.now
        back = {"phase": Phase.ROLLING_BACK, "is_bad": True, "phase_since": now, "why_back": "errors"}
        world.store.states[world.target] = replace(world.rollout, **back, **more)
        return world

    @pytest.mark.parametrize(
        ("hotfix", "watches", "is_bad", "stops"),
        [
            ("", "MONITORING", True, False),
            ("", "", True, False),
            ("", "DISABLED", True, True),
            ("a reason", "MONITORING", True, True),
            ("", "MONITORING", False, True),
        ],
    )
    def test_a_call_takes_back_what_no_alarm_will(self, hotfix: str, watches: str, is_bad: bool, stops: bool) -> None:
        world = self.bad_now()
        rollout = replace(world.rollout, hotfix=hotfix, is_bad=is_bad)
        seen, now = replace(world.deployment, alarms_status=watches), world.clock.now
        assert is_to_be_stopped(rollout, seen, now) is stops
        assert is_to_be_stopped(rollout, seen, now + minutes(3))
        for status in ("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "STOPPED"):
            assert not is_to_be_stopped(rollout, replace(seen, status=status), now + minutes(3))
        assert not is_to_be_stopped(replace(rollout, phase=Phase.SHIFTING), seen, now + minutes(3))

    def test_what_is_known_goes_on_being_said_while_ecs_does_not_answer(self) -> None:
        world = self.bad_now()
        world.deployments.deployment = _down  # type: ignore[method-assign]
        world.look()
        assert world.verdicts.published[-1] == (world.target, world.clock.now, True)
        assert "throttled" in world.troubles[-1]

    def test_nothing_is_said_any_more_once_ecs_goes_back(self) -> None:
        world = self.bad_now()
        world.look()
        assert world.verdicts.said[world.target] is True
        world.deployments.stop(world.deployment.arn)
        world.look()
        assert world.verdicts.said[world.target] is False


class TestOperators:
    def test_promote_answers_a_hold_and_only_that_one(self) -> None:
        world = EcsWorld(ecs_settings(steps=(Step(10, minutes(5)), Step(50, minutes(5)))))
        silenced(at_the_step(world))
        world.passes(minutes(20))
        assert world.share == 10
        world.command("promote", step=0)
        world.passes(minutes(3))
        assert world.share == 50
        assert world.store.commands(world.target) == []
        assert world.said("CONTINUED")[0].caller == OPERATOR
        world.passes(minutes(30))
        assert (world.share, world.rollout.hold is not None) == (50, True)

    def test_promote_that_finds_no_question_is_refused(self) -> None:
        world = silenced(at_the_step(EcsWorld()))
        world.command("promote")
        world.passes(minutes(1))
        assert "found nothing to answer" in world.said("REFUSED")[0].reason
        world.passes(minutes(20))
        assert world.share == 10

    @pytest.mark.parametrize("more", [{"step": 1}, {"rollout": "d0"}])
    def test_promote_for_another_question_is_refused(self, more: dict[str, object]) -> None:
        world = silenced(at_the_step(EcsWorld()))
        world.passes(minutes(20))
        world.command("promote", **more)
        world.passes(minutes(5))
        assert world.share == 10
        assert "which is over" in world.said("REFUSED")[0].reason

    def test_promote_does_not_outweigh_harm(self) -> None:
        world = EcsWorld()
        world.has_looks, world.failing = False, {NEXT: BAD}
        deployed(world).passes(minutes(7.75))
        world.command("promote")
        world.passes(minutes(10))
        assert world.deployment.status == "ROLLBACK_SUCCESSFUL"

    def test_abort_stops_the_deployment(self) -> None:
        world = at_the_step(EcsWorld())
        world.command("abort", reason="wrong image")
        world.finish()
        assert ("stop", world.deployment.arn) in world.deployments.calls
        assert (world.rollout.phase, world.rollout.is_bad) == (Phase.ROLLED_BACK, False)
        assert "bluegreen abort: wrong image" in world.rollout.why_back


class TestHotfix:
    def test_a_good_one_is_promoted_by_its_floor_while_live_is_broken(self) -> None:
        world = red_hotfix()
        world.failing = {"first.00000000": 0.5}
        world.finish()
        assert (world.rollout.phase, world.rollout.hotfix) == (Phase.PROMOTED, "stops the errors")
        assert set(world.rollout.floors) == {AbsoluteFloor(98).name}
        assert world.rollout.evidence is None

    def test_one_that_falls_through_its_floor_is_stopped_as_ecs_watches_no_alarm(self) -> None:
        world = red_hotfix()
        world.failing = {NEXT: BAD}
        world.finish()
        assert ("stop", world.deployment.arn) in world.deployments.calls
        assert (world.rollout.phase, world.rollout.is_bad, world.share) == (Phase.ROLLED_BACK, True, 0)

    def test_its_floor_goes_on_in_the_bake(self) -> None:
        world = EcsWorld(replace(ecs_settings(guardrails=FLOORED), bake=timedelta(hours=1)))
        world.red.add(ERRORS)
        world.metrics.alarms[ERRORS] = "ALARM"
        deployed(world, hotfix={"release": "2", "reason": "stops the errors"})
        while world.share != 100:
            world.passes(minutes(0.25))
        world.passes(minutes(3))
        world.failing = {NEXT: 0.5}
        world.finish()
        assert ("stop", world.deployment.arn) in world.deployments.calls
        assert (world.rollout.phase, world.share) == (Phase.ROLLED_BACK, 0)

    def test_without_a_floor_it_waits_and_goes_back(self) -> None:
        world = red_hotfix((ErrorComparison(),))
        world.finish()
        assert (world.rollout.phase, world.share) == (Phase.ROLLED_BACK, 0)
        assert not world.rollout.is_bad

    def test_its_own_requests_are_enough_where_live_has_none(self) -> None:
        world = red_hotfix()
        world.passes(minutes(2.5))
        side = world.settings.blue.metric_name
        for series in [one for one in world.metrics.values if ("TargetGroup", side) in one.dimensions]:
            world.metrics.values[series] = _Nothing()
        world.finish()
        assert world.rollout.phase is Phase.PROMOTED


class TestEnds:
    def test_what_ecs_finished_is_live_whatever_was_wanted(self) -> None:
        world = at_the_step(EcsWorld())
        world.failing = {NEXT: BAD}
        world.passes(minutes(1))
        while not world.rollout.is_bad:
            world.clock.forward(minutes(0.25))
            world._serve()
            world.look()
        world._shift(100)
        done = {"status": "SUCCESSFUL", "finished_at": world.clock.now}
        world.deployments.known[world.deployment.arn] = replace(world.deployment, **done)
        world.look()
        assert world.rollout.phase is Phase.PROMOTED
        assert "is live although it was to go back" in world.said("ENDED")[0].reason
        record = next(one for one in world.store.releases(world.target) if one.release.name == NEXT)
        assert record.status == "rejected"
        assert world.store.deployments == {}

    @pytest.mark.parametrize("status", ["ROLLBACK_FAILED", "STOPPED"])
    def test_an_end_that_says_nothing_of_the_traffic_asks_somebody_to_look(self, status: str) -> None:
        world = at_the_step(EcsWorld())
        ended = replace(world.deployment, status=status, reason="no tasks", finished_at=world.clock.now)
        rollout = closed(world.rollout, ended, world.clock.now)
        assert (rollout.phase, rollout.is_tidied) == (Phase.ROLLED_BACK, True)
        assert "look at the live rule" in rollout.outbox[-1].reason

    def test_one_that_ecs_knows_no_more_is_closed_but_not_at_its_first_word(self) -> None:
        world = at_the_step(EcsWorld())
        world.deployments.known.clear()
        world.look()
        assert world.rollout.phase is Phase.SHIFTING
        assert "does not know" in world.troubles[-1]
        world.clock.forward(timedelta(hours=1))
        world.look()
        assert (world.rollout.phase, world.store.deployments) == (Phase.ROLLED_BACK, {})

    def test_one_targets_trouble_is_not_the_next_ones(self) -> None:
        world = at_the_step(EcsWorld())
        other = replace(world.settings, target="Serving/Other")
        stray = replace(world.rollout, settings=other, execution="arn:gone/d9", id="d9")
        world.store.states[other.target] = stray
        watched = next(iter(world.store.deployments.values()))
        world.store.deployments = {"arn:gone/d9": replace(watched, target=other.target, execution="arn:gone/d9")} | (
            world.store.deployments
        )
        world.finish()
        assert world.rollout.phase is Phase.PROMOTED
        assert all(one.startswith("Serving/Other: DeploymentGoneError") for one in world.troubles)

    def test_a_rollout_is_the_same_after_it_was_stored(self) -> None:
        world = red_hotfix()
        world.passes(minutes(6))
        assert world.rollout.hotfix
        assert rollout_from_json(rollout_to_json(world.rollout)) == world.rollout


class TestAnySequence:
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                ["hook", "look", "minute", "bad", "good", "silent", "loud", "shift", "duplicate", "promote"]
            ),
            min_size=5,
            max_size=60,
        )
    )
    def test_nothing_passes_on_silence_and_no_minute_counts_twice(self, things: list[str]) -> None:
        world = deployed(EcsWorld(ecs_settings(steps=(Step(10, minutes(2)), Step(50, minutes(2))))))
        world.has_looks = False
        arn = world.deployment.arn
        assert world.ask(world.hook(ADMISSION, arn)).status == "SUCCEEDED"
        shares, passed = iter((10, 50)), False
        for thing in things:
            match thing:
                case "hook" | "duplicate":
                    for _ in range(1 + (thing == "duplicate")):
                        passed = world.ask(world.hook(NEXT_STEP, arn)).status == "SUCCEEDED"
                case "shift" if passed:
                    world._shift(next(shares, 50))
                    passed = False
                case "look":
                    world.look()
                case "promote":
                    world.command("promote")
                case "bad" | "good":
                    world.failing = {NEXT: BAD if thing == "bad" else 0.002}
                case "silent" | "loud":
                    world.is_silent = thing == "silent"
                case "minute":
                    for _ in range(4):
                        world._serve()
                        world.clock.forward(timedelta(seconds=15))
            world.check_counted_once()
        if world.rollout.is_bad:
            assert world.ask(world.hook(NEXT_STEP, arn)).status == "FAILED"
        assert world.troubles == []


class TestHandler:
    def event(self, world: EcsWorld, stage: str, **more: object) -> dict[str, object]:
        """As AWS's launch post shows it."""
        return {
            "executionDetails": {
                "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/serving/inference",
                "targetServiceRevisionArn": world.deployment.target,
                "testTrafficWeights": {},
                "productionTrafficWeights": {},
            },
            "executionId": "ecs-lambda-1",
            "lifecycleStage": stage,
            "resourceArn": world.deployment.arn,
            "hookDetails": {"target": world.target, "alarms": [ERRORS], **more},
        }

    def served(self, world: EcsWorld, event: Mapping[str, object]) -> dict[str, object]:
        return json.loads(json.dumps(ecs_judge.serve(event, world.judge, lambda: world.clock.now)))

    def test_a_hook_is_answered_in_the_words_of_ecs(self) -> None:
        world = deployed(EcsWorld())
        assert self.served(world, self.event(world, ADMISSION)) == {"hookStatus": "SUCCEEDED"}
        assert self.served(world, self.event(world, NEXT_STEP)) == {"hookStatus": "SUCCEEDED"}
        world._shift(10)
        event = self.event(world, NEXT_STEP, own="kept")
        answer = self.served(world, event)
        assert answer["hookStatus"] == "IN_PROGRESS"
        assert 30 <= answer["callBackDelay"] <= 60
        assert answer["hookDetails"] == event["hookDetails"]

    def test_trouble_is_remembered_in_the_details_and_forgotten_when_it_is_over(self) -> None:
        world = silenced(at_the_step(EcsWorld()))
        world.store.is_down = True
        first = self.served(world, self.event(world, NEXT_STEP))
        assert first["hookStatus"] == "IN_PROGRESS"
        assert first["hookDetails"]["asked_since"] == world.clock.now.isoformat()
        world.clock.forward(minutes(30))
        again = {**self.event(world, NEXT_STEP), "hookDetails": json.dumps(first["hookDetails"])}
        assert self.served(world, again)["hookDetails"] == first["hookDetails"]
        world.store.is_down = False
        assert "asked_since" not in self.served(world, again)["hookDetails"]
        world.store.is_down = True
        world.clock.forward(minutes(30))
        assert self.served(world, again) == {"hookStatus": "FAILED"}

    def test_what_cannot_be_read_is_failed_and_said(self, caplog: pytest.LogCaptureFixture) -> None:
        world = EcsWorld()
        assert self.served(world, {"lifecycleStage": ADMISSION}) == {"hookStatus": "FAILED"}
        assert "cannot read" in caplog.text

    def test_a_mistake_of_ours_is_no_answer_either(self) -> None:
        world = at_the_step(EcsWorld())

        def broken(_: str) -> object:
            raise KeyError("rule")

        world.rules.actions = broken  # type: ignore[method-assign]
        answer = self.served(world, self.event(world, NEXT_STEP))
        assert answer["hookStatus"] == "IN_PROGRESS"
        world.clock.forward(minutes(10))
        again = {**self.event(world, NEXT_STEP), "hookDetails": answer["hookDetails"]}
        assert self.served(world, again) == {"hookStatus": "FAILED"}

    def test_a_look_takes_the_time_of_the_schedule(self, caplog: pytest.LogCaptureFixture) -> None:
        world = at_the_step(EcsWorld())
        at = world.clock.now.replace(second=0) + minutes(1)
        event = {"look": True, "now": at.isoformat().replace("+00:00", "Z")}
        assert self.served(world, event) == {"done": "LOOKED", "troubles": []}
        assert world.verdicts.published[-1] == (world.target, at, False)
        world.clock.forward(minutes(3))  # an event that comes late is of now
        self.served(world, event)
        assert world.verdicts.published[-1][1] == world.clock.now
        world.store.is_down = True
        assert self.served(world, event)["troubles"] == ["nobody knows what is in flight: the table does not answer"]
        assert "could not look" in caplog.text


class TestTime:
    def test_it_is_the_wall_clocks_unless_a_rehearsal_runs_another(self) -> None:
        assert present({}, 1000.0) == datetime.fromtimestamp(1000, UTC)
        assert present({"BLUEGREEN_REHEARSED_CLOCK": "1000.0/30.0"}, 1002.0) == datetime.fromtimestamp(1060, UTC)

    @pytest.mark.parametrize("given_clock", ["now", "1/2/3", "nan/1", "1e300/1e300"])
    def test_a_clock_that_no_rehearsal_sets_is_refused(self, given_clock: str) -> None:
        with pytest.raises(ConfigurationError, match="only a rehearsal sets it"):
            present({"BLUEGREEN_REHEARSED_CLOCK": given_clock}, 5.0)


def test_the_engine_refuses_to_start_what_amazon_ecs_rolls_out() -> None:
    world = EcsWorld()
    beginning = Beginning(world.source, world.store, world.rules, InMemoryExecutions())
    request = StartRequest(world.target, "r1", "arn:e", Release("2"), "me", "", False, False, False, "")
    with pytest.raises(RefusedError, match=r"Amazon ECS rolls out Serving/Inference.* run cdk deploy"):
        beginning.begin(request, world.clock.now)
    assert world.rules.calls == []
    assert world.store.states == {}


class _Nothing(dict):
    """A series that has nothing and takes nothing."""

    def __setitem__(self, *_: object) -> None: ...


def _down(*_: object) -> dict[str, dict[int, float]]:
    raise AwsError("throttled")
