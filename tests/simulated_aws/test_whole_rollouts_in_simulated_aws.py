"""Whole rollouts of the engine in the simulated AWS, every call compared with botocore's description of it."""

from datetime import timedelta

import pytest

from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import Compute, HookSettings
from simulated_aws.behaviour import Behaviour
from simulated_aws.botocore_shapes import check_errors, check_shapes
from simulated_aws.client import NotSimulatedError
from simulated_aws.invariants import Invariants, calls_of_an_abort
from simulated_aws.one_target import OneTarget
from simulated_aws.real_engine import RealEngine
from simulated_aws.step_functions import Execution
from simulated_aws.world import Disturbances, SimulatedAws

MINUTES = timedelta(minutes=1)


class Rollout:
    """One rollout of release 2 with one step, watched by the invariants."""

    def __init__(
        self,
        world: SimulatedAws | None = None,
        compute: Compute = Compute.ECS,
        *,
        sdk_tries: int = 1,
        errors: float = 0.0,
    ) -> None:
        self.world = world or SimulatedAws()
        self.target = OneTarget(self.world, compute=compute, steps=(Step(10, 2 * MINUTES),), rate=2000)
        self.target.change(guardrails=(ErrorComparison(),), bake=2 * MINUTES)
        if errors:
            self.world.release_is("2", Behaviour(errors=errors))
        if compute in {Compute.FIXED, Compute.LAMBDA}:  # the operator brings the release there
            self.target.fleet("green").put("2")
        self.invariants = Invariants(self.target)
        self.engine = RealEngine(self.world, sdk_tries=sdk_tries)
        self.machine = self.engine.machine()

    def begin(self) -> Execution:
        return self.machine.begin("r1", {"target": self.target.name, "release": {"name": "2"}})

    def play(self) -> str:
        """The outcome, after all checks."""
        execution = self.begin()
        self.machine.run()
        self.invariants.check_nothing_lost()
        self.invariants.check_end()
        return execution.output["outcome"] if execution.output else execution.error


@pytest.mark.parametrize("compute", list(Compute))
@pytest.mark.parametrize(("errors", "outcome"), [(0.0, "PROMOTED"), (0.05, "ROLLED_BACK")])
def test_a_rollout_ends_as_its_release_deserves_and_every_call_has_the_shape_of_aws(
    compute: Compute, errors: float, outcome: str
) -> None:
    world = SimulatedAws()
    world.shape_check = check_shapes
    rollout = Rollout(world, compute, errors=errors)
    arn = "arn:aws:lambda:us-east-1:123456789012:function:smoke"
    world.lambda_functions.script(arn, [{"hookStatus": "SUCCEEDED"}])
    rollout.target.change(hooks=(HookSettings("smoke", arn),))
    assert rollout.play() == outcome
    assert len(world.lambda_functions.asked[arn]) == 1
    assert rollout.target.weights()["green"] == (100 if outcome == "PROMOTED" else 0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("errors", [0.0, 0.05])
def test_no_request_is_lost_with_lagging_nodes_stale_reads_and_throttling(seed: int, errors: float) -> None:
    disturbances = Disturbances(propagation=(0, 60), stale_reads=5, throttling=0.05)
    rollout = Rollout(SimulatedAws(seed=seed, disturbances=disturbances), sdk_tries=3, errors=errors)
    assert rollout.play() == ("ROLLED_BACK" if errors else "PROMOTED")


def test_an_abort_takes_three_calls_to_live_with_the_table_and_step_functions_down() -> None:
    rollout = Rollout()
    rollout.begin()
    rollout.machine.run(until=lambda: rollout.target.weights()["green"] > 0)
    for service in ("dynamodb", "stepfunctions"):
        rollout.world.faults.outage(service)
    begun = rollout.world.number
    rollout.world.run("cli", lambda: rollout.engine.abort(rollout.target.settings))
    made = calls_of_an_abort(list(rollout.world.calls)[begun:])
    assert made == ["elbv2.DescribeTags", "elbv2.DescribeTargetHealth", "elbv2.ModifyRule"]
    for service in ("dynamodb", "stepfunctions"):
        rollout.world.faults.restored(service)
    begun = rollout.world.now
    rollout.machine.run(until=lambda: rollout.world.now > begun + 1800)  # no late tick shifts again
    rollout.invariants.check_nothing_lost()
    assert rollout.target.weights() == {"blue": 100, "green": 0}


def test_the_simulated_errors_are_those_of_botocore() -> None:
    world = SimulatedAws()
    for name in (
        "elbv2",
        "cloudwatch",
        "dynamodb",
        "ecs",
        "application-autoscaling",
        "autoscaling",
        "lambda",
        "events",
    ):
        check_errors(world.client(name))
    for name in ("stepfunctions", "ssm"):
        check_errors(world.client(name))


def test_an_argument_that_botocore_would_not_send_is_found() -> None:
    world = SimulatedAws()
    OneTarget(world)
    world.shape_check = check_shapes
    with pytest.raises(NotSimulatedError, match="does not send"):
        world.ssm.get_parameter(Name=3)
