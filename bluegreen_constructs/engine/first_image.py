"""Has a build push a repository's first image, once, and waits for its end; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from .errors import AwsError, ConfigurationError

LOOK_SECONDS = 10
RUNNING = "IN_PROGRESS"
SUCCEEDED = "SUCCEEDED"


@dataclass(frozen=True, slots=True)
class WantedImage:
    """The image that has to be there, and the CodeBuild project that pushes it."""

    repository: str
    tag: str
    project: str

    @staticmethod
    def of(properties: Mapping[str, object]) -> "WantedImage":
        """Read the custom resource's properties. Raises ConfigurationError for one that is missing."""
        found: list[str] = []
        for name in ("Repository", "Tag", "Project"):
            value = properties.get(name)
            if not isinstance(value, str) or not value:
                raise ConfigurationError(f"the resource's {name} is {value!r}: deploy the stack that has it again")
            found.append(value)
        return WantedImage(*found)


@dataclass(frozen=True, slots=True)
class BuildSeen:
    """A build as CodeBuild tells of it: its status, and what it says of a failure (empty: nothing)."""

    status: str
    said: str = ""


class ImageBuilds(Protocol):
    """Images in Amazon ECR and builds in CodeBuild. All calls raise AwsError when AWS refuses."""

    def is_pushed(self, repository: str, tag: str) -> bool:
        """Whether the repository has an image with the tag."""

    def start(self, project: str, token: str) -> str:
        """Start a build; the same token starts no second one within minutes. Answers the build's id."""

    def look(self, build: str) -> BuildSeen:
        """How far a build is."""


def ensure_image(
    wanted: WantedImage,
    token: str,
    *,
    builds: ImageBuilds,
    seconds_left: Callable[[], float],
    pause: Callable[[float], None],
) -> str:
    """Push the image unless it is there; says what was done.

    A second run at the same time, or after an interruption, does no harm: the build itself looks before it pushes. Nor
    does a look that fails: the build runs on, and is looked at again.

    Raises AwsError when the build cannot be started, fails, or was not seen to end while there is time.
    """
    if builds.is_pushed(wanted.repository, wanted.tag):
        return f"{wanted.repository}:{wanted.tag} is there already, nothing was pushed"
    build = builds.start(wanted.project, token)
    while True:
        try:
            seen, end = builds.look(build), "has not ended in time"
        except AwsError as error:
            seen, end = BuildSeen(RUNNING), f"was not seen to end in time ({error})"
        if seen.status != RUNNING:
            break
        if seconds_left() < LOOK_SECONDS:
            raise AwsError(f"build {build} {end}: look at its log, then deploy again")
        pause(LOOK_SECONDS)
    if seen.status != SUCCEEDED:
        raise AwsError(f"build {build} ended as {seen.status}: {seen.said or 'look at its log'}")
    return f"build {build} pushed {wanted.repository}:{wanted.tag}"
