"""`bluegreen backtest` reads past counts, tells what they show in 80 columns, and refuses what is no past."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluegreen_constructs.cli.commands import run
from bluegreen_constructs.cli.past_counts import COLUMNS, read_past_counts
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.model import Arm
from bluegreen_constructs.planning.backtest import backtest
from bluegreen_constructs.simulation.traffic import Traffic

HEADER = ",".join(COLUMNS)


def looks(count: int = 240, **wrong: float) -> list[tuple[Arm, Arm]]:
    return list(Traffic(100, 0.002, (50.0,) * count, **wrong).looks(Random(1)))


def csv_of(intervals: Iterable[tuple[Arm, Arm]]) -> str:
    rows = (f"{live.requests},{live.bad},{candidate.requests},{candidate.bad}" for live, candidate in intervals)
    return "\n".join((HEADER, *rows)) + "\n"


def entry(**changed: object) -> dict[str, object]:
    return dict(zip(COLUMNS, (3000, 6, 3000, 5), strict=True)) | changed


def backtested(capsys: pytest.CaptureFixture[str], data: Path, *options: str) -> str:
    code = run(["backtest", "--data", str(data), *options])
    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    return said.out


def without_colour(said: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", said)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence of a command that says nothing else and ends as wrong usage."""
    code = run(["backtest", *arguments])
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert not line.endswith(".")
    return line.removeprefix("bluegreen: ")


# What it says


@pytest.mark.parametrize(
    ("wrong", "last"),
    [
        ({}, 'Proposal: ErrorComparison(mode="independent")'),
        ({"burst": 10}, 'Proposal: ErrorComparison(mode="bursty")'),
        ({"ratio": 1.6}, "Proposal: no mode until this is mended"),
    ],
    ids=["independent", "bursts", "unequal"],
)
def test_the_proposal_is_the_last_line_as_it_is_written_in_a_stack(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, wrong: dict[str, float], last: str
) -> None:
    data = tmp_path / "past.csv"
    data.write_text(csv_of(looks(1440, **wrong)))
    assert backtested(capsys, data).splitlines()[-1] == last


def test_the_report_fits_80_columns_and_has_what_was_measured_and_replayed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "past.csv"
    data.write_text(csv_of(looks()))
    said = backtested(capsys, data)
    rows = [line.split() for line in said.splitlines()]
    assert max(map(len, said.splitlines())) <= 80
    found = backtest(looks())
    assert ["live", str(found.live.requests), str(found.live.bad), "0.196"] in rows
    phi, replay = found.dispersion.phi, found.bursty
    assert phi is not None
    assert f"dispersion between the sides {phi.value:.2f} {phi.low:.2f} to {phi.high:.2f}".split() == rows[5][:8]
    assert ["bursty", *map(str, (replay.plays, replay.rolled_back, replay.promoted, replay.unsure))] == next(
        row[:5] for row in rows if row[:1] == ["bursty"]
    )


@pytest.mark.parametrize("colour", [False, True])
def test_no_line_ends_with_spaces(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, colour: bool
) -> None:
    if colour:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
    data = tmp_path / "past.csv"
    data.write_text(csv_of(looks()))
    said = backtested(capsys, data)
    assert ("\x1b[1m" in said) is colour
    assert [line for line in without_colour(said).splitlines() if line != line.rstrip()] == []


def test_a_narrow_window_wraps_sentences_and_leaves_the_tables_whole(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "past.csv"
    data.write_text(csv_of(looks()))
    wide = backtested(capsys, data)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    narrow = without_colour(backtested(capsys, data))
    assert narrow.split() == wide.split()
    rows = [line for line in wide.splitlines() if "  " in line]
    assert len(rows) == 3 + 5 + 3
    assert set(rows) <= set(narrow.splitlines())
    assert max(len(line) for line in narrow.splitlines() if line not in rows) <= 40


def test_terms_that_are_not_the_usual_ones_are_part_of_the_proposal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "past.csv"
    data.write_text(csv_of(looks(burst=10)))
    options = ["--looks", "30", "--false-alarm", "0.7", "--margin", "3", "--wrong-promotion", "5"]
    assert backtested(capsys, data, *options).splitlines()[-1] == (
        'Proposal: ErrorComparison(false_alarm=0.007, margin=3, mode="bursty")'
    )


def test_a_time_shorter_than_a_rollout_says_that_it_was_not_replayed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "past.csv"
    data.write_text(csv_of(looks(20)))
    said = backtested(capsys, data)
    assert "Not replayed: a rollout of 60 looks is longer than the data." in said
    assert "Too little data to tell: " in said
    assert said.splitlines()[-1] == 'Proposal: ErrorComparison(mode="bursty")'


def test_machines_get_the_same_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = tmp_path / "past.csv"
    data.write_text(csv_of(looks(burst=10)))
    said = json.loads(backtested(capsys, data, "--looks", "40", "--format", "json"))
    found = backtest(looks(burst=10), looks=40)
    phi = found.dispersion.phi
    assert phi is not None
    assert said["inputs"] == {"looks": 40, "false_alarm_percent": 1, "margin": 2, "wrong_promotion_percent": 5}
    assert said["dispersion"] == {
        "value": phi.value,
        "low": phi.low,
        "high": phi.high,
        "intervals": found.dispersion.intervals,
        "bad": found.dispersion.bad,
        "bad_of_smaller_side": found.dispersion.smaller,
    }
    assert [replay["rolled_back"] for replay in said["replays"]] == [
        found.independent.rolled_back,
        found.bursty.rolled_back,
    ]
    assert said["replays"][0]["rolled_back_percent"] == pytest.approx(100 * found.independent.rolled_back / 12)
    assert said["proposal"] == {
        "finding": "bursty",
        "mode": "bursty",
        "reason": found.proposal.reason,
        "missing_intervals": None,
        "write": 'ErrorComparison(mode="bursty")',
    }


def test_a_time_without_anything_bad_is_json_without_numbers_that_are_none(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "past.json"
    data.write_text(json.dumps([entry(live_bad=0, candidate_bad=0)] * 5))
    said = json.loads(backtested(capsys, data, "--format", "json"))
    assert said["failure_ratio"] == said["intervals_together"] == {"value": None, "low": None, "high": None}
    assert said["replays"][0]["rolled_back_percent"] is None
    assert said["proposal"]["finding"] == "too-little-data"
    assert "Proposal: ErrorComparison" in backtested(capsys, data)


def test_a_long_wait_is_announced(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bluegreen_constructs.cli.backtest._LONG_WAIT", 0)
    data = tmp_path / "past.csv"
    data.write_text(csv_of(looks(10)))
    assert run(["backtest", "--data", str(data)]) == 0
    assert "judging 10 intervals, about 0 s" in capsys.readouterr().err


def test_help_has_an_example_and_the_file_that_it_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["backtest", "--help"]) == 0
    said = capsys.readouterr().out
    assert "bluegreen backtest --data past.csv\n" in said
    assert f"time,{HEADER}\n" in said


def test_the_other_verbs_do_not_wait_for_the_backtest() -> None:
    loaded = "import sys, bluegreen_constructs.cli.commands; print([n for n in sys.modules if 'engine.' in n])"
    said = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert "engine.errors" in said.stdout
    assert "planning.backtest" not in said.stdout
    assert "past_counts" not in said.stdout


# What it reads


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n3000,6,2000,5\n,,,\n3000,0,,\n",
        f"time,{HEADER}\n10:00,3000,6,2000,5\n10:01,,,,\n10:02,3000,0,,\n",
        f"{HEADER}\r\n3000,6,2000,5\r\n,,,\r\n3000,0,,\r\n",
        f"\ufeff{HEADER}\n3000,6,2000,5\n,,,\n3000,0,,",
        f"{HEADER}\n3000.0,6.0,2000.00,5\n,,0,0\n3000,0,0,\n",
        f'\n{HEADER}\n\n"3000", "6", 2000 ,5\n,,,\n3000,0,,\n\n',
        "candidate_bad,candidate_requests,live_bad,live_requests\n5,2000,6,3000\n,,,\n,,0,3000\n",
        json.dumps(
            [
                dict(zip(COLUMNS, (3000, 6, 2000.0, 5), strict=True)) | {"time": "10:00"},
                dict.fromkeys(COLUMNS),
                dict(zip(COLUMNS, (3000, 0, None, None), strict=True)),
            ],
            indent=1,
        ),
    ],
    ids=["plain", "time", "crlf", "bom", "decimals", "blanks", "order", "json"],
)
def test_csv_and_json_give_the_same_intervals_however_they_were_written(tmp_path: Path, text: str) -> None:
    data = tmp_path / "past"
    data.write_bytes(text.encode())
    assert read_past_counts(data) == [(Arm(3000, 6), Arm(2000, 5)), (None, None), (Arm(3000, 0), None)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.tuples(st.integers(1, 10**15), st.floats(0, 1))] * 2), min_size=1, max_size=5))
def test_what_was_counted_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, counted: list[tuple[tuple[int, float], tuple[int, float]]]
) -> None:
    intervals = [(Arm(one, int(one * share)), Arm(other, int(other * part))) for (one, share), (other, part) in counted]
    data = tmp_path_factory.mktemp("past") / "past.csv"
    data.write_text(csv_of(intervals))
    assert read_past_counts(data) == intervals


def test_counts_can_come_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([sys.executable, "-c", f"open({str(pipe)!r}, 'w').write({csv_of(looks(3))!r})"]):
        assert read_past_counts(pipe) == looks(3)


# What it refuses


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", " is empty: give a line with live_requests,live_bad,candidate_requests,candidate_bad, and one for each"),
        (b" \n \n", " is empty: give a line with live_requests"),
        (HEADER.encode(), " has no intervals: give one line for each"),
        (b"[]", " has no intervals: give one line for each"),
        (bytes(range(256)), ", line 2: this is no text in UTF-8: give a CSV or JSON file"),
        (b"a,b\n\0\0\0", ", line 2: this is no text but binary data: give a CSV or JSON file"),
        ("live".encode("utf-16"), ", line 1: this is no text in UTF-8"),
        (b"3000,6,3000,5\n", ", line 1 has the columns '3000,6,3000,5': give live_requests,live_bad,"),
        (b"a;b;c;d\n", ", line 1 has the columns 'a;b;c;d': give live_requests,"),
        (f"time,zone,{HEADER}\n".encode(), ", line 1 has the columns 'time,zone,live_requests,"),
        (b"live_requests,live_bad,candidate_requests\n", ", line 1 has the columns "),
        (b"live_requests,live_bad,candidate_requests,live_bad\n", ", line 1 has the columns "),
        (b"\x1b[31m," * 50, ", line 1 has the columns '\\x1b[31m,"),
        (f"{HEADER}\n1,0,1,0\n1,0,1\n".encode(), ", line 3 has 3 cells and the header 4: give as many"),
        (f"{HEADER}\n1,0,1,0,\n".encode(), ", line 2 has 5 cells and the header 4: give as many"),
        (f"{HEADER}\n\n9,-1,9,0\n".encode(), ", line 3: live_bad is '-1': give a whole number of zero or more, or not"),
        (f"{HEADER}\n9,0,9.5,0\n".encode(), ", line 2: candidate_requests is '9.5': give a whole number of zero or "),
        (f"{HEADER}\n9,0,many,0\n".encode(), ", line 2: candidate_requests is 'many': give a whole number"),
        (f"{HEADER}\n9,0,1e3,0\n".encode(), ", line 2: candidate_requests is '1e3': give a whole number"),
        (f"{HEADER}\n9,0,nan,0\n".encode(), ", line 2: candidate_requests is 'nan': give a whole number"),
        (f"{HEADER}\n9,0,٣,0\n".encode(), ", line 2: candidate_requests is '٣': give a whole number"),
        (f"{HEADER}\n9,0,1_0,0\n".encode(), ", line 2: candidate_requests is '1_0': give a whole number"),
        (
            f"{HEADER}\n5,6,9,0\n".encode(),
            ", line 2: live_bad is 6 and live_requests 5: give no more bad than requests",
        ),
        (f"{HEADER}\n9,0,9,\n".encode(), ", line 2: candidate_requests is 9 without candidate_bad: give 0 if none was"),
        (f"{HEADER}\n9,0,,2\n".encode(), ", line 2: candidate_bad is 2 without candidate_requests: give both, or "),
        (f"{HEADER}\n9,0,0,2\n".encode(), ", line 2: candidate_bad is 2 and candidate_requests 0: give no more bad"),
        (
            f"{HEADER}\n{10**15 + 1},0,9,0\n".encode(),
            ", line 2: live_requests is 1000000000000001, which nobody counts",
        ),
        (f"{HEADER}\n{'9' * 5000},0,9,0\n".encode(), ", line 2: live_requests is '9999"),
        (f'{HEADER}\n"9,0,9,0\n'.encode(), ", line 2: this is no CSV (unexpected end of data)"),
        (f"{HEADER}\n{'9' * 200_000}".encode(), ", line 2: this is no CSV (field larger than field limit (131072))"),
        (b"[\n{]", ", line 2: this is no JSON (Expecting property name enclosed in double quotes)"),
        (b"{}", " is one JSON object: give a list of objects with live_requests, "),
        (b"[" * 100_000, " is JSON of another kind: give a list of objects"),
        (b"[" + b"9" * 5000 + b"]", " is JSON of another kind: give a list of objects"),
        (b"[3]", ", entry 1 has no live_requests and no live_bad and no candidate_requests and no candidate_bad: give"),
        (
            json.dumps([entry(), {"live_requests": 3}]).encode(),
            ", entry 2 has no live_bad and no candidate_requests and",
        ),
        (json.dumps([entry(live_bad=-1)]).encode(), ", entry 1: live_bad is -1: give a whole number of zero or more"),
        (json.dumps([entry(live_bad="6")]).encode(), ", entry 1: live_bad is '6': give a whole number of zero or more"),
        (json.dumps([entry(live_bad=0.5)]).encode(), ", entry 1: live_bad is 0.5: give a whole number of zero or more"),
        (
            json.dumps([entry(live_bad=True)]).encode(),
            ", entry 1: live_bad is True: give a whole number of zero or mor",
        ),
        (
            json.dumps([entry(live_bad=float("nan"))]).encode(),
            ", entry 1: live_bad is nan: give a whole number of zero",
        ),
        (
            json.dumps([entry(live_bad=float("inf"))]).encode(),
            ", entry 1: live_bad is inf: give a whole number of zero",
        ),
        (json.dumps([entry(live_bad=10**400)]).encode(), ", entry 1: live_bad is 1000"),
        (json.dumps([entry(live_bad=9000)]).encode(), ", entry 1: live_bad is 9000 and live_requests 3000: give no"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[:60],
)
def test_a_file_that_is_no_past_is_refused_with_the_place_and_what_to_change(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, sentence: str
) -> None:
    data = tmp_path / "past"
    data.write_bytes(content)
    said = refused(capsys, "--data", str(data))
    assert said.startswith(f"{data}{sentence}"), said
    assert len(said) < len(str(data)) + 300


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name = "name a CSV or JSON file of past counts"
    assert refused(capsys, "--data", str(tmp_path / "no")) == f"{tmp_path}/no is not there: {name}"
    assert refused(capsys, "--data", str(tmp_path)) == f"{tmp_path} is a folder: {name}"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refused(capsys, "--data", str(tmp_path / "loop")).startswith(f"{tmp_path}/loop cannot be read (")


def test_a_file_without_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bluegreen_constructs.cli.past_counts._MOST_BYTES", 2 * 1024**2)
    with pytest.raises(ConfigurationError, match=r"^/dev/zero is larger than 2 MiB: give fewer or longer intervals$"):
        read_past_counts(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--looks", "0"], "invalid value for '--looks': '0' is no number of looks: give a whole number from 1 to "),
        (["--looks", "1.5"], "invalid value for '--looks': '1.5' is no number of looks: "),
        (["--looks", "100001"], "invalid value for '--looks': '100001' is no number of looks: "),
        (["--false-alarm", "0"], "invalid value for '--false-alarm': '0' is no probability in percent: give a number "),
        (["--false-alarm", "51"], "invalid value for '--false-alarm': '51' is no probability in percent: "),
        (["--false-alarm", "nan"], "invalid value for '--false-alarm': 'nan' is no probability in percent: "),
        (["--wrong-promotion", "x"], "invalid value for '--wrong-promotion': 'x' is no probability in percent: "),
        (["--margin", "1"], "invalid value for '--margin': '1' is no margin: give a number above 1 and at most 100"),
        (["--format", "xml"], "invalid value for '--format': 'xml' is no format: give text or json"),
    ],
)
def test_a_wrong_option_is_refused_with_what_is_allowed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: list[str], sentence: str
) -> None:
    data = tmp_path / "past.csv"
    data.write_text(csv_of(looks(3)))
    assert refused(capsys, "--data", str(data), *options).startswith(sentence)


def test_the_file_is_not_optional(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys) == "missing option '--data'; see bluegreen backtest --help"
