"""The ECS lifecycle hook that runs migrations, one after the other, before the candidate is scaled up."""

import hashlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..aws import clients
from ..aws.dynamodb_store import DynamoDbStore
from ..aws.one_off_tasks import EcsOneOffTasks
from ..environment import TABLE
from ..errors import AwsError
from ..hook_event import HookEvent
from ..hook_record import PASSED, hook_item
from ..migration import MigrationTask
from ..one_off_tasks import LaunchMarks, NotLaunchedError, OneOffTasks, RevisionToRun, TaskSeen
from ..ports import Store
from ..present_time import present
from .smoke_test import HookAnswer

logger = logging.getLogger(__name__)

LOOK_SECONDS = 15
RETRY_SECONDS = 30
STOP_GRACE = timedelta(minutes=5)
"""For how long after the time-out a task that could not be stopped is tried to be stopped again."""
_MOST_HISTORY = 1000


@dataclass(frozen=True, slots=True)
class MigrationWorld:
    """What a migration needs: Amazon ECS, the table (None: there is none), and the time."""

    tasks: OneOffTasks
    store: Store | None = None
    now: Callable[[], datetime] = lambda: present(os.environ, time.time())


def handler(event: Mapping[str, object], _context: object) -> HookAnswer:
    """Lambda's entry point."""
    table = os.environ.get(TABLE)
    store = DynamoDbStore(clients.dynamodb(), table, clients.TRANSPORT_ERRORS) if table else None
    tasks = EcsOneOffTasks(clients.one_off_tasks(), clients.TRANSPORT_ERRORS)
    return serve(event, MigrationWorld(tasks, store))


def serve(event: Mapping[str, object], world: MigrationWorld) -> HookAnswer:
    """Take the next step; SUCCEEDED when all migrations ended well, FAILED at the first that did not."""
    asked = HookEvent.of(event)
    if asked is None or not asked.deployment or not asked.revision:
        logger.error("the hook does not say what to run for which deployment", extra={"event": dict(event)})
        return {"hookStatus": "FAILED"}
    try:
        return _Migrating(asked, world).go_on()
    except (LookupError, TypeError, ValueError) as error:
        logger.error("the migrations cannot be read: %s", error)  # noqa: TRY400 -- the sentence says it
        return {"hookStatus": "FAILED"}


class _Migrating:
    """One invocation, about one migration of the list."""

    def __init__(self, event: HookEvent, world: MigrationWorld) -> None:
        self._event = event
        self._world = world
        self._now = world.now()
        self._details: dict[str, Any] = {"at": 0, "attempt": 0, "began": self._now.isoformat(), **event.details}
        self._migrations = [MigrationTask.from_details(one) for one in self._details["migrations"]]
        self._migration = self._migrations[int(self._details["at"])]
        self._container = str(self._details["container"])

    def go_on(self) -> HookAnswer:
        try:
            return self._look() if self._details.get("task") else self._begin()
        except NotLaunchedError as error:
            # The token of a request that launched nothing answers the same again.
            return self._later(str(error), attempt=int(self._details["attempt"]) + 1)
        except AwsError as error:
            return self._later(str(error))

    def _begin(self) -> HookAnswer:
        tasks = self._world.tasks
        source = tasks.source(self._event.deployment)
        revision = tasks.revision(self._event.revision)
        live = tasks.revision(source) if source else None
        if live is not None and live.task_definition == revision.task_definition:
            # Such as CloudFormation on its way back, whose release must not fail on what a later one has migrated.
            logger.info("no migration is run: %s is live already", revision.task_definition)
            return {"hookStatus": "SUCCEEDED"}
        if self._was_run(revision):
            logger.info("migration %s was run already", self._migration.name)
            return self._next()
        refusal = self._migration.refusal(None if live is None else live.images.get(self._container, ()))
        if refusal:
            return self._fail(refusal, revision.task_definition)
        waiting = self._wait_for_earlier(revision.cluster)
        if waiting is not None:
            return waiting
        task = tasks.run(revision, self._container, self._migration, self._marks)
        logger.info("migration %s runs as %s", self._migration.name, task)
        return self._again(LOOK_SECONDS, task=task, cluster=revision.cluster, task_definition=revision.task_definition)

    def _wait_for_earlier(self, cluster: str) -> HookAnswer | None:
        """Wait for what a deployment before this one left running, such as one that was aborted; None: there is none.

        Two of a kind at once could undo each other. What is over time, or only has another container going on, is
        stopped, and waited for until it has ended: then this one begins, with all of its time.
        """
        tasks = self._world.tasks
        known = [self._details["earlier"]] if "earlier" in self._details else []  # once stopped it is not listed
        for task in dict.fromkeys([*known, *tasks.running(cluster, self._marks.started_by)]):
            seen = tasks.seen(cluster, task, self._container)
            if seen.is_stopped or seen.group == self._marks.group:
                continue
            self._details["earlier"] = task
            if seen.has_ended or self._late >= timedelta():
                tasks.stop(cluster, task, "a later deployment has waited for this migration in vain")
            return self._later(f"task {task} runs since an earlier deployment", LOOK_SECONDS)
        if self._details.pop("earlier", None):
            self._details["began"] = self._now.isoformat()
        return None

    def _look(self) -> HookAnswer:
        seen = self._world.tasks.seen(self._details["cluster"], self._details["task"], self._container)
        if not seen.has_ended:
            return self._later("it runs", LOOK_SECONDS)
        if not seen.is_stopped:  # a container beside the command's would go on for ever
            with suppress(AwsError):
                self._stop("the migration has ended")
        if seen.exit_code == 0:
            return self._succeed(seen)
        return self._fail(self._what_failed(seen), self._details["task_definition"])

    def _succeed(self, seen: TaskSeen) -> HookAnswer:
        at = str(self._details.get("ended") or self._now.isoformat())
        try:
            self._record(at, "it ended with exit code 0", self._details["task_definition"], passes=True)
        except AwsError as error:  # what is not stored is not acted on
            return self._later(f"it ended well, and that could not be stored: {error}", ended=at)
        logger.info("migration %s ended well", self._migration.name, extra={"seen": str(seen)})
        return self._next()

    def _next(self) -> HookAnswer:
        following = int(self._details["at"]) + 1
        if following == len(self._migrations):
            return {"hookStatus": "SUCCEEDED"}
        for name in ("task", "cluster", "task_definition", "ended", "earlier"):
            self._details.pop(name, None)
        return self._again(1, at=following, attempt=0, began=self._now.isoformat())

    def _later(self, why: str, delay: int = RETRY_SECONDS, **progress: object) -> HookAnswer:
        """Be asked again, until the time is over: then the task is stopped, and if it takes some tries."""
        late = self._late
        if late < (STOP_GRACE if "earlier" in self._details else timedelta()):
            logger.info("migration %s: %s", self._migration.name, why)
            return self._again(delay, **progress)
        if self._details.get("task"):
            try:
                self._stop("the migration did not end in time")
            except AwsError as error:
                if late < STOP_GRACE:
                    return self._again(LOOK_SECONDS, **progress)
                why = f"{why}, and the task {self._details['task']} could not be stopped: {error}"
        return self._fail(f"it did not end in time: {why}", str(self._details.get("task_definition", "")))

    def _fail(self, reason: str, task_definition: str) -> HookAnswer:
        with suppress(AwsError):  # it fails either way
            self._record(self._now.isoformat(), reason, task_definition, passes=False)
        logger.error("migration %s: %s", self._migration.name, reason)
        return {"hookStatus": "FAILED"}

    def _what_failed(self, seen: TaskSeen) -> str:
        ended = "it never ran" if seen.exit_code is None else f"it ended with exit code {seen.exit_code}"
        said = f"{ended}: {seen.reason}" if seen.reason else ended
        stream = ""
        with suppress(AwsError):  # where its output is would help, and decides nothing
            task, definition = self._details["task"], self._details["task_definition"]
            stream = self._world.tasks.log_stream(definition, self._container, task)
        return (
            f"{said}; its output is in the log stream {stream}" if stream else f"{said}; task {self._details['task']}"
        )

    def _was_run(self, revision: RevisionToRun) -> bool:
        """Whether the history has it: an expand migration with this task definition, a contract migration ever."""
        store, target = self._world.store, self._target
        if store is None or not target:
            return False
        wanted = self._evidence(revision.task_definition)
        if self._migration.kind == "contract":
            del wanted["task_definition"]
        return any(
            item.event == PASSED and wanted.items() <= dict(item.evidence).items()
            for item in store.history(target, _MOST_HISTORY)
            if item.evidence.get("migration") == self._migration.name
        )

    def _record(self, at: str, reason: str, task_definition: str, *, passes: bool) -> None:
        store, target = self._world.store, self._target
        if store is None or not target:
            return
        item = hook_item(
            store,
            target,
            self._event,
            at=datetime.fromisoformat(at),
            phase="PREPARING",
            passes=passes,
            reason=f"{self._migration.name}: {reason}",
            evidence={**self._evidence(task_definition), "task": str(self._details.get("task", ""))},
        )
        store.record(target, item)

    def _evidence(self, task_definition: str) -> dict[str, object]:
        return {
            "migration": self._migration.name,
            "kind": self._migration.kind,
            "command": " ".join(self._migration.command),
            "task_definition": task_definition,
        }

    @property
    def _target(self) -> str:
        return str(self._details.get("target") or "")

    @property
    def _late(self) -> timedelta:
        """For how long its time has been over; negative before."""
        return self._now - datetime.fromisoformat(self._details["began"]) - self._migration.span

    @property
    def _marks(self) -> LaunchMarks:
        """The token is the same for every call about one try; without a target the service is what stays the same."""
        deployment, name = self._event.deployment, self._migration.name
        served = self._target or deployment.rpartition("/")[0]
        return LaunchMarks(
            token=_hashed(f"{deployment} {name} {self._details['attempt']}"),
            started_by=_hashed(f"{served} {name}"),
            group=_hashed(deployment),
        )

    def _stop(self, reason: str) -> None:
        self._world.tasks.stop(self._details["cluster"], self._details["task"], reason)

    def _again(self, delay: int, **progress: object) -> HookAnswer:
        details = {**self._details, **progress}
        return {"hookStatus": "IN_PROGRESS", "callBackDelay": delay, "hookDetails": details}


def _hashed(said: str) -> str:
    """34 letters, digits and a hyphen: neither a token nor a mark takes the characters of a name."""
    return f"bluegreen-{hashlib.sha256(said.encode()).hexdigest()[:24]}"
