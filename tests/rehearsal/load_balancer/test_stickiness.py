"""The load balancer's own cookies."""

import pytest

from bluegreen_constructs.rehearsal.load_balancer.model import Target
from bluegreen_constructs.rehearsal.load_balancer.stickiness import (
    cookie,
    recall,
    recall_target,
    remember,
    set_cookie_headers,
)


def test_a_cookie_is_recalled_until_it_expires() -> None:
    value = remember("arn:blue", expires_at=100.5)
    assert recall(value, now=100) == "arn:blue"
    assert recall(value, now=100.5) is None


def test_a_target_cookie_names_address_and_port() -> None:
    assert recall_target(remember("127.0.0.2:8080", 10), 0) == Target("127.0.0.2", 8080)


@pytest.mark.parametrize("value", [None, "", "nonsense", "bnVsbA==", "WzEsMl0=", "ä"])
def test_a_cookie_that_is_not_ours_is_ignored(value: str | None) -> None:
    assert recall(value, 0) is None
    assert recall_target(value, 0) is None


def test_a_cookie_has_a_twin_for_other_sites() -> None:
    plain, cors = set_cookie_headers("AWSALB", "v", 0)
    assert plain == "AWSALB=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"
    assert cors.startswith("AWSALBCORS=v; ")
    assert cors.endswith("SameSite=None")


def test_either_twin_is_found_among_other_cookies() -> None:
    assert cookie(["a=1; AWSALB=x==", "b=2"], "AWSALB") == "x=="
    assert cookie(["AWSALBCORS=y"], "AWSALB") == "y"
    assert cookie(["a=1"], "AWSALB") is None
