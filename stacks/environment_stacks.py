"""The stacks of one environment, made and named."""

from dataclasses import dataclass

import aws_cdk as cdk

from .canary_stack import CanaryStack
from .eks_stack import EksStack
from .environments import Environment
from .fleet_stack import FleetStack
from .network_stack import NetworkStack
from .service_stack import ServiceStack
from .slots_stack import SlotsStack


@dataclass(frozen=True)
class EnvironmentStacks:
    """What an environment consists of; `kubernetes` only where it has a cluster."""

    place: Environment
    network: NetworkStack
    service: ServiceStack
    canary: CanaryStack
    slots: SlotsStack
    fleet: FleetStack
    kubernetes: EksStack | None

    @staticmethod
    def of(app: cdk.App, place: Environment, *, release: str | None) -> "EnvironmentStacks":
        """Make them. release: an image's tag or digest (None: the service stack keeps it, a pipeline gives it)."""
        env = cdk.Environment(account=place.account, region=place.region)
        network = NetworkStack(app, f"BlueGreenNetwork-{place.name}", environment=place, env=env)
        service = ServiceStack(
            app, f"BlueGreenService-{place.name}", environment=place, network=network, release=release, env=env
        )
        canary = CanaryStack(app, f"BlueGreenCanary-{place.name}", environment=place, network=network, env=env)
        slots = SlotsStack(app, f"BlueGreenSlots-{place.name}", environment=place, network=network, env=env)
        fleet = FleetStack(app, f"BlueGreenFleet-{place.name}", environment=place, network=network, env=env)
        kubernetes = None
        if place.kubernetes is not None:
            kubernetes = EksStack(
                app,
                f"BlueGreenEks-{place.name}",
                environment=place,
                settings=place.kubernetes,
                network=network,
                release=release,
                env=env,
            )
        return EnvironmentStacks(place, network, service, canary, slots, fleet, kubernetes)

    def all(self) -> list[cdk.Stack]:
        """Every stack, in order of deployment."""
        made: list[cdk.Stack] = [self.network, self.service, self.canary, self.slots, self.fleet]
        return made if self.kubernetes is None else [*made, self.kubernetes]
