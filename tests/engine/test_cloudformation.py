"""CloudFormation's custom-resource protocol: what is read, what is answered, and that the answer arrives."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from bluegreen_constructs.engine.cloudformation import (
    AnswerError,
    RequestType,
    Status,
    answer_to,
    put,
    request_of,
    sender_of,
)
from bluegreen_constructs.engine.errors import ConfigurationError

EVENT = {
    "RequestType": "Update",
    "RequestId": "request",
    "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/S/1",
    "LogicalResourceId": "Rule",
    "ResponseURL": "https://example/secret",
    "ResourceProperties": {"a": "1"},
    "OldResourceProperties": {"a": "0"},
}


def test_the_physical_id_is_derived_from_stack_and_logical_id_and_so_never_changes() -> None:
    assert sender_of(EVENT).physical_id == "arn:aws:cloudformation:us-east-1:123456789012:stack/S/1/Rule"
    assert sender_of({**EVENT, "RequestId": "another"}).physical_id == sender_of(EVENT).physical_id


def test_a_physical_id_that_cloudformation_names_is_answered_back() -> None:
    assert sender_of({**EVENT, "PhysicalResourceId": "given"}).physical_id == "given"


def test_the_presigned_url_does_not_appear_when_the_sender_is_printed() -> None:
    assert "secret" not in repr(sender_of(EVENT))


@pytest.mark.parametrize("name", ["StackId", "LogicalResourceId", "RequestId", "ResponseURL"])
def test_an_event_without_anybody_to_answer_to_is_refused_by_the_missing_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        sender_of({key: value for key, value in EVENT.items() if key != name})


def test_a_request_carries_both_sets_of_properties() -> None:
    request = request_of(EVENT)
    assert (request.type, request.properties, request.former_properties) == (RequestType.UPDATE, {"a": "1"}, {"a": "0"})


@pytest.mark.parametrize("kind", [None, "Replace", 3])
def test_a_request_type_that_does_not_exist_is_refused(kind: object) -> None:
    with pytest.raises(ConfigurationError, match="Create, Update or Delete"):
        request_of({**EVENT, "RequestType": kind})


@pytest.mark.parametrize("reason", ["x" * 100_000, "\u2026\U0001f600" * 50_000, '"' * 9000])
def test_an_answer_is_at_most_four_kilobytes_however_long_the_reason(reason: str) -> None:
    body = answer_to(sender_of(EVENT), Status.FAILED, reason, {"RuleArn": "arn"})
    assert len(body) <= 4096
    answer = json.loads(body)
    assert (answer["Status"], answer["Data"], answer["RequestId"]) == ("FAILED", {"RuleArn": "arn"}, "request")


def test_data_that_leave_no_room_for_an_answer_are_refused() -> None:
    with pytest.raises(ValueError, match="4096"):
        answer_to(sender_of(EVENT), Status.SUCCESS, "", {"RuleArn": "a" * 5000})


class Bucket:
    """A presigned URL: an HTTP server on loopback that answers with the given statuses in turn."""

    def __init__(self, *statuses: int) -> None:
        received = self.received = []
        left = list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append((self.path, self.headers.get("Content-Type"), body))
                self.send_response(left.pop(0))
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/answer?signature=1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> "Bucket":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def pauses() -> Iterator[list[float]]:
    return []


def test_the_answer_is_put_to_the_url_in_its_own_scheme_without_a_content_type(pauses: list[float]) -> None:
    with Bucket(200) as bucket:
        put(bucket.url, b"{}", pause=pauses.append)
    assert bucket.received == [("/answer?signature=1", "", b"{}")]
    assert pauses == []


def test_an_answer_that_is_not_taken_is_sent_again(pauses: list[float]) -> None:
    with Bucket(503, 500, 200) as bucket:
        put(bucket.url, b"{}", pause=pauses.append)
    assert len(bucket.received) == 3
    assert len(pauses) == 2


def test_an_answer_that_is_never_taken_ends_in_an_error_without_the_url(pauses: list[float]) -> None:
    with Bucket(403, 403, 403) as bucket, pytest.raises(AnswerError, match="status 403") as raised:
        put(bucket.url, b"{}", pause=pauses.append)
    assert "signature" not in str(raised.value)
    assert len(bucket.received) == 3


def test_an_address_where_nobody_listens_ends_in_an_error(pauses: list[float]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(AnswerError):
            put(f"http://127.0.0.1:{port}/", b"{}", pause=pauses.append)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://example/x", "no url"])
def test_only_http_and_https_are_answered(url: str) -> None:
    with pytest.raises(AnswerError, match="neither https nor http"):
        put(url, b"{}")
