"""Several comparisons of one candidate under one false-alarm budget, and which of them is to blame."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import log
from types import MappingProxyType

from .comparison import Evidence, Terms
from .eprocess import log_sum
from .errors import ConfigurationError
from .finite import is_finite
from .model import FEWEST_BAD_EVENTS, Arm, Verdict


@dataclass(frozen=True)
class JointComparison:
    """Comparisons by name, judged together: the candidate is to be no worse than live in any of them.

    Each comparison's evidence of harm, times its own false alarm, is weighted and summed; at 1 the candidate is
    UNHEALTHY. The weighted mean of e-processes is one again, so that the false alarm of the whole is the weighted mean
    of the members' (with the default terms 1 %, however many metrics there are), whatever the metrics do to each other.
    Every member must be HEALTHY for the whole to be: promoting a release that is at the margin in any of them stays as
    unlikely as that member's terms say.

    members: comparisons by the name that explanations use; at least one.
    weights: how the budget is divided, by name, from 0.001 to 1000; scaled to sum 1. Default: evenly. Three metrics of
        even weight need about three times the evidence each: a few more bad events.

    Raises ConfigurationError for no members, unknown names and weights that are no weights.
    Sources: Vovk and Wang 2021, https://arxiv.org/abs/1912.06116 (means of e-values); Wang and Ramdas 2022,
    https://arxiv.org/abs/2009.02824 (e-BH).
    """

    members: Mapping[str, Terms]
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an empty jury and weights that are none."""
        if not self.members:
            raise ConfigurationError("a JointComparison has no members: give at least one comparison")
        for name, member in self.members.items():
            if not isinstance(member, Terms):
                raise ConfigurationError(
                    f"the member {name!r} of a JointComparison is {type(member).__name__}: give a comparison with live"
                )
        unknown = [name for name in self.weights if name not in self.members]
        if unknown:
            raise ConfigurationError(
                f"weights name {_listed(unknown)}, but the comparisons are {_listed(self.members)}: give weights for "
                "those"
            )
        for name, weight in self.weights.items():
            if not is_finite(weight) or not 0.001 <= weight <= 1000:
                raise ConfigurationError(f"the weight of {name!r} is {weight!r}: give a number from 0.001 to 1000")
        given = {name: float(self.weights.get(name, 1.0)) for name in self.members}
        total = sum(given.values())
        # Read-only copies: the terms are fixed before the rollout, by whoever holds the mapping too.
        object.__setattr__(self, "members", MappingProxyType(dict(self.members)))
        object.__setattr__(self, "weights", MappingProxyType({name: weight / total for name, weight in given.items()}))

    def start(self) -> "JointEvidence":
        """No evidence in any of them."""
        return JointEvidence(dict(self.weights), {name: terms.start() for name, terms in self.members.items()})

    def __reduce__(self) -> tuple[type["JointComparison"], tuple[dict[str, Terms], dict[str, float]]]:
        """Copied and sent to other processes as what it was made from: read-only views cannot be."""
        return JointComparison, (dict(self.members), dict(self.weights))


@dataclass(frozen=True)
class JointEvidence:
    """The evidence of each member, and whom it convicted when their sum reached the threshold; immutable.

    guilty: whom the evidence of harm pointed at when it was enough, most of it first; empty as long as it is not. Those
        that e-BH names at the whole's false alarm: at most that share of the named is innocent, on average. Where the
        evidence was spread too thin for that, the one with most of it.
    """

    weights: Mapping[str, float]
    members: Mapping[str, Evidence]
    guilty: tuple[str, ...] = ()

    def observe(
        self, counts: Mapping[str, tuple[Arm | None, Arm | None]], interval: int | None = None
    ) -> "JointEvidence":
        """One interval: (live, candidate) by the name of the member; a name that is missing saw nothing.

        Raises ConfigurationError for a name that is no member's.
        """
        for name in counts:
            if name not in self.members:
                raise ConfigurationError(f"counts for {name!r}, but the comparisons are {_listed(self.members)}")
        members = {
            name: evidence.observe(*counts[name], interval) if name in counts else evidence
            for name, evidence in self.members.items()
        }
        return JointEvidence(self.weights, members, self.guilty or _convicted(self.weights, members))

    @property
    def was_unhealthy(self) -> bool:
        """Whether the sum ever reached its threshold."""
        return bool(self.guilty)

    @property
    def verdict(self) -> Verdict:
        """UNHEALTHY once the sum ever reached 1, for good; HEALTHY when every member is; else UNSURE."""
        if self.was_unhealthy:
            return Verdict.UNHEALTHY
        healthy = all(evidence.verdict is Verdict.HEALTHY for evidence in self.members.values())
        return Verdict.HEALTHY if healthy else Verdict.UNSURE

    @property
    def log_harm(self) -> float:
        """The logarithm of the sum; at 0 the candidate is UNHEALTHY. Minus infinity while nobody has failed twice."""
        return log_sum(_log_parts(self.weights, self.members).values())


def _convicted(weights: Mapping[str, float], members: Mapping[str, Evidence]) -> tuple[str, ...]:
    parts = _log_parts(weights, members)
    if log_sum(parts.values()) < 0:
        return ()
    by_evidence = sorted(parts, key=parts.__getitem__, reverse=True)
    named = [k for k, name in enumerate(by_evidence, start=1) if parts[name] >= -log(k)]
    return tuple(by_evidence[: max(named, default=1)])


def _log_parts(weights: Mapping[str, float], members: Mapping[str, Evidence]) -> dict[str, float]:
    """The logarithm of what each member adds to the sum whose threshold is 1.

    A member whose candidate has failed fewer than two times adds nothing: that can only take evidence away.
    """
    return {
        name: log(weights[name] * evidence.terms.false_alarm) + evidence.log_harm
        for name, evidence in members.items()
        if evidence.candidate.bad >= FEWEST_BAD_EVENTS
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
