"""Task sets: what a service with the deployment controller CODE_DEPLOY runs its tasks in.

Followed: the API reference of TaskSet and CreateService, the developer guide's `deployment-type-bluegreen` and
`migrate-codedeploy-to-ecs-bluegreen` ("Service creation results in the creation of a (blue) task set registered with
the specified target group"). Every task set runs the service's whole desired count (scale 100 percent).
"""

import itertools
import threading
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass

from .deployment_run import Tasks
from .revision import Revision, deployed_part, ingresses
from .service_scheduler import ServiceScheduler
from .task_set_views import PRIMARY, TaskSet, task_set_view

Service = MutableMapping[str, object]
# What of a service is that of its primary task set.
_OF_THE_PRIMARY = ("taskDefinition", "loadBalancers", "networkConfiguration", "platformVersion")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task set to be made: what CreateTaskSet takes. `changes` replace the service's own parameters."""

    task_definition: str
    group: str
    container: str
    port: int
    external_id: str
    changes: Mapping[str, object]


class TaskSets:
    """The task sets of all services of one emulator; safe to use from any thread.

    `service` finds a service's record by its ARN; `now` is rehearsed time in seconds.
    """

    def __init__(self, *, now: Callable[[], float], service: Callable[[str], Service | None]) -> None:
        self._now = now
        self._service = service
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._sets: dict[str, list[TaskSet]] = {}
        self._scheduler: ServiceScheduler | None = None

    def connect(self, scheduler: ServiceScheduler) -> None:
        """Give the scheduler that runs the tasks."""
        self._scheduler = scheduler

    @property
    def scheduler(self) -> ServiceScheduler:
        """The scheduler of the tasks."""
        assert self._scheduler is not None  # noqa: S101  # connect is called before any service exists
        return self._scheduler

    def begin(self, record: Service) -> TaskSet:
        """Make the first task set of a service that has just been recorded; it is PRIMARY at once."""
        arn = str(record["serviceArn"])
        configuration = deployed_part(record)
        with self._lock:
            self._sets[arn] = []  # a service that was made anew under its name begins anew
        return self._add(record, configuration, home=_first_group(configuration), external_id="", status=PRIMARY)

    def add(self, service_arn: str, wanted: Wanted) -> TaskSet:
        """Make another task set beside the primary one, ACTIVE."""
        record, first = self._service(service_arn), next(iter(self.of(service_arn)), None)
        assert record is not None  # noqa: S101  # the caller has looked the service up
        balancer = {
            "targetGroupArn": wanted.group,
            "containerName": wanted.container,
            "containerPort": wanted.port,
        }
        configuration = {
            **deployed_part(record),
            **wanted.changes,
            "taskDefinition": wanted.task_definition,
            "loadBalancers": [balancer],
        }
        home = first.revision.home if first is not None else wanted.group
        return self._add(record, configuration, home=home, external_id=wanted.external_id, status="ACTIVE")

    def of(self, service_arn: str) -> tuple[TaskSet, ...]:
        """A service's task sets, oldest first; one that is drained and has no task left is gone."""
        with self._lock:
            sets = self._sets.get(service_arn, [])
            sets[:] = [one for one in sets if not one.is_draining or self._has_tasks(one)]
            return tuple(sets)

    def primary(self, service_arn: str) -> TaskSet | None:
        """The task set that serves production; None when there is none."""
        return next((one for one in self.of(service_arn) if one.status == PRIMARY), None)

    def make_primary(self, task_set: TaskSet) -> None:
        """UpdateServicePrimaryTaskSet: the service's record is that of this task set from now on."""
        record = self._service(task_set.revision.service_arn)
        for other in self.of(task_set.revision.service_arn):
            if other.status == PRIMARY and other is not task_set:
                other.status, other.updated_at = "ACTIVE", self._now()
        task_set.status, task_set.updated_at = PRIMARY, self._now()
        if record is not None:
            configuration = task_set.revision.configuration
            record.update({name: configuration[name] for name in _OF_THE_PRIMARY if name in configuration})

    def drain(self, task_set: TaskSet) -> None:
        """DeleteTaskSet: deregister the tasks, let them drain, and end them."""
        task_set.status, task_set.updated_at = "DRAINING", self._now()
        self.scheduler.scale_in(task_set.revision.arn)

    def forget(self, service_arn: str) -> None:
        """A service is gone, and its task sets with it."""
        with self._lock:
            self._sets.pop(service_arn, None)

    def look(self, task_set: TaskSet) -> Tasks:
        """How many of its tasks are wanted, exist and are healthy."""
        return self.scheduler.look(task_set.revision.arn)

    def is_steady(self, service_arn: str) -> bool:
        """Whether every task set that stays has all its tasks, healthy, and no other."""
        looks = [self.look(one) for one in self.of(service_arn) if not one.is_draining]
        return all(look.healthy == look.existing == look.wanted for look in looks)

    def views(self, service_arn: str) -> list[dict[str, object]]:
        """`taskSets` of DescribeServices."""
        return [task_set_view(one, self.look(one)) for one in self.of(service_arn)]

    def refresh(self, record: Service) -> None:
        """Bring the counts and task sets of a service's record up to date; it has no deployments."""
        arn = str(record["serviceArn"])
        views = self.views(arn)
        tasks = [task for task in self.scheduler.tasks() if task.revision.service_arn == arn]
        record.update(
            runningCount=sum(task.state == "RUNNING" for task in tasks),
            pendingCount=sum(int(str(view["pendingCount"])) for view in views),
            deployments=[],
            taskSets=views,
        )

    def _add(
        self, record: Service, configuration: Mapping[str, object], *, home: str, external_id: str, status: str
    ) -> TaskSet:
        arn, now = str(record["serviceArn"]), self._now()
        with self._lock:
            number = next(self._numbers)
            revision = Revision(
                arn=f"{arn.replace(':service/', ':task-set/')}/ecs-svc/{number:019d}",
                service_arn=arn,
                cluster_arn=str(record["clusterArn"]),
                configuration=dict(configuration),
                groups=tuple(ingress.group for ingress in ingresses(configuration)),
                created_at=now,
                home=home,
            )
            task_set = TaskSet(revision, external_id, created_at=now, updated_at=now, status=status)
            self._sets.setdefault(arn, []).append(task_set)
        self.scheduler.run(revision)
        return task_set

    def _has_tasks(self, task_set: TaskSet) -> bool:
        return self.look(task_set).existing > 0


def _first_group(configuration: Mapping[str, object]) -> str:
    return next((ingress.group for ingress in ingresses(configuration)), "")
