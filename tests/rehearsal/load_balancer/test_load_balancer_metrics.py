"""AWS/ApplicationELB metrics: what is reported, and what is left out."""

from bluegreen_constructs.rehearsal.load_balancer.metrics import MinuteBook, Point

LB, TG = "app/lb/1", "targetgroup/blue/1"
BY_BALANCER = (("LoadBalancer", LB),)
BY_GROUP = (("LoadBalancer", LB), ("TargetGroup", TG))


def points(book: MinuteBook, now: float = 60.0) -> dict[tuple[str, object], Point]:
    return {(point.name, point.dimensions): point for point in book.ended(now)}


def answered(book: MinuteBook, status: int, seconds: float = 0.1, now: float = 1.0) -> None:
    book.chosen(LB, TG, now)
    book.target_answered(LB, TG, status, seconds, now)


def test_a_minute_without_requests_reports_no_counts() -> None:
    book = MinuteBook()
    book.hosts(LB, TG, healthy=2, unhealthy=0, now=30)
    assert set(points(book)) == {("HealthyHostCount", BY_GROUP), ("UnHealthyHostCount", BY_GROUP)}


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


def test_a_class_of_status_codes_that_did_not_occur_is_left_out() -> None:
    book = MinuteBook()
    answered(book, 200)
    answered(book, 503)
    found = points(book)
    assert found["HTTPCode_Target_2XX_Count", BY_GROUP].values == (1.0,)
    assert found["HTTPCode_Target_5XX_Count", BY_GROUP].values == (1.0,)
    assert ("HTTPCode_Target_4XX_Count", BY_GROUP) not in found
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


def test_requests_per_target_divide_by_the_healthy_hosts() -> None:
    book = MinuteBook()
    book.hosts(LB, TG, healthy=4, unhealthy=1, now=2)
    for _ in range(10):
        answered(book, 200)
    found = points(book)
    assert found["RequestCountPerTarget", BY_GROUP].values == (2.5,)
    assert found["RequestCountPerTarget", (("TargetGroup", TG),)].values == (2.5,)


def test_actions_of_rules_have_counts_of_their_own() -> None:
    book = MinuteBook()
    book.balancer_answered(LB, 404, 1, "Fixed_Response")
    book.balancer_answered(LB, 301, 1, "Redirect")
    found = points(book)
    assert found["HTTP_Fixed_Response_Count", BY_BALANCER].values == (1.0,)
    assert found["HTTPCode_ELB_4XX_Count", BY_BALANCER].values == (1.0,)
    assert found["HTTP_Redirect_Count", BY_BALANCER].values == (1.0,)
