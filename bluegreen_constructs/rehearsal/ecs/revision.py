"""Service revisions: what a deployment deploys, immutable once made (API reference of ServiceRevision)."""

from collections.abc import Mapping
from dataclasses import dataclass

from .deployment_plan import mapping, mappings

# UpdateService's reference says of each of these "This parameter triggers a new service deployment".
DEPLOYED_PARAMETERS = (
    "taskDefinition",
    "networkConfiguration",
    "loadBalancers",
    "platformVersion",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)
# Part of a revision, but changing it alone deploys nothing.
KEPT_PARAMETERS = ("launchType", "capacityProviderStrategy", "platformFamily")


@dataclass(frozen=True, slots=True)
class Ingress:
    """One load balancer of a service: its two groups and the rules that choose between them.

    `alternate`, `production_rule` and `test_rule` are "" for a service that is replaced in place.
    """

    group: str
    container: str
    port: int
    alternate: str = ""
    production_rule: str = ""
    test_rule: str = ""

    def other(self, group: str) -> str:
        """The other side's target group."""
        return self.alternate if group == self.group else self.group


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision, or what a task set runs.

    `groups`: for each load balancer of the service the target group its tasks are registered in. `home`: of a task
    set, the target group that its service was made with.
    """

    arn: str
    service_arn: str
    cluster_arn: str
    configuration: Mapping[str, object]
    groups: tuple[str, ...] = ()
    created_at: float = 0.0
    home: str = ""

    @property
    def task_definition(self) -> str:
        """The task definition's ARN."""
        return str(self.configuration.get("taskDefinition", ""))

    @property
    def service_name(self) -> str:
        """The service's name, the last part of its ARN."""
        return self.service_arn.rpartition("/")[2]

    @property
    def ingresses(self) -> tuple[Ingress, ...]:
        """The load balancers that the tasks stand behind (Classic Load Balancers are not played)."""
        return ingresses(self.configuration)

    @property
    def side(self) -> str:
        """blue: the service's own target group; green: the alternate one; "" without two sides."""
        first = next(iter(self.ingresses), None)
        if self.home and self.groups:
            return "blue" if self.groups[0] == self.home else "green"
        if first is None or not first.alternate or not self.groups:
            return ""
        return "blue" if self.groups[0] == first.group else "green"


def ingresses(configuration: Mapping[str, object]) -> tuple[Ingress, ...]:
    """The `loadBalancers` of a service or revision."""
    found: list[Ingress] = []
    for balancer in mappings(configuration.get("loadBalancers")):
        group = str(balancer.get("targetGroupArn") or "")
        if not group:
            continue
        advanced = mapping(balancer.get("advancedConfiguration"))
        found.append(
            Ingress(
                group=group,
                container=str(balancer.get("containerName", "")),
                port=int(str(balancer.get("containerPort", 80))),
                alternate=str(advanced.get("alternateTargetGroupArn") or ""),
                production_rule=str(advanced.get("productionListenerRule") or ""),
                test_rule=str(advanced.get("testListenerRule") or ""),
            )
        )
    return tuple(found)


def deployed_part(service: Mapping[str, object]) -> dict[str, object]:
    """What of a service makes its revision."""
    return {name: service[name] for name in (*DEPLOYED_PARAMETERS, *KEPT_PARAMETERS) if service.get(name)}


def is_same_release(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether going from one configuration to the other needs no deployment."""
    return all((one.get(name) or None) == (other.get(name) or None) for name in DEPLOYED_PARAMETERS)
