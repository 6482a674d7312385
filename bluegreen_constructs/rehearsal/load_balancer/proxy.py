"""The data plane of one load balancer: takes an HTTP/1.1 request, follows the rules, streams the target's answer.

Status codes of the load balancer itself follow
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html: 502 when the
target refuses or breaks the connection or answers nonsense, 503 without a target, 504 when connecting takes more than
10 seconds or the target says nothing for the idle time-out. No request is sent to a target twice. A function that
fails, may not be invoked or answers nothing usable is a 502 as well, a body too large for one a 413, a WebSocket a 400.

Connections to targets are kept for the idle time-out of the load balancer (real seconds), as the section "Connection
idle timeout" of https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
has it: a target that closes its idle connections earlier may close one just when a request arrives, which is a 502.

A request that asks (see `answering_group`) is told which target group was chosen for it, which AWS does not do.

Not played: WebSockets, HTTP/2 and TLS (an HTTPS listener is served as plain HTTP), the 460 and 463 codes of the access
log.
"""

import contextlib
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import TypeVar

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    SocketTimeoutError,
    StreamReader,
    TCPConnector,
)
from aiohttp.web import BaseRequest, Response, StreamResponse
from multidict import CIMultiDict
from yarl import URL

from ..answering_group import ASKS_HEADER, GROUP_HEADER
from ..clock import Clock
from ..single_attempt import send_once
from .headers import end_to_end, for_target
from .health import HealthBook
from .in_flight import InFlight
from .lambda_events import FunctionError, request_event
from .lambda_targets import NO_FUNCTIONS, LambdaTargets, as_response, body_for_function, wants_upgrade
from .metrics import MinuteBook
from .model import (
    DEFAULT_IDLE_SECONDS,
    FixedResponse,
    Forward,
    Listener,
    LoadBalancer,
    Redirect,
    RoutingTable,
    Rule,
    Target,
    TargetGroup,
    Uncovered,
)
from .routing import Request, choose_rule, choose_target_group, redirect_location, usable_targets
from .served import ServedBook
from .stickiness import GROUP_COOKIE, TARGET_COOKIE, cookie, recall, recall_target, remember, set_cookie_headers

_Response = TypeVar("_Response", bound=StreamResponse)

_CONNECT_SECONDS = 10.0
# Bodies up to this size are read before they are sent on; larger ones are streamed.
_SMALL_BODY = 64 * 1024
_ADDED_BY_THE_CLIENT = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@dataclass
class Ledger:
    """What the data plane writes while it works: today's metrics and the counts for the report."""

    clock: Clock
    minutes: MinuteBook = field(default_factory=MinuteBook)
    served: ServedBook = field(default_factory=ServedBook)

    def by_balancer(
        self, balancer: LoadBalancer, rule: str, status: int, *, group: str | None = None, action: str | None = None
    ) -> None:
        """The load balancer answered itself; `rule` "" when none matched, `group` when one was chosen."""
        self.minutes.balancer_answered(balancer.dimension, status, self.clock.now(), action)
        self.served.answered(balancer.arn, rule, group, status=status, by_target=False)

    def unconnected(self, route: "_Route", status: int) -> None:
        """The chosen target could not be connected to; the load balancer answered with `status`."""
        now = self.clock.now()
        self.minutes.connection_failed(route.balancer.dimension, route.group.dimension, now)
        self.minutes.balancer_answered(route.balancer.dimension, status, now)
        self.served.answered(
            route.balancer.arn, route.rule, route.group.arn, status=status, by_target=False, connected=False
        )

    def function_failed(self, route: "_Route", failure: FunctionError) -> None:
        """The function gave no usable answer; the load balancer answered in its place."""
        self.minutes.function_failed(
            route.balancer.dimension, route.group.dimension, self.clock.now(), is_internal=failure.is_internal
        )
        self.by_balancer(route.balancer, route.rule, failure.status, group=route.group.arn)

    def by_target(self, route: "_Route", status: int, seconds: float) -> None:
        """A target answered."""
        self.minutes.target_answered(route.balancer.dimension, route.group.dimension, status, seconds, self.clock.now())
        self.served.answered(route.balancer.arn, route.rule, route.group.arn, status=status, by_target=True)

    def broken_off(self, route: "_Route") -> None:
        """An answer ended before it was complete; CloudWatch has no metric for that."""
        self.served.broke_off(route.balancer.arn, route.rule, route.group.arn)


@dataclass(frozen=True)
class _Route:
    """Where one request goes: the target, the cookies to set, and who to count it for (`rule`: its ARN)."""

    balancer: LoadBalancer
    listener: Listener
    rule: str
    group: TargetGroup
    target: Target
    set_cookies: tuple[str, ...]


class Proxy:
    """Answers requests for any load balancer of the table. `table` is asked once per request (a node's table)."""

    def __init__(
        self,
        table: Callable[[], RoutingTable],
        health: HealthBook,
        ledger: Ledger,
        in_flight: InFlight,
        random: Random,
        *,
        address_of: Callable[[str], str] = str,
        functions: LambdaTargets = NO_FUNCTIONS,
    ) -> None:
        """`address_of` a target's id is where it listens: an instance's id is no address."""
        self._table = table
        self._address_of = address_of
        self._functions = functions
        self._health = health
        self._ledger = ledger
        self._in_flight = in_flight
        self._random = random
        self._turns: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)
        # A pool of connections to targets for each idle time-out that a load balancer has or had.
        self._pools: dict[float, ClientSession] = {}

    async def start(self) -> None:
        """Open a pool; RehearsalError when the HTTP client cannot be kept from sending requests again."""
        self._pool(DEFAULT_IDLE_SECONDS)

    async def stop(self) -> None:
        """Close the connections to targets."""
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.close()

    async def answer(self, request: BaseRequest, balancer_arn: str, port: int, path_and_query: str) -> StreamResponse:
        """Answer one request to `port` of a load balancer, by the table of the node that got it."""
        table = self._table()
        balancer = table.load_balancer(balancer_arn)
        listener = balancer.listener(port) if balancer else None
        if balancer is None or listener is None:
            return _own(503, "the listener is not there yet, or no longer")
        path, _, query = path_and_query.partition("?")
        asked = Request(
            method=request.method,
            path=path,
            query=query,
            headers=[(name.lower(), value) for name, value in request.headers.items()],
            source_ip=request.remote or "127.0.0.1",
        )
        rule = choose_rule(listener, asked)
        if rule is None:
            self._ledger.by_balancer(balancer, "", 503)
            return _own(503)
        if not isinstance(rule.action, Forward):
            return self._answer_by_rule(rule, balancer, listener, asked)
        group = self._choose_group(table, rule.action, asked)
        target, keep = self._choose_target(group, asked) if group else (None, ())
        if group is None or target is None:
            self._ledger.by_balancer(balancer, rule.arn, 503, group=group.arn if group else None)
            return _own(503)
        self._ledger.minutes.chosen(balancer.dimension, group.dimension, self._ledger.clock.now())
        cookies = (*self._group_cookies(rule.action, group, asked), *keep)
        route = _Route(balancer, listener, rule.arn, group, target, cookies)
        if group.is_function:
            return await self._ask_function(request, route, path_and_query)
        return await self._forward(request, route, path_and_query)

    def _answer_by_rule(self, rule: Rule, balancer: LoadBalancer, listener: Listener, asked: Request) -> Response:
        match rule.action:
            case FixedResponse(status, content_type, body):
                self._ledger.by_balancer(balancer, rule.arn, status, action="Fixed_Response")
                return Response(
                    status=status, body=body.encode(), headers={"Content-Type": content_type, "Server": "awselb/2.0"}
                )
            case Redirect(status) as redirect:
                self._ledger.by_balancer(balancer, rule.arn, status, action="Redirect")
                response = _own(status)
                response.headers["Location"] = redirect_location(redirect, listener, asked)
                return response
            case Uncovered(what):
                self._ledger.by_balancer(balancer, rule.arn, 500)
                return _own(500, f"not covered by the rehearsal: {what}")
            case Forward():
                raise AssertionError("forwards are not answered by the rule")

    def _choose_group(self, table: RoutingTable, forward: Forward, asked: Request) -> TargetGroup | None:
        sent = cookie(asked.header_values("cookie"), GROUP_COOKIE) if forward.sticky_seconds is not None else None
        arn = choose_target_group(forward, recall(sent, self._ledger.clock.now()), self._random.random())
        return table.target_groups.get(arn) if arn else None

    def _group_cookies(self, forward: Forward, group: TargetGroup, asked: Request) -> list[str]:
        """AWSALBTG is set when the group is first chosen, and not renewed."""
        now = self._ledger.clock.now()
        if forward.sticky_seconds is None:
            return []
        if recall(cookie(asked.header_values("cookie"), GROUP_COOKIE), now) == group.arn:
            return []
        return self._cookies(GROUP_COOKIE, group.arn, forward.sticky_seconds)

    def _choose_target(self, group: TargetGroup, asked: Request) -> tuple[Target | None, list[str]]:
        targets = usable_targets(group.targets, self._health.healthy(group))
        if not targets:
            return None, []
        if group.sticky_seconds is None:
            return targets[next(self._turns[group.arn]) % len(targets)], []
        known = recall_target(cookie(asked.header_values("cookie"), TARGET_COOKIE), self._ledger.clock.now())
        target = known if known in targets else targets[next(self._turns[group.arn]) % len(targets)]
        # The duration begins anew with every request, as AWS documents for duration-based stickiness.
        return target, self._cookies(TARGET_COOKIE, str(target), group.sticky_seconds)

    def _cookies(self, name: str, what: str, seconds: int) -> list[str]:
        clock = self._ledger.clock
        value = remember(what, clock.now() + seconds)
        return set_cookie_headers(name, value, time.time() + clock.real_seconds(seconds))

    async def _forward(self, request: BaseRequest, route: _Route, path_and_query: str) -> StreamResponse:
        response: StreamResponse | None = None
        try:
            async with self._in_flight.at(route.group.arn, route.target):
                sent_at = time.perf_counter()
                async with await self._send(request, route, path_and_query) as upstream:
                    seconds = time.perf_counter() - sent_at
                    self._ledger.by_target(route, upstream.status, seconds)
                    response = _named(_as_received(upstream, route.set_cookies), request, route)
                    await _stream(request, upstream, response)
                    return response
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            status = 504 if isinstance(error, ConnectionTimeoutError) else 502
            self._ledger.unconnected(route, status)
            return _named(_own(status), request, route)
        except (ClientError, TimeoutError) as error:
            if response is not None:
                # The status line is gone already; a broken connection is the only way to say that the rest is missing.
                self._ledger.broken_off(route)
                _break_off(request)
                return response
            status = 504 if isinstance(error, SocketTimeoutError) else 502
            self._ledger.by_balancer(route.balancer, route.rule, status, group=route.group.arn)
            return _named(_own(status), request, route)

    async def _ask_function(self, request: BaseRequest, route: _Route, path_and_query: str) -> StreamResponse:
        """The answer of a function, which is there as a whole or not at all."""
        if wants_upgrade(request):
            self._ledger.by_balancer(route.balancer, route.rule, 400, group=route.group.arn)
            return _named(_own(400), request, route)
        _invite(request)
        headers = _headers_for(request, route)
        try:
            async with self._in_flight.at(route.group.arn, route.target):
                body = await body_for_function(request)
                event = request_event(route.group, request.method, path_and_query, headers.items(), body)
                pool = self._pool(DEFAULT_IDLE_SECONDS)
                sent_at = time.perf_counter()
                answer = await self._functions.ask(pool, route.group, route.target, event)
        except FunctionError as failure:
            self._ledger.function_failed(route, failure)
            return _named(_own(failure.status), request, route)
        except TimeoutError:
            # Deregistered while it worked, which ends what it was asked.
            self._ledger.by_balancer(route.balancer, route.rule, 502, group=route.group.arn)
            return _named(_own(502), request, route)
        self._ledger.by_target(route, answer.status, time.perf_counter() - sent_at)
        return _named(as_response(answer, route.set_cookies), request, route)

    async def _send(self, request: BaseRequest, route: _Route, path_and_query: str) -> ClientResponse:
        _invite(request)
        headers = _headers_for(request, route)
        body: bytes | StreamReader | None = None
        if request.body_exists:
            length = request.content_length
            body = await request.read() if length is not None and length <= _SMALL_BODY else request.content
        return await self._pool(route.balancer.idle_timeout_seconds).request(
            request.method,
            URL(f"http://{self._address_of(route.target.id)}:{route.target.port}{path_and_query}", encoded=True),
            headers=headers,
            data=body,
            allow_redirects=False,
            timeout=ClientTimeout(
                total=None, sock_connect=_CONNECT_SECONDS, sock_read=route.balancer.idle_timeout_seconds
            ),
        )

    def _pool(self, seconds: float) -> ClientSession:
        if seconds not in self._pools:
            self._pools[seconds] = send_once(
                lambda: ClientSession(
                    connector=TCPConnector(limit=0, keepalive_timeout=seconds),
                    cookie_jar=DummyCookieJar(),
                    auto_decompress=False,
                    skip_auto_headers=_ADDED_BY_THE_CLIENT,
                    timeout=ClientTimeout(total=None),
                )
            )
        return self._pools[seconds]


def _invite(request: BaseRequest) -> None:
    """Let a client that waits for it send its body."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _headers_for(request: BaseRequest, route: _Route) -> CIMultiDict[str]:
    """What the target is told; the rehearsal's own question is not for it."""
    headers = for_target(request.headers.items(), route.listener, request.remote or "127.0.0.1")
    headers.popall("Expect", None)
    headers.popall(ASKS_HEADER, None)
    return headers


def _named(response: _Response, request: BaseRequest, route: _Route) -> _Response:
    """The answer, with the name of the target group for who asks for it."""
    if ASKS_HEADER in request.headers:
        response.headers[GROUP_HEADER] = route.group.arn
    return response


def _as_received(upstream: ClientResponse, set_cookies: tuple[str, ...]) -> StreamResponse:
    headers: CIMultiDict[str] = end_to_end(upstream.headers.items())
    for value in set_cookies:
        headers.add("Set-Cookie", value)
    return StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)


async def _stream(request: BaseRequest, upstream: ClientResponse, response: StreamResponse) -> None:
    """Pass the body on as it arrives: server-sent events must not wait for a buffer to fill.

    Ends quietly when the client has gone; what goes wrong with the target is raised (ClientError).
    """
    with contextlib.suppress(ConnectionResetError):
        await response.prepare(request)
    while chunk := await upstream.content.readany():
        try:
            await response.write(chunk)
        except ConnectionResetError:
            return
    with contextlib.suppress(ConnectionResetError):
        await response.write_eof()


def _break_off(request: BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def _own(status: int, explanation: str = "") -> Response:
    """An answer of the load balancer itself; the explanation is the rehearsal's, AWS gives none."""
    title = f"{status} {_TITLES.get(status, HTTPStatus(status).phrase)}"
    body = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    body += f"<p>{explanation}</p>\r\n" if explanation else ""
    return Response(
        status=status, text=f"{body}</body>\r\n</html>\r\n", content_type="text/html", headers={"Server": "awselb/2.0"}
    )


_TITLES = {503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}
