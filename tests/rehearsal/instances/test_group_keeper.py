"""Auto Scaling against machines and target groups in memory, by a clock that only the test moves."""

from collections.abc import Mapping

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.instances.group_keeper import Group, GroupKeeper, Lifecycle, Member
from bluegreen_constructs.rehearsal.instances.program import Template

GROUP = "arn:blue"


class Ec2:
    """Machines, load balancer and clock in one."""

    def __init__(self, least_grace: float = 0.0) -> None:
        self.now = 1000.0
        self.group = Group("fleet", 2, (GROUP,), grace=60.0, template=Template("lt-1", "model", 1))
        self.up: set[str] = set()
        self.ending: set[str] = set()
        self.launched = 0
        self.refuses = ""
        self.no_group = ""
        self.states: dict[str, str] = {}
        self.shown: tuple[Member, ...] = ()
        self.keeper = GroupKeeper(
            self,
            self,
            now=lambda: self.now,
            new_id=lambda: f"activity-{self.now:g}",
            changed=self.show,
            least_grace=least_grace,
        )

    def show(self, group: str, members: tuple[Member, ...]) -> None:
        assert group == "fleet"
        self.shown = members

    def launch(self, group: Group) -> str:
        if self.refuses:
            raise RehearsalError(self.refuses)
        self.launched += 1
        instance = f"i-{self.launched}"
        self.up.add(instance)
        return instance

    def is_running(self, instance: str) -> bool:
        return instance in self.up

    def terminate(self, instance: str) -> None:
        self.up.discard(instance)
        self.ending.add(instance)

    def has_ended(self, instance: str) -> bool:
        return instance not in self.ending

    def register(self, group: str, instance: str) -> None:
        if self.no_group:
            raise RehearsalError(self.no_group)
        self.states[instance] = "initial"

    def deregister(self, group: str, instance: str) -> None:
        self.states[instance] = "draining"

    def health(self, group: str) -> Mapping[str, str]:
        return dict(self.states)

    def tick(self, seconds: float = 1.0, *, rounds: int = 1) -> None:
        for _ in range(rounds):
            self.now += seconds
            self.keeper.tick({"fleet": self.group} if self.group else {})

    def ids(self) -> list[str]:
        return [member.id for member in self.shown]


def changed(ec2: Ec2, **fields: object) -> None:
    ec2.group = Group(**{**{name: getattr(ec2.group, name) for name in Group.__dataclass_fields__}, **fields})


@pytest.fixture
def ec2() -> Ec2:
    made = Ec2()
    made.tick(rounds=2)
    return made


def test_the_desired_instances_are_launched_registered_and_in_service(ec2: Ec2) -> None:
    assert ec2.ids() == ["i-1", "i-2"]
    assert {member.lifecycle for member in ec2.shown} == {Lifecycle.IN_SERVICE}
    assert ec2.states == {"i-1": "initial", "i-2": "initial"}
    assert [activity.status for activity in ec2.keeper.activities("fleet")] == ["Successful", "Successful"]


def test_an_instance_is_drained_before_it_is_terminated_and_shown_until_its_process_has_ended(ec2: Ec2) -> None:
    changed(ec2, desired=1)
    ec2.tick(rounds=3)
    assert ec2.up == {"i-1", "i-2"}
    leaving = next(member for member in ec2.shown if member.lifecycle is Lifecycle.TERMINATING)
    assert ec2.keeper.activities("fleet")[0].status == "WaitingForELBConnectionDraining"
    del ec2.states[leaving.id]
    ec2.tick(rounds=2)
    assert leaving.id not in ec2.up
    assert leaving in ec2.shown
    ec2.ending.clear()
    ec2.tick()
    assert leaving not in ec2.shown
    assert ec2.keeper.activities("fleet")[0].status == "Successful"


def test_instances_of_another_version_leave_first_and_new_ones_come_of_the_groups_version(ec2: Ec2) -> None:
    changed(ec2, template=Template("lt-1", "model", 2), desired=3)
    ec2.tick(rounds=2)
    assert [member.template.version for member in ec2.shown] == [1, 1, 2], "nothing is replaced unasked"
    changed(ec2, desired=1)
    ec2.tick()
    leaving = [member.template.version for member in ec2.shown if member.lifecycle is Lifecycle.TERMINATING]
    assert leaving == [1, 1]


def test_a_refused_launch_is_a_failed_activity_and_is_tried_again_later_each_time() -> None:
    ec2 = Ec2()
    ec2.refuses = "InsufficientInstanceCapacity"
    ec2.tick()
    ec2.tick(14)
    assert len(ec2.keeper.activities("fleet")) == 1
    ec2.tick(1)
    failed = ec2.keeper.activities("fleet")
    assert [(activity.status, activity.message) for activity in failed] == [("Failed", ec2.refuses)] * 2
    ec2.tick(29)
    assert len(ec2.keeper.activities("fleet")) == 2
    ec2.refuses = ""
    ec2.tick(1)
    assert ec2.ids() == ["i-1", "i-2"]


def test_only_a_group_that_uses_elb_health_replaces_an_unhealthy_target_and_after_its_grace_period(ec2: Ec2) -> None:
    ec2.states["i-1"] = "unhealthy"
    ec2.tick(600)
    assert ec2.ids() == ["i-1", "i-2"]
    changed(ec2, uses_elb_health=True, grace=700.0)
    ec2.tick()
    assert ec2.ids() == ["i-1", "i-2"]
    ec2.tick(100)
    ec2.tick()
    (unhealthy,) = [member for member in ec2.shown if not member.is_healthy]
    assert (unhealthy.id, unhealthy.lifecycle) == ("i-1", Lifecycle.TERMINATING)
    assert "i-3" in ec2.ids()


def test_no_grace_period_is_shorter_than_a_real_start() -> None:
    ec2 = Ec2(least_grace=90.0)
    changed(ec2, uses_elb_health=True, grace=0.0, desired=1)
    ec2.tick(rounds=2)
    ec2.states["i-1"] = "unhealthy"
    ec2.tick(50)
    assert ec2.ids() == ["i-1"]
    ec2.tick(50)
    assert ec2.states["i-1"] == "draining"


def test_an_instance_that_somebody_terminated_is_replaced(ec2: Ec2) -> None:
    ec2.up.discard("i-2")
    ec2.tick(rounds=2)
    assert "i-3" in ec2.ids()
    assert any("EC2 health check" in activity.cause for activity in ec2.keeper.activities("fleet"))


def test_target_groups_that_come_and_go_are_followed(ec2: Ec2) -> None:
    changed(ec2, target_groups=())
    ec2.tick()
    assert set(ec2.states.values()) == {"draining"}
    changed(ec2, target_groups=(GROUP,))
    ec2.tick()
    assert set(ec2.states.values()) == {"initial"}


def test_a_group_that_is_deleted_loses_its_instances(ec2: Ec2) -> None:
    ec2.group = None  # type: ignore[assignment]  # deleted
    ec2.tick()
    ec2.states.clear()
    ec2.tick()
    assert ec2.up == set()
    ec2.ending.clear()
    ec2.tick()
    assert ec2.keeper.members("fleet") == ()


def test_a_target_group_that_cannot_be_registered_in_is_tried_again(ec2: Ec2) -> None:
    changed(ec2, target_groups=(GROUP, "arn:green"))
    ec2.no_group = "unable to register targets"
    ec2.tick(rounds=2)
    assert ec2.ids() == ["i-1", "i-2"]
    ec2.no_group = ""
    ec2.tick()
    assert ec2.shown[0].registered_in == {GROUP, "arn:green"}


def test_what_a_group_has_done_is_told_with_the_beginning_of_each_termination(ec2: Ec2) -> None:
    assert ec2.keeper.describe() == {"fleet": {"desired": 2, "in_service": 2, "terminations": []}}
    changed(ec2, desired=1)
    ec2.tick()
    began = ec2.now
    assert ec2.keeper.describe() == {"fleet": {"desired": 1, "in_service": 1, "terminations": [began]}}
    ec2.states.clear()
    ec2.tick(rounds=2)
    ec2.ending.clear()
    changed(ec2, desired=0)
    ec2.tick()
    told = ec2.keeper.describe()["fleet"]
    assert told == {"desired": 0, "in_service": 0, "terminations": [ec2.now, began]}, "its launches are none"


def test_an_instance_that_is_only_starting_is_not_in_service() -> None:
    ec2 = Ec2()
    ec2.tick()
    assert ec2.ids() == ["i-1", "i-2"]
    assert ec2.keeper.describe() == {"fleet": {"desired": 2, "in_service": 0, "terminations": []}}


def test_a_group_that_is_gone_is_told_with_what_is_left_of_it(ec2: Ec2) -> None:
    ec2.group = None
    ec2.tick()
    assert ec2.keeper.describe()["fleet"] == {"desired": 0, "in_service": 0, "terminations": [ec2.now, ec2.now]}


def test_before_the_first_round_nothing_is_told() -> None:
    assert Ec2().keeper.describe() == {}
