"""The choice of a slot by query: which cookie is set, and that the redirect never leads anywhere else."""

from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.engine.handlers.slot_choice import serve
from bluegreen_constructs.engine.slot_choice import SLOTS, Choice, ChoiceAnswer, answer_choice

NAMES = ("production", "staging", "qa-2")
CHOOSES = ("x-slot-routing", "staging")


def asked(path: str = "/", *query: tuple[str, str], method: str = "GET", https: bool = True) -> ChoiceAnswer:
    return answer_choice(Choice(path, query or (CHOOSES,), is_https=https, method=method), NAMES)


def test_a_slot_is_remembered_in_a_cookie_and_the_client_goes_on_where_it_was() -> None:
    found = asked("/cart/7")
    assert (found.status, found.location) == (302, "/cart/7")
    assert found.cookie == "x-slot-routing=staging; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert found.headers["Cache-Control"] == "no-store"


def test_over_plain_http_the_cookie_is_not_secure_or_it_would_never_come_back() -> None:
    assert asked(https=False).cookie == "x-slot-routing=staging; Path=/; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize("name", ["self", "production"])
def test_self_forgets_the_choice(name: str) -> None:
    assert asked("/", ("x-slot-routing", name)).cookie == (
        "x-slot-routing=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
    )


def test_the_rest_of_the_query_stays_in_its_order_with_its_escapes() -> None:
    rest = (("q", "a%26b%3Dc"), ("page", "2"), ("page", "3"), ("flag", ""))
    assert asked("/s", rest[0], CHOOSES, *rest[1:]).location == "/s?q=a%26b%3Dc&page=2&page=3&flag"


def test_the_parameter_is_found_whatever_its_case_and_its_last_value_counts() -> None:
    found = asked("/", ("X-Slot-Routing", "self"), ("x%2Dslot-routing", "qa-2"))
    assert found.cookie.startswith("x-slot-routing=qa-2;")
    assert found.location == "/"


def test_a_request_with_a_body_keeps_its_method() -> None:
    assert asked(method="POST").status == 307
    assert asked(method="HEAD").status == 302


@pytest.mark.parametrize("name", ["", "nobody", "STAGING", "staging ", "staging;x=1", "staging%0d%0aSet-Cookie:a=b"])
def test_an_unknown_slot_is_refused_with_the_names_there_are(name: str) -> None:
    found = asked("/", ("x-slot-routing", name))
    assert found.status == 400
    assert "give one of self, staging, qa-2" in found.body
    assert not found.location
    assert not found.cookie
    assert "\r" not in found.body


def test_a_very_long_name_is_not_given_back_whole() -> None:
    assert len(asked("/", ("x-slot-routing", "x" * 5000)).body) < 200


@pytest.mark.parametrize(
    "path",
    [
        "",
        "evil.example",
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/a\\..\\evil.example",
        "/%2Fevil.example/",
        "/%2f%2fevil.example/",
        "/%252Fevil.example/",
        "/%5Cevil.example/",
        "/%255cevil.example/",
        "/%25252525252Fevil.example/",
        "/\tevil.example",
        "/\t/evil.example",
        "/%09/evil.example",
        "/ /evil.example",
        "/\r\nLocation: https://evil.example",
        "/%0d%0aSet-Cookie:%20a=b",
        "/%250d%250aSet-Cookie:%20a=b",
        "/%00",
        "/\x85",
        "/.//evil.example",
        "/..//evil.example",
        "/a/..//evil.example",
        "/%2e%2e//evil.example",
        "/%2e/%2fevil.example",
    ],
)
def test_a_path_that_somebody_could_read_as_another_host_is_refused(path: str) -> None:
    found = asked(path)
    assert found.status == 400
    assert not found.location
    assert not found.cookie


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\tb", "a b", "a\\b"])
def test_a_query_that_could_end_the_header_is_refused(value: str) -> None:
    assert asked("/", CHOOSES, ("q", value)).status == 400
    assert asked("/", CHOOSES, (value, "q")).status == 400


@pytest.mark.parametrize("path", ["/", "/cart", "/a/b/", "/a//b", "/%C3%A4", "/a:b@c", "/a%2Fb", "/http://x", "/ä"])
def test_honest_paths_are_gone_back_to(path: str) -> None:
    found = asked(path)
    assert found.status == 302
    assert unquote(found.location) == unquote(path)


@given(st.text(max_size=40), st.lists(st.tuples(st.text(max_size=8), st.text(max_size=12)), max_size=3))
def test_no_request_whatsoever_is_led_to_another_host_or_given_a_second_header(
    path: str, rest: list[tuple[str, str]]
) -> None:
    found = answer_choice(Choice(f"/{path}", [CHOOSES, *rest], is_https=True), NAMES)
    if found.location:
        assert found.location.isascii()
        assert found.location.isprintable()
        assert " " not in found.location
        for seen in (found.location, unquote(found.location)):
            assert urlsplit(urljoin("https://www.example.com/", seen.split("?")[0])).netloc == "www.example.com"


class TestHandler:
    """What the load balancer hands over, and what it gets."""

    def event(self, **changes: object) -> dict:
        return {
            "httpMethod": "GET",
            "path": "/cart",
            "multiValueQueryStringParameters": {"x-slot-routing": ["staging"], "id": ["1", "2"]},
            "multiValueHeaders": {"x-forwarded-proto": ["https"], "host": ["www.example.com"]},
            **changes,
        }

    def test_it_answers_with_multi_value_headers(self) -> None:
        found = serve(self.event(), {SLOTS: "production,staging"})
        assert (found["statusCode"], found["statusDescription"]) == (302, "302 Found")
        assert found["multiValueHeaders"]["Location"] == ["/cart?id=1&id=2"]
        assert found["multiValueHeaders"]["Set-Cookie"][0].endswith("Secure")

    def test_the_host_of_the_request_is_never_in_the_answer(self) -> None:
        found = serve(self.event(multiValueHeaders={"host": ["evil.example"]}), {SLOTS: "production,staging"})
        assert "evil" not in str(found)
        assert "Secure" not in found["multiValueHeaders"]["Set-Cookie"][0]

    def test_it_reads_single_values_as_well(self) -> None:
        event = {
            "path": "/",
            "queryStringParameters": {"x-slot-routing": "staging"},
            "headers": {"X-Forwarded-Proto": "https"},
        }
        found = serve(event, {SLOTS: "production,staging"})
        assert found["multiValueHeaders"]["Location"] == ["/"]
        assert "Secure" in found["multiValueHeaders"]["Set-Cookie"][0]

    def test_without_any_slot_nothing_but_self_is_known(self) -> None:
        assert serve(self.event(), {})["statusCode"] == 400
