"""The tables of "Configuring how CloudWatch alarms treat missing data", row by row, and what holds for any alarm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.rehearsal.cloudwatch.missing_data import (
    AlarmState,
    TreatMissingData,
    evaluation_range,
    judge,
)

OK, ALARM, INSUFFICIENT, RETAIN = AlarmState.OK, AlarmState.ALARM, AlarmState.INSUFFICIENT_DATA, None
# points, then the states for missing, ignore, breaching, notBreaching
THREE_OF_THREE = [
    ("0 - X - X", OK, OK, OK, OK),
    ("0 - - - -", OK, OK, OK, OK),
    ("- - - - -", INSUFFICIENT, RETAIN, ALARM, OK),
    ("0 X X - X", ALARM, ALARM, ALARM, ALARM),
    ("- - X - -", ALARM, RETAIN, ALARM, OK),
    # An earlier edition of the page (the AWS documentation on GitHub, 2020) has these two as well:
    ("- - - - X", INSUFFICIENT, RETAIN, ALARM, OK),
    ("X - - - -", ALARM, RETAIN, ALARM, OK),
]
TWO_OF_THREE = [
    ("0 - X - X", ALARM, ALARM, ALARM, ALARM),
    ("0 0 X 0 X", ALARM, ALARM, ALARM, ALARM),
    ("0 - X - -", OK, OK, ALARM, OK),
    ("- - - - 0", OK, OK, ALARM, OK),
    ("- - - X -", ALARM, RETAIN, ALARM, OK),
    ("- - - - X", INSUFFICIENT, RETAIN, ALARM, OK),
]
TREATMENTS = (
    TreatMissingData.MISSING,
    TreatMissingData.IGNORE,
    TreatMissingData.BREACHING,
    TreatMissingData.NOT_BREACHING,
)
ROWS = [
    pytest.param(needed, row[0], treatment, state, id=f"{needed} of 3: {row[0]} {treatment}")
    for needed, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for row in table
    for treatment, state in zip(TREATMENTS, row[1:], strict=True)
]


def points_of(row: str) -> list[bool | None]:
    return [{"0": False, "X": True, "-": None}[mark] for mark in row.split()]


@pytest.mark.parametrize(("needed", "row", "treatment", "state"), ROWS)
def test_documented_row(needed: int, row: str, treatment: TreatMissingData, state: AlarmState | None) -> None:
    judgement = judge(points_of(row), evaluation_periods=3, datapoints_to_alarm=needed, treat_missing_data=treatment)
    assert judgement.state is state


@pytest.mark.parametrize("row", ["- - - - X", "- - - X -"])
def test_a_first_breaching_point_does_not_alarm_prematurely(row: str) -> None:
    judgement = judge(
        points_of(row), evaluation_periods=3, datapoints_to_alarm=3, treat_missing_data=TreatMissingData.MISSING
    )
    assert judgement.state is not ALARM


def test_five_points_are_retrieved_for_three_periods() -> None:
    assert evaluation_range(3) == 5


ALARMS = st.integers(1, 6).flatmap(
    lambda periods: st.tuples(
        st.just(periods),
        st.integers(1, periods),
        st.lists(
            st.sampled_from([True, False, None]),
            min_size=evaluation_range(periods),
            max_size=evaluation_range(periods),
        ),
        st.sampled_from(TreatMissingData),
    )
)


@given(ALARMS)
def test_without_missing_points_m_of_the_last_n_decide(
    alarm: tuple[int, int, list[bool | None], TreatMissingData],
) -> None:
    periods, needed, points, treatment = alarm
    full = [bool(point) for point in points]
    state = judge(full, evaluation_periods=periods, datapoints_to_alarm=needed, treat_missing_data=treatment).state
    assert state is (ALARM if sum(full[-periods:]) >= needed else OK)


@given(ALARMS)
def test_enough_real_points_make_the_treatment_irrelevant(
    alarm: tuple[int, int, list[bool | None], TreatMissingData],
) -> None:
    periods, needed, points, _ = alarm
    states = {
        judge(points, evaluation_periods=periods, datapoints_to_alarm=needed, treat_missing_data=treatment).state
        for treatment in TREATMENTS
    }
    real = [point for point in points if point is not None]
    if len(real) >= periods or sum(real) >= needed:
        assert len(states) == 1


@given(ALARMS)
def test_a_worse_point_never_makes_the_state_better(
    alarm: tuple[int, int, list[bool | None], TreatMissingData],
) -> None:
    periods, needed, points, treatment = alarm

    def state(of: list[bool | None]) -> AlarmState | None:
        return judge(of, evaluation_periods=periods, datapoints_to_alarm=needed, treat_missing_data=treatment).state

    if state(points) is ALARM:
        for index, point in enumerate(points):
            if point is False:
                assert state([*points[:index], True, *points[index + 1 :]]) is ALARM


@given(ALARMS)
def test_no_point_at_all_never_says_ok_unless_missing_is_good(
    alarm: tuple[int, int, list[bool | None], TreatMissingData],
) -> None:
    periods, needed, points, treatment = alarm
    state = judge(
        [None] * len(points), evaluation_periods=periods, datapoints_to_alarm=needed, treat_missing_data=treatment
    ).state
    assert (state is OK) == (treatment is TreatMissingData.NOT_BREACHING)
