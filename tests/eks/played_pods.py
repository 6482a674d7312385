"""What a request from inside the cluster would meet: Services' names and ready pods, *played* by an HTTP proxy.

kwok's pods listen on nothing. The rollouts controller's web metrics go through this proxy (HTTP_PROXY), which finds the
Service by the host name, a ready pod by its EndpointSlices, and the answer by the tag of the pod's image: `bad…`
answers 500, anything else 200. No such host or no ready pod: 502 and 503.
"""

from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.eks.cluster_api import ClusterApi
from tests.eks.loopback_server import LoopbackServer


class PlayedPods(LoopbackServer):
    """The proxy. `requests` is what was asked and answered: host, path, image, status."""

    def __init__(self, api: ClusterApi) -> None:
        self.requests: list[tuple[str, str, str, int]] = []
        self._api = api
        super().__init__(_handler(self), "played pods")

    def answer(self, url: str) -> int:
        """The status of one request."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        image, status = self._met(host)
        self.requests.append((host, parts.path, image, status))
        return status

    def _met(self, host: str) -> tuple[str, int]:
        name, _, rest = host.partition(".")
        namespace = rest.removesuffix(".cluster.local").removesuffix(".svc")
        if not namespace or "." in namespace or self._api.get(namespace, "services", name) is None:
            return "", 502
        for piece in self._api.list(namespace, "endpointslices"):
            if piece["metadata"]["labels"].get("kubernetes.io/service-name") != name:
                continue
            for endpoint in piece["endpoints"] or ():
                pod = self._api.get(namespace, "pods", endpoint["targetRef"]["name"])
                if endpoint["conditions"]["ready"] and pod is not None:
                    image = pod["spec"]["containers"][0]["image"]
                    return image, 500 if image.rsplit(":", 1)[-1].startswith("bad") else 200
        return "", 503


def _handler(pods: PlayedPods) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status = pods.answer(self.path)
            body = b"{}"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the names that http.server calls

        def log_message(self, *args: object) -> None:
            """Nothing: what counts is in `requests`."""

    return Handler
