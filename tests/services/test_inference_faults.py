"""Faults are refused unless allowed, and strike exactly the share that is stated."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inference.errors import SettingsError
from services.inference.faults import Faults, Spread


def test_every_fault_of_the_contract_is_read_exactly():
    faults = Faults.parse(
        "error_rate=0.5,latency_ms=1500, wrong_predictions=1.0,slow_warm_up_s=3,broken_streams=0.1,crash_on_start=1"
    )
    assert faults == Faults(Fraction(1, 2), Fraction(1500), Fraction(1), Fraction(3), Fraction(1, 10), Fraction(1))


def test_no_text_means_no_faults():
    assert Faults.parse("") == Faults()


@pytest.mark.parametrize(
    "text",
    [
        "eror_rate=0.5",
        "error_rate",
        "error_rate=",
        "error_rate=half",
        "error_rate=1.1",
        "error_rate=-0.1",
        "error_rate=nan",
        "error_rate=1/0",
        "error_rate=0.1,error_rate=0.2",
        "latency_ms=60001",
        "slow_warm_up_s=601",
        "crash_on_start=0.5",
    ],
)
def test_anything_else_is_refused_with_the_list_of_what_is_allowed(text: str):
    with pytest.raises(SettingsError, match=r"allowed.*error_rate=0..1, latency_ms=0..60000.*crash_on_start=0..1"):
        Faults.parse(text)


@given(st.fractions(0, 1), st.integers(0, 400))
def test_after_any_number_of_calls_the_struck_share_is_the_stated_one_to_half_a_call(share: Fraction, calls: int):
    spread = Spread(share)
    struck = sum(spread.strikes() for _ in range(calls))
    assert abs(struck - calls * share) <= Fraction(1, 2)


def test_half_of_the_calls_means_every_second_one_beginning_with_the_first():
    spread = Spread(Fraction(1, 2))
    assert [spread.strikes() for _ in range(6)] == [True, False, True, False, True, False]
