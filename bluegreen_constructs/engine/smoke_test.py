"""The HTTP smoke test: what a check is, how it travels in a hook's details, and when an answer passes. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from .errors import ConfigurationError
from .spans import Span, as_timedelta

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LONGEST_CHECK = timedelta(seconds=60)


@dataclass(frozen=True)
class HttpSmokeTest:
    """One request to the candidate by the test route, before it gets any production traffic.

    path: path and query, starting with a slash.
    method, headers, body: the request; `body` is text, JSON by convention (`content-type: application/json` is sent
        with a body unless `headers` says otherwise).
    statuses: the answers that pass (default: 200 only).
    expects: text that the answer's body must contain (default: the body is not looked at). For a JSON answer the
        text is compared without white space, so that formatting does not matter.
    timeout: how long one request may take, at most 60 s (default 10 s). When it runs out the test has failed, and
        the deployment rolls back before a user met the candidate.

    Raises ConfigurationError for a path without a slash, an unknown method, a status outside 100 to 599, or a
    time-out of zero or over 60 s.
    """

    path: str
    method: str = "GET"
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    statuses: tuple[int, ...] = (200,)
    expects: str | None = None
    timeout: Span = timedelta(seconds=10)

    def __post_init__(self) -> None:
        """Refuse at synth what would only fail during a deployment."""
        if not self.path.startswith("/") or any(character.isspace() for character in self.path):
            raise ConfigurationError(
                f"HttpSmokeTest path is {self.path!r}: start it with / and escape spaces, such as '/predict'"
            )
        if self.method not in METHODS:
            raise ConfigurationError(f"HttpSmokeTest method is {self.method!r}: use one of {', '.join(METHODS)}")
        if not self.statuses or any(not 100 <= status <= 599 for status in self.statuses):
            raise ConfigurationError(
                f"HttpSmokeTest statuses are {self.statuses!r}: give at least one between 100 and 599"
            )
        span = as_timedelta(self.timeout, "HttpSmokeTest timeout")
        if not timedelta() < span <= LONGEST_CHECK:
            raise ConfigurationError(f"HttpSmokeTest timeout is {span}: give more than zero and at most 60 s")
        object.__setattr__(self, "timeout", span)
        object.__setattr__(self, "headers", dict(self.headers))

    @property
    def timeout_seconds(self) -> float:
        """The time-out of one request, in seconds."""
        return as_timedelta(self.timeout, "HttpSmokeTest timeout").total_seconds()

    def to_details(self) -> dict[str, object]:
        """The check as JSON values, for a hook's details."""
        return {**asdict(self), "timeout": self.timeout_seconds, "statuses": list(self.statuses)}

    @staticmethod
    def from_details(details: Mapping[str, object]) -> "HttpSmokeTest":
        """The check that `to_details` wrote."""
        known = dict(details)
        known["timeout"] = timedelta(seconds=float(str(known["timeout"])))
        statuses = known["statuses"]
        if not isinstance(statuses, list):
            raise ConfigurationError(f"a smoke test's statuses are {statuses!r}: a list is expected")
        known["statuses"] = tuple(int(status) for status in statuses)
        return HttpSmokeTest(**known)  # type: ignore[arg-type] # __post_init__ checks every field again

    def failure(self, status: int, body: str) -> str | None:
        """Why an answer fails this check, in one sentence; None when it passes."""
        asked = f"{self.method} {self.path}"
        if status not in self.statuses:
            allowed = ", ".join(str(one) for one in self.statuses)
            return f"{asked} answered {status}, expected {allowed}: {_shortened(body)}"
        if self.expects is not None and _without_space(self.expects) not in _without_space(body):
            return f"{asked} answered {status} without {self.expects!r}: {_shortened(body)}"
        return None


@dataclass(frozen=True)
class SmokeTestPlan:
    """What the smoke-test hook is given: where the test route is, and the checks to send there in order."""

    url: str
    headers: Mapping[str, str]
    checks: tuple[HttpSmokeTest, ...]
    host: str | None = None

    def to_details(self) -> dict[str, object]:
        """The plan as the hook's details."""
        return {
            "url": self.url,
            "host": self.host,
            "headers": dict(self.headers),
            "checks": [check.to_details() for check in self.checks],
        }

    @staticmethod
    def from_details(details: Mapping[str, object] | str) -> "SmokeTestPlan":
        """The plan that `to_details` wrote, given as the object or as its JSON text."""
        found: Mapping[str, Any] = json.loads(details) if isinstance(details, str) else details
        return SmokeTestPlan(
            url=str(found["url"]),
            host=found.get("host"),
            headers=dict(found["headers"]),
            checks=tuple(HttpSmokeTest.from_details(check) for check in found["checks"]),
        )


def _without_space(text: str) -> str:
    return "".join(text.split())


def _shortened(body: str, most: int = 200) -> str:
    text = " ".join(body.split())
    return text if len(text) <= most else f"{text[:most]}..."
