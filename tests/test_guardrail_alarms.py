"""The metric math that the constructs emit, evaluated as CloudWatch documents it: one column is one minute."""

from bluegreen_constructs.guardrail_alarms import ERROR_RATE, LATENCY, UNHEALTHY
from bluegreen_constructs.rehearsal.cloudwatch.metric_math import Scope, evaluate
from bluegreen_constructs.rehearsal.cloudwatch.time_series import Axis, TimeSeries

X = None  # a minute without a data point
Minutes = list[float | None]


def of(expression: str, **metrics: Minutes) -> Minutes:
    count = len(next(iter(metrics.values())))
    names = ("rb", "rg", "eb", "eg", "cb", "cg", "lb", "lg", "ub", "ug", "xl")
    series = {name: TimeSeries(tuple(metrics.get(name, [X] * count)), name) for name in names}
    result = evaluate(expression.format(floor=20, own="+FILL(xl,0)"), Scope(Axis(0.0, 60, count), series))
    assert isinstance(result, TimeSeries)
    return list(result.values)


def test_the_error_rate_is_that_of_the_worse_side_or_of_both_together() -> None:
    rate = of(
        ERROR_RATE,
        rb=[1000, 1000, 100, X, 1000],
        rg=[100, 100, 100, 50, X],
        eb=[X, 10, X, X, 50],
        eg=[50, X, X, 5, X],
    )
    assert rate == [50, 1, 0, 10, 5]


def test_a_side_with_few_requests_is_not_judged_by_one_stray_error() -> None:
    assert of(ERROR_RATE, rb=[1000], rg=[20], eg=[1]) == [100 / 1020]
    assert of(ERROR_RATE, rb=[X], rg=[20], eg=[20]) == [0]


def test_both_sides_together_pass_the_floor_that_neither_does_alone() -> None:
    assert of(ERROR_RATE, rb=[15], rg=[15], eb=[3], eg=[X]) == [10]


def test_refused_connections_and_the_load_balancers_own_answers_are_errors() -> None:
    assert of(ERROR_RATE, rb=[100], rg=[X], cb=[25]) == [25]
    assert of(ERROR_RATE, rb=[100], rg=[100], xl=[10]) == [5]


def test_a_minute_without_any_request_is_no_error() -> None:
    assert of(ERROR_RATE, rb=[X, 100], rg=[X, X]) == [0, 0]
    assert of(ERROR_RATE, rb=[0], rg=[0]) == [0]
    assert of(ERROR_RATE, rb=[0], rg=[100], eg=[50]) == [50]


def test_the_expression_is_short_enough_for_an_alarm() -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html: at most 2048."""
    assert len(ERROR_RATE.format(floor=100_000, own="+FILL(xl,0)")) < 1024


def test_latency_is_that_of_the_slower_side_with_enough_requests() -> None:
    slow = of(LATENCY, rb=[100, 100, 100], rg=[50, 5, X], lb=[0.1, 0.1, 2.0], lg=[3.0, 3.0, X])
    assert slow == [3.0, 0.1, 2.0]


def test_unhealthy_targets_of_both_sides_add_up() -> None:
    assert of(UNHEALTHY, ub=[1, X, X], ug=[2, 3, X]) == [3, 3, 0]
