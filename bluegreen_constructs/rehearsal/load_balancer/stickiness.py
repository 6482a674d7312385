"""The load balancer's own cookies: AWSALBTG keeps a client on a target group, AWSALB on a target.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/sticky-sessions.html. AWS encrypts the content;
here it is base64, because clients must treat it as opaque either way. Each has a CORS twin with SameSite=None.
"""

import base64
import binascii
import json
from email.utils import formatdate

from .model import Target

GROUP_COOKIE = "AWSALBTG"
TARGET_COOKIE = "AWSALB"


def remember(what: str, expires_at: float) -> str:
    """The opaque value of a cookie for `what`, valid until `expires_at` (rehearsed seconds since the epoch)."""
    return base64.urlsafe_b64encode(json.dumps([what, expires_at]).encode()).decode()


def recall(value: str | None, now: float) -> str | None:
    """What a cookie value remembers; None when there is no cookie, it has expired, or it is not ours."""
    if not value:
        return None
    try:
        content = json.loads(base64.b64decode(value.encode(), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        return None
    match content:
        case [str(what), float(expires_at) | int(expires_at)] if now < expires_at:
            return what
    return None


def recall_target(value: str | None, now: float) -> Target | None:
    """The target that an AWSALB cookie names, if it is valid."""
    what = recall(value, now)
    if what is None:
        return None
    address, _, port = what.rpartition(":")
    return Target(address, int(port)) if port.isdigit() else None


def set_cookie_headers(name: str, value: str, expires_at_wall: float) -> list[str]:
    """The two Set-Cookie header values for one cookie; `expires_at_wall` is real time, for the client's clock."""
    expires = formatdate(expires_at_wall, usegmt=True)
    return [
        f"{name}={value}; Expires={expires}; Path=/",
        f"{name}CORS={value}; Expires={expires}; Path=/; SameSite=None",
    ]


def cookie(headers: list[str], name: str) -> str | None:
    """The value of cookie `name` (or of its CORS twin) in the request's Cookie headers."""
    found: dict[str, str] = {}
    for header in headers:
        for part in header.split(";"):
            key, equals, value = part.strip().partition("=")
            if equals:
                found.setdefault(key, value)
    return found.get(name) or found.get(f"{name}CORS")
