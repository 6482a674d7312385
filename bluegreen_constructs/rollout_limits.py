"""RolloutLimits: how long each wait of a rollout may take, and what ends it."""

from dataclasses import dataclass
from datetime import timedelta

from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta, in_words
from .engine.strategy import Split, Strategy, checked_percent

_SPANS = ("patience", "hold", "prepare", "restore", "drain", "metric_lag")
_MAY_BE_NONE = ("keep",)
_HALF = 50.0
_FINITE_DEADLINE, _SPLIT_DEADLINE = timedelta(hours=36), timedelta(days=30)
# An execution of Step Functions ends after a year; what is left is for holds, the way back and the tidying.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_LONGEST = {
    "deadline": (timedelta(days=300), "Step Functions ends an execution after a year"),
    "metric_lag": (timedelta(minutes=15), "a verdict that comes later protects nobody"),
    "keep": (timedelta(days=14), "it is paid for like live, and bluegreen rollback needs it only to save the starts"),
}


@dataclass(frozen=True)
class RolloutLimits:
    """The limits of a rollout; each is a timedelta or a Duration. Every wait ends, by these if by nothing else.

    hold_back: percent of the traffic that stays on live during the final bake, so that the comparison goes on (default
        5; 0 for none).
    patience: how long a last step is extended that has not enough evidence (default 30 min); then the rollout is held.
    hold: how long a hold, a pause or an approval's rollout waits for an answer (default 24 h); then it goes back.
    prepare: how long the candidate may take to be healthy with live's capacity (default 20 min); then the rollout ends
        before any user has met it.
    restore: how long going back waits for live to have its capacity again (default 10 min); then it goes back anyway.
    deadline: how long all of it may take, approvals and holds included; then it goes back. Default: 36 h, or 30 days
        for a `Split`; at most 300 days. A Split, and whatever is held, is looked at 1200 times in this time, at most
        once a minute: of 36 h about every 2 minutes, of 30 days every 36, of 300 days every 6 hours. Its guardrails are
        judged, and an operator's answer is taken, no sooner; an alarm and `bluegreen abort` need not wait for it.
    drain: how long to wait for the side that is out of use to have no requests (default 30 min); then it is left
        running, and somebody has to look.
    keep: how long the former live side keeps running when a release was promoted and no requests come there any more
        (default 0, at most 14 days); then it is scaled down. Until then `bluegreen rollback` to it starts no instance
        and no task, unless the stack's template was edited meanwhile. The next `bluegreen start` need not wait for it,
        and takes the side over. It costs what live costs. What a rollback leaves is not kept.
    metric_lag: how long after its end a minute's metrics are complete (default 60 s, at most 15 min). What comes later
        counts for nothing: errors that were written late are no errors. Every verdict comes later by as much.
    retained: how many promoted releases `bluegreen rollback` can go back to (default 5).

    Raises ConfigurationError for a limit of zero, one that is too long, or a share that no listener rule can express.
    """

    hold_back: float = 5.0
    patience: Span = timedelta(minutes=30)
    hold: Span = timedelta(hours=24)
    prepare: Span = timedelta(minutes=20)
    restore: Span = timedelta(minutes=10)
    deadline: Span | None = None
    drain: Span = timedelta(minutes=30)
    keep: Span = timedelta(0)
    metric_lag: Span = timedelta(seconds=60)
    retained: int = 5

    def __post_init__(self) -> None:
        """Refuse limits that nothing can be done in."""
        for name in _SPANS if self.deadline is None else (*_SPANS, "deadline"):
            span = as_timedelta(getattr(self, name), f"RolloutLimits {name}")
            if not span:
                raise ConfigurationError(f"RolloutLimits {name} is 0: give the longest time that it may take")
            object.__setattr__(self, name, span)
        for name in _MAY_BE_NONE:
            object.__setattr__(self, name, as_timedelta(getattr(self, name), f"RolloutLimits {name}"))
        for name, (longest, why) in _LONGEST.items():
            span = longest if getattr(self, name) is None else self.span(name)
            if span > longest:
                raise ConfigurationError(
                    f"RolloutLimits {name} is {in_words(span)}: give at most {in_words(longest)}, {why}"
                )
        if self.hold_back != 0:
            checked_percent(self.hold_back, "RolloutLimits hold_back", most=_HALF)
        if isinstance(self.retained, bool) or not isinstance(self.retained, int) or not 1 <= self.retained <= 50:
            raise ConfigurationError(f"RolloutLimits retained is {self.retained!r}: give a whole number from 1 to 50")

    def span(self, name: str) -> timedelta:
        """The limit with this name as a timedelta."""
        return as_timedelta(getattr(self, name), f"RolloutLimits {name}")

    def deadline_of(self, strategy: Strategy) -> timedelta:
        """The deadline of a rollout by this strategy."""
        if self.deadline is None:
            return _SPLIT_DEADLINE if isinstance(strategy, Split) else _FINITE_DEADLINE
        return self.span("deadline")

    def refuse(self, path: str, strategy: Strategy, bake: timedelta) -> None:
        """Refuse a plan that cannot be done within these limits.

        Raises ConfigurationError when the deadline ends before the plan, or the bake gives live more than the last step
        does.
        """
        steps = strategy.steps()
        planned = sum((step.span for step in steps), bake)
        deadline = self.deadline_of(strategy)
        if planned >= deadline:
            raise ConfigurationError(
                f"{path} has steps and a bake of {in_words(planned)} together and a deadline of {in_words(deadline)}: "
                "give RolloutLimits(deadline=…) more than that, or shorten them"
            )
        last = 0.0 if isinstance(strategy, Split) or not steps else steps[-1].percent
        if last > 100 - self.hold_back:
            raise ConfigurationError(
                f"{path} has a last step of {last:g} % and holds {self.hold_back:g} % back during the bake: give "
                f"RolloutLimits(hold_back=…) at most {100 - last:g}, or a smaller last step"
            )
