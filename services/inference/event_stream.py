"""Server-sent events that can be cut off half-way, as a crashing process would cut them."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


@dataclass(frozen=True)
class Event:
    """One server-sent event: its name, and data that is sent as one line of JSON."""

    name: str
    data: dict[str, object]

    def encode(self) -> bytes:
        """The event on the wire (HTML Living Standard, 9.2 Server-sent events)."""
        return f"event: {self.name}\ndata: {json.dumps(self.data)}\n\n".encode()


class EventStream(Response):
    """Sends `events` with `pause_seconds` before each but the first.

    `break_after` events (None: never) the answer ends without its last chunk, so that the server cuts the connection
    and the client cannot mistake what it got for the whole. A client that leaves is not looked for: a stream lasts
    well under a second.
    """

    media_type = "text/event-stream"

    def __init__(self, events: Sequence[Event], pause_seconds: float, break_after: int | None = None) -> None:
        super().__init__(headers={"cache-control": "no-store"})
        # A length would promise an end that is not known yet.
        del self.headers["content-length"]
        self._events = events
        self._pause_seconds = pause_seconds
        self._break_after = break_after

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the answer (ASGI)."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for number, event in enumerate(self._events):
            if number == self._break_after:
                return
            if number:
                await asyncio.sleep(self._pause_seconds)
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
