"""The replay hook against real servers: who is asked what, how it goes on, and what is stored before it answers."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from example_rollouts import rollout

from bluegreen_constructs.engine.comparators import Exact, Score, Tolerance
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.handlers.replay import ReplayWorld, handler, serve
from bluegreen_constructs.engine.handlers.smoke_test import SETTLE_SECONDS
from bluegreen_constructs.engine.replay import SECONDS_PER_INVOCATION, ReplayRequest, ReplayRequests
from bluegreen_constructs.testing import InMemoryStore

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEPLOYMENT = "arn:aws:ecs:eu-west-1:123456789012:service-deployment/apps/web/d1"
TARGET = "Serving/Model"
GOOD = (200, '{"topic": "billing", "score": 0.9}')


class _Asked(BaseHTTPRequestHandler):
    answers: Callable[[str], tuple[int, str]]
    asked: list[tuple[str, str, dict[str, str], str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        self.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        status, text = type(self).answers(self.path)
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST  # noqa: N815  # the name that http.server looks for

    def log_message(self, *_: object) -> None:
        return


@dataclass
class Side:
    """A server on loopback, and what it was asked."""

    url: str
    asked: list[tuple[str, str, dict[str, str], str]]

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.asked]


@contextmanager
def side(answers: Callable[[str], tuple[int, str]]) -> Iterator[Side]:
    asked: list[tuple[str, str, dict[str, str], str]] = []
    kind = type("Asked", (_Asked,), {"asked": asked, "answers": staticmethod(answers)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield Side(f"http://127.0.0.1:{server.server_port}", asked)
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def live() -> Iterator[Side]:
    with side(lambda _: GOOD) as running:
        yield running


@dataclass
class World:
    """What a hook gets from outside, as tests set it."""

    store: InMemoryStore = field(default_factory=InMemoryStore)
    now: datetime = NOW
    elapsed: float = 0.0
    takes: float = 0.0
    sample: tuple[str, str] = ("", "")
    is_down: bool = False
    live: str = "arn:aws:ecs:eu-west-1:123456789012:service-revision/serving/inference/1"
    is_ecs_down: bool = False

    def _source(self, deployment: str) -> str:
        assert deployment == DEPLOYMENT
        if self.is_ecs_down:
            raise AwsError("Amazon ECS does not answer")
        return self.live

    def _elapsed(self) -> float:
        self.elapsed += self.takes
        return self.elapsed

    def _read(self, bucket: str, key: str) -> tuple[str, str]:
        if self.is_down:
            raise AwsError("S3 does not answer")
        return self.sample

    def ask(self, details: dict) -> dict:
        event = {"hookDetails": details, "resourceArn": DEPLOYMENT, "lifecycleStage": "POST_TEST_TRAFFIC_SHIFT"}
        ports = ReplayWorld(self._read, self._source, self.store, lambda: self.now, self._elapsed)
        return json.loads(json.dumps(serve(json.loads(json.dumps(event)), ports)))

    def play(self, details: dict, most: int = 20) -> tuple[str, int]:
        """The final answer, and how many calls it took."""
        for call in range(1, most + 1):
            answer = self.ask(details)
            if answer["hookStatus"] != "IN_PROGRESS":
                return answer["hookStatus"], call
            details = answer["hookDetails"]
        raise AssertionError("it never ended")

    def admitted(self, rollout_id: str = "d1", hotfix: str = "live is down") -> None:
        """What the judge's hook left when it let the release in."""
        self.store.states[TARGET] = replace(rollout(), id=rollout_id, hotfix=hotfix)

    @property
    def items(self) -> list:
        return self.store.items.get(TARGET, [])


@pytest.fixture
def world() -> World:
    return World()


def details(replay: ReplayRequests, live: Side, candidate: Side, **more: object) -> dict:
    return {
        "replay": replay.to_details(),
        "live": {"url": live.url},
        "candidate": {"url": candidate.url, "headers": {"x-try": "secret"}},
        "target": TARGET,
        **more,
    }


def replay(*paths: str, **options: object) -> ReplayRequests:
    return ReplayRequests([ReplayRequest(path) for path in paths], **options)


def test_the_first_call_only_asks_for_time_so_that_live_is_not_met_by_the_test_route(live: Side, world: World) -> None:
    answer = world.ask(details(replay("/a"), live, live))
    assert (answer["hookStatus"], answer["callBackDelay"]) == ("IN_PROGRESS", SETTLE_SECONDS)
    assert live.asked == []


def test_the_candidate_is_asked_by_the_test_route_once_and_live_by_the_production_route_twice(
    live: Side, world: World
) -> None:
    with side(lambda _: GOOD) as candidate:
        asked = replay("/a", "/b", repeats=2)
        assert world.play(details(asked, live, candidate))[0] == "SUCCEEDED"
    assert candidate.paths == ["/a", "/b", "/a", "/b"]
    assert live.paths == ["/a", "/a", "/b", "/b"] * 2
    assert {headers.get("x-try") for _, _, headers, _ in candidate.asked} == {"secret"}
    assert {headers.get("x-try") for _, _, headers, _ in live.asked} == {None}


def test_a_request_cannot_take_the_test_route_to_the_live_side_or_leave_it(live: Side, world: World) -> None:
    request = ReplayRequest("/a", headers={"X-Try": "stolen", "x-tenant": "t1"})
    with side(lambda _: GOOD) as candidate:
        world.play(details(ReplayRequests([request]), live, candidate))
    assert [headers.get("x-try") for _, _, headers, _ in candidate.asked] == ["secret"]
    assert [headers.get("x-try") for _, _, headers, _ in live.asked] == [None, None]
    assert {headers["x-tenant"] for _, _, headers, _ in live.asked} == {"t1"}


def test_the_host_that_a_request_was_sampled_from_is_asked_of_neither_side(live: Side, world: World) -> None:
    sampled = ReplayRequests([ReplayRequest("/a", headers={"Host": "shop.example.com", "x-tenant": "t1"})])
    with side(lambda _: GOOD) as candidate:
        assert world.play(details(sampled, live, candidate))[0] == "SUCCEEDED"
    own = {live.url.removeprefix("http://"), candidate.url.removeprefix("http://")}
    assert {headers["host"] for _, _, headers, _ in live.asked + candidate.asked} == own


def test_both_sides_are_asked_for_their_own_host_name(live: Side, world: World) -> None:
    with side(lambda _: GOOD) as candidate:
        said = details(replay("/a"), live, candidate)
        said["live"]["host"] = said["candidate"]["host"] = "predict.example.com"
        world.play(said)
    assert {headers["host"] for _, _, headers, _ in live.asked + candidate.asked} == {"predict.example.com"}


def test_a_body_is_sent_as_json_and_writes_are_left_out(live: Side, world: World) -> None:
    predict = ReplayRequest("/predict", "POST", body='{"a": 1}', safe=True)
    order = ReplayRequest("/orders", "POST", body="{}")
    with side(lambda _: GOOD) as candidate:
        assert world.play(details(ReplayRequests([predict, order]), live, candidate))[0] == "SUCCEEDED"
    assert [(method, path, body) for method, path, _, body in candidate.asked] == [("POST", "/predict", '{"a": 1}')]
    assert candidate.asked[0][2]["content-type"] == "application/json"
    assert "1 writes were left out" in world.items[0].reason


def test_a_candidate_that_answers_otherwise_fails_with_the_difference_in_the_history(live: Side, world: World) -> None:
    with side(lambda path: GOOD if path == "/a" else (200, '{"topic": "other", "score": 0.9}')) as candidate:
        assert world.play(details(replay("/a", "/b"), live, candidate))[0] == "FAILED"
    (item,) = world.items
    assert (item.event, item.rollout, item.phase, item.at) == ("HOOK_FAILED", "d1", "TESTING", NOW)
    assert item.evidence["candidate"] == [2, 1]
    assert item.evidence["live"] == [2, 0]
    assert item.evidence["differences"] == ['GET /b differs at topic: "other" instead of "billing"']


def test_an_answer_within_the_tolerance_passes(live: Side, world: World) -> None:
    with side(lambda _: (200, '{"topic": "billing", "score": 0.899}')) as candidate:
        assert world.play(details(replay("/a"), live, candidate))[0] == "FAILED"
        close = replay("/a", comparator=Tolerance(relative=0.01))
        assert world.play(details(close, live, candidate))[0] == "SUCCEEDED"


def test_a_live_side_that_fails_is_no_fault_of_the_candidate(world: World) -> None:
    golden = ReplayRequests([ReplayRequest("/a", status=200), ReplayRequest("/b")])
    with side(lambda _: (503, "down")) as down, side(lambda _: GOOD) as candidate:
        assert world.play(details(golden, down, candidate))[0] == "SUCCEEDED"
    assert world.items[0].evidence["live"] == [2, 2]
    assert world.items[0].evidence["candidate"] == [2, 0]
    assert world.items[0].evidence["compared"] == 1


@pytest.mark.parametrize("refused", [(503, "down"), (404, "no rule"), (403, "firewall"), (302, "")])
def test_sides_that_answer_nothing_to_compare_are_no_evidence(world: World, refused: tuple[int, str]) -> None:
    with side(lambda _: refused) as live, side(lambda _: GOOD if refused[0] == 503 else refused) as candidate:
        assert world.play(details(replay("/a", "/b"), live, candidate))[0] == "FAILED"
    assert world.items[0].evidence["candidate"] == [2, 0], "none of them was a bad one"
    assert "live gave nothing to compare with" in world.items[0].reason


def test_on_a_first_deployment_nobody_is_live_and_the_candidate_speaks_for_itself(world: World) -> None:
    world.live = ""
    with side(lambda _: (503, "down")) as live, side(lambda _: GOOD) as candidate:
        assert world.play(details(replay("/a", "/b"), live, candidate))[0] == "SUCCEEDED"
        assert world.play(details(replay("/a"), live, live))[0] == "FAILED"
    assert "there is no live yet" in world.items[0].reason


class TestWhileAnAlarmIsRed:
    """A release that was let in nevertheless is not measured by a live that fails: it would never get past it."""

    @pytest.mark.parametrize("broken", [(503, "down"), (200, '{"topic": "nonsense", "score": 0.1}')])
    def test_the_release_that_mends_live_passes_and_live_is_not_asked(
        self, world: World, broken: tuple[int, str]
    ) -> None:
        world.admitted()
        with side(lambda _: broken) as live, side(lambda _: GOOD) as candidate:
            assert world.play(details(replay("/a", "/b"), live, candidate))[0] == "SUCCEEDED"
        assert (live.asked, candidate.paths) == ([], ["/a", "/b"])
        assert "live is no yardstick" in world.items[0].reason

    @pytest.mark.parametrize("answer", [(503, "down, too"), (404, "lost"), (200, '{"topic": "other"}')])
    def test_what_is_expected_of_it_still_is(self, live: Side, world: World, answer: tuple[int, str]) -> None:
        world.admitted()
        asked = ReplayRequests([ReplayRequest("/a", status=200, answer=GOOD[1])])
        with side(lambda _: answer) as candidate:
            assert world.play(details(asked, live, candidate))[0] == "FAILED"
            assert world.play(details(asked, live, live))[0] == "SUCCEEDED"

    def test_a_failure_of_its_own_is_a_bad_answer(self, live: Side, world: World) -> None:
        world.admitted()
        with side(lambda _: (500, "oops")) as candidate:
            assert world.play(details(replay("/a"), live, candidate))[0] == "FAILED"

    @pytest.mark.parametrize(("rollout_id", "hotfix"), [("d0", "live was down"), ("d1", "")])
    def test_any_other_release_is_measured_by_live(self, world: World, rollout_id: str, hotfix: str) -> None:
        world.admitted(rollout_id, hotfix)
        with side(lambda _: (503, "down")) as live, side(lambda _: GOOD) as candidate:
            assert world.play(details(replay("/a"), live, candidate))[0] == "FAILED"

    def test_while_nobody_knows_it_the_hook_is_asked_again(self, live: Side, world: World) -> None:
        world.store.is_down = True
        settled = world.ask(details(replay("/a"), live, live))["hookDetails"]
        assert world.ask(settled)["hookStatus"] == "IN_PROGRESS"
        assert live.asked == []


def test_while_nobody_knows_whether_there_is_a_live_release_the_hook_is_asked_again(world: World) -> None:
    world.is_ecs_down = True
    with side(lambda _: (503, "down")) as live, side(lambda _: GOOD) as candidate:
        asked = details(replay("/a"), live, candidate)
        settled = world.ask(asked)["hookDetails"]
        later = world.ask(settled)
        assert later["hookStatus"] == "IN_PROGRESS"
        world.is_ecs_down = False
        assert world.ask(later["hookDetails"])["hookStatus"] == "FAILED"


def test_a_score_below_that_of_nobody_is_no_pass_and_one_that_is_expected_is(world: World) -> None:
    with side(lambda _: (503, "down")) as down, side(lambda _: (200, '{"score": 0.0}')) as candidate:
        below = replay("/a", comparator=Score("score", below=0.1))
        assert world.play(details(below, down, candidate))[0] == "FAILED"
        expected = replay("/a", comparator=Score("score", at_least=0.0))
        assert world.play(details(expected, down, candidate))[0] == "SUCCEEDED"
    assert "which has no live yet" in world.items[-1].reason


def test_what_was_compared_is_counted_over_all_invocations(world: World) -> None:
    world.takes = SECONDS_PER_INVOCATION / 2
    asked = ReplayRequests([ReplayRequest("/a", status=200), *(ReplayRequest(f"/{number}") for number in range(4))])
    with side(lambda _: (503, "down")) as down, side(lambda _: GOOD) as candidate:
        status, calls = world.play(details(asked, down, candidate))
    assert (status, world.items[0].evidence["compared"]) == ("SUCCEEDED", 1)
    assert calls > 3


def test_a_live_side_that_differs_from_itself_is_counted_as_its_own(world: World) -> None:
    turn = iter(range(100))
    with side(lambda _: (200, str(next(turn)))) as restless, side(lambda _: (200, "0")) as candidate:
        world.play(details(replay("/a", tolerated=None), restless, candidate))
    assert world.items[0].evidence["live"] == [1, 1]


def test_a_live_side_that_fails_every_other_time_is_counted_as_failing(world: World) -> None:
    turn = iter(range(100))
    with side(lambda _: (503, "busy") if next(turn) % 2 == 0 else GOOD) as restless, side(lambda _: GOOD) as candidate:
        expected = ReplayRequests([ReplayRequest("/a", status=200)])
        assert world.play(details(expected, restless, candidate))[0] == "SUCCEEDED"
    assert world.items[0].evidence["live"] == [1, 1]
    assert world.items[0].evidence["candidate"] == [1, 0]


def test_an_expected_answer_is_asked_of_live_once(live: Side, world: World) -> None:
    golden = ReplayRequests([ReplayRequest("/a", answer=GOOD[1])], comparator=Exact(ignore=("score",)))
    with side(lambda _: (200, '{"topic": "billing"}')) as candidate:
        assert world.play(details(golden, live, candidate))[0] == "SUCCEEDED"
    assert live.paths == ["/a"]


def test_a_redirect_and_an_error_are_answers_and_no_answer_is_a_failure(live: Side, world: World) -> None:
    answers = {"/a": (404, "none"), "/b": (302, ""), "/c": GOOD}
    with side(answers.__getitem__) as lost, side(answers.__getitem__) as candidate:
        assert world.play(details(replay("/a", "/b", "/c"), lost, candidate))[0] == "SUCCEEDED"
    assert world.items[0].evidence["compared"] == 1
    assert world.play(details(replay("/a"), live, candidate))[0] == "FAILED", "it has stopped"
    assert "got no answer" in world.items[-1].reason


def test_an_answer_that_dribbles_in_beyond_the_time_out_is_a_bad_one(live: Side, world: World) -> None:
    gate = threading.Event()

    class Dribbling(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            with suppress(OSError):  # it is hung up on
                while not gate.wait(0.03):
                    self.wfile.write(b"x")

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Dribbling)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    slow = Side(f"http://127.0.0.1:{server.server_port}", [])
    assert world.play(details(replay("/a", timeout=timedelta(milliseconds=150)), live, slow))[0] == "FAILED"
    assert "took too long" in world.items[0].reason
    gate.set()
    server.shutdown()
    server.server_close()


def _throttled(*_: object) -> None:
    raise AwsError("DynamoDB throttles")


class TestGoingOn:
    def test_what_takes_longer_than_one_invocation_goes_on_where_it_was(self, live: Side, world: World) -> None:
        world.takes = SECONDS_PER_INVOCATION / 3
        with side(lambda _: GOOD) as candidate:
            status, calls = world.play(details(replay(*(f"/{number}" for number in range(7))), live, candidate))
        assert status == "SUCCEEDED"
        assert calls > 3
        assert candidate.paths == [f"/{number}" for number in range(7)]
        assert world.items[0].evidence["candidate"] == [7, 0]

    def test_a_replay_that_does_not_end_in_time_fails_and_says_how_far_it_came(self, live: Side, world: World) -> None:
        started = world.ask(details(replay("/a"), live, live))["hookDetails"]
        world.now += timedelta(minutes=30)
        assert world.ask(started)["hookStatus"] == "FAILED"
        assert world.items[0].reason == "replay: it did not end in time: 0 of 1 requests were replayed"

    def test_a_dead_candidate_is_not_asked_for_all_of_a_long_list(self, live: Side, world: World) -> None:
        with side(lambda _: (500, "oops")) as candidate:
            assert world.play(details(replay("/a", repeats=100), live, candidate))[0] == "FAILED"
        assert len(candidate.asked) == 3

    def test_nothing_is_answered_before_the_result_is_stored(self, live: Side, world: World) -> None:
        with side(lambda _: GOOD) as candidate:
            begun = world.ask(details(replay("/a"), live, candidate))["hookDetails"]
            with pytest.MonkeyPatch.context() as throttled:
                throttled.setattr(world.store, "record", _throttled)
                waiting = world.ask(begun)
            assert waiting["hookStatus"] == "IN_PROGRESS"
            world.now += timedelta(minutes=1)
            assert world.ask(waiting["hookDetails"])["hookStatus"] == "SUCCEEDED"
        assert candidate.paths == ["/a"], "what was seen is not asked again"
        assert [item.at for item in world.items] == [NOW], "it is stored as of when it ended"

    def test_a_pass_that_can_never_be_stored_is_none(self, live: Side, world: World) -> None:
        world.store.is_down = True
        with side(lambda _: GOOD) as candidate:
            answer = world.ask(world.ask(details(replay("/a"), live, candidate))["hookDetails"])
            world.now += timedelta(minutes=31)
            assert world.ask(answer["hookDetails"])["hookStatus"] == "FAILED"

    def test_without_a_table_the_log_has_the_result(self, live: Side, world: World, caplog) -> None:
        caplog.set_level("INFO")
        said = details(replay("/a"), live, live, settled=True, began=datetime.now(UTC).isoformat())
        assert serve({"hookDetails": said}, ReplayWorld(world._read))["hookStatus"] == "SUCCEEDED"
        assert "0 of 1 answers of the candidate were bad" in caplog.text


class TestSampled:
    def test_the_requests_of_the_object_are_sent(self, live: Side, world: World) -> None:
        world.sample = ('{"path": "/one"}\n{"path": "/two"}\n{"path": "/three"}\n', "v1")
        with side(lambda _: GOOD) as candidate:
            sampled = ReplayRequests.sampled("samples", "today", most=2)
            assert world.play(details(sampled, live, candidate))[0] == "SUCCEEDED"
        assert candidate.paths == ["/one", "/two"]

    def test_an_object_that_cannot_be_read_is_asked_for_again_and_never_a_pass(self, live: Side, world: World) -> None:
        world.is_down = True
        sampled = details(ReplayRequests.sampled("samples", "today"), live, live)
        waiting = world.ask(world.ask(sampled)["hookDetails"])
        assert waiting["hookStatus"] == "IN_PROGRESS"
        world.now += timedelta(minutes=30)
        assert world.ask(waiting["hookDetails"])["hookStatus"] == "FAILED"
        assert "S3 does not answer" in world.items[0].reason

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('{"path": "/a"}\n{"path"', "line 2 of the requests to replay"),
            ("", "no request was replayed"),
            ('{"path": "/orders", "method": "POST"}', "no request was replayed: 1 writes were left out"),
        ],
    )
    def test_an_object_with_nothing_to_replay_fails_and_says_why(
        self, live: Side, world: World, text: str, said: str
    ) -> None:
        world.sample = (text, "v1")
        assert world.play(details(ReplayRequests.sampled("samples", "today"), live, live))[0] == "FAILED"
        assert said in world.items[0].reason
        assert live.asked == []

    def test_an_object_that_is_replaced_meanwhile_is_replayed_from_its_beginning(
        self, live: Side, world: World
    ) -> None:
        world.sample = ('{"path": "/one"}\n' * 3, "v1")
        world.takes = SECONDS_PER_INVOCATION / 2
        with side(lambda _: GOOD) as candidate:
            said = details(ReplayRequests.sampled("samples", "today"), live, candidate)
            under_way = world.ask(world.ask(said)["hookDetails"])["hookDetails"]
            assert under_way["seen"]["done"] == 1
            world.sample = ('{"path": "/two"}\n' * 3, "v2")
            world.takes = 0
            assert world.play(under_way)[0] == "SUCCEEDED"
        assert candidate.paths == ["/one", "/two", "/two", "/two"]
        assert world.items[0].evidence["candidate"] == [3, 0]


@pytest.mark.parametrize("event", [{}, {"hookDetails": None}, {"hookDetails": 7}, {"hookDetails": "7"}])
def test_a_call_without_details_fails_instead_of_passing_untested(event: dict, world: World) -> None:
    assert serve(event, ReplayWorld(world._read)) == {"hookStatus": "FAILED"}


def test_details_that_say_no_replay_fail(world: World) -> None:
    assert world.ask({"settled": True, "began": NOW.isoformat()})["hookStatus"] == "FAILED"


def test_lambdas_entry_point_replays_golden_requests_without_a_call_of_aws(
    live: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLUEGREEN_TABLE", raising=False)
    first = handler({"hookDetails": details(replay("/a"), live, live)}, None)
    assert first["hookStatus"] == "IN_PROGRESS"
    assert handler({"hookDetails": first["hookDetails"]}, None)["hookStatus"] == "SUCCEEDED"
