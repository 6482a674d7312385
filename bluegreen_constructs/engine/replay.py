"""ReplayRequests: golden or sampled requests to both sides before real traffic, and what their answers show. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from .comparators import Comparator, Exact, Score, comparator_from_details, comparator_to_details, shortened
from .comparison import Arm, ErrorComparison, Evidence, Verdict
from .errors import ConfigurationError
from .finite import is_finite
from .smoke_test import METHODS
from .spans import Span, as_timedelta

WRITES = ("POST", "PUT", "PATCH", "DELETE")
LONGEST_REQUEST = timedelta(seconds=30)
MOST_DETAILS = 6000
"""How many characters of JSON the requests may have: the hook's progress travels beside them in its details."""
MOST_DIFFERENCES = 3
SECONDS_PER_INVOCATION = 40.0
"""After this long an invocation sends no further request, and the hook asks to be called again."""
_MOST_LINES = 10_000
_LONGEST_REPLAY = timedelta(hours=12)
_LONGEST_DIFFERENCE = 300
_NOTHING = Arm(0, 0)
FIRST = "there is no live yet, as on a first deployment"
HOTFIX = "live is no yardstick, for an alarm was red as the deployment began"
"""Why a candidate's answers are not measured by live's."""


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What a side answered; without a status it did not, and `body` says why."""

    status: int | None
    body: str = ""

    def is_failure(self, request: ReplayRequest) -> bool:
        """Whether it says nothing about the request: no answer, or a server's error that was not asked for."""
        return self.status is None or (self.status >= 500 and self.status != request.status)


def difference(request: ReplayRequest, comparator: Comparator, answer: Answer, reference: Answer | None) -> str:
    """Why `answer` is a bad one, in words; empty when it is good. A reference that failed is no reference."""
    asked = f"{request.method} {request.path}"
    if answer.status is None:
        return f"{asked} got no answer: {shortened(answer.body)}"
    known = None if reference is None or reference.is_failure(request) else reference
    wanted = request.status if request.status is not None else known.status if known else None
    if answer.is_failure(request) or (wanted is not None and answer.status != wanted):
        expected = "" if wanted is None else f", expected {wanted}"
        return f"{asked} answered {answer.status}{expected}: {shortened(answer.body)}"
    body = request.answer if request.answer is not None else known.body if known else None
    found = comparator.difference(answer.body, body)
    return f"{asked} {found}" if found else ""


def has_measure(request: ReplayRequest, comparator: Comparator, reference: Answer | None) -> bool:
    """Whether the candidate's answer was compared with anything: what is expected, or a live answer below 300.

    Both sides answer alike, too, when a firewall refuses or redirects the hook itself: that shows nothing of a release.
    """
    if request.status is not None or (isinstance(comparator, Score) and comparator.at_least is not None):
        return True
    body = request.answer
    if body is None and reference is not None and reference.status is not None and reference.status < 300:
        body = reference.body
    return body is not None and not comparator.difference(body, None)  # it may be without the number to compare


@dataclass(frozen=True, slots=True)
class Replayed:
    """What has been seen so far: how many exchanges are done, the counts of both sides, the first differences.

    compared: in how many of them the candidate's answer had something to be compared with.
    """

    done: int = 0
    live: Arm = _NOTHING
    candidate: Arm = _NOTHING
    differences: tuple[str, ...] = ()
    compared: int = 0

    def after(self, live: str | None, candidate: str, *, compared: bool) -> "Replayed":
        """One more exchange, with what was wrong with either side's answer (empty: nothing), and `has_measure`.

        live: None when live was not asked.
        """
        told = self.differences
        if candidate and len(told) < MOST_DIFFERENCES:
            told = (*told, shortened(candidate, _LONGEST_DIFFERENCE))
        return Replayed(
            self.done + 1,
            self.live if live is None else self.live + Arm(1, int(bool(live))),
            self.candidate + Arm(1, int(bool(candidate))),
            told,
            self.compared + int(compared),
        )

    def to_details(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "done": self.done,
            "live": [self.live.requests, self.live.bad],
            "candidate": [self.candidate.requests, self.candidate.bad],
            "differences": list(self.differences),
            "compared": self.compared,
        }

    @staticmethod
    def from_details(details: Mapping[str, object] | None) -> "Replayed":
        """What `to_details` wrote; nothing yet when there is none."""
        if not details:
            return Replayed()
        known: Mapping[str, Any] = details
        return Replayed(
            int(known["done"]),
            Arm(*known["live"]),
            Arm(*known["candidate"]),
            tuple(str(one) for one in known.get("differences", ())),
            int(known.get("compared", 0)),
        )


def is_settled(replay: ReplayRequests, seen: Replayed, total: int) -> bool:
    """Whether the rest can change nothing: all is sent, or more bad answers are there than all of them may have."""
    if seen.done >= total:
        return True
    return (
        replay.tolerated is not None
        and seen.candidate.bad / total > replay.tolerated
        and len(seen.differences) == MOST_DIFFERENCES
    )


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The end of a replay: whether the release may go on, and why."""

    passes: bool
    verdict: Verdict
    reason: str
    evidence: Mapping[str, object]


def result(replay: ReplayRequests, seen: Replayed, left_out: int, *, alone: str = "") -> ReplayResult:
    """What the answers show. Nothing sent is no pass, nor is nothing compared, except where live is no yardstick.

    alone: why it is none, `FIRST` or `HOTFIX` (empty: it is one).
    """
    judged: Evidence = replay.comparison.start().observe(live=seen.live, candidate=seen.candidate)
    verdict, bad, sent = judged.verdict, seen.candidate.bad, seen.candidate.requests
    said = f"{bad} of {sent} answers of the candidate were bad"
    if seen.live.requests:
        said += f", {seen.live.bad} of {seen.live.requests} of live's"
    if left_out:
        said += f"; {left_out} writes were left out"
    if not sent:
        passes, said = False, f"no request was replayed{f': {left_out} writes were left out' if left_out else ''}"
    elif not seen.compared:
        passes = bool(alone) and not bad
        said = f"{alone or 'live gave nothing to compare with'}, and nothing is expected: {said}"
    elif verdict is Verdict.UNHEALTHY:
        passes = False
    elif replay.tolerated is None and seen.live.requests:
        passes = True
    else:
        passes = bad / sent <= (replay.tolerated or 0.0)
    if seen.compared and 0 < seen.live.requests == seen.live.bad:
        said += "; no answer of live's was good, as on a first deployment, which has no live yet"
    if 0 < seen.compared < sent:
        said += f"; {seen.compared} were compared with anything"
    if bad:
        said += f"; {seen.differences[0]}"
    evidence = {
        "replay": replay.name,
        "verdict": verdict.value,
        **seen.to_details(),
        "left_out": left_out,
        "log_harm": round(judged.log_harm, 4),
        "log_safety": round(judged.log_safety, 4),
    }
    return ReplayResult(passes, verdict, said, evidence)
