"""The Go that builds the binaries, or the reason why there is none."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

LEAST = (1, 24, 9)
"""What the go.mod of Argo Rollouts v1.9.1 asks for."""
BUILD_FLAGS = ("-mod=mod", "-buildvcs=false", "-trimpath")
"""-mod=mod: hashes of what only the control plane imports are not in the controller's go.sum."""


class NoGoError(Exception):
    """Nothing can be built here; the text says why and what to do."""


@dataclass(frozen=True)
class GoToolchain:
    """A Go of a known version. It never replaces itself by a downloaded one, so that the version is the one named."""

    executable: str
    version: str

    def environment(self) -> dict[str, str]:
        """The variables of every call: static binaries, and nothing that the machine's owner configured for Go."""
        return {**_own_environment(), "GOFLAGS": " ".join(BUILD_FLAGS)}

    @staticmethod
    def found() -> "GoToolchain":
        """The Go on PATH. Raises NoGoError without one, or when it is too old."""
        least = ".".join(map(str, LEAST))
        executable = shutil.which("go")
        if executable is None:
            raise NoGoError(f"no go on PATH; install Go {least} or newer, then run make test-eks again")
        asked = subprocess.run(
            [executable, "env", "GOVERSION"],
            env={**_own_environment(), "GOFLAGS": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        version = asked.stdout.strip()
        numbers = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", version)
        if asked.returncode != 0 or numbers is None:
            raise NoGoError(f"{executable} env GOVERSION said {version or asked.stderr.strip()!r}; install Go {least}")
        if tuple(int(number or 0) for number in numbers.groups()) < LEAST:
            raise NoGoError(f"{executable} is {version}; install Go {least} or newer, then run make test-eks again")
        return GoToolchain(executable, version)


def _own_environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
