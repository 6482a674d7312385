"""The deliveries of the application: which environments an image goes through, in which order, and who is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from bluegreen_constructs.engine.errors import ConfigurationError

Shipped: TypeAlias = Literal["service", "canary", "slots"]
"""What of an environment gets the release: the service by CloudFormation, the canary and the slots by the engine."""

Updated: TypeAlias = Literal["network", "canary", "slots"]
"""What of an environment has a template without a release."""

_ALL: tuple[Updated, ...] = ("network", "canary", "slots")


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One stage of a delivery.

    environment: whose stacks. ships: which of them get the release, in this order.
    updates: stacks whose templates are deployed before, without a release (default: none); no traffic moves by that.
    approved_by: who is asked before (default: nobody). window: when it may begin, as `DeployWindow` has it (default:
        always). bake: how long the service's alarms are watched afterwards (default: no time).
    """

    name: str
    environment: str
    ships: tuple[Shipped, ...]
    updates: tuple[Updated, ...] = ()
    approved_by: str | None = None
    window: str | None = None
    bake: timedelta | None = None

    def __post_init__(self) -> None:
        """Refuse a bake without the service whose alarms it watches."""
        if self.bake is not None and "service" not in self.ships:
            raise ConfigurationError(
                f"stop {self.name} bakes and ships no service, whose alarms it would watch: leave bake out"
            )


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One pipeline. It is in the account and region of its environments; `name` ends the names of its stack.

    repository: of the images that are pushed. code: the CodeCommit repository with this application.
    """

    name: str
    stops: tuple[Stop, ...]
    repository: str = "inference"
    code: str = "bluegreen-delivery"
    branch: str = "main"


DELIVERIES: Mapping[str, Delivery] = {
    "delivery": Delivery(
        name="delivery",
        stops=(
            Stop(name="Dev", environment="dev", updates=_ALL, ships=("service", "canary", "slots")),
            Stop(name="Staging", environment="staging", updates=_ALL, ships=("service", "canary", "slots")),
            Stop(
                name="Prod",
                environment="prod",
                updates=_ALL,
                ships=("service", "canary", "slots"),
                approved_by="release manager",
                window="* * 9-16 ? * MON-THU",
                bake=timedelta(minutes=30),
            ),
        ),
    ),
    # What the rehearsal's scenarios pipeline-good and pipeline-bad run: two stages within the one emulated account.
    "rehearsal-delivery": Delivery(
        name="rehearsal",
        stops=(
            Stop(name="Staging", environment="rehearsal", ships=("service",)),
            Stop(name="Prod", environment="rehearsal", ships=("canary",), approved_by="release manager"),
        ),
    ),
}
