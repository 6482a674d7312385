"""What is shipped: a release, by its name and by what its sides run."""

import re
from dataclasses import dataclass

from .errors import ConfigurationError

# What an image tag allows, and a digest: a release is usually one of both.
_NAME = re.compile(r"(sha256:[0-9a-f]{64})|([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})")
# The forms of a launch template's ImageId that mean one image for ever. A parameter without its version does not: what
# it leads to can change between two launches.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RequestLaunchTemplateData.html
_MACHINE_IMAGE = re.compile(r"ami-[0-9a-f]{8}(?:[0-9a-f]{9})?|resolve:ssm:[A-Za-z0-9_.:/-]+:[1-9][0-9]*")
_OF_MACHINES = ("ami-", "resolve:")


@dataclass(frozen=True, slots=True)
class Release:
    """A release, as `bluegreen start --release` names it.

    name: an image tag, a digest, or any name of yours in the same letters.
    image: the whole image reference of an ECS side (default: the side's own repository with `name` as tag or digest);
        of an Auto Scaling side an AMI, as `ami-…` or `resolve:ssm:NAME:VERSION`.
    version: the launch template version of an Auto Scaling side (default: `name`, if it is a number).

    Raises ConfigurationError for a name that could not be told apart from another word of a command or a key, and for
    a version with an AMI of its own.
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
        if self.version and self.image.startswith(_OF_MACHINES):
            raise ConfigurationError(
                f"release {self.name} has launch template version {self.version} and the image {self.image}: give one "
                "of both, a version has its image"
            )

    def image_for(self, current: str) -> str:
        """The image that a side which runs `current` runs with this release."""
        if self.image:
            return self.image
        bare = current.partition("@")[0]
        head, colon, tail = bare.rpartition(":")
        repository = head if colon and "/" not in tail else bare
        return f"{repository}{'@' if self.name.startswith('sha256:') else ':'}{self.name}"

    def template_version(self, group: str, *, named: bool) -> str:
        """The launch template version that an Auto Scaling side runs; empty where the engine makes one for the release.

        group: the side's Auto Scaling group, for refusals. named: whether its instances fetch what runs by the
            release's name; every name is one then, and a version is given as `version`.

        Raises ConfigurationError for a release that says neither a version, nor an image, nor a name that is enough.
        """
        if self.version:
            return self.version
        if _MACHINE_IMAGE.fullmatch(self.image):
            return ""
        if self.image.startswith(_OF_MACHINES) or (self.image and named):
            raise ConfigurationError(
                f"the image of release {self.name} is {self.image}, and {group} runs AMIs: give ami-… or "
                "resolve:ssm:NAME:VERSION, as a parameter without its version moves under a rollout"
            )
        if named:
            return ""
        if not self.name.isdigit():
            raise ConfigurationError(
                f"release {self.name} names no launch template version, which {group} runs: give its number with "
                "--version, or an image with --image (ami-… or resolve:ssm:NAME:VERSION)"
            )
        return self.name
