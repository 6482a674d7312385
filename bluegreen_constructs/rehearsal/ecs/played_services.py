"""The services whose deployments are played: what CreateService, UpdateService and DeleteService set going.

The records of services and tasks are ministack's own dictionaries (its other calls read them too); this keeps them
true. Every method may be called from any thread.
"""

import itertools
import logging
import secrets
import threading
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import cast

from ...engine.errors import RehearsalError
from ..clock import Clock
from .deployment_controller import has_task_sets, is_played
from .deployment_plan import LONGEST_DEPLOYMENT, mapping, read_plan, truth
from .deployment_run import Request, Status
from .hook_visits import HookAnswer
from .revision import DEPLOYED_PARAMETERS, KEPT_PARAMETERS, Revision, deployed_part, is_same_release
from .rolling_replacement import Bounds, bounds_of
from .service_checks import check_groups, check_service
from .service_deployments import Deployment, DeploymentHistory, Driver, Milestone, is_in_clean_up, new_deployment
from .service_events import steady, task_messages
from .service_scheduler import ServiceScheduler, Task, counts
from .service_views import (
    current_revisions,
    deployment_id,
    rolling_deployments_view,
    service_deployments_view,
    task_view,
)
from .task_set_updates import CONTROLLED_PARAMETERS, check_creation, check_update
from .task_sets import TaskSets

_log = logging.getLogger("rehearsal.ecs")
Service = MutableMapping[str, object]
_EVENTS_KEPT = 100  # as DescribeServices does
_NOT_KEPT = frozenset(
    {"cluster", "service", "serviceName", "forceNewDeployment", "clientToken", "role", "desiredCount"}
)


@dataclass(frozen=True)
class Records:
    """ministack's dictionaries. `scope` enters the account and region that they belong to.

    `is_behind_a_balancer`: whether a rule or listener names a target group; asked within the scope.
    """

    services: MutableMapping[str, Service]
    tasks: MutableMapping[str, dict[str, object]]
    task_definition: Callable[[str], Mapping[str, object]]
    scope: Callable[[], AbstractContextManager[None]]
    is_behind_a_balancer: Callable[[str], bool] = lambda _: True


class PlayedServices:
    """Services with the deployment controllers ECS and CODE_DEPLOY (whose deployments AWS CodeDeploy runs).

    `announce` is told (deployment, event name, reason).
    """

    def __init__(
        self,
        records: Records,
        clock: Clock,
        *,
        not_run: Callable[[str], tuple[str, ...]],
        announce: Callable[[Deployment, str, str], None],
    ) -> None:
        self._records = records
        self._clock = clock
        self._not_run = not_run
        self._announce = announce
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._steady: set[str] = set()  # of the scheduler's thread alone
        self.history = DeploymentHistory()
        self.task_sets = TaskSets(now=clock.now, service=self.service)
        self._scheduler: ServiceScheduler | None = None
        self._driver: Driver | None = None

    def connect(self, scheduler: ServiceScheduler, driver: Driver) -> None:
        """Give the parts that do the work; they in turn ask this for desired counts."""
        self._scheduler, self._driver = scheduler, driver
        self.task_sets.connect(scheduler)

    @property
    def scheduler(self) -> ServiceScheduler:
        """The scheduler of the tasks."""
        assert self._scheduler is not None  # noqa: S101  # connect is called before any service exists
        return self._scheduler

    # -- what the scheduler asks

    def service(self, service_arn: str) -> Service | None:
        """The record of a service that is not gone."""
        with self._records.scope():
            for record in list(self._records.services.values()):
                if record.get("serviceArn") == service_arn and record.get("status") != "INACTIVE":
                    return record
        return None

    def desired_count(self, service_arn: str) -> int:
        """How many tasks the service wants; none when it is going."""
        record = self.service(service_arn)
        return int(str(record.get("desiredCount", 0))) if record and record.get("status") == "ACTIVE" else 0

    def grace(self, service_arn: str) -> float:
        """healthCheckGracePeriodSeconds."""
        record = self.service(service_arn)
        return float(str((record or {}).get("healthCheckGracePeriodSeconds") or 0))

    def bounds(self, service_arn: str) -> Bounds:
        """How far a rolling deployment of the service may go below and above its desired count."""
        return bounds_of(mapping((self.service(service_arn) or {}).get("deploymentConfiguration")))

    def new_task_arn(self, revision: Revision) -> str:
        """The ARN of a task to come."""
        head, _, _ = revision.service_arn.partition(":service/")
        cluster = revision.cluster_arn.rpartition("/")[2]
        return f"{head}:task/{cluster}/{secrets.token_hex(16)}"

    def save_task(self, task: Task) -> None:
        """Put a task's present state where ListTasks and DescribeTasks read it."""
        desired = "RUNNING" if task.state == "RUNNING" else "STOPPED"
        with self._records.scope():
            definition = self._records.task_definition(task.revision.task_definition)
            is_first = task.arn not in self._records.tasks
            self._records.tasks[task.arn] = task_view(task, definition, self._not_run(task.id), desired)
        failures = self.scheduler.failures(task.revision.arn, in_a_row=True)
        record = self.service(task.revision.service_arn)
        for message in task_messages(task, is_first=is_first, failures_in_a_row=failures):
            self._tell(record, message)

    # -- what the API sets going

    def create(self, record: Service, request: Mapping[str, object]) -> Deployment:
        """Deploy a service that has just been recorded."""
        self._keep(record, request)
        with self._records.scope():
            check_groups(record, self._records.is_behind_a_balancer)
        record["deploymentConfiguration"] = _with_defaults(mapping(record.get("deploymentConfiguration")))
        return self._deploy(record)

    def update(self, record: Service, request: Mapping[str, object]) -> Deployment | None:
        """Change a service; the deployment that this starts, or None when nothing has to be deployed.

        A running deployment is superseded: going back to what was live before rolls it back, anything else stops it
        and the new deployment reconciles first (RECONCILE_SERVICE). A rolling one is always replaced by the next.
        """
        wanted: dict[str, object] = {**record, **{k: v for k, v in request.items() if k not in _NOT_KEPT}}
        if "deploymentConfiguration" in request:
            # Absent members stay as they are: UpdateService is stateful here too (removed hooks linger).
            given = mapping(request["deploymentConfiguration"])
            wanted["deploymentConfiguration"] = {**mapping(record.get("deploymentConfiguration")), **given}
        if request.get("capacityProviderStrategy"):
            wanted["launchType"] = None  # a service has the one or the other
        check_service(wanted)
        is_same = is_same_release(deployed_part(record), deployed_part(wanted))
        deploys = not is_same or truth(request.get("forceNewDeployment"))
        with self._lock:
            if deploys and not read_plan(mapping(wanted.get("deploymentConfiguration"))).shifts_traffic:
                # Before the new count is seen: the release that goes must not be started once more.
                self.scheduler.retire(str(record["serviceArn"]))
            record.update(wanted)
            if request.get("desiredCount") is not None:
                record["desiredCount"] = int(str(request["desiredCount"]))
        return self._deploy(record) if deploys else None

    def create_with_task_set(self, record: Service, request: Mapping[str, object]) -> None:
        """Start a service that AWS CodeDeploy will deploy: with its first task set."""
        self._keep(record, request)
        check_creation(record)
        with self._records.scope():
            check_groups(record, self._records.is_behind_a_balancer)
        self.task_sets.begin(record)

    def adjust(self, record: Service, request: Mapping[str, object]) -> None:
        """Change what of a service with task sets is not CodeDeploy's: its desired count before all."""
        check_update(record, request)
        with self._lock:
            left_alone = _NOT_KEPT | CONTROLLED_PARAMETERS
            record.update({name: value for name, value in request.items() if name not in left_alone})
            if request.get("desiredCount") is not None:
                record["desiredCount"] = int(str(request["desiredCount"]))

    def drain(self, record: Service) -> None:
        """Begin to delete: stop a running deployment, scale everything in; `sweep` ends it."""
        record["status"] = "DRAINING"
        record["desiredCount"] = 0
        arn = str(record["serviceArn"])
        running = self.history.running(arn)
        if running is not None:
            running.ask(Request.STOP, "Service deployment stopped because the service was deleted.")
        for revision in self._revisions_with_tasks(arn):
            self.scheduler.scale_in(revision.arn)

    def sweep(self) -> None:
        """Let drained services go (DRAINING becomes INACTIVE when no task is left); say when one is steady again."""
        with self._records.scope():
            records = list(self._records.services.values())
        for record in records:
            if record.get("status") == "ACTIVE" and is_played(record):
                self._say_when_steady(record)
        for record in [record for record in records if record.get("status") == "DRAINING"]:
            arn = str(record.get("serviceArn"))
            if self.history.running(arn) is None and not self._revisions_with_tasks(arn):
                record["status"] = "INACTIVE"
                record["runningCount"] = 0
                record["deployments"] = []
                record.pop("taskSets", None)
                self.task_sets.forget(arn)

    def _say_when_steady(self, record: Service) -> None:
        arn = str(record["serviceArn"])
        tasks = [t for t in self.scheduler.tasks() if t.revision.service_arn == arn and t.state != "STOPPED"]
        wanted = int(str(record.get("desiredCount", 0)))
        if self.history.running(arn) is not None or len(tasks) != wanted or not all(t.is_healthy for t in tasks):
            self._steady.discard(arn)
        elif arn not in self._steady:
            self._steady.add(arn)
            self._tell(record, steady(str(record.get("serviceName"))))

    def stop_deployment(self, deployment: Deployment, stop_type: str) -> str:
        """StopServiceDeployment; the refusal, or "" when it is under way."""
        if deployment.run.status.has_ended:
            return f"The service deployment is in the {deployment.run.status} state and cannot be stopped."
        if is_in_clean_up(deployment):
            return "The service deployment is in the CLEAN_UP stage and cannot be stopped."
        request = Request.STOP if stop_type == "ABORT" else Request.ROLLBACK
        deployment.ask(request, f"Service deployment {_DONE[request]} because of a StopServiceDeployment request.")
        return ""

    def continue_deployment(self, deployment: Deployment, hook_id: str, action: str) -> str:
        """ContinueServiceDeployment; the refusal, or ""."""
        if deployment.run.status.has_ended:
            return "Continuing a service deployment is not allowed for service deployment in terminal states."
        if not hook_id.startswith(("ecs-pause-", "ecs-lambda-")):
            return "Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}"
        if not any(v.id == hook_id and v.is_open and v.hook.is_pause for v in deployment.run.visits):
            return "Provided hookId is either completed, unavailable, or not associated with the given Resource ARN"
        deployment.answer(hook_id, HookAnswer("ROLLBACK" if action == "ROLLBACK" else "CONTINUE"))
        return ""

    # -- what the API shows

    def refresh(self, record: Service) -> None:
        """Bring the counts, deployments and revisions of a service's record up to date."""
        if has_task_sets(record):
            self.task_sets.refresh(record)
            return
        arn = str(record["serviceArn"])
        running, live = self.history.running(arn), self.history.live(arn)
        tasks = [task for task in self.scheduler.tasks() if task.revision.service_arn == arn]
        desired = int(str(record.get("desiredCount", 0)))
        count, _ = counts(tasks)
        revisions = self._revisions_with_tasks(arn)
        newest = next(reversed(self.history.of(arn)), None)
        if newest is not None and not newest.run.plan.shifts_traffic:
            shown = rolling_deployments_view(newest, live, revisions, tasks, desired)
        else:
            shown = service_deployments_view(running, live, tasks, desired)
        if live is not None and live.arn not in {revision.arn for revision in revisions}:
            revisions = (*revisions, live)
        wanted = {revision.arn: self.scheduler.look(revision.arn).wanted for revision in revisions}
        record.update(
            runningCount=count,
            pendingCount=sum(int(str(deployment["pendingCount"])) for deployment in shown),
            deployments=shown,
            currentServiceDeployment=running.arn if running else None,
            currentServiceRevisions=current_revisions(revisions, tasks, wanted),
        )

    def changed(self, deployment: Deployment, milestone: Milestone) -> None:
        """A milestone: service events, EventBridge, and after a rollback the record is that of the source again."""
        record = self.service(deployment.service_arn)
        name, run = deployment.target.service_name, deployment.run
        label = f"(service {name}) (deployment {deployment_id(deployment.target)})"
        if milestone.what == "started":
            self._announce(deployment, "SERVICE_DEPLOYMENT_IN_PROGRESS", "")
        if milestone.status == Status.ROLLBACK_IN_PROGRESS and milestone.what:
            if record is not None and deployment.source is not None:
                self._restore(record, deployment.source)
            self._tell(record, f"{label} deployment failed: {run.rollback_reason}")
            self._announce(deployment, "SERVICE_DEPLOYMENT_FAILED", run.rollback_reason)
            if deployment.source is not None:
                back = deployment_id(deployment.source)
                self._tell(record, f"(service {name}) rolling back to deployment {back}.")
                self._announce(deployment, "SERVICE_DEPLOYMENT_IN_PROGRESS", f"ECS deployment rolling back to {back}.")
        if run.status is Status.SUCCESSFUL:
            self._tell(record, f"{label} deployment completed.")
            self._announce(deployment, "SERVICE_DEPLOYMENT_COMPLETED", "")
        elif run.status is Status.STOPPED:
            self.scheduler.freeze(deployment.target.arn)
            self._tell(record, f"{label} deployment failed: {run.reason}")
            self._announce(deployment, "SERVICE_DEPLOYMENT_FAILED", run.reason)
        elif run.status in {Status.ROLLBACK_SUCCESSFUL, Status.ROLLBACK_FAILED}:
            self._tell(record, f"{label} rollback {'completed' if run.status.endswith('SUCCESSFUL') else 'failed'}.")

    # -- how

    def _keep(self, record: Service, request: Mapping[str, object]) -> None:
        """Everything that was asked for is kept and described, also what the emulator's own record leaves out."""
        for name, value in request.items():
            if name not in _NOT_KEPT and name not in record and value is not None:
                record[name] = value
        check_service(record)

    def _deploy(self, record: Service) -> Deployment:
        with self._lock:
            number = next(self._numbers)
            service_arn = str(record["serviceArn"])
            target = Revision(
                arn=f"{service_arn.replace(':service/', ':service-revision/')}/{number:019d}",
                service_arn=service_arn,
                cluster_arn=str(record["clusterArn"]),
                configuration=deployed_part(record),
                created_at=self._clock.now(),
            )
            previous = self.history.running(service_arn)
            deployment = new_deployment(
                f"{service_arn.replace(':service/', ':service-deployment/')}/{secrets.token_urlsafe(16)}",
                target=target,
                source=self.history.live(service_arn),
                strays=(),
                configuration=mapping(record.get("deploymentConfiguration")),
                now=self._clock.now(),
            )
            if previous is not None:
                source = previous.source if deployment.run.plan.shifts_traffic else None
                if source is not None and is_same_release(deployed_part(record), source.configuration):
                    previous.ask(
                        Request.ROLLBACK,
                        "Service deployment rolled back because the service was updated to its source revision.",
                    )
                    return previous
                previous.ask(Request.STOP, "Service deployment stopped because a new service deployment started.")
            self.history.add(deployment)
        threading.Thread(
            target=self._play, args=(deployment, previous), daemon=True, name=f"deployment-{deployment.key}"
        ).start()
        return deployment

    def _play(self, deployment: Deployment, previous: Deployment | None) -> None:
        assert self._driver is not None  # noqa: S101  # connect is called before any service exists
        try:
            self._driver.play(deployment, before=lambda: self._find_source(deployment, previous))
        except Exception:  # noqa: BLE001  # the deployment has ended and says why; the log has the rest
            _log.exception("the deployment %s failed", deployment.key)

    def _find_source(self, deployment: Deployment, previous: Deployment | None) -> None:
        """What the deployment goes back to, and what a superseded one left behind: known once that has ended."""
        # It was asked to stop; the longest that it may still take is the scaling in of its last stage.
        if previous is not None and not previous.ended.wait(self._clock.real_seconds(LONGEST_DEPLOYMENT)):
            raise RehearsalError(f"the deployment before it, {previous.key}, has not ended after 36 hours")
        source = self.history.live(deployment.service_arn)
        strays = tuple(
            revision
            for revision in self._revisions_with_tasks(deployment.service_arn)
            if source is None or revision.arn != source.arn
        )
        deployment.source, deployment.strays = source, strays
        deployment.run = replace(deployment.run, has_source=source is not None, has_strays=bool(strays))

    def _revisions_with_tasks(self, service_arn: str) -> tuple[Revision, ...]:
        found: dict[str, Revision] = {}
        for task in self.scheduler.tasks():
            if task.revision.service_arn == service_arn and task.state != "STOPPED":
                found.setdefault(task.revision.arn, task.revision)
        return tuple(found.values())

    def _restore(self, record: Service, source: Revision) -> None:
        with self._lock:
            for name in (*DEPLOYED_PARAMETERS, *KEPT_PARAMETERS):
                if name in source.configuration:
                    record[name] = source.configuration[name]
                elif name in DEPLOYED_PARAMETERS:
                    record.pop(name, None)

    def _tell(self, record: Service | None, message: str) -> None:
        if record is None:
            return
        event = {"id": secrets.token_hex(16), "createdAt": self._clock.now(), "message": message}
        with self._lock:
            events = cast("list[object]", record.setdefault("events", []))
            events.insert(0, event)
            del events[_EVENTS_KEPT:]


_DONE = {Request.ROLLBACK: "rolled back", Request.STOP: "stopped"}


def outcome_error(deployment: Deployment) -> str:
    """What CloudFormation's ECS handler says about a deployment that failed; "" about one that did not."""
    run = deployment.run
    if run.status is Status.SUCCESSFUL:
        return ""
    reason = run.reason
    if run.rollback_reason and run.rollback_reason != reason:
        reason = f"{reason} {run.rollback_reason}"
    return (
        f"Resource handler returned message: \"Error occurred during operation '{reason}'.\" "
        f"(RequestToken: {deployment.key}, HandlerErrorCode: GeneralServiceException)"
    )


def _with_defaults(configuration: Mapping[str, object]) -> dict[str, object]:
    """DescribeServices always shows these members."""
    defaults: dict[str, object] = {
        "strategy": "ROLLING",
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "deploymentCircuitBreaker": {"enable": False, "rollback": False},
        "bakeTimeInMinutes": 0,
    }
    return {**defaults, **configuration}
