"""Replayed requests: what may be replayed, how it travels to the handler, and how two answers are compared."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.engine.comparators import Comparator, Exact, Score, Tolerance
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.replay import MOST_DETAILS, ReplayRequest, ReplayRequests
from bluegreen_constructs.engine.smoke_test import METHODS

READY = ReplayRequest("/ready")
PREDICT = ReplayRequest("/predict", "POST", body='{"text": "hi"}', safe=True)
ORDER = ReplayRequest("/orders", "POST", body="{}")

COMPARATORS = st.one_of(
    st.builds(Exact, ignore=st.sampled_from([(), ("id",), ("results.*.id", "took")])),
    st.builds(Tolerance, relative=st.sampled_from([0.01, 0.5]), absolute=st.sampled_from([0.0, 2.0])),
    st.builds(Score, field=st.just("score"), at_least=st.none() | st.just(0.5), below=st.just(0.1)),
)
REQUESTS = st.builds(
    ReplayRequest,
    path=st.from_regex(r"/[a-z0-9/?=&]{0,20}", fullmatch=True),
    method=st.sampled_from(METHODS),
    body=st.none() | st.text(max_size=30),
    headers=st.dictionaries(st.from_regex(r"x-[a-z]{1,6}", fullmatch=True), st.text("abc", max_size=5), max_size=2),
    status=st.none() | st.integers(100, 599),
    answer=st.none() | st.text(max_size=30),
    safe=st.just(True),
)


@given(
    requests=st.lists(REQUESTS, min_size=1, max_size=3),
    comparator=COMPARATORS,
    tolerated=st.sampled_from([0.0, 0.25, None]),
    comparison=st.sampled_from([ErrorComparison(), ErrorComparison(margin=1.5, negligible=0.01)]),
)
def test_what_the_construct_writes_is_what_the_handler_reads(
    requests: list[ReplayRequest], comparator: Comparator, tolerated: float | None, comparison: ErrorComparison
) -> None:
    replay = ReplayRequests(
        requests, comparator, repeats=3, tolerated=tolerated, comparison=comparison, longest=timedelta(minutes=7)
    )
    assert ReplayRequests.from_details(json.loads(json.dumps(replay.to_details()))) == replay


def test_sampled_requests_travel_as_the_name_of_their_object() -> None:
    replay = ReplayRequests.sampled("samples", "model/today.jsonl", most=50, comparator=Tolerance(relative=0.01))
    details = json.loads(json.dumps(replay.to_details()))
    assert details["sample"] == {"bucket": "samples", "key": "model/today.jsonl", "most": 50}
    assert ReplayRequests.from_details(details) == replay


def test_requests_of_a_file_are_lines_of_json_whose_bodies_may_be_objects() -> None:
    text = '{"path": "/ready"}\n\n{"path": "/predict", "method": "POST", "body": {"a": 1}, "safe": true}\n'
    assert ReplayRequest.lines(text) == [READY, ReplayRequest("/predict", "POST", body='{"a": 1}', safe=True)]
    assert ReplayRequest.lines(text, most=1) == [READY]


class TestRefusals:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("no json", "line 2 of the requests to replay"),
            ("[1]", "line 2 of the requests to replay: it is no JSON object"),
            ('{"path": "ready"}', "line 2 of the requests to replay: ReplayRequest path is 'ready'"),
            ('{"path": "/a", "expected": 1}', "line 2 .*unexpected keyword argument 'expected'"),
            ("{}", "line 2 .*missing 1 required positional argument"),
            ('{"path": 7}', "line 2 "),
        ],
    )
    def test_a_line_that_is_no_request_is_named(self, line: str, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            ReplayRequest.lines(f'{{"path": "/ready"}}\n{line}')

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"path": "ready"}, "start it with /"),
            ({"path": "/a b"}, "escape spaces"),
            ({"path": "/", "method": "FETCH"}, "use one of GET"),
            ({"path": "/", "status": 99}, "between 100 and 599"),
        ],
    )
    def test_a_request_that_could_not_be_sent(self, arguments: dict, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            ReplayRequest(**arguments)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({}, "needs requests"),
            ({"requests": [ORDER]}, "all 1 requests of ReplayRequests are writes"),
            ({"requests": [READY], "repeats": 0}, "repeats is 0: give 1 to 100"),
            ({"requests": [READY], "tolerated": 1.0}, "a share from 0 to below 1"),
            ({"requests": [READY], "timeout": timedelta(seconds=31)}, "at most 30 s"),
            ({"requests": [READY], "longest": timedelta(0)}, "at most 12 h"),
            ({"requests": [READY], "name": ""}, "has no name"),
        ],
    )
    def test_a_replay_that_would_show_nothing(self, arguments: dict, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            ReplayRequests(**arguments)

    def test_a_sample_without_a_key(self) -> None:
        with pytest.raises(ConfigurationError, match="needs a bucket and a key"):
            ReplayRequests.sampled("samples", "")

    def test_more_golden_requests_than_a_hook_carries_are_sent_to_s3(self) -> None:
        many = ReplayRequests([ReplayRequest(f"/{'x' * 90}/{number}") for number in range(MOST_DETAILS // 100)])
        with pytest.raises(ConfigurationError, match=r"use ReplayRequests.sampled\(bucket, key\)"):
            many.to_details()

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: Exact(ignore="id"), r"give a tuple of fields, such as \('id',\)"),
            (lambda: Exact(ignore=("a..b",)), "names nothing"),
            (Tolerance, "tolerates nothing"),
            (lambda: Tolerance(relative=-1), "0 or more"),
            (lambda: Score("score"), "has no limit"),
            (lambda: Score("", at_least=1), "names nothing"),
            (lambda: Score("score", below=float("nan")), "give numbers"),
        ],
    )
    def test_a_comparator_that_decides_nothing(self, make, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()


class TestWrites:
    def test_writes_are_left_out_unless_they_are_said_to_be_safe(self) -> None:
        replay = ReplayRequests([READY, PREDICT, ORDER])
        assert replay.to_send(replay.requests) == [READY, PREDICT]

    def test_all_are_sent_when_that_is_asked_for(self) -> None:
        replay = ReplayRequests([READY, ORDER], include_writes=True)
        assert replay.to_send(replay.requests) == [READY, ORDER]


class TestComparators:
    @pytest.mark.parametrize(
        ("comparator", "answer", "reference"),
        [
            (Exact(), '{"b": 1, "a": [true, null]}', '{ "a": [true,null], "b": 1.0 }'),
            (Exact(), "plain", "plain"),
            (Exact(ignore=("id", "items.*.at")), '{"id": 1, "items": [{"at": 1}]}', '{"items": [{"at": 2}]}'),
            (Tolerance(relative=0.01), '{"score": 0.995, "topic": "a"}', '{"score": 1.0, "topic": "a"}'),
            (Tolerance(absolute=2), "[10, 20]", "[12, 18]"),
            (Score("p.0.score", at_least=0.5), '{"p": [{"score": 0.5}], "x": 1}', None),
            (Score("score", below=0.1), '{"score": 0.85}', '{"score": 0.9}'),
            (Score("score", below=0.1), '{"score": 0.85}', "no json, so nothing to be below"),
        ],
    )
    def test_an_answer_that_is_as_good(self, comparator: Comparator, answer: str, reference: str | None) -> None:
        assert comparator.difference(answer, reference) == ""

    @pytest.mark.parametrize(
        ("comparator", "answer", "reference", "said"),
        [
            (Exact(), '{"a": {"b": [1, 2]}}', '{"a": {"b": [1, 3]}}', "differs at a.b.1: 2 instead of 3"),
            (Exact(), '{"a": 1}', "{}", "differs at a: 1 instead of nothing"),
            (Exact(), "{}", '{"a": null}', "differs at a: nothing instead of null"),
            (Exact(), "true", "1", "differs at the top: true instead of 1"),
            (Exact(), "[1]", "[1, 1]", "differs at the top"),
            (Exact(), "one", '{"a": 1}', 'differs: one instead of {"a": 1}'),
            (Exact(ignore=("a",)), '{"a": 1, "b": 1}', '{"a": 2, "b": 2}', "differs at b: 1 instead of 2"),
            (Exact(), "[" * 400 + "1" + "]" * 400, "[" * 400 + "2" + "]" * 400, ""),
            (Tolerance(relative=0.01), '{"score": 0.98}', '{"score": 1.0}', "differs at score: 0.98 instead of 1.0"),
            (Tolerance(relative=0.5), '{"score": "0.98"}', '{"score": 0.98}', "differs at score"),
            (Tolerance(relative=0.5), "Infinity", "1", "differs"),
            (Score("score", at_least=0.5), '{"score": 0.4}', None, "has score 0.4, below 0.5"),
            (Score("score", at_least=0.5), '{"score": true}', None, "has no number at score"),
            (Score("a.9", at_least=0.5), '{"a": [1]}', None, "has no number at a.9"),
            (Score("score", below=0.1), '{"score": 0.7}', '{"score": 0.9}', "has score 0.7, more than 0.1 below 0.9"),
        ],
    )
    def test_an_answer_that_is_not(self, comparator: Comparator, answer: str, reference: str | None, said: str) -> None:
        found = comparator.difference(answer, reference)
        assert found
        assert said in found

    def test_an_answer_is_shortened_in_what_is_said_of_it(self) -> None:
        assert len(Exact().difference("x" * 10_000, "y" * 10_000)) < 400
