"""The emulator's front door: ministack's ASGI application, every call recorded, faults, and `/_rehearsal/...`."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qs

from . import fault_routes
from .call_log import RULE_ACTIONS, Call, caller, named_action, rule_change, signed_service
from .faults import ServiceFault
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
            await self._answer(scope, receive, send)
        else:
            await self._record(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        status = 404
        body: dict[str, object] = {"message": f"{path} is not known here; there is {_STATE_PATH}"}
        if path == _STATE_PATH:
            # Off the event loop: a part may take a lock that waits for an answer of this gateway.
            status, body = 200, {"ready": self.is_ready, **(await asyncio.to_thread(self._world.describe))}
        elif path.startswith(fault_routes.FAULTS_PATH):
            status, body = fault_routes.answer(
                str(scope["method"]), path, await _whole_body(receive), self._world.faults
            )
        await _send(send, status, "application/json", json.dumps(body, default=str).encode())

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
        call = _Request.of(scope)
        fault = self._world.faults.of_service(call.service)
        try:
            if fault is None:
                await self._emulator(scope, receive_and_keep, send_and_note)
            else:
                await self._fail_or_pass(call, fault, scope, receive_and_keep, send_and_note)
        finally:
            self._keep(call, bytes(body), bytes(answer), status=status, started=started)

    async def _fail_or_pass(
        self, call: "_Request", fault: ServiceFault, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer with the fault when it hits this action, which only the whole body may name."""
        body = await _whole_body(receive)
        if fault.hits(self._action(call, body)):
            content_type, answer, code = fault.answer(call.service, call.headers)
            await _send(send, fault.status, content_type, answer, [(b"x-amzn-errortype", code.encode())])
            return
        messages = [_body_message(body)]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        await self._emulator(scope, replay, send)

    def _keep(self, call: "_Request", body: bytes, answer: bytes, *, status: int, started: float) -> None:
        if not call.service:
            return  # health checks, custom-resource answers: no AWS call
        action = self._action(call, body)
        writes_actions, arn = rule_change(action, body, answer) if action in RULE_ACTIONS else (False, "")
        ended = time.time()
        self._world.calls.add(
            Call(
                at=self._world.clock.at(ended),
                wall=ended,
                service=call.service,
                action=action,
                caller=caller(call.headers, call.access_key),
                status=status,
                seconds=ended - started,
                writes_actions=writes_actions,
                arn=arn,
            )
        )

    def _action(self, call: "_Request", body: bytes) -> str:
        action = named_action(call.headers, call.path, call.query, body)
        if action:
            return action
        return self._rest_action(call.service, call.method, call.path, call.query) or f"{call.method} {call.path}"


@dataclass(frozen=True)
class _Request:
    """What a request says before its body; `service` and `access_key` are empty when it is not signed."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    service: str
    access_key: str

    @classmethod
    def of(cls, scope: Scope) -> "_Request":
        raw_query, raw_headers = scope.get("query_string"), scope.get("headers")
        query = parse_qs(raw_query.decode("latin-1") if isinstance(raw_query, bytes) else "")
        headers = (
            {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw_headers}
            if isinstance(raw_headers, list | tuple)
            else {}
        )
        return cls(str(scope["method"]), str(scope["path"]), query, headers, *signed_service(headers, query))


def _body_message(body: bytes) -> Message:
    return {"type": "http.request", "body": body, "more_body": False}


async def _whole_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        chunk = message.get("body")
        body.extend(chunk if isinstance(chunk, bytes) else b"")
        if message["type"] != "http.request" or not message.get("more_body"):
            return bytes(body)


async def _send(
    send: Send, status: int, content_type: str, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    all_headers = [(b"content-type", content_type.encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body})
