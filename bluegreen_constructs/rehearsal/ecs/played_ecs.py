"""The part of the emulator that is ECS: the scheduler of the tasks, the drivers of the deployments, what they show."""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

from ..clock import Clock
from ..load_balancer.metrics import MetricSink
from .deployment_controller import is_played
from .deployment_world import DeploymentWorld
from .embedded_metrics import EmbeddedMetrics
from .hook_visits import HookVisit
from .load_balancer_calls import LoadBalancerCalls
from .loopback_addresses import LoopbackAddresses
from .one_off_tasks import OneOffTasks
from .played_services import PlayedServices, Records
from .pushed_images import PushedImages
from .secret_values import SecretValues
from .service_deployments import Deployment, Driver, stage_times
from .service_scheduler import ServiceScheduler, Task, TaskState
from .service_views import deployment_id, plan_summary
from .task_environment import task_environment
from .task_host import LocalTaskHost
from .task_processes import START_SECONDS, TaskProcesses, last_lines
from .tasks_file import TasksFile

_log = logging.getLogger("rehearsal.ecs")
_TICK = 0.2  # real seconds between two looks at the tasks
_LOOK = 0.25  # real seconds after which a driver looks again at tasks and alarms
_HOOK_SECONDS = 905.0  # a Lambda hook may take 15 minutes


@dataclass(frozen=True, slots=True)
class EcsSettings:
    """Where the gateway is, what containers are on this machine (None: nothing can run), and where tasks write logs."""

    endpoint: str
    region: str
    tasks_file: Path | None
    log_dir: Path


class PlayedEcs:
    """The services of one emulator, their scheduler thread and their deployments.

    Its calls to the gateway are signed with the access key `ecs`. `put_event` puts an EventBridge entry. `metrics` gets
    what tasks write into their logs in the embedded metric format (None: nobody does).
    """

    def __init__(
        self,
        settings: EcsSettings,
        records: Records,
        clock: Clock,
        put_event: Callable[[Mapping[str, object]], object],
        metrics: MetricSink | None = None,
    ) -> None:
        self._settings = settings
        self._records = records
        self._clock = clock
        self._put_event = put_event
        self._embedded = None if metrics is None else EmbeddedMetrics(settings.log_dir, metrics, clock)
        tasks = TasksFile.read(settings.tasks_file) if settings.tasks_file is not None else TasksFile()
        session = boto3.Session("ecs", "ecs", region_name=settings.region)

        def client(service: str, read_timeout: float = 20.0) -> object:
            retries = {"mode": "standard", "total_max_attempts": 3}
            # The pool is shared by the scheduler, a driver per deployment and the hooks' threads.
            config = Config(retries=retries, read_timeout=read_timeout, max_pool_connections=20, proxies={})
            return session.client(service, endpoint_url=settings.endpoint, config=config)

        self._addresses = LoopbackAddresses()
        self._processes = TaskProcesses(settings.log_dir, task_environment(settings.endpoint, settings.region))
        self._host = LocalTaskHost(
            tasks,
            self._processes,
            self._addresses,
            clock,
            secrets=SecretValues(client("ssm"), client("secretsmanager")),  # type: ignore[arg-type]  # boto3 is untyped
            task_definition=records.task_definition,
            tag_of=PushedImages(client("ecr")).tag_of,  # type: ignore[arg-type]  # boto3 is untyped
        )
        self.services = PlayedServices(
            records, clock, not_run=lambda task_id: self._host.not_run.get(task_id, ()), announce=self._announce
        )
        self.one_off = OneOffTasks(self._host, now=clock.now, saved=self._save_one_off, log_dir=settings.log_dir)
        balancers = LoadBalancerCalls(client("elbv2"))  # type: ignore[arg-type]  # boto3 is untyped
        self._scheduler = ServiceScheduler(
            self._host,
            balancers,
            now=clock.now,
            desired_count=self.services.desired_count,
            grace=self.services.grace,
            new_task_arn=self.services.new_task_arn,
            saved=self.services.save_task,
            bounds=self.services.bounds,
            least_grace=START_SECONDS * clock.speed,
        )
        outside = DeploymentWorld(
            self._scheduler,
            balancers,
            client("lambda", _HOOK_SECONDS),  # type: ignore[arg-type]  # boto3 is untyped
            client("cloudwatch"),  # type: ignore[arg-type]  # boto3 is untyped
            check_tasks=self._host.check,
            changed=self.services.changed,
            awaits=self._announce_hook,
        )
        self.services.connect(self._scheduler, Driver(outside, now=clock.now, wall=time.time, wait=self._wait))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name="ecs-scheduler")

    def start(self) -> None:
        """Start the scheduler."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the scheduler and every task's process."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
        self._processes.end_all()
        self._addresses.close()

    def check_tasks(self, task_definition: str) -> None:
        """Raise RehearsalError when tasks of the definition with this ARN could never be started here."""
        self._host.check_definition(task_definition)

    def describe(self) -> dict[str, object]:
        """Services with their deployments (stages with rehearsed and wall time) and tasks; then one-off tasks."""
        tasks = self._scheduler.tasks()
        services: dict[str, object] = {}
        with self._records.scope():
            records = [r for r in list(self._records.services.values()) if is_played(r)]
        for record in records:
            arn = str(record["serviceArn"])
            services[str(record.get("serviceName"))] = {
                "arn": arn,
                "status": record.get("status"),
                "desired": record.get("desiredCount"),
                "task_definition": record.get("taskDefinition"),
                "deployments": [self._describe_deployment(d) for d in self.services.history.of(arn)],
                "task_sets": self.services.task_sets.views(arn),
                "tasks": [self._describe_task(task) for task in tasks if task.revision.service_arn == arn],
            }
        loopback = f"127.{self._addresses.second_octet}.0.0/16"
        return {"loopback": loopback, "services": services, "one_off_tasks": self.one_off.describe()}

    def _save_one_off(self, arn: str, view: dict[str, object]) -> None:
        with self._records.scope():
            self._records.tasks[arn] = view

    def _describe_task(self, task: Task) -> dict[str, object]:
        return {
            "id": task.id,
            "revision": task.revision.arn,
            "side": task.revision.side,
            "address": task.address,
            "state": str(task.state),
            "healthy": task.is_healthy,
            "started_at": task.started_at,
            "stopping_at": task.stopping_at,
            "stopped_at": task.stopped_at,
            "reason": task.reason,
            "exit_code": task.exit_code,
            "not_run": list(self._host.not_run.get(task.id, ())),
            "log": list(last_words(task, self._settings.log_dir)),
        }

    def _describe_deployment(self, deployment: Deployment) -> dict[str, object]:
        run = deployment.run
        return {
            "arn": deployment.arn,
            "plan": plan_summary(run.plan),
            "target": deployment.target.arn,
            "task_definition": deployment.target.task_definition,
            "side": deployment.target.side,
            "source": deployment.source.arn if deployment.source else None,
            "status": str(run.status),
            "stage": str(run.stage) if run.stage else None,
            "reason": run.reason,
            "rollback_reason": run.rollback_reason,
            "triggered_alarms": sorted(run.triggered_alarms),
            "watches_alarms": run.watches_alarms,
            "failed_tasks": deployment.failed_tasks,
            "production": run.production,
            "test": run.test,
            "created_at": deployment.created_at,
            "finished_at": deployment.finished_at,
            "timeline": stage_times(deployment),
        }

    def _keep(self) -> None:
        while not self._stopping.wait(_TICK):
            try:
                self._scheduler.tick()
                self.services.sweep()
                self.one_off.tick()
                if self._embedded is not None:
                    self._embedded.read()
            except Exception:  # noqa: BLE001  # one bad round must not end the tasks' keeper
                _log.exception("the service scheduler's round failed; the next follows")

    def _wait(self, deployment: Deployment, until: float) -> None:
        left = self._clock.real_seconds(until - self._clock.now())
        deployment.nudged.wait(min(max(left, 0.01), _LOOK))

    def _announce(self, deployment: Deployment, name: str, reason: str) -> None:
        """An EventBridge event: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html"""
        number = deployment_id(deployment.target)
        said = reason or f"ECS deployment {number} {'completed' if name.endswith('COMPLETED') else 'in progress'}."
        kind = "ERROR" if name.endswith("FAILED") else "INFO"
        detail = {"eventType": kind, "eventName": name, "deploymentId": number, "reason": said}
        self._send(deployment, "ECS Deployment State Change", detail)

    def _announce_hook(self, deployment: Deployment, hook: HookVisit) -> None:
        """The event of a pause that waits: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html

        The page names its type and eventName; the other members are those that answering it takes, as we suppose.
        """
        detail = {
            "eventType": "INFO",
            "eventName": "HOOK_AWAITING_ACTION",
            "hookId": hook.id,
            "lifecycleStage": str(hook.stage),
            "serviceDeploymentArn": deployment.arn,
        }
        self._send(deployment, "ECS Hook State Change", detail)

    def _send(self, deployment: Deployment, detail_type: str, detail: Mapping[str, object]) -> None:
        told = {**detail, "updatedAt": self._clock.now_utc().strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        try:
            with self._records.scope():
                self._put_event(
                    {
                        "Source": "aws.ecs",
                        "DetailType": detail_type,
                        "Detail": json.dumps(told),
                        "Resources": [deployment.service_arn],
                    }
                )
        except Exception:  # noqa: BLE001  # a target of the event must not fail the deployment
            _log.exception("the event %s could not be delivered", detail.get("eventName"))


def last_words(task: Task, log_dir: Path) -> tuple[str, ...]:
    """The end of a stopped task's log; read once, for the state is asked for again and again."""
    if task.state is not TaskState.STOPPED:
        return ()
    if task.last_words is None:
        task.last_words = tuple(line for log in sorted(log_dir.glob(f"{task.id}-*.log")) for line in last_lines(log))
    return task.last_words
