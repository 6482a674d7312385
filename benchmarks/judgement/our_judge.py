"""Our own judgement, as it is: the class that users import, and nothing of it built again."""

from dataclasses import dataclass

from bluegreen_constructs.engine.comparison import ErrorComparison, Evidence, Mode
from bluegreen_constructs.engine.model import Arm, Verdict

from .judge import Answer

_ANSWERS = {
    Verdict.UNHEALTHY: Answer.ROLLBACK,
    Verdict.HEALTHY: Answer.PROMOTE,
    Verdict.UNSURE: Answer.NOTHING,
}


@dataclass(frozen=True)
class OurJudge:
    """`ErrorComparison` with its defaults, in one of its modes."""

    name: str
    mode: Mode

    def start(self, looks: int) -> "OurSitting":  # noqa: ARG002  # it needs no planned end
        """A new rollout."""
        return OurSitting(ErrorComparison(mode=self.mode).start())


class OurSitting:
    """Evidence that grows look by look."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def observe(self, live: Arm, candidate: Arm) -> Answer:
        """The verdict, as what is done with it."""
        self._evidence = self._evidence.observe(live, candidate)
        return _ANSWERS[self._evidence.verdict]
