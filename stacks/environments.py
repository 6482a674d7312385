"""The environments the application can be deployed to: frozen values, chosen by `-c environment=...`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.strategy import AllAtOnce, Canary, Linear, Step, Steps, Strategy
from bluegreen_constructs.planning.expected_traffic import ExpectedTraffic
from bluegreen_constructs.rollout_limits import RolloutLimits


@dataclass(frozen=True, kw_only=True)
class NewNetwork:
    """A VPC of our own over two or three zones (the region's first ones, as the account sees them at deploy).

    egress: how private tasks reach AWS: "nat" (a gateway in each zone, tasks reach the internet), or "endpoints"
        (interface endpoints for what a private Fargate service needs; the subnets have no way to the internet).
    """

    cidr: str = "10.20.0.0/16"
    zones: int = 2
    egress: Literal["nat", "endpoints"] = "nat"

    def __post_init__(self) -> None:
        """Refuse a network that cannot hold a load balancer."""
        if not 2 <= self.zones <= 3:
            raise ConfigurationError(
                f"NewNetwork zones is {self.zones}: a load balancer needs subnets in two zones, give 2 or 3"
            )


@dataclass(frozen=True, kw_only=True)
class ExistingNetwork:
    """A VPC that exists, described instead of looked up, so that synth needs no credentials.

    A default VPC is one with public subnets only: leave `private_subnets` out, and tasks get public addresses.
    egress: whether the private subnets reach AWS ("nat" or "endpoints"); "none" is refused, tasks could not start.
    """

    vpc_id: str
    cidr: str
    zones: tuple[str, ...]
    public_subnets: tuple[str, ...] = ()
    private_subnets: tuple[str, ...] = ()
    egress: Literal["nat", "endpoints", "none"] = "nat"

    def __post_init__(self) -> None:
        """Refuse a network that cannot hold a load balancer, or in which tasks could not start."""
        if len(set(self.zones)) < 2:
            raise ConfigurationError(
                f"ExistingNetwork {self.vpc_id} has the zone {', '.join(self.zones) or 'none'}: an Application Load "
                "Balancer needs subnets in two zones or more"
            )
        for name, subnets in (("public_subnets", self.public_subnets), ("private_subnets", self.private_subnets)):
            if subnets and len(subnets) != len(self.zones):
                raise ConfigurationError(
                    f"ExistingNetwork {self.vpc_id} has {len(subnets)} {name} for {len(self.zones)} zones: "
                    "give one for each zone, in the order of zones"
                )
        if not self.public_subnets and not self.private_subnets:
            raise ConfigurationError(
                f"ExistingNetwork {self.vpc_id} has no subnets: give public_subnets or private_subnets"
            )
        if self.private_subnets and self.egress == "none":
            raise ConfigurationError(
                f"ExistingNetwork {self.vpc_id} has private subnets without a gateway or endpoints: tasks there cannot "
                "pull their image, add a NAT gateway or interface endpoints and say which with egress="
            )


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """How the sample inference service runs in an environment.

    traffic: what the plan of its comparison is checked against, in a quiet hour (default: alarms judge alone).
    """

    repository: str = "inference"
    tasks: int = 2
    most_tasks: int = 4
    requests_per_target: int = 3000
    cpu: int = 512
    memory_mib: int = 1024
    strategy: AllAtOnce | Canary | Linear = field(default_factory=lambda: Canary(percent=10, bake=timedelta(minutes=5)))
    bake: timedelta = timedelta(minutes=10)
    requests_floor: int = 20
    traffic: ExpectedTraffic | None = None
    host: str | None = None
    certificate_arn: str | None = None
    internet_facing: bool = True
    plain_http: bool = False


@dataclass(frozen=True, kw_only=True)
class CanarySettings:
    """How the sample inference service runs in an environment when the engine moves its traffic.

    first_release: what both sides run when the stack is made; from then on releases come with `bluegreen start`, and no
        stack update names one.
    traffic, slow_rate, unsure_rate: what the plan is checked against: a quiet hour's requests and errors, live's
        requests that take longer than `slo`, per request, and its unsure predictions among all.
    negligible: a rate of bad events that is not worth a question (default: there is none, a release is promoted on
        bad events alone).
    limits: of a rollout (default: the construct's).
    """

    repository: str = "inference"
    first_release: str = "1.0.0"
    tasks: int = 2
    most_tasks: int = 4
    cpu: int = 512
    memory_mib: int = 1024
    strategy: Strategy = field(
        default_factory=lambda: Steps(
            [
                Step(1, timedelta(minutes=5)),
                Step(10, timedelta(minutes=20)),
                Step(50, timedelta(minutes=30)),
            ]
        )
    )
    bake: timedelta = timedelta(minutes=15)
    slo: timedelta = timedelta(milliseconds=800)
    slow_rate: float = 0.02
    unsure_rate: float = 0.05
    negligible: float | None = None
    traffic: ExpectedTraffic = field(default_factory=lambda: ExpectedTraffic(requests_per_second=50, error_rate=0.002))
    limits: RolloutLimits | None = None
    host: str | None = None
    certificate_arn: str | None = None
    internet_facing: bool = True
    plain_http: bool = False


@dataclass(frozen=True, kw_only=True)
class AppSlots:
    """How the sample inference service runs in an environment as an application with the slots production and staging.

    first_release: what both slots run when the stack is made; from then on releases come with `bluegreen slots deploy`
        and `slots swap`, and no stack update names one.
    tasks, most_tasks: of production; staging runs one, and as many as production while it is swapped.
    success_percent: the share of good answers below which a swap goes back in its bake.
    host: production's; staging is beside it, `inference-staging.internal`. A certificate is for both.
    """

    repository: str = "inference"
    first_release: str = "1.0.0"
    tasks: int = 2
    most_tasks: int = 4
    cpu_percent: float = 60
    cpu: int = 512
    memory_mib: int = 1024
    bake: timedelta = timedelta(minutes=15)
    success_percent: float = 99
    requests_floor: int = 20
    host: str = "inference.internal"
    certificate_arn: str | None = None
    internet_facing: bool = True
    plain_http: bool = False


@dataclass(frozen=True, kw_only=True)
class FleetSettings:
    """How the sample inference service runs in an environment on EC2 instances.

    bucket: where its releases lie (default: `inference-releases-<account>-<region>`). first_release: what both sides
        run when the stack is made; from then on releases come with `bluegreen start`.
    types: the instance types, the preferred one first. boot: how long an instance may take to serve.
    traffic, negligible: as of `CanarySettings`. limits: of a rollout; by default the former side stays for a day.
    """

    bucket: str | None = None
    first_release: str = "1.0.0"
    types: tuple[str, ...] = ("m7i.large",)
    instances: int = 2
    most_instances: int = 4
    cpu_percent: float = 60
    boot: timedelta = timedelta(minutes=5)
    strategy: Strategy = field(
        default_factory=lambda: Steps([Step(10, timedelta(minutes=20)), Step(50, timedelta(minutes=30))])
    )
    bake: timedelta = timedelta(minutes=15)
    negligible: float | None = None
    traffic: ExpectedTraffic = field(default_factory=lambda: ExpectedTraffic(requests_per_second=50, error_rate=0.002))
    limits: RolloutLimits | None = field(default_factory=lambda: RolloutLimits(keep=timedelta(days=1)))
    host: str | None = None
    certificate_arn: str | None = None
    internet_facing: bool = True
    plain_http: bool = False


@dataclass(frozen=True, kw_only=True)
class KubernetesSettings:
    """How the sample inference service runs in an environment in an EKS cluster.

    version: Kubernetes' minor version. cpu: what a pod asks for. cpu_percent: of that, what pods should use on average.
    strategy: in whole percents; each step is judged for at least three minutes.
    """

    repository: str = "inference"
    version: str = "1.36"
    pods: int = 2
    most_pods: int = 4
    cpu: str = "500m"
    cpu_percent: float = 60
    memory_mib: int = 1024
    strategy: AllAtOnce | Canary | Linear | Steps = field(
        default_factory=lambda: Steps([Step(10, timedelta(minutes=10)), Step(50, timedelta(minutes=10))])
    )
    bake: timedelta = timedelta(minutes=15)
    requests_floor: int = 20
    host: str | None = None
    certificate_arn: str | None = None
    internet_facing: bool = True
    plain_http: bool = False


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One place the application is deployed to.

    account: left open (None) it is whatever account the credentials of `cdk deploy` belong to.
    qualifier: of the CDK bootstrap, when it is not CDK's default one.
    kubernetes: the service in an EKS cluster of its own (default: none is made, a cluster costs by the hour).
    permissions_boundary: name of the managed policy that bounds every role. role_path: the path of every role, for
        accounts that only allow roles under one.
    access_logs: whether the load balancer's access logs are kept in a bucket of the network stack.
    """

    name: str
    region: str
    account: str | None = None
    network: NewNetwork | ExistingNetwork = field(default_factory=NewNetwork)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    canary: CanarySettings = field(default_factory=CanarySettings)
    slots: AppSlots = field(default_factory=AppSlots)
    fleet: FleetSettings = field(default_factory=FleetSettings)
    kubernetes: KubernetesSettings | None = None
    qualifier: str | None = None
    permissions_boundary: str | None = None
    role_path: str | None = None
    protected: bool = False
    access_logs: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a role path that IAM would refuse."""
        if self.role_path is not None and not (self.role_path.startswith("/") and self.role_path.endswith("/")):
            raise ConfigurationError(
                f"environment {self.name} has role_path {self.role_path!r}: start and end it with /, as in '/delivery/'"
            )


ENVIRONMENTS: Mapping[str, Environment] = {
    environment.name: environment
    for environment in (
        # What `make demo` deploys into the emulator: one machine, no certificate, small tasks.
        Environment(
            name="rehearsal",
            region="us-east-1",
            account="123456789012",
            # A rehearsed minute is short, so it holds few requests: the alarms' floor is sized for that.
            service=ServiceSettings(cpu=256, memory_mib=512, requests_floor=5, plain_http=True),
            # Sized for scenarios of half a real minute: a good release is shown to be one by requests that do not fail,
            # and a step need not be longer than the two or three minutes until CloudWatch knows of it.
            canary=CanarySettings(
                cpu=256,
                memory_mib=512,
                plain_http=True,
                strategy=Steps([Step(10, timedelta(minutes=2)), Step(50, timedelta(minutes=2))]),
                bake=timedelta(minutes=2),
                traffic=ExpectedTraffic(requests_per_second=2, error_rate=0.0),
                slow_rate=0.0,
                unsure_rate=0.0,
                negligible=0.1,
                limits=RolloutLimits(patience=timedelta(minutes=2)),
            ),
            slots=AppSlots(
                cpu=256,
                memory_mib=512,
                bake=timedelta(minutes=2),
                success_percent=95,
                requests_floor=5,
                host="inference.test",
                plain_http=True,
            ),
            fleet=FleetSettings(types=("t3.small",), plain_http=True, limits=None),
        ),
        Environment(
            name="dev",
            region="eu-west-1",
            network=NewNetwork(egress="endpoints"),
            service=ServiceSettings(
                internet_facing=False, strategy=Canary(percent=50, bake=timedelta(minutes=3)), bake=timedelta(minutes=5)
            ),
            canary=CanarySettings(internet_facing=False, bake=timedelta(minutes=5)),
            slots=AppSlots(host="inference.dev.internal", internet_facing=False, bake=timedelta(minutes=5)),
            fleet=FleetSettings(types=("t3.medium",), internet_facing=False, bake=timedelta(minutes=5)),
        ),
        # As production, and small: what is found here is not found there.
        Environment(
            name="staging",
            region="eu-west-1",
            network=NewNetwork(cidr="10.30.0.0/16"),
            service=ServiceSettings(
                internet_facing=False, strategy=Canary(percent=10, bake=timedelta(minutes=5)), bake=timedelta(minutes=5)
            ),
            canary=CanarySettings(internet_facing=False, bake=timedelta(minutes=5)),
            slots=AppSlots(host="inference.staging.internal", internet_facing=False, bake=timedelta(minutes=5)),
            fleet=FleetSettings(types=("t3.medium",), internet_facing=False, bake=timedelta(minutes=5)),
        ),
        Environment(
            name="prod",
            region="eu-west-1",
            network=NewNetwork(zones=3),
            # Inside the VPC until the certificate of its public name is entered here.
            service=ServiceSettings(
                tasks=3,
                most_tasks=24,
                cpu=1024,
                memory_mib=2048,
                internet_facing=False,
                traffic=ExpectedTraffic(requests_per_second=50, error_rate=0.002),
            ),
            canary=CanarySettings(tasks=3, most_tasks=24, cpu=1024, memory_mib=2048, internet_facing=False),
            slots=AppSlots(
                tasks=3,
                most_tasks=24,
                cpu=1024,
                memory_mib=2048,
                host="inference.prod.internal",
                internet_facing=False,
            ),
            fleet=FleetSettings(instances=3, most_instances=24, internet_facing=False),
            kubernetes=KubernetesSettings(pods=3, most_pods=24, internet_facing=False),
            protected=True,
        ),
    )
}


def chosen(name: object, others: Iterable[str] = ()) -> Environment:
    """The environment with that name; raises ConfigurationError with the list of names, `others` too, for any other."""
    if isinstance(name, str) and name in ENVIRONMENTS:
        return ENVIRONMENTS[name]
    said = f"the environment is {name!r}" if name else "no environment is given"
    raise ConfigurationError(f"{said}: choose one of {', '.join((*ENVIRONMENTS, *others))}, with -c environment=dev")
