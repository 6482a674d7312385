"""Every write of a live rule: read, compare, write, look again; and what makes a worker stop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from bluegreen_constructs.engine.guarded_rule import (
    GuardedRule,
    InterferenceError,
    MarkedError,
    NotCarriedError,
)
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.listener_rules import Json
from bluegreen_constructs.engine.ports import LostLockError, TargetsSeen
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import Rollout
from bluegreen_constructs.engine.rule_tags import ABORTED, ENDED, FENCE, tags_for
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.weights import forward, share_of
from bluegreen_constructs.testing import InMemoryRules, example_settings

NOW = datetime(2026, 11, 5, 9, tzinfo=UTC)
SETTINGS = replace(example_settings(), steps=tuple(Step(percent, timedelta(minutes=5)) for percent in (1, 10, 50)))
RULE, BLUE, GREEN = SETTINGS.rule_arn, SETTINGS.blue.group_arn, SETTINGS.green.group_arn
COGNITO = {"Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": {"UserPoolDomain": "serving"}}


@dataclass
class InterruptedRules(InMemoryRules):
    """Somebody else comes right after the next write."""

    after_write: Callable[[], None] | None = None

    def write(self, rule_arn: str, actions: Sequence[Json]) -> None:
        super().write(rule_arn, actions)
        comes, self.after_write = self.after_write, None
        if comes:
            comes()


class Bench:
    """A rule that gives green `share` percent, in the hands of a rollout that wants `wanted`."""

    def __init__(
        self,
        share: float,
        wanted: float,
        phase: Phase = Phase.SHIFTING,
        *,
        blue: int = 4,
        green: int = 4,
        rollout: Rollout | None = None,
        before: tuple[Json, ...] = (),
    ) -> None:
        self.rollout = rollout or Rollout(
            "one",
            SETTINGS,
            Release("1.4.2"),
            "blue",
            7,
            NOW,
            NOW,
            phase,
            weight=wanted,
            needs=4,
            was={1: 0.0, 10: 1.0, 50: 10.0, 95: 50.0, 100: 95.0}.get(wanted, share),
            step=(1, 10, 50).index(wanted) if wanted in {1, 10, 50} else 2,
            is_baked=wanted == 100,
        )
        self.rules = InterruptedRules(healthy={BLUE: blue, GREEN: green})
        stickiness = self.rollout.settings.stickiness_seconds
        self.rules.rules[RULE] = (
            (*before, forward(BLUE, GREEN, share, stickiness)),
            tags_for(self.rollout, has_other_actions=bool(before)),
        )
        self.rule = GuardedRule(self.rules, self.rollout)

    @property
    def tags(self) -> dict[str, str]:
        return self.rules.rules[RULE][1]

    @property
    def share(self) -> float | None:
        return share_of(self.rules.rules[RULE][0], BLUE, GREEN)

    @property
    def writes(self) -> int:
        return [name for name, _ in self.rules.calls].count("ModifyRule")


def test_a_write_reads_the_rule_compares_writes_once_and_looks_again() -> None:
    bench = Bench(10, 50)
    assert bench.rule.bring() == 50
    assert bench.share == 50
    assert [name for name, _ in bench.rules.calls] == [
        "DescribeRules",
        "DescribeTags",
        "DescribeTargetHealth",
        "ModifyRule",
        "DescribeTags",
    ]


def test_a_rule_that_has_the_share_already_is_not_written() -> None:
    bench = Bench(50, 50)
    assert bench.rule.bring() == 50
    assert bench.writes == 0


def test_the_same_write_twice_is_the_same_as_once() -> None:
    bench = Bench(10, 50)
    bench.rule.bring()
    there = bench.rules.rules[RULE]
    bench.rule.bring()
    assert bench.rules.rules[RULE] == there
    assert bench.writes == 1


def test_before_the_first_shift_the_rule_names_its_live_group_in_one_call() -> None:
    bench = Bench(0, 1)
    bench.tags.clear()
    bench.rule.bring()
    names = [name for name, _ in bench.rules.calls]
    assert names.index("AddTags") < names.index("ModifyRule")
    assert names.count("AddTags") == 1
    assert bench.tags == tags_for(bench.rollout, has_other_actions=False)


def test_actions_that_authenticate_are_kept_and_told_to_an_abort() -> None:
    bench = Bench(0, 1, before=(COGNITO,))
    bench.tags.clear()
    bench.rule.bring()
    assert [one["Type"] for one in bench.rules.rules[RULE][0]] == ["authenticate-cognito", "forward"]
    assert bench.tags == tags_for(bench.rollout, has_other_actions=True)


def test_a_sticky_rule_loses_the_side_that_gets_nothing_and_gets_it_back() -> None:
    settings = replace(SETTINGS, stickiness_seconds=60)
    back = Bench(0, 0).rollout
    bench = Bench(50, 0, rollout=replace(back, settings=settings, phase=Phase.ROLLING_BACK, weight=0))
    assert bench.rule.bring() == 0
    assert GREEN not in str(bench.rules.rules[RULE][0])
    again = Bench(0, 1, rollout=replace(back, settings=settings, phase=Phase.SHIFTING, step=0, weight=1))
    assert again.rule.bring() == 1
    assert again.share == 1


@pytest.mark.parametrize(
    ("share", "wanted", "phase", "enough"),
    [
        (0, 1, Phase.SHIFTING, 1),
        (10, 50, Phase.SHIFTING, 2),
        (50, 95, Phase.BAKING, 4),
        (95, 100, Phase.BAKING, 4),
    ],
)
def test_a_share_is_written_only_to_as_many_healthy_targets_as_it_needs(
    share: float, wanted: float, phase: Phase, enough: int
) -> None:
    assert Bench(share, wanted, phase, green=enough).rule.bring() == wanted
    bench = Bench(share, wanted, phase, green=enough - 1)
    with pytest.raises(NotCarriedError, match=f"has {enough - 1} healthy targets and needs {enough} for {wanted} %"):
        bench.rule.bring()
    assert bench.writes == 0
    assert bench.share == share


def test_no_share_is_given_to_a_side_without_healthy_targets_even_when_live_needed_none() -> None:
    rollout = replace(Bench(0, 1).rollout, needs=0)
    with pytest.raises(NotCarriedError):
        Bench(0, 1, green=0, rollout=rollout).rule.bring()


def test_a_group_without_health_checks_carries_everything() -> None:
    class Unchecked(InterruptedRules):
        def targets(self, group_arn: str) -> TargetsSeen:
            return TargetsSeen(0, 0, is_checked=False)

    bench = Bench(10, 50)
    rules = Unchecked(bench.rules.rules)
    assert GuardedRule(rules, bench.rollout).bring() == 50


# Who comes between


def test_a_mark_that_is_there_before_the_write_stops_it() -> None:
    bench = Bench(10, 50)
    bench.tags[ABORTED] = "one"
    with pytest.raises(MarkedError):
        bench.rule.bring()
    assert bench.writes == 0


def test_the_mark_of_another_rollout_stops_nothing() -> None:
    bench = Bench(10, 50)
    bench.tags[ABORTED] = "the one before"
    assert bench.rule.bring() == 50


def test_a_mark_that_comes_during_the_write_gives_live_everything_back_at_once() -> None:
    bench = Bench(10, 50)
    bench.rules.after_write = lambda: bench.tags.update({ABORTED: "one"})
    with pytest.raises(MarkedError, match="taken back"):
        bench.rule.bring()
    assert bench.share == 0


def test_a_mark_of_an_abort_that_found_live_cold_takes_back_no_more_than_the_write() -> None:
    bench = Bench(10, 50, blue=2)
    bench.rules.after_write = lambda: bench.tags.update({ABORTED: "one"})
    with pytest.raises(MarkedError, match="taken back"):
        bench.rule.bring()
    assert bench.share == 10


def test_a_fence_above_its_own_stops_a_worker_before_it_writes() -> None:
    bench = Bench(10, 50)
    bench.tags[FENCE] = "8"
    with pytest.raises(LostLockError, match="fence 8, this worker has 7"):
        bench.rule.bring()
    assert bench.writes == 0
    assert bench.tags[FENCE] == "8"


def test_a_fence_that_comes_during_the_write_takes_the_write_back() -> None:
    bench = Bench(10, 50)
    bench.rules.after_write = lambda: bench.tags.update({FENCE: "8"})
    with pytest.raises(LostLockError, match="taken back"):
        bench.rule.bring()
    assert bench.share == 10


@pytest.mark.parametrize(("tag", "value"), [(FENCE, "8"), (ABORTED, "one")])
def test_a_write_that_is_taken_back_keeps_the_secret_that_aws_does_not_give_back(tag: str, value: str) -> None:
    oidc = {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {"ClientId": "one"}}
    bench = Bench(10, 50, before=(oidc,), blue=2)
    bench.rules.after_write = lambda: bench.tags.update({tag: value})
    with pytest.raises((LostLockError, MarkedError)):
        bench.rule.bring()
    assert (bench.share, bench.writes) == (10, 2)
    written = bench.rules.rules[RULE][0][0]
    assert written["AuthenticateOidcConfig"] == {"ClientId": "one", "UseExistingClientSecret": True}


def test_a_worker_that_goes_back_does_not_mind_the_mark_and_minds_the_fence() -> None:
    bench = Bench(50, 0, Phase.ROLLING_BACK)
    bench.tags[ABORTED] = "one"
    assert bench.rule.bring() == 0
    other = Bench(50, 0, Phase.ROLLING_BACK)
    other.tags[FENCE] = "8"
    with pytest.raises(LostLockError):
        other.rule.bring()
    assert other.share == 50


@pytest.mark.parametrize("share", [33, 49.9, 2])
def test_weights_that_this_rollout_never_writes_are_interference(share: float) -> None:
    bench = Bench(share, 50)
    with pytest.raises(InterferenceError, match=f"{share} %.*promote.*abort"):
        bench.rule.bring()
    assert bench.share == share


def test_a_foreign_group_in_the_rule_is_interference() -> None:
    bench = Bench(10, 50)
    bench.rules.rules[RULE] = ((forward(BLUE, "targetgroup/elsewhere", 10, None),), bench.tags)
    with pytest.raises(InterferenceError, match="other groups too"):
        bench.rule.bring()


def test_who_takes_over_writes_over_interference() -> None:
    bench = Bench(33, 50)
    assert GuardedRule(bench.rules, replace(bench.rollout, takes_over=True)).bring() == 50
    assert bench.share == 50


@pytest.mark.parametrize(("share", "wanted"), [(0, 1), (1, 1), (1, 10), (10, 50), (50, 50)])
def test_what_the_last_write_of_this_rollout_left_is_none(share: float, wanted: float) -> None:
    assert Bench(share, wanted).rule.bring() == wanted


@pytest.mark.parametrize(("share", "wanted"), [(0, 50), (1, 50), (100, 50), (50, 10)])
def test_a_planned_share_that_is_not_the_last_one_is_interference_too(share: float, wanted: float) -> None:
    with pytest.raises(InterferenceError):
        Bench(share, wanted).rule.bring()


# Going back


@pytest.mark.parametrize("share", [33, 50, 95, 100])
def test_live_gets_everything_back_from_whatever_the_rule_has(share: float) -> None:
    bench = Bench(share, 0, Phase.ROLLING_BACK)
    assert bench.rule.bring() == 0
    assert bench.share == 0


def test_a_rule_that_reads_as_if_it_were_back_so_soon_is_not_believed() -> None:
    bench = Bench(0, 0, Phase.ROLLING_BACK)
    assert bench.rule.bring(is_early=True) is None
    assert bench.rule.bring() == 0
    assert bench.writes == 0


@pytest.mark.parametrize("is_early", [True, False])
def test_what_a_worker_has_written_itself_is_believed_at_once(is_early: bool) -> None:
    bench = Bench(50, 0, Phase.ROLLING_BACK)
    assert bench.rule.bring(is_early=is_early) == 0
    assert bench.writes == 1


def test_live_gets_everything_back_from_a_foreign_group_too() -> None:
    bench = Bench(10, 0, Phase.ROLLING_BACK, blue=1)
    bench.rules.rules[RULE] = ((forward(BLUE, "targetgroup/elsewhere", 10, None),), bench.tags)
    assert bench.rule.bring() == 0
    assert bench.share == 0


def test_live_that_cannot_carry_everything_gets_what_it_can_carry() -> None:
    bench = Bench(100, 0, Phase.ROLLING_BACK, blue=2)
    assert bench.rule.bring() == 50
    assert bench.share == 50


def test_live_never_gives_back_what_it_has() -> None:
    bench = Bench(10, 0, Phase.ROLLING_BACK, blue=2)
    assert bench.rule.bring() == 10
    assert bench.writes == 0


def test_live_without_a_healthy_target_gets_nothing_yet() -> None:
    bench = Bench(50, 0, Phase.ROLLING_BACK, blue=0)
    with pytest.raises(NotCarriedError, match="no healthy target to go back to"):
        bench.rule.bring()
    assert bench.share == 50


@pytest.mark.parametrize("blue", [0, 1, 2])
def test_live_gets_everything_regardless_when_that_is_asked_for(blue: int) -> None:
    bench = Bench(100, 0, Phase.ROLLING_BACK, blue=blue)
    assert bench.rule.bring(regardless=True) == 0
    assert bench.share == 0


def test_what_the_candidate_cannot_carry_either_goes_to_live() -> None:
    bench = Bench(100, 0, Phase.ROLLING_BACK, blue=2, green=1)
    assert bench.rule.bring() == 0
    assert bench.share == 0


def test_the_mark_of_an_abort_that_found_live_cold_does_not_hurry_the_way_back() -> None:
    bench = Bench(100, 0, Phase.ROLLING_BACK, blue=2)
    bench.tags[ABORTED] = "one"
    assert bench.rule.bring() == 50
    assert bench.share == 50


# The end


def test_the_end_is_said_on_the_rule_once() -> None:
    bench = Bench(100, 100, Phase.BAKING)
    bench.rule.close()
    bench.rule.close()
    assert bench.tags[ENDED] == "one"
    assert [name for name, _ in bench.rules.calls].count("AddTags") == 1


def test_an_abort_that_came_first_keeps_the_end_from_being_said() -> None:
    bench = Bench(100, 100, Phase.BAKING)
    bench.tags[ABORTED] = "one"
    with pytest.raises(MarkedError):
        bench.rule.close()
    assert ENDED not in bench.tags


def test_an_abort_that_comes_while_the_end_is_said_wins() -> None:
    class Marking(InMemoryRules):
        def tag(self, rule_arn: str, tags: object) -> None:
            super().tag(rule_arn, {**tags, ABORTED: "one"})  # type: ignore[dict-item]

    bench = Bench(100, 100, Phase.BAKING)
    with pytest.raises(MarkedError):
        GuardedRule(Marking(bench.rules.rules), bench.rollout).close()


def test_a_late_worker_does_not_say_the_end_of_a_rollout_that_another_one_leads() -> None:
    bench = Bench(100, 100, Phase.BAKING)
    bench.tags[FENCE] = "8"
    with pytest.raises(LostLockError):
        bench.rule.close()
    assert ENDED not in bench.tags


@pytest.mark.parametrize("share", [0, 0.1, 50, 100])
def test_a_look_at_the_rule_says_its_share_and_writes_nothing(share: float) -> None:
    bench = Bench(share, 100, Phase.PROMOTED)
    assert bench.rule.look() == share
    assert [name for name, _ in bench.rules.calls] == ["DescribeRules", "DescribeTags"]


def test_a_look_at_a_rule_that_forwards_elsewhere_knows_no_share() -> None:
    bench = Bench(0, 0, Phase.PROMOTED)
    bench.rules.rules[RULE] = ((forward(BLUE, "targetgroup/elsewhere", 10, None),), bench.tags)
    assert bench.rule.look() is None


@pytest.mark.parametrize(("tag", "value", "error"), [(ABORTED, "one", MarkedError), (FENCE, "8", LostLockError)])
def test_a_look_stops_at_what_a_write_stops_at(tag: str, value: str, error: type[Exception]) -> None:
    bench = Bench(0, 100, Phase.PROMOTED)
    bench.tags[tag] = value
    with pytest.raises(error):
        bench.rule.look()


def test_a_sticky_rule_keeps_live_until_the_bake_is_over_and_then_drops_it() -> None:
    settings = replace(SETTINGS, stickiness_seconds=60, hold_back=0)
    baking = replace(Bench(0, 0).rollout, settings=settings, phase=Phase.BAKING, step=2, weight=100, was=50)
    bench = Bench(50, 100, rollout=baking)
    assert bench.rule.bring() == 100
    assert BLUE in str(bench.rules.rules[RULE][0]), "it has to have health checks while it may have to take over"
    baked = GuardedRule(bench.rules, replace(baking, is_baked=True))
    assert baked.bring(keeps_live=True) == 100
    assert (BLUE in str(bench.rules.rules[RULE][0]), bench.writes) == (True, 1)
    assert baked.bring() == 100
    assert BLUE not in str(bench.rules.rules[RULE][0])
    assert bench.share == 100


def test_a_step_that_was_reckoned_in_floats_is_its_own_write() -> None:
    reckoned = 3 * 0.1  # 0.30000000000000004
    settings = replace(SETTINGS, steps=(Step(reckoned, timedelta(minutes=5)), Step(10, timedelta(minutes=5))))
    rollout = replace(Bench(0, 0).rollout, settings=settings)
    bench = Bench(0, 0, rollout=replace(rollout, weight=settings.steps[0].percent))
    bench.rule.bring()
    after = replace(rollout, weight=10, was=settings.steps[0].percent)
    assert GuardedRule(bench.rules, after).bring() == 10
