"""Shares of production's traffic as a rule says them, and the rules that follow a slot."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.swap.record import Kind, SlotsRecord
from bluegreen_constructs.engine.swap.shares import all_on, closed, forward_to, is_alone, shares_in
from bluegreen_constructs.engine.swap.slot_rules import SlotRules, put_right
from bluegreen_constructs.testing_slots import InMemorySlotsWorld, example_slots

A, B, C = "arn:a", "arn:b", "arn:c"
COGNITO = {"Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": {"UserPoolDomain": "serving"}}


def forwarding(**weights: int) -> dict[str, Any]:
    groups = [{"TargetGroupArn": f"arn:{name}", "Weight": weight} for name, weight in weights.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


# Shares


@pytest.mark.parametrize(
    ("actions", "shares"),
    [
        ([forwarding(a=100)], {A: 100}),
        ([forwarding(a=1)], {A: 100}),
        ([forwarding(a=100, b=0)], {A: 100}),
        ([forwarding(a=999, b=1)], {A: 99.9, B: 0.1}),
        ([forwarding(a=9, b=1)], {A: 90, B: 10}),
        ([forwarding(a=1, b=2)], {A: 33.3, B: 66.7}),
        ([forwarding(a=850, b=149, c=1)], {A: 85, B: 14.9, C: 0.1}),
        ([COGNITO, {**forwarding(a=50, b=50), "Order": 2}], {A: 50, B: 50}),
        ([{"Type": "forward", "TargetGroupArn": A}], {A: 100}),
        # As ELB describes a rule with one group: both ways at once.
        ([{**forwarding(a=7), "TargetGroupArn": A}], {A: 100}),
        ([{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": A}]}}], {A: 100}),
        ([forwarding(a=0, b=0)], None),
        ([closed("staging")], None),
        ([COGNITO], None),
        ([], None),
    ],
)
def test_a_rule_gives_each_group_what_its_weights_say(actions: list[dict[str, Any]], shares: object) -> None:
    assert shares_in(actions) == shares


@pytest.mark.parametrize(
    ("shares", "weights"),
    [
        ({A: 100}, {A: 100}),
        ({A: 90, B: 10}, {A: 90, B: 10}),
        ({A: 99.9, B: 0.1}, {A: 999, B: 1}),
        ({A: 50, B: 49.5, C: 0.5}, {A: 500, B: 495, C: 5}),
        ({A: 99.7, B: 0.1 + 0.2}, {A: 997, B: 3}),
        ({A: 100, B: 0}, {A: 100}),
    ],
)
def test_shares_are_written_as_whole_weights(shares: dict[str, float], weights: dict[str, int]) -> None:
    action = forward_to(shares)
    groups = action["ForwardConfig"]["TargetGroups"]  # type: ignore[index]
    assert {one["TargetGroupArn"]: one["Weight"] for one in groups} == weights
    assert set(action["ForwardConfig"]) == {"TargetGroups"}, "without stickiness, which outranks weights"  # type: ignore[arg-type]


@hypothesis_settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(1, 999), min_size=1, max_size=4, unique=True).filter(lambda tenths: sum(tenths) < 1000))
def test_what_is_written_in_tenths_of_a_percent_is_read_as_the_same(tenths: list[int]) -> None:
    others = {f"arn:{number}": tenth / 10 for number, tenth in enumerate(tenths)}
    shares = {**others, "arn:rest": round(100 - sum(others.values()), 1)}
    action = forward_to(shares)
    assert shares_in([action]) == shares
    groups = action["ForwardConfig"]["TargetGroups"]  # type: ignore[index]
    assert all(isinstance(one["Weight"], int) and 1 <= one["Weight"] <= 999 for one in groups), "what ELB takes"


def test_the_same_shares_in_another_order_are_the_same_action() -> None:
    assert forward_to({A: 90, B: 10}) == forward_to({B: 10, A: 90})


@pytest.mark.parametrize(
    ("actions", "is_it"),
    [
        ([forwarding(a=100)], True),
        ([COGNITO, forwarding(a=1)], True),
        ([forwarding(a=100, b=0)], False),
        ([forwarding(b=100)], False),
        ([closed("staging")], False),
        ([], False),
    ],
)
def test_a_group_is_alone_when_no_other_is_named_not_even_at_weight_0(
    actions: list[dict[str, Any]], is_it: bool
) -> None:
    assert is_alone(actions, A) is is_it


def test_everything_on_one_group_is_written_as_that_group_alone() -> None:
    assert is_alone([forward_to(all_on(A))], A)
    assert shares_in([forward_to(all_on(A))]) == all_on(A)


def test_a_closed_slot_answers_503_in_words_that_name_it() -> None:
    config = closed("staging")["FixedResponseConfig"]
    assert config == {
        "StatusCode": "503",
        "ContentType": "text/plain",
        "MessageBody": "slot staging is being swapped with production\n",
    }


# The rules of a slot


class Rules:
    """An application's world, and what is written to the rules of its slots."""

    def __init__(self, *names: str) -> None:
        self.world = InMemorySlotsWorld(example_slots(*names))
        self.slots = self.world.slots
        self.world.rules.calls.clear()

    def of(self, slot: str = "staging") -> SlotRules:
        return SlotRules(self.world.rules, self.slots.slot(slot))

    @property
    def written(self) -> list[str]:
        return [arn.rpartition("/")[2] for name, arn in self.world.rules.calls if name == "ModifyRule"]

    def leads(self, rule: str) -> str:
        """The side that a rule leads to; `closed` for one that answers 503."""
        prefix = self.world.settings.rule_arn.removesuffix("production")
        action = self.world.rules.rules[prefix + rule][0][-1]
        if action["Type"] == "fixed-response":
            return "closed"
        (group,) = shares_in([action]) or {}
        side = self.slots.side_of_group(group)
        return side.name if side else group

    def lead(self, slot: str = "staging") -> tuple[str, str, str]:
        return self.leads(f"{slot}-host"), self.leads(f"{slot}-cookie"), self.leads(f"{slot}-header")


def test_closing_shuts_the_hostname_and_leads_those_who_chose_the_slot_to_production() -> None:
    rules = Rules()
    rules.of().close(rules.slots.side("a"))
    assert rules.lead() == ("closed", "a", "a")
    assert rules.written == ["staging-host", "staging-cookie", "staging-header"]


def test_opening_leads_hostname_and_choices_to_the_slots_side() -> None:
    rules = Rules()
    rules.of().close(rules.slots.side("a"))
    rules.of().open(rules.slots.side("b"))
    assert rules.lead() == ("b", "b", "b")


def test_only_what_differs_is_written() -> None:
    rules = Rules()
    rules.of().open(rules.slots.side("b"))
    assert rules.written == [], "they lead there already"
    rules.of().close(rules.slots.side("a"))
    rules.world.rules.calls.clear()
    rules.of().close(rules.slots.side("a"))
    assert rules.written == []
    rules.of().close(rules.slots.side("b"))
    assert rules.written == ["staging-cookie", "staging-header"], "the hostname stays closed when another side serves"


def test_another_slots_closing_is_not_taken_for_this_ones() -> None:
    rules = Rules()
    host = rules.slots.slot("staging").host_rule_arn
    rules.world.rules.rules[host] = ((closed("qa"),), {})
    rules.of().close(rules.slots.side("a"))
    assert rules.world.rules.rules[host][0] == (closed("staging"),)


def test_a_slot_without_a_hostname_or_without_choices_has_no_such_rule_to_write() -> None:
    rules = Rules()
    bare = replace(rules.slots.slot("staging"), host_rule_arn="")
    SlotRules(rules.world.rules, bare).close(rules.slots.side("a"))
    assert rules.written == ["staging-cookie", "staging-header"]
    rules.world.rules.calls.clear()
    SlotRules(rules.world.rules, rules.slots.slot("production")).close(rules.slots.side("a"))
    assert rules.world.rules.calls == [], "production's rule is the live rule, which these never touch"


def test_what_authenticates_on_a_slots_rule_is_kept_when_it_closes_and_opens() -> None:
    rules = Rules()
    host = rules.slots.slot("staging").host_rule_arn
    rules.world.rules.rules[host] = ((COGNITO, {**rules.world.rules.rules[host][0][0], "Order": 2}), {})
    rules.of().close(rules.slots.side("a"))
    assert rules.world.rules.rules[host][0] == (COGNITO, {**closed("staging"), "Order": 2})
    rules.of().close(rules.slots.side("a"))
    assert rules.written.count("staging-host") == 1
    rules.of().open(rules.slots.side("b"))
    assert [one["Type"] for one in rules.world.rules.rules[host][0]] == ["authenticate-cognito", "forward"]


# Put right after a late write


def under_way(rules: Rules, phase: SwapPhase, kind: Kind = Kind.SWAP, *, is_preview_open: bool = False) -> SlotsRecord:
    """The record with an operation of staging in that phase, and all rules as somebody left them by mistake."""
    world = rules.world
    options = {"shares": {"staging": 10.0}} if kind is Kind.TRAFFIC else {"release": "2"}
    world.begin(kind.value.lower(), **options)
    record = world.record
    assert record.settings is not None
    slots = replace(rules.slots, is_preview_open=is_preview_open)
    record = replace(record, settings=replace(record.settings, slots=slots))
    for slot in rules.slots.slots:
        for arn in slot.rule_arns:
            world.rules.rules[arn] = ((forward_to(all_on(rules.slots.side("c").group_arn)),), {})
    world.rules.calls.clear()
    if phase is SwapPhase.IDLE:
        return replace(record, op=None)
    return replace(record, op=replace(record.operation, phase=phase))


CLOSED = [
    SwapPhase.APPLYING,
    SwapPhase.WARMING,
    SwapPhase.READY,
    SwapPhase.CANARY,
    SwapPhase.COMMITTING,
    SwapPhase.BAKING,
    SwapPhase.ROLLING_BACK,
    SwapPhase.DEMOTING_CANDIDATE,
    SwapPhase.DEMOTING,
]
LEFT_ALONE = [SwapPhase.PREPARING, SwapPhase.REVERTING, SwapPhase.ROUTING, SwapPhase.HALTED]
MISTAKEN = ("c", "c", "c")


def test_every_phase_is_tried() -> None:
    assert {*CLOSED, *LEFT_ALONE, SwapPhase.IDLE} == set(SwapPhase)


@pytest.mark.parametrize("phase", CLOSED, ids=lambda one: one.name)
def test_while_its_side_has_productions_settings_the_slot_is_closed_and_the_others_are_open(phase: SwapPhase) -> None:
    rules = Rules("staging", "qa")
    put_right(rules.world.rules, under_way(rules, phase))
    assert rules.lead("staging") == ("closed", "a", "a")
    assert rules.lead("qa") == ("c", "c", "c")
    assert rules.leads("production") == "a"


@pytest.mark.parametrize("phase", LEFT_ALONE, ids=lambda one: one.name)
def test_in_the_other_phases_the_slots_own_rules_are_left_to_its_worker(phase: SwapPhase) -> None:
    rules = Rules("staging", "qa")
    put_right(rules.world.rules, under_way(rules, phase))
    assert rules.lead("staging") == MISTAKEN


@pytest.mark.parametrize("phase", CLOSED, ids=lambda one: one.name)
def test_with_an_open_preview_the_swapped_slots_rules_are_left_to_its_worker(phase: SwapPhase) -> None:
    rules = Rules("staging", "qa")
    put_right(rules.world.rules, under_way(rules, phase, is_preview_open=True))
    assert rules.lead("staging") == MISTAKEN


@pytest.mark.parametrize("kind", [Kind.DEPLOY, Kind.TRAFFIC], ids=lambda one: one.name)
def test_what_is_no_swap_never_closes_a_slot(kind: Kind) -> None:
    rules = Rules("qa", "staging")
    put_right(rules.world.rules, under_way(rules, SwapPhase.APPLYING, kind))
    assert rules.lead("staging") == MISTAKEN
    assert rules.lead("qa") == ("b", "b", "b"), "what is not operated on is put right all the same"


def test_when_nothing_is_under_way_each_slot_leads_to_its_side_by_the_map() -> None:
    rules = Rules("staging", "qa")
    record = under_way(rules, SwapPhase.IDLE)
    put_right(rules.world.rules, replace(record, sides_of={"production": "b", "staging": "a", "qa": "c"}))
    assert rules.lead("staging") == ("a", "a", "a")
    assert rules.lead("qa") == ("c", "c", "c")
    assert rules.leads("production") == "a", "the live rule has its own guard, and is never put right so"


def test_after_the_flip_those_who_chose_the_slot_are_led_to_the_side_that_serves_now() -> None:
    rules = Rules("staging", "qa")
    record = under_way(rules, SwapPhase.BAKING)
    put_right(rules.world.rules, replace(record, sides_of=record.exchanged("staging", "b")))
    assert rules.lead("staging") == ("closed", "b", "b")


def test_a_slot_that_has_no_side_yet_is_left_alone() -> None:
    rules = Rules("staging", "qa")
    record = under_way(rules, SwapPhase.IDLE)
    put_right(rules.world.rules, replace(record, sides_of={"production": "a", "staging": "b"}))
    assert rules.lead("staging") == ("b", "b", "b")
    assert rules.lead("qa") == MISTAKEN


def test_a_record_without_settings_says_nothing_about_rules() -> None:
    rules = Rules("staging", "qa")
    record = under_way(rules, SwapPhase.IDLE)
    assert record.settings is not None
    put_right(rules.world.rules, replace(record, settings=None))
    put_right(rules.world.rules, replace(record, settings=replace(record.settings, slots=None)))
    assert rules.world.rules.calls == []
