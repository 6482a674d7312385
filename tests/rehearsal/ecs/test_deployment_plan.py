"""A service's deploymentConfiguration as a plan, and the refusals in ECS's words."""

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.rehearsal.ecs.deployment_plan import CircuitBreaker, Stage, Step, Strategy, read_plan

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:smoke"


def test_no_configuration_is_a_rolling_update_without_bake() -> None:
    plan = read_plan({})
    assert (plan.strategy, plan.bake, plan.shifts_traffic) == (Strategy.ROLLING, 0.0, False)


def test_a_canary_has_aws_defaults_and_no_bake_after_its_last_step() -> None:
    assert read_plan({"strategy": "CANARY"}).steps == (Step(5.0, 600.0), Step(100.0, 0.0))


def test_linear_steps_are_equal_and_end_at_a_hundred() -> None:
    configuration = {"stepPercent": 30.0, "stepBakeTimeInMinutes": 2}
    plan = read_plan({"strategy": "LINEAR", "linearConfiguration": configuration, "bakeTimeInMinutes": 5})
    assert [(step.percent, step.bake) for step in plan.steps] == [(30, 120), (60, 120), (90, 120), (100, 0)]
    assert plan.bake == 300.0


def test_linear_steps_that_divide_a_hundred_name_it_once() -> None:
    plan = read_plan({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 25}})
    assert [step.percent for step in plan.steps] == [25, 50, 75, 100]


def test_hooks_keep_their_details_also_as_the_string_that_cloudformation_passes() -> None:
    hooks = [
        {"hookTargetArn": FUNCTION, "lifecycleStages": ["POST_SCALE_UP"], "hookDetails": '{"path": "/ready"}'},
        {
            "targetType": "PAUSE",
            "lifecycleStages": ["PRE_SCALE_UP"],
            "timeoutConfiguration": {"timeoutInMinutes": 5, "action": "CONTINUE"},
        },
    ]
    function, pause = read_plan({"strategy": "BLUE_GREEN", "lifecycleHooks": hooks}).hooks
    assert (function.details, function.stages) == ({"path": "/ready"}, {Stage.POST_SCALE_UP})
    assert (pause.is_pause, pause.timeout, pause.continues_on_timeout) == (True, 300.0, True)


@pytest.mark.parametrize(
    ("breaker", "wanted", "threshold"),
    [
        (CircuitBreaker(), 2, 3),
        (CircuitBreaker(), 25, 13),
        (CircuitBreaker(), 1000, 200),
        (CircuitBreaker(kind="UNBOUNDED_PERCENT"), 2, 1),
        (CircuitBreaker(kind="COUNT", value=7), 100, 7),
    ],
)
def test_the_circuit_breakers_threshold_is_half_the_tasks_within_3_and_200(
    breaker: CircuitBreaker, wanted: int, threshold: int
) -> None:
    assert breaker.threshold(wanted) == threshold


@pytest.mark.parametrize(
    ("configuration", "sentence"),
    [
        ({"strategy": "BIG_BANG"}, "Invalid deployment strategy BIG_BANG"),
        ({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 0.05}}, "multiple of 0.1 between 0.1 and 100"),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 2}}, "between 3 and 100"),
        ({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1441}, "bakeTimeInMinutes must be between 0 and 1440"),
        (
            {"lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": ["PRODUCTION_TRAFFIC_SHIFT"]}]},
            "Invalid lifecycle stage provided for Pause Hook",
        ),
        (
            {"lifecycleHooks": [{"targetType": "MAIL", "lifecycleStages": ["PRE_SCALE_UP"]}]},
            "Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE",
        ),
        ({"lifecycleHooks": [{"lifecycleStages": ["PRE_SCALE_UP"]}]}, "hookTargetArn is required"),
        ({"lifecycleHooks": [{"hookTargetArn": FUNCTION, "lifecycleStages": ["BAKE_TIME"]}]}, "BAKE_TIME"),
        (
            {"lifecycleHooks": [{"hookTargetArn": FUNCTION, "lifecycleStages": ["PRE_SCALE_UP"], "hookDetails": "x"}]},
            "hookDetails must be a JSON object",
        ),
    ],
)
def test_what_ecs_refuses_is_refused_in_its_words(configuration: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence.replace("(", r"\(")):
        read_plan(configuration)
