"""`bluegreen simulate` prints how rollouts end, says what to change, and refuses what cannot be in one sentence."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bluegreen_constructs.cli.commands import run
from tests.cli.running_command import RunningCommand

SMALL = ("--runs", "20", "--looks", "5")
Said = Callable[..., str]
Played = Callable[..., dict[str, Any]]


@pytest.fixture
def text(capsys: pytest.CaptureFixture[str]) -> Said:
    def said(*arguments: str) -> str:
        assert run(["simulate", *arguments]) == 0
        return capsys.readouterr().out

    return said


@pytest.fixture
def played(text: Said) -> Played:
    return lambda *arguments: json.loads(text(*arguments, "--format", "json"))


def notes(result: Mapping[str, Any]) -> str:
    return "\n".join(result["notes"])


def without_style(said: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", said)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence of a command that was not played."""
    assert run(["simulate", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert not line.endswith(".")
    return line.removeprefix("bluegreen: ")


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("--rps", "many", "number of requests per second: give a number above 0 and at most 10000000"),
        ("--rps", "0", "number of requests per second: give a number above 0 and at most 10000000"),
        ("--rps", "-1", "number of requests per second: give a number above 0 and at most 10000000"),
        ("--rps", "nan", "number of requests per second: give a number above 0 and at most 10000000"),
        ("--rps", "inf", "number of requests per second: give a number above 0 and at most 10000000"),
        ("--rps", "1e8", "number of requests per second: give a number above 0 and at most 10000000"),
        ("--error-rate", "-0.1", "error rate in percent: give a number from 0 to 99"),
        ("--error-rate", "100", "error rate in percent: give a number from 0 to 99"),
        ("--error-rate", "0.2%", "error rate in percent: give a number from 0 to 99"),
        ("--weight", "0", "weight in percent: give a number above 0 and at most 99.9"),
        ("--weight", "100", "weight in percent: give a number above 0 and at most 99.9"),
        ("--looks", "0", "number of looks: give a whole number from 1 to 100000"),
        ("--looks", "2.5", "number of looks: give a whole number from 1 to 100000"),
        ("--looks", "9" * 5000, "number of looks: give a whole number from 1 to 100000"),
        ("--seconds-per-look", "0", "number of seconds: give a number from 1 to 86400"),
        ("--burst", "0", "size of a burst: give a number from 1 to 1000000"),
        ("--mode", "wild", "mode: give independent or bursty"),
        ("--false-alarm", "0", "probability in percent: give a number above 0 and at most 50"),
        ("--wrong-promotion", "51", "probability in percent: give a number above 0 and at most 50"),
        ("--margin", "1", "margin: give a number above 1 and at most 100"),
        ("--negligible", "0", "error rate in percent: give a number above 0 and at most 99"),
        ("--runs", "0", "number of runs: give a whole number from 1 to 1000000"),
        ("--runs", "1e3", "number of runs: give a whole number from 1 to 1000000"),
        ("--runs", "1000001", "number of runs: give a whole number from 1 to 1000000"),
        ("--seed", "-1", "seed: give a whole number from 0 to 9223372036854775807"),
        ("--format", "csv", "format: give text or json"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(
    capsys: pytest.CaptureFixture[str], option: str, value: str, allowed: str
) -> None:
    assert refusal(capsys, option, value) == (
        f"invalid value for '{option}': '{value}' is no {allowed}; see bluegreen simulate --help"
    )


RATIOS = "is no ratio; give numbers from 0 to 10000 with commas between them, such as 1,1.5,2,3,5"
STEPS = (
    "is no step; give percent:looks with commas between them, percent above 0 and at most 99.9, looks from 1 to "
    "100000, such as 1:5,10:5,50:20"
)


@pytest.mark.parametrize(
    ("option", "value", "wrong"),
    [
        ("--ratio", "1,two", f"'two' {RATIOS}"),
        ("--ratio", "1,,2", f"'' {RATIOS}"),
        ("--ratio", "", f"'' {RATIOS}"),
        ("--ratio", "-1", f"'-1' {RATIOS}"),
        ("--ratio", "1, nan", f"'nan' {RATIOS}"),
        ("--ratio", "1e5", f"'1e5' {RATIOS}"),
        ("--ratio", "600", "600 times 0.2 % is more than all requests; give a smaller ratio or a smaller --error-rate"),
        ("--steps", "1:5,50", f"'50' {STEPS}"),
        ("--steps", "1:5,100:5", f"'100:5' {STEPS}"),
        ("--steps", "1:0", f"'1:0' {STEPS}"),
        ("--steps", "1:5:5", f"'1:5:5' {STEPS}"),
        ("--steps", "nan:5", f"'nan:5' {STEPS}"),
        ("--steps", "", f"'' {STEPS}"),
    ],
)
def test_a_wrong_member_of_a_list_is_refused_with_what_is_allowed(
    capsys: pytest.CaptureFixture[str], option: str, value: str, wrong: str
) -> None:
    assert refusal(capsys, option, value) == f"{option} {value}: {wrong}"


@pytest.mark.parametrize("other", ["--weight", "--looks"])
def test_steps_and_a_single_weight_are_refused_together(capsys: pytest.CaptureFixture[str], other: str) -> None:
    assert refusal(capsys, "--steps", "1:5", other, "10") == (
        "--steps is given together with --weight or --looks: give either the steps, or one weight and its looks"
    )


def test_a_negligible_rate_is_refused_where_it_proves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "--negligible", "1", "--mode", "bursty") == (
        "--negligible is given with --mode bursty, where requests without failures prove little: leave it out, or use "
        "--mode independent"
    )


@pytest.mark.parametrize(
    ("arguments", "looks"),
    [
        (["--runs", "1000000"], "1000000 runs of 60 looks for every ratio are up to 300000000 looks"),
        (["--steps", "1:90000,2:90000"], "2000 runs of 180000 looks for every ratio are up to 1800000000 looks"),
        (["--looks", "5001"], "2000 runs of 5001 looks for every ratio are up to 50010000 looks"),
    ],
)
def test_what_would_run_for_hours_is_refused_with_the_limit(
    capsys: pytest.CaptureFixture[str], arguments: list[str], looks: str
) -> None:
    assert refusal(capsys, *arguments) == (
        f"{looks}, and at most 10000000 are played: give fewer runs, looks or ratios"
    )


def test_more_bursts_than_can_be_played_are_refused_with_the_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "--burst", "2", "--rps", "1e6") == (
        "these runs may have 1.8e+11 bursts of failures, and at most 100000000 are played: give fewer runs, looks or "
        "ratios, or a smaller --rps"
    )


@pytest.mark.parametrize(("argument", "words"), [("--rp", "no such option"), ("100", "unexpected extra argument")])
def test_wrong_usage_is_refused_with_where_to_read_on(
    capsys: pytest.CaptureFixture[str], argument: str, words: str
) -> None:
    said = refusal(capsys, argument)
    assert words in said
    assert said.endswith("; see bluegreen simulate --help")


def test_the_table_has_a_row_for_each_ratio_and_the_promise_below(text: Said) -> None:
    said = text(*SMALL, "--ratio", "1.5,5,5")
    assert said.startswith("traffic    100 requests/s, 0.2 % fail on live\n")
    assert "candidate  10 % for up to 5 looks, one every 60 s\n" in said
    assert "judged as  independent; each row is 20 rollouts\n" in said
    rows = [line for line in said.splitlines() if "±" in line and not line.startswith("±")]
    assert [row.split()[0] for row in rows] == ["1.5", "5"]
    assert re.fullmatch(
        r" +5 +\d+\.\d ±\d+\.\d +\d+\.\d ±\d+\.\d +\d+\.\d ±\d+\.\d +[\d.]+ / [\d.]+ +- +\d+ / \d+ *", rows[1]
    )
    assert (
        "rolled back in at most 1 % of rollouts; one that fails 2 times as often or more is promoted in at most 5 %"
        in (" ".join(said.split()))
    )


def test_the_json_has_numbers_with_the_inputs_and_an_object_for_each_ratio(played: Played) -> None:
    result = played(*SMALL, "--ratio", "1.5,5", "--seed", "7", "--negligible", "0.05")
    assert result["inputs"] == {
        "requests_per_second": 100.0,
        "error_rate_percent": 0.2,
        "ratios": [1.5, 5.0],
        "steps": [{"percent": 10.0, "looks": 5}],
        "promotes": "at-first-verdict",
        "seconds_per_look": 60.0,
        "burst": 1.0,
        "mode": "independent",
        "false_alarm_percent": 1.0,
        "margin": 2.0,
        "wrong_promotion_percent": 5.0,
        "negligible_percent": 0.05,
        "runs": 20,
        "seed": 7,
    }
    slightly, bad = result["releases"]
    assert (slightly["ratio"], bad["ratio"]) == (1.5, 5.0)
    assert set(bad) == {"ratio", "rolled_back", "promoted", "unsure"}
    assert sum(bad[end]["runs"] for end in ("rolled_back", "promoted", "unsure")) == 20
    rolled_back = bad["rolled_back"]
    assert rolled_back["percent"] == 5 * rolled_back["runs"] >= 90
    assert rolled_back["percent_low"] < 90 < rolled_back["percent_high"] <= 100
    assert 1 <= rolled_back["minutes"]["median"] <= rolled_back["minutes"]["p95"] <= 5
    assert 0 < rolled_back["excess_failures"]["median"] < rolled_back["candidate_failures"]["median"]
    assert bad["promoted"]["minutes"] is None
    assert result["notes"][0].startswith("The promise: ")


def test_a_row_is_the_same_whatever_other_rows_there_are_and_the_seed_decides_it(played: Played) -> None:
    alone = played(*SMALL, "--ratio", "1.5")["releases"]
    assert played(*SMALL, "--ratio", "5,1.5")["releases"][1:] == alone
    assert played(*SMALL, "--ratio", "1.5", "--seed", "2")["releases"] != alone


def test_steps_are_taken_one_after_the_other_and_promote_after_the_last(played: Played) -> None:
    result = played("--runs", "20", "--steps", "10:10,50:10", "--ratio", "1", "--seconds-per-look", "30")
    assert result["inputs"]["steps"] == [{"percent": 10.0, "looks": 10}, {"percent": 50.0, "looks": 10}]
    assert result["inputs"]["promotes"] == "after-last-step"
    assert result["releases"][0]["promoted"]["minutes"] == {"median": 10.0, "p95": 10.0}


def test_percentages_are_percentages(played: Played) -> None:
    # 2 % of 600 requests a minute are 12 failures on live; 20 % of them would be 1080.
    result = played(*SMALL, "--ratio", "1", "--error-rate", "2", "--rps", "100", "--weight", "50")
    failures = result["releases"][0]["promoted"]["candidate_failures"]["median"]
    minutes = result["releases"][0]["promoted"]["minutes"]["median"]
    assert 0.02 * 3000 * minutes == pytest.approx(failures, rel=0.3)


def test_looser_terms_reach_the_judgement(played: Played) -> None:
    strict = played("--runs", "40", "--looks", "4", "--ratio", "1.9")["releases"][0]
    loose = played("--runs", "40", "--looks", "4", "--ratio", "2", "--false-alarm", "30")["releases"][0]
    assert loose["rolled_back"]["runs"] > strict["rolled_back"]["runs"] + 10
    wide = played("--runs", "40", "--looks", "4", "--ratio", "1.9", "--margin", "50", "--wrong-promotion", "50")
    assert wide["releases"][0]["promoted"]["runs"] > strict["promoted"]["runs"] + 10


def test_low_traffic_is_told_that_it_ends_unsure_and_how_long_a_verdict_takes(played: Played) -> None:
    said = notes(played(*SMALL, "--rps", "0.5", "--ratio", "1"))
    assert "100 % of unchanged releases end UNSURE after 5 min and are held: too little happens to judge by" in said
    found = re.search(r"promoting 9 of 10 unchanged releases takes about ([\d.]+) days. What helps: more looks ", said)
    assert found is not None
    assert 2 < float(found[1]) < 4
    assert re.search(r"more weight \(at 50 % about \d+ h\), or --negligible, if an error rate above 0.2 %", said)


def test_traffic_that_takes_years_is_told_so(played: Played) -> None:
    said = notes(played(*SMALL, "--rps", "0.0001", "--ratio", "1"))
    assert "takes more than a year. What helps: --negligible, if an error rate above 0.2 % does not matter." in said


def test_more_looks_than_the_options_allow_are_no_advice(played: Played) -> None:
    said = notes(played(*SMALL, "--error-rate", "1e-5", "--ratio", "1"))
    assert "takes about 330 days. What helps: --negligible, if an error rate above 1e-05 % does not matter." in said
    shorter = notes(played(*SMALL, "--error-rate", "1e-5", "--ratio", "1", "--seconds-per-look", "86400"))
    assert re.search(r"What helps: more looks \(\d+\), more weight \(at 50 % about \d+ days\), or --neg", shorter)


def test_as_many_looks_as_the_options_allow_cannot_be_more(played: Played) -> None:
    said = notes(played("--runs", "1", "--looks", "100000", "--rps", "0.001", "--error-rate", "0.001", "--ratio", "3"))
    assert said.endswith("too little happens to judge by. What helps: more weight.")


def test_bad_releases_that_stay_undecided_are_told_nothing_of_the_promotion_of_others(played: Played) -> None:
    said = notes(played(*SMALL, "--error-rate", "1e-5", "--ratio", "10000"))
    assert "of releases that fail 10000 times as often as live end UNSURE after 5 min and are held: too little" in said
    assert said.endswith("too little happens to judge by. What helps: more looks, or more weight.")
    assert notes(played("--runs", "9", "--steps", "50:1,60:1", "--rps", "1", "--ratio", "3")).endswith(
        "What helps: a longer last step."
    )


def test_better_releases_that_stay_undecided_are_told_their_own_time(played: Played) -> None:
    unchanged, better = (notes(played(*SMALL, "--rps", "0.5", "--ratio", ratio)) for ratio in ("1", "0.2"))
    assert re.search(r"promoting 9 of 10 unchanged releases takes about [\d.]+ days", unchanged)
    assert re.search(r"promoting 9 of 10 of them takes about [\d.]+ h", better)


def test_bad_releases_that_stay_undecided_are_told_of_although_unchanged_ones_are_not(played: Played) -> None:
    loose = ("--wrong-promotion", "50", "--false-alarm", "0.0001", "--margin", "2", "--ratio", "1,2")
    result = played("--runs", "40", "--looks", "6", "--weight", "50", *loose)
    unchanged, bad = (release["unsure"]["percent"] for release in result["releases"])
    assert unchanged <= 20 < bad
    assert f"{bad:g} % of releases that fail 2 times as often as live end UNSURE" in notes(result)


def test_short_steps_are_told_which_one_to_make_longer(played: Played) -> None:
    said = notes(played("--runs", "20", "--steps", "1:2,50:2", "--ratio", "1"))
    assert re.search(
        r"With 50 % of the traffic on the candidate, .* a longer last step \(\d+ looks\), or --negligible", said
    )
    assert "more weight" not in said


def test_bad_releases_that_stay_undecided_are_told_too_when_no_unchanged_one_is_played(played: Played) -> None:
    said = notes(played(*SMALL, "--rps", "20", "--ratio", "1.5,3"))
    assert "% of releases that fail 3 times as often as live end UNSURE" in said


def test_enough_traffic_is_told_the_promise_and_nothing_else(played: Played) -> None:
    assert len(played("--runs", "20", "--rps", "2000", "--ratio", "1,3")["notes"]) == 1


def test_releases_in_the_zone_of_indifference_may_stay_undecided(played: Played) -> None:
    assert len(played(*SMALL, "--ratio", "1.5")["notes"]) == 1


def test_a_service_without_failures_is_told_to_name_a_negligible_rate(played: Played) -> None:
    result = played(*SMALL, "--error-rate", "0")
    assert [release["unsure"]["percent"] for release in result["releases"]] == [100.0] * 5
    assert "every release is held, whatever its ratio: say which error rate does not matter, such as --negligible " in (
        notes(result)
    )
    judged = played("--runs", "20", "--looks", "20", "--error-rate", "0", "--negligible", "0.05", "--ratio", "1,9")
    assert [release["promoted"]["percent"] for release in judged["releases"]] == [100.0] * 2
    assert "the releases of all ratios are the same" in notes(judged)
    assert "or more, and more than 0.05 % of requests, is promoted in at most 5 %" in notes(judged)


def test_bursts_judged_as_independent_are_told_that_the_promise_is_broken(played: Played) -> None:
    said = notes(played("--runs", "100", "--looks", "20", "--burst", "10", "--ratio", "1,2,3"))
    assert re.search(
        r"The promise is broken here: \d+ % of unchanged releases are rolled back, and \d+ % of releases that fail 2 "
        r"times as often as live are promoted. Failures in bursts of 10 are not independent of each other: use --mode "
        r"bursty.",
        said,
    )
    assert "fail 3 times" not in said


def test_bursts_whose_harm_does_not_show_are_told_that_the_promise_does_not_cover_them(played: Played) -> None:
    said = notes(played(*SMALL, "--burst", "10", "--ratio", "1.5"))
    assert "The promise does not cover this traffic. Failures in bursts of 10 are not independent" in said


def test_bursts_judged_as_bursty_keep_the_promise_and_lose_time(played: Played) -> None:
    result = played(
        "--runs", "20", "--looks", "20", "--burst", "4", "--mode", "bursty", "--ratio", "1", "--weight", "50"
    )
    assert result["inputs"]["mode"] == "bursty"
    assert "broken" not in notes(result)
    assert "use --mode bursty" not in notes(result)
    assert "--negligible" not in notes(result)


def test_independent_failures_judged_as_bursty_are_told_of_the_faster_mode(played: Played) -> None:
    said = notes(played(*SMALL, "--mode", "bursty", "--rps", "0.001", "--ratio", "1"))
    assert "takes more than 33 h. What helps: --mode independent, if failures do not come in bursts." in said


def test_a_promotion_below_the_negligible_rate_is_no_broken_promise(played: Played) -> None:
    arguments = ("--runs", "40", "--looks", "10", "--error-rate", "0.01", "--ratio", "3", "--negligible")
    allowed = played(*arguments, "0.5")
    assert allowed["releases"][0]["promoted"]["percent"] > 90
    assert "broken" not in notes(allowed)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--runs", "2"],
        ["--runs", "10", "--rps", "0.3", "--looks", "60"],
        ["--runs", "10", "--rps", "1e7", "--error-rate", "20", "--seconds-per-look", "86400"],
        ["--runs", "10", "--steps", "1:5,5:5,10:5,25:5,50:5"],
        ["--runs", "10", "--seconds-per-look", "1", "--error-rate", "3"],
    ],
)
def test_nothing_is_cut_off_or_wider_than_a_window_of_80_columns(
    text: Said, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    lines = without_style(text(*arguments)).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert not any("…" in line for line in lines)
    assert sum("±" in line for line in lines) == 6  # a line for each row, and the legend


@pytest.mark.parametrize("columns", ["20", "60"])
def test_a_narrow_window_wraps_sentences_and_leaves_the_tables_whole(
    text: Said, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    arguments = ("--runs", "10", "--steps", "1:5,5:5,10:5,25:5,50:5")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    wide = without_style(text(*arguments))
    monkeypatch.setenv("COLUMNS", columns)
    narrow = without_style(text(*arguments))
    assert "…" not in narrow
    assert narrow.splitlines()[:12] == wide.splitlines()[:12]
    assert max(len(line) for line in narrow.splitlines()[12:]) <= int(columns)
    assert narrow.split() == wide.split()


def test_the_legend_says_what_the_one_number_and_the_two_are(text: Said) -> None:
    said = " ".join(text(*SMALL, "--ratio", "1,9").split())
    assert (
        "Rollback after, excess failures: median / 95th percentile of the runs that were rolled back. Promotion after: "
        "median of the promoted."
    ) in said


def test_a_log_gets_one_line_of_progress_and_no_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert run(["simulate", *SMALL, "--ratio", "1.5,5"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "playing 40 rollouts of up to 5 looks" in line


def test_who_watches_sees_a_bar_and_keeps_the_result_clean(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert run(["simulate", *SMALL, "--ratio", "1.5", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert "playing rollouts" in said.err
    assert "100%" in said.err
    assert json.loads(said.out)["inputs"]["runs"] == 20


def test_help_explains_every_option_and_ends_with_examples(text: Said) -> None:
    said = text("--help")
    assert "\n    bluegreen simulate --burst 10 --mode bursty --format json" in said
    assert len(set(re.findall(r"^  (--[a-z-]+) ", said, flags=re.MULTILINE))) == 17
    assert max(len(line) for line in said.splitlines()) <= 80


def test_an_interrupted_simulation_ends_with_one_sentence(tmp_path: Path) -> None:
    with RunningCommand("simulate", "--runs", "20000", directory=tmp_path) as command:
        command.read_until("playing 100000 rollouts")
        command.process.send_signal(signal.SIGINT)
        code, out, err = command.end()
    assert (code, out) == (130, "")
    assert err == "bluegreen: interrupted; everything that was started has been ended\n"


def test_the_command_line_starts_without_the_simulation_and_plays_without_numpy() -> None:
    script = (
        "import sys\n"
        "from bluegreen_constructs.cli.commands import run\n"
        "heavy = ('bluegreen_constructs.simulation', 'numpy', 'boto3', 'rich.progress')\n"
        "print([name for name in heavy if name in sys.modules])\n"
        f"run(['simulate', *{SMALL!r}])\n"
        "print([name for name in ('numpy', 'scipy', 'boto3', 'aws_cdk') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "[]"
    assert done.stdout.splitlines()[-1] == "[]"
