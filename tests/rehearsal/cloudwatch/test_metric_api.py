"""Requests for metrics in the API's own shapes, answered from a store."""

from datetime import UTC, datetime

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError, RehearsalError
from bluegreen_constructs.rehearsal.clock import Clock
from bluegreen_constructs.rehearsal.cloudwatch import metric_api
from bluegreen_constructs.rehearsal.cloudwatch.metric_store import MetricIdentity, MetricStore, Point
from bluegreen_constructs.rehearsal.cloudwatch.wire import moment
from bluegreen_constructs.rehearsal.load_balancer.metrics import MinuteBook, publish

T0 = 1_800_000_000.0
CLOCK = Clock(speed=30.0, origin=T0)


def put(store: MetricStore, *data: dict[str, object], wall: float = T0 + 100) -> None:
    metric_api.put_metric_data({"Namespace": "Test", "MetricData": list(data)}, store, CLOCK, wall=wall)


def stat(query: str, name: str, statistic: str = "Sum", period: int = 60) -> dict[str, object]:
    return {
        "Id": query,
        "MetricStat": {"Metric": {"Namespace": "Test", "MetricName": name}, "Period": period, "Stat": statistic},
    }


def test_a_datum_without_a_timestamp_is_put_at_the_rehearsed_now() -> None:
    assert metric_api.rehearsed_instant(None, CLOCK, wall=T0 + 100) == T0 + 3000


@pytest.mark.parametrize("lag", [0, 1.5, 14])
def test_a_wall_clock_timestamp_is_mapped_onto_the_rehearsed_clock(lag: float) -> None:
    assert metric_api.rehearsed_instant(T0 + 100 - lag, CLOCK, wall=T0 + 100) == T0 + 3000 - 30 * lag


@pytest.mark.parametrize("at", [T0 + 3000, T0 + 2900, T0 + 20])
def test_any_other_timestamp_is_rehearsed_time_already(at: float) -> None:
    assert metric_api.rehearsed_instant(at, CLOCK, wall=T0 + 100) == at


def test_each_form_of_a_datum_is_stored() -> None:
    store = MetricStore()
    at = datetime.fromtimestamp(T0, UTC)
    put(
        store,
        {"MetricName": "M", "Timestamp": at, "Value": "2.5", "Unit": "Count"},
        {"MetricName": "M", "Timestamp": at, "Values": ["1", 2], "Counts": ["2", 1], "Unit": "Count"},
        {
            "MetricName": "M",
            "Timestamp": "2027-01-15T08:00:00Z",
            "StatisticValues": {"SampleCount": 2, "Sum": 10, "Minimum": 4, "Maximum": 6},
            "Unit": "Count",
        },
        {"MetricName": "M", "Timestamp": at, "Dimensions": [{"Name": "Side", "Value": "blue"}], "Value": 100},
    )
    points = store.points(MetricIdentity("Test", "M"), "Sum", start=T0, end=T0 + 60, period=60, unit="Count")
    assert points == [Point(T0, 16.5)]


@pytest.mark.parametrize(
    ("datum", "naming"),
    [
        ({"Value": 1}, "has no MetricName"),
        ({"MetricName": "M"}, "None where a number is needed"),
        ({"MetricName": "M", "Value": "many"}, "'many' where a number is needed"),
        ({"MetricName": "M", "Value": 1, "Timestamp": "yesterday"}, "'yesterday'; give a timestamp"),
        ({"MetricName": "M", "Value": 1, "Timestamp": T0 + 90_000}, "more than two hours after the rehearsed"),
        ({"MetricName": "M", "StatisticValues": {"Sum": 1}}, "None where a number is needed"),
    ],
)
def test_a_malformed_datum_is_refused(datum: dict[str, object], naming: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        put(MetricStore(), datum)
    assert naming in str(refused.value)


def test_metric_data_comes_newest_first_unless_asked_otherwise() -> None:
    store = MetricStore()
    for minute in range(3):
        store.put("Test", "M", {}, [minute], T0 + 60 * minute)
    request = {"MetricDataQueries": [stat("m", "M")], "StartTime": T0 + 59, "EndTime": T0 + 121}
    for scan_by, values in ((None, [2, 1, 0]), ("TimestampAscending", [0, 1, 2])):
        answer = metric_api.get_metric_data({**request, "ScanBy": scan_by}, store)
        assert answer["MetricDataResults"][0]["Values"] == values


def test_an_array_gives_one_result_for_each_member() -> None:
    store = MetricStore()
    store.put("Test", "A", {}, [1], T0)
    store.put("Test", "B", {}, [2], T0)
    queries = [stat("a", "A"), stat("b", "B"), {"Id": "half", "Expression": "METRICS() / 2"}]
    queries[0]["ReturnData"] = queries[1]["ReturnData"] = "false"
    answer = metric_api.get_metric_data({"MetricDataQueries": queries, "StartTime": T0, "EndTime": T0 + 60}, store)
    found = [(result["Id"], result["Label"], result["Values"]) for result in answer["MetricDataResults"]]
    assert found == [("half", "a", [0.5]), ("half", "b", [1.0])]


def test_expressions_build_on_each_other_and_queries_keep_their_own_periods() -> None:
    store = MetricStore()
    for minute in range(5):
        store.put("Test", "A", {}, [1], T0 + 60 * minute)
    queries = [
        {"Id": "twice", "Expression": "more * 2"},
        {"Id": "more", "Expression": "a + 1"},
        stat("a", "A"),
        stat("five", "A", period=300),
        {"Id": "line", "Expression": "TIME_SERIES(3)", "Period": 300},
    ]
    answer = metric_api.get_metric_data({"MetricDataQueries": queries, "StartTime": T0, "EndTime": T0 + 300}, store)
    found = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    assert found == {"twice": [4] * 5, "more": [2] * 5, "a": [1] * 5, "five": [5], "line": [3]}


@pytest.mark.parametrize(
    ("change", "naming"),
    [
        ({"StartTime": None}, "needs StartTime and EndTime"),
        ({"EndTime": T0 - 60}, "must be before"),
        ({"MetricDataQueries": []}, "no MetricDataQueries"),
        ({"EndTime": T0 + 60 * 200_000}, "at most 100800 datapoints"),
    ],
)
def test_a_request_without_a_usable_window_is_refused(change: dict[str, object], naming: str) -> None:
    request = {"MetricDataQueries": [stat("m", "M")], "StartTime": T0, "EndTime": T0 + 60, **change}
    with pytest.raises(ConfigurationError) as refused:
        metric_api.get_metric_data(request, MetricStore())
    assert naming in str(refused.value)


def test_statistics_of_a_metric_share_one_datapoint_for_each_period() -> None:
    store = MetricStore()
    store.put("Test", "M", {}, [1, 3], T0 + 5, "Seconds")
    request = {
        "Namespace": "Test", "MetricName": "M", "Period": "60", "StartTime": T0, "EndTime": T0 + 60,
        "Statistics": ["Sum", "Average"], "ExtendedStatistics": ["p50"],
    }  # fmt: skip
    assert metric_api.get_metric_statistics(request, store) == {
        "Label": "M",
        "Datapoints": [
            {
                "Timestamp": datetime.fromtimestamp(T0, UTC),
                "Unit": "Seconds",
                "Sum": 4,
                "Average": 2,
                "ExtendedStatistics": {"p50": 2},
            }
        ],
    }
    with pytest.raises(ConfigurationError, match="neither Statistics nor ExtendedStatistics"):
        metric_api.get_metric_statistics({**request, "Statistics": [], "ExtendedStatistics": []}, store)
    with pytest.raises(RehearsalError, match="0 s cannot be rehearsed"):
        metric_api.get_metric_statistics({**request, "Period": 0}, store)


def test_one_request_reads_both_sides_of_many_targets_as_the_load_balancer_published_them() -> None:
    store, book = MetricStore(), MinuteBook()
    balancer, groups = "app/lb/1", [f"targetgroup/{number}/1" for number in range(40)]
    for number, group in enumerate(groups):
        for seconds, status in ((0.2, 200), (0.8, 200), (0.9, 200), (3.0, 500)):
            book.chosen(balancer, group, T0)
            book.target_answered(balancer, group, status, seconds + number, T0)
        book.connection_failed(balancer, group, T0)
    publish(book.ended(T0 + 60), store)
    series = {
        "share": ("TargetResponseTime", "PR(:0.8)"),
        "requests": ("RequestCount", "Sum"),
        "errors": ("HTTPCode_Target_5XX_Count", "Sum"),
        "refused": ("TargetConnectionErrorCount", "Sum"),
    }
    answer = metric_api.get_metric_data(
        {
            "StartTime": moment(T0),
            "EndTime": moment(T0 + 60),
            "MetricDataQueries": [
                {
                    "Id": f"{name}{number}",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/ApplicationELB",
                            "MetricName": metric,
                            "Dimensions": [
                                {"Name": "TargetGroup", "Value": group},
                                {"Name": "LoadBalancer", "Value": balancer},
                            ],
                        },
                        "Period": 60,
                        "Stat": statistic,
                    },
                }
                for number, group in enumerate(groups)
                for name, (metric, statistic) in series.items()
            ],
        },
        store,
    )
    results = answer["MetricDataResults"]
    assert isinstance(results, list)
    values = {result["Id"]: result["Values"] for result in results}
    assert len(values) == 160
    assert [values[f"{name}0"] for name in series] == [[50.0], [4.0], [1.0], [1.0]]
    assert [values[f"{name}39"] for name in series] == [[0.0], [4.0], [1.0], [1.0]]
