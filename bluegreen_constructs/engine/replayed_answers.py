"""What the answers to replayed requests show: which are bad, what has been seen so far, and the result. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .comparators import Comparator, Score, shortened
from .comparison import Arm, Evidence, Verdict
from .replay import ReplayRequest, ReplayRequests

FIRST = "there is no live yet, as on a first deployment"
HOTFIX = "live is no yardstick, for an alarm was red as the deployment began"
"""Why a candidate's answers are not measured by live's."""
MOST_DIFFERENCES = 3
_LONGEST_DIFFERENCE = 300
_NOTHING = Arm(0, 0)


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
