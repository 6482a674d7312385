"""Requests that are sent once: aiohttp's client repeats lost GETs by itself, and has no public switch for it.

A lost request is what a rehearsal is about. A load balancer answers 502 for a target that drops it
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html), and a client
that repeats it unseen would show a release as better than it is.
"""

from collections.abc import Callable

from aiohttp import ClientSession

from ..engine.errors import RehearsalError

_SWITCH = "_retry_connection"  # aiohttp's own TestClient turns it off in the same way


def send_once(open_session: Callable[[], ClientSession]) -> ClientSession:
    """A session that repeats no request; RehearsalError when this aiohttp has no such switch."""
    if _SWITCH not in ClientSession.ATTRS:
        raise RehearsalError(
            f"this aiohttp has no ClientSession.{_SWITCH}, which the rehearsal turns off so that lost requests are not "
            "sent again; install the pinned one: pip install 'bluegreen-constructs[rehearsal]'"
        )
    session = open_session()
    setattr(session, _SWITCH, False)
    return session
