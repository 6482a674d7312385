"""The emulator's front door: ministack's ASGI application, every call recorded, and `/_rehearsal/state` beside it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TypeAlias
from urllib.parse import parse_qs

from .call_log import RULE_ACTIONS, Call, caller, named_action, rule_change, signed_service
from .world import World

Scope: TypeAlias = MutableMapping[str, object]
Message: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
# Names a REST call's action from (service, method, path, query), or answers None.
RestAction: TypeAlias = Callable[[str, str, str, dict[str, list[str]]], str | None]

_STATE_PATH = "/_rehearsal/state"
_BODY_KEPT = 65_536  # enough for any call about a rule
_ANSWER_KEPT = 8_192  # enough for the ARN of the rule that was created, which comes first


class Gateway:
    """ASGI application: records what it passes to the emulator's own, and answers `/_rehearsal/...` itself."""

    def __init__(self, emulator: Application, world: World, rest_action: RestAction) -> None:
        self._emulator = emulator
        self._world = world
        self._rest_action = rest_action
        self.is_ready = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._emulator(scope, receive, send)
        elif str(scope["path"]).startswith("/_rehearsal/"):
            await self._answer(str(scope["path"]), send)
        else:
            await self._record(scope, receive, send)

    async def _answer(self, path: str, send: Send) -> None:
        status = 404
        body: dict[str, object] = {"message": f"{path} is not known here; there is {_STATE_PATH}"}
        if path == _STATE_PATH:
            # Off the event loop: a part may take a lock that waits for an answer of this gateway.
            status, body = 200, {"ready": self.is_ready, **(await asyncio.to_thread(self._world.describe))}
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": json.dumps(body, default=str).encode()})

    async def _record(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, answer = bytearray(), bytearray()
        status = 0

        async def receive_and_keep() -> Message:
            message = await receive()
            chunk = message.get("body")
            if isinstance(chunk, bytes) and len(body) < _BODY_KEPT:
                body.extend(chunk[: _BODY_KEPT - len(body)])
            return message

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(str(message["status"]))
            chunk = message.get("body")
            if isinstance(chunk, bytes) and len(answer) < _ANSWER_KEPT:
                answer.extend(chunk[: _ANSWER_KEPT - len(answer)])
            await send(message)

        started = time.time()
        try:
            await self._emulator(scope, receive_and_keep, send_and_note)
        finally:
            self._keep(scope, bytes(body), bytes(answer), status=status, started=started)

    def _keep(self, scope: Scope, body: bytes, answer: bytes, *, status: int, started: float) -> None:
        path, method = str(scope["path"]), str(scope["method"])
        raw_query, raw_headers = scope.get("query_string"), scope.get("headers")
        query = parse_qs(raw_query.decode("latin-1") if isinstance(raw_query, bytes) else "")
        headers = (
            {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw_headers}
            if isinstance(raw_headers, list | tuple)
            else {}
        )
        service, access_key = signed_service(headers, query)
        if not service:
            return  # health checks, custom-resource answers: no AWS call
        action = named_action(headers, path, query, body)
        action = action or self._rest_action(service, method, path, query) or f"{method} {path}"
        writes_actions, arn = rule_change(action, body, answer) if action in RULE_ACTIONS else (False, "")
        ended = time.time()
        self._world.calls.add(
            Call(
                at=self._world.clock.at(ended),
                wall=ended,
                service=service,
                action=action,
                caller=caller(headers, access_key),
                status=status,
                seconds=ended - started,
                writes_actions=writes_actions,
                arn=arn,
            )
        )
