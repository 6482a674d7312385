"""WebApp: the application that runs in all slots, and the settings that travel with its releases."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from aws_cdk import aws_ecs as ecs

from .container import Container
from .engine.errors import ConfigurationError
from .engine.spans import Span
from .service_plan import Plan

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


@dataclass(frozen=True)
class WebApp:
    """The application.

    image: the first release, and no other: from then on `bluegreen slots deploy` and `slots swap` say what runs. Give
        a tag that is never moved, or a digest.
    port: the port it listens on.
    environment, secrets: settings of every slot, which travel with the release; a slot's own come before them.
    command: what to run instead of the image's own command (default: the image's).
    stop_timeout: between SIGTERM and SIGKILL (default 30 s, at most 120 s). When it ends, requests and streams still in
        flight are cut.
    name: of the container (default "app").

    Raises ConfigurationError for a port or a name that is none, a setting in both environment and secrets, or a stop
    time-out over 120 s.
    """

    image: ecs.ContainerImage
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, ecs.Secret] = field(default_factory=dict)
    command: Sequence[str] | None = None
    stop_timeout: Span = timedelta(seconds=30)
    name: str = "app"

    def __post_init__(self) -> None:
        """Refuse at synth what ECS would refuse at deploy."""
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"WebApp name is {self.name!r}: give up to 255 letters, digits, hyphens and underscores"
            )
        self.container(Plan())

    def container(
        self,
        plan: Plan,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, ecs.Secret] | None = None,
    ) -> Container:
        """The container, of the plan's size, with these settings over its own: a setting is plain or secret as the
        last one says.
        """
        environment, secrets = environment or {}, secrets or {}
        plain = {name: value for name, value in self.environment.items() if name not in secrets}
        secret = {name: value for name, value in self.secrets.items() if name not in environment}
        return Container(
            image=self.image,
            port=self.port,
            cpu=plan.cpu,
            memory_mib=plan.memory_mib,
            gpus=plan.gpus,
            environment={**plain, **environment},
            secrets={**secret, **secrets},
            command=self.command,
            stop_timeout=self.stop_timeout,
            architecture=plan.architecture,
        )
