"""What every answer passes on its way out: the identity headers, and the counting."""

import time
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import Metrics
from .settings import Settings

ROUTES = frozenset({"/predict", "/stream", "/ready", "/healthz", "/metrics"})


def identity(settings: Settings) -> dict[str, str]:
    """Who answers: `x-release`, `x-model-version` and, where the platform says so, `x-side`."""
    headers = {"x-release": settings.release, "x-model-version": settings.model.version}
    if settings.side is not None:
        headers["x-side"] = settings.side
    return headers


class Edge:
    """Wraps the whole application, outside of its error handling, so that a 500 carries the headers as well.

    Paths that are not ours are counted as one, or a scanner could fill the memory with labels.
    """

    def __init__(self, app: ASGIApp, headers: Mapping[str, str], metrics: Metrics) -> None:
        self._app = app
        self._headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI); other scopes pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 500
        is_complete = False

        async def send_marked(message: Message) -> None:
            nonlocal status, is_complete
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", []), *self._headers]}
            elif message["type"] == "http.response.body":
                is_complete = not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        finally:
            route = scope["path"] if scope["path"] in ROUTES else "other"
            self._metrics.answered(route, status, time.monotonic() - began, complete=is_complete)
