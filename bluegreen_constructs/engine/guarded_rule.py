"""Every write of a live rule by a rollout: read, compare, write, and look again.

ELB has no compare-and-set. What stands in for it: a worker reads the rule and its tags right before it writes, gives
up on a mark of an abort or on a fence above its own, makes one try that ends within seconds, and reads the tags again
afterwards. If somebody went ahead in between, it takes its own late write back at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .errors import RolloutError
from .lifecycle import Phase
from .listener_rules import Json
from .live_rule import forwarded_groups
from .ports import LostLockError, RuleSeen, TargetsSeen, WeightedRules
from .rollout import Rollout
from .rule_tags import ENDED, RuleTags, tags_for
from .weights import as_they_were, forward, is_forward_only, is_warm, needed, rewritten, share_of


class MarkedError(RolloutError):
    """The rule carries the mark of an abort of this rollout."""


class InterferenceError(RolloutError):
    """The rule is not as any write of this rollout left it: somebody else wrote it."""


class NotCarriedError(RolloutError):
    """A side has too few healthy targets for the share it is to get; nothing was written."""


@dataclass(frozen=True, slots=True)
class GuardedRule:
    """The live rule in the hands of one rollout."""

    rules: WeightedRules
    rollout: Rollout

    def bring(self, *, regardless: bool = False, is_early: bool = False, keeps_live: bool = False) -> float | None:
        """Give the candidate the share that the rollout wants; answers the share that the rule then has.

        That is less than wanted only while going back to a live side that cannot carry everything yet. `regardless`
        goes back to such a side all the same. None: the rule reads as if it had gone back already, which `is_early`
        forbids to believe, as a read may answer what was there before the last write. `keeps_live`: name live with
        nothing also when the bake is over, so that its health checks go on.

        Raises MarkedError, LostLockError, InterferenceError, NotCarriedError, and AwsError when ELB fails a call.
        """
        seen = self._checked()
        wanted = self.rollout.weight
        share = self._share(seen)
        if not (self.rollout.takes_over or self._is_known(share)):
            raise InterferenceError(
                f"the live rule gives the candidate {_in_words(share)}, which this rollout never wrote: somebody moved "
                "traffic by hand; answer with bluegreen promote (take over) or bluegreen abort"
            )
        if share == wanted and (keeps_live or not self._keeps_live_for_nothing(seen)):
            return None if is_early and self._goes_back else wanted
        if self._goes_back:
            wanted = 0.0 if regardless else self._carried_back(share)
            if wanted == share:
                return wanted
        else:
            self._require_carried(wanted)
        arn = self.rollout.settings.rule_arn
        self.rules.write_fresh(arn, self._actions(seen, wanted, keeps_live=keeps_live))
        self._look_again(seen, wanted)
        return wanted

    def look(self) -> float | None:
        """The share that the rule has now. Raises MarkedError and LostLockError like a write."""
        seen = self.rules.read(self.rollout.settings.rule_arn)
        self._require_ours(RuleTags.of(seen.tags))
        return self._share(seen)

    def close(self) -> None:
        """Say on the rule that the rollout has ended, unless an abort came first (MarkedError)."""
        tags = RuleTags.of(self.rules.tags(self.rollout.settings.rule_arn))
        self._require_ours(tags)
        if tags.ended != self.rollout.id:
            self.rules.tag(self.rollout.settings.rule_arn, {ENDED: self.rollout.id})
            # An abort that read the tags a moment ago takes the rollout for one in flight: it must win.
            self._require_ours(RuleTags.of(self.rules.tags(self.rollout.settings.rule_arn)))

    @property
    def _goes_back(self) -> bool:
        return self.rollout.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}

    def _checked(self) -> RuleSeen:
        """The rule, tagged as this rollout's. Before the first shift it must name live: an abort reads it there."""
        seen = self.rules.read(self.rollout.settings.rule_arn)
        tags = RuleTags.of(seen.tags)
        self._require_ours(tags)
        if not tags.tell(self.rollout):
            mine = tags_for(self.rollout, has_other_actions=not is_forward_only(seen.actions))
            self.rules.tag(self.rollout.settings.rule_arn, mine)
        return seen

    def _require_ours(self, tags: RuleTags) -> None:
        if tags.is_aborted(self.rollout.id) and not self._goes_back:
            raise MarkedError("the live rule says that this rollout was aborted")
        if tags.fence > self.rollout.fence:
            raise LostLockError(
                f"the live rule belongs to fence {tags.fence}, this worker has {self.rollout.fence}: it is out of date"
            )

    def _keeps_live_for_nothing(self, seen: RuleSeen) -> bool:
        """Whether a sticky rule still sends live the clients that it knows, after the bake."""
        rollout = self.rollout
        is_kept = rollout.live_side.group_arn in forwarded_groups(seen.actions)
        return rollout.is_baked and not self._goes_back and rollout.settings.stickiness_seconds is not None and is_kept

    def _share(self, seen: RuleSeen) -> float | None:
        return share_of(seen.actions, self.rollout.live_side.group_arn, self.rollout.candidate_side.group_arn)

    def _is_known(self, share: float | None) -> bool:
        """Whether the last write of this rollout can have left the rule so. Going back is allowed from everything."""
        return self._goes_back or share in {self.rollout.was, self.rollout.weight}

    def _require_carried(self, wanted: float) -> None:
        if wanted == 0:
            return
        seen = self.rules.targets(self.rollout.candidate_side.group_arn)
        if not _carries(seen, self.rollout.needs, wanted):
            raise NotCarriedError(
                f"the candidate has {seen.healthy} healthy targets and needs {needed(self.rollout.needs, wanted)} for "
                f"{wanted:g} % of the traffic"
            )

    def _carried_back(self, share: float | None) -> float:
        """The share that the candidate keeps, because live cannot carry more than the rest of it."""
        live = self.rules.targets(self.rollout.live_side.group_arn)
        needs = self.rollout.needs
        if not live.is_checked or is_warm(live.healthy, needs) or share is None:
            return 0.0
        if live.healthy == 0:
            raise NotCarriedError("the live side has no healthy target to go back to")
        keeps = min(share, 100.0 - 100 * live.healthy // needs)
        candidate = self.rules.targets(self.rollout.candidate_side.group_arn)
        # Better too few targets than none: what the candidate cannot carry goes to live as well.
        return keeps if _carries(candidate, needs, keeps) else 0.0

    def _actions(self, seen: RuleSeen, percent: float, *, keeps_live: bool = False) -> Sequence[Json]:
        rollout = self.rollout
        action = forward(
            rollout.live_side.group_arn,
            rollout.candidate_side.group_arn,
            percent,
            rollout.settings.stickiness_seconds,
            keeps_live=keeps_live or not rollout.is_baked,
        )
        return rewritten(seen.actions, action)

    def _look_again(self, seen: RuleSeen, wrote: float) -> None:
        """After the write: who came between must not find traffic moved."""
        tags = RuleTags.of(self.rules.tags(self.rollout.settings.rule_arn))
        if tags.is_aborted(self.rollout.id) and wrote > 0 and not self._goes_back:
            live = self.rules.targets(self.rollout.live_side.group_arn)
            is_ready = not live.is_checked or is_warm(live.healthy, self.rollout.needs)
            # An abort that found live too cold has only marked the rule: then the rule is to be as it found it.
            back = self._actions(seen, 0.0) if is_ready else as_they_were(seen.actions)
            self.rules.write(self.rollout.settings.rule_arn, back)
            raise MarkedError("the live rule was marked as aborted while it was written: the write was taken back")
        if tags.fence > self.rollout.fence:
            self.rules.write(self.rollout.settings.rule_arn, as_they_were(seen.actions))
            raise LostLockError(f"fence {tags.fence} took over while this worker wrote: its write was taken back")


def _carries(seen: TargetsSeen, needs: int, percent: float) -> bool:
    return not seen.is_checked or seen.healthy >= max(1 if percent else 0, needed(needs, percent))


def _in_words(share: float | None) -> str:
    return "traffic that goes to other groups too" if share is None else f"{share:g} %"
