"""What the load balancer changes in the headers of requests and answers.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html and
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html.
"""

import secrets
from collections.abc import Iterable
from time import time

from multidict import CIMultiDict

from .model import Listener

# RFC 9110, section 7.6.1: what concerns one connection only, and is written anew for the next.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def end_to_end(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """The headers without those that concern the connection they came over."""
    pairs = list(headers)
    named = {
        token.strip().lower() for name, value in pairs if name.lower() == "connection" for token in value.split(",")
    }
    dropped = _HOP_BY_HOP | named
    return CIMultiDict([(name, value) for name, value in pairs if name.lower() not in dropped])


def for_target(headers: Iterable[tuple[str, str]], listener: Listener, client: str) -> CIMultiDict[str]:
    """A request's headers as a target gets them: Host as it was sent, X-Forwarded-* and X-Amzn-Trace-Id written.

    X-Forwarded-Proto says `https` on an HTTPS listener, although the rehearsal terminates no TLS.
    """
    out = end_to_end(headers)
    sent = out.popall("X-Forwarded-For", [])
    out["X-Forwarded-For"] = ", ".join([*sent, client])
    out["X-Forwarded-Proto"] = listener.protocol.lower()
    out["X-Forwarded-Port"] = str(listener.port)
    out["X-Amzn-Trace-Id"] = _traced(out.get("X-Amzn-Trace-Id"))
    return out


def _traced(sent: str | None) -> str:
    """The trace header: a Root of our own when there is none, else a Self before (or in the place of) what came."""
    mark = f"1-{int(time()):08x}-{secrets.token_hex(12)}"
    fields = [part.strip() for part in (sent or "").split(";") if part.strip()]
    if not any(part.startswith("Root=") for part in fields):
        return ";".join([f"Root={mark}", *fields])
    return ";".join([f"Self={mark}", *(part for part in fields if not part.startswith("Self="))])
