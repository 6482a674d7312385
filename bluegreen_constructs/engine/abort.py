"""Abort (I6): three calls to 100 % live that need neither the engine's table nor Step Functions, then the mark.

DescribeTags says which rollout is in flight and which group is live; DescribeTargetHealth whether live is warm;
ModifyRule moves the traffic. The mark that follows stops every late worker, whatever it had in mind. Closing the
rollout's state and its execution comes last and may fail: the mark is enough for whoever comes later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Literal, Protocol

from .errors import AwsError, BlueGreenError
from .listener_rules import Json
from .observation import SOON
from .ports import Executions, LostLockError, Store, WeightedRules
from .rollout import Rollout
from .rule_tags import ABORTED, RuleTags
from .tick_answer import answer_of
from .transitions import go_back
from .weights import forward, is_warm, rewritten

_TRIES = 3
_HEEDS_NO_ALARM = "no alarm ends this rollout"


@dataclass(frozen=True, slots=True)
class AbortOutcome:
    """What an abort did.

    state: NOTHING_IN_FLIGHT (nothing was written), RESTORED (live has all traffic), NOT_WARM (live has too few healthy
    targets: nothing was written, the engine brings its capacity back first, within the restore time-out).
    calls: AWS calls until the traffic was back. notes: what else was done, and what could not be.
    """

    state: Literal["NOTHING_IN_FLIGHT", "RESTORED", "NOT_WARM"]
    rollout: str
    calls: int
    notes: tuple[str, ...] = ()


class Abortable(Protocol):
    """What an abort has to know of a target; its settings say it."""

    @property
    def target(self) -> str:
        """The target's name."""

    @property
    def rule_arn(self) -> str:
        """The live rule's ARN."""


def abort(
    rules: WeightedRules,
    settings: Abortable,
    *,
    caller: str,
    reason: str,
    now: datetime,
    store: Store | None,
    executions: Executions | None,
    regardless: bool = False,
    is_bad: bool = False,
    is_alarm: bool = False,
) -> AbortOutcome:
    """Give live all traffic, and stop the rollout that is in flight; nothing in flight is no error.

    Args:
        rules: Elastic Load Balancing. settings: the target's, of which only its name and the rule's ARN are needed.
        caller: as AWS saw it. reason: for the history. now: for the history.
        store: the engine's table; None leaves the state alone. executions: the state machine; None likewise.
        regardless: write also to a live side that has too few healthy targets for all traffic.
        is_bad: reject the release, as after a guardrail's objection.
        is_alarm: leave a rollout alone that no alarm is to end: an irreversible release, or a way back.

    Raises AwsError when one of the calls that move traffic fails: nothing of what follows was done, try again.
    """
    closing = _Closing(settings.target, caller, reason, now, is_bad, store, executions)
    tags = RuleTags.of(rules.tags(settings.rule_arn))
    if not tags.is_in_flight:
        return closing.of_the_state_only(rules, is_alarm=is_alarm)
    if is_alarm and not tags.heeds_alarms:
        return AbortOutcome("NOTHING_IN_FLIGHT", tags.rollout, 1, (_HEEDS_NO_ALARM,))
    actions: Sequence[Json] = ()
    warm = True
    if tags.has_other_actions:
        # Users are authenticated on the way; what does that must be written back, so it is read instead of the health.
        actions = rules.actions(settings.rule_arn)
    else:
        live = rules.targets(tags.live)
        warm = not live.is_checked or is_warm(live.healthy, tags.needs)
    notes: list[str] = []
    calls = 3
    if warm or regardless:
        back = forward(tags.live, tags.candidate, 0.0, tags.stickiness_seconds, names_one=tags.names_one)
        rules.write(settings.rule_arn, rewritten(actions, back))
    else:
        notes.append(f"live has {live.healthy} healthy targets and needs {tags.needs} for all traffic")
        calls = 2
    rules.tag(settings.rule_arn, {ABORTED: tags.rollout})
    # A swap has no rollout to close: its execution goes on, and its next turn obeys the mark.
    notes += [] if tags.names_one else closing.close(tags.rollout, begun_after=None if is_alarm else tags.fence)
    return AbortOutcome("RESTORED" if warm or regardless else "NOT_WARM", tags.rollout, calls, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Closing:
    """What follows when the traffic is back, as far as the table and Step Functions can be reached."""

    target: str
    caller: str
    reason: str
    now: datetime
    is_bad: bool
    store: Store | None
    executions: Executions | None

    def of_the_state_only(self, rules: WeightedRules, *, is_alarm: bool) -> AbortOutcome:
        """The rule knows of no rollout: there is none, or one that has not come as far as to say so there."""
        if self.store is None:
            return AbortOutcome("NOTHING_IN_FLIGHT", "", 1)
        try:
            rollout = self.store.load(self.target)
        except AwsError as error:
            return AbortOutcome("NOTHING_IN_FLIGHT", "", 1, (f"the engine's table could not be read: {error}",))
        if rollout is None or rollout.has_ended:
            return AbortOutcome("NOTHING_IN_FLIGHT", "", 1)
        if is_alarm and not rollout.heeds_alarms:
            return AbortOutcome("NOTHING_IN_FLIGHT", rollout.id, 1, (_HEEDS_NO_ALARM,))
        # Somebody took the tags away. The state knows the way back as well, and 100 % live is always allowed.
        live, candidate = rollout.live_side.group_arn, rollout.candidate_side.group_arn
        back = forward(live, candidate, 0.0, rollout.settings.stickiness_seconds)
        rules.write(rollout.settings.rule_arn, rewritten(rollout.authentication, back))
        rules.tag(rollout.settings.rule_arn, {ABORTED: rollout.id})
        return AbortOutcome("RESTORED", rollout.id, 2, tuple(self.close(rollout.id)))

    def close(self, rollout_id: str, *, begun_after: int | None = None) -> list[str]:
        """Close the rollout in the table, stop its execution, and let another one drain and tidy; answers notes.

        begun_after: close one with a later fence than this as well. Its start took the lock and did not come as far as
        the rule's tags; if it died there, nobody but an abort ends it.
        """
        if self.store is None:
            return ["the engine's table was left alone: the next start finds the mark on the rule"]
        try:
            changed = self._state_going_back(rollout_id, begun_after, self.store)
        except BlueGreenError as error:
            notes = [f"the engine's table could not be written, the mark on the rule says it instead: {error}"]
            return notes + self._stopped(rollout_id)
        if changed is None or self.executions is None:
            return []
        former, closing = changed
        answer = answer_of(closing, SOON)
        request = {
            "target": self.target,
            "rollout": closing.id,
            "closing": True,
            # The state machine's own way back, should the first tick fail already.
            "restore": answer.restore,
            "mark": answer.mark,
        }
        try:
            # In this order: somebody has to drain and tidy, the former execution if no other can be started.
            self.executions.start(_closing_name(closing), request)
            self.executions.stop(former.execution, f"{self.caller}: {self.reason}"[:256])
        except AwsError as error:
            return [f"Step Functions could not be reached, what still runs there closes the rollout: {error}"]
        if former.id != rollout_id:
            return [f"rollout {former.id}, which had begun but is not on the rule yet, was closed as well"]
        return []

    def _stopped(self, rollout_id: str) -> list[str]:
        """Stop the execution although the state cannot be closed: it would go on asking hooks and waiting."""
        if self.executions is None:
            return []
        try:
            self.executions.stop(self.executions.arn_of(rollout_id), f"{self.caller}: {self.reason}"[:256])
        except AwsError as error:
            return [f"Step Functions could not be reached either: {error}"]
        return ["abort again when the table answers: it closes the rollout, and drains the candidate"]

    def _state_going_back(
        self, rollout_id: str, begun_after: int | None, store: Store
    ) -> tuple[Rollout, Rollout] | None:
        """The state before and after: with a new fence no worker saves over it. None when the rollout has ended."""
        for attempt in range(_TRIES):
            former = store.load(self.target)
            if former is None or former.has_ended:
                return None
            if former.id != rollout_id and (begun_after is None or former.fence <= begun_after):
                return None
            words = f"aborted: {self.reason}" if self.reason else "aborted"
            back = go_back(former, self.now, words, is_bad=self.is_bad, caller=self.caller)
            back = replace(back, fence=former.fence + 1)
            if self.executions is not None:
                back = replace(back, execution=self.executions.arn_of(_closing_name(back)))
            try:
                return former, store.begin(back, former)
            except LostLockError:
                if attempt + 1 == _TRIES:
                    raise
        return None


def _closing_name(closing: Rollout) -> str:
    """The same for the same abort, so that no two of them close one rollout. Names have at most 80 characters."""
    short = closing.id if len(closing.id) <= 60 else f"{closing.id[:43]}-{sha256(closing.id.encode()).hexdigest()[:16]}"
    return f"{short}-closing-{closing.fence}"
