"""May a deployment begin? A red alarm, a mark for a hotfix, a rejected release, and what passes unjudged."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from ecs_world import ERRORS, FAMILY, OWN_ALARM, EcsWorld, ecs_settings, minutes
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.engine.absolute_floor import AbsoluteFloor
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.ecs_admission import admission
from bluegreen_constructs.engine.ecs_hook import ADMISSION, NEXT_STEP, HookCall, ReleaseMark
from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import ReleaseRecord
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.service_deployments import RevisionSeen
from bluegreen_constructs.engine.settings_codec import settings_to_dict, settings_to_json
from bluegreen_constructs.engine.target_settings import AlarmName, TargetSettings

NEXT = "2.aaaaaaaa"
FIX = {"release": "2", "reason": "stops the errors"}


def red(*names: str) -> EcsWorld:
    world = EcsWorld(ecs_settings(guardrails=(ErrorComparison(), AbsoluteFloor(98), AlarmName(ERRORS))))
    for name in names or (ERRORS,):
        world.red.add(name)
        world.metrics.alarms[name] = "ALARM"
    return world


def begun(world: EcsWorld, **details: object) -> str:
    """What the first hook answered."""
    world.deploy(NEXT, **details)
    world.passes(minutes(0.25))
    return world.replies[0][1].status


def rejected(world: EcsWorld) -> None:
    record = ReleaseRecord(Release(NEXT), "rejected", world.clock.now, "too many errors", "the engine", "d0")
    world.store.remember(world.target, record)


def gone_bad_in_the_bake() -> EcsWorld:
    """The candidate has all traffic, an alarm is red, and Amazon ECS begins to take it back."""
    world = EcsWorld()
    world.deploy(NEXT)
    while world.deployment.stage != "BAKE_TIME":
        world.passes(minutes(0.25))
    world.look()
    world.metrics.alarms[ERRORS] = "ALARM"
    seen = replace(world.deployment, status="ROLLBACK_IN_PROGRESS", triggered=(ERRORS,))
    world.deployments.known[seen.arn] = seen
    world.look()
    assert (world.rollout.phase, world.rollout.is_bad) == (Phase.ROLLING_BACK, True)
    return world


def replacing(world: EcsWorld, revision: str, *, is_closed: bool) -> str:
    """A deployment of `revision` that takes the place of the last one, whose candidate had most of the traffic."""
    last = world.deployment
    world.clock.forward(minutes(1))
    arn = last.arn.replace("/d1", "/d2")
    begun_now = {"source": last.target, "target": revision, "created_at": world.clock.now}
    world.deployments.known[arn] = replace(last, arn=arn, status="IN_PROGRESS", **begun_now)
    if is_closed:
        world.deployments.known[last.arn] = replace(last, status="STOPPED", finished_at=world.clock.now)
        world.look()
    return arn


class TestAlarms:
    def test_a_deployment_with_silent_alarms_begins_with_the_settings_of_now(self) -> None:
        world = EcsWorld()
        assert begun(world) == "SUCCEEDED"
        rollout = world.rollout
        assert (rollout.id, rollout.execution) == ("d1", world.deployment.arn)
        assert (rollout.phase, rollout.live, rollout.leaves) == (Phase.PREPARING, "blue", "first.00000000")
        assert rollout.release == Release(NEXT, version="2")
        watched = replace(world.settings, guardrails=(ErrorComparison(), AlarmName(ERRORS)))
        assert (rollout.settings, rollout.hotfix) == (watched, "")
        world.source.known[world.target] = replace(world.settings, bake=minutes(99))
        world.passes(minutes(1))
        assert world.rollout.settings == watched

    def test_a_red_alarm_refuses_it_and_says_so_in_the_history(self) -> None:
        world = red()
        assert begun(world) == "FAILED"
        assert world.store.states == {}
        assert world.store.deployments == {}
        [refused] = world.said("REFUSED")
        assert f"in ALARM as the deployment began: {ERRORS}" in refused.reason
        assert f"mark {NEXT} as a hotfix" in refused.reason
        assert (refused.rollout, refused.release) == ("d1", NEXT)

    def test_the_judges_own_alarm_tells_of_the_rollout_before(self) -> None:
        world = red(OWN_ALARM)
        call = world.hook(ADMISSION, world.deploy(NEXT), alarms=[ERRORS, OWN_ALARM], own_alarm=OWN_ALARM)
        assert world.ask(call).status == "FAILED"
        assert "deploy again in a few minutes" in world.said("REFUSED")[0].reason

    @pytest.mark.parametrize("state", ["INSUFFICIENT_DATA", "OK"])
    def test_an_alarm_without_data_is_not_red(self, state: str) -> None:
        world = EcsWorld()
        world.metrics.alarms[ERRORS] = state
        assert begun(world) == "SUCCEEDED"

    def test_alarms_that_cannot_be_read_are_asked_again_and_never_pass(self) -> None:
        world = EcsWorld()

        def down(_: object) -> dict[str, str]:
            raise AwsError("throttled")

        world.metrics.alarm_states = down  # type: ignore[method-assign]
        arn = world.deploy(NEXT)
        world.passes(minutes(59))
        assert {reply.status for _, reply in world.replies} == {"IN_PROGRESS"}
        assert all(reply.delay_seconds == 15 for _, reply in world.replies)
        world.passes(minutes(4))
        assert world.replies[-1][1].status == "FAILED"
        assert "could not be judged for 1 h: throttled" in world.said("REFUSED")[0].reason
        assert world.deployments.known[arn].status == "ROLLBACK_SUCCESSFUL"
        assert world.store.states == {}


class TestSettings:
    @pytest.mark.parametrize("form", [settings_to_dict, settings_to_json])
    def test_those_that_come_with_the_deployment_are_taken(self, form: Callable[[TargetSettings], object]) -> None:
        world = EcsWorld()
        world.source.known.clear()
        given_settings = replace(world.settings, patience=minutes(7))
        assert begun(world, settings=form(given_settings)) == "SUCCEEDED"
        assert replace(world.rollout.settings, guardrails=given_settings.guardrails) == given_settings

    def test_those_of_another_target_are_refused(self) -> None:
        world = EcsWorld()
        arn = world.deploy(NEXT)
        given_settings = settings_to_dict(replace(world.settings, target="Serving/Other"))
        reply = world.ask(world.hook(ADMISSION, arn, settings=given_settings))
        assert (reply.status, world.store.states) == ("IN_PROGRESS", {})
        assert "has the settings of Serving/Other" in reply.reason


class TestHotfix:
    @pytest.mark.parametrize("name", ["2", NEXT])
    def test_a_marked_release_begins_and_only_floors_are_left(self, name: str) -> None:
        world = red()
        assert begun(world, hotfix={**FIX, "release": name}) == "SUCCEEDED"
        rollout = world.rollout
        assert rollout.hotfix == "stops the errors"
        assert rollout.settings.guardrails == (AbsoluteFloor(98),)
        assert "hotfix: stops the errors" in world.said("STARTED")[0].reason

    @pytest.mark.parametrize(("percent", "floors"), [(99, (98, 99)), ("99.5", (98, 99.5)), (98, (98,)), (None, (98,))])
    def test_the_mark_can_ask_for_a_floor_beside_those_of_the_settings(
        self, percent: object, floors: tuple[float, ...]
    ) -> None:
        world = red()
        assert begun(world, hotfix={**FIX, "success_percent": percent}) == "SUCCEEDED"
        assert world.rollout.settings.guardrails == tuple(map(AbsoluteFloor, floors))

    def test_a_mark_with_a_floor_is_judged_by_it_alone_where_the_settings_have_none(self) -> None:
        world = EcsWorld()
        world.metrics.alarms[ERRORS] = "ALARM"
        world.red.add(ERRORS)
        world.deploy(NEXT, hotfix={**FIX, "success_percent": 98})
        world.finish()
        assert world.rollout.phase is Phase.PROMOTED

    @pytest.mark.parametrize("percent", [0, 100, "most", -1])
    def test_a_floor_that_says_nothing_is_refused(self, percent: object) -> None:
        world = red()
        with pytest.raises(ConfigurationError, match="success_percent"):
            world.hook(ADMISSION, world.deploy(NEXT), hotfix={**FIX, "success_percent": percent})

    @pytest.mark.parametrize(
        ("mark", "said"),
        [
            ({"release": "3", "reason": "stops the errors"}, "the mark hotfix is for 3 and says nothing about"),
            ({"release": "2", "reason": " "}, "the mark hotfix has no reason"),
            ({"reason": "stops the errors"}, "the mark hotfix is for no release"),
        ],
    )
    def test_a_mark_that_is_for_another_release_or_has_no_reason_is_inert_and_said_so(
        self, mark: dict[str, str], said: str
    ) -> None:
        world = red()
        assert begun(world, hotfix=mark) == "FAILED"
        assert said in world.said("REFUSED")[0].reason
        calm = EcsWorld()
        assert begun(calm, hotfix=mark) == "SUCCEEDED"
        assert said in calm.said("STARTED")[0].reason

    def test_a_mark_changes_nothing_while_no_alarm_is_red(self) -> None:
        world = EcsWorld()
        assert begun(world, hotfix=FIX) == "SUCCEEDED"
        assert (world.rollout.hotfix, world.rollout.settings.guardrails) == ("", (ErrorComparison(), AlarmName(ERRORS)))

    @pytest.mark.parametrize("guardrails", [(ErrorComparison(),), (ErrorComparison(), AbsoluteFloor(98))])
    def test_a_release_that_was_live_before_comes_back_by_floors_alone(self, guardrails: tuple) -> None:
        world = EcsWorld(ecs_settings(guardrails=guardrails))
        world.deploy(NEXT)
        world.finish()
        world.red.add(ERRORS)
        world.metrics.alarms[ERRORS] = "ALARM"
        world.failing = {NEXT: 0.2}
        world.deploy("first.00000000")
        world.finish()
        assert (world.rollout.phase, world.rollout.release.name) == (Phase.PROMOTED, "first.00000000")
        assert "it comes back, live before" in world.said("STARTED")[-1].reason


class TestRejectedReleases:
    def test_a_rejected_release_is_refused_with_what_is_known_of_it(self) -> None:
        world = EcsWorld()
        rejected(world)
        assert begun(world) == "FAILED"
        assert "was rejected at 2026-01-05 09:00 UTC (too many errors)" in world.said("REFUSED")[0].reason

    def test_somebody_can_accept_it_with_a_reason(self) -> None:
        world = EcsWorld()
        rejected(world)
        assert begun(world, accepts={"release": "2", "reason": "the errors were ours"}) == "SUCCEEDED"
        record = next(one for one in world.store.releases(world.target) if one.release.name == NEXT)
        assert (record.status, record.reason) == ("accepted", "the errors were ours")

    def test_an_acceptance_of_another_release_is_none(self) -> None:
        world = EcsWorld()
        rejected(world)
        assert begun(world, accepts={"release": "1", "reason": "the errors were ours"}) == "FAILED"

    def test_a_hotfix_mark_does_not_accept_a_rejected_release(self) -> None:
        world = red()
        rejected(world)
        assert begun(world, hotfix=FIX) == "FAILED"

    def test_one_that_was_refused_once_is_refused_again_by_a_second_deployment(self) -> None:
        world = EcsWorld()
        world.failing = {NEXT: 0.08}
        world.deploy(NEXT)
        world.finish()
        assert world.rollout.is_bad
        world.replies.clear()
        world.passes(minutes(5))
        assert begun(world) == "FAILED"
        assert "was rejected" in world.said("REFUSED")[0].reason

    @pytest.mark.parametrize("is_closed", [False, True])
    def test_one_that_has_all_traffic_in_its_own_bake_is_not_yet_live(self, is_closed: bool) -> None:
        world = gone_bad_in_the_bake()
        again = replacing(world, world.deployment.target, is_closed=is_closed)
        assert world.ask(world.hook(ADMISSION, again)).status == "FAILED"
        assert "was rejected" in world.said("REFUSED")[0].reason

    @pytest.mark.parametrize("is_closed", [False, True])
    def test_the_one_before_it_is_and_passes_while_the_alarm_is_red_as_an_update_is_cancelled(
        self, is_closed: bool
    ) -> None:
        world = gone_bad_in_the_bake()
        again = replacing(world, world.deployment.source, is_closed=is_closed)
        assert world.ask(world.hook(ADMISSION, again, alarms=[ERRORS])).status == "SUCCEEDED"
        assert "the release that is live" in world.said("NOT_JUDGED")[0].reason

    def test_one_that_became_live_although_it_was_rejected_passes_as_cloudformation_goes_back_to_it(self) -> None:
        world = EcsWorld()
        first = world.deploy(NEXT)
        world.finish()
        rejected(world)
        again = first.replace("/d1", "/d2")
        live = {"source": world.deployment.target, "created_at": world.clock.now + minutes(1)}
        world.deployments.known[again] = replace(world.deployment, arn=again, status="IN_PROGRESS", **live)
        assert world.ask(world.hook(ADMISSION, again)).status == "SUCCEEDED"
        assert "the release that is live" in world.said("NOT_JUDGED")[0].reason


class TestNotJudged:
    def test_the_first_deployment_of_a_service_passes_every_hook(self) -> None:
        world = EcsWorld()
        arn = world.deploy(NEXT)
        world.deployments.known[arn] = replace(world.deployment, source="")
        world.source.known.clear()
        for stage in (ADMISSION, NEXT_STEP, NEXT_STEP):
            assert world.ask(world.hook(stage, arn, alarms=[ERRORS])).status == "SUCCEEDED"
        assert world.store.states == {}
        assert world.store.deployments == {}
        [item] = world.said("NOT_JUDGED")
        assert "first deployment" in item.reason

    @pytest.mark.parametrize("shift", [0, 10])
    def test_the_release_that_is_live_passes_also_while_an_alarm_is_red(self, shift: float) -> None:
        world = red()
        arn = world.deploy(NEXT)
        again = f"{FAMILY}:9"
        world.deployments.revisions[world.deployment.target] = RevisionSeen("r", again, world.settings.green.group_arn)
        world.deployments.releases[again] = "first.00000000"
        world._shift(shift)
        for stage in (ADMISSION, NEXT_STEP, NEXT_STEP):
            assert world.ask(world.hook(stage, arn, alarms=[ERRORS])).status == "SUCCEEDED"
        assert world.store.states == {}
        [item] = world.said("NOT_JUDGED")
        assert "the release that is live" in item.reason

    def test_a_whole_deployment_of_the_release_that_is_live_needs_no_evidence(self) -> None:
        world = EcsWorld()
        world.is_silent = True
        arn = world.deploy(NEXT)
        target = world.deployments.revisions[world.deployment.target]
        world.deployments.releases[target.task_definition] = "first.00000000"
        world.finish()
        assert world.deployments.known[arn].status == "SUCCESSFUL"


class TestSides:
    def test_the_live_side_is_the_one_that_the_source_revision_is_on(self) -> None:
        world = EcsWorld()
        world.deploy(NEXT)
        world.finish()
        world.passes(minutes(2))
        world.deploy("3.bbbbbbbb")
        world.passes(minutes(0.25))
        assert (world.rollout.live, world.rollout.leaves, world.rollout.fence) == ("green", NEXT, 2)
        world.finish()
        assert (world.rollout.phase, world.share) == (Phase.PROMOTED, 0)

    @pytest.mark.parametrize(("source", "target"), [("", "green"), ("", ""), ("blue", "")])
    def test_what_revisions_do_not_say_the_live_rule_says(self, source: str, target: str) -> None:
        world = EcsWorld()
        groups = {"": "", "blue": world.settings.blue.group_arn, "green": world.settings.green.group_arn}
        arn = world.deploy(NEXT)
        for revision, side in ((world.deployment.source, source), (world.deployment.target, target)):
            known = world.deployments.revisions[revision]
            world.deployments.revisions[revision] = replace(known, group_arn=groups[side])
        assert world.ask(world.hook(ADMISSION, arn)).status == "SUCCEEDED"
        assert world.rollout.live == "blue"

    def test_without_any_word_on_it_nothing_begins(self) -> None:
        world = EcsWorld()
        world.deploy(NEXT)
        for arn, revision in world.deployments.revisions.items():
            world.deployments.revisions[arn] = replace(revision, group_arn="arn:foreign")
        world._shift(10)
        world.passes(minutes(12))
        assert world.statuses == [(ADMISSION, "IN_PROGRESS"), (ADMISSION, "FAILED")]
        assert "nobody can say which side of Serving/Inference is live" in world.said("REFUSED")[0].reason


class TestTwice:
    def test_a_call_that_comes_twice_begins_one_rollout(self) -> None:
        world = EcsWorld()
        assert begun(world) == "SUCCEEDED"
        first = world.rollout
        assert world.ask(world.hook(ADMISSION, world.deployment.arn)).status == "SUCCEEDED"
        assert world.rollout == first
        assert len(world.said("STARTED")) == 1

    def test_a_call_of_a_deployment_that_goes_back_is_failed(self) -> None:
        world = EcsWorld()
        arn = world.deploy(NEXT)
        for status in ("ROLLBACK_IN_PROGRESS", "STOPPED", "ROLLBACK_SUCCESSFUL"):
            world.deployments.known[arn] = replace(world.deployment, status=status)
            assert world.ask(world.hook(ADMISSION, arn)).status == "FAILED"
        assert world.store.states == {}

    def test_a_later_deployment_takes_the_place_of_one_in_flight_which_is_closed(self) -> None:
        world = EcsWorld()
        first = world.deploy(NEXT)
        world.passes(minutes(5))
        assert world.rollout.phase is Phase.SHIFTING
        world.deployments.known[first] = replace(world.deployment, status="STOP_REQUESTED")
        second = world.deploy("3.bbbbbbbb")
        world.passes(minutes(1))
        assert world.rollout.execution == second
        [ended] = world.said("ENDED")
        assert (ended.rollout, ended.phase) == ("d1", "ROLLED_BACK")
        assert f"{second} took its place" in ended.reason
        world.deployments.known[first] = replace(
            world.deployments.known[first], status="STOPPED", finished_at=world.clock.now
        )
        world.finish()
        assert world.rollout.phase is Phase.PROMOTED
        assert len(world.store.deployments) == 1  # a call of the first one may still be on its way
        world.passes(minutes(61))
        assert world.store.deployments == {}

    def test_a_late_call_of_an_earlier_deployment_takes_nothing_away(self) -> None:
        world = EcsWorld()
        first = world.deploy(NEXT)
        world.clock.forward(minutes(1))
        second = world.deploy("3.bbbbbbbb")
        world.passes(minutes(1))
        assert world.rollout.execution == second
        for stage in (ADMISSION, NEXT_STEP):
            assert world.ask(world.hook(stage, first)).status == "IN_PROGRESS"
        assert world.rollout.execution == second

    def test_one_that_was_to_begin_and_never_did_is_forgotten_when_no_call_can_come(self) -> None:
        world = EcsWorld()
        arn = world.deploy(NEXT)

        def down(*_: object) -> object:
            raise AwsError("throttled")

        world.store.begin = down  # type: ignore[method-assign]
        world.ask(world.hook(ADMISSION, arn))
        assert len(world.store.deployments) == 1
        ended = {"status": "STOPPED", "finished_at": world.clock.now}
        world.deployments.known[arn] = replace(world.deployment, **ended)
        world.passes(minutes(59))
        assert len(world.store.deployments) == 1
        world.passes(minutes(2))
        assert world.store.deployments == {}

    def test_a_target_is_looked_at_before_its_rollout_begins(self) -> None:
        world = EcsWorld()
        begin, seen = world.store.begin, []

        def watched(*given: object) -> object:
            seen.append(list(world.store.deployments))
            return begin(*given)

        world.store.begin = watched  # type: ignore[method-assign]
        assert begun(world) == "SUCCEEDED"
        assert seen == [[world.deployment.arn]]


class TestDecision:
    NAMES = st.sampled_from(["2", "3", NEXT, ""])
    MARKS = st.none() | st.builds(ReleaseMark, NAMES, st.sampled_from(["", "a reason"]))

    @given(
        MARKS,
        MARKS,
        st.dictionaries(st.sampled_from([ERRORS, OWN_ALARM, "Other"]), st.sampled_from(["OK", "ALARM"])),
        st.sampled_from(["", "promoted", "rejected", "accepted"]),
    )
    def test_a_deployment_begins_unguarded_only_as_a_marked_hotfix(
        self, hotfix: ReleaseMark | None, accepts: ReleaseMark | None, alarms: dict[str, str], status: str
    ) -> None:
        world = EcsWorld()
        record = ReleaseRecord(Release(NEXT), status, world.clock.now, "", "", "")  # type: ignore[arg-type]
        call = HookCall(ADMISSION, "arn/d1", "T", (ERRORS, OWN_ALARM), OWN_ALARM, hotfix, accepts)
        decided = admission(call, NEXT, alarms, [record] if status else [])
        is_red = "ALARM" in (alarms.get(ERRORS), alarms.get(OWN_ALARM))
        is_fix = hotfix is not None and hotfix.release in {"2", NEXT} and bool(hotfix.reason)
        is_accepted = accepts is not None and accepts.release in {"2", NEXT} and bool(accepts.reason)
        was_live = status == "promoted"
        refused = (is_red and not (is_fix or was_live)) or (status == "rejected" and not is_accepted)
        assert bool(decided.refusal) == refused
        if not decided.refusal:
            assert bool(decided.hotfix) == is_red
            assert bool(decided.accepted) == (status == "rejected")


class TestCall:
    def test_details_come_as_an_object_or_as_its_text(self) -> None:
        text = '{"target": "T", "alarms": ["A"], "own_alarm": "V", "hotfix": {"release": "2", "reason": "r"}}'
        event = {"lifecycleStage": ADMISSION, "resourceArn": "arn/d1", "hookDetails": text}
        call = HookCall.of(event)
        assert (call.target, call.alarms, call.own_alarm, call.rollout) == ("T", ("A",), "V", "d1")
        assert (call.hotfix, call.accepts) == (ReleaseMark("2", "r"), None)

    @pytest.mark.parametrize(
        "event",
        [
            {},
            {"hookDetails": "no JSON"},
            {"hookDetails": "[]"},
            {"hookDetails": {}},
            {"hookDetails": {"target": "T"}},
            {"hookDetails": {"target": "T"}, "lifecycleStage": ADMISSION},
            {"hookDetails": {"target": "T", "alarms": "A"}, "lifecycleStage": ADMISSION, "resourceArn": "a"},
            {"hookDetails": {"target": "T", "hotfix": "2"}, "lifecycleStage": ADMISSION, "resourceArn": "a"},
        ],
    )
    def test_what_no_deployment_of_ours_sends_is_refused(self, event: dict[str, object]) -> None:
        with pytest.raises(ConfigurationError, match="the hook's"):
            HookCall.of(event)

    def test_a_stage_that_also_runs_on_rollback_is_never_passed(self) -> None:
        world = EcsWorld()
        arn = world.deploy(NEXT)
        for stage in ("PRODUCTION_TRAFFIC_SHIFT", "TEST_TRAFFIC_SHIFT", "RECONCILE_SERVICE"):
            assert world.ask(world.hook(stage, arn)).status == "IN_PROGRESS"
