"""What Amazon ECS has no means for is refused, and the sentence names the alternative."""

import pytest

from bluegreen_constructs.cli.aws_world import AwsWorld
from tests.cli.deployed_services import ECS_TARGET
from tests.cli.operated_world import Operator

REFUSALS = {
    ("pause", ECS_TARGET): (
        "Amazon ECS rolls out Serving/Inference and cannot be paused from outside: give the service an Approval hook, "
        "which bluegreen promote answers, or go back with bluegreen abort Serving/Inference"
    ),
    ("resume",): (
        "Amazon ECS rolls out Serving/Inference and cannot be paused from outside, so there is nothing to resume: a "
        "hook that waits is answered with bluegreen promote Serving/Inference or bluegreen abort Serving/Inference"
    ),
    ("unlock", "--reason", "gone"): (
        "Amazon ECS rolls out Serving/Inference, and its service deployment is the lock: wait for its end, or end it "
        "with bluegreen abort Serving/Inference"
    ),
    ("report",): (
        "Amazon ECS rolls out Serving/Inference and has no fixed split, so there is no A/B test: see bluegreen explain "
        "Serving/Inference, and for an A/B test use a CanaryAlb with a Split"
    ),
    ("start", "--release", "2.0"): (
        "the releases of Serving/Inference come with its template, as Amazon ECS rolls it out: give its container the "
        "new image, and cdk deploy"
    ),
}


@pytest.mark.parametrize(("words", "said"), REFUSALS.items(), ids=[words[0] for words in REFUSALS])
@pytest.mark.parametrize("judged", ["ecs", "unjudged"])
def test_a_verb_without_means_is_refused_with_the_alternative(
    request: pytest.FixtureRequest, judged: str, words: tuple[str, ...], said: str
) -> None:
    operator: Operator = request.getfixturevalue(judged)
    operator.world.services.brought("abc", "2.0")
    assert operator.is_refused(3, *words) == said
    assert operator.world.machine.started == []


def test_a_start_is_held_by_the_deployment_in_flight(ecs: Operator) -> None:
    ecs.world.services.brought("abc", "2.0.11112222", "IN_PROGRESS", stage="BAKE_TIME")
    assert ecs.is_refused(4, "start", "--release", "3.0") == (
        "deployment abc of 2.0.11112222 has held Serving/Inference since 2026-01-05T08:50:00Z and is at BAKE_TIME: "
        "wait for it, or end it with bluegreen abort Serving/Inference"
    )


def test_a_start_on_a_service_that_was_never_deployed_is_refused_the_same_way(ecs: Operator) -> None:
    assert "cdk deploy" in ecs.is_refused(3, "start", "--release", "3.0")


@pytest.mark.parametrize("option", ["--quarantine", "--end-quarantine"])
def test_a_quarantine_is_refused(ecs: Operator, option: str) -> None:
    ecs.world.services.brought("abc", "1.9")
    ecs.world.services.brought("def", "2.0")
    assert ecs.is_refused(3, "rollback", option) == (
        "Amazon ECS rolls out Serving/Inference, and keeps no side running: leave out the quarantine"
    )
    assert "UpdateService" not in ecs.world.services.calls


def test_the_world_on_aws_reads_deployments_from_ecs() -> None:
    assert {"in_flight", "latest", "stop", "answer", "deploy"} <= set(dir(AwsWorld().deployments()))
