"""What a turn of a rollout answers to the state machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from .lifecycle import Phase
from .listener_rules import Json
from .rollout import Rollout
from .rule_tags import ABORTED, ENDED
from .weights import forward, rewritten


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


def answer_of(rollout: Rollout, wait: timedelta) -> TickAnswer:
    """What the state machine is told about `rollout`."""
    mark = ENDED if rollout.has_ended else ABORTED
    # What cannot be taken back stays where it is, also when the engine fails: an alarm says so to people.
    # So does what has baked: live may have left every rule by now, and would get all traffic cold.
    is_baked = rollout.is_baked and rollout.phase is Phase.BAKING
    # And while a side is kept, the next rollout may have begun: then nothing is this execution's to write.
    is_frozen = rollout.is_irreversible and rollout.phase in {Phase.SHIFTING, Phase.BAKING}
    stays = rollout.is_kept or is_frozen or is_baked
    restore = {"RuleArn": rollout.settings.rule_arn, "Actions": _everything_on_serving(rollout)}
    return TickAnswer(
        rollout.target,
        rollout.id,
        done=rollout.is_tidied,
        outcome=rollout.phase.value,
        wait_seconds=max(1, round(wait.total_seconds())),
        restore={} if stays else restore,
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
