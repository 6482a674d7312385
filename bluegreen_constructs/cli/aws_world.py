"""The operators' world on AWS: the one place of the command line that makes boto3 clients and composes adapters."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from math import inf

from ..engine.aws.dynamodb_store import DynamoDbStore
from ..engine.aws.executions import StepFunctionsClient, StepFunctionsExecutions
from ..engine.aws.weighted_rules import AlbWeightedRules
from ..engine.code_deployments import CodeDeployments, StoredObjects
from ..engine.errors import AwsError, ConfigurationError
from ..engine.fleet_sides import FleetSides
from ..engine.patience import Patience
from ..engine.ports import TargetsSeen, WeightedRules
from ..engine.region_settings import RegionSettings
from ..engine.region_traffic import RegionTargets
from ..engine.service_deployments import ServiceDeployments
from ..engine.zone_records import ZoneRecords
from ..rehearsal.clock import Clock
from .aws_sentences import in_words
from .operator_world import Definitions, ExecutionFailure, TargetEngine
from .region_directory import RegionDirectory
from .target_directory import TargetDirectory

_FAILED = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})


class AwsWorld:
    """`OperatorWorld` by the credentials and the region of this process. Clients are made when they are first used."""

    def __init__(self, region: str | None = None) -> None:
        """Work in `region`; default: in AWS_REGION's, else in what boto3 finds (AWS_DEFAULT_REGION, the profile's).

        boto3 does not read AWS_REGION, which the AWS CLI and every other SDK prefer.
        https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
        """
        chosen = region or os.environ.get("AWS_REGION")
        if chosen:
            import boto3  # noqa: PLC0415

            # Of the process's own session all clients are made, also those of the engine's adapters.
            boto3.setup_default_session(region_name=chosen)

    def targets(self) -> Sequence[str]:
        """Those in Parameter Store."""
        return self._directory.names()

    def engine(self, target: str) -> TargetEngine:
        """By its parameter; the table and the state machine are not asked here."""
        from ..engine.aws import clients  # noqa: PLC0415  # imports boto3

        entry = self._directory.of(target)
        return TargetEngine(
            entry.settings,
            DynamoDbStore(clients.dynamodb(), entry.table, clients.TRANSPORT_ERRORS),
            StepFunctionsExecutions(self._step_functions, entry.state_machine_arn, clients.TRANSPORT_ERRORS),
            has_table=bool(entry.table),
        )

    def rules(self) -> WeightedRules:
        """On Elastic Load Balancing."""
        from ..engine.aws import clients  # noqa: PLC0415

        return AlbWeightedRules(clients.elbv2(), clients.elbv2_writes(), clients.TRANSPORT_ERRORS)

    def deployments(self) -> ServiceDeployments:
        """On Amazon ECS."""
        from ..engine.aws import clients  # noqa: PLC0415
        from ..engine.aws.ecs_deployments import EcsDeployments  # noqa: PLC0415

        return EcsDeployments(clients.service_deployments(), clients.TRANSPORT_ERRORS)

    def definitions(self) -> Definitions:
        """On Amazon ECS."""
        from ..engine.aws import clients  # noqa: PLC0415
        from ..engine.aws.slot_services import EcsSlotServices  # noqa: PLC0415

        return EcsSlotServices(clients.slot_services(), clients.slot_scaling(), clients.TRANSPORT_ERRORS)

    def code_deployments(self) -> CodeDeployments:
        """On AWS CodeDeploy."""
        from ..engine.aws import clients  # noqa: PLC0415
        from ..engine.aws.code_deployments import AwsCodeDeployments  # noqa: PLC0415

        return AwsCodeDeployments(clients.code_deployments(), clients.TRANSPORT_ERRORS)

    def fleet_sides(self) -> FleetSides:
        """On Elastic Load Balancing and Amazon EC2."""
        from ..engine.aws import clients  # noqa: PLC0415
        from ..engine.aws.fleet_sides import AwsFleetSides  # noqa: PLC0415

        return AwsFleetSides(clients.target_health(), clients.instances(), clients.TRANSPORT_ERRORS)

    def stored_objects(self) -> StoredObjects:
        """On Amazon S3."""
        from ..engine.aws import clients  # noqa: PLC0415
        from ..engine.aws.stored_objects import S3Objects  # noqa: PLC0415

        return S3Objects(clients.stored_objects(), clients.TRANSPORT_ERRORS)

    def switches(self) -> Sequence[str]:
        """Those in Parameter Store."""
        return self._regions.names()

    def switch(self, target: str) -> RegionSettings:
        """By its parameter."""
        return self._regions.of(target)

    def zone_records(self) -> ZoneRecords:
        """On Amazon Route 53."""
        from ..engine.aws import clients  # noqa: PLC0415
        from ..engine.aws.route53_records import Route53Records  # noqa: PLC0415

        patience = Patience(lambda: inf, time.sleep, clients.SECONDS_PER_CALL)
        return Route53Records(clients.route53(), patience, clients.TRANSPORT_ERRORS)

    def region_targets(self) -> RegionTargets:
        """On Elastic Load Balancing."""
        return _TargetsOfRegions()

    def caller(self) -> str:
        """One call: GetCallerIdentity, tried once, as an abort does not wait for it.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: it needs no permission.
        """
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        once = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=2, read_timeout=3)
        with aws_failures_in_words():
            return str(boto3.client("sts", config=once).get_caller_identity()["Arn"])

    def failure(self, execution_arn: str) -> ExecutionFailure | None:
        """One call: DescribeExecution."""
        with aws_failures_in_words():
            described = self._step_functions.describe_execution(executionArn=execution_arn)
        if described.get("status") not in _FAILED:
            return None
        return ExecutionFailure(str(described.get("error") or ""), str(described.get("cause") or ""))

    def now(self) -> datetime:
        """By this machine's clock; in a rehearsal by the rehearsal's."""
        return self._clock.now_utc()

    def wait(self, seconds: float) -> None:
        """Sleep; in a rehearsal for rehearsed seconds."""
        time.sleep(self._clock.real_seconds(seconds))

    @cached_property
    def _clock(self) -> Clock:
        return Clock.from_environment(os.environ)

    @cached_property
    def _directory(self) -> TargetDirectory:
        from ..engine.aws import clients  # noqa: PLC0415

        return TargetDirectory(clients.ssm(), clients.TRANSPORT_ERRORS)

    @cached_property
    def _regions(self) -> RegionDirectory:
        from ..engine.aws import clients  # noqa: PLC0415

        return RegionDirectory(clients.ssm(), clients.TRANSPORT_ERRORS)

    @cached_property
    def _step_functions(self) -> StepFunctionsClient:
        from ..engine.aws import clients  # noqa: PLC0415

        return clients.step_functions()


class _TargetsOfRegions:
    """`RegionTargets` with a client for each region."""

    def targets(self, region: str, group_arn: str) -> TargetsSeen:
        """One call: DescribeTargetHealth."""
        from ..engine.aws import clients  # noqa: PLC0415

        client = clients.elbv2_in(region)
        return AlbWeightedRules(client, client, clients.TRANSPORT_ERRORS).targets(group_arn)


@contextmanager
def aws_failures_in_words() -> Iterator[None]:
    """What boto3 raises within the block, and what adapters raise for it, becomes an `AwsError` of one sentence."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError("this verb needs boto3: pip install 'bluegreen-constructs[cli]'") from None
    try:
        yield
    except (AwsError, BotoCoreError, ClientError) as error:
        raise AwsError(in_words(str(error))) from error
