"""The instances of a fleet that AWS CodeDeploy deploys to, its target group and its bucket, in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bluegreen_constructs.engine.fleet_sides import InstanceSeen
from tests.cli.code_deployed import TARGET


@dataclass
class Fleet:
    """`FleetSides`: two instances of each side, of which nothing is registered at first."""

    known: list[InstanceSeen] = field(
        default_factory=lambda: [InstanceSeen(f"i-{side}{n}", side) for side in ("blue", "green") for n in (1, 2)]
    )
    targets: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def has(self, **counts: int) -> None:
        """So many running instances of each side; what is registered stays so."""
        self.known = [InstanceSeen(f"i-{side}{n}", side) for side, many in counts.items() for n in range(1, many + 1)]

    def serves(self, *sides: str) -> None:
        """All instances of these sides are registered, and no others."""
        self.targets = {one.id: "healthy" for one in self.known if one.side in sides}

    # FleetSides

    def registered(self, group_arn: str) -> Mapping[str, str]:
        self.asked.append(group_arn)
        return dict(self.targets)

    def instances(self, fleet: str) -> Sequence[InstanceSeen]:
        assert fleet == TARGET
        return tuple(self.known)


@dataclass
class Stored:
    """`StoredObjects`: everything is there but what is `missing`."""

    missing: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def is_stored(self, bucket: str, key: str) -> bool:
        self.asked.append(f"s3://{bucket}/{key}")
        return key not in self.missing
