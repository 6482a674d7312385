"""Which rule, group and target answer a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.rehearsal.load_balancer.model import (
    FixedResponse,
    Forward,
    HealthCheck,
    HostHeader,
    HttpHeader,
    Listener,
    PathPattern,
    QueryString,
    Redirect,
    RequestMethod,
    Rule,
    SourceIp,
    Target,
    WeightedTargetGroup,
)
from bluegreen_constructs.rehearsal.load_balancer.routing import (
    Request,
    choose_rule,
    choose_target_group,
    matches,
    redirect_location,
    usable_targets,
)

BLUE, GREEN = "arn:blue", "arn:green"
TARGETS = [Target("10.0.0.1", 80), Target("10.0.0.2", 80), Target("10.0.0.3", 80)]


def forward(*weights: int, sticky_seconds: int | None = None) -> Forward:
    groups = tuple(WeightedTargetGroup(f"arn:{number}", weight) for number, weight in enumerate(weights))
    return Forward(groups, sticky_seconds)


def get(path: str = "/", query: str = "", **headers: str) -> Request:
    sent = [(name.replace("_", "-").lower(), value) for name, value in headers.items()]
    return Request("GET", path, query, sent)


def test_rules_are_tried_by_priority_and_the_default_rule_last() -> None:
    default = Rule("default", None, FixedResponse(404))
    late = Rule("late", 200, FixedResponse(200), (PathPattern(("/*",)),))
    early = Rule("early", 10, FixedResponse(200), (HttpHeader("x-canary", ("true",)),))
    listener = Listener("listener", 80, rules=(default, late, early))
    assert choose_rule(listener, get(x_canary="true")) is early
    assert choose_rule(listener, get()) is late
    assert choose_rule(Listener("listener", 80, rules=(default, early)), get()) is default


def test_a_listener_without_rules_chooses_nothing() -> None:
    assert choose_rule(Listener("listener", 80), get()) is None


def test_every_condition_of_a_rule_must_match() -> None:
    both = (HostHeader(("api.example.com",)), PathPattern(("/v1/*",)))
    listener = Listener("listener", 80, rules=(Rule("rule", 1, FixedResponse(200), both),))
    assert choose_rule(listener, get("/v1/x", host="api.example.com")) is not None
    assert choose_rule(listener, get("/v2/x", host="api.example.com")) is None


def test_hosts_match_whatever_their_case_and_port() -> None:
    condition = HostHeader(("*.Example.com",))
    assert matches(condition, get(host="API.example.COM:43121"))
    assert not matches(condition, get(host="example.com"))


def test_paths_match_with_their_case_and_without_the_query() -> None:
    assert matches(PathPattern(("/img/*",)), get("/img/a/b", "q=/other"))
    assert not matches(PathPattern(("/img/*",)), get("/IMG/a"))
    assert not matches(PathPattern(("/img",)), get("/img/"))
    assert matches(PathPattern(("/v?/x",)), get("/v2/x"))
    assert not matches(PathPattern(("/v?/x",)), get("/v22/x"))


def test_characters_that_regular_expressions_know_are_literal_in_patterns() -> None:
    assert matches(PathPattern(("/a.b+(c)[d]",)), get("/a.b+(c)[d]"))
    assert not matches(PathPattern(("/a.b",)), get("/axb"))


def test_any_occurrence_of_a_header_may_match() -> None:
    request = Request("GET", "/", headers=[("x-tag", "one"), ("x-tag", "TWO")])
    assert matches(HttpHeader("X-Tag", ("tw?",)), request)
    assert not matches(HttpHeader("X-Tag", ("three",)), request)


def test_an_escaped_wildcard_is_literal_in_headers_and_queries() -> None:
    assert matches(HttpHeader("x", (r"a\*",)), get(x="a*"))
    assert not matches(HttpHeader("x", (r"a\*",)), get(x="ab"))
    assert not matches(QueryString(((None, r"\?"),)), get(query="k=x"))


@pytest.mark.parametrize(
    ("sent", "chosen"),
    [
        ("x-slot-routing=blue", True),
        ("a=1; x-slot-routing=blue; b=2", True),
        ("x-slot-routing=blue2", False),
        ("other-x-slot-routing=blue", False),
        ("x-slot-routing=green", False),
    ],
)
def test_a_header_may_be_asked_for_by_a_regular_expression(sent: str, chosen: bool) -> None:
    condition = HttpHeader("Cookie", (), ("^(.*; ?)?x-slot-routing=blue(;.*)?$",))
    assert matches(condition, get(cookie=sent)) == chosen


def test_a_query_string_condition_needs_one_of_its_pairs() -> None:
    condition = QueryString((("version", "v1"), (None, "beta*")))
    assert matches(condition, get(query="a=b&VERSION=V1"))
    assert matches(condition, get(query="any=beta-2"))
    assert not matches(condition, get(query="version=v2"))


def test_methods_match_exactly() -> None:
    assert matches(RequestMethod(("GET", "HEAD")), get())
    assert not matches(RequestMethod(("get",)), get())


def test_source_addresses_match_by_block_whatever_x_forwarded_for_says() -> None:
    request = Request("GET", "/", headers=[("x-forwarded-for", "10.1.2.3")], source_ip="192.0.2.7")
    assert matches(SourceIp(("10.0.0.0/8", "192.0.2.0/24")), request)
    assert not matches(SourceIp(("10.0.0.0/8",)), request)


@given(st.lists(st.integers(0, 999), min_size=1, max_size=5), st.floats(0, 1, exclude_max=True))
def test_a_group_with_weight_0_is_never_chosen(weights: list[int], draw: float) -> None:
    action = forward(*weights)
    chosen = choose_target_group(action, None, draw)
    if sum(weights) == 0:
        assert chosen is None
    else:
        assert chosen is not None
        assert action.weights[chosen] > 0


@given(st.lists(st.integers(1, 999), min_size=2, max_size=5))
def test_each_group_gets_the_share_of_its_weight(weights: list[int]) -> None:
    action, total = forward(*weights), sum(weights)
    chosen = [choose_target_group(action, None, (number + 0.5) / total) for number in range(total)]
    assert [chosen.count(f"arn:{number}") for number in range(len(weights))] == weights


@given(st.floats(0, 1, exclude_max=True))
def test_a_remembered_group_wins_over_its_weight_while_the_action_names_it(draw: float) -> None:
    assert choose_target_group(forward(100, 0, sticky_seconds=60), "arn:1", draw) == "arn:1"
    assert choose_target_group(forward(100, sticky_seconds=60), "arn:1", draw) == "arn:0"
    assert choose_target_group(forward(100, 0), "arn:1", draw) == "arn:0"


def test_requests_go_to_healthy_targets_only() -> None:
    assert usable_targets(TARGETS, {TARGETS[1]}) == [TARGETS[1]]


def test_without_a_healthy_target_all_of_them_are_used() -> None:
    assert usable_targets(TARGETS, set()) == TARGETS
    assert usable_targets([], set()) == []


def test_a_redirect_fills_in_its_keywords() -> None:
    listener = Listener("listener", 80, "HTTP")
    request = get("/a/b", "x=1", host="example.com:43121")
    to_https = Redirect(301, protocol="HTTPS", port="443")
    assert redirect_location(to_https, listener, request) == "https://example.com:443/a/b?x=1"
    moved = Redirect(302, host="www.#{host}", path="/moved/#{path}", query="")
    assert redirect_location(moved, listener, request) == "http://www.example.com:80/moved/a/b"


def test_a_matcher_takes_single_codes_lists_and_ranges() -> None:
    assert HealthCheck(matcher="200-299,301").accepts(204)
    assert HealthCheck(matcher="200-299,301").accepts(301)
    assert not HealthCheck(matcher="200-299,301").accepts(302)
    assert not HealthCheck().accepts(204)
