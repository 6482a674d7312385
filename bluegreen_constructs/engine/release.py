"""What is shipped: a release, by its name and by what its sides run."""

import re
from dataclasses import dataclass

from .errors import ConfigurationError

# What an image tag allows, and a digest: a release is usually one of both.
_NAME = re.compile(r"(sha256:[0-9a-f]{64})|([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})")


@dataclass(frozen=True, slots=True)
class Release:
    """A release, as `bluegreen start --release` names it.

    name: an image tag, a digest, or any name of yours in the same letters.
    image: the whole image reference of an ECS side (default: the side's own repository with `name` as tag or digest).
    version: the launch template version of an Auto Scaling side (default: `name`, if it is a number).

    Raises ConfigurationError for a name that could not be told apart from another word of a command or a key.
    """

    name: str
    image: str = ""
    version: str = ""

    def __post_init__(self) -> None:
        """Refuse names that no registry takes."""
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"the release is {self.name!r}: give an image tag or a sha256 digest, such as 1.4.2"
            )
        if self.version and not self.version.isdigit():
            raise ConfigurationError(
                f"the launch template version is {self.version!r}: give its number, as `$Latest` moves under a rollout"
            )

    def image_for(self, current: str) -> str:
        """The image that a side which runs `current` runs with this release."""
        if self.image:
            return self.image
        bare = current.partition("@")[0]
        head, colon, tail = bare.rpartition(":")
        repository = head if colon and "/" not in tail else bare
        return f"{repository}{'@' if self.name.startswith('sha256:') else ':'}{self.name}"
