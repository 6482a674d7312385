"""The judge replayed on the past."""

from collections import Counter

import pytest

from bluegreen_constructs.engine.comparison import ErrorComparison, Terms
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.model import Arm, Verdict
from bluegreen_constructs.planning.backtest import backtest
from bluegreen_constructs.planning.dispersion import (
    Interval,
)
from bluegreen_constructs.planning.replay import Replay
from tests.past_traffic import exchanged, past


def test_each_whole_window_is_played_as_it_is_and_with_the_sides_exchanged() -> None:
    found = backtest(past(1, 130), looks=60)
    assert (found.independent.plays, found.bursty.plays) == (4, 4)
    assert (found.independent.mode, found.bursty.mode) == ("independent", "bursty")


@pytest.mark.parametrize("mode", ["independent", "bursty"])
def test_a_replay_says_what_the_comparison_would_have_said(mode: str) -> None:
    intervals = past(2, 120, burst=4)
    expected, healthy_at = Counter[Verdict](), []
    for window in (intervals[:40], intervals[40:80], intervals[80:]):
        for played in (window, exchanged(window)):
            evidence, first = ErrorComparison(0.02, 3.0, 0.1, mode=mode).start(), None
            for look, interval in enumerate(played, start=1):
                evidence = evidence.observe(*interval)
                first = look if first is None and evidence.verdict is Verdict.HEALTHY else first
            expected[evidence.verdict] += 1
            healthy_at += [first] if evidence.verdict is Verdict.HEALTHY else []
    found = backtest(intervals, Terms(0.02, 3.0, 0.1), looks=40)
    replay: Replay = getattr(found, mode)
    assert (replay.rolled_back, replay.promoted, replay.unsure) == tuple(
        expected[verdict] for verdict in (Verdict.UNHEALTHY, Verdict.HEALTHY, Verdict.UNSURE)
    )
    assert replay.median_looks == (sorted(healthy_at)[(len(healthy_at) - 1) // 2] if healthy_at else None)
    assert replay.false_alarm_rate == replay.rolled_back / 6


def test_a_side_that_is_worse_is_rolled_back_once_of_two_plays() -> None:
    found = backtest(past(3, 60, ratio=5.0))
    assert (found.independent.plays, found.independent.rolled_back, found.independent.promoted) == (2, 1, 1)


def test_windows_without_data_are_not_played() -> None:
    silent: list[Interval] = [(None, None)] * 60
    one_sided: list[Interval] = [(Arm(100, 1), None)] * 60
    found = backtest(silent + past(4, 60) + one_sided)
    assert found.independent.plays == 2
    assert (found.intervals, found.compared) == (180, 60)


def test_a_past_shorter_than_a_rollout_is_measured_and_not_replayed() -> None:
    found = backtest(past(5, 59))
    assert found.independent == Replay("independent", 0, 0, 0, 0, None)
    assert found.independent.false_alarm_rate is None
    assert found.dispersion.intervals == 59


def test_the_mode_of_the_terms_does_not_enter_and_a_negligible_rate_enters_one_mode_only() -> None:
    intervals = past(6, 60)
    as_independent = backtest(intervals, Terms(mode="independent"))
    as_bursty = backtest(intervals, Terms(mode="bursty"))
    assert as_independent.independent == as_bursty.independent
    assert as_independent.bursty == as_bursty.bursty
    quiet: list[Interval] = [(Arm(30_000, 0), Arm(30_000, 0))] * 60
    found = backtest(quiet, Terms(negligible=0.001))
    assert (found.independent.promoted, found.bursty.promoted) == (2, 0)


@pytest.mark.parametrize("looks", [0, -1, 2.5, True, "60"])
def test_looks_that_are_no_number_of_intervals_are_refused_with_what_is_allowed(looks: object) -> None:
    with pytest.raises(ConfigurationError, match=f"looks is {looks!r}: give how many intervals a rollout takes, 1 or "):
        backtest([], looks=looks)


# What is proposed
