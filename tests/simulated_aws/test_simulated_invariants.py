"""The invariants can fail: for each there is a worker that breaks it and is found, beside the one that does not."""

import json
from collections.abc import Callable

import pytest

from simulated_aws.faults import Fault
from simulated_aws.invariants import BrokenInvariantError, Invariants, calls_of_an_abort
from simulated_aws.one_target import CLUSTER, TABLE, OneTarget
from simulated_aws.step_functions import STATE_MACHINE_ARN
from simulated_aws.world import SimulatedAws


class Worker:
    """Makes an engine's calls by hand, each run of `work` in a process of its own."""

    def __init__(self) -> None:
        self.target = OneTarget(SimulatedAws(), steps=())
        self.world = self.target.world
        self.target.fleet("green").ask(desired=4, release="model:2")
        self.world.advance(300)
        self.checks = Invariants(self.target)
        self.blue, self.green = (self.target.groups[side].arn for side in ("blue", "green"))

    def work(self, *steps: Callable[[], object]) -> None:
        ending = self.world.run("worker", lambda: [step() for step in steps])
        if isinstance(ending.error, AssertionError | TypeError | KeyError):
            raise ending.error

    def load(self) -> None:
        key = {"pk": {"S": f"state#{self.target.name}"}, "sk": {"S": "-"}}
        self.world.dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)

    def save(self, weight: float, *, fence: int = 1, phase: str = "SHIFTING") -> None:
        item = {
            "pk": {"S": f"state#{self.target.name}"},
            "sk": {"S": "-"},
            "fence": {"N": str(fence)},
            "rollout": {"S": json.dumps({"id": "r1", "weight": weight, "phase": phase})},
        }
        self.world.dynamodb.put_item(TableName=TABLE, Item=item)

    def read(self) -> None:
        self.world.elbv2.describe_rules(RuleArns=[self.target.rule_arn])
        self.tags()

    def tags(self) -> None:
        self.world.elbv2.describe_tags(ResourceArns=[self.target.rule_arn])

    def tag(self, **tags: str) -> None:
        pairs = [{"Key": f"bluegreen:{key}", "Value": value} for key, value in tags.items()]
        self.world.elbv2.add_tags(ResourceArns=[self.target.rule_arn], Tags=pairs)

    def write(self, green: int, blue: int | None = None) -> None:
        weights = {self.blue: 100 - green if blue is None else blue, self.green: green}
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
        actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]
        self.world.elbv2.modify_rule(RuleArn=self.target.rule_arn, Actions=actions)

    def judge(self) -> None:
        self.world.cloudwatch.describe_alarms(AlarmNames=["a"])

    def scale(self, side: str, desired: int) -> None:
        name = self.target.settings.side(side).service
        self.world.ecs.update_service(cluster=CLUSTER, service=name, desiredCount=desired)

    def shift(self, percent: int) -> None:
        """As it should be done."""
        self.work(self.load, lambda: self.save(percent), self.read, lambda: self.write(percent), self.tags)


@pytest.fixture
def worker() -> Worker:
    return Worker()


def found(worker: Worker, which: str) -> str:
    assert worker.checks.broken, "nothing was found"
    assert all(sentence.startswith(f"{which} is broken: ") for sentence in worker.checks.broken)
    with pytest.raises(BrokenInvariantError, match=f"^{which} is broken"):
        worker.checks.check()
    return worker.checks.broken[0]


def test_a_careful_worker_breaks_nothing(worker: Worker) -> None:
    worker.work(lambda: worker.tag(fence="1", live=worker.blue, rollout="r1"))
    for percent in (10, 50, 100):
        worker.shift(percent)
        worker.world.advance(60)
    worker.world.advance(120)
    worker.work(lambda: worker.scale("blue", 0))
    worker.checks.check_nothing_lost()
    worker.checks.check_end()


def test_weights_that_sum_to_zero_are_found(worker: Worker) -> None:
    worker.work(worker.read, lambda: worker.write(0, blue=0))
    assert "sum to 0" in found(worker, "I1")


@pytest.mark.parametrize(("percent", "healthy"), [(10, 0), (26, 1), (100, 3)])
def test_a_share_without_the_targets_for_it_is_found(worker: Worker, percent: int, healthy: int) -> None:
    worker.target.fleet("green").lose(4 - healthy)
    worker.shift(percent)
    assert f"it has {healthy}" in found(worker, "I1")


@pytest.mark.parametrize(("seconds", "is_broken"), [(0, False), (1, True)])
def test_targets_that_are_lost_in_the_second_in_which_they_were_counted_are_nobody_s_fault(
    worker: Worker, seconds: int, is_broken: bool
) -> None:
    def lose_them() -> None:
        worker.world.elbv2.describe_target_health(TargetGroupArn=worker.green)
        worker.target.fleet("green").lose(4)
        worker.world.advance(seconds)

    worker.work(worker.load, lambda: worker.save(10), worker.read, lose_them, lambda: worker.write(10))
    assert bool(worker.checks.broken) is is_broken


@pytest.mark.parametrize(("percent", "healthy"), [(10, 1), (25, 1), (75, 3), (0, 0)])
def test_a_share_that_the_targets_carry_is_right(worker: Worker, percent: int, healthy: int) -> None:
    worker.target.fleet("green").lose(4 - healthy)
    worker.shift(percent)
    worker.checks.check()


def test_all_traffic_may_always_go_to_live_even_a_cold_one(worker: Worker) -> None:
    worker.shift(50)
    worker.target.fleet("blue").lose(4)
    worker.work(lambda: worker.write(0))
    worker.checks.check()


def test_a_write_that_moves_nothing_needs_no_reading(worker: Worker) -> None:
    worker.shift(100)
    worker.work(lambda: worker.write(100))
    worker.checks.check()


def test_lost_requests_are_found(worker: Worker) -> None:
    worker.target.fleet("blue").lose(4)
    worker.world.advance(10)
    with pytest.raises(BrokenInvariantError, match=r"500 requests were lost, the first 500 .* on their way to blue"):
        worker.checks.check_nothing_lost()


def test_a_foreign_group_is_found(worker: Worker) -> None:
    worker.world.elbv2.add_group("pink", worker.target.fleet("blue"))
    worker.green = "pink"
    worker.shift(10)
    assert "foreign group pink" in found(worker, "I3")


def test_a_write_without_reading_first_is_found(worker: Worker) -> None:
    worker.work(lambda: worker.save(10), lambda: worker.write(10))
    assert "without having read" in found(worker, "I3")


def test_a_second_write_without_reading_the_tags_is_found(worker: Worker) -> None:
    worker.work(lambda: worker.save(10), worker.read, lambda: worker.write(10), lambda: worker.write(5))
    assert "a second time" in found(worker, "I3")


def test_a_save_of_a_write_that_was_not_looked_at_again_is_found(worker: Worker) -> None:
    worker.work(lambda: worker.save(10), worker.read, lambda: worker.write(10), lambda: worker.save(10))
    assert "looked at the tags again" in found(worker, "I3")


def test_a_fence_that_goes_down_on_the_rule_or_in_the_table_is_found(worker: Worker) -> None:
    worker.work(lambda: worker.tag(fence="3"), lambda: worker.tag(fence="2"))
    assert "from 3 back to 2" in found(worker, "I3")
    worker.checks.broken.clear()
    worker.work(lambda: worker.save(0, fence=3), lambda: worker.save(0, fence=2))
    assert "fence 2 over fence 3" in found(worker, "I3")


def test_a_worker_that_saw_a_higher_fence_and_still_moves_traffic_is_found(worker: Worker) -> None:
    worker.work(lambda: worker.tag(fence="2"))
    worker.shift(10)
    assert "with fence 1 after having read fence 2" in found(worker, "I3")


def test_a_worker_that_could_not_know_of_a_higher_fence_and_takes_its_write_back_is_right(worker: Worker) -> None:
    worker.world.interrupt(4, lambda: worker.world.run("next", lambda: worker.tag(fence="2")))
    worker.work(
        worker.load,
        lambda: worker.save(10),
        worker.read,
        lambda: worker.write(10),
        worker.tags,
        lambda: worker.write(0),
    )
    worker.checks.check()


def test_a_worker_that_saw_the_mark_and_still_moves_traffic_is_found(worker: Worker) -> None:
    worker.work(lambda: worker.tag(aborted="r1"))
    worker.shift(10)
    assert "the mark of the abort of r1" in found(worker, "I6")


def test_a_mark_of_another_rollout_stops_nobody(worker: Worker) -> None:
    worker.work(lambda: worker.tag(aborted="r0"))
    worker.shift(10)
    worker.checks.check()


def test_an_aborted_rollout_that_ends_on_the_candidate_is_found(worker: Worker) -> None:
    worker.shift(100)
    worker.work(lambda: worker.tag(rollout="r1", aborted="r1"))
    with pytest.raises(BrokenInvariantError, match="I6 is broken: the rule says that r1 was aborted"):
        worker.checks.check_end()


def test_a_wrong_live_tag_is_found(worker: Worker) -> None:
    worker.work(lambda: worker.tag(live=worker.green))
    assert "named green as live" in found(worker, "I6")


def test_the_next_rollout_names_the_other_side_as_live_and_is_right(worker: Worker) -> None:
    worker.shift(100)
    worker.work(lambda: worker.tag(live=worker.green))
    assert worker.checks.live == "green"
    worker.checks.check()


def test_weights_of_a_hand_that_were_seen_and_written_over_are_found(worker: Worker) -> None:
    worker.world.elbv2.write_by_hand(worker.target.rule_arn, {worker.blue: 63, worker.green: 37})
    worker.shift(50)
    assert "the share of 37 %, which a hand had written" in found(worker, "I3")


@pytest.mark.parametrize("is_accepted", [True, False])
def test_weights_of_a_hand_may_give_way_to_live_or_after_somebody_said_so(worker: Worker, is_accepted: bool) -> None:
    worker.world.elbv2.write_by_hand(worker.target.rule_arn, {worker.blue: 63, worker.green: 37})
    if is_accepted:
        worker.checks.accepts_foreign_weights()
        worker.shift(50)
    else:
        worker.work(worker.read, lambda: worker.write(0))
    worker.checks.check()


def test_more_traffic_than_the_table_says_is_found(worker: Worker) -> None:
    worker.work(lambda: worker.save(10), worker.read, lambda: worker.write(20))
    assert "gave the candidate 20 %, and the state that it knew says 10 %" in found(worker, "I5")


def test_more_traffic_without_any_state_is_found(worker: Worker) -> None:
    worker.work(worker.read, lambda: worker.write(20))
    assert "never saw a state" in found(worker, "I5")


def test_a_verdict_that_is_acted_on_before_it_is_saved_is_found(worker: Worker) -> None:
    worker.shift(50)
    worker.work(worker.load, worker.judge, worker.read, lambda: worker.write(0), lambda: worker.save(0))
    assert "gave the candidate 0 %, and the state that it knew says 50 %" in found(worker, "I5")


def test_a_verdict_that_is_saved_first_is_right(worker: Worker) -> None:
    worker.shift(50)
    worker.work(
        worker.load,
        worker.judge,
        lambda: worker.save(0, phase="ROLLING_BACK"),
        worker.read,
        lambda: worker.write(0),
        worker.tags,
    )
    worker.checks.check()


def test_a_save_that_did_not_take_effect_is_no_save(worker: Worker) -> None:
    def careless_save() -> None:
        worker.world.faults.of("dynamodb", "PutItem", Fault.THROTTLE)
        with pytest.raises(worker.world.dynamodb.exceptions.ClientError):
            worker.save(20)

    worker.work(careless_save, worker.read, lambda: worker.write(20))
    assert "never saw a state" in found(worker, "I5")


def test_an_abort_needs_no_word_in_the_table(worker: Worker) -> None:
    worker.shift(50)
    begun = worker.world.number
    health = worker.world.elbv2.describe_target_health
    worker.work(worker.tags, lambda: health(TargetGroupArn=worker.blue), lambda: worker.write(0), worker.load)
    worker.checks.check()
    made = calls_of_an_abort(list(worker.world.calls)[begun:])
    assert made == ["elbv2.DescribeTags", "elbv2.DescribeTargetHealth", "elbv2.ModifyRule"]


def test_scaling_down_what_the_rule_names_is_found(worker: Worker) -> None:
    worker.shift(10)
    worker.work(lambda: worker.scale("blue", 2))
    assert "scaled blue from 4 to 2 while the live rule gives it traffic" in found(worker, "I8")


@pytest.mark.parametrize(("seconds", "is_broken"), [(60, True), (119, True), (120, False)])
def test_scaling_down_before_two_minutes_without_requests_is_found(
    worker: Worker, seconds: int, is_broken: bool
) -> None:
    worker.shift(100)
    worker.world.advance(seconds)
    worker.work(lambda: worker.scale("blue", 0))
    if is_broken:
        assert f"{seconds} s after its last request" in found(worker, "I8")
    else:
        worker.checks.check()


def test_a_deployment_onto_a_side_with_traffic_is_found_and_scaling_up_is_not(worker: Worker) -> None:
    worker.work(lambda: worker.scale("blue", 6))
    worker.checks.check()
    made = worker.world.ecs.register_task_definition(
        family="serving-model-blue", containerDefinitions=[{"name": "app", "image": "model:2"}]
    )
    arn = made["taskDefinition"]["taskDefinitionArn"]
    worker.world.ecs.update_service(cluster=CLUSTER, service=worker.target.settings.blue.service, taskDefinition=arn)
    assert "deployed to blue while the live rule gives it traffic" in found(worker, "I8")


def test_an_end_between_the_sides_or_on_a_mixture_is_found(worker: Worker) -> None:
    worker.shift(50)
    with pytest.raises(BrokenInvariantError, match="I7 is broken: the rule ends with the weights"):
        worker.checks.check_end()
    worker.checks.broken.clear()
    worker.shift(100)
    worker.target.fleet("green").targets[0].release = "model:3"
    with pytest.raises(BrokenInvariantError, match="I7 is broken: green has all traffic and runs"):
        worker.checks.check_end()


def test_an_execution_that_still_runs_is_found_at_the_end(worker: Worker) -> None:
    worker.world.stepfunctions.start_execution(stateMachineArn=STATE_MACHINE_ARN, name="r1", input="{}")
    with pytest.raises(BrokenInvariantError, match="I9 is broken: the executions r1 still run"):
        worker.checks.check_end()
