"""A client's choice of a slot by the query, as the cookie that remembers it and the redirect that goes on. Pure.

The answer never leads anywhere but to the path that was asked for, on the host that was asked: what a browser or a
proxy could read as another host is refused instead of cleaned.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from .slot_settings import PRODUCTION, ROUTING_NAME, SELF

SLOTS = "BLUEGREEN_SLOTS"
"""The environment variable with the names of the slots, separated by commas."""

# What a URL may hold unescaped, and the escapes that are there: whatever else came is escaped on its way out.
# https://datatracker.ietf.org/doc/html/rfc3986#section-2
_SAFE = "%/:@!$&'()*+,;=~-._"
# Browsers drop tabs and line ends from a URL, and take a backslash for a slash.
# https://url.spec.whatwg.org/#concept-basic-url-parser
_DECEIVING = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
# A proxy may decode once, and the next one again.
_MOST_DECODINGS = 4
_KEEP_METHOD = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Choice:
    """A request with `?x-slot-routing=…`. path, query: as sent, with their escapes; query: its pairs in their order."""

    path: str
    query: Sequence[tuple[str, str]]
    is_https: bool
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class ChoiceAnswer:
    """What the client gets. location and cookie are empty for a refusal."""

    status: int
    body: str = ""
    location: str = ""
    cookie: str = ""

    @property
    def headers(self) -> Mapping[str, str]:
        """By name; a choice must not be remembered by anybody but the client."""
        said = {"Cache-Control": "no-store", "Content-Type": "text/plain; charset=utf-8"}
        said |= {"Location": self.location} if self.location else {}
        return said | ({"Set-Cookie": self.cookie} if self.cookie else {})


def answer_choice(choice: Choice, slots: Sequence[str]) -> ChoiceAnswer:
    """Remember the slot in a cookie and go on without the parameter; 400 for what is no slot or no honest path.

    `self`, or production's own name, forgets the choice. A name that is given twice counts with its last value.
    """
    asked = [unquote(value) for name, value in choice.query if unquote(name).lower() == ROUTING_NAME]
    name = asked[-1] if asked else ""
    if name not in {SELF, *slots}:
        known = ", ".join((SELF, *(slot for slot in slots if slot != PRODUCTION)))
        return ChoiceAnswer(400, f"there is no slot {_shown(name)}: give one of {known}\n")
    rest = [(key, value) for key, value in choice.query if unquote(key).lower() != ROUTING_NAME]
    if _deceives(choice.path) or any(_DECEIVING.search(part) for pair in rest for part in pair):
        return ChoiceAnswer(400, "this address cannot be gone back to: ask for the slot by another one\n")
    query = "&".join(f"{_escaped(key)}={_escaped(value)}" if value else _escaped(key) for key, value in rest)
    return ChoiceAnswer(
        status=307 if choice.method.upper() in _KEEP_METHOD else 302,
        location=_escaped(choice.path) + (f"?{query}" if query else ""),
        cookie=_cookie(name, is_https=choice.is_https),
    )


def _cookie(name: str, *, is_https: bool) -> str:
    is_forgotten = name in {SELF, PRODUCTION}
    value = f"{ROUTING_NAME}={'' if is_forgotten else name}; Path=/{'; Max-Age=0' if is_forgotten else ''}"
    return f"{value}; HttpOnly; SameSite=Lax{'; Secure' if is_https else ''}"


def _deceives(path: str) -> bool:
    """Whether the path could be read as another host, or as the end of the header, however often it is decoded."""
    for _ in range(_MOST_DECODINGS):
        if not path.startswith("/") or path.startswith("//") or _DECEIVING.search(path):
            return True
        if "//" in path and {".", ".."} & set(path.split("/")):  # whoever tidies it could leave two slashes in front
            return True
        decoded = unquote(path)
        if decoded == path:
            return False
        path = decoded
    return True


def _escaped(part: str) -> str:
    return quote(part, safe=_SAFE)


def _shown(name: str) -> str:
    text = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
    return ascii(text)
