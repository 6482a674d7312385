"""The CDK application that is rehearsed: where it is, how it is synthesised, and what its tasks are on this machine."""

from dataclasses import dataclass, replace
from pathlib import Path

from ..engine.errors import RehearsalError
from .cdk_cli import python_app
from .load import GoldenCase, read_golden


@dataclass(frozen=True)
class RehearsedApplication:
    """One CDK application.

    directory: where its command runs. command: what the CDK CLI is given as `--app`. tasks: the tasks file.
    network_stacks, service_stack: the stacks in order of deployment; the last one holds the service, or (`has_target`)
    the canary target. golden: requests with known answers, for the load.
    """

    directory: Path
    command: str
    tasks: Path
    network_stacks: tuple[str, ...]
    service_stack: str
    golden: tuple[GoldenCase, ...]
    has_target: bool = False

    @property
    def stacks(self) -> tuple[str, ...]:
        """All stacks in order of deployment."""
        return (*self.network_stacks, self.service_stack)


def checkout(directory: Path) -> Path:
    """The checkout of this repository in `directory` or above it; the scenarios rehearse its application."""
    for folder in (directory.resolve(), *directory.resolve().parents):
        if all((folder / part).exists() for part in ("app.py", "stacks", "services/inference/rehearse.toml")):
            return folder
    raise RehearsalError(
        f"there is no application to rehearse in {directory}: run the command in a checkout of bluegreen-constructs"
    )


def sample_application(root: Path) -> RehearsedApplication:
    """This repository's own application, in the environment `rehearsal`."""
    return RehearsedApplication(
        directory=root,
        command=python_app(root / "app.py"),
        tasks=root / "services" / "inference" / "rehearse.toml",
        network_stacks=("BlueGreenNetwork-rehearsal",),
        service_stack="BlueGreenService-rehearsal",
        golden=read_golden(root / "services" / "inference" / "golden.json"),
    )


def canary_application(root: Path) -> RehearsedApplication:
    """The same application's canary stack, in the same network: two sides that the deployed engine rolls out."""
    return replace(sample_application(root), service_stack="BlueGreenCanary-rehearsal", has_target=True)


def rule_in_another_stack(root: Path) -> RehearsedApplication:
    """The example whose listener, groups and rules belong to another stack than the service."""
    return RehearsedApplication(
        directory=root,
        command=python_app(root / "examples" / "rule_in_another_stack" / "app.py"),
        tasks=root / "services" / "inference" / "rehearse.toml",
        network_stacks=("SharedIngress",),
        service_stack="SharedService",
        golden=read_golden(root / "services" / "inference" / "golden.json"),
    )


def adopted_service(root: Path) -> RehearsedApplication:
    """The example of a service of CDK's own patterns that is adopted, and left again."""
    return RehearsedApplication(
        directory=root,
        command=python_app(root / "examples" / "adopted_service" / "app.py"),
        tasks=root / "services" / "inference" / "rehearse.toml",
        network_stacks=(),
        service_stack="AdoptedService",
        golden=read_golden(root / "services" / "inference" / "golden.json"),
    )


def judged_service(root: Path) -> RehearsedApplication:
    """The example of a service whose releases Amazon ECS rolls out, and the judge compares with live."""
    return RehearsedApplication(
        directory=root,
        command=python_app(root / "examples" / "ecs" / "app.py"),
        tasks=root / "services" / "inference" / "rehearse.toml",
        network_stacks=(),
        service_stack="Prediction",
        golden=read_golden(root / "services" / "inference" / "golden.json"),
    )
