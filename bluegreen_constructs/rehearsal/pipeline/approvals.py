"""Approval actions, played: whoever plays the scenario answers.

https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals.html
"""

from collections.abc import Callable
from dataclasses import dataclass

from .action_work import ActionFailedError, Done, How, Work


@dataclass(frozen=True)
class Approvals:
    """`answer` says whether it is approved; what reviewers are shown is in the configuration."""

    answer: Callable[[Work], bool]

    def run(self, work: Work) -> Done:
        """Ask; a rejection fails the action."""
        if not self.answer(work):
            raise ActionFailedError("rejected by the reviewer")
        return Done(How.PLAYED, "approved by the scenario")
