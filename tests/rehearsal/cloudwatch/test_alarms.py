"""Alarms over a metric store: when they fire and recover, what their reasons say, and which are refused."""

import json

import pytest

from bluegreen_constructs.engine.errors import BlueGreenError, ConfigurationError, RehearsalError
from bluegreen_constructs.rehearsal.cloudwatch.alarm_definition import AlarmDefinition, read_alarm
from bluegreen_constructs.rehearsal.cloudwatch.alarms import Outcome, evaluate_alarm, window_end
from bluegreen_constructs.rehearsal.cloudwatch.metric_store import MetricStore
from bluegreen_constructs.rehearsal.cloudwatch.missing_data import AlarmState, TreatMissingData

T0 = 1_570_035_600.0  # 2019-10-02 17:00:00 UTC
PLAIN = {
    "AlarmName": "Busy",
    "Namespace": "Test",
    "MetricName": "Load",
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 50,
    "ComparisonOperator": "GreaterThanThreshold",
}


def metric(query: str, name: str, statistic: str = "Sum", period: int = 60) -> dict[str, object]:
    stat = {"Metric": {"Namespace": "Test", "MetricName": name}, "Period": period, "Stat": statistic}
    return {"Id": query, "ReturnData": False, "MetricStat": stat}


def math_alarm(expression: str, *metrics: dict[str, object], **more: object) -> dict[str, object]:
    kept = {name: value for name, value in PLAIN.items() if name in ("AlarmName", "Threshold", "ComparisonOperator")}
    queries = [{"Id": "e1", "Expression": expression}, *metrics]
    return {**kept, "EvaluationPeriods": 1, "Metrics": queries, **more}


def minutes(*values: float | None, name: str = "Load") -> MetricStore:
    """One value for each minute from T0; None leaves the minute without data."""
    store = MetricStore()
    for minute, value in enumerate(values):
        if value is not None:
            store.put("Test", name, {}, [value], T0 + 60 * minute + 30)
    return store


def outcome_of(
    request: dict[str, object], store: MetricStore, *, now: float, current: AlarmState = AlarmState.OK
) -> Outcome | None:
    return evaluate_alarm(read_alarm(request), store, current=current, now=now)


def test_the_reason_and_its_data_are_worded_as_in_the_documented_event() -> None:
    outcome = outcome_of(PLAIN, minutes(99.5), now=T0 + 100)
    assert outcome is not None
    assert outcome.state is AlarmState.ALARM
    assert outcome.reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [99.5 (02/10/19 17:00:00)] was greater than the threshold "
        "(50.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert json.loads(outcome.reason_data) == {
        "version": "1.0",
        "queryDate": "2019-10-02T17:01:40.000+0000",
        "startDate": "2019-10-02T17:00:00.000+0000",
        "statistic": "Average",
        "period": 60,
        "recentDatapoints": [99.5],
        "threshold": 50.0,
        "evaluatedDatapoints": [{"timestamp": "2019-10-02T17:00:00.000+0000", "value": 99.5}],
    }


def test_a_recovery_says_what_was_not_crossed() -> None:
    request = {**PLAIN, "EvaluationPeriods": 3, "DatapointsToAlarm": 2}
    outcome = outcome_of(request, minutes(60, 1, 2), now=T0 + 180, current=AlarmState.ALARM)
    assert outcome is not None
    assert outcome.state is AlarmState.OK
    assert outcome.reason == (
        "Threshold Crossed: 2 out of the last 3 datapoints [2.0 (02/10/19 17:02:00), 1.0 (02/10/19 17:01:00)] were not "
        "greater than the threshold (50.0) (minimum 2 datapoints for ALARM -> OK transition)."
    )


def test_missing_data_is_told_in_the_reason() -> None:
    breaching = {**PLAIN, "EvaluationPeriods": 2, "TreatMissingData": "breaching"}
    outcome = outcome_of(breaching, MetricStore(), now=T0)
    assert outcome is not None
    assert outcome.reason == (
        "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as "
        "[Breaching]."
    )
    outcome = outcome_of(breaching, minutes(60), now=T0 + 60)
    assert outcome is not None
    assert "was greater than the threshold (50.0) and 1 missing datapoint was treated as [Breaching]" in outcome.reason
    outcome = outcome_of(PLAIN, MetricStore(), now=T0)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (
        AlarmState.INSUFFICIENT_DATA,
        "Insufficient Data: 1 datapoint was unknown.",
    )


def test_ignored_missing_data_keeps_the_state() -> None:
    assert outcome_of({**PLAIN, "TreatMissingData": "ignore"}, MetricStore(), now=T0) is None


@pytest.mark.parametrize(
    ("comparison", "at_49", "at_50", "at_51"),
    [
        ("GreaterThanThreshold", "OK", "OK", "ALARM"),
        ("GreaterThanOrEqualToThreshold", "OK", "ALARM", "ALARM"),
        ("LessThanThreshold", "ALARM", "OK", "OK"),
        ("LessThanOrEqualToThreshold", "ALARM", "ALARM", "OK"),
    ],
)
def test_each_comparison_operator(comparison: str, at_49: str, at_50: str, at_51: str) -> None:
    states = []
    for value in (49, 50, 51):
        outcome = outcome_of({**PLAIN, "ComparisonOperator": comparison}, minutes(value), now=T0 + 60)
        assert outcome is not None
        states.append(outcome.state.value)
    assert states == [at_49, at_50, at_51]


def test_the_minute_that_is_still_running_is_not_evaluated() -> None:
    store = minutes(1, 99)
    during, after = (outcome_of(PLAIN, store, now=T0 + seconds) for seconds in (119, 120))
    assert during is not None
    assert after is not None
    assert (during.state, after.state) == (AlarmState.OK, AlarmState.ALARM)


@pytest.mark.parametrize(
    ("period", "now", "end"), [(60, 119, 60), (300, 119, 60), (300, 120, 120), (10, 119, 110), (30, 119, 110)]
)
def test_windows_move_on_every_minute_and_every_ten_seconds_for_short_periods(
    period: int, now: float, end: float
) -> None:
    assert window_end(period, T0 + now) == T0 + end


def test_an_alarm_of_m_out_of_n_fires_and_recovers_as_the_minutes_pass() -> None:
    request = {**PLAIN, "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "TreatMissingData": "notBreaching"}
    store = minutes(1, 1, 60, 1, 60, 1, 1, 1)
    states = []
    current = AlarmState.INSUFFICIENT_DATA
    for minute in range(1, 9):
        outcome = outcome_of(request, store, now=T0 + 60 * minute, current=current)
        assert outcome is not None
        current = outcome.state
        states.append(current.value)
    assert states == ["OK", "OK", "OK", "OK", "ALARM", "OK", "OK", "OK"]


def test_an_alarm_on_a_metric_that_appears_a_minute_late_rings_a_minute_later() -> None:
    """The newest minute never has data: it counts as missing, and the ones before it still decide."""
    request = {**PLAIN, "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "TreatMissingData": "notBreaching"}
    published = (1, 1, 60, 60, 1, 1, 1)
    states = []
    current = AlarmState.OK
    for minute in range(2, 8):
        outcome = outcome_of(request, minutes(*published[: minute - 1]), now=T0 + 60 * minute, current=current)
        assert outcome is not None
        current = outcome.state
        states.append(current.value)
    assert states == ["OK", "OK", "OK", "ALARM", "ALARM", "OK"]


@pytest.mark.parametrize(("datapoints", "rings"), [(2, True), (3, False)])
def test_a_fill_takes_a_late_minute_for_its_value_so_that_only_m_of_n_can_ring(datapoints: int, *, rings: bool) -> None:
    """As AWS warns of FILL: "the latest data point for the metric" is "always the FILL value"."""
    late = math_alarm(
        "FILL(m, 0)", metric("m", "Load"), EvaluationPeriods=3, DatapointsToAlarm=datapoints, Threshold=50
    )
    outcome = outcome_of(late, minutes(60, 60, 60, 60), now=T0 + 60 * 5)
    assert outcome is not None
    assert (outcome.state is AlarmState.ALARM) is rings


def test_a_metric_math_alarm_watches_the_query_that_returns_data() -> None:
    store = minutes(30)
    store.put("Test", "Bad", {}, [6], T0)
    request = math_alarm("100 * bad / all", metric("bad", "Bad"), metric("all", "Load"), Threshold=10)
    outcome = outcome_of(request, store, now=T0 + 60)
    assert outcome is not None
    assert outcome.state is AlarmState.ALARM
    assert "[20.0 (02/10/19 17:00:00)]" in outcome.reason
    assert "statistic" not in json.loads(outcome.reason_data)


def test_a_metric_math_alarm_treats_an_expression_without_a_value_as_missing() -> None:
    request = math_alarm("100 * bad / all", metric("bad", "Bad"), metric("all", "Load"))
    outcome = outcome_of(request, MetricStore(), now=T0 + 60)
    assert outcome is not None
    assert outcome.state is AlarmState.INSUFFICIENT_DATA


def test_a_fill_fills_the_evaluated_range_of_an_alarm_without_any_data() -> None:
    outcome = outcome_of(math_alarm("FILL(m, 0)", metric("m", "Load")), MetricStore(), now=T0 + 60)
    assert outcome is not None
    assert outcome.state is AlarmState.OK


@pytest.mark.parametrize(("samples", "changes"), [(199, False), (200, True)])
def test_a_percentile_of_too_few_samples_keeps_the_state_when_told_to(samples: int, *, changes: bool) -> None:
    percentile = {name: value for name, value in PLAIN.items() if name != "Statistic"}
    request = {**percentile, "ExtendedStatistic": "p95", "EvaluateLowSampleCountPercentile": "ignore"}
    store = MetricStore()
    store.put("Test", "Load", {}, [99.0] * samples, T0)
    assert (outcome_of(request, store, now=T0 + 60) is not None) is changes
    del request["EvaluateLowSampleCountPercentile"]
    assert outcome_of(request, store, now=T0 + 60) is not None


def test_dynamodb_alarms_ignore_missing_data_unless_told_otherwise() -> None:
    request = {**PLAIN, "Namespace": "AWS/DynamoDB"}
    assert read_alarm(request).treat_missing_data is TreatMissingData.IGNORE
    assert read_alarm({**request, "TreatMissingData": "breaching"}).treat_missing_data is TreatMissingData.BREACHING


def test_members_may_come_as_text_as_the_query_protocol_sends_them() -> None:
    request = {**PLAIN, "Period": "60", "EvaluationPeriods": "3", "DatapointsToAlarm": "2", "Threshold": "50"}
    alarm = read_alarm(request)
    assert isinstance(alarm, AlarmDefinition)
    assert (alarm.period, alarm.evaluation_periods, alarm.datapoints_to_alarm, alarm.threshold) == (60, 3, 2, 50.0)


@pytest.mark.parametrize(
    ("change", "error", "naming"),
    [
        ({"AlarmName": ""}, ConfigurationError, "no AlarmName"),
        ({"MetricName": None}, ConfigurationError, "names no metric"),
        ({"ExtendedStatistic": "p95"}, ConfigurationError, "either a Statistic or an ExtendedStatistic"),
        ({"Statistic": None}, ConfigurationError, "either a Statistic or an ExtendedStatistic"),
        ({"Statistic": "IQM"}, RehearsalError, "'IQM' is not rehearsed"),
        ({"Period": 45}, RehearsalError, "45 s cannot be rehearsed"),
        ({"Period": None}, RehearsalError, "0 s cannot be rehearsed"),
        ({"EvaluationPeriods": None}, ConfigurationError, "EvaluationPeriods 0"),
        ({"EvaluationPeriods": "x"}, ConfigurationError, "give a whole number"),
        ({"DatapointsToAlarm": 2}, ConfigurationError, "2 datapoints of 1 evaluation periods"),
        ({"Threshold": None}, ConfigurationError, "the threshold None; give a number"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, RehearsalError, "'GreaterThanUpperThreshold'"),
        ({"ThresholdMetricId": "ad1"}, RehearsalError, "ThresholdMetricId, which is not rehearsed"),
        ({"TreatMissingData": "good"}, ConfigurationError, "TreatMissingData 'good'; give missing, notBreaching"),
        ({"EvaluateLowSampleCountPercentile": "x"}, ConfigurationError, "give evaluate, ignore"),
        ({"EvaluateLowSampleCountPercentile": "ignore"}, RehearsalError, "does not watch a percentile"),
        ({"Period": 3600, "EvaluationPeriods": 20}, RehearsalError, "keeps 6 hours of metrics"),
        ({"Metrics": [{"Id": "e1", "Expression": "1"}]}, ConfigurationError, "has Metrics and also Namespace"),
    ],
)
def test_a_plain_alarm_that_cannot_be_evaluated_is_refused(
    change: dict[str, object], error: type[BlueGreenError], naming: str
) -> None:
    with pytest.raises(error) as refused:
        read_alarm({**PLAIN, **change})
    assert naming in str(refused.value)


@pytest.mark.parametrize(
    ("request_", "error", "naming"),
    [
        (math_alarm("m", metric("m", "A") | {"ReturnData": True}), ConfigurationError, "2 queries with ReturnData"),
        (math_alarm("METRICS()", metric("m", "A")), ConfigurationError, "an array of time series"),
        (math_alarm("AVG(m)", metric("m", "A")), RehearsalError, "yields a single number"),
        (math_alarm("m + x", metric("m", "A")), ConfigurationError, "refers to 'x'; the request has e1, m"),
        (math_alarm("m", metric("m", "A"), metric("m", "B")), ConfigurationError, "'m' is used 2 times"),
        (math_alarm("m", metric("m", "A"), metric("n", "B", period=300)), ConfigurationError, "mixes metric periods"),
        (
            math_alarm("m+n", metric("m", "A"), metric("n", "B", period=300)),
            RehearsalError,
            "mixes the periods 60 s, 300 s",
        ),
        (math_alarm("SELECT AVG(x) FROM y"), RehearsalError, "Metrics Insights query"),
        (math_alarm("m", metric("M", "A")), ConfigurationError, "Id 'M' is not allowed"),
        (math_alarm("m", metric("m", "A", "tm99")), RehearsalError, "'tm99' is not rehearsed"),
        (math_alarm("m", metric("m", "A") | {"Expression": "1"}), ConfigurationError, "either a MetricStat or an"),
        (math_alarm("m", metric("m", "A") | {"AccountId": "1"}), RehearsalError, "names an account"),
        (math_alarm("m", {"Id": "m", "MetricStat": {"Stat": "Sum"}}), ConfigurationError, "without a Namespace"),
        (
            math_alarm("a", {"Id": "a", "Expression": "e1", "ReturnData": False}),
            ConfigurationError,
            "e1 -> a -> e1 refer to each other in a circle",
        ),
        (
            math_alarm("m0", *[metric(f"m{number}", "A") for number in range(11)]),
            ConfigurationError,
            "more than 10 metrics",
        ),
    ],
)
def test_a_metric_math_alarm_that_cannot_be_evaluated_is_refused(
    request_: dict[str, object], error: type[BlueGreenError], naming: str
) -> None:
    with pytest.raises(error) as refused:
        read_alarm(request_)
    assert naming in str(refused.value)
