"""The data plane on real loopback sockets: routing, streaming, draining, failures, health checks and the proxy."""

import asyncio
import contextlib
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import ClientConnectorError, ClientPayloadError, ClientResponse, ClientSession, TCPConnector
from aiohttp.web import BaseRequest, Response, Server, StreamResponse

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal import single_attempt
from bluegreen_constructs.rehearsal.answering_group import ASKS_HEADER, GROUP_HEADER
from bluegreen_constructs.rehearsal.clock import Clock
from bluegreen_constructs.rehearsal.load_balancer import proxy
from bluegreen_constructs.rehearsal.load_balancer.health import TargetHealth
from bluegreen_constructs.rehearsal.load_balancer.model import (
    Action,
    FixedResponse,
    Forward,
    HealthCheck,
    HttpHeader,
    Listener,
    LoadBalancer,
    Redirect,
    RoutingTable,
    Rule,
    Target,
    TargetGroup,
    Uncovered,
    WeightedTargetGroup,
)
from bluegreen_constructs.rehearsal.load_balancer.plane import LoadBalancerPlane
from bluegreen_constructs.rehearsal.load_balancer.propagation import PropagationLag

BLUE, GREEN = "arn:aws:elb:r:1:targetgroup/blue/1", "arn:aws:elb:r:1:targetgroup/green/2"
LB = "arn:aws:elb:r:1:loadbalancer/app/lb/9"
NOTHING = Target("127.0.0.1", 1)
Handler = Callable[[BaseRequest], Awaitable[StreamResponse]]


@dataclass
class Recorded:
    """A metric sink that keeps what it got."""

    sums: Counter[tuple[str, str]] = field(default_factory=Counter)
    lags: list[float] = field(default_factory=list)
    now: Callable[[], float] = lambda: 0.0

    def put(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        values: Sequence[float],
        at: float,
        unit: str = "",
    ) -> None:
        assert (namespace, at % 60) == ("AWS/ApplicationELB", 0)
        self.lags.append(self.now() - at - 60)
        self.sums[name, dimensions.get("TargetGroup", "")] += sum(values)  # type: ignore[assignment]  # floats are fine


@dataclass
class Rig:
    """A plane over a table that a test may change, and a client for it."""

    plane: LoadBalancerPlane
    client: ClientSession
    recorded: Recorded
    clock: Clock
    table: RoutingTable = field(default_factory=RoutingTable)
    is_readable: bool = True

    def read(self) -> RoutingTable:
        if not self.is_readable:
            raise KeyError("unreadable")
        return self.table

    def group(self, arn: str, *targets: Target, **settings: object) -> None:
        """Put a target group with these targets into the table."""
        group = replace(TargetGroup(arn, targets, HealthCheck(interval_seconds=5)), **settings)  # type: ignore[arg-type]  # a test's own fields
        self.table = replace(self.table, target_groups={**self.table.target_groups, arn: group})

    def rules(self, *rules: Rule, protocol: str = "HTTP", idle_timeout_seconds: float = 60) -> None:
        """One load balancer with one listener on port 80 and these rules."""
        listeners = (Listener("listener", 80, protocol, rules),)
        balancer = LoadBalancer(LB, "lb", "lb.elb.amazonaws.com", listeners, idle_timeout_seconds)
        self.table = replace(self.table, load_balancers=(balancer,))

    async def serve(self, action: Action, *more: Rule, **listener: object) -> None:
        """Serve `action` by default, and wait until it is served and every used target is checked."""
        self.rules(Rule("default", None, action), *more, **listener)  # type: ignore[arg-type]  # passed on
        await eventually(lambda: self.plane.is_settled() and bool(self.plane.endpoints()))
        await eventually(self.is_checked)

    def is_checked(self) -> bool:
        return all(
            health.state.value in {"healthy", "unhealthy", "draining"}
            for arn in self.used()
            for health in self.health(arn)
        )

    def used(self) -> list[str]:
        return [arn for arn in self.table.users() if arn in self.table.target_groups]

    def health(self, arn: str) -> list[TargetHealth]:
        return self.plane.target_health(arn)

    @property
    def url(self) -> str:
        return f"http://{self.plane.endpoints()['lb'][80]}"

    def get(self, path: str = "/", **options: object) -> "Coroutine[object, object, tuple[int, str]]":
        return self.ask("GET", path, **options)

    async def ask(self, method: str, path: str = "/", **options: object) -> tuple[int, str]:
        async with self.client.request(method, f"{self.url}{path}", **options) as response:  # type: ignore[arg-type]  # aiohttp's own
            return response.status, await response.text()


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def rig(speed: float = 60.0, lag: PropagationLag | None = None) -> AsyncIterator[Rig]:
    holder: list[Rig] = []
    clock = Clock(speed)
    recorded = Recorded(now=clock.now)
    plane = LoadBalancerPlane(
        read_table=lambda: holder[0].read(),  # noqa: PLW0108  # the rig needs the plane first
        metrics=recorded,
        clock=clock,
        lag=lag or PropagationLag(0, 0),
        seed=7,
    )
    async with ClientSession(connector=TCPConnector(limit=0), trust_env=False) as client:
        holder.append(Rig(plane, client, recorded, clock))
        await asyncio.to_thread(plane.start)
        try:
            yield holder[0]
        finally:
            await asyncio.to_thread(plane.stop)
    assert plane.describe()["errors"] == [] or not holder[0].is_readable


@contextlib.asynccontextmanager
async def target(handler: Handler, ip: str = "127.0.0.1") -> AsyncIterator[Target]:
    """A real HTTP server that answers health checks itself and gives the rest to `handler`."""

    async def answer(request: BaseRequest) -> StreamResponse:
        is_check = request.headers.get("User-Agent", "").startswith("ELB-HealthChecker")
        return Response() if is_check else await handler(request)

    server = Server(answer)
    listening = await asyncio.get_running_loop().create_server(server, ip, 0)
    try:
        yield Target(ip, listening.sockets[0].getsockname()[1])
    finally:
        await close(listening, server)


async def close(listening: asyncio.Server, server: Server) -> None:
    listening.close()
    await asyncio.sleep(0)  # a connection that is just being accepted must be there to be shut down
    await asyncio.sleep(0)
    await server.shutdown(0.1)
    await listening.wait_closed()


@contextlib.asynccontextmanager
async def raw_target(answer: bytes) -> AsyncIterator[Target]:
    """A server that answers every connection with these bytes and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Target("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await server.wait_closed()


def says(text: str) -> Handler:
    async def answer(request: BaseRequest) -> StreamResponse:
        return Response(text=text)

    return answer


def to(*arns: str, sticky_seconds: int | None = None) -> Forward:
    return Forward(tuple(WeightedTargetGroup(arn, 100) for arn in arns), sticky_seconds)


def weighted(blue: int, green: int) -> Forward:
    return Forward((WeightedTargetGroup(BLUE, blue), WeightedTargetGroup(GREEN, green)))


def test_weights_split_the_requests_and_a_change_of_weights_moves_them() -> None:
    async def scenario() -> None:
        async with target(says("blue")) as blue, target(says("green")) as green, rig() as it:
            it.group(BLUE, blue)
            it.group(GREEN, green)
            await it.serve(weighted(90, 10))
            texts = Counter([(await it.get())[1] for _ in range(400)])
            # Four standard deviations around 10 % of 400.
            assert 16 <= texts["green"] <= 64
            await it.serve(weighted(0, 100))
            assert Counter([(await it.get())[1] for _ in range(20)]) == {"green": 20}
            changes = it.plane.served().weight_changes
            assert [dict(change.weights) for change in changes] == [{BLUE: 90, GREEN: 10}, {BLUE: 0, GREEN: 100}]
            assert it.plane.served().target_groups[GREEN].requests == texts["green"] + 20

    asyncio.run(scenario())


def counted(requests: int) -> dict[str, int]:
    kinds = ("target_5xx", "balancer_5xx", "connection_errors", "broken_off")
    return {"requests": requests, **dict.fromkeys(kinds, 0)}


def test_a_header_rule_wins_over_the_weights_and_what_each_rule_sent_where_is_counted() -> None:
    async def scenario() -> None:
        async with target(says("blue")) as blue, target(says("green")) as green, rig() as it:
            it.group(BLUE, blue)
            it.group(GREEN, green)
            test_traffic = Rule("test", 1, to(GREEN), (HttpHeader("x-canary", ("true",)),))
            await it.serve(weighted(100, 0), test_traffic)
            assert (await it.get())[1] == "blue"
            assert (await it.get(headers={"X-Canary": "true"}))[1] == "green"
            assert (await it.get(headers={"X-Canary": "true"}))[1] == "green"
            served = it.plane.describe()["served"]
            assert served == {"rules": {"default": {BLUE: counted(1)}, "test": {GREEN: counted(2)}}}

    asyncio.run(scenario())


def test_server_sent_events_pass_one_by_one() -> None:
    async def scenario() -> None:
        received = asyncio.Event()

        async def events(request: BaseRequest) -> StreamResponse:
            response = StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(b"data: 1\n\n")
            await received.wait()  # the second event is only sent when the client has the first
            await response.write(b"data: 2\n\n")
            return response

        async with target(events) as blue, rig() as it:
            it.group(BLUE, blue)
            await it.serve(to(BLUE))
            async with asyncio.timeout(5), it.client.get(it.url) as response:
                assert await response.content.readany() == b"data: 1\n\n"
                received.set()
                assert await response.content.read() == b"data: 2\n\n"

    asyncio.run(scenario())


def test_the_request_reaches_the_target_as_sent_with_the_balancers_headers() -> None:
    async def scenario() -> None:
        seen: list[BaseRequest] = []

        async def echo(request: BaseRequest) -> StreamResponse:
            seen.append(request)
            return Response(body=await request.read(), headers={"X-Release": "2", "Set-Cookie": "a=1"})

        async with target(echo) as blue, rig() as it:
            it.group(BLUE, blue)
            await it.serve(to(BLUE), protocol="HTTPS")
            sent = {"Host": "predict.example.com", "X-Forwarded-For": "10.0.0.9", "Connection": "x-hop", "X-Hop": "1"}
            body = b"x" * 200_000
            async with it.client.post(f"{it.url}/a%2Fb?q=%20", data=body, headers=sent) as response:
                assert (response.status, await response.read()) == (200, body)
                assert response.headers["X-Release"] == "2"
                assert response.headers.getall("Set-Cookie") == ["a=1"]
            request = seen[0]
            assert request.raw_path == "/a%2Fb?q=%20"
            assert request.headers["Host"] == "predict.example.com"
            assert request.headers["X-Forwarded-For"] == "10.0.0.9, 127.0.0.1"
            assert request.headers["X-Forwarded-Proto"] == "https"
            assert request.headers["X-Forwarded-Port"] == "80"
            assert request.headers["X-Amzn-Trace-Id"].startswith("Root=1-")
            assert "X-Hop" not in request.headers

    asyncio.run(scenario())


def test_the_metrics_of_a_minute_appear_a_minute_after_its_end() -> None:
    async def scenario() -> None:
        async with rig(speed=600) as it:
            it.group(BLUE, NOTHING)
            await it.serve(to(BLUE))
            await eventually(lambda: bool(it.recorded.lags))
            assert min(it.recorded.lags) >= 60

    asyncio.run(scenario())


def test_requests_take_turns_among_healthy_targets() -> None:
    async def scenario() -> None:
        async with target(says("one")) as one, target(says("two")) as two, rig() as it:
            it.group(BLUE, one, two, NOTHING)
            await it.serve(to(BLUE))
            await eventually(lambda: [h.state.value for h in it.plane.target_health(BLUE)][2] == "unhealthy")
            assert Counter([(await it.get())[1] for _ in range(10)]) == {"one": 5, "two": 5}

    asyncio.run(scenario())


def test_a_target_that_refuses_the_connection_gives_502_and_counts_as_a_connection_error() -> None:
    async def scenario() -> None:
        async with rig(speed=600) as it:
            it.group(BLUE, NOTHING)
            await it.serve(to(BLUE))
            assert it.plane.target_health(BLUE)[0].reason == "Target.FailedHealthChecks"
            assert (await it.get())[0] == 502
            counters = it.plane.served().target_groups[BLUE]
            assert (counters.requests, counters.balancer_5xx, counters.connection_errors) == (1, 1, 1)
            await eventually(lambda: it.recorded.sums["HTTPCode_ELB_502_Count", ""] == 1)
            assert it.recorded.sums["TargetConnectionErrorCount", "targetgroup/blue/1"] == 1
            assert it.recorded.sums["RequestCount", "targetgroup/blue/1"] == 1
            assert ("TargetResponseTime", "targetgroup/blue/1") not in it.recorded.sums

    asyncio.run(scenario())


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n"])
def test_a_target_that_answers_no_http_gives_502(answer: bytes) -> None:
    async def scenario() -> None:
        async with raw_target(answer) as blue, rig() as it:
            it.group(BLUE, blue)
            await it.serve(to(BLUE))
            assert (await it.ask("POST"))[0] == 502

    asyncio.run(scenario())


def test_a_get_that_a_target_drops_in_hand_gives_502_and_is_not_sent_again() -> None:
    """The target answers the first request of a connection and hangs up on the second, as a stopping one may."""

    async def scenario() -> None:
        arrived: Counter[int] = Counter()

        async def hang_up_on_the_second(request: BaseRequest) -> StreamResponse:
            assert request.transport is not None
            port = request.transport.get_extra_info("peername")[1]
            arrived[port] += 1
            if arrived[port] == 2:
                request.transport.abort()
            return Response()

        async with target(hang_up_on_the_second) as blue, rig() as it:
            it.group(BLUE, blue)
            await it.serve(to(BLUE))
            assert [(await it.get())[0] for _ in range(2)] == [200, 502]
            assert list(arrived.values()) == [2]
            counters = it.plane.served().target_groups[BLUE]
            assert (counters.requests, counters.balancer_5xx, counters.connection_errors) == (2, 1, 0)

    asyncio.run(scenario())


def test_connections_to_targets_are_kept_for_the_load_balancers_idle_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[float] = []

    def connector(limit: int, keepalive_timeout: float) -> TCPConnector:
        kept.append(keepalive_timeout)
        return TCPConnector(limit=limit, keepalive_timeout=keepalive_timeout)

    monkeypatch.setattr(proxy, "TCPConnector", connector)

    async def scenario() -> None:
        async with target(says("blue")) as blue, rig() as it:
            it.group(BLUE, blue)
            await it.serve(to(BLUE))
            assert (await it.get())[0] == 200
            assert kept == [60.0]
            await it.serve(to(BLUE), idle_timeout_seconds=90.0)
            assert (await it.get())[0] == 200
            assert kept == [60.0, 90.0]

    asyncio.run(scenario())


def test_an_http_client_that_would_send_lost_requests_again_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_attempt, "_SWITCH", "_renamed_in_a_later_release")
    plane = LoadBalancerPlane(read_table=RoutingTable, metrics=Recorded(), clock=Clock())
    with pytest.raises(RehearsalError, match=r"has no ClientSession\._renamed_in_a_later_release"):
        plane.start()
    plane.stop()


def test_an_answer_that_breaks_off_breaks_off_for_the_client_too() -> None:
    async def scenario() -> None:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
        async with raw_target(answer) as blue, rig() as it:
            it.group(BLUE, blue)
            await it.serve(to(BLUE))
            async with it.client.get(it.url) as response:
                assert response.status == 200
                with pytest.raises(ClientPayloadError):
                    await response.read()
            assert it.plane.served().target_groups[BLUE].broken_off == 1

    asyncio.run(scenario())


def test_a_target_that_says_nothing_for_the_idle_timeout_gives_504() -> None:
    async def scenario() -> None:
        async def never(request: BaseRequest) -> StreamResponse:
            await asyncio.sleep(60)
            return Response()

        async with target(never) as blue, rig() as it:
            it.group(BLUE, blue)
            await it.serve(to(BLUE), idle_timeout_seconds=0.05)
            assert (await it.get())[0] == 504

    asyncio.run(scenario())


def test_without_a_target_or_with_all_weights_0_there_is_a_503() -> None:
    async def scenario() -> None:
        async with target(says("green")) as green, rig() as it:
            it.group(BLUE)
            it.group(GREEN, green)
            await it.serve(to(BLUE))
            assert (await it.get())[0] == 503
            await it.serve(weighted(0, 0))
            assert (await it.get())[0] == 503
            assert GREEN not in it.plane.served().target_groups

    asyncio.run(scenario())


def test_a_rule_can_answer_by_itself() -> None:
    async def scenario() -> None:
        async with rig() as it:
            await it.serve(FixedResponse(404, "text/html", "<p>no</p>"))
            async with it.client.get(it.url) as response:
                assert (response.status, await response.text()) == (404, "<p>no</p>")
                assert (response.content_type, response.headers["Server"]) == ("text/html", "awselb/2.0")
            await it.serve(Redirect(301, protocol="HTTPS", port="443"))
            async with it.client.get(
                f"{it.url}/x?y=1", headers={"Host": "example.com"}, allow_redirects=False
            ) as response:
                assert (response.status, response.headers["Location"]) == (301, "https://example.com:443/x?y=1")

    asyncio.run(scenario())


def test_what_the_rehearsal_does_not_play_is_named_in_the_answer() -> None:
    async def scenario() -> None:
        async with rig() as it:
            await it.serve(Uncovered("actions of type authenticate-oidc"))
            status, text = await it.get()
            assert status == 500
            assert "not covered by the rehearsal: actions of type authenticate-oidc" in text

    asyncio.run(scenario())


def test_a_stream_in_flight_ends_in_peace_while_its_target_drains() -> None:
    async def scenario() -> None:
        finish = asyncio.Event()

        async def slow(request: BaseRequest) -> StreamResponse:
            response = StreamResponse()
            await response.prepare(request)
            await response.write(b"begun")
            await finish.wait()
            await response.write(b", ended")
            return response

        async with target(slow) as leaving, target(says("staying")) as staying, rig() as it:
            it.group(BLUE, leaving)
            await it.serve(to(BLUE))
            async with it.client.get(it.url) as response:
                assert await response.content.readany() == b"begun"
                it.group(BLUE, staying)
                await eventually(
                    lambda: [h.state.value for h in it.plane.target_health(BLUE)] == ["healthy", "draining"]
                )
                await it.serve(to(BLUE))
                assert {(await it.get())[1] for _ in range(5)} == {"staying"}
                finish.set()
                assert await response.content.read() == b", ended"

    asyncio.run(scenario())


def test_a_stream_that_outlives_the_deregistration_delay_is_cut() -> None:
    async def scenario() -> None:
        async def endless(request: BaseRequest) -> StreamResponse:
            response = StreamResponse()
            await response.prepare(request)
            await response.write(b"begun")
            await asyncio.sleep(60)
            return response

        async with target(endless) as leaving, rig(speed=600) as it:
            it.group(BLUE, leaving, deregistration_delay_seconds=1)
            await it.serve(to(BLUE))
            async with it.client.get(it.url) as response:
                assert await response.content.readany() == b"begun"
                it.group(BLUE, deregistration_delay_seconds=1)
                with pytest.raises(ClientPayloadError):
                    await response.content.read()
            await eventually(lambda: it.plane.target_health(BLUE) == [])
            await eventually(lambda: it.plane.describe()["requests_in_flight"] == 0)

    asyncio.run(scenario())


def cookies(response: ClientResponse) -> dict[str, str]:
    return {name: morsel.value for name, morsel in response.cookies.items()}


def test_a_sticky_group_keeps_its_clients_when_the_weights_move_away() -> None:
    async def scenario() -> None:
        async with target(says("blue")) as blue, target(says("green")) as green, rig() as it:
            it.group(BLUE, blue)
            it.group(GREEN, green)
            await it.serve(replace(weighted(100, 0), sticky_seconds=3600))
            async with it.client.get(it.url) as response:
                given = cookies(response)
            assert set(given) == {"AWSALBTG", "AWSALBTGCORS"}
            await it.serve(replace(weighted(0, 100), sticky_seconds=3600))
            async with ClientSession() as fresh:
                async with fresh.get(it.url) as response:
                    assert await response.text() == "green"
                async with fresh.get(it.url, headers={"Cookie": f"AWSALBTG={given['AWSALBTG']}"}) as response:
                    assert await response.text() == "blue"
                    assert cookies(response) == {}

    asyncio.run(scenario())


def test_a_sticky_target_keeps_its_clients_while_it_is_healthy() -> None:
    async def scenario() -> None:
        async with target(says("one")) as one, target(says("two")) as two, rig() as it:
            it.group(BLUE, one, two, sticky_seconds=3600)
            await it.serve(to(BLUE))
            async with ClientSession() as client:
                async with client.get(it.url) as response:
                    first, value = await response.text(), cookies(response)["AWSALB"]
                headers = {"Cookie": f"AWSALB={value}"}
                for _ in range(4):
                    async with client.get(it.url, headers=headers) as response:
                        assert await response.text() == first
                it.group(BLUE, two if first == "one" else one, sticky_seconds=3600)
                await it.serve(to(BLUE))
                async with client.get(it.url, headers=headers) as response:
                    assert await response.text() != first

    asyncio.run(scenario())


def test_health_follows_what_the_target_answers() -> None:
    async def scenario() -> None:
        status = 500

        async def health(request: BaseRequest) -> StreamResponse:
            return Response(status=status)

        server = Server(health)
        listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        blue = Target("127.0.0.1", listening.sockets[0].getsockname()[1])

        def state() -> tuple[str, str | None]:
            told = it.plane.target_health(BLUE)[0]
            return told.state.value, told.reason

        async with rig(speed=300) as it:
            it.group(BLUE, blue)
            assert state() == ("unused", "Target.NotInUse")
            it.rules(Rule("default", None, Forward((WeightedTargetGroup(BLUE, 0),))))
            await eventually(lambda: state() == ("unhealthy", "Target.ResponseCodeMismatch"))
            status = 200
            await eventually(lambda: state() == ("healthy", None))
            await close(listening, server)
            await eventually(lambda: state() == ("unhealthy", "Target.FailedHealthChecks"))
            await eventually(lambda: it.recorded.sums["UnHealthyHostCount", "targetgroup/blue/1"] > 0)
            assert it.plane.target_health("arn:unknown") == []

    asyncio.run(scenario())


def test_the_forward_proxy_finds_a_load_balancer_by_its_name() -> None:
    async def scenario() -> None:
        async with target(says("blue")) as blue, rig() as it:
            it.group(BLUE, blue)
            await it.serve(to(BLUE))
            proxy = f"http://{it.plane.proxy_address()}"
            async with it.client.get("http://LB.elb.amazonaws.com/x", proxy=proxy) as response:
                assert (response.status, await response.text()) == (200, "blue")
            async with it.client.get(proxy, headers={"Host": "lb.elb.amazonaws.com"}) as response:
                assert (response.status, await response.text()) == (200, "blue")
            async with it.client.get("http://lb.elb.amazonaws.com:8443/", proxy=proxy) as response:
                assert (response.status, await response.text()) == (
                    502,
                    "lb has no listener on port 8443; it listens on: 80\n",
                )
            async with it.client.get("http://elsewhere.example.com/", proxy=proxy) as response:
                assert response.status == 502
                assert "no load balancer has the DNS name elsewhere.example.com" in await response.text()

    asyncio.run(scenario())


def test_a_change_takes_effect_no_earlier_than_the_shortest_lag() -> None:
    async def scenario() -> None:
        async with rig(lag=PropagationLag(5, 10)) as it:
            it.group(BLUE)
            await it.serve(weighted(100, 0))
            changed_at = it.clock.now()
            it.rules(Rule("default", None, weighted(0, 100)))
            await eventually(it.plane.is_settled)
            await eventually(lambda: len(it.plane.served().weight_changes) == 2)
            change = it.plane.served().weight_changes[1]
            assert change.weights == {BLUE: 0, GREEN: 100}
            assert change.at >= changed_at + 5

    asyncio.run(scenario())


def test_a_listener_that_goes_loses_its_socket_and_a_stopped_plane_leaves_nothing() -> None:
    async def scenario() -> str:
        async with rig() as it:
            await it.serve(FixedResponse(200))
            gone = it.url
            it.table = RoutingTable()
            await eventually(lambda: it.plane.endpoints() == {})
            with pytest.raises(ClientConnectorError):
                await it.client.get(gone)
            return it.plane.proxy_address()

    host, port = asyncio.run(scenario()).split(":")
    assert not [thread for thread in threading.enumerate() if thread.name == "load-balancer"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=1)


def test_what_goes_wrong_inside_is_shown_and_the_last_table_stays() -> None:
    async def scenario() -> None:
        async with rig() as it:
            await it.serve(FixedResponse(200))
            it.is_readable = False
            await eventually(lambda: it.plane.describe()["errors"] == ["KeyError: 'unreadable'"])
            assert (await it.get())[0] == 200

    asyncio.run(scenario())


def test_a_plane_is_started_once_and_may_be_stopped_without_a_start() -> None:
    plane = LoadBalancerPlane(read_table=RoutingTable, metrics=Recorded(), clock=Clock())
    plane.stop()
    with pytest.raises(RehearsalError, match="before the load balancer's data plane is started"):
        plane.proxy_address()
    plane.start()
    with pytest.raises(RehearsalError, match="runs already"):
        plane.start()
    plane.stop()
    plane.stop()


def test_who_asks_is_told_which_group_answered_or_failed_and_the_target_sees_no_question() -> None:
    async def scenario() -> None:
        seen: list[str] = []

        async def handler(request: BaseRequest) -> StreamResponse:
            seen.extend(name for name in request.headers if name.lower().startswith("x-rehearsal"))
            return Response(text="blue")

        async with rig() as one, target(handler) as blue:
            one.group(BLUE, blue)
            one.group(GREEN, NOTHING)
            await one.serve(to(BLUE), Rule("green", 1, to(GREEN), (HttpHeader("x-try", ("green",)),)))
            told = {}
            for name, headers in {"asked": {ASKS_HEADER: "group"}, "not": {}}.items():
                async with one.client.get(one.url, headers=headers) as response:
                    told[name] = response.headers.get(GROUP_HEADER)
            async with one.client.get(one.url, headers={ASKS_HEADER: "group", "x-try": "green"}) as response:
                told["failed"], status = response.headers.get(GROUP_HEADER), response.status
            assert told == {"asked": BLUE, "not": None, "failed": GREEN}
            assert status == 502
            assert seen == []

    asyncio.run(scenario())
