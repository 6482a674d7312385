"""The open loop: every request is sent at its scheduled time, whatever became of the ones before it."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TextIO

import aiohttp

from ..single_attempt import send_once
from .plan import GoldenCase, LoadPlan
from .record import Kind, LoadRecord
from .schedule import Arrival, schedule

# Far below the time for which a listener keeps an idle connection (60 s): nothing is sent again, so a request on a
# connection that the load balancer is just closing would be lost by our fault, not by the release's.
KEEP_ALIVE_SECONDS = 15.0


@dataclass
class _Exchange:
    """One request on its way: filled in as the answer arrives, so that a cut leaves what was known."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    is_done: bool = False
    is_wrong: bool = False


class Sender:
    """Sends the load of one plan and writes a record for each request as soon as its outcome is known.

    Latency counts from the scheduled time. A generator that counts from the send, or waits for an answer before the
    next send, asks less often exactly when the service is slow (coordinated omission) and reports it as fast.
    """

    def __init__(self, plan: LoadPlan, output: TextIO) -> None:
        self._plan = plan
        self._output = output
        self._stopping = asyncio.Event()
        self._in_flight: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Send nothing further; `run` returns when the requests in flight have their outcome."""
        self._stopping.set()

    async def run(self) -> None:
        """Send until the schedule ends or `stop` is called, then wait for the answers still on their way."""
        async with self._session() as session:
            loop = asyncio.get_running_loop()
            began, began_wall = loop.time(), time.time()
            for arrival in schedule(self._plan):
                due = began + arrival.offset
                if await self._is_stopped_before(due):
                    break
                sending = loop.create_task(self._send(session, arrival, due, began_wall + arrival.offset))
                # Held, because the event loop itself keeps only weak references to tasks.
                self._in_flight.add(sending)
                sending.add_done_callback(self._in_flight.discard)
            # Each of them ends by its own time-out, so this wait ends as well.
            await asyncio.gather(*self._in_flight)

    async def _is_stopped_before(self, due: float) -> bool:
        wait = due - asyncio.get_running_loop().time()
        try:
            # Behind schedule this still yields once, so that the requests in flight are not starved.
            async with asyncio.timeout(max(wait, 0.0)):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True

    def _session(self) -> aiohttp.ClientSession:
        headers = dict(self._plan.headers)
        if self._plan.host is not None:
            headers["Host"] = self._plan.host
        return send_once(
            lambda: aiohttp.ClientSession(
                self._plan.address,
                connector=aiohttp.TCPConnector(limit=self._plan.connections, keepalive_timeout=KEEP_ALIVE_SECONDS),
                timeout=aiohttp.ClientTimeout(total=self._plan.timeout_seconds),
                # Requests are independent clients: a cookie jar would hand the stickiness cookie of one to all others.
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=headers,
            )
        )

    async def _send(self, session: aiohttp.ClientSession, arrival: Arrival, due: float, due_wall: float) -> None:
        now = asyncio.get_running_loop().time
        late = now() - due
        exchange = _Exchange()
        try:
            if arrival.case is None:
                await self._stream(session, exchange)
            else:
                await self._predict(session, arrival.case, exchange)
        except (aiohttp.ClientError, OSError) as error:
            # Time-outs have several types; all of them are one thing to the reader of a report.
            exchange.error = "TimeoutError" if isinstance(error, TimeoutError) else type(error).__name__
        side = exchange.headers.get(self._plan.side_header)
        record = LoadRecord(
            scheduled=due_wall,
            late=late,
            latency=now() - due,
            kind=arrival.kind,
            status=exchange.status,
            error=exchange.error,
            side=None if side is None else self._plan.sides.get(side, side),
            release=exchange.headers.get("x-release"),
            model_version=exchange.headers.get("x-model-version"),
            is_broken=arrival.kind is Kind.STREAM and exchange.status == 200 and not exchange.is_done,
            is_wrong=exchange.is_wrong,
            expected_status=200 if arrival.case is None else arrival.case.status,
        )
        self._output.write(record.to_json() + "\n")

    async def _predict(self, session: aiohttp.ClientSession, case: GoldenCase, exchange: _Exchange) -> None:
        body = {"json": case.request} if case.text is None else {"data": case.text}
        async with session.request(
            case.method, case.path or self._plan.predict_path, **body, allow_redirects=False
        ) as response:
            exchange.status, exchange.headers = response.status, response.headers
            answer = await response.read()
            exchange.is_wrong = response.status == case.status and not case.accepts(answer)

    async def _stream(self, session: aiohttp.ClientSession, exchange: _Exchange) -> None:
        body = bytearray()
        async with session.get(
            self._plan.stream_path, headers={"Accept": "text/event-stream"}, allow_redirects=False
        ) as response:
            exchange.status, exchange.headers = response.status, response.headers
            async for chunk in response.content.iter_any():
                body += chunk
            exchange.is_done = b"event: done" in body.splitlines()
