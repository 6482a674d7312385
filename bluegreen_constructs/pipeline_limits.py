"""How long CodePipeline waits for an action, and plans that it would give up on; pure."""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum

from .engine.errors import ConfigurationError
from .engine.spans import in_words


class Limit(Enum):
    """Who is waited for, and how long: then the action fails, and what it began goes on unseen.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
    """

    CLOUD_FORMATION = ("an action of CloudFormation", timedelta(days=3))
    CODE_DEPLOY = ("an action of CodeDeploy", timedelta(days=5))
    STEP_FUNCTIONS = ("an action of Step Functions", timedelta(days=7))
    CODE_BUILD = ("an action of CodeBuild", timedelta(hours=8))
    LAMBDA = ("an action of Lambda", timedelta(hours=24))
    APPROVAL = ("a manual approval", timedelta(days=60))

    def __init__(self, who: str, longest: timedelta) -> None:
        """Name it."""
        self.who, self.longest = who, longest

    def refuse_longer(self, what: str, parts: Mapping[str, timedelta], instead: str) -> None:
        """Raise ConfigurationError when the parts of `what` take longer together; `instead` says what to change."""
        whole = sum(parts.values(), timedelta())
        if whole > self.longest:
            listed = ", ".join(f"{name} {in_words(span)}" for name, span in parts.items() if span)
            raise ConfigurationError(
                f"{what} may take {in_words(whole)} ({listed}), and CodePipeline waits {in_words(self.longest)} for "
                f"{self.who}: {instead}"
            )
