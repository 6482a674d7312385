"""The metric store: which samples a statistic of a period is made of."""

import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.engine.errors import ConfigurationError, RehearsalError
from bluegreen_constructs.rehearsal.cloudwatch.metric_store import MetricIdentity, MetricStore, Point

T0 = 1_800_000_000.0  # a whole minute
REQUESTS = MetricIdentity("Test", "Requests")


def store_with(values: list[float], *, at: float = T0) -> MetricStore:
    store = MetricStore()
    store.put("Test", "Requests", {}, values, at)
    return store


def value_of(store: MetricStore, statistic: str) -> float | None:
    points = store.points(REQUESTS, statistic, start=T0, end=T0 + 60, period=60)
    return points[0].value if points else None


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("SampleCount", 4), ("Sum", 10), ("Average", 2.5), ("Minimum", 1), ("Maximum", 4), ("p0", 1), ("p100", 4)],
)
def test_each_statistic_of_a_period(statistic: str, expected: float) -> None:
    assert value_of(store_with([4, 1, 3, 2]), statistic) == expected


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=40),
    st.floats(0, 100).map(lambda percentile: round(percentile, 2)),
)
def test_percentiles_agree_with_numpy(values: list[float], percentile: float) -> None:
    found = value_of(store_with(values), f"p{percentile:g}")
    assert found == pytest.approx(float(np.percentile(values, float(f"{percentile:g}"))), rel=1e-9, abs=1e-9)


def test_counts_weigh_values() -> None:
    store = MetricStore()
    store.put("Test", "Requests", {}, [1, 9], T0, counts=[99, 1])
    assert (value_of(store, "SampleCount"), value_of(store, "Sum"), value_of(store, "p95")) == (100, 108, 1)


def test_only_exactly_the_same_dimensions_are_the_same_metric() -> None:
    store = MetricStore()
    store.put("Test", "Requests", {"Side": "blue", "Zone": "a"}, [1], T0)
    same = MetricIdentity.of("Test", "Requests", {"Zone": "a", "Side": "blue"})
    fewer = MetricIdentity.of("Test", "Requests", {"Side": "blue"})
    assert store.points(same, "Sum", start=T0, end=T0 + 60, period=60) == [Point(T0, 1)]
    assert store.points(fewer, "Sum", start=T0, end=T0 + 60, period=60) == []
    assert store.points(REQUESTS, "Sum", start=T0, end=T0 + 60, period=60) == []


def test_a_sample_belongs_to_the_period_it_was_taken_in_and_empty_periods_have_no_point() -> None:
    store = store_with([1], at=T0)
    store.put("Test", "Requests", {}, [2], T0 + 59.9)
    store.put("Test", "Requests", {}, [4], T0 + 120)
    points = store.points(REQUESTS, "Sum", start=T0, end=T0 + 180, period=60)
    assert points == [Point(T0, 3), Point(T0 + 120, 4)]


def test_the_window_includes_its_start_and_excludes_its_end() -> None:
    store = store_with([1], at=T0)
    store.put("Test", "Requests", {}, [2], T0 + 60)
    assert store.points(REQUESTS, "Sum", start=T0, end=T0 + 60, period=60) == [Point(T0, 1)]
    assert store.points(REQUESTS, "Sum", start=T0 + 60, end=T0 + 61, period=60) == [Point(T0 + 60, 2)]


def test_periods_are_counted_from_the_start_of_the_window() -> None:
    store = store_with([1], at=T0 + 300)
    assert store.points(REQUESTS, "Sum", start=T0 + 120, end=T0 + 720, period=300) == [Point(T0 + 120, 1)]


def test_a_unit_selects_its_own_samples() -> None:
    store = store_with([1])
    store.put("Test", "Requests", {}, [10], T0, "Count")
    assert store.points(REQUESTS, "Sum", start=T0, end=T0 + 60, period=60, unit="Count") == [Point(T0, 10)]
    assert value_of(store, "Sum") == 11
    assert store.points(REQUESTS, "Sum", start=T0, end=T0 + 60, period=60, unit="Bytes") == []


def test_a_statistic_set_adds_up_but_hides_percentiles() -> None:
    store = store_with([5])
    store.put_statistic_set("Test", "Requests", {}, (3, 9, 1, 7), T0)
    assert [value_of(store, name) for name in ("SampleCount", "Sum", "Minimum", "Maximum", "p50")] == [
        4,
        14,
        1,
        7,
        None,
    ]


def test_a_statistic_set_of_equal_samples_keeps_percentiles() -> None:
    store = MetricStore()
    store.put_statistic_set("Test", "Requests", {}, (3, 6, 2, 2), T0)
    assert value_of(store, "p90") == 2


def test_there_are_no_percentiles_over_negative_values() -> None:
    assert value_of(store_with([-1, 2]), "p50") is None


@pytest.mark.parametrize(
    ("statistic", "percent"),
    [
        ("PR(:0.8)", 60),  # inclusive above
        ("PR(:0.79)", 40),
        ("PR(0.1:0.8)", 40),  # exclusive below
        ("PR(0.8:)", 40),
        ("PR(0:9)", 100),
        ("PR(9:)", 0),
    ],
)
def test_a_percentile_rank_is_the_percent_of_the_samples_within_its_bounds(statistic: str, percent: float) -> None:
    assert value_of(store_with([0.1, 0.5, 0.8, 0.81, 2.0]), statistic) == pytest.approx(percent)


def test_a_percentile_rank_weighs_counts_and_needs_raw_values_as_percentiles_do() -> None:
    store = MetricStore()
    store.put("Test", "Requests", {}, [0.1, 2.0], T0, counts=[9, 1])
    assert value_of(store, "PR(:0.8)") == pytest.approx(90)
    store.put_statistic_set("Test", "Requests", {}, (2, 3, 1, 2), T0)
    assert value_of(store, "PR(:0.8)") is None
    assert value_of(store_with([-1, 2]), "PR(:0.8)") is None


@pytest.mark.parametrize(
    "statistic", ["tm90", "IQM", "p101", "p", "sum", "PR(:)", "PR(2:1)", "PR(1:1)", "PR(:-1)", "pr(:1)", ""]
)
def test_a_statistic_that_is_not_rehearsed_is_refused_by_name(statistic: str) -> None:
    with pytest.raises(RehearsalError, match="is not rehearsed; use SampleCount") as refused:
        value_of(store_with([1]), statistic)
    assert repr(statistic) in str(refused.value)


@pytest.mark.parametrize("period", [0, -60, 5, 61])
def test_a_period_finer_than_the_resolution_is_refused(period: int) -> None:
    with pytest.raises(RehearsalError, match=f"a metric period of {period} s cannot be rehearsed"):
        store_with([1]).points(REQUESTS, "Sum", start=T0, end=T0 + 60, period=period)


@pytest.mark.parametrize(
    ("values", "counts"), [([math.nan], None), ([math.inf], None), ([2.0**361], None), ([1], [0]), ([1, 2], [1])]
)
def test_samples_that_cloudwatch_would_not_take_are_refused_and_none_is_kept(
    values: list[float], counts: list[float] | None
) -> None:
    store = MetricStore()
    with pytest.raises(ConfigurationError, match="metric Test/Requests was given"):
        store.put("Test", "Requests", {}, values, T0, counts=counts)
    assert store.metrics() == []


def test_a_statistic_set_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a minimum not above the maximum"):
        MetricStore().put_statistic_set("Test", "Requests", {}, (1, 1, 5, 2), T0)


def test_forgetting_drops_only_what_is_older_than_the_retention() -> None:
    store = store_with([1])
    store.put("Test", "Requests", {}, [2], T0 + 3600)
    store.forget(T0 + 6 * 3600 + 60)
    assert store.points(REQUESTS, "Sum", start=T0, end=T0 + 7200, period=60) == [Point(T0 + 3600, 2)]
    store.forget(T0 + 20 * 3600)
    assert (store.metrics(), store.describe()) == ([], {"metrics": 0, "slots": 0})


def test_samples_from_many_threads_are_all_counted() -> None:
    store = MetricStore()

    def put() -> None:
        for _ in range(200):
            store.put("Test", "Requests", {}, [1, 1], T0)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value_of(store, "Sum") == 1600
