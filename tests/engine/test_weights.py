"""Weights of a rule: every share that can be asked for, the actions around the forward, and what a share needs."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.engine.live_rule import forwarded_groups
from bluegreen_constructs.engine.weights import (
    as_they_were,
    authentication_in,
    forward,
    is_forward_only,
    is_warm,
    needed,
    rewritten,
    share_of,
    weights_for,
)

LIVE, CANDIDATE, FOREIGN = "targetgroup/blue", "targetgroup/green", "targetgroup/elsewhere"
TENTHS = range(1001)
COGNITO = {"Type": "authenticate-cognito", "Order": 7, "AuthenticateCognitoConfig": {"UserPoolDomain": "serving"}}
OIDC = {"Type": "authenticate-oidc", "Order": 3, "AuthenticateOidcConfig": {"ClientId": "a", "Issuer": "https://a"}}


def groups_of(action: object) -> list[tuple[str, int]]:
    config = cast("dict[str, dict[str, list[dict[str, object]]]]", action)["ForwardConfig"]
    return [(str(one["TargetGroupArn"]), cast("int", one["Weight"])) for one in config["TargetGroups"]]


def test_the_weights_of_every_multiple_of_a_tenth_say_exactly_that_share() -> None:
    for tenths in TENTHS:
        live, candidate = weights_for(tenths / 10)
        assert 1000 * candidate == tenths * (live + candidate)
        assert 0 <= live <= 999
        assert 0 <= candidate <= 999


def test_a_whole_percentage_is_written_as_people_expect_it() -> None:
    assert weights_for(0) == (100, 0)
    assert weights_for(25) == (75, 25)
    assert weights_for(100) == (0, 100)
    assert weights_for(0.1) == (999, 1)
    assert weights_for(99.9) == (1, 999)


@pytest.mark.parametrize("stickiness", [None, 3600])
def test_every_share_is_read_back_as_it_was_written(stickiness: int | None) -> None:
    for tenths in TENTHS:
        action = forward(LIVE, CANDIDATE, tenths / 10, stickiness)
        assert share_of([action], LIVE, CANDIDATE) == tenths / 10
        assert sum(forwarded_groups([action]).values()) > 0


def test_live_comes_first_and_both_sides_are_named_in_a_rule_without_stickiness() -> None:
    assert groups_of(forward(LIVE, CANDIDATE, 0, None)) == [(LIVE, 100), (CANDIDATE, 0)]
    assert groups_of(forward(LIVE, CANDIDATE, 100, None)) == [(LIVE, 0), (CANDIDATE, 100)]
    assert "TargetGroupStickinessConfig" not in cast("dict[str, object]", forward(LIVE, CANDIDATE, 5, None))


def test_a_sticky_rule_leaves_out_the_side_that_gets_nothing() -> None:
    assert groups_of(forward(LIVE, CANDIDATE, 0, 60)) == [(LIVE, 100)]
    assert groups_of(forward(LIVE, CANDIDATE, 100, 60)) == [(CANDIDATE, 100)]
    assert groups_of(forward(LIVE, CANDIDATE, 0.1, 60)) == [(LIVE, 999), (CANDIDATE, 1)]


def test_a_sticky_rule_says_for_how_long() -> None:
    config = cast("dict[str, object]", forward(LIVE, CANDIDATE, 0, 60)["ForwardConfig"])
    assert config["TargetGroupStickinessConfig"] == {"Enabled": True, "DurationSeconds": 60}


def test_a_rule_that_forwards_elsewhere_or_nowhere_has_no_share() -> None:
    elsewhere = forward(LIVE, FOREIGN, 10, None)
    assert share_of([elsewhere], LIVE, CANDIDATE) is None
    assert share_of([{"Type": "redirect"}], LIVE, CANDIDATE) is None
    assert share_of([], LIVE, CANDIDATE) is None
    nothing = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": LIVE, "Weight": 0}]}}
    assert share_of([nothing], LIVE, CANDIDATE) is None


def test_a_foreign_group_of_weight_zero_is_still_a_foreign_group() -> None:
    assert share_of([forward(LIVE, FOREIGN, 0, None)], LIVE, CANDIDATE) is None


def test_a_single_group_without_weights_has_everything() -> None:
    assert share_of([{"Type": "forward", "TargetGroupArn": LIVE}], LIVE, CANDIDATE) == 0
    assert share_of([{"Type": "forward", "TargetGroupArn": CANDIDATE}], LIVE, CANDIDATE) == 100


def test_actions_that_authenticate_are_kept_in_their_order_before_the_forward() -> None:
    before = [COGNITO, {"Type": "authenticate-oidc", "AuthenticateOidcConfig": {}}, forward(LIVE, CANDIDATE, 0, None)]
    action = forward(LIVE, CANDIDATE, 10, None)
    written = rewritten(before, action)
    assert [one["Type"] for one in written] == ["authenticate-cognito", "authenticate-oidc", "forward"]
    assert [one["Order"] for one in written] == [1, 2, 3]
    assert written[0]["AuthenticateCognitoConfig"] == {"UserPoolDomain": "serving"}
    assert written[-1]["ForwardConfig"] == action["ForwardConfig"]


def test_the_secret_that_aws_does_not_give_back_is_kept_by_name() -> None:
    kept = authentication_in([OIDC])[0]["AuthenticateOidcConfig"]
    assert kept == {"ClientId": "a", "Issuer": "https://a", "UseExistingClientSecret": True}
    assert OIDC["AuthenticateOidcConfig"] == {"ClientId": "a", "Issuer": "https://a"}, "what was read is not changed"


def test_actions_that_were_written_once_are_written_the_same_again() -> None:
    action = forward(LIVE, CANDIDATE, 10, None)
    once = rewritten([OIDC, COGNITO, forward(LIVE, CANDIDATE, 0, None)], action)
    assert rewritten(once, action) == once


def test_actions_are_written_back_as_they_were_with_what_aws_does_not_give_back() -> None:
    oidc = {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {"ClientId": "one"}}
    there = [oidc, {**forward(LIVE, CANDIDATE, 10, None), "Order": 2}]
    back = as_they_were(there)
    assert back[0]["AuthenticateOidcConfig"] == {"ClientId": "one", "UseExistingClientSecret": True}
    assert back[1] == there[1]
    assert as_they_were([{**forward(LIVE, CANDIDATE, 10, None), "Order": 1}]) == [forward(LIVE, CANDIDATE, 10, None)]
    assert as_they_were([]) == []


def test_what_somebody_put_in_the_place_of_the_forward_is_replaced() -> None:
    action = forward(LIVE, CANDIDATE, 0, None)
    assert rewritten([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}], action) == [action]
    assert [one["Type"] for one in rewritten([COGNITO, {"Type": "redirect"}], action)] == [
        "authenticate-cognito",
        "forward",
    ]


def test_only_a_single_forward_can_be_written_without_having_been_read() -> None:
    action = forward(LIVE, CANDIDATE, 0, None)
    assert is_forward_only([action])
    assert not is_forward_only([COGNITO, action])
    assert not is_forward_only([{"Type": "redirect"}])
    assert not is_forward_only([])


@pytest.mark.parametrize(
    ("needs", "percent", "targets"),
    [(4, 0, 0), (4, 0.1, 1), (4, 25, 1), (4, 25.1, 2), (4, 50, 2), (4, 100, 4), (3, 33.3, 1), (10, 30, 3), (0, 100, 0)],
)
def test_a_share_needs_its_part_of_the_targets_rounded_up(needs: int, percent: float, targets: int) -> None:
    assert needed(needs, percent) == targets


@given(st.integers(0, 500), st.integers(0, 1000))
def test_a_share_never_needs_less_than_its_part_nor_a_whole_target_more(needs: int, tenths: int) -> None:
    assert 0 <= 1000 * needed(needs, tenths / 10) - needs * tenths < 1000


def test_live_is_warm_with_three_quarters_of_its_targets_and_never_with_none() -> None:
    assert [is_warm(healthy, 4) for healthy in range(5)] == [False, False, False, True, True]
    assert not is_warm(0, 1)
    assert is_warm(1, 1)
    assert is_warm(0, 0), "a side that needs nothing, such as a function's, is always warm"
