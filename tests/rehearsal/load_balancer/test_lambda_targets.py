"""Functions as targets of a played listener, with a Lambda API of the tests' own."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import ClientResponse, ClientSession
from aiohttp.web import BaseRequest, Response, Server

from bluegreen_constructs.rehearsal.answering_group import ASKS_HEADER, GROUP_HEADER
from bluegreen_constructs.rehearsal.clock import Clock
from bluegreen_constructs.rehearsal.load_balancer.lambda_events import MOST_BYTES
from bluegreen_constructs.rehearsal.load_balancer.lambda_targets import LambdaTargets
from bluegreen_constructs.rehearsal.load_balancer.model import (
    Forward,
    HealthCheck,
    Listener,
    LoadBalancer,
    RoutingTable,
    Rule,
    Target,
    TargetGroup,
    WeightedTargetGroup,
)
from bluegreen_constructs.rehearsal.load_balancer.plane import LoadBalancerPlane
from bluegreen_constructs.rehearsal.load_balancer.propagation import PropagationLag

GROUP, OTHER = "arn:aws:elb:r:1:targetgroup/choice/1", "arn:aws:elb:r:1:targetgroup/other/2"
LB = "arn:aws:elb:r:1:loadbalancer/app/lb/9"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:choice:live"
UNCHECKED = TargetGroup(
    GROUP, (Target(FUNCTION, 0),), deregistration_delay_seconds=0, is_function=True, is_checked=False
)
Handler = Callable[[Mapping[str, Any]], object]


@dataclass
class Metrics:
    """A metric sink that adds up."""

    sums: Counter[str] = field(default_factory=Counter)

    def put(
        self, namespace: str, name: str, dimensions: Mapping[str, str], values: Sequence[float], *rest: object
    ) -> None:
        self.sums[f"{name} {'+'.join(sorted(dimensions))}"] += sum(values)  # type: ignore[assignment]  # floats are fine


@dataclass
class Site:
    """A listener that forwards to a group of a function; `handler` is the function's code, an exception its failure."""

    handler: Handler
    group: TargetGroup = UNCHECKED
    may_invoke: bool = True
    lambda_status: int = 200
    weights: tuple[WeightedTargetGroup, ...] = (WeightedTargetGroup(GROUP),)
    metrics: Metrics = field(default_factory=Metrics)
    invoked: list[str] = field(default_factory=list)

    async def api(self, request: BaseRequest) -> Response:
        self.invoked.append(unquote(request.raw_path if hasattr(request, "raw_path") else request.path))
        if self.lambda_status != 200:
            return Response(status=self.lambda_status)
        try:
            told = self.handler(json.loads(await request.content.read()))
            answer = await told if asyncio.iscoroutine(told) else told
        except ValueError as error:
            return Response(
                text=json.dumps({"errorMessage": str(error)}), headers={"X-Amz-Function-Error": "Unhandled"}
            )
        return Response(text=json.dumps(answer))

    def table(self) -> RoutingTable:
        listener = Listener("listener", 80, rules=(Rule("rule", None, Forward(self.weights)),))
        groups = {self.group.arn: self.group, OTHER: TargetGroup(OTHER)}
        return RoutingTable((LoadBalancer(LB, "lb", "lb.test", (listener,)),), groups)

    @asynccontextmanager
    async def served(self) -> AsyncIterator["Served"]:
        server = Server(self.api)
        api = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        plane = LoadBalancerPlane(
            read_table=self.table,
            metrics=self.metrics,
            clock=Clock(240),
            lag=PropagationLag(0, 0),
            functions=LambdaTargets(
                f"http://127.0.0.1:{api.sockets[0].getsockname()[1]}", lambda _function, _group: self.may_invoke
            ),
        )
        await asyncio.to_thread(plane.start)
        try:
            async with ClientSession() as client:
                yield Served(plane, client)
            assert plane.describe()["errors"] == []
        finally:
            await asyncio.to_thread(plane.stop)
            api.close()
            await server.shutdown(0.1)


@dataclass
class Served:
    """What a client of the listener does."""

    plane: LoadBalancerPlane
    client: ClientSession

    async def ask(self, path: str = "/", method: str = "GET", **options: Any) -> ClientResponse:
        await eventually(lambda: "lb" in self.plane.endpoints())
        response = await self.client.request(
            method, f"http://{self.plane.endpoints()['lb'][80]}{path}", allow_redirects=False, **options
        )
        await response.read()
        return response

    def states(self) -> list[tuple[str, str | None]]:
        return [(health.state.value, health.reason) for health in self.plane.target_health(GROUP)]


async def eventually(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.01)


def test_a_request_becomes_an_event_and_the_answer_an_http_answer() -> None:
    events: list[Mapping[str, Any]] = []

    def handler(event: Mapping[str, Any]) -> object:
        events.append(event)
        return {"statusCode": 303, "statusDescription": "303 Go", "headers": {"Location": "/b"}, "body": "there"}

    async def scenario() -> None:
        site = Site(handler)
        async with site.served() as it:
            headers = {ASKS_HEADER: "1", "Content-Type": "application/json"}
            response = await it.ask("/a?b=%20", "POST", data=b"{}", headers=headers)
            assert (response.status, response.reason, await response.text()) == (303, "Go", "there")
            assert response.headers["Location"] == "/b"
            assert response.headers["Server"] == "awselb/2.0"
            assert response.headers["Content-Type"] == "application/octet-stream"
            assert response.headers[GROUP_HEADER] == GROUP
            await eventually(lambda: site.metrics.sums["HTTPCode_Target_3XX_Count LoadBalancer+TargetGroup"] == 1)
        assert site.invoked == [f"/2015-03-31/functions/{FUNCTION}/invocations"]
        assert site.metrics.sums["RequestCount LoadBalancer"] == 1
        assert not site.metrics.sums["LambdaUserError TargetGroup"]
        assert "HealthyHostCount LoadBalancer+TargetGroup" not in site.metrics.sums

    asyncio.run(scenario())
    (event,) = events
    assert (event["httpMethod"], event["path"], event["body"]) == ("POST", "/a", "{}")
    assert event["queryStringParameters"] == {"b": "%20"}
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert event["headers"]["x-amzn-trace-id"].startswith("Root=")
    assert ASKS_HEADER.lower() not in event["headers"]


def fails(event: Mapping[str, Any]) -> object:
    raise ValueError("no")


@pytest.mark.parametrize(
    ("site", "metric"),
    [
        (Site(fails), "LambdaUserError"),
        (Site(lambda _: "hello"), "LambdaUserError"),
        (Site(lambda _: {"body": "x"}), "LambdaUserError"),
        (Site(lambda _: {"statusCode": 200}, may_invoke=False), "LambdaUserError"),
        (Site(lambda _: {"statusCode": 200}, lambda_status=404), "LambdaUserError"),
        (Site(lambda _: {"statusCode": 200}, lambda_status=500), "LambdaInternalError"),
    ],
    ids=["raises", "answers-no-object", "answers-no-status", "may-not-be-invoked", "is-unknown", "lambda-fails"],
)
def test_a_function_that_gives_no_answer_is_a_502_of_the_load_balancer(site: Site, metric: str) -> None:
    async def scenario() -> None:
        async with site.served() as it:
            assert (await it.ask()).status == 502
            counters = it.plane.served()
            assert counters.rules["rule"][GROUP].balancer_5xx == 1
            assert counters.target_groups[GROUP].target_5xx == 0
            await eventually(lambda: site.metrics.sums["HTTPCode_ELB_502_Count LoadBalancer"] == 1)
        sums = site.metrics.sums
        assert sums[f"{metric} TargetGroup"] == sums[f"{metric} LoadBalancer+TargetGroup"] == 1

    asyncio.run(scenario())


def test_what_the_function_answers_itself_is_the_targets_error_and_not_the_load_balancers() -> None:
    async def scenario() -> None:
        async with Site(lambda _: {"statusCode": 502}).served() as it:
            assert (await it.ask()).status == 502
            assert it.plane.served().target_groups[GROUP].target_5xx == 1

    asyncio.run(scenario())


def test_a_body_that_is_too_large_and_a_web_socket_never_reach_the_function() -> None:
    async def scenario() -> None:
        site = Site(lambda event: {"statusCode": 200, "body": str(len(event["body"]))})
        async with site.served() as it:
            text = {"Content-Type": "text/plain"}
            assert (await it.ask(method="POST", data=BytesIO(b"x" * (MOST_BYTES + 1)), headers=text)).status == 413
            assert (await it.ask(headers={"Connection": "Upgrade", "Upgrade": "websocket"})).status == 400
            assert site.invoked == []
            largest = await it.ask(method="POST", data=BytesIO(b"x" * MOST_BYTES), headers=text)
            assert await largest.text() == str(MOST_BYTES)

    asyncio.run(scenario())


def test_a_function_may_share_its_rule_with_other_groups() -> None:
    async def scenario() -> None:
        weights = (WeightedTargetGroup(GROUP, 50), WeightedTargetGroup(OTHER, 50))
        async with Site(lambda _: {"statusCode": 200}, weights=weights).served() as it:
            seen = {(await it.ask()).status for _ in range(40)}
            assert seen == {200, 503}  # the other group has no target

    asyncio.run(scenario())


def test_a_slow_function_does_not_keep_others_waiting() -> None:
    async def handler(event: Mapping[str, Any]) -> object:
        await asyncio.sleep(1.5 if event["path"] == "/slow" else 0)
        return {"statusCode": 200}

    async def scenario() -> None:
        async with Site(handler).served() as it:
            slow = asyncio.create_task(it.ask("/slow"))
            await asyncio.sleep(0.1)
            assert (await it.ask("/quick")).status == 200
            assert not slow.done()
            assert (await slow).status == 200

    asyncio.run(scenario())


def test_what_a_function_is_at_when_it_is_deregistered_fails() -> None:
    async def handler(event: Mapping[str, Any]) -> object:
        await asyncio.sleep(5)
        return {"statusCode": 200}

    async def scenario() -> None:
        site = Site(handler)
        async with site.served() as it:
            asked = asyncio.create_task(it.ask())
            await eventually(lambda: site.invoked)
            site.group = replace(UNCHECKED, targets=())
            assert (await asyncio.wait_for(asked, 3)).status == 502

    asyncio.run(scenario())


def test_without_health_checks_a_function_is_unavailable_and_used() -> None:
    async def scenario() -> None:
        site = Site(lambda _: {"statusCode": 200})
        async with site.served() as it:
            assert (await it.ask()).status == 200
            assert it.states() == [("unavailable", "Target.HealthCheckDisabled")]
            await asyncio.sleep(0.3)
            assert len(site.invoked) == 1

    asyncio.run(scenario())


def test_with_health_checks_a_function_is_asked_for_its_health() -> None:
    agents: list[str] = []
    status = 200

    def handler(event: Mapping[str, Any]) -> object:
        agents.append(event["headers"]["user-agent"])
        return {"statusCode": status}

    async def scenario() -> None:
        nonlocal status
        site = Site(handler, replace(UNCHECKED, is_checked=True, health_check=HealthCheck(interval_seconds=10)))
        async with site.served() as it:
            await eventually(lambda: it.states() == [("healthy", None)])
            status = 500
            await eventually(lambda: it.states() == [("unhealthy", "Target.ResponseCodeMismatch")])
            site.may_invoke = False
            await eventually(lambda: it.states() == [("unhealthy", "Target.FailedHealthChecks")])
            site.group = UNCHECKED
            await eventually(lambda: it.states() == [("unavailable", "Target.HealthCheckDisabled")])
            await eventually(it.plane.is_settled)

    asyncio.run(scenario())
    assert set(agents) == {"ELB-HealthChecker/2.0"}
