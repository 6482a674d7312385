"""How traffic moves to the candidate: strategies are small frozen values; each target translates the ones it can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Protocol, runtime_checkable

from .errors import ConfigurationError
from .spans import Span, as_timedelta


@dataclass(frozen=True)
class Step:
    """One step of a rollout: `percent` of the traffic to the candidate, for `bake` before the next step.

    Percent is above 0, at most 100, in multiples of 0.1 (a rule's weights are whole numbers of at most 999).
    """

    percent: float
    bake: Span

    def __post_init__(self) -> None:
        """Check and normalise, so that `bake` is a timedelta from here on."""
        object.__setattr__(self, "percent", checked_percent(self.percent, "a step's percent"))
        object.__setattr__(self, "bake", as_timedelta(self.bake, "a step's bake"))

    @property
    def span(self) -> timedelta:
        """The step's bake as a timedelta."""
        return as_timedelta(self.bake, "a step's bake")


@runtime_checkable
class Strategy(Protocol):
    """What every strategy can say; a target that cannot do one refuses it by name."""

    def steps(self) -> tuple[Step, ...]:
        """The steps below 100 percent, in order; 100 percent follows the last one."""
        ...


@dataclass(frozen=True)
class AllAtOnce:
    """All traffic moves in one write once the candidate is tested; the final bake alone watches it."""

    def steps(self) -> tuple[Step, ...]:
        """No step below 100 percent."""
        return ()


@dataclass(frozen=True)
class Canary:
    """`percent` of the traffic first, for `bake`, then all of it.

    When `bake` ends the rest of the users meet the candidate: what was not noticed by then is noticed by everybody.
    """

    percent: float
    bake: Span

    def __post_init__(self) -> None:
        """Refuse what no target can do."""
        object.__setattr__(self, "percent", checked_percent(self.percent, "Canary percent", most=99.9))
        object.__setattr__(self, "bake", as_timedelta(self.bake, "Canary bake"))

    def steps(self) -> tuple[Step, ...]:
        """The one canary step."""
        return (Step(self.percent, self.bake),)


@dataclass(frozen=True)
class Linear:
    """`percent` more of the traffic `every` so often, until all of it has moved (the last step may be smaller)."""

    percent: float
    every: Span

    def __post_init__(self) -> None:
        """Refuse what no target can do."""
        object.__setattr__(self, "percent", checked_percent(self.percent, "Linear percent", most=99.9))
        object.__setattr__(self, "every", as_timedelta(self.every, "Linear every"))

    def steps(self) -> tuple[Step, ...]:
        """The equal steps below 100 percent."""
        tenths = round(self.percent * 10)
        return tuple(Step(reached / 10, self.every) for reached in range(tenths, 1000, tenths))


@dataclass(frozen=True)
class Steps:
    """Any steps below 100 percent, each with its own bake, then all of the traffic.

    Percents rise from step to step: `Steps([Step(1, minutes(5)), Step(10, minutes(10)), Step(50, minutes(10))])`.
    When a step's bake ends without an objection, the next step's share of the users meets the candidate.

    Raises ConfigurationError for no steps, steps that do not rise, and a last step of 100 percent (it is implied).
    """

    given: Sequence[Step]

    def __post_init__(self) -> None:
        """Refuse what would end at once, or go back in the middle."""
        steps = tuple(self.given)
        if not steps or not all(isinstance(step, Step) for step in steps):
            raise ConfigurationError(
                f"Steps is {self.given!r}: give at least one Step(percent, bake), or use AllAtOnce()"
            )
        percents = [step.percent for step in steps]
        if any(later <= earlier for earlier, later in pairwise(percents)):
            raise ConfigurationError(
                f"Steps has the percents {', '.join(f'{percent:g}' for percent in percents)}: give percents that rise"
            )
        if percents[-1] >= 100:
            raise ConfigurationError(
                "Steps ends with 100 percent: leave that step out, all traffic follows the last one"
            )
        object.__setattr__(self, "given", steps)

    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""
        return tuple(self.given)


@dataclass(frozen=True)
class Split:
    """`percent` of the traffic to the candidate, for as long as an operator leaves it so: an A/B test.

    Nothing ends it but `bluegreen promote`, `bluegreen abort`, an UNHEALTHY guardrail or the rollout's deadline.
    """

    percent: float

    def __post_init__(self) -> None:
        """Refuse what no target can do."""
        object.__setattr__(self, "percent", checked_percent(self.percent, "Split percent", most=99.9))

    def steps(self) -> tuple[Step, ...]:
        """One step without an end of its own; its bake says zero."""
        return (Step(self.percent, timedelta()),)


def checked_percent(percent: float, name: str, most: float = 100.0) -> float:
    """`percent` as a multiple of 0.1, whatever its last digits; refused outside (0, most] or when it is finer.

    A listener rule's weights cannot express more.
    """
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 < percent <= most:
        raise ConfigurationError(f"{name} is {percent!r}: give a number above 0 and at most {most:g}")
    if abs(percent * 10 - round(percent * 10)) > 1e-9:
        raise ConfigurationError(f"{name} is {percent:g}: give a multiple of 0.1")
    return percent if isinstance(percent, int) else round(percent, 1)
