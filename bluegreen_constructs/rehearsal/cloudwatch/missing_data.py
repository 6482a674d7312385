"""Which state the recent data points of an alarm add up to, with points missing among them.

Follows "Configuring how CloudWatch alarms treat missing data"
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html): the evaluation range is
longer than the evaluation periods, real data points are used first, and missing ones only as few times as needed.
The tests hold its tables row by row, those of an earlier edition too (for `- - - - X`, which the later one only tells).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

EXTRA_PERIODS = 2
"""How many more data points than the evaluation periods are retrieved.

AWS says "a higher number" that depends on period and resolution; every example on the page retrieves five for three.
"""


class AlarmState(StrEnum):
    """The three states of an alarm, in CloudWatch's spelling."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class TreatMissingData(StrEnum):
    """What an alarm does with a missing data point, in CloudWatch's spelling."""

    MISSING = "missing"
    NOT_BREACHING = "notBreaching"
    BREACHING = "breaching"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Judgement:
    """The resulting state (None: the alarm keeps the one it has) and what it rests on.

    `evaluated` are indexes into the given points, oldest first; `filled` is how many missing points were filled in.
    """

    state: AlarmState | None
    evaluated: tuple[int, ...]
    filled: int


def evaluation_range(evaluation_periods: int) -> int:
    """How many periods are retrieved for an alarm that evaluates that many."""
    return evaluation_periods + EXTRA_PERIODS


def judge(
    points: Sequence[bool | None],
    *,
    evaluation_periods: int,
    datapoints_to_alarm: int,
    treat_missing_data: TreatMissingData,
) -> Judgement:
    """The state for the points of one evaluation range, oldest first.

    True is a breaching point, False one within the threshold, None a missing one.
    """
    real = [index for index, point in enumerate(points) if point is not None]
    evaluated = tuple(real[-evaluation_periods:])
    filled = evaluation_periods - len(evaluated)
    breaching = sum(1 for index in evaluated if points[index])
    if treat_missing_data is TreatMissingData.BREACHING:
        breaching += filled
    if breaching >= datapoints_to_alarm:
        return Judgement(AlarmState.ALARM, evaluated, filled)
    if not filled or treat_missing_data in (TreatMissingData.BREACHING, TreatMissingData.NOT_BREACHING):
        return Judgement(AlarmState.OK, evaluated, filled)
    if any(points[index] is False for index in evaluated):
        return Judgement(AlarmState.OK, evaluated, filled)
    # All real points, if any, breach, but they are too few.
    if treat_missing_data is TreatMissingData.IGNORE:
        return Judgement(None, evaluated, filled)
    # "alarms are designed to always go into ALARM state when the oldest available breaching datapoint [...] is at
    # least as old as the value of Datapoints to Alarm, and all other more recent data points are breaching or missing"
    if evaluated and len(points) - evaluated[0] >= datapoints_to_alarm:
        return Judgement(AlarmState.ALARM, evaluated, filled)
    return Judgement(AlarmState.INSUFFICIENT_DATA, evaluated, filled)
