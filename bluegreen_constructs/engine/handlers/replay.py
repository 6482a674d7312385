"""The ECS lifecycle hook that replays requests to both sides before the candidate gets production traffic."""

import http.client
import logging
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from ..aws import clients
from ..aws.dynamodb_store import DynamoDbStore
from ..aws.one_off_tasks import EcsOneOffTasks
from ..aws.sampled_requests import S3Requests
from ..environment import TABLE
from ..errors import AwsError, ConfigurationError
from ..hook_event import HookEvent
from ..hook_record import hook_item
from ..ports import Store
from ..present_time import present
from ..replay import SECONDS_PER_INVOCATION, ReplayRequest, ReplayRequests
from ..replayed_answers import (
    FIRST,
    HOTFIX,
    Answer,
    Replayed,
    difference,
    has_measure,
    is_settled,
    result,
)
from .smoke_test import SETTLE_SECONDS, HookAnswer
from .smoke_test import _opener as opener_for

logger = logging.getLogger(__name__)

RETRY_SECONDS = 30
_MOST_BODY = 2_000_000


@dataclass(frozen=True, slots=True)
class ReplayWorld:
    """What a replay needs besides HTTP.

    read: the lines of an S3 object and the tag of its content. source: the revision that a deployment takes the place
    of, empty for a service's first one. store: the table (None: there is none). now: the time.
    elapsed: seconds that only grow, for how long this invocation has taken.
    """

    read: Callable[[str, str], tuple[str, str]]
    source: Callable[[str], str] = lambda _: ""
    store: Store | None = None
    now: Callable[[], datetime] = lambda: present(os.environ, time.time())
    elapsed: Callable[[], float] = time.monotonic


def handler(event: Mapping[str, object], _context: object) -> HookAnswer:
    """Lambda's entry point."""
    table = os.environ.get(TABLE)
    store = DynamoDbStore(clients.dynamodb(), table, clients.TRANSPORT_ERRORS) if table else None
    return serve(event, ReplayWorld(_read, _source, store))


def _read(bucket: str, key: str) -> tuple[str, str]:
    return S3Requests(clients.s3(), clients.TRANSPORT_ERRORS).read(bucket, key)


def _source(deployment: str) -> str:
    return EcsOneOffTasks(clients.one_off_tasks(), clients.TRANSPORT_ERRORS).source(deployment)


def serve(event: Mapping[str, object], world: ReplayWorld) -> HookAnswer:
    """Send what this invocation has time for; SUCCEEDED or FAILED at the end, IN_PROGRESS with the progress before."""
    asked = HookEvent.of(event)
    if asked is None:
        logger.error("the hook has no details, so there is nothing to replay", extra={"event": dict(event)})
        return {"hookStatus": "FAILED"}
    if not asked.details.get("settled"):  # as for the smoke tests: live must not be met by the test route
        return _again(asked.details, SETTLE_SECONDS, settled=True, began=world.now().isoformat())
    try:
        return _Replaying(asked, world).go_on()
    except (ConfigurationError, KeyError, TypeError, ValueError) as error:
        logger.error("the replay cannot be read: %s", error)  # noqa: TRY400 -- the sentence says it, a trace would not
        return {"hookStatus": "FAILED"}


def _again(details: Mapping[str, object], delay: int, **progress: object) -> HookAnswer:
    return {"hookStatus": "IN_PROGRESS", "callBackDelay": delay, "hookDetails": {**details, **progress}}


class _Replaying:
    """One invocation of one replay."""

    def __init__(self, event: HookEvent, world: ReplayWorld) -> None:
        self._event = event
        self._world = world
        self._details = cast("Mapping[str, Any]", event.details)
        self._replay = ReplayRequests.from_details(self._details["replay"])
        self._seen = Replayed.from_details(self._details.get("seen"))
        self._tag = str(self._details.get("tag") or "")
        self._until = world.elapsed() + SECONDS_PER_INVOCATION
        self._is_alone = False

    def go_on(self) -> HookAnswer:
        try:
            self._is_alone = self._is_let_in_while_red()
        except AwsError as error:  # what is not known is not taken for granted
            return self._later(f"whether live is a yardstick could not be asked: {error}", RETRY_SECONDS)
        try:
            requests = self._requests()
        except AwsError as error:
            return self._later(f"the sampled requests could not be read: {error}", RETRY_SECONDS)
        except ConfigurationError as error:
            return self._fail(str(error))
        sent = self._replay.to_send(requests)
        total = len(sent) * self._replay.repeats
        while total and not is_settled(self._replay, self._seen, total):
            if self._world.elapsed() >= self._until or self._is_late():
                return self._later(f"{self._seen.done} of {total} requests were replayed", 1)
            self._exchange(sent[self._seen.done % len(sent)])
        return self._end(len(requests) - len(sent))

    def _is_let_in_while_red(self) -> bool:
        """Whether the judge let the release in although an alarm was red: what live answers then is no measure of it.

        Else a live that answers nothing would keep out the very release that mends it.
        """
        store, target = self._world.store, str(self._details.get("target") or "")
        state = store.load(target) if store is not None and target else None
        return state is not None and state.id == self._event.rollout and bool(state.hotfix)

    def _requests(self) -> list[ReplayRequest]:
        sample = self._replay.sample
        if sample is None:
            return list(self._replay.requests)
        text, tag = self._world.read(sample.bucket, sample.key)
        if self._tag not in {"", tag}:  # counts of two samples would be about neither
            logger.warning("the sampled requests were replaced meanwhile: the replay begins again")
            self._seen = Replayed()
        self._tag = tag
        return ReplayRequest.lines(text, sample.most)

    def _exchange(self, request: ReplayRequest) -> None:
        """One request to both sides; live's first answer is what both are measured by, unless one is expected."""
        compare = self._replay.comparator
        if self._is_alone:
            wrong = difference(request, compare, self._send("candidate", request), None)
            self._seen = self._seen.after(None, wrong, compared=has_measure(request, compare, None))
            return
        reference = self._send("live", request) if request.answer is None else None
        live = self._send("live", request)
        candidate = self._send("candidate", request)
        live_bad = difference(request, compare, live, reference)
        if reference is not None and reference.is_failure(request):
            live_bad = live_bad or f"live answered {reference.status}"
        self._seen = self._seen.after(
            live_bad,
            difference(request, compare, candidate, reference),
            compared=has_measure(request, compare, reference),
        )

    def _send(self, side: str, request: ReplayRequest) -> Answer:
        route = self._details[side]
        # The test route's headers go to the candidate and to nobody else, whatever a sampled request brings along; and
        # by the host that it was sampled from, neither side may be the one that answers.
        left_out = {"host", *(name.lower() for name in self._details["candidate"].get("headers", {}))}
        headers = {name: value for name, value in request.headers.items() if name.lower() not in left_out}
        headers |= route.get("headers", {})
        host = route.get("host")
        if host:
            headers["Host"] = host
        body = None if request.body is None else request.body.encode()
        if body is not None and "content-type" not in {name.lower() for name in headers}:
            headers["content-type"] = "application/json"
        sent = urllib.request.Request(  # noqa: S310 -- the URL is built at synth from the load balancer's own name
            route["url"] + request.path, data=body, headers=headers, method=request.method
        )
        return _answer(sent, host, self._replay.timeout_seconds)

    def _is_late(self) -> bool:
        began = datetime.fromisoformat(str(self._details["began"]))
        return self._world.now() - began >= timedelta(seconds=float(self._details["replay"]["longest"]))

    def _later(self, why: str, delay: int, **progress: object) -> HookAnswer:
        """Go on in another invocation, unless all of them together have taken too long."""
        if self._is_late():
            return self._fail(f"it did not end in time: {why}")
        logger.info("the replay goes on: %s", why)
        return _again(self._details, delay, seen=self._seen.to_details(), tag=self._tag, **progress)

    def _fail(self, reason: str) -> HookAnswer:
        """It ends without a result; nothing depends on whether the history says so."""
        with suppress(AwsError):
            self._record(self._world.now(), passes=False, reason=reason, evidence=self._seen.to_details())
        logger.error("replay %s: %s", self._replay.name, reason)
        return {"hookStatus": "FAILED"}

    def _end(self, left_out: int) -> HookAnswer:
        alone = HOTFIX if self._is_alone else ""
        if self._seen.done and not self._seen.compared and not alone:
            try:
                alone = "" if self._world.source(self._event.deployment) else FIRST
            except AwsError as error:  # what is not known is not taken for granted
                return self._later(f"whether there is a live release could not be asked: {error}", RETRY_SECONDS)
        found = result(self._replay, self._seen, left_out, alone=alone)
        ended = str(self._details.get("ended") or self._world.now().isoformat())
        try:
            at = datetime.fromisoformat(ended)
            self._record(at, passes=found.passes, reason=found.reason, evidence=found.evidence)
        except AwsError as error:  # what is not stored is not acted on
            return self._later(f"the result could not be stored: {error}", RETRY_SECONDS, ended=ended)
        log = logger.info if found.passes else logger.error
        log("replay %s: %s", self._replay.name, found.reason, extra={"evidence": dict(found.evidence)})
        return {"hookStatus": "SUCCEEDED" if found.passes else "FAILED"}

    def _record(self, at: datetime, *, passes: bool, reason: str, evidence: Mapping[str, object]) -> None:
        store, target = self._world.store, str(self._details.get("target") or "")
        if store is None or not target:
            return
        said = f"{self._replay.name}: {reason}"
        item = hook_item(
            store, target, self._event, at=at, phase="TESTING", passes=passes, reason=said, evidence=evidence
        )
        store.record(target, item)


def _answer(request: urllib.request.Request, host: str | None, seconds: float) -> Answer:
    until = time.monotonic() + seconds
    try:
        with _opened(request, host, seconds) as answer:
            return Answer(answer.status, _text(answer, until))
    except (OSError, http.client.HTTPException) as error:
        return Answer(None, str(error) or type(error).__name__)


def _opened(request: urllib.request.Request, host: str | None, seconds: float) -> http.client.HTTPResponse:
    try:
        return cast("http.client.HTTPResponse", opener_for(host).open(request, timeout=seconds))
    except urllib.error.HTTPError as error:  # an answer like any other
        return cast("http.client.HTTPResponse", error)


def _text(answer: http.client.HTTPResponse, until: float) -> str:
    """The whole body. The socket's time-out is for each piece of it: this one is for all."""
    read = bytearray()
    while piece := answer.read1(65_536):
        read += piece
        if time.monotonic() > until:
            raise TimeoutError("the answer took too long")
        if len(read) > _MOST_BODY:
            raise OSError(f"the answer is longer than {_MOST_BODY} bytes")
    return read.decode(errors="replace")
