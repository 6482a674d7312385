"""canary-abort: an operator takes a rollout back in the middle, with three calls to Elastic Load Balancing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..operator_command import ACCESS_KEY, CommandResult
from ..outcome import Condition, Outcome
from ..session import Session
from .canary_conditions import (
    answered_its_shares,
    by_operator_and_tick,
    ends_on,
    execution_ended,
    is_scaled_in,
    nobody_before,
    rule_went,
)
from .canary_release import planned
from .canary_seen import CanarySeen
from .canary_stage import on_stage
from .candidate_traffic import live_serves
from .told_by_bluegreen import events_in
from .traffic_conditions import load_was_whole, nothing_lost

RELEASE = "2.0.3"
REASON = "the phones are ringing"
# DESIGN's I6: what the rule says, whether live is warm, and the write; the mark and the table come after.
MOVING = ("DescribeTags", "DescribeTargetHealth", "ModifyRule")
_BAKED_SECONDS = 2.0  # real: so that the candidate has answered its share for a while


@dataclass(frozen=True)
class Abort:
    """The command's end, the calls of Elastic Load Balancing that it made, and the mark that it left on the rule."""

    ended: CommandResult
    calls: Mapping[str, int]
    mark: str
    rollout: str


@dataclass(frozen=True)
class CanaryAbort:
    """Going back is one command, which needs neither the engine nor its table."""

    name: ClassVar[str] = "canary-abort"
    about: ClassVar[str] = "bluegreen abort in the middle of a rollout: three calls until live has all traffic"

    def play(self, session: Session) -> Outcome:
        """Abort a good release while it has its first share."""
        with on_stage(session, self.name) as stage:
            stage.start(RELEASE)
            since = stage.wait_for_share(stage.target.settings.steps[0].percent)
            stage.wait_since(since + _BAKED_SECONDS)
            before = calls_of(ACCESS_KEY, session.state())
            ended = stage.bluegreen("abort", "--reason", REASON)
            calls = calls_of(ACCESS_KEY, session.state()) - before
            stage.wait_for_share(0)
            mark = stage.rule_tags().get("bluegreen:aborted", "")
            stage.wait_until_tidied()
            seen = stage.seen()
        return judged(self.name, seen, Abort(ended, calls, mark, stage.rollout))


def calls_of(caller: str, state: Mapping[str, Any]) -> Counter[str]:
    """How many calls of each action a caller has made of Elastic Load Balancing."""
    made = Counter[str]()
    for action, count in state["calls"]["by_caller_and_action"].get(caller, {}).items():
        service, _, name = action.partition(":")
        if service == "elasticloadbalancing":
            made[name] += count
    return made


def judged(name: str, seen: CanarySeen, abort: Abort) -> Outcome:
    """Judge what was seen."""
    writes = [write.wall for write in seen.writes if write.caller == ACCESS_KEY]
    wrote = writes[0] if writes else seen.watched.stopped
    aborted = [item for item in seen.history if REASON in item["reason"]]
    figures = seen.figures()
    figures["bluegreen abort to the rule's write"] = seen.took(abort.ended.began, wrote)
    figures["bluegreen abort to 100 % live on every node"] = seen.took(abort.ended.began, seen.moment(-1))
    figures["calls that moved the traffic"] = ", ".join(MOVING)
    return Outcome(
        name,
        (
            Condition(
                "bluegreen abort ends 0 and says that live has all traffic",
                abort.ended.exit_code == 0 and abort.ended.answer.get("state") == "RESTORED",
                f"exit code {abort.ended.exit_code}, {abort.ended.answer.get('state') or abort.ended.said}",
            ),
            Condition(
                "it took three calls of Elastic Load Balancing, and a fourth one for the mark",
                dict(abort.calls) == {**dict.fromkeys(MOVING, 1), "AddTags": 1}
                and abort.ended.answer.get("aws_calls") == len(MOVING),
                ", ".join(f"{count} x {action}" for action, count in abort.calls.items()) or "no call",
            ),
            Condition(
                "the rule is marked, so that no late worker of the rollout moves traffic",
                bool(abort.rollout) and abort.mark == abort.rollout,
                abort.mark or "no mark",
            ),
            rule_went(seen, (planned(seen)[0], 0.0)),
            nobody_before(seen),
            answered_its_shares(seen),
            live_serves(seen),
            ends_on(seen, seen.live_side),
            by_operator_and_tick(seen),
            execution_ended(seen, "ABORTED", "Aborted"),
            Condition(
                "the history says who aborted it and why",
                bool(aborted) and any(item["caller"].startswith("arn:") for item in aborted),
                "; ".join(f"{item['event']} by {item['caller']}" for item in aborted) or "nothing",
            ),
            Condition(
                "what it left was closed",
                bool(events_in(seen.history, "ENDED")) and seen.explained.get("is_tidied") is True,
                f"phase {seen.explained.get('phase')}, tidied: {seen.explained.get('is_tidied')}",
            ),
            is_scaled_in(seen, seen.candidate_side),
            nothing_lost(seen.watched),
            load_was_whole(seen.watched),
        ),
        figures=figures,
        timeline=seen.timeline(),
        samples=seen.samples(),
    )
