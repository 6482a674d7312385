"""One deployment as it is kept, and the history that ListDeployments and its kin answer from."""

import secrets
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..ecs.task_set_views import TaskSet
from .app_spec import AppSpec
from .deployment_plan import Route
from .deployment_run import Run, Stop
from .lifecycle_script import Wait

_LETTERS = string.ascii_uppercase + string.digits
USER, ROLLBACK = "user", "codeDeployRollback"


@dataclass(frozen=True, slots=True)
class Milestone:
    """One thing that happened, at `at` (rehearsed) and `wall` (real), both in seconds since the epoch."""

    at: float
    wall: float
    what: str
    status: str
    event: str
    production: float


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for: names, the group as it was then, the revision, and the service's ARN.

    `settings` are the members of the request that GetDeployment shows again.
    """

    application: str
    group: str
    group_settings: Mapping[str, object]
    configuration: str
    revision: Mapping[str, object]
    settings: Mapping[str, object]
    creator: str
    route: Route
    service_arn: str


@dataclass
class Deployment:
    """One deployment. Instants are rehearsed seconds; `run` is where it is.

    `original` and `replacement` are known once Install has begun. `rollback_of` and `rolled_back_by` are ids.
    """

    id: str
    order: Order
    spec: AppSpec
    created_at: float
    run: Run
    groups: tuple[str, str] | None = None
    original: TaskSet | None = None
    replacement: TaskSet | None = None
    previous_revision: Mapping[str, object] | None = None
    rollback_of: str = ""
    rolled_back_by: str = ""
    started_at: float | None = None
    finished_at: float | None = None
    updated_at: float = 0.0
    timeline: list[Milestone] = field(default_factory=list)
    hook_ids: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    continued: set[Wait] = field(default_factory=set)
    stop: Stop | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    nudged: threading.Event = field(default_factory=threading.Event)

    @property
    def target_id(self) -> str:
        """The one target of an ECS deployment, `CLUSTER:SERVICE`."""
        return f"{self.order.route.cluster}:{self.order.route.service}"

    def answer(self, hook_id: str, answer: str) -> None:
        """Succeeded, Failed, or why the function could not be invoked."""
        self.answers[hook_id] = answer
        self.nudged.set()


class DeploymentHistory:
    """The deployments of all groups, newest last; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deployments: dict[str, Deployment] = {}

    def new_id(self) -> str:
        """An id in AWS's form, `d-` and nine letters or digits."""
        return "d-" + "".join(secrets.choice(_LETTERS) for _ in range(9))

    def add(self, deployment: Deployment) -> Deployment | None:
        """Keep a deployment; when another one of its group has not ended, that one, and nothing is kept."""
        with self._lock:
            running = next((d for d in self._deployments.values() if _are_of_one_group(d, deployment)), None)
            # A rollback takes over from the deployment that it rolls back.
            if running is not None and running.id != deployment.rollback_of:
                return running
            self._deployments[deployment.id] = deployment
        return None

    def get(self, deployment_id: str) -> Deployment | None:
        """The deployment with this id."""
        with self._lock:
            return self._deployments.get(deployment_id)

    def all(self) -> tuple[Deployment, ...]:
        """Every deployment, oldest first."""
        with self._lock:
            return tuple(self._deployments.values())

    def of(self, application: str, group: str) -> tuple[Deployment, ...]:
        """A group's deployments, oldest first."""
        return tuple(d for d in self.all() if (d.order.application, d.order.group) == (application, group))


def _are_of_one_group(running: Deployment, new: Deployment) -> bool:
    one, other = running.order, new.order
    is_same = (one.application, one.group) == (other.application, other.group)
    return is_same and not running.ended.is_set()


def timeline_view(deployment: Deployment) -> list[dict[str, object]]:
    """The timeline as JSON can hold it."""
    return [
        {
            "at": milestone.at,
            "wall": milestone.wall,
            "what": milestone.what,
            "status": milestone.status,
            "event": milestone.event,
            "production": milestone.production,
        }
        for milestone in deployment.timeline
    ]
