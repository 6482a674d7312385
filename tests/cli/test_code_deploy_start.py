"""`bluegreen start` of what AWS CodeDeploy deploys: a revision with the release's image, and one deployment of it."""

from dataclasses import replace

import pytest

from bluegreen_constructs.cli.commands import run
from bluegreen_constructs.engine.code_deployments import DeploymentHeldError
from bluegreen_constructs.engine.errors import AwsError
from tests.cli.code_deployed import REPOSITORY, TARGET, code_deploy_settings, definition, definition_arn
from tests.cli.operated_world import OperatedWorld, Operator


def image(operator: Operator) -> object:
    """The image of the newest revision's container."""
    return operator.world.registered.known[-1].content["containerDefinitions"][1]["image"]


def test_a_revision_with_the_releases_image_is_registered_and_deployed(deployed: Operator) -> None:
    assert deployed.types("start", TARGET, "--release", "1.1", "--reason", "ticket 4711") == 0
    assert image(deployed) == f"{REPOSITORY}:1.1"
    newest = deployed.world.registered.known[-1]
    assert newest.content["containerDefinitions"][0]["image"] == "fluent-bit:3"
    assert newest.tags == {"team": "ml"}
    (made,) = deployed.world.deployer.seen
    assert made.description == "release 1.1 (Inference:2): ticket 4711"
    assert f'TaskDefinition: "{definition_arn(2)}"' in deployed.world.deployer.app_specs[made.revision]
    assert '- AfterAllowTestTraffic: "Serving-Smoke"' in deployed.world.deployer.app_specs[made.revision]
    assert deployed.out == (
        "deployment d-NEW1 of 1.1 to Serving/Inference has begun; watch it with bluegreen watch Serving/Inference\n"
    )


def test_json_of_a_start_is_that_of_status(deployed: Operator) -> None:
    begun = deployed.reads("start", TARGET, "--release", "1.1")
    (known,) = deployed.reads("status")["targets"]
    assert {key: known[key] for key in begun} == begun
    assert (begun["release"], begun["codedeploy"]["task_definition"]) == ("1.1", definition_arn(2))


def test_a_whole_image_may_be_given(deployed: Operator) -> None:
    assert deployed.types("start", TARGET, "--release", "good", "--image", "other/repo:7") == 0
    assert image(deployed) == "other/repo:7"
    assert deployed.world.deployer.seen[0].description == "release good (Inference:2)"


def test_the_newest_revision_is_deployed_again_when_it_has_the_image(deployed: Operator) -> None:
    assert deployed.types("start", TARGET, "--release", "1.0") == 0
    assert "RegisterTaskDefinition" not in deployed.world.registered.calls
    assert deployed.world.deployer.seen[0].description == "release 1.0 (Inference:1)"


def failed_update(operator: Operator) -> None:
    """The stack has revision 1; an update that brought 2, with more memory, has failed."""
    first = operator.world.first
    where = replace(first.settings.codedeploy, definition=definition_arn(1))
    first.settings = replace(first.settings, codedeploy=where)
    operator.world.registered.known.append(definition(2, "1.0", memory="16384"))


def test_what_a_failed_stack_update_has_left_is_not_shipped(deployed: Operator) -> None:
    failed_update(deployed)
    assert deployed.types("start", TARGET, "--release", "1.1") == 0
    newest = deployed.world.registered.known[-1]
    assert (newest.arn, "memory" in newest.content) == (definition_arn(3), False)
    assert deployed.types("abort") == 0
    assert deployed.types("start", TARGET, "--release", "1.0") == 0
    assert deployed.world.deployer.seen[0].description == "release 1.0 (Inference:1)"


def test_a_crash_between_both_calls_registers_nothing_twice(deployed: Operator) -> None:
    deployed.world.deployer.fails["CreateDeployment"] = AwsError("Rate exceeded")
    assert deployed.is_refused(1, "start", TARGET, "--release", "1.1") == "Rate exceeded"
    assert deployed.types("start", TARGET, "--release", "1.1") == 0
    assert len(deployed.world.registered.known) == 2


def test_a_long_reason_is_cut_where_codedeploy_would_refuse_it(deployed: Operator) -> None:
    assert deployed.types("start", TARGET, "--release", "1.1", "--reason", "x" * 400) == 0
    assert len(deployed.world.deployer.seen[0].description) == 256


def test_a_deployment_in_flight_holds_the_target_and_nothing_is_registered(deployed: Operator) -> None:
    deployed.types("start", TARGET, "--release", "1.1")
    deployed.world.registered.calls.clear()
    assert deployed.is_refused(4, "start", TARGET, "--release", "1.2") == (
        "deployment d-NEW1 of 1.1 has held Serving/Inference since 2026-01-05T08:50:00Z and is Created: wait for it, "
        "or end it with bluegreen abort Serving/Inference"
    )
    assert deployed.world.registered.calls == []


def test_what_holds_it_is_named_even_when_nothing_else_is_known_of_it(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress")
    deployed.world.deployer.fails["GetDeployment"] = AwsError("Rate exceeded")
    assert deployed.is_refused(4, "start", TARGET, "--release", "1.2").startswith(
        "deployment d-1 has held Serving/Inference: wait for it"
    )


def test_another_one_that_was_quicker_holds_it(deployed: Operator) -> None:
    deployer = deployed.world.deployer
    create = deployer.create

    def slower(*arguments: str) -> str:
        deployer.brought("d-PIPELINE", 1, "InProgress", description="by CodePipeline")
        return create(*arguments)

    deployer.create = slower
    assert "deployment d-PIPELINE has held" in deployed.is_refused(4, "start", TARGET, "--release", "1.1")


def test_a_call_that_had_its_effect_without_an_answer_is_no_foreign_deployment(deployed: Operator) -> None:
    deployer = deployed.world.deployer
    create = deployer.create

    def unanswered(*arguments: str) -> str:
        create(*arguments)
        deployer.becomes(created_at=deployed.world.now())
        return create(*arguments)  # as botocore repeats it

    deployer.create = unanswered
    assert deployed.reads("start", TARGET, "--release", "1.1")["rollout"] == "d-NEW1"


def test_a_limit_of_the_account_is_said_as_such(deployed: Operator) -> None:
    deployed.world.deployer.fails["CreateDeployment"] = DeploymentHeldError("too many deployments")
    assert deployed.is_refused(4, "start", TARGET, "--release", "1.1") == (
        "CodeDeploy makes no deployment of Serving/Inference now (too many deployments): try again"
    )


def test_waiting_for_it_ends_as_it_does(deployed: Operator) -> None:
    deployer = deployed.world.deployer
    deployed.world.on_wait = [lambda: deployer.becomes(status="Succeeded")]
    assert deployed.types("start", TARGET, "--release", "1.1", "--wait") == 0
    assert deployed.out == "deployment d-NEW1: Succeeded\n"


def test_waiting_for_one_that_goes_back_ends_with_one(deployed: Operator) -> None:
    deployer = deployed.world.deployer
    stopped = {"status": "Stopped", "error": "Alarm.", "error_code": "ALARM_ACTIVE"}
    deployed.world.on_wait = [
        lambda: deployer.becomes(**stopped),
    ]
    assert deployed.types("start", TARGET, "--release", "1.1", "--wait") == 1
    assert "went back: Alarm (ALARM_ACTIVE)" in deployed.out


@pytest.mark.parametrize(
    "options", [("--irreversible",), ("--quarantine",), ("--end-quarantine",), ("--accept-rejected", "it is good")]
)
def test_what_codedeploy_has_no_means_for_is_refused(deployed: Operator, options: tuple[str, ...]) -> None:
    assert deployed.is_refused(3, "start", TARGET, "--release", "1.1", *options) == (
        "AWS CodeDeploy deploys Serving/Inference: it keeps no side running and remembers no release, so leave out "
        "--irreversible, --quarantine, --end-quarantine and --accept-rejected"
    )
    assert deployed.world.deployer.calls == []


def test_a_launch_templates_version_is_wrong_usage(deployed: Operator) -> None:
    assert deployed.is_refused(2, "start", TARGET, "--release", "1.1", "--version", "7") == (
        "--version 7 is a launch template's, and CodeDeploy deploys Serving/Inference to Amazon ECS: give --image"
    )


def test_a_family_without_the_container_is_refused_before_anything_is_made(deployed: Operator) -> None:
    first = deployed.world.registered.known[0]
    first.content["containerDefinitions"].pop()
    assert "has no container 'app', only log" in deployed.is_refused(1, "start", TARGET, "--release", "1.1")
    assert deployed.world.registered.calls == ["DescribeTaskDefinition"]


def test_a_target_of_codedeploy_needs_no_table_to_start(capsys: pytest.CaptureFixture[str]) -> None:
    # Its world has no table: whatever asks it fails.
    assert run(["start", TARGET, "--release", "1.1"], OperatedWorld(code_deploy_settings())) == 0
    assert "has begun" in capsys.readouterr().out
