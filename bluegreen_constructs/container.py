"""Container: the application's container, as EcsBlueGreenService runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from aws_cdk import aws_ecs as ecs

from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
FARGATE_MEMORY_MIB: Mapping[int, range | tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}
LONGEST_FARGATE_STOP = timedelta(seconds=120)


@dataclass(frozen=True)
class Container:
    """The application's container.

    image: what to run; give a tag that is never moved, or a digest (`ContainerImage.from_ecr_repository(repository,
        "sha256:...")`): a rollback can only go back to what the name still means.
    port: the port it listens on.
    cpu: in 1/1024 of a vCPU (default 256). memory_mib: in MiB (default 512). On Fargate only its combinations.
    gpus: how many GPUs a task takes (default 0); Fargate has none, so it needs `Tasks(capacity=Capacity.ec2(...))`.
    environment: plain settings; a change starts a rollout. Secrets go to `secrets`.
    secrets: name to `ecs.Secret`; pinned to a version when the value names one, read when a task starts.
    command: what to run instead of the image's own command (default: the image's).
    stop_timeout: between SIGTERM and SIGKILL (default 30 s, at most 120 s, as on Fargate). When it ends, requests and
        streams still in flight are cut; it has to cover the longest one after draining.
    architecture: the image's processor architecture (default x86-64); on EC2 the instances have theirs.

    Raises ConfigurationError for a port that is none, a name in both environment and secrets, or a stop time-out over
    120 s; the service refuses a pair of CPU and memory that Fargate does not have.
    """

    image: ecs.ContainerImage
    port: int
    cpu: int = 256
    memory_mib: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, ecs.Secret] = field(default_factory=dict)
    command: Sequence[str] | None = None
    stop_timeout: Span = timedelta(seconds=30)
    architecture: ecs.CpuArchitecture | None = None
    gpus: int = 0

    def __post_init__(self) -> None:
        """Refuse at synth what ECS would refuse at deploy."""
        if not 1 <= self.port <= 65535:
            raise ConfigurationError(f"Container port is {self.port}: give a port between 1 and 65535")
        if self.gpus < 0:
            raise ConfigurationError(f"Container gpus is {self.gpus}: give 0 or more")
        both = self.environment.keys() & self.secrets.keys()
        if both:
            raise ConfigurationError(
                f"Container names {', '.join(sorted(both))} in both environment and secrets: keep it in one of them"
            )
        stop = as_timedelta(self.stop_timeout, "Container stop_timeout")
        if stop > LONGEST_FARGATE_STOP:
            raise ConfigurationError(f"Container stop_timeout is {stop}: Fargate allows at most 120 s")
        object.__setattr__(self, "stop_timeout", stop)

    def refuse_on_fargate(self) -> None:
        """Raise ConfigurationError for what Fargate does not have."""
        if self.gpus:
            raise ConfigurationError(
                f"Container gpus is {self.gpus}: Fargate has no GPUs, give Tasks(capacity=Capacity.ec2(...)) with a "
                "capacity provider of GPU instances"
            )
        refuse_fargate_size("Container", self.cpu, self.memory_mib)

    @property
    def stop_seconds(self) -> int:
        """The stop time-out in seconds."""
        return round(as_timedelta(self.stop_timeout, "Container stop_timeout").total_seconds())


def refuse_fargate_size(what: str, cpu: int, memory_mib: int) -> None:
    """Raise ConfigurationError, which names `what`, for a pair of CPU and memory that Fargate does not have."""
    allowed = FARGATE_MEMORY_MIB.get(cpu)
    if allowed is None:
        raise ConfigurationError(
            f"{what} cpu is {cpu}: Fargate has {', '.join(str(known) for known in FARGATE_MEMORY_MIB)}"
        )
    if memory_mib not in allowed:
        raise ConfigurationError(f"{what} memory_mib is {memory_mib} with cpu {cpu}: Fargate allows {_listed(allowed)}")


def _listed(allowed: range | tuple[int, ...]) -> str:
    if isinstance(allowed, range):
        return f"{allowed.start} to {allowed[-1]} in steps of {allowed.step}"
    return ", ".join(str(size) for size in allowed)
