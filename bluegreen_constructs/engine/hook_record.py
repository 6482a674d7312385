"""What a hook concluded, as an item of its target's history."""

from collections.abc import Mapping
from datetime import datetime

from .hook_event import HookEvent
from .ports import HistoryItem, Store

CALLER = "Amazon ECS"
"""Who asked the hook."""
PASSED = "HOOK_PASSED"
FAILED = "HOOK_FAILED"


def hook_item(
    store: Store,
    target: str,
    event: HookEvent,
    *,
    at: datetime,
    phase: str,
    passes: bool,
    reason: str,
    evidence: Mapping[str, object],
) -> HistoryItem:
    """The item; the release's name is taken from the target's state when that is about this deployment.

    Raises AwsError when the state could not be read.
    """
    state = store.load(target)
    release = state.release.name if state is not None and state.id == event.rollout else ""
    return HistoryItem(
        at, PASSED if passes else FAILED, event.rollout, release, CALLER, reason, phase=phase, evidence=evidence
    )
