"""`bluegreen start` of what AWS CodeDeploy deploys to instances: the release's archive, on the side out of use."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bluegreen_constructs.engine.code_deployments import CodeDeploymentSeen, DeploymentHeldError
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.fleet_sides import InstanceSeen
from bluegreen_constructs.engine.target_settings import AlarmName
from tests.cli.code_deployed import GROUP, OTHER_GROUP, TARGET, server_settings
from tests.cli.operated_world import OperatedWorld, Operator


def made(operator: Operator) -> CodeDeploymentSeen:
    """The newest deployment."""
    return operator.world.deployer.seen[0]


def tags_of(operator: Operator) -> dict[str, str]:
    """Those that the newest deployment asks instances for."""
    return operator.world.deployer.asked_for[made(operator).id]


@pytest.mark.parametrize(("live", "group", "to"), [("blue", GROUP, "green"), ("green", OTHER_GROUP, "blue")])
def test_the_archive_goes_to_the_other_side_by_the_group_of_the_live_one(
    on_instances: Operator, live: str, group: str, to: str
) -> None:
    on_instances.world.fleet.serves(live)
    assert on_instances.types("start", TARGET, "--release", "1.1", "--reason", "ticket 4711") == 0
    assert (made(on_instances).group, made(on_instances).revision) == (group, "s3://releases/inference/1.1.zip")
    assert tags_of(on_instances) == {"bluegreen:fleet": TARGET, "bluegreen:side": to}
    assert made(on_instances).description == f"release 1.1 ({to}): ticket 4711"
    assert on_instances.out == (
        "deployment d-NEW1 of 1.1 to Serving/Inference has begun; watch it with bluegreen watch Serving/Inference\n"
    )


def test_the_first_deployment_goes_to_blue_and_takes_nothing_away_from_it(on_instances: Operator) -> None:
    """By green's group, whose original instances CodeDeploy deregisters and may terminate."""
    assert on_instances.types("start", TARGET, "--release", "1.0") == 0
    assert made(on_instances).group == OTHER_GROUP
    assert tags_of(on_instances)["bluegreen:side"] == "blue"


def test_the_targets_are_those_of_the_fleets_one_group(on_instances: Operator) -> None:
    on_instances.types("start", TARGET, "--release", "1.0")
    assert on_instances.world.fleet.asked == [server_settings().blue.group_arn]


def test_releases_go_to_the_sides_in_turn(on_instances: Operator) -> None:
    sides = []
    for number in range(3):
        assert on_instances.types("start", TARGET, "--release", f"1.{number}") == 0
        sides.append(tags_of(on_instances)["bluegreen:side"])
        on_instances.world.deployer.becomes(status="Succeeded")
        on_instances.world.fleet.serves(sides[-1])
    assert sides == ["blue", "green", "blue"]


def test_json_of_a_start_is_that_of_status(on_instances: Operator) -> None:
    begun = on_instances.reads("start", TARGET, "--release", "1.1")
    (known,) = on_instances.reads("status")["targets"]
    assert {key: known[key] for key in begun} == begun
    assert (begun["release"], begun["codedeploy"]["group"]) == ("1.1", OTHER_GROUP)


def test_waiting_for_it_ends_as_it_does(on_instances: Operator) -> None:
    deployer = on_instances.world.deployer
    on_instances.world.on_wait = [lambda: deployer.becomes(status="Succeeded")]
    assert on_instances.types("start", TARGET, "--release", "1.1", "--wait") == 0
    assert on_instances.out == "deployment d-NEW1: Succeeded\n"


def test_an_archive_that_is_not_there_is_named_and_nothing_is_made(on_instances: Operator) -> None:
    on_instances.world.stored.missing.add("inference/1.1.zip")
    assert on_instances.is_refused(2, "start", TARGET, "--release", "1.1") == (
        "there is no s3://releases/inference/1.1.zip, which release 1.1 of Serving/Inference would be: put the "
        "revision there, with its appspec.yml at the root of the archive"
    )
    assert "CreateDeployment" not in on_instances.world.deployer.calls


@pytest.mark.parametrize("group", [GROUP, OTHER_GROUP])
def test_a_deployment_by_either_group_holds_the_target_before_anything_is_looked_at(
    on_instances: Operator, group: str
) -> None:
    on_instances.world.fleet.serves("blue")
    on_instances.world.deployer.brought("d-1", 0, "InProgress", group=group, description="release 1.1 (green)")
    assert on_instances.is_refused(4, "start", TARGET, "--release", "1.2") == (
        "deployment d-1 of 1.1 has held Serving/Inference since 2026-01-05T08:50:00Z and is InProgress: wait for it, "
        "or end it with bluegreen abort Serving/Inference"
    )
    assert on_instances.world.fleet.asked == on_instances.world.stored.asked == []


def test_another_one_that_was_quicker_holds_it(on_instances: Operator) -> None:
    deployer = on_instances.world.deployer
    create = deployer.create_on_instances

    def slower(*arguments: object, **options: object) -> str:
        deployer.brought("d-PIPELINE", 0, "InProgress", group=OTHER_GROUP, description="by CodePipeline")
        return create(*arguments, **options)

    deployer.create_on_instances = slower
    assert "deployment d-PIPELINE has held" in on_instances.is_refused(4, "start", TARGET, "--release", "1.1")


def test_a_call_that_had_its_effect_without_an_answer_is_no_foreign_deployment(on_instances: Operator) -> None:
    deployer = on_instances.world.deployer
    create = deployer.create_on_instances

    def unanswered(*arguments: object, **options: object) -> str:
        create(*arguments, **options)
        deployer.becomes(created_at=on_instances.world.now())
        return create(*arguments, **options)  # as botocore repeats it

    deployer.create_on_instances = unanswered
    assert on_instances.reads("start", TARGET, "--release", "1.1")["rollout"] == "d-NEW1"


def test_an_older_deployment_of_the_same_words_is_no_own_one(on_instances: Operator) -> None:
    deployer = on_instances.world.deployer
    create = deployer.create_on_instances

    def slower(*arguments: object, **options: object) -> str:
        create(*arguments, **options)
        deployer.becomes(created_at=on_instances.world.now() - timedelta(minutes=5))
        return create(*arguments, **options)

    deployer.create_on_instances = slower
    assert "has held" in on_instances.is_refused(4, "start", TARGET, "--release", "1.1")


def test_a_limit_of_the_account_is_said_as_such(on_instances: Operator) -> None:
    on_instances.world.deployer.fails["CreateDeployment"] = DeploymentHeldError("too many deployments")
    assert "makes no deployment of Serving/Inference now (too many deployments)" in on_instances.is_refused(
        4, "start", TARGET, "--release", "1.1"
    )


def test_instances_of_both_sides_in_the_group_are_refused_by_name(on_instances: Operator) -> None:
    on_instances.world.fleet.serves("blue", "green")
    said = on_instances.is_refused(3, "start", TARGET, "--release", "1.1")
    assert said.startswith("instances of blue (i-blue1, i-blue2) and green (i-green1, i-green2) are registered")
    assert "CreateDeployment" not in on_instances.world.deployer.calls


def test_a_foreign_instance_in_the_group_is_refused(on_instances: Operator) -> None:
    on_instances.world.fleet.targets = {"i-else": "healthy"}
    assert on_instances.is_refused(3, "start", TARGET, "--release", "1.1").startswith("i-else in the target group")


def test_instances_that_still_drain_hold_it(on_instances: Operator) -> None:
    on_instances.world.fleet.serves("blue")
    on_instances.world.fleet.targets["i-green1"] = "draining"
    assert "still finishes requests" in on_instances.is_refused(4, "start", TARGET, "--release", "1.1")


def test_a_side_without_instances_is_refused(on_instances: Operator) -> None:
    on_instances.world.fleet.serves("green")
    on_instances.world.fleet.known = [InstanceSeen("i-green1", "green"), InstanceSeen("i-green2", "green")]
    said = on_instances.is_refused(4, "start", TARGET, "--release", "1.1")
    assert said.startswith("0 of 2 instances of the side blue of Serving/Inference run, ")
    assert "CreateDeployment" not in on_instances.world.deployer.calls


def test_a_side_that_auto_scaling_still_fills_up_holds_it(on_instances: Operator) -> None:
    fleet = on_instances.world.fleet
    fleet.has(blue=4, green=1)
    fleet.serves("blue")
    assert on_instances.is_refused(4, "start", TARGET, "--release", "1.1") == (
        "1 of 4 instances of the side green of Serving/Inference run, and that side would get all traffic: try again "
        "in some minutes, or see the activities of its Auto Scaling group"
    )
    assert "CreateDeployment" not in on_instances.world.deployer.calls
    fleet.has(blue=4, green=4)
    assert on_instances.types("start", TARGET, "--release", "1.1") == 0


def test_the_first_deployment_waits_for_as_many_as_the_stack_says(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(server_settings(size=4)))
    assert operator.is_refused(4, "start", TARGET, "--release", "1.0").startswith("2 of 4 instances of the side blue")
    operator.world.fleet.has(blue=4, green=4)
    assert operator.types("start", TARGET, "--release", "1.0") == 0


COUNTED = "Serving/Inference/HealthyInstances"


@pytest.fixture
def counting(capsys: pytest.CaptureFixture[str]) -> Operator:
    """Two instances a side, an alarm that counts them, and one more, `Errors`."""
    settings = server_settings(size=2, size_alarm=COUNTED)
    return Operator(capsys, OperatedWorld(replace(settings, guardrails=(AlarmName(COUNTED), AlarmName("Errors")))))


def alarms_of(operator: Operator) -> list[str] | None:
    """Those that the newest deployment has instead of its group's."""
    found = operator.world.deployer.alarms_for[made(operator).id]
    return None if found is None else list(found)


def test_all_alarms_of_the_group_judge_while_live_is_whole(counting: Operator) -> None:
    counting.world.fleet.serves("blue")
    assert counting.types("start", TARGET, "--release", "1.1") == 0
    assert alarms_of(counting) is None


def test_the_alarm_that_counts_instances_does_not_stop_the_first_deployment(counting: Operator) -> None:
    assert counting.types("start", TARGET, "--release", "1.0") == 0
    assert alarms_of(counting) == ["Errors"]


def test_nor_the_one_that_fills_up_a_side_which_has_lost_an_instance(counting: Operator) -> None:
    counting.world.fleet.serves("blue")
    counting.world.fleet.targets["i-blue1"] = "unhealthy"
    assert counting.types("start", TARGET, "--release", "1.1") == 0
    assert alarms_of(counting) == ["Errors"]


def test_where_no_alarm_counts_instances_the_group_says_which_judge(on_instances: Operator) -> None:
    assert on_instances.types("start", TARGET, "--release", "1.0") == 0
    assert alarms_of(on_instances) is None


@pytest.mark.parametrize("options", [("--version", "7"), ("--image", "ami-0123456789abcdef0")])
def test_what_instances_do_not_run_is_wrong_usage(on_instances: Operator, options: tuple[str, str]) -> None:
    assert on_instances.is_refused(2, "start", TARGET, "--release", "1.1", *options) == (
        f"{' '.join(options)} is no release of Serving/Inference, which CodeDeploy deploys to instances: give "
        "--release alone, the name of an archive in s3://releases/inference/"
    )
    assert on_instances.world.deployer.calls == []


def test_a_digest_is_wrong_usage(on_instances: Operator) -> None:
    said = on_instances.is_refused(2, "start", TARGET, "--release", f"sha256:{'0' * 64}")
    assert said.endswith("give the name of an archive in s3://releases/inference/, such as 1.4.2")


@pytest.mark.parametrize(
    ("lost", "said"), [("bucket", "name no bucket for the archives"), ("other_group", "name no deployment group")]
)
def test_settings_that_do_not_say_where_are_refused(capsys: pytest.CaptureFixture[str], lost: str, said: str) -> None:
    operator = Operator(capsys, OperatedWorld(server_settings(**{lost: ""})))
    assert said in operator.is_refused(2, "start", TARGET, "--release", "1.1")
    assert "CreateDeployment" not in operator.world.deployer.calls


def test_a_long_reason_is_cut_where_codedeploy_would_refuse_it(on_instances: Operator) -> None:
    assert on_instances.types("start", TARGET, "--release", "1.1", "--reason", "x" * 400) == 0
    assert len(made(on_instances).description) == 256


def test_a_failing_call_is_said_in_the_words_of_aws(on_instances: Operator) -> None:
    on_instances.world.deployer.fails["CreateDeployment"] = AwsError("Rate exceeded")
    assert on_instances.is_refused(1, "start", TARGET, "--release", "1.1") == "Rate exceeded"


@pytest.mark.parametrize("option", ["--irreversible", "--quarantine"])
def test_what_codedeploy_has_no_means_for_is_refused(on_instances: Operator, option: str) -> None:
    assert "so leave out" in on_instances.is_refused(3, "start", TARGET, "--release", "1.1", option)
