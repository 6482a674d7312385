"""What the command line is told of a target that AWS CodeDeploy deploys: written by its construct at synth."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Platform: TypeAlias = Literal["ECS", "Server"]
PLATFORMS: tuple[Platform, ...] = ("ECS", "Server")


@dataclass(frozen=True, slots=True)
class EventHook:
    """A function that CodeDeploy asks at a lifecycle event of an ECS deployment; `function` is its name."""

    event: str
    function: str


@dataclass(frozen=True, slots=True)
class CodeDeploySettings:
    """Where deployments of a target are made, and what their AppSpec says.

    application, group: the names in CodeDeploy. platform: `ECS`, or `Server` for EC2 instances.
    other_group: of the platform Server, the group of the green side; `group` is blue's then.
    family, port: of the platform ECS, the task definition's family and the port of the side's container.
    definition: of the platform ECS, the ARN of the revision that the stack has; empty: the family's newest is taken.
    hooks: of the platform ECS, the functions of the AppSpec, in the order of their events.
    bucket, prefix: of the platform Server, where the revisions of the application lie in S3.
    size: of the platform Server, how many instances a side has; 0: an earlier version has not said so.
    size_alarm: of the platform Server, the alarm that goes off when fewer of them are healthy; empty: none judges.
    """

    application: str
    group: str
    platform: Platform = "ECS"
    family: str = ""
    port: int = 0
    hooks: tuple[EventHook, ...] = ()
    bucket: str = ""
    prefix: str = ""
    other_group: str = ""
    definition: str = ""
    size: int = 0
    size_alarm: str = ""

    @property
    def template(self) -> str:
        """What names the revision that the stack has.

        The newest one need not be it: of a stack update that failed, the revision stays.
        """
        return self.definition or self.family
