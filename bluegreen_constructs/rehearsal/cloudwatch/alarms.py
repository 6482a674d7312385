"""The evaluation of an alarm: from recent data points to a state, its reason in a sentence, and that reason's data.

Follows "Alarm evaluation" (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html): the
data points are those of whole periods, and the window of a period of a minute or more moves on every minute (of a
shorter one every ten seconds). The sentences are those in the sample events of
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime

from .alarm_definition import COMPARISONS, AlarmDefinition, LowSampleCount
from .metric_queries import MetricSource, evaluate
from .metric_store import percentile_of
from .missing_data import AlarmState, Judgement, TreatMissingData, evaluation_range, judge
from .time_series import Axis, TimeSeries

INITIAL_REASON = "Unchecked: Initial alarm creation"
"""The StateReason of an alarm that was not evaluated yet; its state is INSUFFICIENT_DATA."""

_MINUTE = 60
_HIGH_RESOLUTION_STEP = 10


@dataclass(frozen=True)
class Outcome:
    """What one evaluation says: the state, its StateReason and its StateReasonData (JSON)."""

    state: AlarmState
    reason: str
    reason_data: str


def window_end(period: int, now: float) -> float:
    """The end of the window that is evaluated at `now`: the last whole minute (ten seconds for short periods)."""
    step = _MINUTE if period >= _MINUTE else _HIGH_RESOLUTION_STEP
    return math.floor(now / step) * float(step)


def evaluate_alarm(alarm: AlarmDefinition, source: MetricSource, *, current: AlarmState, now: float) -> Outcome | None:
    """Judge an alarm at the rehearsed instant `now`; None means that it keeps the state it has.

    `current` is the state it has, which the reason names when it changes.
    """
    count = evaluation_range(alarm.evaluation_periods)
    end = window_end(alarm.period, now)
    axis = Axis(end - count * alarm.period, alarm.period, count)
    result = evaluate(alarm.queries, source, lambda period: Axis(end - count * period, period, count))[alarm.watches]
    series = result.series[0]
    if _too_few_samples(alarm, source, axis):
        return None
    judgement = judge(
        [None if value is None else alarm.is_breaching(value) for value in series.values],
        evaluation_periods=alarm.evaluation_periods,
        datapoints_to_alarm=alarm.datapoints_to_alarm,
        treat_missing_data=alarm.treat_missing_data,
    )
    if judgement.state is None:
        return None
    return Outcome(
        judgement.state,
        _reason(alarm, axis, series, judgement, judgement.state, current),
        _reason_data(alarm, axis, series, judgement, now),
    )


def _too_few_samples(alarm: AlarmDefinition, source: MetricSource, axis: Axis) -> bool:
    """Whether a percentile rests on too few samples for an alarm that ignores such periods.

    "For percentiles between 0.5 and 1.00, this setting is used when there are fewer than 10/(1-percentile) data points
    during the evaluation period [...] For percentiles between 0 and 0.5, [...] fewer than 10/percentile data points."
    """
    stat = alarm.watched_stat
    if alarm.low_sample_count is LowSampleCount.EVALUATE or stat is None:
        return False
    share = (percentile_of(stat.statistic) or 0.0) / 100
    rarer_side = 1 - share if share >= 0.5 else share
    samples = sum(
        point.value
        for point in source.points(
            stat.metric,
            "SampleCount",
            start=axis.end - alarm.evaluation_periods * axis.period,
            end=axis.end,
            period=axis.period,
            unit=stat.unit,
        )
    )
    # Rounded, because 10 / (1 - 0.99) is a hair above 1000 in binary.
    return rarer_side <= 0 or samples < round(10 / rarer_side, 6)


def _reason(  # noqa: PLR0917 - the parts of one sentence
    alarm: AlarmDefinition,
    axis: Axis,
    series: TimeSeries,
    judgement: Judgement,
    state: AlarmState,
    current: AlarmState,
) -> str:
    if state is AlarmState.INSUFFICIENT_DATA:
        return f"Insufficient Data: {_counted(judgement.filled, 'datapoint', 'unknown')}."
    filling = alarm.treat_missing_data in (TreatMissingData.BREACHING, TreatMissingData.NOT_BREACHING)
    treated = alarm.treat_missing_data[0].upper() + alarm.treat_missing_data[1:]
    filled = f"{_counted(judgement.filled, 'missing datapoint', 'treated as')} [{treated}]"
    if not judgement.evaluated:
        periods = f"{alarm.evaluation_periods} period{_plural(alarm.evaluation_periods)}"
        return f"Threshold Crossed: no datapoints were received for {periods} and {filled}."
    breaching = state is AlarmState.ALARM
    chosen = [
        (axis.at(index), value)
        for index in reversed(judgement.evaluated)
        if (value := series.values[index]) is not None and alarm.is_breaching(value) is breaching
    ]
    values = ", ".join(f"{value} ({_clock_time(at)})" for at, value in chosen)
    verb = "was" if len(chosen) == 1 else "were"
    crossed = f"{verb}{'' if breaching else ' not'} {COMPARISONS[alarm.comparison][0]} ({alarm.threshold})"
    needed = alarm.datapoints_to_alarm if breaching else alarm.evaluation_periods - alarm.datapoints_to_alarm + 1
    return (
        f"Threshold Crossed: {len(chosen)} out of the last {alarm.evaluation_periods} datapoints [{values}] {crossed}"
        f"{f' and {filled}' if judgement.filled and filling else ''} "
        f"(minimum {needed} datapoint{_plural(needed)} for {current} -> {state} transition)."
    )


def _counted(number: int, noun: str, participle: str) -> str:
    return f"{number} {noun}{_plural(number)} {'was' if number == 1 else 'were'} {participle}"


def _plural(number: int) -> str:
    return "" if number == 1 else "s"


def _clock_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d/%m/%y %H:%M:%S")


def iso_milliseconds(at: float) -> str:
    """A rehearsed instant as in CloudWatch's events: 2019-10-02T17:04:40.989+0000."""
    moment = datetime.fromtimestamp(round(at, 3), UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def _reason_data(alarm: AlarmDefinition, axis: Axis, series: TimeSeries, judgement: Judgement, now: float) -> str:
    stat = alarm.watched_stat
    evaluated = [(axis.at(index), series.values[index]) for index in judgement.evaluated]
    data: dict[str, object] = {"version": "1.0", "queryDate": iso_milliseconds(now)}
    if evaluated:
        data["startDate"] = iso_milliseconds(evaluated[0][0])
    if stat is not None:
        data["statistic"] = stat.statistic
        if stat.unit is not None:
            data["unit"] = stat.unit
    data |= {
        "period": alarm.period,
        "recentDatapoints": [value for _, value in evaluated],
        "threshold": alarm.threshold,
        "evaluatedDatapoints": [
            {"timestamp": iso_milliseconds(at), "value": value} for at, value in reversed(evaluated)
        ],
    }
    return json.dumps(data, separators=(",", ":"))
