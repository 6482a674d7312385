"""Marks of one release: what is known of it that a refusal has to give way to. They go with the deployment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .engine.errors import ConfigurationError


@dataclass(frozen=True)
class Hotfix:
    """This release is to be deployed although an alarm is red, because it mends what makes it red.

    Amazon ECS ignores the alarms of a deployment that begins while one of them is red, and live is no yardstick then:
    an absolute floor on the candidate decides instead, until the end of the bake.

    release: the image's tag or digest; for any other release the mark means nothing, so that one that is forgotten in
        the code lets nothing through. reason: why, for the history.
    success_percent: the share of the candidate's requests that must be good (default: what the error-rate alarm
        allows, 99 %).

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html

    Raises ConfigurationError without a release or a reason.
    """

    release: str
    reason: str
    success_percent: float | None = None

    def __post_init__(self) -> None:
        """Refuse a mark that marks nothing."""
        _require("Hotfix", self.release, self.reason)
        if self.success_percent is not None and not 0 < self.success_percent < 100:
            raise ConfigurationError(
                f"Hotfix success_percent is {self.success_percent}: give a number above 0 and below 100"
            )


@dataclass(frozen=True)
class AcceptedRelease:
    """This release was rejected by a rollout, and somebody accepts it; without the mark it is refused.

    release: the image's tag or digest. reason: why, for the history.

    Raises ConfigurationError without a release or a reason.
    """

    release: str
    reason: str

    def __post_init__(self) -> None:
        """Refuse a mark that marks nothing."""
        _require("AcceptedRelease", self.release, self.reason)


ReleaseMark: TypeAlias = Hotfix | AcceptedRelease


def marks_as_details(path: str, marks: Sequence[ReleaseMark], default_success: float) -> dict[str, object]:
    """The marks as the hook that admits releases is given them; raises ConfigurationError for two of a kind."""
    details: dict[str, object] = {}
    for mark in marks:
        key = "hotfix" if isinstance(mark, Hotfix) else "accepts"
        if key in details:
            raise ConfigurationError(
                f"{path} has two {type(mark).__name__} marks: keep the one of the release that is deployed"
            )
        said: dict[str, object] = {"release": mark.release, "reason": mark.reason}
        if isinstance(mark, Hotfix):
            said["success_percent"] = default_success if mark.success_percent is None else mark.success_percent
        details[key] = said
    return details


def _require(kind: str, release: str, reason: str) -> None:
    if not release or not reason.strip():
        missing = "release" if not release else "reason"
        raise ConfigurationError(f"{kind} has no {missing}: name the image's tag or digest, and say why in a sentence")
