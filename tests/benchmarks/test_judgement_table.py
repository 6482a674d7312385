"""The judgement's tables: intervals, targets, rendering, the command, and that processes change nothing."""

import json
from dataclasses import replace
from math import inf
from random import Random
from statistics import fmean, variance

import pytest
from scipy import stats

from benchmarks.judgement import command, play
from benchmarks.judgement.cells import CELLS
from benchmarks.judgement.estimate import Unit, quantile, share
from benchmarks.judgement.figures import (
    Excess,
    HastyVerdicts,
    LookOfPromotion,
    LookOfRollback,
    Promoted,
    PromotedAtTheEnd,
    RolledBack,
    RolledBackFirst,
    Unsure,
)
from benchmarks.judgement.judge import Answer, Ending, judge_run
from benchmarks.judgement.page import BEGIN, END
from benchmarks.judgement.questions import QUESTIONS, judges_of
from benchmarks.judgement.result import Result
from benchmarks.judgement.target import Bound, Standing, Target
from bluegreen_constructs.engine.model import Arm
from bluegreen_constructs.simulation.traffic import Traffic

ROLLBACK_AT_5 = Ending(5, None, 12.4, 30)
PROMOTED_AT_9 = Ending(None, 9, 3.0, 25)
PROMOTED_THEN_ROLLED_BACK = Ending(40, 20, 60.0, 50)
UNSURE = Ending(None, None, -2.0, None)


class Scripted:
    """A judge that gives the answers it was told."""

    name = "scripted"

    def __init__(self, *answers: Answer) -> None:
        self.answers = answers

    def start(self, looks: int) -> "Scripted":
        self.left = list(self.answers[:looks])
        return self

    def observe(self, live: Arm, candidate: Arm) -> Answer:
        return self.left.pop(0)


def everywhere(cells, ending: Ending, runs: int):
    return {cell: {judge.name: [ending] * runs for judge in judges_of(cell)} for cell in cells}


# Intervals


@pytest.mark.parametrize(("hits", "runs"), [(0, 500), (3, 500), (21, 10_000), (250, 500), (500, 500)])
def test_the_interval_of_a_share_is_wilsons_as_scipy_has_it(hits, runs):
    theirs = stats.binomtest(hits, runs).proportion_ci(0.95, method="wilson")
    ours = share(hits, runs)
    assert ours.value == pytest.approx(100 * hits / runs)
    assert (ours.low, ours.high) == pytest.approx((100 * theirs.low, 100 * theirs.high), abs=1e-9)


def test_no_runs_tell_nothing():
    assert (share(0, 0).low, share(0, 0).high) == (0, 100)
    assert (quantile([], 0.5, Unit.LOOKS).low, quantile([], 0.5, Unit.LOOKS).high) == (0, inf)


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_interval_of_a_quantile_holds_the_true_one_19_times_in_20(level):
    random = Random(3)
    true = stats.norm.ppf(level)
    held = sum(
        found.low <= true <= found.high
        for found in (quantile([random.gauss(0, 1) for _ in range(300)], level, Unit.LOOKS) for _ in range(400))
    )
    assert 0.92 <= held / 400 <= 0.99


def test_a_median_of_what_mostly_never_happened_is_never():
    found = quantile([3.0, inf, inf], 0.5, Unit.LOOKS)
    assert found.value == inf
    assert found.text(interval=False) == "never"


def test_numbers_are_written_as_people_read_them():
    assert share(21, 10_000).text() == "0.21 (0.14-0.32) %"
    assert share(0, 10_000).text() == "0 (0-0.04) %"
    assert share(10_000, 10_000).text() == "100 (99.96-100) %"
    assert share(620, 1000).text(interval=False) == "62.0 %"
    assert quantile([14.0] * 90, 0.5, Unit.LOOKS).text() == "14 looks"
    assert quantile([1.0] * 90, 0.5, Unit.LOOKS).text() == "1 look"
    assert quantile(list(map(float, range(1, 100))), 0.5, Unit.REQUESTS).text() == "50 (40-60) requests"


# What is read from the endings


def test_a_judge_that_would_have_promoted_sits_on_until_it_rolls_back():
    nothing, promote, rollback = Answer.NOTHING, Answer.PROMOTE, Answer.ROLLBACK
    looks = [(Arm(90, 1), Arm(10, 2))] * 4
    excess, bad = [1.5, 3.0, 4.5, 6.0], [3, 6, 9, 12]
    assert judge_run(Scripted(nothing, promote, promote, rollback), looks, excess, bad) == Ending(4, 2, 6.0, 6)
    assert judge_run(Scripted(nothing, rollback, rollback, rollback), looks, excess, bad) == Ending(2, None, 3.0, 6)
    assert judge_run(Scripted(nothing, nothing, nothing, promote), looks, excess, bad) == Ending(None, 4, 6.0, 12)
    assert judge_run(Scripted(*[nothing] * 4), looks, excess, bad) == Ending(None, None, 6.0, None)


def test_figures_count_what_they_are_named_for():
    endings = [ROLLBACK_AT_5, PROMOTED_AT_9, PROMOTED_THEN_ROLLED_BACK, UNSURE]
    assert RolledBack(60).of(endings).value == 50
    assert RolledBack(39).of(endings).value == 25
    assert RolledBackFirst(60).of(endings).value == 25
    assert Promoted(60).of(endings).value == 50
    assert Promoted(19).of(endings).value == 25
    assert Unsure().of(endings).value == 25
    assert LookOfRollback().of(endings).value == 40
    assert LookOfPromotion().of(endings).value == 20
    assert Excess(0.5).of(endings).value == 3
    assert Excess(0.95).of(endings).value == 60


def test_looks_after_a_turn_leave_out_what_was_rolled_back_before_it():
    endings = [ending._replace(turn=30) for ending in (ROLLBACK_AT_5, PROMOTED_THEN_ROLLED_BACK, UNSURE)]
    assert RolledBack(10).of(endings).value == 50
    assert RolledBack(9).of(endings).value == 0
    assert LookOfRollback().of(endings).value == 10
    assert Excess(0.5).of(endings).value == -2


def test_promoted_at_the_end_is_whatever_was_promoted_before_or_after_the_turn_and_not_rolled_back_since():
    late_rollback, early_rollback = PROMOTED_THEN_ROLLED_BACK, ROLLBACK_AT_5
    before, after = PROMOTED_AT_9, PROMOTED_AT_9._replace(promoted_at=50)
    endings = [ending._replace(turn=30) for ending in (before, after, late_rollback, UNSURE, early_rollback)]
    assert PromotedAtTheEnd().of(endings).value == 50
    assert PromotedAtTheEnd().of([ending._replace(turn=0) for ending in endings]).value == 40


def test_a_run_is_counted_from_the_look_at_which_its_candidate_turns():
    traffic = Traffic(100, 0.01, (50.0,) * 4, ratio=3, ratio_from=2)
    rollback_at_3 = Scripted(Answer.NOTHING, Answer.PROMOTE, Answer.ROLLBACK)
    endings = play.play_chunk(traffic, [rollback_at_3], 2, Random(5))["scripted"]
    assert [ending.turn for ending in endings] == [2, 2]
    assert LookOfRollback().of(endings).value == 1
    assert play.play_chunk(traffic, [Scripted(*[Answer.NOTHING] * 4)], 1, Random(5))["scripted"][0].turn == 2


def test_a_verdict_from_one_bad_event_is_counted_as_hasty():
    assert HastyVerdicts().of([Ending(3, None, 1.0, 1), Ending(3, None, 1.0, 2), UNSURE]).value == 1


def test_the_excess_counts_from_the_turn_and_above_what_lives_rate_gives():
    traffic = Traffic(100, 0.01, (50.0,) * 4, ratio=3, ratio_from=2)
    looks = list(traffic.looks(Random(5)))
    endings = play.play_chunk(traffic, [Scripted(*[Answer.NOTHING] * 4)], 1, Random(5))
    worse = [candidate for _, candidate in looks[2:]]
    expected = sum(candidate.bad for candidate in worse) - 0.01 * sum(candidate.requests for candidate in worse)
    assert endings["scripted"][0].excess == pytest.approx(expected)
    assert expected > 50


# Targets


@pytest.mark.parametrize(
    ("bound", "limit", "hits", "runs", "standing"),
    [
        (Bound.AT_MOST, 1, 25, 10_000, Standing.MET),
        (Bound.AT_MOST, 1, 95, 10_000, Standing.MISSED),  # the value is below the limit, the interval reaches above
        (Bound.AT_MOST, 1, 3, 500, Standing.OPEN),
        (Bound.AT_MOST, 1, 40, 500, Standing.MISSED),
        (Bound.AT_LEAST, 99, 9900, 10_000, Standing.MET),
        (Bound.AT_LEAST, 99, 9899, 10_000, Standing.MISSED),
        (Bound.AT_LEAST, 99, 98, 100, Standing.MISSED),
    ],
)
def test_at_most_is_held_by_the_interval_and_at_least_by_the_value(bound, limit, hits, runs, standing):
    assert Target("ours", RolledBack(60), bound, limit).standing(share(hits, runs), runs) is standing


def test_a_count_of_zero_meets_at_most_zero_and_one_misses_it():
    target = Target("ours", HastyVerdicts(), Bound.AT_MOST, 0)
    fine, hasty = [UNSURE] * 50, [UNSURE] * 49 + [Ending(3, None, 1.0, 1)]
    assert target.standing(target.figure.of(fine), 50) is Standing.MET
    assert target.standing(target.figure.of(hasty), 50) is Standing.MISSED


def test_every_target_stands_beside_the_figure_it_judges():
    for question in QUESTIONS:
        shown = {(column.judge.name, figure) for column in question.columns for figure in column.figures}
        for row in question.rows:
            assert {(target.judge, target.figure) for target in row.targets} <= shown


def test_every_cell_is_asked_about_and_every_row_has_its_cell():
    assert {row.cell for question in QUESTIONS for row in question.rows} == set(CELLS)


def test_nobody_is_held_to_what_neither_mode_covers_and_bursts_only_to_the_bursty_mode():
    targets = {row.label: {target.judge for target in row.targets} for row in QUESTIONS[0].rows}
    assert [label for label, judges in targets.items() if not judges] == [
        "covered by neither mode: a side fails 10 % for a look, 1 look in 20"
    ]
    bursty = [label for label, judges in targets.items() if judges == {"ours, bursty"}]
    assert bursty == ["dispersion 1.25", "dispersion 1.5", "dispersion 2", "dispersion 3", "bursts of 10"]


@pytest.mark.parametrize("dispersion", [1.25, 1.5, 2, 3])
def test_a_cell_has_the_dispersion_that_it_is_named_for(dispersion):
    traffic = replace(CELLS[f"unchanged-dispersion-{dispersion:g}"], weights=(50.0,) * 4000)
    bad = [live.bad for live, _ in traffic.looks(Random(2))]
    assert variance(bad) / fmean(bad) == pytest.approx(dispersion, rel=0.1)


# Tables


def test_a_table_has_a_line_for_each_cell_that_was_played_and_says_met_or_missed():
    good = Result(everywhere(["100rps-2x"], ROLLBACK_AT_5, 10_000), 10_000, 60.0).markdown()
    line = next(line for line in good.splitlines() if line.startswith("| 100 rps, 0.2 %, 2x | 100"))
    assert line.startswith("| 100 rps, 0.2 %, 2x | 100 (99.96-100) %, 5 looks | 100 (99.96-100) % | ")
    assert line.endswith("| at least 99 %: met; at most 16 looks: met; at least 96 %: met |")
    assert "100rps-3x" not in good
    assert "What a worse release costs" not in good

    bad = Result(everywhere(["100rps-2x"], PROMOTED_AT_9, 10_000), 10_000, 60.0)
    assert "at most 5 %: MISSED |" in bad.markdown()
    assert "at least 99 %: MISSED; at most 16 looks: MISSED; at least 96 %: MISSED |" in bad.markdown()
    assert len(bad.missed()) == 4
    assert bad.missed()[0] == "100rps-2x: promoted within 60 looks: 100 (99.96-100) %, at most 5 %: MISSED"


def test_all_lines_of_a_table_have_as_many_fields_as_its_head():
    tables = Result(everywhere(CELLS, PROMOTED_AT_9, 20), 20, 1.0).markdown().split("\n\n")
    tables = [table.splitlines() for table in tables if table.startswith("|")]
    assert len(tables) == len(QUESTIONS)
    for lines in tables:
        assert len({line.count("|") for line in lines}) == 1
        assert set(lines[1]) == {"|", "-"}


def test_a_unit_that_the_next_number_shares_is_written_once():
    tables = Result(everywhere(["ramp-100rps-3x"], ROLLBACK_AT_5, 500), 500, 1.0).markdown()
    assert "| 100 rps, 3x | 12, 12 requests |" in tables


def test_a_target_of_another_mode_names_it():
    tables = Result(everywhere(["unchanged-bursts"], UNSURE, 10_000), 10_000, 1.0).markdown()
    assert "at most 1 % (ours, bursty): met" in tables


# The command


@pytest.fixture
def played(monkeypatch):
    """The command with made-up endings in place of minutes of playing; what they are can be set."""
    made_up = {"ending": ROLLBACK_AT_5}

    def fake(cells, runs, processes, done):
        for cell in cells:
            done(cell)
        return everywhere(cells, made_up["ending"], runs)

    monkeypatch.setattr(command, "play", fake)
    return made_up


def test_an_unknown_cell_is_refused_with_the_list(capsys):
    assert command.run(["--cell", "100rps-2x,100rps-7x"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("judgement: there is no cell '100rps-7x': give any of unchanged-1rps, ")
    assert all(cell in said for cell in CELLS)


@pytest.mark.parametrize("arguments", [["--runs", "0"], ["--runs", "2000000"], ["--processes", "0"]])
def test_numbers_out_of_range_are_refused_with_what_is_allowed(arguments, capsys):
    assert command.run(arguments) == 2
    assert f"judgement: {arguments[0]} is {arguments[1]}: give a whole number from 1 to " in capsys.readouterr().err


def test_the_command_ends_with_0_when_all_targets_are_met_and_with_1_when_one_is_missed(played, capsys):
    assert command.run(["--cell", "100rps-2x"]) == 0
    seen = capsys.readouterr()
    assert "at least 99 %: met" in seen.out
    assert "100rps-2x, 0 to go" in seen.err
    assert "MISSED" not in seen.err
    played["ending"] = UNSURE
    assert command.run(["--cell", "100rps-2x"]) == 1
    assert "100rps-2x: rolled back within 60 looks: 0 (0-0.04) %, at least 99 %: MISSED" in capsys.readouterr().err


def test_the_json_file_holds_every_figure_with_its_interval_and_every_target(played, tmp_path):
    file = tmp_path / "judgement.json"
    assert command.run(["--cell", "100rps-2x", "--runs", "10000", "--json", str(file)]) == 0
    written = json.loads(file.read_text())
    assert written["passed"] is True
    assert written["runs"] == 10_000
    promoted, rolled_back = written["rows"]
    assert promoted["figures"][0] == {
        "judge": "ours",
        "figure": "promoted within 60 looks",
        "value": 0.0,
        "low": 0.0,
        "high": 0.0384,
        "unit": "%",
    }
    assert [target["standing"] for target in rolled_back["targets"]] == ["met"] * 3


def test_what_never_happened_is_null_in_json(played, tmp_path):
    played["ending"] = UNSURE
    file = tmp_path / "judgement.json"
    command.run(["--cell", "100rps-2x", "--json", str(file)])
    looks = [figure for figure in json.loads(file.read_text())["rows"][1]["figures"] if figure["unit"] == "looks"]
    assert {figure["value"] for figure in looks} == {None}


def test_a_json_file_in_no_folder_is_refused_before_anything_is_played(tmp_path, capsys):
    assert command.run(["--json", str(tmp_path / "no" / "judgement.json")]) == 2
    assert "for the JSON file: make it, or name another" in capsys.readouterr().err


def test_the_tables_replace_what_is_between_the_markers_of_the_page(played, tmp_path, monkeypatch):
    page = tmp_path / "statistics.md"
    page.write_text(f"# Before\n\n{BEGIN}\nstale\n{END}\n\nAfter.\n")
    monkeypatch.setattr(command, "PAGE", page)
    monkeypatch.setattr(command, "ENOUGH_RUNS", 100)
    command.run(["--write", "--runs", "100"])
    text = page.read_text()
    assert text.startswith(f"# Before\n\n{BEGIN}\n100 runs of each row")
    assert text.endswith(f"|\n{END}\n\nAfter.\n")
    assert "stale" not in text
    command.run(["--write", "--runs", "100"])
    assert page.read_text().count("### An unchanged release is rolled back") == 1


@pytest.mark.parametrize("text", ["# No markers\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n", None])
def test_a_page_without_a_place_for_the_tables_is_refused_before_anything_is_played(
    text, tmp_path, monkeypatch, capsys
):
    page = tmp_path / "statistics.md"
    if text is not None:
        page.write_text(text)
    monkeypatch.setattr(command, "PAGE", page)
    monkeypatch.setattr(command, "play", None)
    assert command.run(["--write"]) == 2
    said = capsys.readouterr().err
    assert BEGIN in said
    assert said.count("\n") == 1


def test_some_cells_only_are_not_written_to_the_page(capsys):
    assert command.run(["--write", "--cell", "0.5rps"]) == 2
    assert "--write needs all cells" in capsys.readouterr().err


@pytest.mark.parametrize("few", [["--runs", "9999"], ["--quick"]])
def test_too_few_runs_are_not_written_to_the_page(few, tmp_path, monkeypatch, capsys):
    page = tmp_path / "statistics.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    monkeypatch.setattr(command, "PAGE", page)
    monkeypatch.setattr(command, "play", None)
    assert command.run(["--write", *few]) == 2
    assert "are too few: give 10000 or more" in capsys.readouterr().err
    assert page.read_text() == f"{BEGIN}\n{END}\n"


def test_an_interruption_ends_without_a_traceback(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "play", interrupted)
    assert command.run(["--cell", "0.5rps"]) == 130
    assert capsys.readouterr().err == "judgement: interrupted\n"


# Playing


def test_more_runs_begin_with_the_same_ones(monkeypatch):
    monkeypatch.setattr(play, "RUNS_PER_CHUNK", 4)
    few, many = play.play(["0.5rps-10x"], 6, 1), play.play(["0.5rps-10x"], 9, 1)
    assert {judge: endings[:6] for judge, endings in many["0.5rps-10x"].items()} == few["0.5rps-10x"]
    assert all(len(endings) == 9 for endings in many["0.5rps-10x"].values())


def test_two_processes_give_what_one_gives(monkeypatch):
    monkeypatch.setattr(play, "RUNS_PER_CHUNK", 3)
    heard: list[str] = []
    alone = play.play(["late-5x", "0.5rps-10x"], 7, 1)
    together = play.play(["late-5x", "0.5rps-10x"], 7, 2, heard.append)
    assert together == alone
    assert heard == ["late-5x", "0.5rps-10x"]
    assert alone["late-5x"]["ours"] != alone["late-5x"]["plain grid"]
