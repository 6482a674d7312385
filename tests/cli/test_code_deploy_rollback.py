"""`bluegreen rollback` of what AWS CodeDeploy deploys: a revision that succeeded before is deployed again."""

import pytest

from bluegreen_constructs.engine.errors import AwsError
from tests.cli.code_deployed import definition, definition_arn
from tests.cli.operated_world import Operator


@pytest.fixture
def two(deployed: Operator) -> Operator:
    """Releases 1.1 and 1.2 were deployed, one after the other; 1.0 was there before CodeDeploy deployed anything."""
    deployed.world.registered.known += [definition(2, "1.1"), definition(3, "1.2")]
    deployed.world.deployer.brought("d-1", 2, description="release 1.1 (Inference:2)")
    deployed.world.deployer.brought("d-2", 3, description="release 1.2 (Inference:3)")
    return deployed


def brought_last(operator: Operator) -> str:
    """What the newest deployment's AppSpec names."""
    made = operator.world.deployer.seen[0]
    return operator.world.deployer.task_definition("Serving-Inference", made.revision)


def test_it_goes_back_to_the_last_other_revision_that_succeeded(two: Operator) -> None:
    assert two.types("rollback", "--reason", "wrong prices") == 0
    assert brought_last(two) == definition_arn(2)
    assert two.world.deployer.seen[0].description == "release 1.1 (Inference:2): rollback from 1.2: wrong prices"
    assert two.out == (
        "deployment d-NEW3 takes Serving/Inference back from 1.2 to 1.1, with all steps and hooks; watch it with "
        "bluegreen watch Serving/Inference\n"
    )


def test_json_says_what_it_leaves(two: Operator) -> None:
    said = two.reads("rollback")
    assert (said["from"], said["release"], said["controller"]) == ("1.2", "1.1", "codedeploy")


def test_what_did_not_succeed_is_no_release_to_go_back_to(two: Operator) -> None:
    two.world.registered.known.append(definition(4, "1.3"))
    two.world.deployer.brought("d-3", 4, "Stopped", description="release 1.3 (Inference:4)")
    two.types("rollback")
    assert brought_last(two) == definition_arn(2)


def test_a_second_rollback_goes_on_to_what_was_before(two: Operator) -> None:
    two.world.registered.known.append(definition(4, "1.3"))
    two.world.deployer.brought("d-3", 4, description="release 1.3 (Inference:4)")
    two.types("rollback")
    assert brought_last(two) == definition_arn(3)
    two.world.deployer.becomes(status="Succeeded")
    two.types("rollback")
    assert brought_last(two) == definition_arn(2)


@pytest.mark.parametrize("to", ["1.1", "Inference:2", definition_arn(2)])
def test_a_release_is_named_by_its_name_or_by_its_revision(two: Operator, to: str) -> None:
    two.world.registered.known.append(definition(4, "1.3"))
    two.world.deployer.brought("d-3", 4, description="release 1.3 (Inference:4)")
    assert two.types("rollback", "--to", to) == 0
    assert brought_last(two) == definition_arn(2)


def test_a_revision_that_codedeploy_never_deployed_may_be_named(two: Operator) -> None:
    assert two.types("rollback", "--to", "Inference:1") == 0
    assert brought_last(two) == definition_arn(1)
    assert "to 1.0." in two.out


def test_a_revision_that_is_not_there_is_refused(two: Operator) -> None:
    assert two.is_refused(1, "rollback", "--to", "Inference:9") == "Unable to describe task definition"
    assert "CreateDeployment" not in two.world.deployer.calls


def test_before_the_first_release_the_way_is_named(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, description="release 1.0 (Inference:1)")
    assert deployed.is_refused(3, "rollback") == (
        "no deployment of Serving/Inference before that of 1.0 has succeeded: name the revision to go back to, such as "
        "--to Inference:1"
    )


def test_without_any_success_there_is_nothing_to_go_back_to(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "Failed")
    assert deployed.is_refused(3, "rollback") == (
        "no deployment of Serving/Inference has succeeded: there is no release to go back to"
    )


def test_during_a_deployment_an_abort_goes_back(two: Operator) -> None:
    two.world.deployer.brought("d-3", 3, "InProgress", description="release 1.2 (Inference:3)")
    assert two.is_refused(3, "rollback") == (
        "deployment d-3 of 1.2 is in flight on Serving/Inference (InProgress): bluegreen abort Serving/Inference goes "
        "back from it"
    )


def test_what_is_live_is_refused(two: Operator) -> None:
    assert two.is_refused(3, "rollback", "--to", "1.2") == (
        "1.2 is live on Serving/Inference already; there are: 1.1 (Inference:2)"
    )


def test_an_unknown_release_is_refused_with_those_there_are(two: Operator) -> None:
    assert two.is_refused(3, "rollback", "--to", "9.9") == (
        "9.9 is no release that Serving/Inference has had in its last deployments; there are: 1.1 (Inference:2), and "
        "the revisions of Inference, such as --to Inference:1"
    )


def test_an_unreadable_live_is_not_guessed(two: Operator) -> None:
    two.world.deployer.brought("d-3", 3, task_definition="", revision="gone")
    two.world.deployer.app_specs["gone"] = ""
    assert two.is_refused(1, "rollback") == (
        "what is live on Serving/Inference cannot be read, so what was live before it is not known"
    )


@pytest.mark.parametrize("option", ["--quarantine", "--end-quarantine"])
def test_a_quarantine_is_refused(two: Operator, option: str) -> None:
    assert two.is_refused(3, "rollback", option) == (
        "AWS CodeDeploy deploys Serving/Inference, and keeps no side running: leave out the quarantine"
    )


def test_waiting_for_it_ends_as_it_does(two: Operator) -> None:
    two.world.on_wait = [lambda: two.world.deployer.becomes(status="Succeeded")]
    assert two.types("rollback", "--wait") == 0
    assert two.out == "deployment d-NEW3: Succeeded\n"


def test_a_failing_call_is_said_in_the_words_of_aws(two: Operator) -> None:
    two.world.deployer.fails["CreateDeployment"] = AwsError("Rate exceeded")
    assert two.is_refused(1, "rollback") == "Rate exceeded"
