"""An operator's world with one switch across regions: a Route 53 in memory, and targets by their group."""

from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError

from bluegreen_constructs.engine.aws.route53_records import Route53Records
from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.patience import Patience
from bluegreen_constructs.engine.ports import TargetsSeen
from bluegreen_constructs.engine.record_mark import RecordMark, owner_of
from bluegreen_constructs.engine.region_settings import RegionPlace, RegionSettings
from bluegreen_constructs.engine.target_settings import SIDES
from bluegreen_constructs.engine.weighted_records import AliasTo, WeightedRecords, created, found
from tests.engine.fake_route53 import FakeRoute53

NAME, TARGET = "shop.example.com", "Dns/Shop"
GROUPS = {"blue": ("blue-1", "blue-2"), "green": ("green-1",)}
REGIONS = {"blue": "eu-west-1", "green": "eu-central-1"}
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class OperatedRegions:
    """`OperatorWorld`, as far as the verbs of regions need it."""

    def __init__(self) -> None:
        self.dns = FakeRoute53()
        targets = {side: AliasTo(f"{side}.elb.amazonaws.com", "Z9", f"check-{side}") for side in SIDES}
        batch = created(NAME, RecordMark(owner_of("stack", "Shop"), 1, "blue"), targets)
        self.dns.change_resource_record_sets(HostedZoneId="Z1", ChangeBatch={"Changes": batch})
        self.dns.calls.clear()
        self.healthy = {"blue-1": 0, "blue-2": 10, "green-1": 10}
        self.asked: list[tuple[str, str]] = []
        self.down: set[str] = set()
        self.names = [TARGET]
        self.is_ssm_down = False
        self.registered: dict[str, int] = {}  # where it is not what is healthy
        self.time = NOW

    def switches(self) -> list[str]:
        self._read_parameters()
        return sorted(self.names)

    def switch(self, target: str) -> RegionSettings:
        self._read_parameters()
        if target not in self.names:
            raise ConfigurationError(f"there is no switch across regions {target!r}")
        places = {side: RegionPlace(REGIONS[side], GROUPS[side]) for side in SIDES}
        return RegionSettings(target, "Z1", NAME, places)

    def zone_records(self) -> Route53Records:
        return Route53Records(self.dns, Patience(lambda: 900.0, lambda _seconds: None, 45), (BotoCoreError,))

    def region_targets(self) -> "OperatedRegions":
        return self

    def targets(self, region: str, group_arn: str) -> TargetsSeen:
        self.asked.append((region, group_arn))
        if region in self.down:
            raise AwsError(f'Could not connect to the endpoint URL: "https://elasticloadbalancing.{region}"')
        return TargetsSeen(self.healthy[group_arn], self.registered.get(group_arn, self.healthy[group_arn]))

    def now(self) -> datetime:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    # What tests look at

    def records(self) -> WeightedRecords:
        seen = found(list(self.dns.sets.values()), NAME)
        assert seen is not None
        return seen

    @property
    def shares(self) -> tuple[float, float]:
        """Blue's and green's."""
        records = self.records()
        return records.share("blue"), records.share("green")

    @property
    def writes(self) -> int:
        return len(self.dns.writes())

    def _read_parameters(self) -> None:
        if self.is_ssm_down:
            raise AwsError('Could not connect to the endpoint URL: "https://ssm.eu-west-1.amazonaws.com/"')
