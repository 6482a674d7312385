"""The warm-up: when a task is warm, and what is said when it is not; the requests themselves go to a real server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.handlers.warm_up import WarmUpWorld, _ask, serve
from bluegreen_constructs.engine.warm_up import WarmUpAnswer, WarmUpPlan

ONE, TWO = ("10.0.0.1", 8080), ("10.0.0.2", 8080)


class Tasks:
    """Tasks that answer from a script, the last answer for ever, on a clock of their own."""

    def __init__(self, **scripts: list[WarmUpAnswer]) -> None:
        self.scripts = {f"10.0.0.{name[1:]}": script for name, script in scripts.items()}
        self.asked: list[str] = []
        self.now = 0.0
        self._lock = threading.Lock()

    def ask(self, plan: WarmUpPlan, target: tuple[str, int], seconds: float) -> WarmUpAnswer:
        with self._lock:
            assert 0 < seconds <= 10
            self.asked.append(target[0])
            script = self.scripts[target[0]]
            return script.pop(0) if len(script) > 1 else script[0]

    def pause(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds

    @property
    def world(self) -> WarmUpWorld:
        return WarmUpWorld(self.ask, lambda: self.now, self.pause)


def details(*targets: tuple[str, int], **changes: object) -> dict:
    return {
        "hookDetails": {
            "targets": [list(target) for target in targets],
            "host": "www.example.com",
            "scheme": "https",
            "path": "/ready",
            "least": 200,
            "most": 299,
            "in_a_row": 3,
            "timeout_seconds": 90,
            **changes,
        }
    }


GOOD, BAD = WarmUpAnswer(200, "ok"), WarmUpAnswer(503, "loading\nthe model")


def reason(tasks: Tasks, *targets: tuple[str, int], **changes: object) -> str:
    answer = serve(details(*targets, **changes), tasks.world)
    assert answer["hookStatus"] == "FAILED"
    return str(answer["hookDetails"]["reason"])


def test_a_task_is_warm_after_so_many_good_answers_in_a_row() -> None:
    tasks = Tasks(t1=[GOOD])
    assert serve(details(ONE), tasks.world) == {"hookStatus": "SUCCEEDED"}
    assert len(tasks.asked) == 3


def test_a_bad_answer_begins_the_count_again() -> None:
    tasks = Tasks(t1=[GOOD, GOOD, BAD, GOOD])
    assert serve(details(ONE), tasks.world) == {"hookStatus": "SUCCEEDED"}
    assert len(tasks.asked) == 6


def test_every_task_has_to_be_warm() -> None:
    assert reason(Tasks(t1=[GOOD], t2=[BAD]), ONE, TWO) == "task 10.0.0.2:8080 answered 503: loading the model"


def test_of_several_the_first_is_named_and_the_others_are_counted() -> None:
    said = reason(Tasks(t1=[BAD], t2=[WarmUpAnswer(None, "timed out")]), ONE, TWO)
    assert said == "task 10.0.0.1:8080 answered 503: loading the model (and 1 of 2 tasks more are not warm)"


def test_a_task_that_does_not_answer_is_not_warm() -> None:
    said = reason(Tasks(t1=[WarmUpAnswer(None, "connection refused")]), ONE)
    assert said == "task 10.0.0.1:8080 gave no answer: connection refused"


@pytest.mark.parametrize("status", [199, 301, 302, 308, 400, 401, 404, 500])
def test_a_redirect_or_an_error_is_no_warm_answer(status: int) -> None:
    assert f"answered {status}" in reason(Tasks(t1=[WarmUpAnswer(status)]), ONE)


def test_the_statuses_of_a_warm_answer_can_be_narrower() -> None:
    assert "answered 204" in reason(Tasks(t1=[WarmUpAnswer(204)]), ONE, most=200)


def test_the_end_of_a_long_body_is_shown_because_the_reason_is_there() -> None:
    said = reason(Tasks(t1=[WarmUpAnswer(500, "x" * 5000 + " no weights")]), ONE)
    assert said.endswith("no weights")
    assert len(said) < 300


def test_no_task_at_all_is_a_failure_for_no_data_is_no_evidence() -> None:
    assert reason(Tasks()) == "there is no task to warm up"


def test_an_attempt_ends_with_its_time_even_when_more_is_asked_for() -> None:
    tasks = Tasks(t1=[BAD])
    reason(tasks, ONE, timeout_seconds=3600)
    assert tasks.now == pytest.approx(90)
    tasks = Tasks(t1=[BAD])
    reason(tasks, ONE, timeout_seconds=5)
    assert tasks.now == pytest.approx(5)


def test_good_answers_that_are_too_few_in_time_say_so() -> None:
    assert (
        reason(Tasks(t1=[GOOD]), ONE, timeout_seconds=2) == "task 10.0.0.1:8080 answered well 2 times, not 3, in time"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"path": "ready"}, "start the path with /"),
        ({"path": "/a b"}, "start the path with /"),
        ({"host": "www.example.com\r\nX: y"}, "start the path with /"),
        ({"targets": [["10.0.0.1"]]}, "the warm-up cannot be read"),
        ({"targets": None}, "the warm-up cannot be read"),
        ({"in_a_row": "often"}, "the warm-up cannot be read"),
    ],
)
def test_details_that_nobody_can_ask_with_fail_with_a_sentence(changes: dict, said: str) -> None:
    assert said in reason(Tasks(t1=[GOOD]), **{"targets": [list(ONE)], **changes})


def test_without_details_there_is_nobody_to_ask() -> None:
    answer = serve({}, Tasks().world)
    assert answer["hookStatus"] == "FAILED"


def test_a_plan_without_a_path_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="give targets and path"):
        WarmUpPlan.from_details({"targets": []})


class TestRequests:
    """What one task sees, and what is made of its answers."""

    @contextmanager
    def server(self, status: int = 200, headers: dict[str, str] | None = None) -> Iterator[tuple[int, list[dict]]]:
        seen: list[dict] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"not yet")

            def log_message(self, *_: object) -> None: ...

        running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running.server_address[1], seen
        finally:
            running.shutdown()
            thread.join()
            running.server_close()

    def ask(self, port: int) -> WarmUpAnswer:
        plan = WarmUpPlan(targets=[("127.0.0.1", port)], path="/ready?deep=1", host="www.example.com", scheme="https")
        return _ask(plan, ("127.0.0.1", port), 5)

    def test_a_task_is_asked_as_production_will_be(self) -> None:
        with self.server() as (port, seen):
            assert self.ask(port) == WarmUpAnswer(200, "not yet")
        (request,) = seen
        assert request["path"] == "/ready?deep=1"
        assert request["host"] == "www.example.com"
        assert request["x-forwarded-proto"] == "https"

    def test_a_redirect_is_not_followed(self) -> None:
        with self.server(302, {"Location": "/elsewhere"}) as (port, seen):
            assert self.ask(port).status == 302
        assert len(seen) == 1

    def test_a_port_where_nobody_listens_is_no_answer(self) -> None:
        with self.server() as (port, _):
            pass
        found = self.ask(port)
        assert found.status is None
        assert found.body
