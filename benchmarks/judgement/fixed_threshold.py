"""The commonest judges: a fixed error rate of the candidate, whatever live does.

Both promote what was not rolled back by the last look. A look in which the candidate had no requests is no measurement.
"""

from dataclasses import dataclass

from bluegreen_constructs.engine.model import Arm

from .judge import Answer

THRESHOLD = 0.01


@dataclass(frozen=True)
class FailureLimit:
    """An analysis as Argo Rollouts runs it: more than `failure_limit` failed looks in all roll back.

    Source: https://argo-rollouts.readthedocs.io/en/stable/features/analysis/ (failureCondition, failureLimit: how many
    measurements may fail).
    """

    name: str = "threshold"
    failure_limit: int = 3

    def start(self, looks: int) -> "ThresholdSitting":
        """A new rollout."""
        return ThresholdSitting(looks, rollback_after=self.failure_limit + 1, in_a_row=False)


@dataclass(frozen=True)
class AlarmInARow:
    """A CloudWatch alarm on the candidate's error rate, `periods` out of `periods`, as ECS and CodeDeploy act on.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html (datapoints to alarm).
    """

    name: str = "alarm"
    periods: int = 2

    def start(self, looks: int) -> "ThresholdSitting":
        """A new rollout."""
        return ThresholdSitting(looks, rollback_after=self.periods, in_a_row=True)


class ThresholdSitting:
    """Counts failed looks, in all or in a row."""

    def __init__(self, looks: int, rollback_after: int, *, in_a_row: bool) -> None:
        self._left = looks
        self._rollback_after = rollback_after
        self._in_a_row = in_a_row
        self._failed = 0

    def observe(self, live: Arm, candidate: Arm) -> Answer:  # noqa: ARG002  # that it ignores live is the point
        """Roll back at the failed look that is one too many."""
        self._left -= 1
        if candidate.requests:
            if candidate.bad > THRESHOLD * candidate.requests:
                self._failed += 1
            elif self._in_a_row:
                self._failed = 0
        if self._failed >= self._rollback_after:
            return Answer.ROLLBACK
        return Answer.NOTHING if self._left else Answer.PROMOTE
