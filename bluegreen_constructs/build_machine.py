"""BuildMachine: what a build of a pipeline runs on."""

import re
from dataclasses import dataclass
from datetime import timedelta

from .engine.errors import ConfigurationError

# https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-compute-types.html
_SIZES = ("SMALL", "MEDIUM", "LARGE", "XLARGE", "2XLARGE")
# Both hold Docker with BuildKit, version 2 of the AWS command line, and the languages below.
# https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html
_IMAGES = {
    "x86_64": ("LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:5.0"),
    "arm64": ("ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0"),
}
# https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
_SHORTEST = timedelta(minutes=5)
_LONGEST = timedelta(hours=36)


@dataclass(frozen=True)
class BuildMachine:
    """A machine of AWS CodeBuild.

    size: SMALL (2 processors, 4 GiB on x86_64) to 2XLARGE.
    architecture: of the images that it builds; x86_64, or arm64 for tasks and instances of AWS Graviton.
    image: what the build runs in (default: AWS's own image of the architecture); one of your own needs Docker, bash and
        version 2 of the AWS command line.
    timeout: after which the build fails.

    Raises ConfigurationError for what CodeBuild does not have.
    """

    size: str = "SMALL"
    architecture: str = "x86_64"
    image: str | None = None
    timeout: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        """Refuse what CodeBuild does not have."""
        for what, given, known in (("size", self.size, _SIZES), ("architecture", self.architecture, tuple(_IMAGES))):
            if given not in known:
                raise ConfigurationError(f"BuildMachine {what} is {given!r}: give one of {', '.join(known)}")
        if self.image is not None and not re.fullmatch(r"\S+", self.image):
            raise ConfigurationError(f"BuildMachine image is {self.image!r}: give an image's name, or none")
        if not _SHORTEST <= self.timeout <= _LONGEST or self.timeout % timedelta(minutes=1):
            raise ConfigurationError(
                f"BuildMachine timeout is {self.timeout}: give whole minutes, from 5 minutes to 36 hours"
            )

    @property
    def compute_type(self) -> str:
        """CodeBuild's word for the size."""
        return f"BUILD_GENERAL1_{self.size}"

    @property
    def environment_type(self) -> str:
        """CodeBuild's word for the architecture."""
        return _IMAGES[self.architecture][0]

    @property
    def runs_in(self) -> str:
        """The image."""
        return self.image or _IMAGES[self.architecture][1]

    @property
    def is_standard(self) -> bool:
        """Whether it is AWS's own image, in which a build chooses the version of a language."""
        return self.image is None

    @property
    def timeout_minutes(self) -> int:
        """The time-out as CodeBuild counts it."""
        return self.timeout // timedelta(minutes=1)
