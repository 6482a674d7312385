"""What a turn looks at in the world: as much as its phase needs, and no more."""

from dataclasses import dataclass, replace
from datetime import datetime

from .counts import Counts, request_series_of, series_of
from .errors import AwsError
from .guarded_rule import GuardedRule, MarkedError
from .lifecycle import Phase
from .observation import SOON, Observation, Trouble
from .phases import QUIET_MINUTES, pending_hook
from .ports import HookAnswer, Ports
from .rollout import Rollout
from .target_settings import AlarmName
from .telling import Teller
from .weights import needed

_LONGEST_LOOK_BACK = 180  # minutes; an engine that was away longer starts with what it finds


@dataclass(frozen=True, slots=True)
class Looking:
    """One look at the world, at `now`."""

    ports: Ports
    now: datetime

    def observe(self, rollout: Rollout, trouble: Trouble) -> Observation:
        """What the phase needs to know, and no more."""
        seen = Observation(
            self.now,
            commands=self.ports.store.commands(rollout.target),
            blocked=trouble.blocked,
            impossible=trouble.impossible,
            interference=trouble.interference,
            marked=trouble.marked,
        )
        match rollout.phase:
            case Phase.PREPARING:
                return self._with_quiet(rollout, self._with_fleets(rollout, seen))
            case Phase.TESTING | Phase.SHIFTING | Phase.BAKING if not rollout.is_expedited:
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
            Teller(self.ports).remember_first(rollout, live)
        return replace(seen, live=live, candidate=candidate, candidate_targets=targets)

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
        if share == rollout.weight or seen.interference:
            return self._with_targets(rollout, seen)
        words = "traffic that goes to other groups" if share is None else f"{share:g} %"
        return replace(seen, interference=f"the live rule gives the candidate {words} instead of {rollout.weight:g} %")

    def _with_targets(self, rollout: Rollout, seen: Observation) -> Observation:
        """The rule is right, and the candidate has no requests: a side without any target has no metrics either."""
        targets = self.ports.rules.targets(rollout.candidate_side.group_arn)
        needs = needed(rollout.needs, rollout.weight)
        if rollout.has_ended or not targets.is_checked or targets.healthy >= needs:
            return seen
        return replace(
            seen, lost=f"the candidate has {targets.healthy} healthy targets and no requests, and needs {needs}"
        )

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
