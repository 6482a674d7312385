"""The engine's only loop, one turn of it: load, finish what was begun, observe, decide, save, act.

Every turn can be the last one before a crash, can come twice, and can run beside another. Therefore the state is saved
before it is acted on (I5), each save takes the place of exactly the state that was loaded (I3), and acting means to
make the world as the saved state says, however much of that is done already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from .counts import Counts, request_series_of, series_of
from .decision import decide
from .errors import AwsError
from .guarded_rule import GuardedRule, InterferenceError, MarkedError, NotCarriedError
from .judgement import is_unhealthy
from .lifecycle import Phase
from .listener_rules import Json
from .model import Verdict
from .observation import SOON, Observation
from .phases import QUIET_MINUTES, pending_hook
from .ports import FleetSeen, HistoryItem, HookAnswer, LostLockError, Ports, ReleaseRecord, ReleaseStatus
from .release import Release
from .rollout import Note, Rollout
from .rule_tags import ABORTED, ENDED
from .target_settings import AlarmName
from .transitions import confirmed, ended, is_over, marked
from .weights import forward, rewritten, share_of

_LONGEST_LOOK_BACK = 180  # minutes; an engine that was away longer starts with what it finds
FIRST_RELEASE = "first"


@dataclass(frozen=True, slots=True)
class TickAnswer:
    """What the state machine goes on with; `restore` and `mark` are its way back without the engine."""

    target: str
    rollout: str
    done: bool
    outcome: str
    wait_seconds: int
    restore: Mapping[str, object] = field(default_factory=dict)
    mark: Mapping[str, object] = field(default_factory=dict)


def tick(ports: Ports, target: str, rollout_id: str, now: datetime) -> TickAnswer:
    """One turn of the rollout with this id.

    Raises AwsError when a call fails that the turn cannot do without: the state machine tries again, and restores live
    by itself when that goes on.
    """
    rollout = ports.store.load(target)
    if rollout is None or rollout.id != rollout_id:
        return TickAnswer(target, rollout_id, done=True, outcome="SUPERSEDED", wait_seconds=1)
    try:
        rollout, wait = _turn(ports, rollout, now)
    except LostLockError:
        # Another worker was faster: perhaps a copy of this very turn, so look what it made of it.
        latest = ports.store.load(target)
        if latest is None or latest.id != rollout_id:
            return TickAnswer(target, rollout_id, done=True, outcome="SUPERSEDED", wait_seconds=1)
        rollout, wait = latest, SOON
    return answer_of(rollout, wait)


def answer_of(rollout: Rollout, wait: timedelta) -> TickAnswer:
    """What the state machine is told about `rollout`."""
    mark = ENDED if rollout.has_ended else ABORTED
    return TickAnswer(
        rollout.target,
        rollout.id,
        done=rollout.is_tidied,
        outcome=rollout.phase.value,
        wait_seconds=max(1, round(wait.total_seconds())),
        restore={"RuleArn": rollout.settings.rule_arn, "Actions": _everything_on_serving(rollout)},
        mark={"ResourceArns": [rollout.settings.rule_arn], "Tags": [{"Key": mark, "Value": rollout.id}]},
    )


def _everything_on_serving(rollout: Rollout) -> list[Json]:
    percent = 100.0 if rollout.phase is Phase.PROMOTED else 0.0
    action = forward(
        rollout.live_side.group_arn,
        rollout.candidate_side.group_arn,
        percent,
        rollout.settings.stickiness_seconds,
    )
    return rewritten(rollout.authentication, action)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why the world is not yet as the state wants it."""

    blocked: str = ""
    interference: str = ""
    marked: bool = False


def _turn(ports: Ports, loaded: Rollout, now: datetime) -> tuple[Rollout, timedelta]:
    turn = _Turn(ports, now)
    turn.tell(loaded)
    rollout, trouble = turn.make_so(loaded)
    decision = decide(rollout, turn.observe(rollout, trouble))
    rollout = turn.save(decision.rollout, over=loaded)
    for command in decision.answered:
        ports.store.done(rollout.target, command)
    saved = rollout
    rollout, trouble = turn.make_so(rollout)
    if trouble.marked:
        rollout = turn.save(marked(rollout, now), over=saved)
        saved = rollout
        rollout, trouble = turn.make_so(rollout)
    rollout = turn.save(rollout, over=saved)
    if rollout.outbox:  # told by now
        rollout = ports.store.save(replace(rollout, outbox=()))
    is_impatient = trouble != _Trouble() and rollout.hold is None
    return rollout, min(SOON, decision.wait) if is_impatient else decision.wait


@dataclass(frozen=True, slots=True)
class _Turn:
    ports: Ports
    now: datetime

    def save(self, rollout: Rollout, *, over: Rollout) -> Rollout:
        """Save what changed since `over`, whose notes are told, and tell the rest.

        A release that is settled is remembered first: after a crash in between, it is remembered again.
        """
        if rollout == over:
            return rollout
        rollout = replace(rollout, outbox=rollout.outbox[len(over.outbox) :])
        self._remember(rollout)
        stored = self.ports.store.save(rollout)
        self.tell(stored)
        return stored

    def tell(self, rollout: Rollout) -> None:
        """The history and EventBridge; again after a crash, so both take the same thing twice."""
        for note in rollout.outbox:
            self.ports.store.record(rollout.target, history_item(rollout, note))
            kind = _EVENTS.get(note.event)
            if kind is not None:
                self.ports.events.announce(kind, _detail(rollout, note))

    def _remember(self, rollout: Rollout) -> None:
        """A promotion counts when it can be revoked no more; an objection from the moment of the way back."""
        if rollout.phase is Phase.PROMOTED and rollout.is_tidied:
            self._put(rollout, rollout.release, "promoted", rollout.reason)
            if rollout.is_expedited and rollout.leaves not in {"", rollout.release.name}:
                self._put(
                    rollout, self._known(rollout, rollout.leaves), "rejected", f"left by a rollback: {rollout.reason}"
                )
        elif rollout.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK} and rollout.is_bad:
            self._put(rollout, rollout.release, "rejected", rollout.why_back)

    def _known(self, rollout: Rollout, name: str) -> Release:
        records = self.ports.store.releases(rollout.target)
        return next((one.release for one in records if one.release.name == name), Release(name))

    def _put(self, rollout: Rollout, release: Release, status: ReleaseStatus, reason: str) -> None:
        record = ReleaseRecord(release, status, rollout.phase_since, reason, rollout.caller, rollout.id)
        self.ports.store.remember(rollout.target, record)

    # Looking

    def observe(self, rollout: Rollout, trouble: _Trouble) -> Observation:
        """What the phase needs to know, and no more."""
        seen = Observation(
            self.now,
            commands=self.ports.store.commands(rollout.target),
            blocked=trouble.blocked,
            interference=trouble.interference,
            marked=trouble.marked,
        )
        match rollout.phase:
            case Phase.PREPARING:
                return self._with_quiet(rollout, self._with_fleets(rollout, seen))
            case Phase.SHIFTING | Phase.BAKING if not rollout.is_expedited:
                seen = self._with_judges(rollout, seen)
            case Phase.PROMOTED | Phase.ROLLED_BACK:
                return self._with_quiet(rollout, seen)
        return self._with_hook(rollout, seen)

    def _with_fleets(self, rollout: Rollout, seen: Observation) -> Observation:
        candidate = self.ports.fleets.seen(rollout.candidate_side, rollout.release)
        targets = None
        is_full = not rollout.candidate_side.can_be_scaled or 0 < rollout.desired <= candidate.desired
        if candidate.is_settled and is_full and rollout.is_test_routed:
            targets = self.ports.rules.targets(rollout.candidate_side.group_arn)
        live = None
        if not rollout.desired:
            live = self.ports.fleets.seen(rollout.live_side)
            self._remember_first(rollout, live)
        return replace(seen, live=live, candidate=candidate, candidate_targets=targets)

    def _remember_first(self, rollout: Rollout, live: FleetSeen) -> None:
        """The release that no rollout brought is one to go back to as well."""
        if self.ports.store.releases(rollout.target) or rollout.leaves != FIRST_RELEASE:
            return
        image = live.release if "/" in live.release or ":" in live.release else ""
        version = live.release if live.release.isdigit() else ""
        release = Release(FIRST_RELEASE, image=image, version=version)
        record = ReleaseRecord(release, "promoted", rollout.started_at, "was there before the first rollout", "", "")
        self.ports.store.remember(rollout.target, record)

    def _with_judges(self, rollout: Rollout, seen: Observation) -> Observation:
        """What CloudWatch says. Its silence is no evidence, and no reason to give up either (I4)."""
        try:
            seen = self._with_counts(rollout, seen)
            names = [one.alarm for one in rollout.settings.guardrails if isinstance(one, AlarmName)]
            return replace(seen, alarms=self.ports.metrics.alarm_states(names)) if names else seen
        except AwsError as error:
            return replace(seen, unasked=f"could not be asked: {error}")

    def _with_counts(self, rollout: Rollout, seen: Observation) -> Observation:
        last = self._last_minute(rollout)
        if rollout.judged is None or last <= rollout.judged:
            return seen
        first = max(rollout.judged + 1, last - _LONGEST_LOOK_BACK)
        values = self.ports.metrics.minutes(series_of(rollout.settings), min(first, last - 1), last)
        counts = Counts(rollout.settings, values)
        seen = replace(seen, counts=counts, last_minute=last)
        is_odd = counts.requests(rollout.live, last) and not counts.requests(rollout.candidate, last)
        return self._with_look(rollout, seen) if is_odd and rollout.applied else seen

    def _with_look(self, rollout: Rollout, seen: Observation) -> Observation:
        """The candidate should have requests and has none: somebody may have written the rule, an abort above all.

        Between writes the rule is otherwise not read: a thousand rollouts would starve everybody else's reads.
        """
        try:
            share = GuardedRule(self.ports.rules, rollout).look()
        except MarkedError:
            return replace(seen, marked=True)
        if share == rollout.applied or seen.interference:
            return seen
        words = "traffic that goes to other groups" if share is None else f"{share:g} %"
        return replace(seen, interference=f"the live rule gives the candidate {words} instead of {rollout.applied:g} %")

    def _with_quiet(self, rollout: Rollout, seen: Observation) -> Observation:
        if rollout.quiet >= QUIET_MINUTES or not rollout.settings.side(rollout.out_of_use).can_be_scaled:
            return seen
        last = self._last_minute(rollout)
        since = int(rollout.phase_since.timestamp() // 60)
        first = max((rollout.quiet_until or since) + 1, last - _LONGEST_LOOK_BACK)
        if last < first:
            return seen
        try:
            values = self.ports.metrics.minutes(request_series_of(rollout.settings), first, last)
        except AwsError as error:
            return replace(seen, unasked=f"could not be asked: {error}")
        counts = Counts(rollout.settings, values)
        seen = replace(seen, counts=counts, last_minute=last)
        is_odd = rollout.has_ended and counts.requests(rollout.out_of_use, last)
        return self._with_look(rollout, seen) if is_odd else seen

    def _last_minute(self, rollout: Rollout) -> int:
        """The newest minute that is over for long enough to be complete."""
        return int((self.now - rollout.settings.metric_lag).timestamp() // 60) - 1

    def _with_hook(self, rollout: Rollout, seen: Observation) -> Observation:
        hook = pending_hook(rollout)
        waits = rollout.hold is not None or rollout.applied != rollout.weight
        if hook is None or hook.is_approval or (waits and rollout.phase is not Phase.TESTING) or rollout.hold:
            return seen
        payload = {
            "lifecycleStage": hook.stage,
            "hookDetails": {**hook.details, **rollout.hook_details},
            "target": rollout.target,
            "rollout": rollout.id,
            "release": rollout.release.name,
            "candidateTargetGroup": rollout.candidate_side.group_arn,
        }
        try:
            answer = self.ports.hooks.ask(hook.function_arn, payload)
        except AwsError as error:
            # Asked again until the hook's own time is up; a rollout does not go back because Lambda is busy.
            answer = HookAnswer("IN_PROGRESS", round(SOON.total_seconds()), rollout.hook_details, str(error))
        return replace(seen, hook=answer)

    # Making it so

    def make_so(self, rollout: Rollout) -> tuple[Rollout, _Trouble]:
        """Bring the world to what the state says. Nothing here decides."""
        if rollout.is_tidied:
            return rollout, _Trouble()
        match rollout.phase:
            case Phase.PREPARING | Phase.TESTING:
                return self._prepared(rollout), _Trouble()
            case Phase.SHIFTING | Phase.BAKING | Phase.ROLLING_BACK:
                return self._shifted(rollout)
        return self._tidied(rollout)

    def _prepared(self, rollout: Rollout) -> Rollout:
        live, candidate = rollout.live_side, rollout.candidate_side
        if rollout.desired and rollout.phase is Phase.PREPARING and rollout.quiet >= QUIET_MINUTES:
            self.ports.fleets.deploy(candidate, rollout.release, rollout.desired)
        if rollout.desired and rollout.minimums:
            # With less traffic each, both would be scaled in, and be too small for what may come back any minute. The
            # candidate's turn comes when it stands: a minimum brings up a group that is being emptied.
            self.ports.fleets.scale(live if rollout.phase is Phase.PREPARING else candidate, None, rollout.desired)
        if rollout.is_test_routed:
            return rollout
        self._route_tests(rollout, 100.0)
        return replace(rollout, is_test_routed=True)

    def _route_tests(self, rollout: Rollout, percent: float) -> None:
        live, candidate = rollout.live_side.group_arn, rollout.candidate_side.group_arn
        for arn in rollout.settings.test_rule_arns:
            actions = self.ports.rules.read(arn).actions
            if share_of(actions, live, candidate) != percent:
                self.ports.rules.write(arn, rewritten(actions, forward(live, candidate, percent, None)))

    def _shifted(self, rollout: Rollout) -> tuple[Rollout, _Trouble]:
        if rollout.is_baked and rollout.is_test_routed and rollout.phase is Phase.BAKING:
            # The side that leaves the rule stays in the test routes: without any rule it would get no health checks,
            # and an abort of the last second would find it cold.
            self._route_tests(rollout, 0.0)
            rollout = replace(rollout, is_test_routed=False)
        rule = GuardedRule(self.ports.rules, rollout)
        try:
            if rollout.applied is None:
                rollout = confirmed(rollout, rule.bring(regardless=self._is_late(rollout)), self.now)
                if rollout.applied is None:
                    self._strengthen_live(rollout)
                    return rollout, _Trouble(blocked="live cannot carry everything yet")
            if is_over(rollout):
                rule.close()
                rollout = ended(rollout, self.now)
        except MarkedError:
            return rollout, _Trouble(marked=True)
        except InterferenceError as error:
            return rollout, _Trouble(interference=str(error))
        except NotCarriedError as error:
            self._strengthen_live(rollout)
            return rollout, _Trouble(blocked=str(error))
        return rollout, _Trouble()

    def _is_late(self, rollout: Rollout) -> bool:
        is_back = rollout.phase is Phase.ROLLING_BACK
        return is_back and self.now >= rollout.phase_since + rollout.settings.restore_timeout

    def _strengthen_live(self, rollout: Rollout) -> None:
        live = rollout.live_side
        if rollout.phase is not Phase.ROLLING_BACK or not rollout.desired or not live.can_be_scaled:
            return
        if self.ports.fleets.seen(live).desired < rollout.desired:
            self.ports.fleets.scale(live, rollout.desired, None)

    def _tidied(self, rollout: Rollout) -> tuple[Rollout, _Trouble]:
        if rollout.quiet < QUIET_MINUTES:
            return rollout, _Trouble()
        out, serving = (rollout.settings.side(side) for side in (rollout.out_of_use, rollout.serving))
        rule = GuardedRule(self.ports.rules, rollout)
        try:
            is_late = self.now >= rollout.phase_since + rollout.settings.drain_timeout
            if rule.look() != rollout.weight and not is_late:
                # A write that was on its way when the rule was read for the last time, or read too early.
                rule.bring()
                return rollout, _Trouble(interference="the live rule still names the side that is out of use")
        except MarkedError:
            return rollout, _Trouble(marked=True)
        except (InterferenceError, NotCarriedError) as error:
            return rollout, _Trouble(interference=str(error))
        if out.can_be_scaled and not rollout.is_quarantined:
            self.ports.fleets.scale(out, 0, 0 if rollout.minimums else None)
        for minimum in rollout.minimums.values():
            self.ports.fleets.scale(serving, None, minimum)
        return replace(rollout, is_tidied=True), _Trouble()


def history_item(rollout: Rollout, note: Note) -> HistoryItem:
    """A note with what the guardrails said when it was saved."""
    evidence: dict[str, object] = {
        one.guardrail: {"verdict": one.verdict.value, "reason": one.reason} for one in rollout.said
    }
    return HistoryItem(
        note.at,
        note.event,
        rollout.id,
        rollout.release.name,
        note.caller or "the engine",
        note.reason,
        phase=note.phase,
        weight=note.weight,
        evidence=evidence,
    )


_EVENTS = {
    "STARTED": "Rollout Started",
    "PHASE": "Rollout Phase",
    "ENDED": "Rollout Ended",
    "HELD": "Rollout Held",
    "UNHEALTHY": "Rollout Unhealthy",
}


def _detail(rollout: Rollout, note: Note) -> dict[str, object]:
    return {
        "target": rollout.target,
        "rollout": rollout.id,
        "release": rollout.release.name,
        "phase": note.phase,
        "weight": note.weight,
        "reason": note.reason,
        "verdict": Verdict.UNHEALTHY.value if is_unhealthy(rollout) else None,
    }
