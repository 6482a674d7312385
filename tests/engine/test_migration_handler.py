"""The migration hook: run once, waited for, stopped in the end; refusals; what is stored before it answers."""

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from bluegreen_constructs.engine.aws import clients
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.handlers.migration import LOOK_SECONDS, STOP_GRACE, MigrationWorld, handler, serve
from bluegreen_constructs.engine.migration import MigrationTask
from bluegreen_constructs.engine.one_off_tasks import LaunchMarks, NotLaunchedError, RevisionToRun, TaskSeen
from bluegreen_constructs.testing import InMemoryStore

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEPLOYMENT = "arn:aws:ecs:eu-west-1:123456789012:service-deployment/apps/web/d1"
TARGET = "Serving/Model"
LIVE = RevisionToRun("apps", "web:6", {"app": ("1.4.0", "repository:1.4.0")})
CANDIDATE = RevisionToRun("apps", "web:7", {"app": ("1.5.0", "repository:1.5.0")})
EXPAND = MigrationTask(["upgrade"], "expand", name="add topic")
SECOND = MigrationTask(["index"], "expand", name="index topic")
CONTRACT = MigrationTask(["drop"], "contract", after="1.4.0", name="drop topic")
RUNNING = TaskSeen(has_ended=False)
WELL = TaskSeen(has_ended=True, exit_code=0, is_stopped=True)


@dataclass
class Tasks:
    """`OneOffTasks` in memory: the same token is the same task."""

    revisions: dict[str, RevisionToRun] = field(default_factory=lambda: {"live": LIVE, "candidate": CANDIDATE})
    source_arn: str = "live"
    started: dict[str, tuple[str, ...]] = field(default_factory=dict)
    looks: list[TaskSeen] = field(default_factory=lambda: [RUNNING, WELL])
    stopped: list[str] = field(default_factory=list)
    is_down: bool = False
    cannot_stop: bool = False
    is_full: int = 0
    tokens: list[str] = field(default_factory=list)
    loses_answer: bool = False
    left: dict[str, TaskSeen] = field(default_factory=dict)
    marks: list[LaunchMarks] = field(default_factory=list)
    stopping: list[str] = field(default_factory=list)

    def source(self, deployment: str) -> str:
        self._answer()
        assert deployment.startswith(DEPLOYMENT)
        return self.source_arn

    def revision(self, arn: str) -> RevisionToRun:
        self._answer()
        return self.revisions[arn]

    def run(self, revision: RevisionToRun, container: str, migration: MigrationTask, marks: LaunchMarks) -> str:
        self._answer()
        token = marks.token
        self.marks.append(marks)
        self.tokens.append(token)
        if self.is_full:
            self.is_full -= 1
            raise NotLaunchedError("Amazon ECS launched no task: RESOURCE:MEMORY")
        self.started.setdefault(token, (revision.task_definition, container, *migration.command))
        if self.loses_answer:
            self.loses_answer = False
            raise AwsError("read timeout")
        return f"task/apps/{list(self.started).index(token)}"

    def running(self, cluster: str, started_by: str) -> list[str]:
        self._answer()
        own = {marks.token: marks.started_by for marks in self.marks}
        found = [task for task, token in zip(self._groups, self.started, strict=True) if own[token] == started_by]
        is_running = not self.looks[0].is_stopped
        left = [task for task, seen in self.left.items() if not seen.is_stopped and task not in self.stopping]
        return [*(found if is_running else []), *left]

    @property
    def _groups(self) -> dict[str, str]:
        """The tasks that were run, with their deployments."""
        own = {marks.token: marks.group for marks in self.marks}
        return {f"task/apps/{number}": own[token] for number, token in enumerate(self.started)}

    def seen(self, cluster: str, task: str, container: str) -> TaskSeen:
        self._answer()
        if task in self.left:
            return self.left[task]
        seen = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return replace(seen, group=self._groups[task])

    def stop(self, cluster: str, task: str, reason: str) -> None:
        if self.cannot_stop:
            raise AwsError("StopTask was throttled")
        if task in self.left:
            self.stopping.append(task)
        self.stopped.append(task)

    def log_stream(self, task_definition: str, container: str, task: str) -> str:
        self._answer()
        return "web/app/0 of logs"

    def _answer(self) -> None:
        if self.is_down:
            raise AwsError("throttled")


@dataclass
class World:
    """The hook's world, and how Amazon ECS calls it."""

    tasks: Tasks = field(default_factory=Tasks)
    store: InMemoryStore = field(default_factory=InMemoryStore)
    now: datetime = NOW
    deployment: str = DEPLOYMENT

    def ask(self, details: object) -> dict:
        event = {
            "hookDetails": details,
            "resourceArn": self.deployment,
            "executionDetails": {"targetServiceRevisionArn": "candidate"},
            "lifecycleStage": "PRE_SCALE_UP",
        }
        world = MigrationWorld(self.tasks, self.store, lambda: self.now)
        return json.loads(json.dumps(serve(json.loads(json.dumps(event)), world)))

    def play(self, *migrations: MigrationTask, most: int = 200) -> str:
        details = said(*migrations)
        for _ in range(most):
            answer = self.ask(details)
            if answer["hookStatus"] != "IN_PROGRESS":
                return answer["hookStatus"]
            details = answer["hookDetails"]
            self.now += timedelta(seconds=answer["callBackDelay"])
        raise AssertionError("it never ended")

    @property
    def items(self) -> list:
        return self.store.items.get(TARGET, [])

    @property
    def commands(self) -> list[str]:
        return [command for _, _, command in self.tasks.started.values()]


@pytest.fixture
def world() -> World:
    return World()


def said(*migrations: MigrationTask) -> dict:
    return {"migrations": [one.to_details() for one in migrations], "container": "app", "target": TARGET}


def test_it_is_run_in_the_candidates_image_and_waited_for(world: World) -> None:
    first = world.ask(said(EXPAND))
    assert (first["hookStatus"], first["callBackDelay"]) == ("IN_PROGRESS", LOOK_SECONDS)
    assert list(world.tasks.started.values()) == [("web:7", "app", "upgrade")]
    second = world.ask(first["hookDetails"])
    assert second["hookStatus"] == "IN_PROGRESS", "it still runs"
    assert world.ask(second["hookDetails"]) == {"hookStatus": "SUCCEEDED"}
    assert len(world.tasks.started) == 1
    (item,) = world.items
    assert (item.event, item.rollout, item.phase) == ("HOOK_PASSED", "d1", "PREPARING")
    assert item.reason == "add topic: it ended with exit code 0"
    assert item.evidence["task"] == "task/apps/0"


def test_several_are_run_one_after_the_other(world: World) -> None:
    world.tasks.looks = [RUNNING, WELL, RUNNING, WELL]
    assert world.play(EXPAND, SECOND) == "SUCCEEDED"
    assert world.commands == ["upgrade", "index"]


def test_each_has_its_own_time_and_its_own_end(world: World) -> None:
    world.tasks.looks = [*[RUNNING] * 30, WELL, *[RUNNING] * 30, WELL]
    ten = timedelta(minutes=10)
    assert world.play(replace(EXPAND, timeout=ten), replace(SECOND, timeout=ten)) == "SUCCEEDED"
    assert world.now - NOW > ten
    first, second = world.items
    assert second.at - first.at > timedelta(minutes=7)


def test_what_was_kept_of_one_is_not_taken_for_the_next(world: World) -> None:
    world.tasks.looks = [WELL]
    running = world.ask(said(EXPAND, SECOND))["hookDetails"]
    world.store.is_down = True
    waiting = world.ask(running)["hookDetails"]
    world.store.is_down = False
    following = world.ask(waiting)["hookDetails"]
    assert following.keys() & {"task", "cluster", "task_definition", "ended"} == set()


def test_the_first_that_fails_ends_it(world: World) -> None:
    world.tasks.looks = [TaskSeen(has_ended=True, exit_code=3, is_stopped=True)]
    assert world.play(EXPAND, SECOND) == "FAILED"
    assert world.commands == ["upgrade"]


def test_an_exit_code_fails_with_where_its_output_is(world: World) -> None:
    ended = TaskSeen(has_ended=True, exit_code=3, is_stopped=True, reason="Essential container in task exited")
    world.tasks.looks = [ended]
    assert world.play(EXPAND) == "FAILED"
    assert world.items[0].event == "HOOK_FAILED"
    assert world.items[0].reason == (
        "add topic: it ended with exit code 3: Essential container in task exited; its output is in the log stream "
        "web/app/0 of logs"
    )


def test_a_task_that_never_ran_fails_with_the_reason_of_ecs(world: World) -> None:
    world.tasks.looks = [TaskSeen(has_ended=True, is_stopped=True, reason="CannotPullContainerError: not found")]
    assert world.play(EXPAND) == "FAILED"
    assert "it never ran: CannotPullContainerError" in world.items[0].reason


def test_a_container_beside_it_that_goes_on_is_stopped(world: World) -> None:
    world.tasks.looks = [replace(WELL, is_stopped=False)]
    assert world.play(EXPAND) == "SUCCEEDED"
    assert world.tasks.stopped == ["task/apps/0"]


def test_one_that_does_not_end_in_time_is_stopped_and_fails(world: World) -> None:
    world.tasks.looks = [RUNNING]
    assert world.play(replace(EXPAND, timeout=timedelta(minutes=10))) == "FAILED"
    assert world.tasks.stopped == ["task/apps/0"]
    assert world.now - NOW < timedelta(minutes=11)
    assert world.items[0].reason == "add topic: it did not end in time: it runs"


def test_one_that_cannot_be_stopped_is_tried_for_a_while_and_named(world: World) -> None:
    world.tasks.looks, world.tasks.cannot_stop = [RUNNING], True
    assert world.play(replace(EXPAND, timeout=timedelta(minutes=10))) == "FAILED"
    assert timedelta(minutes=10) + STOP_GRACE <= world.now - NOW < timedelta(minutes=16)
    assert "task/apps/0 could not be stopped: StopTask was throttled" in world.items[0].reason


class TestTroubleWithAws:
    def test_a_run_whose_answer_was_lost_is_not_run_twice(self, world: World) -> None:
        world.tasks.loses_answer = True
        assert world.play(EXPAND) == "SUCCEEDED"
        assert world.commands == ["upgrade"]

    def test_a_call_that_is_delivered_twice_runs_it_once(self, world: World) -> None:
        one, other = world.ask(said(EXPAND)), world.ask(said(EXPAND))
        assert one["hookDetails"]["task"] == other["hookDetails"]["task"]
        assert world.commands == ["upgrade"]

    def test_the_next_deployment_runs_it_again(self, world: World) -> None:
        world.tasks.looks = [WELL]
        first = world.ask(said(EXPAND))
        world.deployment = f"{DEPLOYMENT}-2"
        assert world.ask(said(EXPAND))["hookDetails"]["task"] != first["hookDetails"]["task"]

    def test_the_next_deployment_waits_for_what_this_one_runs(self, world: World) -> None:
        world.tasks.looks = [RUNNING]
        first = world.ask(said(EXPAND))
        world.deployment = f"{DEPLOYMENT}-2"
        assert world.ask(said(EXPAND))["hookDetails"]["earlier"] == first["hookDetails"]["task"]
        assert world.commands == ["upgrade"]

    def test_without_capacity_it_is_asked_for_by_another_token(self, world: World) -> None:
        world.tasks.is_full = 2
        assert world.play(EXPAND) == "SUCCEEDED"
        assert len(set(world.tasks.tokens)) == 3, "the token of a request that launched nothing answers the same again"

    def test_an_error_is_asked_again_and_in_the_end_no_pass(self, world: World) -> None:
        world.tasks.is_down = True
        assert world.ask(said(EXPAND))["hookStatus"] == "IN_PROGRESS"
        assert world.play(EXPAND) == "FAILED"
        assert world.items[0].reason == "add topic: it did not end in time: throttled"

    def test_nothing_is_answered_before_the_end_is_stored(self, world: World) -> None:
        world.tasks.looks = [WELL]
        running = world.ask(said(EXPAND))["hookDetails"]
        world.store.is_down = True
        waiting = world.ask(running)
        assert waiting["hookStatus"] == "IN_PROGRESS"
        world.store.is_down = False
        world.now += timedelta(minutes=5)
        assert world.ask(waiting["hookDetails"])["hookStatus"] == "SUCCEEDED"
        assert [item.at for item in world.items] == [NOW]


class TestEarlierDeployment:
    """What a deployment that was aborted left running."""

    EARLIER = "task/apps/earlier"

    @pytest.fixture(autouse=True)
    def left(self, world: World) -> None:
        world.tasks.left = {self.EARLIER: replace(RUNNING, group="of another deployment")}
        world.tasks.looks = [WELL]

    def test_it_is_waited_for_and_nothing_runs_beside_it(self, world: World) -> None:
        waiting = world.ask(said(EXPAND))
        assert (waiting["hookStatus"], waiting["callBackDelay"]) == ("IN_PROGRESS", LOOK_SECONDS)
        assert (world.tasks.started, world.tasks.stopped) == ({}, [])
        world.tasks.left[self.EARLIER] = WELL
        world.now += timedelta(minutes=20)
        following = world.ask(waiting["hookDetails"])
        assert world.commands == ["upgrade"]
        assert "earlier" not in following["hookDetails"]
        assert following["hookDetails"]["began"] == world.now.isoformat(), "it has all of its own time"
        assert world.ask(following["hookDetails"]) == {"hookStatus": "SUCCEEDED"}

    def test_one_that_is_over_time_is_stopped_and_waited_for_until_it_has_ended(self, world: World) -> None:
        waiting = world.ask(said(EXPAND))
        world.now += EXPAND.span
        stopping = world.ask(waiting["hookDetails"])
        assert (world.tasks.stopped, world.commands) == ([self.EARLIER], [])
        world.now += timedelta(minutes=1)
        stopping = world.ask(stopping["hookDetails"])
        assert world.commands == [], "it is not listed any more, and still has not ended"
        world.tasks.left[self.EARLIER] = replace(WELL, exit_code=143)
        assert world.ask(stopping["hookDetails"])["hookDetails"]["task"] == "task/apps/0"
        assert world.commands == ["upgrade"]

    def test_one_that_does_not_end_fails_the_deployment_that_ran_nothing(self, world: World) -> None:
        assert world.play(replace(EXPAND, timeout=timedelta(minutes=10))) == "FAILED"
        assert timedelta(minutes=10) + STOP_GRACE <= world.now - NOW < timedelta(minutes=16)
        assert world.commands == []
        (item,) = world.items
        assert item.reason == (
            "add topic: it did not end in time: task task/apps/earlier runs since an earlier deployment"
        )

    def test_one_that_cannot_be_stopped_at_once_is_tried_again(self, world: World) -> None:
        waiting = world.ask(said(EXPAND))
        world.now += EXPAND.span
        world.tasks.cannot_stop = True
        waiting = world.ask(waiting["hookDetails"])
        assert waiting["hookStatus"] == "IN_PROGRESS"
        world.tasks.cannot_stop = False
        assert world.ask(waiting["hookDetails"])["hookStatus"] == "IN_PROGRESS"
        assert world.tasks.stopped == [self.EARLIER]

    def test_one_whose_command_has_ended_is_stopped_at_once(self, world: World) -> None:
        """Nobody else does: the hook of its own deployment is not asked any more."""
        world.tasks.left[self.EARLIER] = TaskSeen(has_ended=True, exit_code=0, group="of another deployment")
        assert world.ask(said(EXPAND))["hookStatus"] == "IN_PROGRESS"
        assert world.tasks.stopped == [self.EARLIER]

    def test_without_an_answer_about_what_runs_nothing_is_run(self, world: World) -> None:
        def silent(*_: str) -> list[str]:
            raise AwsError("ListTasks was throttled")

        world.tasks.running = silent
        assert world.ask(said(EXPAND))["hookStatus"] == "IN_PROGRESS"
        assert world.commands == []

    def test_its_own_task_is_none_of_an_earlier_deployment(self, world: World) -> None:
        world.tasks.left, world.tasks.looks, world.tasks.loses_answer = {}, [RUNNING], True
        lost = world.ask(said(EXPAND))["hookDetails"]
        assert world.tasks.running("apps", world.tasks.marks[0].started_by) == ["task/apps/0"]
        assert world.ask(lost)["hookDetails"]["task"] == "task/apps/0"
        assert (world.tasks.stopped, world.commands) == ([], ["upgrade"])

    def test_the_mark_is_that_of_the_migration_whichever_deployment_runs_it(self, world: World) -> None:
        world.tasks.left = {}
        world.ask(said(EXPAND))
        world.deployment = f"{DEPLOYMENT}-2"
        world.ask(said(EXPAND))
        world.ask({**said(EXPAND), "target": "Serving/Other"})
        world.ask(said(SECOND))
        first, later, other, second = world.tasks.marks
        assert first.started_by == later.started_by
        assert len({first.started_by, other.started_by, second.started_by}) == 3
        assert len({first.group, later.group}) == len({first.token, later.token}) == 2
        assert all(re.fullmatch(r"[a-z0-9-]{1,36}", mark.started_by) for mark in world.tasks.marks)

    def test_without_a_history_the_service_is_told_from_others_in_the_cluster(self, world: World) -> None:
        world.tasks.left = {}
        for world.deployment in (DEPLOYMENT, f"{DEPLOYMENT}-2", DEPLOYMENT.replace("/web/", "/other/")):
            world.tasks.source = lambda _: "live"
            world.ask({**said(EXPAND), "target": None})
        first, later, other = (mark.started_by for mark in world.tasks.marks)
        assert first == later != other


class TestLive:
    def test_the_first_deployment_is_migrated_too(self, world: World) -> None:
        world.tasks.source_arn = ""
        assert world.play(EXPAND, replace(CONTRACT, after="0.9")) == "SUCCEEDED"
        assert world.commands == ["upgrade", "drop"]

    def test_a_task_definition_that_is_live_is_not_migrated_so_that_going_back_cannot_fail(self, world: World) -> None:
        world.tasks.revisions["candidate"] = LIVE
        assert world.play(EXPAND, replace(CONTRACT, after="0.9")) == "SUCCEEDED"
        assert world.commands == []

    def test_a_contract_is_run_when_the_release_that_no_longer_needs_it_is_live(self, world: World) -> None:
        assert world.play(CONTRACT) == "SUCCEEDED"
        assert world.commands == ["drop"]

    def test_a_contract_is_refused_while_another_release_is_live(self, world: World) -> None:
        world.tasks.revisions["live"] = replace(LIVE, images={"app": ("1.3.0",), "proxy": ("1.4.0",)})
        assert world.play(CONTRACT) == "FAILED"
        assert world.commands == []
        assert "it contracts after 1.4.0, and live is 1.3.0" in world.items[0].reason

    def test_a_contract_is_refused_when_the_container_is_not_in_the_live_release(self, world: World) -> None:
        world.tasks.revisions["live"] = replace(LIVE, images={"proxy": ("1.4.0",)})
        assert world.play(CONTRACT) == "FAILED"
        assert "live is not known" in world.items[0].reason


class TestHistory:
    def test_a_contract_that_was_run_is_no_hindrance_to_later_releases(self, world: World) -> None:
        assert world.play(CONTRACT) == "SUCCEEDED"
        world.tasks.revisions = {"live": CANDIDATE, "candidate": replace(CANDIDATE, task_definition="web:8")}
        assert world.play(CONTRACT) == "SUCCEEDED"
        assert world.commands == ["drop"]

    def test_another_command_of_the_same_name_was_not_run(self, world: World) -> None:
        assert world.play(CONTRACT) == "SUCCEEDED"
        world.tasks.revisions = {"live": CANDIDATE, "candidate": replace(CANDIDATE, task_definition="web:8")}
        assert world.play(replace(CONTRACT, command=("drop", "--all"))) == "FAILED"

    def test_going_back_to_a_task_definition_that_was_migrated_runs_nothing(self, world: World) -> None:
        assert world.play(EXPAND) == "SUCCEEDED"
        world.tasks.revisions["live"] = replace(CANDIDATE, task_definition="web:8")
        world.deployment = DEPLOYMENT
        assert world.play(EXPAND) == "SUCCEEDED"
        assert world.commands == ["upgrade"]

    def test_one_that_failed_is_run_again(self, world: World) -> None:
        world.tasks.looks = [TaskSeen(has_ended=True, exit_code=1, is_stopped=True)]
        assert world.play(EXPAND) == "FAILED"
        world.tasks.looks = [WELL]
        assert world.play(EXPAND) == "SUCCEEDED"
        assert len(world.tasks.tokens) == 2

    def test_without_a_table_it_is_run_all_the_same(self, world: World) -> None:
        event = {
            "hookDetails": said(EXPAND),
            "resourceArn": DEPLOYMENT,
            "executionDetails": {"targetServiceRevisionArn": "candidate"},
        }
        assert serve(event, MigrationWorld(world.tasks))["hookStatus"] == "IN_PROGRESS"
        assert world.commands == ["upgrade"]


@pytest.mark.parametrize("details", [None, 7, "7", {}, {"migrations": []}])
def test_a_call_that_does_not_say_what_to_run_fails_instead_of_passing(world: World, details: object) -> None:
    assert world.ask(details) == {"hookStatus": "FAILED"}


def test_details_that_come_as_text_are_read(world: World) -> None:
    assert world.ask(json.dumps(said(EXPAND)))["hookStatus"] == "IN_PROGRESS"


def test_a_call_without_a_deployment_fails(world: World) -> None:
    world.deployment = ""
    assert world.ask(said(EXPAND)) == {"hookStatus": "FAILED"}


def test_lambdas_entry_point_asks_amazon_ecs_and_waits_when_it_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    class Silent:
        """A client of which no call is answered."""

        class exceptions:  # noqa: N801  # boto3's name
            ClientError = LookupError

        def describe_service_deployments(self, **_: object) -> None:
            raise clients.TRANSPORT_ERRORS[0]

    monkeypatch.setattr(clients, "one_off_tasks", Silent)
    monkeypatch.delenv("BLUEGREEN_TABLE", raising=False)
    event = {
        "hookDetails": said(EXPAND),
        "resourceArn": DEPLOYMENT,
        "executionDetails": {"targetServiceRevisionArn": "candidate"},
    }
    assert handler(event, None)["hookStatus"] == "IN_PROGRESS"
