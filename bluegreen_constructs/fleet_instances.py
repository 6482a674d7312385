"""FleetInstances: what the instances of a fleet are: image, types, disk, what starts on them, Spot, a warm pool."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aws_cdk import aws_ec2 as ec2

from .engine.errors import ConfigurationError
from .engine.warm_pool import WarmPool
from .release_artefact import Artefact

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms

_LARGEST_DISK = 65_536  # GiB of a gp3 volume: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html
_EMPTY = {"<powershell>", "</powershell>", "<powershell></powershell>"}


@dataclass(frozen=True)
class Spot:
    """Spot instances beside those on demand.

    on_demand: how many instances of a side are on demand before there is any on Spot (default 1).
    percent: of the instances above that, how many are on demand, in percent (default 0: all others are on Spot).

    AWS takes a Spot instance back with two minutes' notice; the load balancer drains it for as long as `Ingress(drain)`
    says. Raises ConfigurationError for a number that is none.
    """

    on_demand: int = 1
    percent: int = 0

    def __post_init__(self) -> None:
        """Refuse what Auto Scaling would refuse."""
        if self.on_demand < 0:
            raise ConfigurationError(f"Spot on_demand is {self.on_demand}: give 0 or more instances")
        if not 0 <= self.percent <= 100:
            raise ConfigurationError(f"Spot percent is {self.percent}: give 0 to 100 percent on demand")


@dataclass(frozen=True)
class FleetInstances:
    """What every instance of both sides is.

    image: the AMI: an id that does not move, or a parameter of Parameter Store that a deploy reads. One that each
        launch reads again (`resolve_ssm_parameter_at_launch`) needs a version, or it would put another image under
        users without a rollout.
    types: the instance types, the preferred one first, GPU types among them; with more than one, or with `spot`, a side
        is launched of whichever AWS has. All of one processor architecture, the image's.
    port: where the service listens (default 8080).
    artefact: releases as archives in S3, named with `bluegreen start --release NAME`; or
    user_data: what starts the service, where a release is an AMI (`bluegreen start --release NAME --image ami-…`) or a
        version of the launch template (`--release 7`).
    disk_gib: the root volume in GiB (default 30); root_device: its name in the image (default `/dev/xvda`, as Amazon
        Linux has it).
    disk_key: what encrypts it (default: the account's key for EBS). A symmetric key of yours needs a policy, or a
        grant, that lets Auto Scaling's service-linked role (AWSServiceRoleForAutoScaling) use it and make grants of it;
        without that no instance starts, and nothing here writes it.
        https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
    subnets: where the instances are (default: private subnets).
    spot: Spot instances (default: none). warm_pool: booted instances in reserve, for servers that take minutes to load
        a model (default: none), also of several types on demand; not with Spot, and not hibernated. Its most_prepared
        is its minimum unless it says more. With an artefact no instance is stopped before its release listens; with
        user_data that does anything the state has to be "Running". A release never comes out of a pool that holds
        another one.

    Instances answer IMDSv2 only, and have a role with nothing in it but what the artefact needs; grant more to `role`
    of the fleet. Raises ConfigurationError for what EC2 or Auto Scaling would refuse, or for what would reach users
    without a rollout.
    """

    image: ec2.IMachineImage
    types: Sequence[str]
    port: int = 8080
    artefact: Artefact | None = None
    user_data: ec2.UserData | None = None
    disk_gib: int = 30
    disk_key: "kms.IKey | None" = None
    root_device: str = "/dev/xvda"
    subnets: ec2.SubnetSelection | None = None
    spot: Spot | None = None
    warm_pool: WarmPool | None = None

    def __post_init__(self) -> None:
        """Refuse at synth what would fail hours later, or be noticed by users first."""
        if isinstance(self.types, str) or not self.types:
            raise ConfigurationError(
                f"FleetInstances types is {self.types!r}: give a list with at least one, such as ['g5.xlarge']"
            )
        self._refuse_architectures()
        if not 1 <= self.port <= 65_535:
            raise ConfigurationError(f"FleetInstances port is {self.port}: give a port between 1 and 65535")
        if (self.artefact is None) is (self.user_data is None):
            given = "neither artefact nor user_data" if self.artefact is None else "both artefact and user_data"
            raise ConfigurationError(
                f"FleetInstances has {given}: give artefact=Artefact(…) for releases in S3, or user_data for releases "
                "that are images"
            )
        if not 1 <= self.disk_gib <= _LARGEST_DISK:
            raise ConfigurationError(f"FleetInstances disk_gib is {self.disk_gib}: give 1 to {_LARGEST_DISK} GiB")
        if self.warm_pool is not None:
            self._refuse_pool(self.warm_pool)

    @property
    def is_mixed(self) -> bool:
        """Whether a side is launched of more than one type, or partly on Spot."""
        return len(self.types) > 1 or self.spot is not None

    @property
    def pool(self) -> WarmPool | None:
        """The warm pool of each side. Unless it says otherwise it always has its minimum, whatever the side runs.

        AWS's own default would let the pool of the side out of use, which runs nothing, have as many instances as the
        group may have at all.
        """
        pool = self.warm_pool
        if pool is None or pool.most_prepared is not None:
            return pool
        return replace(pool, most_prepared=pool.minimum)

    @property
    def is_stopped_in_pool(self) -> bool:
        """Whether an instance with an artefact waits stopped, so that its release has to have started before.

        Running instances go on with what they do in the pool, and come out of it without another boot.
        """
        return self.artefact is not None and self.pool is not None and self.pool.state != "Running"

    def refuse_interrupted(self) -> None:
        """Raise ConfigurationError for user data that the warm pool would cut off; a script may grow until synth."""
        if self.user_data is None or self.warm_pool is None or self.warm_pool.state == "Running":
            return
        if _does_something(self.user_data):
            # https://docs.aws.amazon.com/autoscaling/ec2/userguide/warm-pool-instance-lifecycle.html
            raise ConfigurationError(
                f"FleetInstances has user_data and a warm pool with the state {self.warm_pool.state}: Auto Scaling "
                "stops what enters the pool without waiting for its user data, which does not run again, so give "
                "WarmPool(state='Running') or an Artefact, or have everything in the image and the user data empty"
            )

    def _refuse_architectures(self) -> None:
        found: dict[str, str] = {}
        for name in self.types:
            try:
                found[ec2.InstanceType(name).architecture.value] = name
            except RuntimeError:
                raise ConfigurationError(
                    f"FleetInstances has the type {name!r}: give instance types, such as 'g5.xlarge'"
                ) from None
        if len(found) > 1:
            raise ConfigurationError(
                f"FleetInstances has types of different processor architectures ({', '.join(found.values())}), and one "
                "image: give types of the image's architecture"
            )

    def _refuse_pool(self, pool: WarmPool) -> None:
        if self.spot is not None:
            # Under "Limitations"; several types on demand are allowed there, where they have no weights.
            # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-warm-pools.html
            raise ConfigurationError(
                "FleetInstances has a warm pool together with Spot, for which Auto Scaling has none: leave one of them "
                "out"
            )
        if pool.state == "Hibernated":
            # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hibernating-prerequisites.html
            raise ConfigurationError(
                "FleetInstances has a warm pool with the state Hibernated, for which image, type and disk have to be "
                "made: use Stopped or Running"
            )
        if pool.minimum < 1:
            raise ConfigurationError(f"FleetInstances has a warm pool with minimum {pool.minimum}: give 1 or more")
        if pool.most_prepared is not None and pool.most_prepared < pool.minimum:
            raise ConfigurationError(
                f"FleetInstances has a warm pool with minimum {pool.minimum} and most_prepared {pool.most_prepared}: "
                f"give most_prepared {pool.minimum} or more, or leave it out"
            )
        self.refuse_interrupted()


def _does_something(user_data: ec2.UserData) -> bool:
    """Whether there is more in it than the shell's name, or PowerShell's tags."""
    lines = (line.strip() for line in user_data.render().splitlines())
    return any(line and not line.startswith("#!") and line not in _EMPTY for line in lines)
