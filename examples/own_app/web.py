"""The shop's web server, with nothing but the standard library.

HOST and PORT: where it listens. GREETING: what it answers with. FAIL_ONE_IN: every so many-th request fails, as the bug
of some build would make it; 0, the default, for none.
"""

import itertools
import os
import signal
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GREETING = os.environ.get("GREETING", "hello")
FAIL_ONE_IN = int(os.environ.get("FAIL_ONE_IN", "0"))
requests = itertools.count(1)


class Shop(BaseHTTPRequestHandler):
    """Answers GET / and GET /health."""

    protocol_version = "HTTP/1.1"  # a load balancer keeps its connections
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """The shop window; the health check never fails."""
        is_unlucky = FAIL_ONE_IN and self.path != "/health" and next(requests) % FAIL_ONE_IN == 0
        self._answer(HTTPStatus.INTERNAL_SERVER_ERROR if is_unlucky else HTTPStatus.OK, GREETING)

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing of each request."""


class Server(ThreadingHTTPServer):
    """One thread for each connection; a burst of new ones waits instead of being dropped by the kernel."""

    request_queue_size = 128


def main() -> None:
    """Serve until SIGTERM."""
    address = (os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8080")))
    server = Server(address, Shop)
    # From another thread: shutdown waits for the loop that this one runs.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


if __name__ == "__main__":
    main()
