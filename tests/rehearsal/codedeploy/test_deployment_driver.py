"""The driver in a world in memory: what follows a deployment that ends before its time, and what a defect leaves."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.codedeploy.app_spec import AppSpec
from bluegreen_constructs.rehearsal.codedeploy.deployment_driver import Driver
from bluegreen_constructs.rehearsal.codedeploy.deployment_plan import Plan, RollbackOn, Route
from bluegreen_constructs.rehearsal.codedeploy.deployment_run import AskHook, Run, Status, new_rollback, new_run
from bluegreen_constructs.rehearsal.codedeploy.deployments import Deployment, DeploymentHistory, Milestone, Order
from bluegreen_constructs.rehearsal.codedeploy.lifecycle_script import Change
from bluegreen_constructs.rehearsal.codedeploy.refusals import StepFailedError
from bluegreen_constructs.rehearsal.ecs.deployment_run import Tasks

PLAN = Plan(has_test_route=False, alarms=("errors",), rolls_back_on=frozenset(RollbackOn))
ORDER = Order(
    application="web",
    group="all",
    group_settings={},
    configuration="",
    revision={},
    settings={},
    creator="user",
    route=Route("c", "web", ("blue", "green"), "arn:listener"),
    service_arn="arn:service",
)


class World:
    """A world whose tasks are healthy at once. `fails` is raised by the change that shifts production forward."""

    def __init__(self, fails: Exception | None = None, ringing: Callable[[], frozenset[str]] = frozenset) -> None:
        self.fails = fails
        self.alarms = ringing
        self.changes: list[tuple[str, Change]] = []
        self.told: list[str] = []

    def change(self, deployment: Deployment, change: Change) -> None:
        self.changes.append((deployment.id, change))
        if self.fails is not None and change.production == 100.0:
            raise self.fails

    def look(self, deployment: Deployment) -> Tasks:
        return Tasks(1, 1, 1)

    def ringing(self, names: tuple[str, ...]) -> frozenset[str]:
        return self.alarms()

    def ask_hook(self, deployment: Deployment, hook: AskHook) -> None:
        raise AssertionError("there is no hook")

    def changed(self, deployment: Deployment, milestone: Milestone) -> None:
        self.told.append(f"{deployment.id} {milestone.status}")


def played(world: World, plan: Plan = PLAN) -> dict[str, Deployment]:
    """A deployment to its end, and whatever followed it."""
    made = {"d-1": Deployment("d-1", ORDER, AppSpec("td:2", "app", 80, {}, {}), 0.0, new_run(plan, "d-1"))}

    def rollback(of: Deployment, ended: Run) -> Deployment:
        assert not of.run.status.has_ended, "named before it is seen to have ended"
        made["d-2"] = Deployment("d-2", ORDER, of.spec, 0.0, new_rollback(ended, "d-2"))
        return made["d-2"]

    clock = iter(range(10**6))
    driver = Driver(
        world, now=lambda: float(next(clock)), wall=lambda: 0.0, wait=lambda *_: None, new_rollback=rollback
    )
    driver.play(made["d-1"])
    assert all(deployment.ended.is_set() for deployment in made.values())
    return made


def test_a_deployment_that_succeeds_is_followed_by_nothing() -> None:
    made = played(World())
    assert {name: it.run.status for name, it in made.items()} == {"d-1": Status.SUCCEEDED}


def test_a_step_that_fails_is_rolled_back_by_a_deployment_of_its_own() -> None:
    world = World(StepFailedError("ELASTIC_LOAD_BALANCING_INVALID", "the rule is gone"))
    made = played(world)
    assert {name: it.run.status for name, it in made.items()} == {"d-1": Status.FAILED, "d-2": Status.SUCCEEDED}
    error = made["d-1"].run.error
    assert error is not None
    assert (error.code, error.message) == ("ELASTIC_LOAD_BALANCING_INVALID", "the rule is gone")
    assert [change.production for name, change in world.changes if name == "d-2"] == [0.0, None]
    assert world.told[-1] == "d-2 Succeeded"


def unreadable() -> frozenset[str]:
    raise RehearsalError("the alarms cannot be read")


def test_alarms_that_cannot_be_read_fail_the_deployment_unless_the_group_ignores_that() -> None:
    failed = played(World(ringing=unreadable))["d-1"].run
    assert failed.error is not None
    assert (failed.status, failed.error.message) == (Status.FAILED, "the alarms cannot be read")
    ignored = played(World(ringing=unreadable), replace(PLAN, ignores_unread_alarms=True))["d-1"].run
    assert ignored.status is Status.SUCCEEDED


def test_a_defect_ends_as_a_failed_deployment_that_says_so() -> None:
    world = World(ZeroDivisionError("a defect"))
    with pytest.raises(ZeroDivisionError):
        played(world)
    assert world.told[-1] == "d-1 Failed"


def test_a_group_has_one_deployment_at_a_time_and_a_rollback_takes_over_from_the_one_it_rolls_back() -> None:
    history = DeploymentHistory()
    first, second, rollback = (
        Deployment(name, ORDER, AppSpec("td:2", "app", 80, {}, {}), 0.0, new_run(PLAN, name))
        for name in ("d-1", "d-2", "d-3")
    )
    rollback.rollback_of = "d-1"
    assert history.add(first) is None
    assert history.add(second) is first
    assert history.add(rollback) is None
    first.ended.set()
    assert history.add(second) is rollback
    rollback.ended.set()
    assert history.add(second) is None
    assert [one.id for one in history.of("web", "all")] == ["d-1", "d-3", "d-2"]
    assert len({history.new_id() for _ in range(100)}) == 100
