"""A plan of load is refused when it cannot be kept, and its schedule follows from it alone."""

from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.rehearsal.load import GoldenCase, Kind, LoadPlan, read_golden
from bluegreen_constructs.rehearsal.load.schedule import schedule

CASES = (GoldenCase({"text": "a"}, {"topic": "x"}), GoldenCase({"text": "b"}, {"topic": "y"}))


def plan(**changes: object) -> LoadPlan:
    fields: dict[str, object] = {
        "address": "http://127.0.0.1:8080",
        "rate_per_second": 20.0,
        "output": Path("load.jsonl"),
        "golden": CASES,
    }
    return LoadPlan(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["http://127.0.0.1:80", "http://127.12.0.3:8080/", "http://[::1]:8080"])
def test_loopback_addresses_are_targets(address: str):
    assert plan(address=address).address == address


@pytest.mark.parametrize(
    "address",
    [
        "http://10.0.0.1:80",
        "http://example.com:80",
        "http://localhost:80",
        "http://127.0.0.1.example.com:80",
        "http://127.0.0.1@10.0.0.1:80",
        "http://127.0.0.1",
        "http://127.0.0.1:99999",
        "https://127.0.0.1:443",
        "http://127.0.0.1:80/path",
        "127.0.0.1:80",
        "",
    ],
)
def test_anything_but_a_loopback_address_is_refused(address: str):
    with pytest.raises(ConfigurationError, match=r"load is sent to this machine only, give http://127\.0\.0\.1:PORT"):
        plan(address=address)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rate_per_second": 0}, "rate_per_second is 0; give 0.01 to 500"),
        ({"rate_per_second": 501}, "rate_per_second is 501; give 0.01 to 500"),
        ({"rate_per_second": float("nan")}, "rate_per_second is nan; give 0.01 to 500"),
        ({"timeout_seconds": 0}, "timeout_seconds is 0; give 0.05 to 300"),
        ({"stream_share": 1.5}, "stream_share is 1.5; give 0 to 1"),
        ({"duration_seconds": -1}, "duration_seconds is -1; give 0 to 86400"),
        ({"arrivals": "bursty"}, "arrivals is 'bursty'; give one of poisson, uniform"),
        ({"golden": ()}, "golden is empty"),
        ({"predict_path": "predict"}, "predict_path is 'predict'; give a path that begins with /"),
        ({"rate_per_second": 500, "timeout_seconds": 60}, "need up to 45032 connections, allowed are 4096"),
    ],
)
def test_a_plan_that_cannot_be_kept_is_refused(changes: dict[str, object], says: str):
    with pytest.raises(ConfigurationError) as refusal:
        plan(**changes)
    assert says in str(refusal.value)


def test_a_plan_survives_its_way_to_the_other_process():
    written = plan(host="predict.example.com", headers={"x-test": "1"}, stream_share=0.1, duration_seconds=2.0)
    assert "\n" not in written.to_json()
    assert LoadPlan.from_json(written.to_json()) == written


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"golden": [], "output": "x", "rate": 1}'])
def test_a_text_that_is_no_plan_is_refused(text: str):
    with pytest.raises(ConfigurationError, match="the load plan cannot be read"):
        LoadPlan.from_json(text)


def test_golden_requests_are_read_from_the_service_s_own_file():
    cases = read_golden(Path(__file__).parents[2] / "services/inference/golden.json")
    assert len(cases) == 10
    assert all("topic" in case.expected for case in cases)


@pytest.mark.parametrize("content", ["", "{", "7", '[{"expected": {}}]'])
def test_a_file_without_golden_requests_is_refused(tmp_path: Path, content: str):
    path = tmp_path / "golden.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"the golden requests .* cannot be read"):
        read_golden(path)


def test_an_answer_may_say_more_than_the_golden_case_expects_but_not_something_else():
    assert CASES[0].is_answered_by({"topic": "x", "confidence": 0.9})
    assert not CASES[0].is_answered_by({"topic": "y"})
    assert not CASES[0].is_answered_by(["topic"])
    assert not CASES[0].is_answered_by(None)


def test_the_schedule_is_the_same_for_the_same_seed_and_another_for_another():
    def first(seed: int) -> list[float]:
        return [arrival.offset for arrival in islice(schedule(plan(seed=seed)), 20)]

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_uniform_arrivals_are_evenly_spaced():
    offsets = [arrival.offset for arrival in islice(schedule(plan(arrivals="uniform", rate_per_second=4)), 4)]
    assert offsets == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_poisson_arrivals_keep_the_mean_rate():
    arrivals = list(schedule(plan(rate_per_second=100, duration_seconds=100)))
    assert len(arrivals) == pytest.approx(10_000, rel=0.05)
    assert arrivals[-1].offset <= 100


@given(st.integers(0, 100), st.integers(1, 300))
def test_the_share_of_streams_is_exact_in_every_beginning_of_the_schedule(percent: int, count: int):
    arrivals = list(islice(schedule(plan(stream_share=percent / 100)), count))
    streams = sum(arrival.kind is Kind.STREAM for arrival in arrivals)
    assert abs(streams - count * percent / 100) <= 0.5


def test_predictions_take_the_golden_cases_in_turn_and_streams_take_none():
    arrivals = list(islice(schedule(plan(stream_share=0.25)), 12))
    assert [arrival.case for arrival in arrivals if arrival.kind is Kind.PREDICT] == [*CASES] * 4 + [CASES[0]]
    assert all(arrival.case is None for arrival in arrivals if arrival.kind is Kind.STREAM)
