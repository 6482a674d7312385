"""What a scenario showed: conditions that held or did not, and figures. PASS is a property of the conditions alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Figure: TypeAlias = int | float | str | None
Samples: TypeAlias = Mapping[str, tuple[tuple[float, float], ...]]
"""What a chart shows: points of seconds and values, by what they are."""


@dataclass(frozen=True)
class Condition:
    """One thing that must hold, as a sentence, and what was found."""

    says: str
    holds: bool
    found: str


@dataclass(frozen=True)
class Outcome:
    """How a scenario ended.

    figures: what was measured, by name, in the order of the report's table. timeline: what happened, as pairs of
    rehearsed seconds since the scenario's start and a sentence. samples: the traffic for the chart. samples_of:
    the same for each of several loads, by whose they are.
    """

    scenario: str
    conditions: tuple[Condition, ...]
    figures: Mapping[str, Figure] = field(default_factory=dict)
    timeline: tuple[tuple[float, str], ...] = ()
    samples: Samples = field(default_factory=dict)
    samples_of: Mapping[str, Samples] = field(default_factory=dict)

    @staticmethod
    def not_played(scenario: str, reason: str) -> "Outcome":
        """A scenario that has failed because it could not be played to its end, or at all."""
        return Outcome(scenario, (Condition("the scenario can be played", holds=False, found=reason),))

    @property
    def passed(self) -> bool:
        """Whether everything held; a scenario that looked at nothing has not passed."""
        return bool(self.conditions) and all(condition.holds for condition in self.conditions)

    def to_json(self) -> dict[str, object]:
        """The outcome as JSON values, for `--format json`."""
        return {
            "scenario": self.scenario,
            "passed": self.passed,
            "conditions": [vars(condition) for condition in self.conditions],
            "figures": dict(self.figures),
            "timeline": [{"at": at, "what": what} for at, what in self.timeline],
        }
