"""Users who keep the load balancer's cookie, as browsers do: each stays on the side that it met first."""

import http.client
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..load_balancer.stickiness import GROUP_COOKIE

_SECONDS = 10.0


@dataclass
class StickyClient:
    """One user. `sides`: who answered each of its requests; "lost" for one without a good answer."""

    address: str
    sides: list[str] = field(default_factory=list)
    _cookie: str = ""

    def ask(self) -> str:
        """One request, on a connection of its own; who answered it."""
        headers = {"Cookie": self._cookie} if self._cookie else {}
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=_SECONDS)
        side = "lost"
        try:
            connection.request("GET", "/stream", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 200 and b"event: done" in body.splitlines():
                side = answer.getheader("x-side") or "unknown"
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie" and value.startswith(f"{GROUP_COOKIE}="):
                    self._cookie = value.partition(";")[0]
        except (OSError, http.client.HTTPException):
            side = "lost"
        finally:
            connection.close()
        self.sides.append(side)
        return side


def all_ask(clients: Sequence[StickyClient]) -> Counter[str]:
    """One request of each client; how many were answered by which side."""
    return Counter(client.ask() for client in clients)
