"""What AWS CodeDeploy has no means for is refused, and the sentence names the alternative."""

import pytest

from bluegreen_constructs.cli.aws_world import AwsWorld
from tests.cli.operated_world import Operator

REFUSALS = {
    ("pause",): (
        "AWS CodeDeploy deploys Serving/Inference and cannot be paused: give the service CodeDeploy(approval=...), "
        "which bluegreen promote answers, or go back with bluegreen abort Serving/Inference"
    ),
    ("resume",): (
        "AWS CodeDeploy deploys Serving/Inference and cannot be paused, so there is nothing to resume: what waits to "
        "be continued is answered with bluegreen promote Serving/Inference or bluegreen abort Serving/Inference"
    ),
    ("unlock", "--reason", "gone"): (
        "AWS CodeDeploy deploys Serving/Inference, and its deployment is the lock: wait for its end, or end it with "
        "bluegreen abort Serving/Inference"
    ),
    ("report",): (
        "AWS CodeDeploy deploys Serving/Inference and has no fixed split, so there is no A/B test: see bluegreen "
        "explain Serving/Inference, and for an A/B test use a CanaryAlb with a Split"
    ),
}


@pytest.mark.parametrize(("words", "said"), REFUSALS.items(), ids=[words[0] for words in REFUSALS])
def test_a_verb_without_means_is_refused_with_the_alternative(
    deployed: Operator, words: tuple[str, ...], said: str
) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress")
    assert deployed.is_refused(3, *words) == said
    assert deployed.world.deployer.calls == []


@pytest.mark.parametrize("verb", ["appspec", "taskdef"])
@pytest.mark.parametrize("other", ["operator", "ecs", "slots"])
def test_the_files_of_codedeploy_are_for_its_targets(request: pytest.FixtureRequest, other: str, verb: str) -> None:
    operator: Operator = request.getfixturevalue(other)
    said = operator.is_refused(3, verb)
    assert said.startswith("AWS CodeDeploy does not deploy ")
    assert f"so there is no {verb}" in said


def test_the_world_on_aws_reads_deployments_from_codedeploy() -> None:
    assert {"in_flight", "latest", "stop", "proceed", "create"} <= set(dir(AwsWorld().code_deployments()))
