"""The answers to replayed requests: when one is bad, when it was compared with anything, and what they come to."""

import json

import pytest

from bluegreen_constructs.engine.comparators import Comparator, Exact, Score, Tolerance
from bluegreen_constructs.engine.comparison import Arm
from bluegreen_constructs.engine.model import Verdict
from bluegreen_constructs.engine.replay import MOST_DETAILS, ReplayRequest, ReplayRequests
from bluegreen_constructs.engine.replayed_answers import (
    FIRST,
    HOTFIX,
    MOST_DIFFERENCES,
    Answer,
    Replayed,
    difference,
    has_measure,
    is_settled,
    result,
)

READY = ReplayRequest("/ready")


class TestAnswers:
    def test_live_is_the_measure_where_no_answer_is_expected(self) -> None:
        live = Answer(200, '{"topic": "billing"}')
        assert difference(READY, Exact(), Answer(200, '{"topic":"billing"}'), live) == ""
        found = difference(READY, Exact(), Answer(200, '{"topic": "other"}'), live)
        assert found == 'GET /ready differs at topic: "other" instead of "billing"'

    def test_an_expected_answer_is_the_measure_of_both(self) -> None:
        golden = ReplayRequest("/ready", answer='{"topic": "billing"}')
        assert "instead of" in difference(golden, Exact(), Answer(200, '{"topic": "other"}'), None)
        assert difference(golden, Exact(), Answer(200, '{"topic":"billing"}'), Answer(200, "other")) == ""

    def test_another_status_than_lives_is_a_difference(self) -> None:
        assert "answered 404, expected 200" in difference(READY, Exact(), Answer(404), Answer(200))
        assert difference(READY, Exact(), Answer(404), Answer(404)) == ""

    def test_a_live_side_that_fails_is_no_measure_of_the_candidate(self) -> None:
        for failed in (Answer(503, "sorry"), Answer(None, "refused")):
            assert difference(READY, Exact(), Answer(200, "fine"), failed) == ""
            assert "answered 500" in difference(READY, Exact(), Answer(500, "oops"), failed)

    def test_no_answer_is_a_bad_one(self) -> None:
        assert difference(READY, Exact(), Answer(None, "timed out"), None) == "GET /ready got no answer: timed out"

    def test_an_error_that_is_expected_is_a_good_answer(self) -> None:
        broken = ReplayRequest("/broken", status=503)
        assert difference(broken, Exact(), Answer(503, "a"), Answer(503, "a")) == ""
        assert "answered 200, expected 503" in difference(broken, Exact(), Answer(200), None)


class TestMeasure:
    @pytest.mark.parametrize(
        ("request_", "comparator", "live"),
        [
            (READY, Exact(), Answer(200, "fine")),
            (READY, Score("score", below=0.1), Answer(200, '{"score": 0.9}')),
            (ReplayRequest("/a", answer='{"a": 1}'), Exact(), None),
            (ReplayRequest("/a", status=403), Exact(), Answer(None, "refused")),
            (READY, Score("score", at_least=0.5), Answer(None, "refused")),
            (READY, Score("score", at_least=0.5, below=0.1), Answer(503, "sorry")),
        ],
    )
    def test_what_is_expected_and_a_good_answer_of_live_are_one(
        self, request_: ReplayRequest, comparator: Comparator, live: Answer | None
    ) -> None:
        assert has_measure(request_, comparator, live)

    @pytest.mark.parametrize("live", [Answer(status, "{}") for status in (302, 403, 404, 503)] + [Answer(None), None])
    @pytest.mark.parametrize("comparator", [Exact(), Tolerance(relative=0.1), Score("score", below=0.1)])
    def test_a_refusal_a_redirect_and_no_answer_are_none(self, comparator: Comparator, live: Answer | None) -> None:
        assert not has_measure(READY, comparator, live)

    def test_an_answer_without_the_number_that_decides_is_none(self) -> None:
        below = Score("score", below=0.1)
        assert not has_measure(READY, below, Answer(200, '{"topic": "billing"}'))
        assert not has_measure(ReplayRequest("/a", answer="{}"), below, Answer(200, '{"score": 0.9}'))


def seen(live: Arm, candidate: Arm, compared: int | None = None) -> Replayed:
    bad = tuple(f"difference {number}" for number in range(min(candidate.bad, MOST_DIFFERENCES)))
    return Replayed(candidate.requests, live, candidate, bad, candidate.requests if compared is None else compared)


class TestResult:
    def test_all_good_passes_and_says_how_many_it_were(self) -> None:
        found = result(ReplayRequests([READY]), seen(Arm(20, 0), Arm(20, 0)), left_out=3)
        assert found.passes
        assert found.verdict is Verdict.UNSURE, "twenty good answers do not show that a release is good"
        assert found.reason == ("0 of 20 answers of the candidate were bad, 0 of 20 of live's; 3 writes were left out")
        assert found.evidence["left_out"] == 3

    def test_one_bad_golden_answer_fails(self) -> None:
        found = result(ReplayRequests([READY]), seen(Arm(50, 0), Arm(50, 1)), left_out=0)
        assert not found.passes
        assert found.reason.endswith("; difference 0")

    def test_a_share_can_be_tolerated_to_its_edge(self) -> None:
        replay = ReplayRequests([READY], tolerated=0.29)
        assert result(replay, seen(Arm(100, 29), Arm(100, 29)), 0).passes
        assert not result(replay, seen(Arm(100, 30), Arm(100, 30)), 0).passes

    def test_a_candidate_shown_to_fail_more_often_fails_whatever_is_tolerated(self) -> None:
        for tolerated in (0.9, None):
            found = result(ReplayRequests([READY], tolerated=tolerated), seen(Arm(100, 0), Arm(100, 30)), 0)
            assert (found.passes, found.verdict) == (False, Verdict.UNHEALTHY)

    def test_a_live_side_that_differs_from_itself_as_often_speaks_for_the_candidate(self) -> None:
        found = result(ReplayRequests([READY], tolerated=None), seen(Arm(100, 30), Arm(100, 30)), 0)
        assert found.passes

    def test_nothing_compared_is_no_pass_however_much_is_tolerated(self) -> None:
        for tolerated in (0.0, 0.9, None):
            replay = ReplayRequests([READY], tolerated=tolerated)
            found = result(replay, seen(Arm(20, 0), Arm(20, 0), compared=0), 0)
            assert not found.passes
            assert found.reason.startswith("live gave nothing to compare with, and nothing is expected: 0 of 20")
            assert found.evidence["compared"] == 0

    def test_a_first_deployment_has_nothing_to_be_compared_with_and_passes_unless_it_fails_itself(self) -> None:
        good = result(ReplayRequests([READY]), seen(Arm(2, 2), Arm(2, 0), compared=0), 0, alone=FIRST)
        assert good.passes
        assert good.reason.startswith("there is no live yet, as on a first deployment, and nothing is expected")
        bad = result(ReplayRequests([READY]), seen(Arm(2, 2), Arm(2, 1), compared=0), 0, alone=FIRST)
        assert not bad.passes

    def test_a_release_that_live_is_no_yardstick_for_passes_unless_it_fails_itself(self) -> None:
        good = result(ReplayRequests([READY]), seen(Arm(0, 0), Arm(2, 0), compared=0), 0, alone=HOTFIX)
        assert (good.passes, good.verdict) == (True, Verdict.UNSURE)
        assert good.reason == (
            "live is no yardstick, for an alarm was red as the deployment began, and nothing is expected: "
            "0 of 2 answers of the candidate were bad"
        )
        assert not result(ReplayRequests([READY]), seen(Arm(0, 0), Arm(2, 1), compared=0), 0, alone=HOTFIX).passes

    @pytest.mark.parametrize(("tolerated", "most"), [(0.0, 0), (0.25, 5), (None, 0)])
    def test_what_is_expected_of_it_is_not_tolerated_more_freely_without_live(
        self, tolerated: float | None, most: int
    ) -> None:
        replay = ReplayRequests([READY], tolerated=tolerated)
        assert result(replay, seen(Arm(0, 0), Arm(20, most)), 0, alone=HOTFIX).passes
        assert not result(replay, seen(Arm(0, 0), Arm(20, most + 1)), 0, alone=HOTFIX).passes

    def test_it_says_when_only_some_were_compared_and_when_live_had_no_good_answer(self) -> None:
        found = result(ReplayRequests([READY]), seen(Arm(20, 20), Arm(20, 0), compared=5), 0)
        assert found.passes
        assert found.reason.endswith(
            "; no answer of live's was good, as on a first deployment, which has no live yet; "
            "5 were compared with anything"
        )

    def test_nothing_replayed_is_no_pass(self) -> None:
        for tolerated in (0.0, None):
            found = result(ReplayRequests([READY], tolerated=tolerated), Replayed(), left_out=4)
            assert not found.passes
            assert found.reason == "no request was replayed: 4 writes were left out"

    def test_it_is_settled_when_all_is_sent_or_the_rest_can_change_nothing(self) -> None:
        strict, tolerant = ReplayRequests([READY]), ReplayRequests([READY], tolerated=None)
        assert is_settled(strict, seen(Arm(10, 0), Arm(10, 0)), total=10)
        assert not is_settled(strict, seen(Arm(9, 0), Arm(9, 2)), total=10), "there is more to be told"
        assert is_settled(strict, seen(Arm(9, 0), Arm(9, 3)), total=10)
        assert not is_settled(tolerant, seen(Arm(9, 0), Arm(9, 9)), total=10)

    def test_all_that_a_hook_carries_fits_into_its_details(self) -> None:
        """The engine takes 8192 characters of a hook's details; Amazon ECS does not say what it takes."""
        progress = Replayed()
        for _ in range(5):
            progress = progress.after("", "x" * 5000, compared=True)
        assert len(progress.differences) == MOST_DIFFERENCES
        assert MOST_DETAILS + len(json.dumps(progress.to_details())) < 8192 - 1000, "the routes have to fit, too"

    def test_progress_travels_as_it_is(self) -> None:
        progress = Replayed().after("", "", compared=True).after("live", "GET / differs", compared=False)
        progress = progress.after("", "again", compared=True)
        assert Replayed.from_details(json.loads(json.dumps(progress.to_details()))) == progress
        assert progress.live == Arm(3, 1)
        assert progress.candidate == Arm(3, 2)
        assert progress.differences == ("GET / differs", "again")
        assert progress.compared == 2
        assert progress.after(None, "", compared=True).live == Arm(3, 1), "live was not asked"
