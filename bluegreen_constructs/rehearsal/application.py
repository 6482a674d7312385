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
    return _of_this_checkout(root, "app.py", "BlueGreenService-rehearsal", after="BlueGreenNetwork-rehearsal")


def canary_application(root: Path) -> RehearsedApplication:
    """The same application's canary stack, in the same network: two sides that the deployed engine rolls out."""
    return replace(sample_application(root), service_stack="BlueGreenCanary-rehearsal", has_target=True)


def rule_in_another_stack(root: Path) -> RehearsedApplication:
    """The example whose listener, groups and rules belong to another stack than the service."""
    return _of_this_checkout(root, "examples/rule_in_another_stack/app.py", "SharedService", after="SharedIngress")


def adopted_service(root: Path) -> RehearsedApplication:
    """The example of a service of CDK's own patterns that is adopted, and left again."""
    return _of_this_checkout(root, "examples/adopted_service/app.py", "AdoptedService")


def judged_service(root: Path) -> RehearsedApplication:
    """The example of a service whose releases Amazon ECS rolls out, and the judge compares with live."""
    return _of_this_checkout(root, "examples/ecs/app.py", "Prediction")


def slots_application(root: Path) -> RehearsedApplication:
    """The example of an application with the slots production, blue and green."""
    return _of_this_checkout(root, "examples/slots/app.py", "Slots")


def fleet_application(root: Path) -> RehearsedApplication:
    """The example of EC2 instances in two Auto Scaling groups, between which the engine moves the traffic."""
    return replace(_of_this_checkout(root, "examples/fleet/app.py", "Fleet"), has_target=True)


def code_deployed_service(root: Path) -> RehearsedApplication:
    """The example of a service on Amazon ECS that AWS CodeDeploy deploys."""
    return _of_this_checkout(root, "examples/code_deploy/app.py", "CodeDeployed")


def _of_this_checkout(root: Path, app: str, service_stack: str, *, after: str = "") -> RehearsedApplication:
    """An application whose tasks run the sample service; `after`: the stack that is deployed first."""
    inference = root / "services" / "inference"
    return RehearsedApplication(
        directory=root,
        command=python_app(root / app),
        tasks=inference / "rehearse.toml",
        network_stacks=(after,) if after else (),
        service_stack=service_stack,
        golden=read_golden(inference / "golden.json"),
    )
