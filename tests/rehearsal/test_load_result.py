"""What records add up to, and how they are written and read."""

from dataclasses import replace
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.load import Kind, Latency, LoadRecord, LoadResult, Tally, read_records

GOOD = LoadRecord(
    scheduled=100.0, late=0.0, latency=0.01, kind=Kind.PREDICT, status=200, side="blue", release="1", model_version="7"
)
STREAM = replace(GOOD, kind=Kind.STREAM, latency=0.2)


def test_no_records_are_no_failures_and_no_latency():
    result = LoadResult.from_records([])
    assert (result.sent, result.lost, result.first_failure, result.latency) == (0, 0, None, None)


def test_good_answers_are_neither_failed_nor_broken_nor_wrong():
    result = LoadResult.from_records([GOOD, STREAM])
    assert (result.sent, result.failed, result.broken_streams, result.wrong_answers, result.late) == (2, 0, 0, 0, 0)


@pytest.mark.parametrize("status", [301, 404, 500, 503])
def test_every_status_but_200_is_a_failure(status: int):
    assert LoadResult.from_records([replace(GOOD, status=status)]).failed == 1


def test_a_request_without_a_complete_answer_is_a_failure_under_its_error_word():
    result = LoadResult.from_records(
        [
            replace(GOOD, status=None, error="ClientConnectorError"),
            replace(GOOD, error="ClientPayloadError"),
            replace(GOOD, status=503),
        ]
    )
    assert result.failed == 3
    assert result.by_failure == {"503": 1, "ClientConnectorError": 1, "ClientPayloadError": 1}


def test_a_broken_stream_is_lost_but_counted_apart_from_failures():
    result = LoadResult.from_records([replace(STREAM, is_broken=True, error="ClientPayloadError")])
    assert (result.failed, result.broken_streams, result.lost) == (0, 1, 1)


def test_a_wrong_answer_is_not_lost():
    result = LoadResult.from_records([replace(GOOD, is_wrong=True)])
    assert (result.wrong_answers, result.lost, result.first_failure) == (1, 0, None)


def test_sides_and_releases_are_tallied_and_answers_without_them_are_unknown():
    result = LoadResult.from_records(
        [
            GOOD,
            replace(GOOD, side="green", release="2", is_wrong=True),
            replace(GOOD, side="green", release="2", status=500),
            replace(GOOD, side=None, release=None, status=None, error="ServerDisconnectedError"),
        ]
    )
    assert result.by_side == {
        "blue": Tally(1, 0, 0, 0),
        "green": Tally(2, 1, 0, 1),
        "unknown": Tally(1, 1, 0, 0),
    }
    assert result.by_release == {"1": Tally(1, 0, 0, 0), "2": Tally(2, 1, 0, 1), "unknown": Tally(1, 1, 0, 0)}


def test_failures_are_placed_in_the_second_they_were_due_in_whatever_order_they_come():
    bad = replace(GOOD, status=500)
    result = LoadResult.from_records(
        [replace(bad, scheduled=103.2), replace(bad, scheduled=101.9), GOOD, replace(bad, scheduled=103.9)]
    )
    assert result.first_failure == 101.9
    assert result.failures_by_second == {101: 1, 103: 2}


def test_percentiles_are_nearest_ranks_and_kept_apart_for_streams():
    records = [replace(GOOD, latency=milliseconds / 1000) for milliseconds in range(1, 101)]
    result = LoadResult.from_records([*records, STREAM])
    assert result.latency == Latency(0.050, 0.095, 0.099)
    assert result.stream_latency == Latency(0.2, 0.2, 0.2)


def test_time_outs_count_as_the_time_they_waited_but_refused_connections_not_at_all():
    refused = replace(GOOD, status=None, error="ClientConnectorError", latency=0.0001)
    timed_out = replace(GOOD, status=None, error="TimeoutError", latency=10.0)
    assert LoadResult.from_records([refused]).latency is None
    assert LoadResult.from_records([refused, timed_out]).latency == Latency(10.0, 10.0, 10.0)


def test_late_sends_are_counted():
    result = LoadResult.from_records([replace(GOOD, late=0.2), GOOD])
    assert (result.late, result.failed) == (1, 0)


def test_records_are_read_as_they_were_written_and_an_unfinished_line_is_left_out(tmp_path: Path):
    path = tmp_path / "load.jsonl"
    path.write_text(f"{GOOD.to_json()}\n{STREAM.to_json()}\n{GOOD.to_json()[:20]}")
    assert list(read_records(path)) == [GOOD, STREAM]


def test_a_damaged_line_is_refused_with_its_number(tmp_path: Path):
    path = tmp_path / "load.jsonl"
    path.write_text(f"{GOOD.to_json()}\n{{}}\n")
    with pytest.raises(RehearsalError, match="line 2 of the load's output"):
        list(read_records(path))


def test_a_missing_output_is_refused(tmp_path: Path):
    with pytest.raises(RehearsalError, match="cannot be read"):
        list(read_records(tmp_path / "nowhere.jsonl"))
