"""Pods: the application as an EksRollouts service runs it; ExistingDeployment: one that runs already."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta, in_words

_UNKNOWN = "${Token["  # a value that is known at deploy
_CPU = re.compile(r"[1-9]\d*m?|\d+\.\d+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_SECRET = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9._-]+")
LONGEST_STOP = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Pods:
    """The application's pods.

    image: what to run, by a tag that is never moved or a digest: a rollback can only go back to what the name still
        means.
    port: the port it listens on.
    cpu: what a pod asks for, as Kubernetes writes it: "250m" (default) is a quarter of a core. There is no limit.
    memory_mib: what a pod asks for and gets at most (default 512).
    environment: plain settings; a change starts a rollout. secrets: variable to "secret/key" of a Kubernetes Secret in
        the namespace.
    command: what to run instead of the image's own command (default: the image's).
    health_path: where a ready pod answers with 200 to 399 (default "/").
    startup: how long a pod may take to its first such answer (default 5 minutes), loading its model for example. When
        it ends the container is restarted; a release that is not ready five minutes later goes back.
    stop_timeout: between SIGTERM and SIGKILL, once no new requests come (default 30 s, at most 1 h). When it ends,
        requests and streams in flight are cut.
    service_account: its Kubernetes service account (default: the namespace's own, without a token).
    gpus: NVIDIA GPUs of a pod (default 0). node_selector: labels of the nodes that it may run on (default: any).
    user: the number of the user that it runs as (default: the image's own); root is refused by the cluster.
    writable: whether the container may write to its own file system (default False; /tmp is always writable).

    Raises ConfigurationError for what the cluster would refuse.
    """

    image: str
    port: int
    cpu: str = "250m"
    memory_mib: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] | None = None
    health_path: str = "/"
    startup: Span = timedelta(minutes=5)
    stop_timeout: Span = timedelta(seconds=30)
    service_account: str | None = None
    gpus: int = 0
    node_selector: Mapping[str, str] = field(default_factory=dict)
    user: int | None = None
    writable: bool = False

    def __post_init__(self) -> None:
        """Refuse at synth what the cluster would refuse at deploy."""
        if not isinstance(self.image, str) or not self.image or any(one.isspace() for one in self.image):
            raise ConfigurationError(f"Pods image is {self.image!r}: give a name such as 'registry/app:1.4.2'")
        _check_port("Pods", self.port)
        if not _CPU.fullmatch(str(self.cpu)):
            raise ConfigurationError(f"Pods cpu is {self.cpu!r}: give cores as Kubernetes writes them, '250m' or '2'")
        if self.memory_mib < 16:
            raise ConfigurationError(f"Pods memory_mib is {self.memory_mib}: give 16 or more")
        if self.gpus < 0:
            raise ConfigurationError(f"Pods gpus is {self.gpus}: give 0 or more")
        if self.user is not None and self.user < 1:
            raise ConfigurationError(f"Pods user is {self.user}: give 1 or more, root may not run here")
        self._check_variables()
        if isinstance(self.command, str):
            raise ConfigurationError(f"Pods command is {self.command!r}: give a list of words, ['python', 'app.py']")
        if not self.health_path.startswith(("/", _UNKNOWN)):
            raise ConfigurationError(f"Pods health_path is {self.health_path!r}: start it with /, such as '/ready'")
        startup = as_timedelta(self.startup, "Pods startup")
        if not timedelta(seconds=1) <= startup <= timedelta(hours=6):
            raise ConfigurationError(f"Pods startup is {in_words(startup)}: give from 1 s to 6 h")
        stop = as_timedelta(self.stop_timeout, "Pods stop_timeout")
        if stop > LONGEST_STOP:
            raise ConfigurationError(f"Pods stop_timeout is {in_words(stop)}: give at most 1 h")
        object.__setattr__(self, "startup", startup)
        object.__setattr__(self, "stop_timeout", stop)

    def _check_variables(self) -> None:
        both = sorted(set(self.environment) & set(self.secrets))
        if both:
            raise ConfigurationError(f"Pods has {', '.join(both)} in environment and in secrets: give each name once")
        for name in (*self.environment, *self.secrets):
            if not _VARIABLE.fullmatch(name):
                raise ConfigurationError(f"Pods has the variable {name!r}: give letters, digits, _, . and -")
        for name, value in self.environment.items():
            if not isinstance(value, str):
                raise ConfigurationError(f"Pods environment {name} is {value!r}: give a text, {str(value)!r}")
        for name, place in self.secrets.items():
            if not _SECRET.fullmatch(place):
                raise ConfigurationError(
                    f"Pods secret {name} is {place!r}: give a Kubernetes Secret and its key, 'inference/api-key'"
                )

    @property
    def startup_seconds(self) -> int:
        """How long a pod may take to be ready, in seconds."""
        return round(as_timedelta(self.startup, "Pods startup").total_seconds())

    @property
    def stop_seconds(self) -> int:
        """The time between SIGTERM and SIGKILL, in seconds."""
        return round(as_timedelta(self.stop_timeout, "Pods stop_timeout").total_seconds())


@dataclass(frozen=True, kw_only=True)
class ExistingDeployment:
    """A Deployment that runs already and is handed over to Argo Rollouts without a dropped request.

    The Rollout takes its pod template from the Deployment (`workloadRef`), starts as many pods beside it, and only when
    all of them are ready is the Deployment scaled down to nothing. From then on an edit of the Deployment's template is
    what starts a rollout; who applies it (a pipeline, GitOps) must not write its `replicas`.

    name: the Deployment's, in the service's namespace. labels: of its pods, as its selector names them.
    port: the port its pods listen on. replicas: how many pods it runs now; the Rollout starts as many.
    health_path: where they answer when they are well (default "/").

    The pods have to outlast their deregistration themselves: a preStop sleep longer than the drain time.

    Raises ConfigurationError for names that Kubernetes could not have given.
    """

    name: str
    labels: Mapping[str, str]
    port: int
    replicas: int
    health_path: str = "/"

    def __post_init__(self) -> None:
        """Refuse what could not exist."""
        if not _LABEL.fullmatch(self.name) or len(self.name) > 63:
            raise ConfigurationError(f"ExistingDeployment name is {self.name!r}: give the Deployment's, 'inference'")
        if not self.labels:
            raise ConfigurationError(
                "ExistingDeployment has no labels: give those of its selector, {'app': 'inference'}; without them a "
                "Service would find no pods"
            )
        _check_port("ExistingDeployment", self.port)
        if self.replicas < 1:
            raise ConfigurationError(f"ExistingDeployment replicas is {self.replicas}: give 1 or more")


def _check_port(what: str, port: int) -> None:
    if not 1 <= port <= 65_535:
        raise ConfigurationError(f"{what} port is {port}: give a port between 1 and 65535")
