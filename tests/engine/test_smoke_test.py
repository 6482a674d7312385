"""The smoke test: what travels in a hook's details, which answers pass, and what the hook says to Amazon ECS."""

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.engine.handlers.smoke_test import SETTLE_SECONDS, handler
from bluegreen_constructs.engine.smoke_test import METHODS, HttpSmokeTest, SmokeTestPlan

CHECKS = st.builds(
    HttpSmokeTest,
    path=st.from_regex(r"/[a-z0-9/?=&%.-]{0,30}", fullmatch=True),
    method=st.sampled_from(METHODS),
    body=st.none() | st.text(max_size=50),
    headers=st.dictionaries(st.from_regex(r"x-[a-z]{1,8}", fullmatch=True), st.text("abc123", max_size=8), max_size=3),
    statuses=st.lists(st.integers(100, 599), min_size=1, max_size=4).map(tuple),
    expects=st.none() | st.text(min_size=1, max_size=20),
    timeout=st.integers(1, 60).map(lambda seconds: timedelta(seconds=seconds)),
)


@given(checks=st.lists(CHECKS, min_size=1, max_size=3), host=st.none() | st.just("predict.example.com"))
def test_what_the_construct_writes_is_what_the_handler_reads(checks: list[HttpSmokeTest], host: str | None) -> None:
    plan = SmokeTestPlan("http://balancer", {"x-test": "value"}, tuple(checks), host)
    as_ecs_sends_it = json.loads(json.dumps(plan.to_details()))
    assert SmokeTestPlan.from_details(as_ecs_sends_it) == plan
    assert SmokeTestPlan.from_details(json.dumps(plan.to_details())) == plan


def test_a_plan_whose_empty_values_were_left_out_on_the_way_is_read_the_same() -> None:
    """`Stack.to_json_string` drops members without a value, so the template has no `host` and no `expects`."""
    plan = SmokeTestPlan("http://balancer", {}, (HttpSmokeTest("/ready"),))
    details = plan.to_details()
    checks = details.pop("checks")
    assert isinstance(checks, list)
    thinned = [{key: value for key, value in check.items() if value is not None} for check in checks]
    del details["host"]
    assert SmokeTestPlan.from_details({**details, "checks": thinned}) == plan


class TestAnswers:
    def test_the_expected_status_and_text_pass(self) -> None:
        check = HttpSmokeTest("/predict", statuses=(200, 201), expects='"topic": "billing"')
        assert check.failure(201, '{ "topic":"billing" , "confidence": 0.9}') is None

    @pytest.mark.parametrize(
        ("status", "body", "said"),
        [
            (500, "oops", "GET /predict answered 500, expected 200: oops"),
            (200, '{"topic": "delivery"}', "answered 200 without"),
            (200, "x" * 1000, "..."),
        ],
    )
    def test_anything_else_fails_and_says_what_came(self, status: int, body: str, said: str) -> None:
        failure = HttpSmokeTest("/predict", expects='"topic": "billing"').failure(status, body)
        assert failure is not None
        assert said in failure


class Candidate(BaseHTTPRequestHandler):
    """A candidate that answers by its path and remembers what it was asked."""

    asked: list[tuple[str, str, dict[str, str], str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        self.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        status = {"/broken": 503, "/moved": 302}.get(self.path, 200)
        answer = b'{"topic": "billing"}'
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/ready")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST  # noqa: N815  # the name that http.server looks for

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def candidate(
    context: ssl.SSLContext | None = None,
) -> Iterator[tuple[int, list[tuple[str, str, dict[str, str], str]]]]:
    asked: list[tuple[str, str, dict[str, str], str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Asked", (Candidate,), {"asked": asked}))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        server.server_close()


def answer(url: str, *checks: HttpSmokeTest, host: str | None = None) -> str:
    details = SmokeTestPlan(url, {"x-try": "candidate"}, checks, host).to_details()
    return handler({"hookDetails": {**details, "settled": True}}, None)["hookStatus"]


class TestTheHook:
    def test_the_first_call_only_asks_for_time_so_that_the_live_side_is_never_tested_by_mistake(self) -> None:
        details = SmokeTestPlan("http://127.0.0.1:1", {}, (HttpSmokeTest("/"),)).to_details()
        first = handler({"hookDetails": details}, None)
        assert first["hookStatus"] == "IN_PROGRESS"
        assert first["callBackDelay"] == SETTLE_SECONDS
        assert first["hookDetails"] == {**details, "settled": True}

    def test_details_that_come_as_text_are_given_time_to_settle_as_well(self) -> None:
        details = json.dumps(SmokeTestPlan("http://127.0.0.1:1", {}, (HttpSmokeTest("/"),)).to_details())
        assert handler({"hookDetails": details}, None)["hookStatus"] == "IN_PROGRESS"

    def test_a_check_cannot_leave_the_test_route_by_a_header_of_its_own(self) -> None:
        with candidate() as (port, asked):
            check = HttpSmokeTest("/", headers={"X-Try": "somebody else"})
            assert answer(f"http://127.0.0.1:{port}", check) == "SUCCEEDED"
        assert asked[0][2]["x-try"] == "candidate"

    def test_the_checks_are_sent_in_order_with_the_test_header_and_their_body(self) -> None:
        with candidate() as (port, asked):
            checks = (HttpSmokeTest("/ready"), HttpSmokeTest("/predict", method="POST", body='{"text": "hi"}'))
            assert answer(f"http://127.0.0.1:{port}", *checks) == "SUCCEEDED"
        assert [(method, path, body) for method, path, _, body in asked] == [
            ("GET", "/ready", ""),
            ("POST", "/predict", '{"text": "hi"}'),
        ]
        assert {headers["x-try"] for _, _, headers, _ in asked} == {"candidate"}
        assert asked[1][2]["content-type"] == "application/json"

    def test_the_first_failure_ends_it(self) -> None:
        with candidate() as (port, asked):
            checks = (HttpSmokeTest("/broken"), HttpSmokeTest("/ready"))
            assert answer(f"http://127.0.0.1:{port}", *checks) == "FAILED"
        assert [path for _, path, _, _ in asked] == ["/broken"]

    def test_a_status_that_is_an_error_elsewhere_passes_when_it_is_the_expected_one(self) -> None:
        with candidate() as (port, _):
            assert answer(f"http://127.0.0.1:{port}", HttpSmokeTest("/broken", statuses=(503,))) == "SUCCEEDED"

    def test_a_redirect_is_an_answer_and_is_not_followed_off_the_test_route(self) -> None:
        with candidate() as (port, asked):
            assert answer(f"http://127.0.0.1:{port}", HttpSmokeTest("/moved")) == "FAILED"
            assert answer(f"http://127.0.0.1:{port}", HttpSmokeTest("/moved", statuses=(302,))) == "SUCCEEDED"
        assert {path for _, path, _, _ in asked} == {"/moved"}

    def test_no_answer_is_a_failure(self) -> None:
        with candidate() as (port, _):
            pass
        assert answer(f"http://127.0.0.1:{port}", HttpSmokeTest("/", timeout=timedelta(seconds=2))) == "FAILED"

    @pytest.mark.parametrize("event", [{}, {"hookDetails": None}, {"hookDetails": 7}, {"hookDetails": "7"}])
    def test_a_call_without_details_fails_instead_of_passing_untested(self, event: dict[str, object]) -> None:
        assert handler(event, None) == {"hookStatus": "FAILED"}

    def test_the_service_is_asked_for_by_its_own_host_name(self) -> None:
        with candidate() as (port, asked):
            assert answer(f"http://127.0.0.1:{port}", HttpSmokeTest("/"), host="predict.example.com") == "SUCCEEDED"
        assert asked[0][2]["host"] == "predict.example.com"


@pytest.mark.skipif(which("openssl") is None, reason="openssl makes the certificates of this test and is not installed")
class TestHttps:
    """HTTPS to the load balancer's own name, with a certificate for the service's."""

    @pytest.fixture
    def authority(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
        key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
                *("-keyout", str(key), "-out", str(certificate), "-subj", "/CN=predict.example.com"),
                *("-addext", "subjectAltName=DNS:predict.example.com"),
            ],
            check=True,
            capture_output=True,
        )
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def test_the_certificate_is_checked_for_the_services_name(self, authority: ssl.SSLContext) -> None:
        with candidate(authority) as (port, _):
            url = f"https://127.0.0.1:{port}"
            assert answer(url, HttpSmokeTest("/"), host="predict.example.com") == "SUCCEEDED"

    def test_a_certificate_for_another_name_fails(self, authority: ssl.SSLContext) -> None:
        with candidate(authority) as (port, _):
            assert answer(f"https://127.0.0.1:{port}", HttpSmokeTest("/"), host="other.example.com") == "FAILED"
