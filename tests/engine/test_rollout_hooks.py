"""Hooks and approvals of a rollout, before users meet the candidate and after all of them have."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import HookAnswer
from bluegreen_constructs.engine.rollout import HoldKind
from bluegreen_constructs.engine.target_settings import HookSettings
from bluegreen_constructs.engine.weights import share_of
from bluegreen_constructs.testing import InMemoryHooks
from tests.engine.rollout_world import NEXT, OPERATOR, RolloutWorld, minutes, quick_settings

Stage = Literal["TESTING", "BAKING"]
TWENTY = minutes(20)
STAGES: tuple[Stage, Stage] = ("TESTING", "BAKING")
both_stages = pytest.mark.parametrize("stage", STAGES)


def smoke(stage: Stage, *, timeout: timedelta = TWENTY) -> HookSettings:
    return HookSettings("smoke", "arn:smoke", {"path": "/predict"}, stage=stage, timeout=timeout)


def owner(stage: Stage, *, timeout: timedelta = TWENTY) -> HookSettings:
    return HookSettings("owner", stage=stage, timeout=timeout)


def started(*hooks: HookSettings, **answers: list[HookAnswer]) -> RolloutWorld:
    world = RolloutWorld(replace(quick_settings(), hooks=hooks))
    world.hooks.answers = {f"arn:{name}": given for name, given in answers.items()}
    world.start()
    return world


@both_stages
def test_a_hook_that_succeeds_lets_the_rollout_pass_and_is_asked_once(stage: Stage) -> None:
    world = started(smoke(stage))
    assert world.finish().phase is Phase.PROMOTED
    assert len(world.hooks.asked) == 1
    assert [item.reason for item in world.history("HOOK_PASSED")] == [f"hook 1 of {stage}"]


def test_a_hook_is_told_where_the_candidate_is_and_what_its_settings_say() -> None:
    world = started(smoke("TESTING"))
    world.finish()
    ((arn, payload),) = world.hooks.asked
    assert arn == "arn:smoke"
    assert payload == {
        "lifecycleStage": "TESTING",
        "hookDetails": {"path": "/predict"},
        "target": world.target,
        "rollout": NEXT.name,
        "release": NEXT.name,
        "candidateTargetGroup": world.settings.green.group_arn,
    }


def test_test_traffic_reaches_the_candidate_before_a_hook_is_asked_and_users_do_not() -> None:
    world = started(owner("TESTING"))
    world.reach_hold(HoldKind.APPROVAL)
    (test_rule,) = world.settings.test_rule_arns
    groups = world.settings.blue.group_arn, world.settings.green.group_arn
    assert share_of(world.rules.rules[test_rule][0], *groups) == 100
    assert world.share_of("green") == 0


@both_stages
def test_a_hook_that_fails_takes_the_release_back_with_its_reason(stage: Stage) -> None:
    world = started(smoke(stage), smoke=[HookAnswer("FAILED", reason="503 of /predict")])
    done = world.finish()
    assert (done.phase, done.why_back, done.is_bad) == (Phase.ROLLED_BACK, "smoke failed: 503 of /predict", True)
    record = world.record(NEXT.name)
    assert record is not None
    assert record.status == "rejected"


def test_a_hook_that_fails_before_the_shift_fails_without_a_user_having_met_the_candidate() -> None:
    world = started(smoke("TESTING"), smoke=[HookAnswer("FAILED")])
    done = world.finish()
    assert done.why_back == "smoke failed"
    assert world.watched_rules.calls.count(("ModifyRule", world.settings.rule_arn)) == 0


@both_stages
def test_a_hook_in_progress_is_asked_again_when_it_wants_with_the_details_it_gave(stage: Stage) -> None:
    first = HookAnswer("IN_PROGRESS", 45, {"attempt": 1})
    second = HookAnswer("IN_PROGRESS", 45, {"attempt": 2})
    world = started(smoke(stage), smoke=[first, second, HookAnswer("SUCCEEDED")])
    world.pass_for(60, until=lambda: len(world.hooks.asked) == 1)
    assert world.answer is not None
    assert world.answer.wait_seconds == 45
    assert world.finish().phase is Phase.PROMOTED
    assert [payload["hookDetails"] for _, payload in world.hooks.asked] == [
        {"path": "/predict"},
        {"path": "/predict", "attempt": 1},
        {"path": "/predict", "attempt": 2},
    ]


@both_stages
def test_a_hook_that_never_ends_goes_back_at_its_time_out(stage: Stage) -> None:
    world = started(smoke(stage), smoke=[HookAnswer("IN_PROGRESS", 60)])
    done = world.finish()
    assert (done.phase, done.why_back) == (Phase.ROLLED_BACK, "smoke gave no answer in 20 min")
    assert not done.is_bad, "it was not the release that was seen to fail"


@both_stages
def test_a_hook_that_takes_hours_is_asked_a_hundred_times_however_soon_it_wants_to_be(stage: Stage) -> None:
    hours = timedelta(hours=20)
    world = started(smoke(stage, timeout=hours), smoke=[HookAnswer("IN_PROGRESS", 1)])
    world.pass_for(30, until=lambda: len(world.hooks.asked) == 2)
    assert world.answer is not None
    assert world.answer.wait_seconds == hours.total_seconds() / 100
    world.finish()
    assert len(world.hooks.asked) <= 102


def test_details_of_one_hook_are_not_given_to_the_next_one() -> None:
    other = HookSettings("other", "arn:other")
    answers = [HookAnswer("IN_PROGRESS", 5, {"attempt": 1}), HookAnswer("SUCCEEDED")]
    world = started(smoke("TESTING"), other, smoke=answers)
    world.finish()
    assert world.hooks.asked[-1] == ("arn:other", {**world.hooks.asked[0][1], "hookDetails": {}})


def test_hooks_are_asked_in_their_order_and_in_their_stage() -> None:
    names = [("first", "TESTING"), ("second", "BAKING"), ("third", "TESTING")]
    world = started(*(HookSettings(name, f"arn:{name}", stage=stage) for name, stage in names))  # type: ignore[arg-type]
    assert world.finish().phase is Phase.PROMOTED
    assert [arn for arn, _ in world.hooks.asked] == ["arn:first", "arn:third", "arn:second"]


def test_a_function_that_cannot_be_invoked_is_asked_again_until_its_time_is_up() -> None:
    class Busy(InMemoryHooks):
        def ask(self, function_arn: str, payload: object) -> HookAnswer:
            self.asked.append((function_arn, {}))
            if len(self.asked) < 4 or not self.answers:
                raise AwsError("TooManyRequestsException")
            return self.answers[function_arn][0]

    world = started(smoke("TESTING"))
    world.ports = replace(world.ports, hooks=Busy({"arn:smoke": [HookAnswer("SUCCEEDED")]}))
    assert world.finish().phase is Phase.PROMOTED
    gone = started(smoke("TESTING"))
    gone.ports = replace(gone.ports, hooks=Busy())
    assert gone.finish().why_back == "smoke gave no answer in 20 min"
    assert not gone.is_failed


@both_stages
def test_an_approval_waits_for_promote_and_says_so(stage: Stage) -> None:
    world = started(owner(stage))
    hold = world.reach_hold(HoldKind.APPROVAL)
    assert hold.reason == "owner waits for bluegreen promote"
    assert hold.until - hold.since == minutes(20)
    world.pass_for(15)
    assert world.rollout.phase.value == stage
    world.give("promote", reason="looks good")
    assert world.finish().phase is Phase.PROMOTED
    (item,) = world.history("CONTINUED")
    assert (item.caller, item.reason) == (OPERATOR, "bluegreen promote: looks good")


@both_stages
def test_an_approval_that_nobody_gives_goes_back(stage: Stage) -> None:
    world = started(owner(stage))
    done = world.finish()
    assert (done.phase, done.why_back) == (
        Phase.ROLLED_BACK,
        "nobody answered in time: owner waits for bluegreen promote",
    )


@both_stages
def test_an_approval_can_be_denied(stage: Stage) -> None:
    world = started(owner(stage))
    world.reach_hold(HoldKind.APPROVAL)
    world.give("abort", reason="not on a friday")
    done = world.finish()
    assert (done.phase, done.why_back) == (Phase.ROLLED_BACK, "bluegreen abort: not on a friday")


def test_every_approval_needs_its_own_answer() -> None:
    world = started(owner("TESTING"), HookSettings("security", timeout=minutes(20)))
    world.reach_hold(HoldKind.APPROVAL)
    world.give("promote")
    world.pass_for(1)
    assert world.hold is not None
    assert world.hold.reason == "security waits for bluegreen promote"
    world.give("promote")
    assert world.finish().phase is Phase.PROMOTED


def test_a_pause_in_the_place_of_an_approval_is_no_approval() -> None:
    world = started(owner("TESTING"))
    world.reach_hold(HoldKind.APPROVAL)
    world.give("pause")
    world.pass_for(1)
    world.give("resume")
    world.pass_for(2)
    assert world.rollout.phase is Phase.TESTING
    assert world.hold is not None
    assert world.hold.kind is HoldKind.APPROVAL


def test_no_hook_is_asked_while_the_rollout_is_paused() -> None:
    world = started(smoke("TESTING", timeout=timedelta(hours=2)), smoke=[HookAnswer("IN_PROGRESS", 30)])
    world.reach(Phase.TESTING)
    world.pass_for(1)
    world.give("pause")
    world.pass_for(1)
    count = len(world.hooks.asked)
    world.pass_for(20)
    assert len(world.hooks.asked) == count


def test_a_hook_of_the_bake_is_asked_when_the_traffic_is_there() -> None:
    world = started(smoke("BAKING"))
    world.pass_for(60, until=lambda: bool(world.hooks.asked))
    assert world.share_of("green") == 95


def test_the_candidate_is_judged_while_a_hook_of_the_bake_is_waited_for() -> None:
    world = started(owner("BAKING", timeout=timedelta(hours=3)))
    world.reach_hold(HoldKind.APPROVAL)
    world.failing = {NEXT.name: 0.08}
    done = world.finish()
    assert (done.phase, done.is_bad) == (Phase.ROLLED_BACK, True)


def test_a_way_back_asks_no_hooks() -> None:
    world = RolloutWorld(replace(quick_settings(), hooks=(smoke("TESTING"), owner("TESTING"), owner("BAKING"))))
    world.was_live()
    world.start(world.request(is_expedited=True))
    assert world.finish().phase is Phase.PROMOTED
    assert world.hooks.asked == []
