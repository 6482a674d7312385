"""Makes the world as a rollout's state says, however much of that is done already. Nothing here decides."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .errors import AwsError, ConfigurationError
from .guarded_rule import GuardedRule, InterferenceError, MarkedError, NotCarriedError
from .lifecycle import Phase
from .observation import Trouble
from .phases import QUIET_MINUTES
from .ports import Ports
from .rollout import Rollout
from .transitions import confirmed, ended, is_over, kept
from .weights import forward, rewritten, share_of

_SETTLED = timedelta(seconds=10)
"""For so long after a way back began, a read that says that all is back already is not believed."""


@dataclass(frozen=True, slots=True)
class Enacting:
    """What is done to the world, at `now`."""

    ports: Ports
    now: datetime

    def make_so(self, rollout: Rollout) -> tuple[Rollout, Trouble]:
        """Bring the world to what the state says; answers the state as it is confirmed, and what is in the way."""
        if rollout.is_tidied or rollout.is_kept:
            return rollout, Trouble()
        match rollout.phase:
            case Phase.PREPARING | Phase.TESTING:
                try:
                    return self._prepared(rollout), Trouble()
                except ConfigurationError as error:
                    return rollout, Trouble(impossible=str(error))
                except AwsError as error:
                    # Nobody has met the candidate yet; its own time-out ends what does not pass.
                    return rollout, Trouble(blocked=str(error))
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
            actions = self.ports.rules.actions(arn)
            if share_of(actions, live, candidate) != percent:
                self.ports.rules.write(arn, rewritten(actions, forward(live, candidate, percent, None)))

    def _shifted(self, rollout: Rollout) -> tuple[Rollout, Trouble]:
        if rollout.is_baked and rollout.is_test_routed and rollout.phase is Phase.BAKING:
            # The side that leaves the rule stays in the test routes: without any rule it would get no health checks,
            # and an abort of the last second would find it cold.
            self._route_tests(rollout, 0.0)
            rollout = replace(rollout, is_test_routed=False)
        if rollout.applied is None and rollout.weight > 0 and rollout.was == 0 and rollout.hold is None:
            rollout = self._matched_again(rollout)
        rule = GuardedRule(self.ports.rules, rollout)
        try:
            if rollout.applied is None and rollout.hold is None:
                is_unheard = self._is_unheard(rollout)
                share = rule.bring(
                    regardless=self._is_late(rollout), is_early=self._is_early(rollout), keeps_live=is_unheard
                )
                if share is None or is_unheard:
                    return rollout, Trouble()
                rollout = confirmed(rollout, share, self.now)
                if rollout.applied is None:
                    self._strengthen_live(rollout)
                    return rollout, Trouble(blocked="live cannot carry everything yet")
            elif rollout.applied is None:
                rule.look()  # nothing is written during a pause, but an abort is noticed
            if is_over(rollout):
                rule.close()
                rollout = ended(rollout, self.now)
        except MarkedError:
            return rollout, Trouble(marked=True)
        except InterferenceError as error:
            return rollout, Trouble(interference=str(error))
        except NotCarriedError as error:
            self._strengthen_live(rollout)
            return rollout, Trouble(blocked=str(error))
        return rollout, Trouble()

    def _matched_again(self, rollout: Rollout) -> Rollout:
        """Live may have grown while hooks ran or somebody was asked; the candidate has to follow before it serves."""
        live = self.ports.rules.targets(rollout.live_side.group_arn)
        if not live.is_checked or live.healthy <= rollout.needs:
            return rollout
        rollout = replace(rollout, needs=live.healthy, desired=max(rollout.desired, live.healthy))
        if rollout.candidate_side.can_be_scaled and rollout.settings.split is None:
            self.ports.fleets.scale(
                rollout.candidate_side, rollout.desired, rollout.desired if rollout.minimums else None
            )
        return rollout

    def _without_tests(self, rollout: Rollout) -> Rollout:
        """Test traffic leaves the side that drains: a monitor on that route would keep it busy for ever."""
        is_promoted = rollout.phase is Phase.PROMOTED
        side = rollout.settings.side(rollout.out_of_use)
        if rollout.is_test_routed == is_promoted or rollout.is_quarantined or not side.can_be_scaled:
            return rollout
        if self.now <= rollout.phase_since:  # in the very turn of the end an abort may still go there
            return rollout
        self._route_tests(rollout, 100.0 if is_promoted else 0.0)
        return replace(rollout, is_test_routed=is_promoted)

    def _is_late(self, rollout: Rollout) -> bool:
        is_back = rollout.phase is Phase.ROLLING_BACK
        return is_back and self.now >= rollout.phase_since + rollout.settings.restore_timeout

    def _is_unheard(self, rollout: Rollout) -> bool:
        """Whether the state machine may still bring all traffic back to live, which the next write leaves cold.

        Only a sticky rule loses live. It is told so by this turn's answer; a turn that is tried again has the same
        time, that of the entry into its state.
        """
        is_last = rollout.is_baked and rollout.settings.stickiness_seconds is not None
        return is_last and self.now <= (rollout.wanted_at or rollout.phase_since)

    def _is_early(self, rollout: Rollout) -> bool:
        """Whether a read may still be of the time before the way back, or before a worker's last write."""
        return self.now < (rollout.wanted_at or rollout.phase_since) + _SETTLED

    def _strengthen_live(self, rollout: Rollout) -> None:
        live = rollout.live_side
        if rollout.phase is not Phase.ROLLING_BACK or not rollout.desired or not live.can_be_scaled:
            return
        if self.ports.fleets.seen(live).desired < rollout.desired:
            self.ports.fleets.scale(live, rollout.desired, None)

    def _tidied(self, rollout: Rollout) -> tuple[Rollout, Trouble]:
        if rollout.quiet < QUIET_MINUTES:
            return self._without_tests(rollout), Trouble()
        out, serving = (rollout.settings.side(side) for side in (rollout.out_of_use, rollout.serving))
        keeps_running = rollout.is_quarantined or rollout.is_left_running or not out.can_be_scaled
        rule = GuardedRule(self.ports.rules, rollout)
        try:
            is_left_out = rule.look() == rollout.weight
            is_late = keeps_running and self.now >= rollout.phase_since + rollout.settings.drain_timeout
            if not is_left_out and not is_late:
                # A write that was on its way when the rule was read for the last time, or read too early.
                rule.bring()
                return rollout, Trouble(interference="the live rule still names the side that is out of use")
        except MarkedError:
            return rollout, Trouble(marked=True)
        except (InterferenceError, NotCarriedError) as error:
            return rollout, Trouble(interference=str(error))
        is_kept = is_left_out and not keeps_running and rollout.keeps and rollout.kept_until is None
        if is_left_out and not keeps_running and not is_kept:
            self.ports.fleets.scale(out, 0, 0 if rollout.minimums else None)
        # Once: after a time of keeping, a stack update may have set another one. What is kept keeps its raised minimum
        # until it goes: without requests, scaling would take it down.
        for minimum in rollout.minimums.values() if rollout.kept_until is None else ():
            self.ports.fleets.scale(serving, None, minimum)
        return kept(rollout, self.now) if is_kept else replace(rollout, is_tidied=True), Trouble()
