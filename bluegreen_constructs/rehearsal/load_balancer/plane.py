"""The played Application Load Balancer as one part: sockets, health checks, propagation and metrics on a thread.

Real: HTTP over loopback sockets, calls of functions, health checks, draining, streaming. Played: the propagation of
changes to two nodes, CloudWatch metrics. Not there: TLS, HTTP/2, WebSockets, Availability Zones, slow start,
least-outstanding-requests.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from functools import partial
from random import Random

from aiohttp.web import BaseRequest, Server, StreamResponse

from ...engine.errors import RehearsalError
from ..clock import Clock
from .forward_proxy import ForwardProxy
from .health import HealthBook, TargetHealth
from .health_checks import HealthChecks
from .in_flight import InFlight
from .lambda_targets import NO_FUNCTIONS, LambdaTargets
from .metrics import MetricSink, PublicationLag, publish
from .model import DEFAULT_IDLE_SECONDS, RoutingTable, Target, TargetGroup
from .propagation import Propagation, PropagationLag
from .proxy import Ledger, Proxy
from .served import Served

LISTENER_IDLE_SECONDS = DEFAULT_IDLE_SECONDS
"""Real: how long a listener keeps a client's idle connection; whatever the load balancer's attribute says."""

_LOOK_SECONDS = 0.02  # real: how often the table is read; far below the shortest propagation at the default speed
_HOSTS_SAMPLE_SECONDS = 15.0  # rehearsed: how often the hosts are counted for HealthyHostCount
_START_SECONDS = 10.0
_STOP_SECONDS = 5.0

_Handler = Callable[[BaseRequest], Awaitable[StreamResponse]]


class LoadBalancerPlane:
    """Serves the rules of a routing table on loopback sockets, in a thread with an event loop of its own.

    `read_table` gives the configuration as it is now and is called from that thread and from `target_health`'s
    callers. Every method may be called from any thread. Nothing runs before `start`; `stop` leaves no thread, task
    or socket. What goes wrong inside while it runs is in `describe()["errors"]`.
    """

    def __init__(
        self,
        *,
        read_table: Callable[[], RoutingTable],
        metrics: MetricSink,
        clock: Clock,
        lag: PropagationLag | None = None,
        publication: PublicationLag | None = None,
        seed: int = 0,
        address_of: Callable[[str], str] = str,
        functions: LambdaTargets = NO_FUNCTIONS,
    ) -> None:
        """`seed` fixes the weighted choices and the propagation lags; `lag` defaults to 1-5 rehearsed seconds.

        `address_of` answers where the target with an id listens; an IP target's id is its address. `functions` are
        called for the groups whose target is a function.

        `publication` says how late the metrics of a minute appear (default: a minute after its end).
        """
        self._read_table = read_table
        self._metrics = metrics
        self._clock = clock
        self._publication = publication or PublicationLag()
        self._health = HealthBook(speed=clock.speed)
        self._ledger = Ledger(clock)
        self._in_flight = InFlight()
        self._propagation = Propagation(lag or PropagationLag(), Random(seed))  # noqa: S311  # a model, no secret
        self._checks = HealthChecks(self._health, clock, self._group, address_of, functions)
        self._proxy = Proxy(
            self._propagation.any_node,
            self._health,
            self._ledger,
            self._in_flight,
            Random(seed + 1),  # noqa: S311
            address_of=address_of,
            functions=functions,
        )
        self._forward_proxy = ForwardProxy(lambda: self._propagation.latest, self._proxy)
        self._sockets: dict[tuple[str, int], tuple[str, Server, asyncio.Server]] = {}
        self._endpoints: dict[str, dict[int, str]] = {}
        self._served_tables = [RoutingTable()]
        self._errors: deque[str] = deque(maxlen=50)
        self._hosts_due = 0.0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._proxy_address = ""

    def start(self) -> None:
        """Bind the forward proxy's socket and begin to serve; RehearsalError when that cannot be done."""
        if self._thread is not None:
            raise RehearsalError("the load balancer's data plane runs already; stop it before it is started again")
        ready: Future[str] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(ready)), name="load-balancer", daemon=True)
        self._thread.start()
        try:
            self._proxy_address = ready.result(timeout=_START_SECONDS)
        except (OSError, TimeoutError) as error:
            raise RehearsalError(f"the load balancer's data plane did not start: {error!r}") from error

    def stop(self) -> None:
        """Close all sockets and end the thread; requests under way are broken off. Harmless when it does not run."""
        thread, loop, stopping = self._thread, self._loop, self._stopping
        if thread is None:
            return
        if loop is not None and stopping is not None and thread.is_alive():
            loop.call_soon_threadsafe(stopping.set)
        thread.join(_STOP_SECONDS)
        if thread.is_alive():
            raise RehearsalError(f"the load balancer's data plane did not stop within {_STOP_SECONDS:g} seconds")
        self._thread = None

    def endpoints(self) -> dict[str, dict[int, str]]:
        """Load balancer name to listener port to the loopback address that serves it, such as "127.0.0.1:43121"."""
        return {name: dict(ports) for name, ports in self._endpoints.items()}

    def proxy_address(self) -> str:
        """The forward proxy, such as "127.0.0.1:43120", for `http_proxy`; RehearsalError before `start`."""
        if not self._proxy_address:
            raise RehearsalError("the forward proxy has no address before the load balancer's data plane is started")
        return self._proxy_address

    def target_health(self, target_group_arn: str, asked: Sequence[Target] = ()) -> list[TargetHealth]:
        """DescribeTargetHealth: all registered and draining targets of the group, or only the `asked` ones.

        Reads the table itself, so a target that was registered or deregistered just now shows as such. A group
        that is not there has no targets.
        """
        table = self._read_table()
        group = table.target_groups.get(target_group_arn)
        if group is None:
            return []
        now = self._clock.now()
        self._health.observe(table, now)
        return self._health.describe(group, asked)

    def is_settled(self) -> bool:
        """Whether every node serves the configuration as it is now."""
        table = self._read_table()
        return all(served == table for served in self._served_tables)

    def served(self) -> Served:
        """Counters by load balancer, target group and rule, and when which weights took effect."""
        return self._ledger.served.snapshot()

    def describe(self) -> dict[str, object]:
        """The state for `GET /_rehearsal/state`: what JSON can hold."""
        table, served = self._propagation.latest, self.served()
        return {
            "endpoints": {
                name: {str(port): at for port, at in ports.items()} for name, ports in self._endpoints.items()
            },
            "proxy": self._proxy_address,
            "settled": self._propagation.is_settled,
            "rules": {
                rule.arn: {"serving": self._weights_by_node(rule.arn), "latest": forward.weights}
                for _, _, rule, forward in table.forwards()
            },
            "target_groups": {arn: self._group_state(group, served) for arn, group in table.target_groups.items()},
            "load_balancers": {arn: vars(counters) for arn, counters in served.load_balancers.items()},
            "served": {
                "rules": {
                    rule: {group: vars(counters) for group, counters in by_group.items()}
                    for rule, by_group in served.rules.items()
                }
            },
            "weight_changes": [
                {"rule": change.rule_arn, "weights": dict(change.weights), "at": change.at, "wall": change.wall}
                for change in served.weight_changes
            ],
            "requests_in_flight": self._in_flight.count(),
            "errors": list(self._errors),
        }

    def _group(self, arn: str) -> TargetGroup | None:
        return self._propagation.latest.target_groups.get(arn)

    def _weights_by_node(self, rule_arn: str) -> list[dict[str, int] | None]:
        found: list[dict[str, int] | None] = []
        for table in self._propagation.tables:
            weights = [forward.weights for _, _, rule, forward in table.forwards() if rule.arn == rule_arn]
            found.append(weights[0] if weights else None)
        return found

    def _group_state(self, group: TargetGroup, served: Served) -> dict[str, object]:
        counters = served.target_groups.get(group.arn)
        return {
            "targets": [
                {"target": str(health.target), "state": health.state.value, "reason": health.reason}
                for health in self._health.describe(group)
            ],
            **(vars(counters) if counters else {"requests": 0}),
        }

    async def _run(self, ready: "Future[str]") -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            await self._proxy.start()
            await self._checks.start()
            address, forward_server, forward_socket = await self._listen(self._forward_proxy.answer)
        except (OSError, RehearsalError) as error:
            await self._close()
            ready.set_exception(error)
            return
        self._sockets["", 0] = (address, forward_server, forward_socket)
        await self._look()
        ready.set_result(address)
        while not self._stopping.is_set():
            await self._look()
            try:
                await asyncio.wait_for(self._stopping.wait(), _LOOK_SECONDS)
            except TimeoutError:
                continue
        await self._close()

    async def _close(self) -> None:
        await self._checks.stop()
        for key in list(self._sockets):
            await self._close_socket(key)
        self._endpoints = {}
        await self._proxy.stop()

    async def _look(self) -> None:
        """One turn: read the table, let changes take effect, end drains, count hosts, send metrics."""
        try:
            await self._take_turn(self._clock.now())
        except Exception as error:  # noqa: BLE001  # one bad turn must not end the data plane; describe() shows it
            self._note(f"{type(error).__name__}: {error}")

    async def _take_turn(self, now: float) -> None:
        table = self._read_table()
        if self._propagation.see(table, now):
            self._health.observe(table, now)
        if self._propagation.advance(now):
            await self._reconcile_sockets()
            if self._propagation.is_settled:
                self._ledger.served.settled(self._propagation.latest, now, time.time())
            self._served_tables = self._propagation.tables
        self._checks.reconcile()
        for failure in self._checks.failures():
            self._note(failure)
        for group_arn, target in self._health.expire(now, self._in_flight.is_busy):
            self._in_flight.cut(group_arn, target)
        if now >= self._hosts_due:
            self._hosts_due = now + _HOSTS_SAMPLE_SECONDS
            self._count_hosts(now)
        publish(self._ledger.minutes.ended(now - self._publication.seconds), self._metrics)

    def _note(self, error: str) -> None:
        if error not in self._errors:
            self._errors.append(error)

    def _count_hosts(self, now: float) -> None:
        table = self._propagation.latest
        for arn, balancer in table.users().items():
            if group := table.target_groups.get(arn):
                states = [health.state.value for health in self._health.describe(group)]
                self._ledger.minutes.hosts(
                    balancer.dimension,
                    group.dimension,
                    healthy=states.count("healthy"),
                    unhealthy=states.count("unhealthy"),
                    registered=len(group.targets),
                    is_checked=group.is_checked,
                    now=now,
                )

    async def _reconcile_sockets(self) -> None:
        """A listener has a socket while any node serves it; its port stays the same for as long as it is served."""
        wanted = {
            (balancer.arn, listener.port): balancer.name
            for table in self._propagation.tables
            for balancer in table.load_balancers
            for listener in balancer.listeners
        }
        for key in [key for key in self._sockets if key not in wanted and key != ("", 0)]:
            await self._close_socket(key)
        for arn, port in wanted.keys() - self._sockets.keys():
            self._sockets[arn, port] = await self._listen(partial(self._answer, arn, port))
        endpoints: dict[str, dict[int, str]] = {}
        for (arn, port), name in sorted(wanted.items()):
            endpoints.setdefault(name, {})[port] = self._sockets[arn, port][0]
        self._endpoints = endpoints

    async def _answer(self, balancer_arn: str, port: int, request: BaseRequest) -> StreamResponse:
        return await self._proxy.answer(request, balancer_arn, port, request.raw_path)

    async def _listen(self, handler: _Handler) -> tuple[str, Server, asyncio.Server]:
        server = Server(
            self._guarded(handler),
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=LISTENER_IDLE_SECONDS,
        )
        socket = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0, backlog=1024)
        host, port = socket.sockets[0].getsockname()[:2]
        return f"{host}:{port}", server, socket

    def _guarded(self, handler: _Handler) -> _Handler:
        async def guarded(request: BaseRequest) -> StreamResponse:
            try:
                return await handler(request)
            except Exception as error:
                self._note(f"{request.method} {request.path}: {type(error).__name__}: {error}")
                raise

        return guarded

    async def _close_socket(self, key: tuple[str, int]) -> None:
        _, server, socket = self._sockets.pop(key)
        socket.close()
        await server.shutdown(timeout=0.1)
        await socket.wait_closed()
