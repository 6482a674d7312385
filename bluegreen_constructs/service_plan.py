"""Plan: the size of a task, how many of them a slot runs, and what they are placed on; shared by all slots."""

from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs

from .container import refuse_fargate_size
from .engine.errors import ConfigurationError
from .tasks import Capacity, Tasks


@dataclass(frozen=True)
class Plan:
    """What an App Service plan is on Azure: the size and the place of the tasks of all slots.

    A swap exchanges what sides run and not where they stand, so all of them stand alike.

    cpu: of a task, in 1/1024 of a vCPU (default 256). memory_mib: in MiB (default 512). On Fargate only its
        combinations.
    gpus: how many GPUs a task takes (default 0); Fargate has none, so it needs `capacity=Capacity.ec2(...)`.
    tasks: how many tasks a slot runs at least, unless it says otherwise (default 2).
    capacity: what tasks are placed on (default: Fargate on demand). During a swap the candidate runs as many tasks as
        production: instances need managed scaling, or room for both.
    subnets: where (default: private subnets); in public ones tasks get public addresses.
    cpu_percent, requests_per_target: the CPU that tasks should use on average, the requests a minute that one carries;
        a slot with `max_tasks` scales on them (default: no slot scales).
    architecture: the image's processor architecture (default x86-64); on EC2 the instances have theirs.
    execute_command: whether `aws ecs execute-command` may open a shell in a task (default False).

    Raises ConfigurationError for a size that Fargate does not have, or a number that is none.
    """

    cpu: int = 256
    memory_mib: int = 512
    gpus: int = 0
    tasks: int = 2
    capacity: Capacity | None = None
    subnets: ec2.SubnetSelection | None = None
    cpu_percent: float | None = None
    requests_per_target: int | None = None
    architecture: ecs.CpuArchitecture | None = None
    execute_command: bool = False

    def __post_init__(self) -> None:
        """Refuse at synth what ECS would refuse at deploy."""
        if self.tasks < 1:
            raise ConfigurationError(f"Plan tasks is {self.tasks}: give 1 or more, production needs at least 1 task")
        if self.gpus < 0:
            raise ConfigurationError(f"Plan gpus is {self.gpus}: give 0 or more")
        if not self.placed.on_ec2:
            if self.gpus:
                raise ConfigurationError(
                    f"Plan gpus is {self.gpus}: Fargate has no GPUs, give capacity=Capacity.ec2(...) with a capacity "
                    "provider of GPU instances"
                )
            refuse_fargate_size("Plan", self.cpu, self.memory_mib)
        if self.cpu_percent is not None and not 0 < self.cpu_percent <= 100:
            raise ConfigurationError(f"Plan cpu_percent is {self.cpu_percent}: give more than 0 and at most 100")
        if self.requests_per_target is not None and self.requests_per_target < 1:
            raise ConfigurationError(f"Plan requests_per_target is {self.requests_per_target}: give 1 or more")

    @property
    def placed(self) -> Tasks:
        """Where and how the tasks run."""
        return Tasks(subnets=self.subnets, capacity=self.capacity, execute_command=self.execute_command)

    @property
    def scales(self) -> bool:
        """Whether anything says when there are more tasks."""
        return self.cpu_percent is not None or self.requests_per_target is not None
