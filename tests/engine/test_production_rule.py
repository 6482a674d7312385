"""Every write of the slots' live rule: whose it is, what stops it, and what is taken back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from bluegreen_constructs.engine.abort import abort
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.guarded_rule import InterferenceError, MarkedError, NotCarriedError
from bluegreen_constructs.engine.listener_rules import Json
from bluegreen_constructs.engine.live_rule import forwarded_groups
from bluegreen_constructs.engine.ports import LostLockError, TargetsSeen
from bluegreen_constructs.engine.rule_tags import (
    ABORTED,
    ALONE,
    CANDIDATE,
    ENDED,
    FENCE,
    HAS_OTHER_ACTIONS,
    LIVE,
    NEEDS,
    ROLLOUT,
)
from bluegreen_constructs.engine.swap.production_rule import ProductionRule
from bluegreen_constructs.engine.swap.shares import Shares, all_on, forward_to, shares_in
from bluegreen_constructs.testing import FixedClock, InMemoryRules
from bluegreen_constructs.testing_slots import example_slots

SETTINGS = example_slots()
RULE = SETTINGS.rule_arn
LIVE_GROUP, CANDIDATE_GROUP = SETTINGS.blue.group_arn, SETTINGS.green.group_arn
OURS = {
    LIVE: LIVE_GROUP,
    CANDIDATE: CANDIDATE_GROUP,
    ROLLOUT: "swap-1",
    FENCE: "7",
    NEEDS: "4",
    ALONE: "yes",
    HAS_OTHER_ACTIONS: "no",
}
BEFORE, AFTER = all_on(LIVE_GROUP), all_on(CANDIDATE_GROUP)
COGNITO = {"Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": {"UserPoolDomain": "serving"}}
OIDC = {"Type": "authenticate-oidc", "Order": 2, "AuthenticateOidcConfig": {"ClientId": "one"}}
KEPT_OIDC = {**OIDC, "AuthenticateOidcConfig": {"ClientId": "one", "UseExistingClientSecret": True}}


@dataclass
class InterruptedRules(InMemoryRules):
    """Somebody else comes right after the next write, or right after the next tag."""

    after_write: Callable[[], object] | None = None
    after_tag: Callable[[], object] | None = None
    is_checked: bool = True

    def write(self, rule_arn: str, actions: Sequence[Json]) -> None:
        super().write(rule_arn, actions)
        comes, self.after_write = self.after_write, None
        if comes:
            comes()

    def tag(self, rule_arn: str, tags: Mapping[str, str]) -> None:
        super().tag(rule_arn, tags)
        comes, self.after_tag = self.after_tag, None
        if comes:
            comes()

    def targets(self, group_arn: str) -> TargetsSeen:
        return replace(super().targets(group_arn), is_checked=self.is_checked)


class Bench:
    """A rule with these shares, in the hands of an operation that has fence 7."""

    def __init__(
        self,
        shares: Shares = BEFORE,
        *,
        before: tuple[Json, ...] = (),
        tags: Mapping[str, str] = OURS,
        live: int = 4,
        candidate: int = 4,
        goes_back: bool = False,
    ) -> None:
        self.rules = InterruptedRules(healthy={LIVE_GROUP: live, CANDIDATE_GROUP: candidate})
        order = {"Order": len(before) + 1} if before else {}
        self.rules.rules[RULE] = ((*before, {**forward_to(shares), **order}), dict(tags))
        self.rule = ProductionRule(
            self.rules, RULE, "swap-1", 7, live=LIVE_GROUP, candidate=CANDIDATE_GROUP, needs=4, goes_back=goes_back
        )

    @property
    def actions(self) -> Sequence[Json]:
        return self.rules.rules[RULE][0]

    @property
    def tags(self) -> dict[str, str]:
        return self.rules.rules[RULE][1]

    @property
    def shares(self) -> Shares | None:
        return shares_in(self.actions)

    @property
    def calls(self) -> list[str]:
        return [name for name, _ in self.rules.calls]

    @property
    def writes(self) -> int:
        return self.calls.count("ModifyRule")


# Whose it is


def test_the_first_claim_says_all_that_an_abort_needs_in_one_call() -> None:
    bench = Bench(tags={})
    bench.rule.claim()
    assert bench.tags == OURS
    assert bench.calls == ["DescribeRules", "DescribeTags", "AddTags"]


def test_a_rule_that_says_so_already_is_claimed_without_a_write() -> None:
    bench = Bench()
    bench.rule.claim()
    assert bench.calls == ["DescribeRules", "DescribeTags"]


@pytest.mark.parametrize(
    ("tag", "value"),
    [(ROLLOUT, "swap-0"), (FENCE, "6"), (LIVE, "arn:other"), (CANDIDATE, "arn:other"), (NEEDS, "1")],
)
def test_a_rule_that_says_anything_else_is_claimed_anew(tag: str, value: str) -> None:
    bench = Bench(tags={**OURS, tag: value})
    bench.rule.claim()
    assert bench.tags == OURS


def test_a_claim_answers_the_rule_and_leaves_the_tags_of_others_alone() -> None:
    bench = Bench(tags={"team": "ml", "bluegreen:handled": "x", ENDED: "swap-0", ABORTED: "swap-0"})
    assert shares_in(bench.rule.claim().actions) == BEFORE
    assert bench.tags == {**OURS, "team": "ml", "bluegreen:handled": "x", ENDED: "swap-0", ABORTED: "swap-0"}


def test_a_claim_says_that_users_are_authenticated_so_that_an_abort_reads_the_actions_first() -> None:
    bench = Bench(before=(COGNITO,), tags={})
    bench.rule.claim()
    assert bench.tags == {**OURS, HAS_OTHER_ACTIONS: "yes"}


@pytest.mark.parametrize("before", [(), (COGNITO,)], ids=["plain", "authenticated"])
def test_what_was_claimed_is_enough_for_an_abort_without_the_table(before: tuple[Json, ...]) -> None:
    bench = Bench(before=before, tags={})
    bench.rule.bring(AFTER, [BEFORE])
    outcome = abort(
        bench.rules, SETTINGS, caller="operator", reason="", now=FixedClock().now, store=None, executions=None
    )
    assert (outcome.state, outcome.rollout) == ("RESTORED", "swap-1")
    assert set(forwarded_groups(bench.actions)) == {LIVE_GROUP}, "a group at 0 would keep the clients that know it"
    assert bench.actions[:-1] == before
    with pytest.raises(MarkedError):
        bench.rule.bring(AFTER, [BEFORE])


@pytest.mark.parametrize(("tag", "value", "error"), [(ABORTED, "swap-1", MarkedError), (FENCE, "8", LostLockError)])
def test_a_claim_and_a_look_stop_at_what_a_write_stops_at(tag: str, value: str, error: type[Exception]) -> None:
    bench = Bench(tags={**OURS, ROLLOUT: "another", tag: value})
    for act in (bench.rule.claim, bench.rule.look):
        with pytest.raises(error):
            act()
    assert "AddTags" not in bench.calls


# A write


def test_a_write_reads_compares_asks_for_targets_writes_once_and_looks_again() -> None:
    bench = Bench()
    assert bench.rule.bring(AFTER, [BEFORE]) is False
    assert bench.shares == AFTER
    assert bench.calls == ["DescribeRules", "DescribeTags", "DescribeTargetHealth", "ModifyRule", "DescribeTags"]


def test_before_its_first_write_the_rule_is_claimed() -> None:
    bench = Bench(tags={})
    bench.rule.bring(AFTER, [BEFORE])
    assert bench.calls.index("AddTags") < bench.calls.index("ModifyRule")
    assert bench.tags == OURS


def test_the_same_write_again_finds_it_done() -> None:
    bench = Bench()
    assert [bench.rule.bring(AFTER, [BEFORE]) for _ in range(3)] == [False, True, True]
    assert bench.writes == 1


def test_what_serves_alone_is_not_named_beside_a_group_at_weight_0() -> None:
    bench = Bench()
    two = [{"TargetGroupArn": LIVE_GROUP, "Weight": 0}, {"TargetGroupArn": CANDIDATE_GROUP, "Weight": 100}]
    bench.rules.rules[RULE] = (({"Type": "forward", "ForwardConfig": {"TargetGroups": two}},), bench.tags)
    assert bench.rule.bring(AFTER, [BEFORE]) is False, "the rule has the share, but names another group still"
    assert forwarded_groups(bench.actions) == {CANDIDATE_GROUP: 100}
    assert bench.rule.bring(AFTER, [BEFORE]) is True


def test_a_split_names_both_and_is_found_again() -> None:
    bench = Bench()
    wanted = {LIVE_GROUP: 99.9, CANDIDATE_GROUP: 0.1}
    assert [bench.rule.bring(wanted, [BEFORE]) for _ in range(2)] == [False, True]
    assert forwarded_groups(bench.actions) == {LIVE_GROUP: 999, CANDIDATE_GROUP: 1}


def test_actions_that_authenticate_are_kept_in_their_order_with_the_secret_that_aws_keeps() -> None:
    bench = Bench(before=(COGNITO, OIDC))
    bench.rule.bring(AFTER, [BEFORE])
    assert bench.actions == ({**COGNITO, "Order": 1}, KEPT_OIDC, {**forward_to(AFTER), "Order": 3})


@pytest.mark.parametrize(
    ("wanted", "enough"),
    [({LIVE_GROUP: 99.9, CANDIDATE_GROUP: 0.1}, 1), ({LIVE_GROUP: 50, CANDIDATE_GROUP: 50}, 2), (AFTER, 4)],
)
def test_a_share_is_written_only_to_as_many_healthy_targets_as_it_needs(wanted: Shares, enough: int) -> None:
    assert Bench(candidate=enough).rule.bring(wanted, [BEFORE]) is False
    bench = Bench(candidate=enough - 1)
    percent = f"{wanted[CANDIDATE_GROUP]:g}"
    with pytest.raises(NotCarriedError, match=f"has {enough - 1} healthy targets and needs {enough} for {percent} %"):
        bench.rule.bring(wanted, [BEFORE])
    assert (bench.writes, bench.shares) == (0, BEFORE)


def test_also_live_has_to_carry_what_it_keeps() -> None:
    bench = Bench(live=1)
    with pytest.raises(NotCarriedError, match=f"{LIVE_GROUP} has 1 healthy targets and needs 2"):
        bench.rule.bring({LIVE_GROUP: 50, CANDIDATE_GROUP: 50}, [BEFORE])
    assert bench.writes == 0


def test_nothing_is_given_to_a_group_without_healthy_targets_even_when_live_needed_none() -> None:
    bench = Bench(candidate=0)
    with pytest.raises(NotCarriedError, match="has 0 healthy targets and needs 1"):
        replace(bench.rule, needs=0).bring(AFTER, [BEFORE])
    assert bench.shares == BEFORE


def test_a_group_whose_targets_nobody_checks_carries_everything() -> None:
    bench = Bench(candidate=0)
    bench.rules.is_checked = False
    bench.rule.bring(AFTER, [BEFORE])
    assert bench.shares == AFTER


def test_a_write_that_is_too_late_after_the_read_is_refused() -> None:
    class Late(InterruptedRules):
        def write_fresh(self, rule_arn: str, actions: Sequence[Json]) -> None:
            raise AwsError("read too long ago")

    bench = Bench()
    with pytest.raises(AwsError, match="too long ago"):
        replace(bench.rule, rules=Late(bench.rules.rules, bench.rules.healthy)).bring(AFTER, [BEFORE])
    assert bench.shares == BEFORE


# Who was there before


def test_a_mark_stops_a_write() -> None:
    bench = Bench(tags={**OURS, ABORTED: "swap-1"})
    with pytest.raises(MarkedError, match="was aborted"):
        bench.rule.bring(AFTER, [BEFORE])
    assert (bench.writes, bench.shares) == (0, BEFORE)


def test_the_mark_of_another_operation_stops_nothing() -> None:
    bench = Bench(tags={**OURS, ABORTED: "swap-0"})
    bench.rule.bring(AFTER, [BEFORE])
    assert bench.shares == AFTER


def test_a_mark_does_not_stop_who_goes_back_and_a_fence_does() -> None:
    bench = Bench(AFTER, tags={**OURS, ABORTED: "swap-1"}, goes_back=True)
    assert bench.rule.bring(BEFORE, ()) is False
    assert bench.shares == BEFORE
    late = Bench(AFTER, tags={**OURS, FENCE: "8"}, goes_back=True)
    with pytest.raises(LostLockError, match="belongs to fence 8, this worker has 7"):
        late.rule.bring(BEFORE, ())
    assert (late.writes, late.shares) == (0, AFTER)


def test_a_higher_fence_stops_a_worker_before_it_writes_or_tags() -> None:
    bench = Bench(tags={**OURS, FENCE: "8", ROLLOUT: "swap-2"})
    with pytest.raises(LostLockError, match="belongs to fence 8, this worker has 7: it is out of date"):
        bench.rule.bring(AFTER, [BEFORE])
    assert bench.calls == ["DescribeRules", "DescribeTags"]


def test_a_worker_of_an_operation_that_has_ended_writes_nothing_even_with_its_own_fence() -> None:
    bench = Bench(tags={**OURS, ENDED: "swap-1"})
    with pytest.raises(LostLockError, match="has ended: this worker is out of date"):
        bench.rule.bring(AFTER, [BEFORE])
    assert (bench.writes, bench.shares) == (0, BEFORE)


def test_an_end_that_was_said_does_not_stop_who_has_to_go_back_all_the_same() -> None:
    bench = Bench(AFTER, tags={**OURS, ENDED: "swap-1"}, goes_back=True)
    bench.rule.bring(BEFORE, ())
    assert bench.shares == BEFORE


# What nobody here wrote


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({LIVE_GROUP: 90, CANDIDATE_GROUP: 10}, "90 % to .*side-a/.*, 10 % to .*side-b/"),
        ({"arn:elsewhere": 100}, "100 % to arn:elsewhere"),
        ({LIVE_GROUP: 99.9, "arn:elsewhere": 0.1}, "0.1 % to arn:elsewhere"),
    ],
)
def test_shares_that_nobody_here_wrote_are_interference_and_stay(found: Shares, words: str) -> None:
    bench = Bench(found)
    with pytest.raises(InterferenceError, match=f"the live rule gives .*{words}.*, which nobody here wrote"):
        bench.rule.bring(AFTER, [BEFORE])
    assert (bench.writes, bench.shares) == (0, found)


def test_a_rule_that_answers_by_itself_is_interference() -> None:
    bench = Bench()
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    bench.rules.rules[RULE] = ((fixed,), bench.tags)
    with pytest.raises(InterferenceError, match="the live rule forwards to no group, which nobody here wrote"):
        bench.rule.bring(AFTER, [BEFORE])
    assert bench.actions == (fixed,)


def test_each_of_the_shares_that_are_allowed_may_be_there() -> None:
    canary = {LIVE_GROUP: 90, CANDIDATE_GROUP: 10}
    for found in (BEFORE, canary):
        bench = Bench(found)
        assert bench.rule.bring(AFTER, [BEFORE, canary]) is False
        assert bench.shares == AFTER


# Going back


@pytest.mark.parametrize(
    "found", [AFTER, {LIVE_GROUP: 67, CANDIDATE_GROUP: 33}, {"arn:elsewhere": 100}, {LIVE_GROUP: 1, "arn:else": 99}]
)
def test_on_the_way_back_nothing_that_the_rule_has_is_interference(found: Shares) -> None:
    bench = Bench(found, goes_back=True)
    assert bench.rule.bring(BEFORE, ()) is False
    assert forwarded_groups(bench.actions) == {LIVE_GROUP: 100}


def test_on_the_way_back_also_a_rule_that_answers_by_itself_is_written_over() -> None:
    bench = Bench(goes_back=True)
    bench.rules.rules[RULE] = (({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}},), bench.tags)
    bench.rule.bring(BEFORE, ())
    assert bench.actions == (forward_to(BEFORE),)


def test_the_way_back_asks_for_one_healthy_target_and_regardless_for_none() -> None:
    bench = Bench(AFTER, live=1, goes_back=True)
    bench.rule.bring(BEFORE, ())
    assert bench.shares == BEFORE
    cold = Bench(AFTER, live=0, goes_back=True)
    with pytest.raises(NotCarriedError, match="0 healthy targets and needs 1"):
        cold.rule.bring(BEFORE, ())
    assert cold.shares == AFTER
    cold.rule.bring(BEFORE, (), regardless=True)
    assert cold.shares == BEFORE


def test_the_way_back_keeps_what_authenticates() -> None:
    bench = Bench(AFTER, before=(COGNITO,), goes_back=True)
    bench.rule.bring(BEFORE, ())
    assert [action["Type"] for action in bench.actions] == ["authenticate-cognito", "forward"]


def test_a_mark_that_comes_during_the_write_back_takes_nothing_back() -> None:
    bench = Bench(AFTER, goes_back=True)
    bench.rules.after_write = lambda: bench.tags.update({ABORTED: "swap-1"})
    assert bench.rule.bring(BEFORE, ()) is False
    assert (bench.shares, bench.writes) == (BEFORE, 1)


# Who comes during the write


def test_a_mark_that_comes_during_the_write_gives_live_everything_at_once() -> None:
    bench = Bench({LIVE_GROUP: 90, CANDIDATE_GROUP: 10}, before=(OIDC,))
    bench.rules.after_write = lambda: bench.tags.update({ABORTED: "swap-1"})
    with pytest.raises(MarkedError, match="the write was taken back"):
        bench.rule.bring(AFTER, [{LIVE_GROUP: 90, CANDIDATE_GROUP: 10}])
    assert (bench.shares, bench.writes) == (BEFORE, 2)
    assert bench.actions[0] == {**KEPT_OIDC, "Order": 1}


def test_a_mark_that_comes_while_live_gets_everything_anyway_costs_no_second_write() -> None:
    bench = Bench({LIVE_GROUP: 90, CANDIDATE_GROUP: 10})
    bench.rules.after_write = lambda: bench.tags.update({ABORTED: "swap-1"})
    bench.rule.bring(BEFORE, [{LIVE_GROUP: 90, CANDIDATE_GROUP: 10}])
    assert (bench.shares, bench.writes) == (BEFORE, 1)


@pytest.mark.parametrize("goes_back", [False, True])
def test_a_fence_that_comes_during_the_write_takes_the_write_back_to_what_was_there(goes_back: bool) -> None:
    found = {LIVE_GROUP: 90, CANDIDATE_GROUP: 10}
    bench = Bench(found, before=(OIDC,), goes_back=goes_back)
    bench.rules.after_write = lambda: bench.tags.update({FENCE: "8"})
    with pytest.raises(LostLockError, match=r"fence 8 took over .* its write was taken back"):
        bench.rule.bring(AFTER, [found])
    assert (bench.shares, bench.writes) == (found, 2)
    assert bench.actions[0] == {**KEPT_OIDC, "Order": 1}


def test_with_both_a_mark_and_a_higher_fence_the_other_worker_decides() -> None:
    bench = Bench()
    bench.rules.after_write = lambda: bench.tags.update({FENCE: "8", ABORTED: "swap-1"})
    with pytest.raises(LostLockError):
        bench.rule.bring(AFTER, [BEFORE])
    assert bench.shares == BEFORE


# A look


@pytest.mark.parametrize("found", [BEFORE, AFTER, {LIVE_GROUP: 99.9, CANDIDATE_GROUP: 0.1}, {"arn:elsewhere": 100}])
def test_a_look_says_what_each_group_gets_and_writes_nothing(found: Shares) -> None:
    bench = Bench(found)
    assert bench.rule.look() == found
    assert bench.calls == ["DescribeRules", "DescribeTags"]


def test_a_look_at_a_rule_that_forwards_nothing_knows_no_shares() -> None:
    bench = Bench()
    bench.rules.rules[RULE] = (({"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}},), bench.tags)
    assert bench.rule.look() is None


def test_a_look_on_the_way_back_does_not_mind_the_mark() -> None:
    assert Bench(tags={**OURS, ABORTED: "swap-1"}, goes_back=True).rule.look() == BEFORE


# The end


def test_the_end_is_said_once_and_then_no_abort_finds_anything() -> None:
    bench = Bench(AFTER)
    bench.rule.close()
    bench.rule.close()
    assert bench.tags[ENDED] == "swap-1"
    assert bench.calls.count("AddTags") == 1
    outcome = abort(
        bench.rules, SETTINGS, caller="operator", reason="", now=FixedClock().now, store=None, executions=None
    )
    assert (outcome.state, bench.shares) == ("NOTHING_IN_FLIGHT", AFTER)


def test_the_end_of_an_operation_that_never_claimed_the_rule_is_not_said_over_anothers() -> None:
    bench = Bench(tags={**OURS, ROLLOUT: "swap-0", ENDED: "swap-0"})
    bench.rule.close()
    assert bench.tags[ENDED] == "swap-0"
    assert "AddTags" not in bench.calls


def test_an_abort_that_came_first_keeps_the_end_from_being_said() -> None:
    bench = Bench(AFTER, tags={**OURS, ABORTED: "swap-1"})
    with pytest.raises(MarkedError):
        bench.rule.close()
    assert ENDED not in bench.tags


def test_an_abort_that_comes_while_the_end_is_said_wins() -> None:
    bench = Bench(AFTER)
    bench.rules.after_tag = lambda: bench.tags.update({ABORTED: "swap-1"})
    with pytest.raises(MarkedError):
        bench.rule.close()


def test_a_worker_that_comes_while_the_end_is_said_wins() -> None:
    bench = Bench(AFTER)
    bench.rules.after_tag = lambda: bench.tags.update({FENCE: "8"})
    with pytest.raises(LostLockError):
        bench.rule.close()


def test_a_late_worker_does_not_say_the_end() -> None:
    bench = Bench(AFTER, tags={**OURS, FENCE: "8"})
    with pytest.raises(LostLockError):
        bench.rule.close()
    assert ENDED not in bench.tags


def test_the_end_of_the_way_back_is_said_over_the_mark() -> None:
    bench = Bench(tags={**OURS, ABORTED: "swap-1"}, goes_back=True)
    bench.rule.close()
    assert bench.tags[ENDED] == "swap-1"
