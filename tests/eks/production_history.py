"""Every state that production was in, by every revision that etcd gave: watches, not samples.

Resource versions of one API server on one etcd are etcd's revisions: events of several kinds, sorted by them, are the
order in which things became true.
"""

import contextlib
import http.client
import json
import math
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.eks.cluster_api import GROUPS, ClusterApi
from tests.eks.played_load_balancer import target_groups

_SETTLE_SECONDS = 0.5
_KNOWN_SECONDS = 1.0
"""Within which a pod that the controller counts as ready is in the EndpointSlices as well. On AWS a readiness gate
covers it: a pod is ready when its target group knows it."""
_CUT = (OSError, http.client.HTTPException, ValueError)
"""What reading meets when the connection is shut down under it."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Moment:
    """Production between two revisions: the Services that get traffic with their weight, and their ready pods."""

    revision: int
    at: float
    weights: dict[str, int]
    ready: dict[str, int]

    def too_few(self, replicas: int) -> list[str]:
        """The Services that have a share of the traffic and fewer ready pods than it needs (I1)."""
        return [
            f"revision {self.revision}: {name} has {weight} % of the traffic and {self.ready.get(name, 0)} ready pods"
            for name, weight in self.weights.items()
            if self.ready.get(name, 0) < math.ceil(replicas * weight / 100)
        ]


@dataclass
class ProductionHistory:
    """Watches a namespace while the `with` block runs.

    service: production's Service in the cluster, which then has all of the traffic (default: what Ingresses say).
    """

    api: ClusterApi
    namespace: str
    service: str | None = None
    _events: list[tuple[int, float, str, Json]] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _sockets: list[socket.socket] = field(default_factory=list)
    _has_ended: bool = False

    def __enter__(self) -> Self:
        for plural in ("endpointslices", "ingresses"):
            watching = threading.Event()
            thread = threading.Thread(target=self._watch, args=(plural, watching), daemon=True)
            self._threads.append(thread)
            thread.start()
            assert watching.wait(20), f"no watch of {plural}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        time.sleep(_SETTLE_SECONDS)  # what was written last is still on its way here
        self._has_ended = True
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def moments(self) -> list[Moment]:
        """All states from the first one on in which production had traffic and all of the pods it needed for it."""
        slices: dict[str, Json] = {}
        ingresses: dict[str, Json] = {}
        found: list[Moment] = []
        for revision, at, kind, event in sorted(self._events, key=lambda event: event[0]):
            objects, it = (slices if kind == "endpointslices" else ingresses), event["object"]
            if event["type"] == "DELETED":
                objects.pop(it["metadata"]["name"], None)
            else:
                objects[it["metadata"]["name"]] = it
            moment = Moment(revision, at, self._weights(ingresses), _ready(slices))
            is_served = bool(moment.weights) and not moment.too_few(1)
            if found or is_served:
                found.append(moment)
        return found

    def assert_always_served(self, replicas: int) -> None:
        """I1: the weights never sum to 0, and whoever has a share has the pods for it, and never none."""
        moments = self.moments()
        assert moments, "production was never seen with traffic and pods"
        wrong = [
            f"revision {one.revision}: weights {one.weights}" for one in moments if sum(one.weights.values()) != 100
        ]
        wrong += [said for one in moments for said in one.too_few(1)]
        since: float | None = None
        for one in moments:
            too_few = one.too_few(replicas)
            since = None if not too_few else one.at if since is None else since
            if since is not None and one.at - since > _KNOWN_SECONDS:
                wrong += too_few
        assert not moments[-1].too_few(replicas), moments[-1].too_few(replicas)
        assert not wrong, "\n".join(wrong)

    def _weights(self, ingresses: dict[str, Json]) -> dict[str, int]:
        if self.service is not None:
            return {self.service: 100}
        return {
            group.service: group.weight for one in ingresses.values() for group in target_groups(one) if group.weight
        }

    def _watch(self, plural: str, watching: threading.Event) -> None:
        place = urlsplit(self.api.url)
        connection = http.client.HTTPSConnection(
            str(place.hostname), place.port, context=ssl._create_unverified_context(), timeout=600
        )
        # Without a resource version a watch begins with what is there, as events of their own revisions.
        connection.request(
            "GET",
            f"/{GROUPS[plural]}/namespaces/{self.namespace}/{plural}?watch=1",
            headers={"Authorization": f"Bearer {self.api.token}"},
        )
        assert connection.sock is not None
        self._sockets.append(connection.sock)
        answer = connection.getresponse()
        watching.set()
        with contextlib.closing(connection), contextlib.closing(answer), contextlib.suppress(*_CUT):
            for line in answer:
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                    revision = int(event["object"]["metadata"]["resourceVersion"])
                    self._events.append((revision, time.monotonic(), plural, event))
        assert self._has_ended, f"the watch of {plural} ended early"


def _ready(slices: dict[str, Json]) -> dict[str, int]:
    """By the name of the Service: what its slices call ready."""
    found: dict[str, set[str]] = {}
    for one in slices.values():
        addresses = found.setdefault(one["metadata"]["labels"]["kubernetes.io/service-name"], set())
        for endpoint in one["endpoints"] or ():
            if endpoint["conditions"]["ready"]:
                addresses.update(endpoint["addresses"])
    return {name: len(addresses) for name, addresses in found.items()}
