"""Functions as targets: the call through the emulator's Lambda API, and its answer as an HTTP answer.

A function is waited for until it answers or its own time-out has passed; the load balancer's idle time-out is not about
it (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html, "Function timeout"). The
call carries no signature, so that it is not in the call log: nobody in the account makes it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientTimeout
from aiohttp.web import BaseRequest, Response
from yarl import URL

from .headers import end_to_end
from .lambda_events import MOST_BYTES, FunctionAnswer, FunctionError, read_answer
from .model import Target, TargetGroup

_CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class LambdaTargets:
    """Where functions are called, and whether a function's policy lets a target group call it (function, group ARN)."""

    endpoint: str
    may_invoke: Callable[[str, str], bool]

    async def ask(
        self, session: ClientSession, group: TargetGroup, target: Target, event: Mapping[str, object]
    ) -> FunctionAnswer:
        """Call the function once; FunctionError when nothing comes of it that could be passed on."""
        if not self.may_invoke(target.id, group.arn):
            raise FunctionError(f"{target.id} is not there, or its policy does not let {group.arn} invoke it")
        try:
            async with session.post(
                URL(f"{self.endpoint}/2015-03-31/functions/{quote(target.id, safe='')}/invocations", encoded=True),
                data=BytesIO(json.dumps(event).encode()),
                headers={"Content-Type": "application/json"},
                timeout=ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            ) as answer:
                payload = await answer.read()
        except (ClientError, OSError) as error:
            raise FunctionError(f"Lambda does not answer: {error!r}", is_internal=True) from error
        if answer.status != 200:
            raise FunctionError(f"Lambda answers {answer.status} for {target.id}", is_internal=answer.status >= 500)
        if "X-Amz-Function-Error" in answer.headers:
            raise FunctionError(f"{target.id} failed")
        return read_answer(payload, multi_value=group.multi_value_headers)


NO_FUNCTIONS = LambdaTargets("", lambda _function, _group: False)
"""Where no function is deployed."""


async def body_for_function(request: BaseRequest) -> bytes:
    """A request's whole body; FunctionError (413) when it is larger than a function may be sent."""
    body = bytearray()
    if request.body_exists:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MOST_BYTES:
                raise FunctionError(f"the request's body has more than {MOST_BYTES} bytes", status=413)
    return bytes(body)


def wants_upgrade(request: BaseRequest) -> bool:
    """Whether a request asks for a WebSocket, which a function cannot be."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


def as_response(answer: FunctionAnswer, set_cookies: tuple[str, ...]) -> Response:
    """The HTTP answer; without a Content-Type of its own it is application/octet-stream."""
    headers = end_to_end(answer.headers)
    headers.popall("Content-Length", None)
    headers.setdefault("Server", "awselb/2.0")
    for value in set_cookies:
        headers.add("Set-Cookie", value)
    return Response(status=answer.status, reason=answer.reason, headers=headers, body=answer.body)
