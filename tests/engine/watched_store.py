"""The table in memory, which keeps what it was ever given."""

from dataclasses import dataclass, field

from bluegreen_constructs.engine.rollout import Rollout
from bluegreen_constructs.testing import InMemoryStore


@dataclass
class WatchedStore(InMemoryStore):
    """Keeps every state that was ever saved."""

    saved: list[Rollout] = field(default_factory=list)

    def begin(self, rollout: Rollout, former: Rollout | None) -> Rollout:
        self.saved.append(super().begin(rollout, former))
        return self.saved[-1]

    def save(self, rollout: Rollout) -> Rollout:
        self.saved.append(super().save(rollout))
        return self.saved[-1]
