"""The open loop against real servers on loopback."""

import asyncio
import io
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from aiohttp import web

from bluegreen_constructs.rehearsal.load import GoldenCase, Kind, LoadPlan, LoadRecord
from bluegreen_constructs.rehearsal.load.sender import KEEP_ALIVE_SECONDS, Sender
from bluegreen_constructs.rehearsal.load_balancer.plane import LISTENER_IDLE_SECONDS

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CASE = GoldenCase({"text": "a"}, {"topic": "x"})
RIGHT = {"topic": "x", "confidence": 0.9}
ENOUGH = 25


@asynccontextmanager
async def serving(handler: Handler) -> Any:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def plan(address: str, **changes: Any) -> LoadPlan:
    fields: dict[str, Any] = {
        "address": address,
        "rate_per_second": 200.0,
        "duration_seconds": 0.1,
        "output": Path("unused"),
        "golden": (CASE,),
        "arrivals": "uniform",
        "timeout_seconds": 20.0,
    }
    return LoadPlan(**(fields | changes))


def sent(handler: Handler, **changes: Any) -> list[LoadRecord]:
    async def run() -> list[LoadRecord]:
        async with serving(handler) as address:
            output = io.StringIO()
            await Sender(plan(address, **changes), output).run()
            return [LoadRecord.from_json(line) for line in output.getvalue().splitlines()]

    return asyncio.run(run())


def test_sends_go_on_while_no_answer_comes():
    """Nothing is answered before 25 requests are in flight: a loop that waits for an answer would never get there."""
    in_flight = 0
    enough = asyncio.Event()

    async def stall(_request: web.Request) -> web.Response:
        nonlocal in_flight
        in_flight += 1
        if in_flight >= ENOUGH:
            enough.set()
        await enough.wait()
        return web.json_response(RIGHT)

    records = sent(stall, duration_seconds=ENOUGH / 200 + 0.001)
    assert len(records) >= ENOUGH
    assert all(record.status == 200 for record in records)


def test_a_late_send_is_made_up_for_says_so_and_counts_its_latency_from_its_scheduled_time():
    """The server shares our event loop and stops it for 0.2 s: requests due meanwhile can only be sent late."""
    stops = iter([0.2])

    async def answer(_request: web.Request) -> web.Response:
        time.sleep(next(stops, 0.0))
        return web.json_response(RIGHT)

    records = sent(answer, rate_per_second=100.0, duration_seconds=0.155)
    assert len(records) == 15
    assert max(record.late for record in records) > 0.05
    assert all(record.late <= record.latency for record in records)


def test_records_carry_who_answered_and_when_the_request_was_due():
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(RIGHT, headers={"x-side": "green", "x-release": "2", "x-model-version": "7"})

    records = sent(answer)
    assert {(r.status, r.side, r.release, r.model_version, r.error) for r in records} == {
        (200, "green", "2", "7", None)
    }
    dues = sorted(record.scheduled for record in records)
    gaps = [round(later - earlier, 4) for earlier, later in pairwise(dues)]
    assert set(gaps) == {0.005}


def test_the_host_header_the_further_headers_and_the_golden_request_are_sent():
    seen: list[tuple[str, str, str | None, object]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, request.headers["Host"], request.headers.get("x-test"), await request.json()))
        return web.json_response(RIGHT)

    sent(answer, host="predict.example.com", headers={"x-test": "1"})
    assert seen[0] == ("POST", "predict.example.com", "1", {"text": "a"})


def test_connections_are_kept_and_used_again():
    ports: set[int] = set()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername")[1])
        return web.json_response(RIGHT)

    records = sent(answer, rate_per_second=50.0, duration_seconds=0.4)
    assert len(ports) < len(records)


def test_cookies_of_one_answer_are_not_sent_with_another_request():
    cookies: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        response = web.json_response(RIGHT)
        response.set_cookie("AWSALB", "blue")
        return response

    sent(answer)
    assert set(cookies) == {None}


def test_an_answer_that_differs_from_the_golden_one_is_wrong_and_a_500_is_not():
    async def wrong(_request: web.Request) -> web.Response:
        return web.json_response({"topic": "y"})

    async def no_json(_request: web.Request) -> web.Response:
        return web.Response(text="<html>")

    async def failed(_request: web.Request) -> web.Response:
        return web.json_response({"error": "x"}, status=500)

    assert all(record.is_wrong and not record.is_failed for record in sent(wrong))
    assert all(record.is_wrong for record in sent(no_json))
    assert all(record.is_failed and not record.is_wrong and record.status == 500 for record in sent(failed))


def stream_of(*events: str, cut: bool = False) -> Handler:
    async def stream(request: web.Request) -> web.StreamResponse:
        assert (request.method, request.headers["Accept"]) == ("GET", "text/event-stream")
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for event in events:
            await response.write(f"event: {event}\ndata: {{}}\n\n".encode())
        if cut:
            assert request.transport is not None
            request.transport.close()
        return response

    return stream


def test_a_stream_that_ends_with_done_is_good():
    records = sent(stream_of("partial", "done"), stream_share=1.0)
    assert {record.kind for record in records} == {Kind.STREAM}
    assert not any(record.is_broken or record.is_failed for record in records)


def test_a_stream_that_ends_in_order_but_without_done_is_broken():
    records = sent(stream_of("partial", "partial"), stream_share=1.0)
    assert all(record.is_broken and record.error is None for record in records)


def test_a_stream_that_is_cut_off_is_broken_and_names_the_error():
    records = sent(stream_of("partial", cut=True), stream_share=1.0)
    assert {(record.is_broken, record.status, record.error) for record in records} == {
        (True, 200, "ClientPayloadError")
    }


def test_a_refused_connection_is_a_failure_without_a_status():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"

        async def run() -> list[LoadRecord]:
            output = io.StringIO()
            await Sender(plan(address), output).run()
            return [LoadRecord.from_json(line) for line in output.getvalue().splitlines()]

        records = asyncio.run(run())
    assert records
    assert {(record.status, record.error, record.side) for record in records} == {(None, "ClientConnectorError", None)}


def test_an_answer_that_never_comes_is_a_time_out():
    async def hang(_request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    records = sent(hang, timeout_seconds=0.1, duration_seconds=0.02)
    assert {(record.status, record.error) for record in records} == {(None, "TimeoutError")}
    assert all(record.latency >= 0.1 for record in records)


def test_a_get_that_is_dropped_is_lost_and_not_sent_again():
    """The server closes each kept connection when its second request arrives, as a stopping target may."""
    requests: dict[int, int] = {}

    async def close_the_second(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        port = request.transport.get_extra_info("peername")[1]
        requests[port] = requests.get(port, 0) + 1
        if requests[port] == 2:
            request.transport.abort()
        return web.Response(text="event: done\n\n")

    records = sent(close_the_second, stream_share=1.0, rate_per_second=20.0, duration_seconds=0.21)
    assert sum(requests.values()) == len(records)
    lost = [record for record in records if record.is_failed]
    assert {(record.status, record.error) for record in lost} == {(None, "ServerDisconnectedError")}


def test_it_is_the_client_that_closes_idle_connections_long_before_the_listener_would():
    assert KEEP_ALIVE_SECONDS <= LISTENER_IDLE_SECONDS / 2


def test_stopping_sends_nothing_further_and_waits_for_what_is_in_flight():
    async def run() -> tuple[int, list[LoadRecord]]:
        arrived = asyncio.Event()
        released = asyncio.Event()
        count = 0

        async def hold(_request: web.Request) -> web.Response:
            nonlocal count
            count += 1
            arrived.set()
            await released.wait()
            return web.json_response(RIGHT)

        async with serving(hold) as address:
            output = io.StringIO()
            sender = Sender(plan(address, duration_seconds=None, rate_per_second=50.0), output)
            running = asyncio.create_task(sender.run())
            await arrived.wait()
            sender.stop()
            await asyncio.sleep(0.05)
            assert not running.done()
            released.set()
            await running
            return count, [LoadRecord.from_json(line) for line in output.getvalue().splitlines()]

    count, records = asyncio.run(run())
    assert len(records) == count
    assert all(record.status == 200 for record in records)


def test_a_case_has_its_own_method_path_body_and_status() -> None:
    asked: list[tuple[str, str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.method, request.path_qs, await request.text()))
        return web.Response(status=201 if request.method == "PUT" else 200, text="all is well")

    put = GoldenCase(None, None, path="/things?a=1", method="PUT", text="body", status=201)
    records = sent(answer, golden=(put, replace(put, path="/missing", status=404), replace(put, contains="is ill")))
    assert set(asked) == {("PUT", "/things?a=1", "body"), ("PUT", "/missing", "body")}
    kinds = {(record.expected_status, record.is_failed, record.is_wrong) for record in records}
    assert kinds == {(201, False, False), (404, True, False), (201, False, True)}


def test_the_side_is_what_the_named_header_means() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(RIGHT, headers={"x-side": "its own", "X-Group": "arn:blue"})

    records = sent(answer, side_header="x-group", sides={"arn:blue": "blue"})
    assert {record.side for record in records} == {"blue"}
    assert {record.side for record in sent(answer)} == {"its own"}
