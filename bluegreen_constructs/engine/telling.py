"""Who is told what happened: the history, EventBridge, and what is remembered of releases."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from .judgement import is_unhealthy
from .lifecycle import Phase
from .model import Verdict
from .ports import Events, FleetSeen, HistoryItem, ReleaseRecord, ReleaseStatus, Store
from .release import Release
from .rollout import Note, Rollout
from .target_settings import Side

FIRST_RELEASE = "first"
"""How the release is called that was there before the first rollout."""


class Told(Protocol):
    """Who is told."""

    @property
    def store(self) -> Store: ...

    @property
    def events(self) -> Events: ...


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells everybody, the same thing twice if need be."""

    ports: Told

    def tell(self, rollout: Rollout) -> None:
        """The history and EventBridge; again after a crash, so both take the same thing twice."""
        for note in rollout.outbox:
            self.ports.store.record(rollout.target, history_item(rollout, note))
            kind = _EVENTS.get(note.event)
            if kind is not None:
                self.ports.events.announce(kind, _detail(rollout, note))

    def remember(self, rollout: Rollout) -> None:
        """A promotion counts when it can be revoked no more; an objection from the moment of the way back."""
        if rollout.phase is Phase.PROMOTED and (rollout.is_tidied or rollout.is_kept):
            self._put(rollout, rollout.release, rollout.candidate, "promoted", rollout.reason)
            if rollout.is_expedited and rollout.leaves not in {"", rollout.release.name}:
                left = self._known(rollout, rollout.leaves)
                self._put(rollout, left, rollout.live, "rejected", f"left by a rollback: {rollout.reason}")
        elif rollout.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK} and rollout.is_bad:
            self._put(rollout, rollout.release, rollout.candidate, "rejected", rollout.why_back)

    def _known(self, rollout: Rollout, name: str) -> Release:
        records = self.ports.store.releases(rollout.target)
        return next((one.release for one in records if one.release.name == name), Release(name))

    def _put(self, rollout: Rollout, release: Release, side: Side, status: ReleaseStatus, reason: str) -> None:
        record = ReleaseRecord(release, status, rollout.phase_since, reason, rollout.caller, rollout.id, side)
        self.ports.store.remember(rollout.target, record)

    def remember_first(self, rollout: Rollout, live: FleetSeen) -> None:
        """The release that no rollout brought is one to go back to as well."""
        if self.ports.store.releases(rollout.target) or rollout.leaves != FIRST_RELEASE:
            return
        version = live.version or (live.release if live.release.isdigit() else "")
        image = live.release if not version and ("/" in live.release or ":" in live.release) else ""
        release = Release(FIRST_RELEASE, image=image, version=version)
        why = "was there before the first rollout"
        record = ReleaseRecord(release, "promoted", rollout.started_at, why, "", "", rollout.live)
        self.ports.store.remember(rollout.target, record)


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


_EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "STARTED": "Rollout Started",
        "PHASE": "Rollout Phase",
        "ENDED": "Rollout Ended",
        "HELD": "Rollout Held",
        "UNHEALTHY": "Rollout Unhealthy",
    }
)


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
