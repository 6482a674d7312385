"""Whether a start asks for what is live already; pure. A pipeline asks so when a stage is retried, or rolled back."""

from .ports import ReleaseRecord, RuleSeen
from .release import Release
from .rollout import Rollout
from .rule_tags import RuleTags
from .start_request import StartRequest
from .target_settings import SIDES, TargetSettings
from .weights import share_of

ALREADY_LIVE = "ALREADY LIVE"
"""The event in the history of a start that began nothing, because its release was live."""


def is_live_already(
    request: StartRequest,
    settings: TargetSettings,
    former: Rollout | None,
    known: ReleaseRecord | None,
    seen: RuleSeen,
) -> bool:
    """Whether the request's release has all traffic, and nothing is under way that could still change that.

    The rule and the record have to say so both. Where they differ, or where either says too little, the answer is no:
    the start then goes its usual way, and is judged, held or refused.

    former: the target's last rollout. known: what is remembered of the request's release. seen: the live rule.
    """
    if former is None or not former.has_ended:
        return False
    tags, is_promoted = RuleTags.of(seen.tags), former.serving == former.candidate
    # An abort's mark on what was promoted: the next worker takes it back.
    is_settled = tags.rollout == former.id and not (is_promoted and tags.is_aborted(former.id))
    if not is_settled or _moved(former.settings, settings):
        return False
    share = share_of(seen.actions, former.live_side.group_arn, former.candidate_side.group_arn)
    serving = former.release.name if is_promoted else former.leaves
    if share != (100 if is_promoted else 0) or serving != request.release.name:
        return False
    # A person accepts what was rejected, with a reason, or nobody does.
    if known is not None and (known.status == "rejected" or not _same(known.release, request.release)):
        return False
    if is_promoted:
        return _same(former.release, request.release)
    # What live runs is only remembered: without its image nobody can say that it is the one that is asked for.
    return not request.release.image or (known is not None and known.release.image == request.release.image)


def _moved(former: TargetSettings, settings: TargetSettings) -> bool:
    """Whether the stack gave the target another rule or other groups since: what runs there is not the record's."""
    return former.rule_arn != settings.rule_arn or any(
        former.side(side).group_arn != settings.side(side).group_arn for side in SIDES
    )


def _same(one: Release, other: Release) -> bool:
    """Whether two of one name are one release, as far as both say what they run."""
    return all(
        not mine or not theirs or mine == theirs
        for mine, theirs in ((one.image, other.image), (one.version, other.version))
    )
