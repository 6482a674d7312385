"""What an operator's verb asks of the world: the engine's ports, who asks, and what time it is."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import typer

from ..engine.code_deployments import CodeDeployments, StoredObjects
from ..engine.errors import AwsError
from ..engine.fleet_sides import FleetSides
from ..engine.ports import Executions, WeightedRules
from ..engine.region_settings import RegionSettings
from ..engine.region_traffic import RegionTargets
from ..engine.service_deployments import ServiceDeployments
from ..engine.swap.ports import AllStores, DefinitionSeen
from ..engine.target_settings import TargetSettings
from ..engine.zone_records import ZoneRecords


@dataclass(frozen=True, slots=True)
class TargetEngine:
    """A target as its operator meets it: the settings, the engine's table, the state machine's executions.

    has_table: whether there is a table; a target that Amazon ECS rolls out and CloudWatch alarms alone judge has none.
    Nothing that Amazon ECS rolls out has executions.
    """

    settings: TargetSettings
    store: AllStores
    executions: Executions
    has_table: bool = True

    @property
    def target(self) -> str:
        """The target's name."""
        return self.settings.target

    @property
    def is_ecs(self) -> bool:
        """Whether Amazon ECS rolls it out itself."""
        return self.settings.controller == "ecs"

    @property
    def is_slots(self) -> bool:
        """Whether it has slots, which are swapped."""
        return self.settings.controller == "slots"

    @property
    def is_code_deploy(self) -> bool:
        """Whether AWS CodeDeploy deploys it."""
        return self.settings.controller == "codedeploy"

    @property
    def service(self) -> tuple[str, str]:
        """The cluster and the service that Amazon ECS rolls out."""
        return self.settings.blue.cluster, self.settings.blue.service


@dataclass(frozen=True, slots=True)
class ExecutionFailure:
    """How an execution ended that did not end well: the error's name, and its cause in words."""

    error: str
    cause: str


class Definitions(Protocol):
    """Amazon ECS's task definitions, as `engine.swap.ports.SlotServices` reads them."""

    def definition(self, name: str) -> DefinitionSeen:
        """A revision by its ARN, or the newest active one by its family."""

    def register(self, content: Mapping[str, object], tags: Mapping[str, str]) -> str:
        """Register a revision, and answer its ARN. Once more is one more revision."""


class OperatorWorld(Protocol):
    """Where targets are, and who operates them. Any call may raise an `AwsError`."""

    def targets(self) -> Sequence[str]:
        """The names of all targets of the account and region, sorted."""

    def engine(self, target: str) -> TargetEngine:
        """One of them; raises ConfigurationError, with the targets there are, for a name that is none."""

    def rules(self) -> WeightedRules:
        """The live rules; asks nobody for settings."""

    def deployments(self) -> ServiceDeployments:
        """Amazon ECS's deployments; asks nobody for settings."""

    def definitions(self) -> Definitions:
        """Amazon ECS's task definitions; asks nobody for settings."""

    def code_deployments(self) -> CodeDeployments:
        """AWS CodeDeploy's deployments; asks nobody for settings."""

    def fleet_sides(self) -> FleetSides:
        """The instances of fleets that AWS CodeDeploy deploys to; asks nobody for settings."""

    def stored_objects(self) -> StoredObjects:
        """What is in S3; asks nobody for settings."""

    def switches(self) -> Sequence[str]:
        """The names of all switches across regions of the account and region, sorted."""

    def switch(self, target: str) -> RegionSettings:
        """One of them; raises ConfigurationError, with the switches there are, for a name that is none."""

    def zone_records(self) -> ZoneRecords:
        """The hosted zones' records; asks nobody for settings."""

    def region_targets(self) -> RegionTargets:
        """The targets of several regions; asks nobody for settings."""

    def caller(self) -> str:
        """Who runs this command, as AWS sees it: an ARN."""

    def failure(self, execution_arn: str) -> ExecutionFailure | None:
        """How an execution failed; None while it runs and when it ended well."""

    def now(self) -> datetime:
        """The time, in UTC."""

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass."""


def caller_of(world: OperatorWorld) -> str:
    """Who runs this command; that AWS does not say who it is must not stop what brings traffic back."""
    try:
        return world.caller()
    except AwsError:
        return "unknown (STS did not answer)"


@contextmanager
def opened(context: typer.Context, region: str | None = None) -> Iterator[OperatorWorld]:
    """The world that the command was started with (`commands.run` takes one), or AWS in `region`.

    What AWS refuses inside the block becomes an `AwsError` of one sentence.
    """
    given: OperatorWorld | None = context.obj
    if given is not None:
        yield given
        return
    from .aws_world import AwsWorld, aws_failures_in_words  # noqa: PLC0415  # boto3 takes longer than --help may

    with aws_failures_in_words():
        yield AwsWorld(region)
