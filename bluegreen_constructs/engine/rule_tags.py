"""The engine's tags on a live rule: what an abort and a late worker can know with the engine's table down."""

from collections.abc import Mapping
from dataclasses import dataclass

from .rollout import Rollout

LIVE = "bluegreen:live"
CANDIDATE = "bluegreen:candidate"
ROLLOUT = "bluegreen:rollout"
FENCE = "bluegreen:fence"
NEEDS = "bluegreen:needs"
STICKINESS = "bluegreen:stickiness"
HAS_OTHER_ACTIONS = "bluegreen:has-other-actions"
HEEDS_ALARMS = "bluegreen:heeds-alarms"
ALONE = "bluegreen:alone"
ENDED = "bluegreen:ended"
ABORTED = "bluegreen:aborted"


@dataclass(frozen=True, slots=True)
class RuleTags:
    """What the tags say. `rollout` is empty on a rule that no rollout has touched yet.

    names_one: whether the rule names the side that serves and no other, as slots want it.
    """

    live: str
    candidate: str
    rollout: str
    fence: int
    needs: int
    stickiness_seconds: int | None
    has_other_actions: bool
    heeds_alarms: bool
    names_one: bool
    ended: str
    aborted: str

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> "RuleTags":
        """Read the tags; what is missing, or was edited by hand into nonsense, counts as not there."""
        stickiness = _whole(tags.get(STICKINESS))
        return cls(
            live=tags.get(LIVE, ""),
            candidate=tags.get(CANDIDATE, ""),
            rollout=tags.get(ROLLOUT, ""),
            fence=_whole(tags.get(FENCE)),
            needs=_whole(tags.get(NEEDS)),
            stickiness_seconds=stickiness or None,
            has_other_actions=tags.get(HAS_OTHER_ACTIONS) == "yes",
            heeds_alarms=tags.get(HEEDS_ALARMS) != "no",
            names_one=tags.get(ALONE) == "yes",
            ended=tags.get(ENDED, ""),
            aborted=tags.get(ABORTED, ""),
        )

    @property
    def is_in_flight(self) -> bool:
        """Whether the rollout they name has not ended."""
        return bool(self.rollout and self.live) and self.rollout != self.ended

    def is_aborted(self, rollout: str) -> bool:
        """Whether somebody aborted this rollout."""
        return self.aborted == rollout

    def tell(self, rollout: Rollout) -> bool:
        """Whether they are what `tags_for` says of `rollout`."""
        return (self.rollout, self.fence, self.live) == (rollout.id, rollout.fence, rollout.live_side.group_arn)


def tags_for(rollout: Rollout, *, has_other_actions: bool) -> dict[str, str]:
    """The tags of a rollout in flight, all in one call."""
    return {
        LIVE: rollout.live_side.group_arn,
        CANDIDATE: rollout.candidate_side.group_arn,
        ROLLOUT: rollout.id,
        FENCE: str(rollout.fence),
        NEEDS: str(rollout.needs),
        STICKINESS: str(rollout.settings.stickiness_seconds or 0),
        HAS_OTHER_ACTIONS: "yes" if has_other_actions else "no",
        HEEDS_ALARMS: "yes" if rollout.heeds_alarms else "no",
    }


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0
