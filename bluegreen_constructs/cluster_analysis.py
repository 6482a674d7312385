"""What Argo Rollouts judges a candidate by besides the load balancer's metrics: CloudWatch metrics of yours, Jobs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from .engine.errors import ConfigurationError
from .engine.finite import is_finite
from .engine.spans import Span, as_timedelta, in_words

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


@dataclass(frozen=True)
class CloudWatchMetric:
    """One metric in CloudWatch.

    namespace, name: which. dimensions: its dimensions (default: none). stat: of each minute (default Sum).
    candidate_dimension: one more dimension, whose value is the pods' label `rollouts-pod-template-hash`: an application
        that publishes its metrics with it is judged by the candidate's alone (default: none, both sides count).

    Raises ConfigurationError for what CloudWatch would refuse.
    """

    namespace: str
    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    stat: str = "Sum"
    candidate_dimension: str | None = None

    def __post_init__(self) -> None:
        """Refuse a metric that cannot exist."""
        for what, text in (("namespace", self.namespace), ("name", self.name), ("stat", self.stat)):
            if not isinstance(text, str) or not 1 <= len(text) <= 255:
                raise ConfigurationError(f"CloudWatchMetric {what} is {text!r}: give 1 to 255 characters")
        count = len(self.dimensions) + (self.candidate_dimension is not None)
        if count > 30:
            raise ConfigurationError(f"CloudWatchMetric {self.name} has {count} dimensions: give at most 30")
        if self.candidate_dimension in self.dimensions:
            raise ConfigurationError(
                f"CloudWatchMetric {self.name} has the dimension {self.candidate_dimension} twice: leave it out of "
                "dimensions"
            )


@dataclass(frozen=True, kw_only=True)
class CloudWatchAnalysis:
    """A guardrail over metrics of yours: Argo Rollouts asks CloudWatch each minute while the candidate has traffic.

    name: how Argo calls it, as in DNS. metrics: what is asked for, by ids for the expression.
    expression: metric math over the ids, such as "100 * bad / total".
    at_most, at_least: the bounds of a good minute; one of them, or both. Two bad minutes of the last five and the
        rollout is aborted; a minute without data says nothing, and no minute with data at all holds the rollout.

    Raises ConfigurationError for no bound, or ids that the expression cannot name.
    """

    name: str
    metrics: Mapping[str, CloudWatchMetric]
    expression: str
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        """Refuse what would judge nothing."""
        _check_name("CloudWatchAnalysis", self.name)
        if not self.metrics:
            raise ConfigurationError(
                f"CloudWatchAnalysis {self.name} has no metrics: give {{'bad': CloudWatchMetric()}}"
            )
        for key in self.metrics:
            if not _ID.fullmatch(key) or key == "judged":
                raise ConfigurationError(
                    f"CloudWatchAnalysis {self.name} has the id {key!r}: begin with a small letter, and give letters, "
                    "digits and _, but not 'judged'"
                )
            if not re.search(rf"\b{key}\b", self.expression):
                raise ConfigurationError(
                    f"CloudWatchAnalysis {self.name} has the metric {key} and the expression {self.expression!r}: name "
                    "it there, or leave it out"
                )
        bounds = [one for one in (self.at_most, self.at_least) if one is not None]
        if not bounds or not all(map(is_finite, bounds)):
            raise ConfigurationError(f"CloudWatchAnalysis {self.name} has no bound: give at_most=, or at_least=")
        if self.at_most is not None and self.at_least is not None and self.at_least > self.at_most:
            raise ConfigurationError(
                f"CloudWatchAnalysis {self.name} is to be at least {self.at_least:g} and at most {self.at_most:g}: "
                "give bounds that some value is between"
            )


@dataclass(frozen=True, kw_only=True)
class JobAnalysis:
    """A Job that tries the candidate; it exits with 0 when the candidate is good.

    name: as in DNS. image, command: what to run; the variable `CANDIDATE_URL` says where the candidate is.
    environment: more variables. timeout: when it ends the Job has failed (default 10 minutes).
    service_account: of the Job's pod (default: the namespace's own, without a token). user: the number of the user that
        it runs as (default 1000).
    stage: `TESTING`, before production traffic (default), or `BAKING`, once all of it has moved.

    A failed Job aborts the rollout; it is not tried again.

    Raises ConfigurationError for a name that is none, no image, or a time-out of zero.
    """

    name: str
    image: str
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: Span = timedelta(minutes=10)
    service_account: str | None = None
    user: int = 1000
    stage: Literal["TESTING", "BAKING"] = "TESTING"

    def __post_init__(self) -> None:
        """Refuse a Job that could not run."""
        _check_name("JobAnalysis", self.name)
        if not self.image or any(one.isspace() for one in self.image):
            raise ConfigurationError(f"JobAnalysis {self.name} has the image {self.image!r}: give a name")
        if isinstance(self.command, str):
            raise ConfigurationError(f"JobAnalysis {self.name} has the command {self.command!r}: give a list of words")
        if self.user < 1:
            raise ConfigurationError(f"JobAnalysis {self.name} has the user {self.user}: give 1 or more, not root")
        span = as_timedelta(self.timeout, "JobAnalysis timeout")
        if not timedelta(seconds=1) <= span <= timedelta(hours=24):
            raise ConfigurationError(
                f"JobAnalysis {self.name} has a timeout of {in_words(span)}: give from 1 s to 24 h"
            )
        object.__setattr__(self, "timeout", span)
        if self.stage not in ("TESTING", "BAKING"):
            raise ConfigurationError(f"JobAnalysis {self.name} has the stage {self.stage!r}: give TESTING or BAKING")

    @property
    def timeout_seconds(self) -> int:
        """The time-out in seconds."""
        return round(as_timedelta(self.timeout, "JobAnalysis timeout").total_seconds())


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{what} name is {name!r}: give at most 32 small letters, digits and hyphens, such as 'predictions'"
        )
