"""Every write of an application's live rule: read, compare, write, and look again.

As with a rollout's rule (`guarded_rule`), ELB has no compare-and-set: a worker reads the rule and its tags right
before it writes, gives up on an abort's mark or on a fence above its own, makes one try that ends within seconds, and
reads the tags again afterwards. What it finds must be what the operation can have left; anything else is a conflict.
"""

from collections.abc import Collection
from dataclasses import dataclass

from ..guarded_rule import InterferenceError, MarkedError, NotCarriedError
from ..ports import LostLockError, RuleSeen, WeightedRules
from ..rule_tags import ALONE, CANDIDATE, ENDED, FENCE, HAS_OTHER_ACTIONS, LIVE, NEEDS, ROLLOUT, RuleTags
from ..weights import as_they_were, is_forward_only, needed, rewritten
from .shares import Shares, all_on, forward_to, is_alone, shares_in


@dataclass(frozen=True, slots=True)
class ProductionRule:
    """The live rule in the hands of one operation.

    live, candidate: target groups. needs: the healthy targets that all of the traffic takes. goes_back: whether the
    operation is on its way back, which a mark does not stop.
    """

    rules: WeightedRules
    arn: str
    operation: str
    fence: int
    live: str
    candidate: str
    needs: int
    goes_back: bool = False

    def claim(self) -> RuleSeen:
        """Say on the rule whose it is, unless it says so already; answers the rule.

        From here on an abort knows the way back with the engine's table down. Raises MarkedError and LostLockError.
        """
        seen = self.rules.read(self.arn)
        tags = self._ours(RuleTags.of(seen.tags))
        if (tags.rollout, tags.fence, tags.live, tags.candidate, tags.needs) != (
            self.operation,
            self.fence,
            self.live,
            self.candidate,
            self.needs,
        ):
            self.rules.tag(
                self.arn,
                {
                    LIVE: self.live,
                    CANDIDATE: self.candidate,
                    ROLLOUT: self.operation,
                    FENCE: str(self.fence),
                    NEEDS: str(self.needs),
                    ALONE: "yes",
                    HAS_OTHER_ACTIONS: "no" if is_forward_only(seen.actions) else "yes",
                },
            )
        return seen

    def look(self) -> Shares | None:
        """What the rule gives to each group now. Raises MarkedError and LostLockError."""
        seen = self.rules.read(self.arn)
        self._ours(RuleTags.of(seen.tags))
        return shares_in(seen.actions)

    def bring(self, wanted: Shares, allowed: Collection[Shares], *, regardless: bool = False) -> bool:
        """Have the rule give `wanted`; answers whether it had it already.

        On the way back it goes from whatever it has, and needs one healthy target of live; `regardless` none. Otherwise
        raises InterferenceError when the rule has neither `wanted` nor any of `allowed`. Raises NotCarriedError when a
        group has too few healthy targets, MarkedError, LostLockError, and AwsError.
        """
        seen = self.claim()
        found = shares_in(seen.actions)
        if found == wanted and (len(wanted) > 1 or is_alone(seen.actions, next(iter(wanted)))):
            return True
        if self.goes_back:
            if not regardless:
                self._require_carried(wanted, 1)
        else:
            if found != wanted and found not in allowed:
                raise InterferenceError(f"the live rule {_in_words(found)}, which nobody here wrote")
            if RuleTags.of(seen.tags).ended == self.operation:
                raise LostLockError("the live rule says that this operation has ended: this worker is out of date")
            self._require_carried(wanted, self.needs)
        self.rules.write_fresh(self.arn, rewritten(seen.actions, forward_to(wanted)))
        self._look_again(seen, wanted)
        return False

    def close(self) -> None:
        """Say on the rule that an abort finds nothing any more, unless one came first (MarkedError)."""
        tags = self._ours(RuleTags.of(self.rules.tags(self.arn)))
        if tags.rollout == self.operation and tags.ended != self.operation:
            self.rules.tag(self.arn, {ENDED: self.operation})
            self._ours(RuleTags.of(self.rules.tags(self.arn)))

    def _ours(self, tags: RuleTags) -> RuleTags:
        if tags.is_aborted(self.operation) and not self.goes_back:
            raise MarkedError("the live rule says that this operation was aborted")
        if tags.fence > self.fence:
            raise LostLockError(
                f"the live rule belongs to fence {tags.fence}, this worker has {self.fence}: it is out of date"
            )
        return tags

    def _require_carried(self, wanted: Shares, all_of_it: int) -> None:
        """`all_of_it`: the healthy targets that all of the traffic takes."""
        for group, percent in wanted.items():
            seen = self.rules.targets(group)
            needs = max(1, needed(all_of_it, percent))
            if seen.is_checked and seen.healthy < needs:
                raise NotCarriedError(
                    f"{group} has {seen.healthy} healthy targets and needs {needs} for {percent:g} % of the traffic"
                )

    def _look_again(self, seen: RuleSeen, wrote: Shares) -> None:
        """After the write: who came between must not find traffic moved."""
        tags = RuleTags.of(self.rules.tags(self.arn))
        if tags.fence > self.fence:
            self.rules.write(self.arn, as_they_were(seen.actions))
            raise LostLockError(f"fence {tags.fence} took over while this worker wrote: its write was taken back")
        if tags.is_aborted(self.operation) and not self.goes_back and wrote != all_on(self.live):
            self.rules.write(self.arn, rewritten(seen.actions, forward_to(all_on(self.live))))
            raise MarkedError("the live rule was marked as aborted while it was written: the write was taken back")


def _in_words(found: Shares | None) -> str:
    if found is None:
        return "forwards to no group"
    return "gives " + ", ".join(f"{percent:g} % to {group}" for group, percent in sorted(found.items()))
