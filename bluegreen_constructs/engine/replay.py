"""ReplayRequests: golden or sampled requests that are sent to both sides before real traffic. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from .comparators import Comparator, Exact, comparator_from_details, comparator_to_details, shortened
from .comparison import ErrorComparison
from .errors import ConfigurationError
from .finite import is_finite
from .smoke_test import METHODS
from .spans import Span, as_timedelta

WRITES = ("POST", "PUT", "PATCH", "DELETE")
LONGEST_REQUEST = timedelta(seconds=30)
MOST_DETAILS = 6000
"""How many characters of JSON the requests may have: the hook's progress travels beside them in its details."""
SECONDS_PER_INVOCATION = 40.0
"""After this long an invocation sends no further request, and the hook asks to be called again."""
_MOST_LINES = 10_000
_LONGEST_REPLAY = timedelta(hours=12)


@dataclass(frozen=True)
class ReplayRequest:
    """One request that is sent to both sides.

    path: path and query, starting with a slash. method, headers, body: the request; a body is sent as
        `application/json` unless `headers` says otherwise, and a `Host` header is left out: each side has its own.
    status: what both sides must answer (default: what live answers, and never 500 or above).
    answer: the body that both sides must answer, by the comparator (default: live's own answer).
    safe: that it changes nothing, although its method may (default False): a prediction is often a POST.

    Raises ConfigurationError for a path without a slash, an unknown method, or a status outside 100 to 599.
    """

    path: str
    method: str = "GET"
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    answer: str | None = None
    safe: bool = False

    def __post_init__(self) -> None:
        """Refuse what could not be sent."""
        if not self.path.startswith("/") or any(character.isspace() for character in self.path):
            raise ConfigurationError(
                f"ReplayRequest path is {self.path!r}: start it with / and escape spaces, such as '/predict'"
            )
        if self.method not in METHODS:
            raise ConfigurationError(f"ReplayRequest method is {self.method!r}: use one of {', '.join(METHODS)}")
        if self.status is not None and not 100 <= self.status <= 599:
            raise ConfigurationError(f"ReplayRequest status is {self.status!r}: give one between 100 and 599")
        object.__setattr__(self, "headers", dict(self.headers))

    @property
    def may_write(self) -> bool:
        """Whether sending it to the candidate may change what users see."""
        return self.method in WRITES and not self.safe

    def to_details(self) -> dict[str, object]:
        """The request as JSON values, without what is as always."""
        return {name: value for name, value in asdict(self).items() if value not in (None, {}, False, "GET")}

    @staticmethod
    def from_details(details: Mapping[str, object]) -> "ReplayRequest":
        """The request that `to_details`, or a line of JSON, says; a body or answer that is no text is taken as JSON."""
        known = dict(details)
        for name in ("body", "answer"):
            if known.get(name) is not None and not isinstance(known[name], str):
                known[name] = json.dumps(known[name])
        try:
            return ReplayRequest(**known)  # type: ignore[arg-type] # __post_init__ and the next lines check the fields
        except (TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"a request to replay is {shortened(json.dumps(details, default=str))}: {error}"
            ) from None

    @staticmethod
    def lines(text: str, most: int | None = None) -> "list[ReplayRequest]":
        """The requests of JSON lines, such as `Path("golden.jsonl").read_text()`; the first `most` of them.

        A line is `{"path": "/predict", "method": "POST", "body": {...}, "answer": {...}, "safe": true}`, with the names
        of the arguments above. Raises ConfigurationError that names the line that is no request.
        """
        found: list[ReplayRequest] = []
        for number, line in enumerate(text.splitlines(), 1):
            if most is not None and len(found) == most:
                break
            if not line.strip():
                continue
            try:
                said = json.loads(line)
                if not isinstance(said, Mapping):
                    raise ConfigurationError("it is no JSON object")
                found.append(ReplayRequest.from_details(said))
            except (ValueError, RecursionError) as error:  # a ConfigurationError is a ValueError
                raise ConfigurationError(f"line {number} of the requests to replay: {error}") from None
        return found


@dataclass(frozen=True)
class Sample:
    """Where sampled requests lie: an S3 object of JSON lines, of which the first `most` are sent."""

    bucket: str
    key: str
    most: int = 200

    def __post_init__(self) -> None:
        """Refuse an object that has no name, or nothing of it."""
        if not self.bucket or not self.key:
            raise ConfigurationError("ReplayRequests.sampled needs a bucket and a key")
        if not 1 <= self.most <= _MOST_LINES:
            raise ConfigurationError(f"most is {self.most!r}: give 1 to {_MOST_LINES} requests")


@dataclass(frozen=True)
class ReplayRequests:
    """Requests that are sent to live and to the candidate before the candidate gets any production traffic.

    Each goes to live by the production route and to the candidate by the test route, and the comparator says whether
    the candidate's answer is as good. A request without an expected answer is sent to live twice: the first answer is
    the reference, the second shows how far live differs from itself, so that both sides are measured alike.

    A replay in which nothing was compared fails: at least one request needs an expected `status` or `answer`, a live
    side that answers it below 300, or a `Score(at_least=...)`. A service's first deployment has no live side: there the
    candidate's answers only must not be failures. Nor is live a yardstick for a release that is let in while an alarm
    is red (a `Hotfix`, or one that comes back): live is not asked, and only what is expected and failures count.

    requests: in the order in which they are sent; `ReplayRequest.lines(text)` reads them from a file of JSON lines. Or
        `ReplayRequests.sampled(bucket, key)`, for an S3 object that the function reads at each deployment.
    comparator: `Exact()` (default), `Tolerance(...)` or `Score(...)`.
    repeats: how often all of them are sent (default once).
    include_writes: also send POST, PUT, PATCH and DELETE (default False: those are left out, and the result says how
        many, unless a request says `safe=True`). Both sides get them, and users' data with them.
    tolerated: the share of the candidate's answers that may be bad (default 0: one bad answer takes the release back);
        None: only the comparison with live decides, and a few bad answers show nothing.
    comparison: the terms by which the candidate's bad answers are compared with live's; UNHEALTHY takes it back.
    timeout: how long one request may take, at most 30 s (default 10 s); a slower answer is a bad one.
    longest: when the whole replay has not ended by then, the release goes back (default 30 min).
    name: how the history calls it.
    sample: what `ReplayRequests.sampled` makes.

    Raises ConfigurationError for what could not be replayed.
    """

    requests: Sequence[ReplayRequest] = ()
    comparator: Comparator = field(default_factory=Exact)
    repeats: int = 1
    include_writes: bool = False
    tolerated: float | None = 0.0
    comparison: ErrorComparison = field(default_factory=ErrorComparison)
    timeout: Span = timedelta(seconds=10)
    longest: Span = timedelta(minutes=30)
    name: str = "replay"
    sample: Sample | None = None

    def __post_init__(self) -> None:
        """Refuse at synth what would only fail during a deployment."""
        object.__setattr__(self, "requests", tuple(self.requests))
        timeout = as_timedelta(self.timeout, "ReplayRequests timeout")
        if not timedelta() < timeout <= LONGEST_REQUEST:
            raise ConfigurationError(f"ReplayRequests timeout is {timeout}: give more than zero and at most 30 s")
        longest = as_timedelta(self.longest, "ReplayRequests longest")
        if not timedelta() < longest <= _LONGEST_REPLAY:
            raise ConfigurationError(f"ReplayRequests longest is {longest}: give more than zero and at most 12 h")
        object.__setattr__(self, "timeout", timeout)
        object.__setattr__(self, "longest", longest)
        if type(self.repeats) is not int or not 1 <= self.repeats <= 100:
            raise ConfigurationError(f"ReplayRequests repeats is {self.repeats!r}: give 1 to 100")
        if self.tolerated is not None and not (is_finite(self.tolerated) and 0 <= self.tolerated < 1):
            raise ConfigurationError(
                f"ReplayRequests tolerated is {self.tolerated!r}: give a share from 0 to below 1, or None"
            )
        if not self.name:
            raise ConfigurationError("ReplayRequests has no name: say what is replayed, such as 'golden set'")
        if bool(self.requests) == (self.sample is not None):
            raise ConfigurationError(
                "ReplayRequests needs requests: give some, or ReplayRequests.sampled(bucket, key), and not both"
            )
        if self.sample is None and not self.to_send(self.requests):
            raise ConfigurationError(
                f"all {len(self.requests)} requests of ReplayRequests are writes, which are left out: say safe=True of "
                "those that change nothing, or include_writes=True"
            )

    @staticmethod
    def sampled(
        bucket: str,
        key: str,
        *,
        most: int = 200,
        comparator: Comparator | None = None,
        repeats: int = 1,
        include_writes: bool = False,
        tolerated: float | None = 0.0,
    ) -> "ReplayRequests":
        """The first `most` requests of an S3 object of JSON lines, as it is at each deployment; the rest as above."""
        return ReplayRequests(
            comparator=comparator or Exact(),
            repeats=repeats,
            include_writes=include_writes,
            tolerated=tolerated,
            sample=Sample(bucket, key, most),
        )

    @property
    def timeout_seconds(self) -> float:
        """The time-out of one request, in seconds."""
        return as_timedelta(self.timeout, "ReplayRequests timeout").total_seconds()

    def to_send(self, requests: Iterable[ReplayRequest]) -> list[ReplayRequest]:
        """Those that are sent: all, or all that write nothing."""
        return [one for one in requests if self.include_writes or not one.may_write]

    def to_details(self) -> dict[str, object]:
        """The replay as JSON values, for a hook's details.

        Raises ConfigurationError for more requests than a hook's details hold.
        """
        requests = [one.to_details() for one in self.requests]
        size = len(json.dumps(requests))
        if size > MOST_DETAILS:
            raise ConfigurationError(
                f"the {len(requests)} requests of ReplayRequests are {size} characters of JSON, and a hook carries "
                f"{MOST_DETAILS}: put them into S3 as JSON lines and use ReplayRequests.sampled(bucket, key)"
            )
        details: dict[str, object] = {
            "name": self.name,
            "requests": requests,
            "comparator": comparator_to_details(self.comparator),
            "repeats": self.repeats,
            "include_writes": self.include_writes,
            "tolerated": "any" if self.tolerated is None else self.tolerated,
            "comparison": {name: value for name, value in asdict(self.comparison).items() if value is not None},
            "timeout": self.timeout_seconds,
            "longest": as_timedelta(self.longest, "ReplayRequests longest").total_seconds(),
        }
        if self.sample is not None:
            details["sample"] = asdict(self.sample)
        return details

    @staticmethod
    def from_details(details: Mapping[str, object]) -> "ReplayRequests":
        """The replay that `to_details` wrote."""
        known: Mapping[str, Any] = details
        return ReplayRequests(
            requests=tuple(ReplayRequest.from_details(one) for one in known.get("requests", ())),
            comparator=comparator_from_details(known["comparator"]),
            repeats=int(known["repeats"]),
            include_writes=bool(known["include_writes"]),
            tolerated=None if known["tolerated"] == "any" else float(known["tolerated"]),
            comparison=ErrorComparison(**known["comparison"]),
            timeout=timedelta(seconds=float(known["timeout"])),
            longest=timedelta(seconds=float(known["longest"])),
            name=str(known["name"]),
            sample=Sample(**known["sample"]) if known.get("sample") else None,
        )
