"""What a service runs before its first release: it answers that it is well, and that it is no release."""

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

_MOST_BYTES = 10_000_000
TEXT = "this is the bootstrap image: no release is deployed yet\n"


class BootstrapAnswers(BaseHTTPRequestHandler):
    """Every GET succeeds, whatever path the health check of the service asks; anything else has to come again.

    answers: what is answered instead on certain paths, whatever the method: for the smoke tests of the service.
    """

    answers: ClassVar[Mapping[str, str]] = {}
    server_version = "bootstrap"
    timeout = 30  # seconds, of a client that says nothing

    def do_GET(self) -> None:
        """Answer 200."""
        self._answer(200)

    def do_HEAD(self) -> None:
        """Answer 200 without the text."""
        self._answer(200)

    def do_POST(self) -> None:
        """Answer 503, unless there is an answer: there is nobody yet to do it."""
        length = self.headers.get("Content-Length", "")
        if length.isdigit():
            # A connection that is closed with something unread is reset, and the answer may be lost with it.
            self.rfile.read(min(int(length), _MOST_BYTES))
        self._answer(503)

    def do_PUT(self) -> None:
        """Answer 503, as to a POST."""
        self.do_POST()

    def do_PATCH(self) -> None:
        """Answer 503, as to a POST."""
        self.do_POST()

    def do_DELETE(self) -> None:
        """Answer 503, as to a POST."""
        self.do_POST()

    def do_OPTIONS(self) -> None:
        """Answer 503, as to a POST."""
        self.do_POST()

    def _answer(self, status: int) -> None:
        said = self.answers.get(self.path.partition("?")[0])
        if said is not None:
            status = 200
        text = (TEXT if said is None else said).encode()
        self.send_response(status)
        kind = "text/plain" if said is None or said[:1] not in ("{", "[") else "application/json"
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Bootstrap", "true")
        if status != 200:
            self.send_header("Retry-After", "60")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: health checks come every few seconds."""


def main() -> None:
    """Serve on PORT (default 8080) until SIGTERM, which the first process of a container has to handle itself.

    The only argument, if there is one, is a JSON file of answers by their paths.
    """
    if len(sys.argv) > 1:
        BootstrapAnswers.answers = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    server = ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), BootstrapAnswers)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"bootstrap image on port {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
