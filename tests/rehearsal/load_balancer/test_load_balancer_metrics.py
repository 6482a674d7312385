"""AWS/ApplicationELB metrics: what is reported, and what is left out."""

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.rehearsal.load_balancer.metrics import MinuteBook, Point, PublicationLag

LB, TG = "app/lb/1", "targetgroup/blue/1"
BY_BALANCER = (("LoadBalancer", LB),)
BY_GROUP = (("LoadBalancer", LB), ("TargetGroup", TG))


def points(book: MinuteBook, now: float = 60.0) -> dict[tuple[str, object], Point]:
    return {(point.name, point.dimensions): point for point in book.ended(now)}


def answered(book: MinuteBook, status: int, seconds: float = 0.1, now: float = 1.0) -> None:
    book.chosen(LB, TG, now)
    book.target_answered(LB, TG, status, seconds, now)


def looked(book: MinuteBook, healthy: int, unhealthy: int, registered: int, now: float = 30) -> None:
    book.hosts(LB, TG, healthy=healthy, unhealthy=unhealthy, registered=registered, now=now)


def test_a_minute_without_requests_reports_the_hosts_and_no_counts_but_requests_per_target() -> None:
    book = MinuteBook()
    looked(book, healthy=2, unhealthy=0, registered=2)
    found = points(book)
    assert set(found) == {
        ("HealthyHostCount", BY_GROUP),
        ("UnHealthyHostCount", BY_GROUP),
        ("RequestCountPerTarget", BY_GROUP),
        ("RequestCountPerTarget", (("TargetGroup", TG),)),
    }
    assert found["RequestCountPerTarget", BY_GROUP].values == (0.0,)


def test_a_group_with_targets_but_no_requests_reports_zeros_while_requests_flow() -> None:
    book = MinuteBook()
    looked(book, healthy=1, unhealthy=0, registered=1)
    book.balancer_answered(LB, 503, 1)
    found = points(book)
    for dimensions in (BY_GROUP, BY_BALANCER):
        assert found["RequestCount", dimensions].values == (0.0,)
        for kind in (2, 3, 4, 5):
            assert found[f"HTTPCode_Target_{kind}XX_Count", dimensions].values == (0.0,)
    assert ("TargetResponseTime", BY_GROUP) not in found
    assert ("TargetConnectionErrorCount", BY_GROUP) not in found


def test_a_group_without_targets_reports_no_hosts_and_no_counts() -> None:
    book = MinuteBook()
    looked(book, healthy=0, unhealthy=0, registered=0)
    book.balancer_answered(LB, 503, 1)
    assert {name for name, dimensions in points(book) if dimensions == BY_GROUP} == {"RequestCountPerTarget"}


def test_requests_before_the_last_target_left_are_reported() -> None:
    book = MinuteBook()
    answered(book, 200, now=1)
    looked(book, healthy=0, unhealthy=0, registered=0, now=40)
    found = points(book)
    assert found["RequestCount", BY_GROUP].values == (1.0,)
    assert found["HTTPCode_Target_2XX_Count", BY_GROUP].values == (1.0,)


def test_a_minute_is_reported_once_and_only_when_it_has_ended() -> None:
    book = MinuteBook()
    answered(book, 200, now=61)
    assert points(book, 119.9) == {}
    assert points(book, 120)["RequestCount", BY_GROUP].at == 60
    assert points(book, 500) == {}


def test_requests_are_counted_for_the_balancer_and_for_the_group() -> None:
    book = MinuteBook()
    for _ in range(3):
        answered(book, 200)
    found = points(book)
    assert found["RequestCount", BY_BALANCER].values == (3.0,)
    assert found["RequestCount", BY_GROUP].values == (3.0,)


def test_a_class_of_status_codes_that_did_not_occur_is_zero_and_the_balancers_own_are_left_out() -> None:
    book = MinuteBook()
    answered(book, 200)
    answered(book, 503)
    answered(book, 503)
    found = points(book)
    assert found["HTTPCode_Target_2XX_Count", BY_GROUP].values == (1.0,)
    assert found["HTTPCode_Target_5XX_Count", BY_GROUP].values == (1.0, 1.0)
    assert found["HTTPCode_Target_4XX_Count", BY_GROUP].values == (0.0,)
    assert not any(name.startswith("HTTPCode_ELB") for name, _ in found)


def test_response_times_keep_every_sample_for_percentiles() -> None:
    book = MinuteBook()
    for seconds in (0.1, 0.2, 3.0):
        answered(book, 200, seconds)
    point = points(book)["TargetResponseTime", BY_GROUP]
    assert (point.values, point.unit) == ((0.1, 0.2, 3.0), "Seconds")


def test_what_the_balancer_answers_itself_counts_for_the_balancer_only() -> None:
    book = MinuteBook()
    book.balancer_answered(LB, 503, 1)
    found = points(book)
    assert set(found) == {("HTTPCode_ELB_5XX_Count", BY_BALANCER), ("HTTPCode_ELB_503_Count", BY_BALANCER)}


def test_a_failed_connection_counts_for_both() -> None:
    book = MinuteBook()
    book.chosen(LB, TG, 1)
    book.connection_failed(LB, TG, 1)
    found = points(book)
    assert found["TargetConnectionErrorCount", BY_GROUP].values == (1.0,)
    assert found["TargetConnectionErrorCount", BY_BALANCER].values == (1.0,)
    assert ("TargetResponseTime", BY_GROUP) not in found


@pytest.mark.parametrize(("healthy", "registered", "share"), [(4, 5, 2.5), (0, 5, 2.0)])
def test_requests_per_target_divide_by_the_healthy_hosts_or_by_all_when_none_is(
    healthy: int, registered: int, share: float
) -> None:
    book = MinuteBook()
    looked(book, healthy=healthy, unhealthy=1, registered=registered, now=2)
    for _ in range(10):
        answered(book, 200)
    found = points(book)
    assert found["RequestCountPerTarget", BY_GROUP].values == (share,)
    assert found["RequestCountPerTarget", (("TargetGroup", TG),)].values == (share,)


def test_actions_of_rules_have_counts_of_their_own() -> None:
    book = MinuteBook()
    book.balancer_answered(LB, 404, 1, "Fixed_Response")
    book.balancer_answered(LB, 301, 1, "Redirect")
    found = points(book)
    assert found["HTTP_Fixed_Response_Count", BY_BALANCER].values == (1.0,)
    assert found["HTTPCode_ELB_4XX_Count", BY_BALANCER].values == (1.0,)
    assert found["HTTP_Redirect_Count", BY_BALANCER].values == (1.0,)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_a_publication_before_the_end_of_the_minute_or_never_is_refused(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="PublicationLag seconds is"):
        PublicationLag(seconds)
