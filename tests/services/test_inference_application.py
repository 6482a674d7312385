"""What clients of the service see, through the whole ASGI application and without a socket."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Message

from services.inference.application import create_application
from services.inference.artefact import MANIFEST, committed_model
from services.inference.errors import ModelError
from services.inference.faults import Faults
from services.inference.readiness import ModelHost
from services.inference.requests import MAX_BODY_BYTES, MAX_TEXT_CHARACTERS
from services.inference.settings import Settings

GOLDEN = json.loads((MANIFEST.parent.parent / "golden.json").read_bytes())
SETTINGS = Settings(model=committed_model(), release="3.1.4", side="green")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    is_complete: bool

    @property
    def error(self) -> str:
        return str(json.loads(self.body)["error"])


async def ask(app: ASGIApp, method: str, path: str, body: bytes = b"", *, chunk: int = 65_536) -> Answer:
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
    }
    chunks = [body[start : start + chunk] for start in range(0, len(body), chunk)] or [b""]
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message: Message) -> None:
        sent.append(message)

    with contextlib.suppress(ZeroDivisionError):  # what a server would log; the answer has been sent
        await app(scope, receive, send)
    start, *rest = sent
    return Answer(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in rest),
        not rest[-1].get("more_body", False),
    )


async def ready_application(faults: str = "", settings: Settings = SETTINGS) -> ASGIApp:
    settings = replace(settings, faults=Faults.parse(faults))
    host = ModelHost(settings.model)
    await host.prepare()
    return create_application(settings, host)


def asked(method: str, path: str, body: bytes = b"", faults: str = "", settings: Settings = SETTINGS) -> Answer:
    async def run() -> Answer:
        return await ask(await ready_application(faults, settings), method, path, body)

    return asyncio.run(run())


def predicted(times: int, faults: str) -> list[Answer]:
    async def run() -> list[Answer]:
        app = await ready_application(faults)
        body = json.dumps(GOLDEN[0]["request"]).encode()
        return [await ask(app, "POST", "/predict", body) for _ in range(times)]

    return asyncio.run(run())


def test_a_prediction_names_the_topic_its_confidence_and_all_probabilities():
    answer = asked("POST", "/predict", json.dumps(GOLDEN[0]["request"]).encode())
    assert answer.status == 200
    document = json.loads(answer.body)
    assert document["topic"] == GOLDEN[0]["expected"]["topic"]
    assert set(document) == {"topic", "confidence", "low_confidence", "probabilities"}
    assert document["probabilities"][document["topic"]] == document["confidence"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "the body is not JSON"),
        (b"{", 400, "the body is not JSON"),
        (b"\xff\xfe", 400, "the body is not JSON"),
        (b"[" * 10_000, 400, "the body is not JSON"),
        (b"[]", 400, 'the one member "text"'),
        (b"{}", 400, 'the one member "text"'),
        (b'{"text": "a", "extra": 1}', 400, 'the one member "text"'),
        (b'{"text": 1}', 400, "must be a string that is not empty"),
        (b'{"text": null}', 400, "must be a string that is not empty"),
        (b'{"text": "  "}', 400, "must be a string that is not empty"),
        (json.dumps({"text": "a" * (MAX_TEXT_CHARACTERS + 1)}).encode(), 400, "has 4001 characters, allowed are 4000"),
        (b" " * (MAX_BODY_BYTES + 1), 413, f"larger than the {MAX_BODY_BYTES} bytes allowed"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(body: bytes, status: int, says: str):
    answer = asked("POST", "/predict", body)
    assert answer.status == status
    assert says in answer.error
    assert "\n" not in answer.error


def test_a_body_that_arrives_in_small_pieces_is_limited_as_well():
    async def run() -> Answer:
        return await ask(await ready_application(), "POST", "/predict", b"x" * (MAX_BODY_BYTES + 1), chunk=1000)

    assert asyncio.run(run()).status == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ready", 200),
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/stream", 200),
        ("POST", "/predict", 400),
        ("GET", "/predict", 405),
        ("GET", "/nowhere", 404),
    ],
)
def test_every_answer_names_release_model_and_side(method: str, path: str, status: int):
    answer = asked(method, path)
    assert answer.status == status
    assert {name: value for name, value in answer.headers.items() if name.startswith("x-")} == {
        "x-release": "3.1.4",
        "x-model-version": committed_model().version,
        "x-side": "green",
    }


def test_the_side_is_left_out_when_the_platform_does_not_say_it():
    assert "x-side" not in asked("GET", "/ready", settings=replace(SETTINGS, side=None)).headers


def test_an_unexpected_failure_is_a_500_with_the_headers_and_without_our_insides(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.inference.classifier.Classifier.predict", lambda _self, _text: 1 / 0)

    async def run() -> Answer:
        host = ModelHost(SETTINGS.model)
        monkeypatch.setattr("services.inference.readiness._warm_up", lambda _classifier: None)
        await host.prepare()
        return await ask(create_application(SETTINGS, host), "POST", "/predict", b'{"text": "hello"}')

    answer = asyncio.run(run())
    assert (answer.status, answer.error) == (500, "the service failed")
    assert answer.headers["x-release"] == "3.1.4"


def events(body: bytes) -> list[str]:
    return [line.removeprefix("event: ") for line in body.decode().splitlines() if line.startswith("event: ")]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/stream", b""),
        ("GET", "/stream?text=the+app+crashes", b""),
        ("POST", "/stream", b'{"text": "the app crashes when I open the camera"}'),
    ],
)
def test_a_stream_is_a_few_events_and_ends_with_done(method: str, path: str, body: bytes):
    answer = asked(method, path, body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.is_complete
    assert events(answer.body) == ["partial", "partial", "partial", "done"]


def test_a_stream_refuses_an_empty_text():
    assert asked("GET", "/stream?text=").status == 400


def test_nothing_is_answered_before_the_model_is_ready_but_liveness_and_metrics():
    async def run() -> list[Answer]:
        app = create_application(SETTINGS, ModelHost(SETTINGS.model))
        return [
            await ask(app, method, path)
            for method, path in [("GET", "/ready"), ("POST", "/predict"), ("GET", "/stream")]
        ] + [await ask(app, "GET", "/healthz"), await ask(app, "GET", "/metrics")]

    *waiting, alive, metrics = asyncio.run(run())
    assert [(answer.status, answer.error) for answer in waiting] == [(503, "the model is not loaded yet")] * 3
    assert [alive.status, metrics.status] == [200, 200]


def test_ready_says_that_the_model_is_warming_up_and_only_then_200():
    async def run() -> tuple[Answer, Answer]:
        host = ModelHost(SETTINGS.model, slow_warm_up_seconds=0.2)
        app = create_application(SETTINGS, host)
        preparing = asyncio.create_task(host.prepare())
        answer = await ask(app, "GET", "/ready")
        while "not loaded" in answer.error:
            await asyncio.sleep(0.001)
            answer = await ask(app, "GET", "/ready")
        await preparing
        return answer, await ask(app, "GET", "/ready")

    warming, ready = asyncio.run(run())
    assert (warming.status, warming.error) == (503, "model 1.0.0 is loaded and warming up")
    assert (ready.status, json.loads(ready.body)) == (200, {"ready": True, "model_version": "1.0.0"})


def test_a_model_whose_warm_up_is_not_a_distribution_never_gets_ready(tmp_path: Path):
    document = json.loads(committed_model().path.read_bytes())
    document["biases"][0] = float("nan")
    content = json.dumps(document).encode()
    path = tmp_path / "classifier.json"
    path.write_bytes(content)
    reference = replace(SETTINGS.model, path=path, sha256=hashlib.sha256(content).hexdigest())

    async def run() -> Answer:
        host = ModelHost(reference)
        with pytest.raises(ModelError, match="add up to nan"):
            await host.prepare()
        return await ask(create_application(SETTINGS, host), "GET", "/ready")

    assert asyncio.run(run()).status == 503


def test_an_error_rate_fails_exactly_its_share_of_the_predictions():
    statuses = [answer.status for answer in predicted(10, "error_rate=0.3")]
    assert (statuses.count(500), statuses.count(200)) == (3, 7)


def test_streams_have_an_error_rate_of_their_own():
    async def run() -> list[int]:
        app = await ready_application("error_rate=0.5")
        body = json.dumps(GOLDEN[0]["request"]).encode()
        return [
            (await ask(app, *request)).status
            for request in [("POST", "/predict", body), ("GET", "/stream")]
            for _ in "ab"
        ]

    assert asyncio.run(run()) == [500, 200, 500, 200]


def test_wrong_predictions_are_answered_with_200_and_counted_as_low_confidence():
    async def run() -> tuple[list[str], str]:
        app = await ready_application("wrong_predictions=0.5")
        body = json.dumps(GOLDEN[0]["request"]).encode()
        answers = [await ask(app, "POST", "/predict", body) for _ in range(4)]
        assert {answer.status for answer in answers} == {200}
        return [json.loads(answer.body)["topic"] for answer in answers], (
            await ask(app, "GET", "/metrics")
        ).body.decode()

    topics, metrics = asyncio.run(run())
    assert [topic == GOLDEN[0]["expected"]["topic"] for topic in topics] == [False, True, False, True]
    assert "inference_low_confidence_predictions_total 2\n" in metrics


def test_a_broken_stream_ends_without_done_and_without_its_last_chunk():
    answer = asked("GET", "/stream", faults="broken_streams=1")
    assert answer.status == 200
    assert not answer.is_complete
    assert events(answer.body) == ["partial", "partial"]


def test_metrics_count_answers_errors_and_durations_by_route():
    async def run() -> list[str]:
        app = await ready_application("error_rate=0.5,broken_streams=1")
        body = json.dumps(GOLDEN[0]["request"]).encode()
        for _ in range(4):
            await ask(app, "POST", "/predict", body)
        for path in ("/stream", "/stream", "/nowhere", "/elsewhere"):
            await ask(app, "GET", path)
        return (await ask(app, "GET", "/metrics")).body.decode().splitlines()

    lines = asyncio.run(run())
    for line in [
        'inference_info{release="3.1.4",model_version="1.0.0",side="green"} 1',
        'inference_requests_total{route="/predict",status="200"} 2',
        'inference_requests_total{route="/predict",status="500"} 2',
        'inference_requests_total{route="other",status="404"} 2',
        'inference_errors_total{route="/predict"} 2',
        'inference_errors_total{route="/stream"} 2',
        'inference_request_seconds_bucket{route="/predict",le="+Inf"} 4',
        'inference_request_seconds_count{route="/predict"} 4',
    ]:
        assert line in lines
    names = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    declared = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in names} <= declared
