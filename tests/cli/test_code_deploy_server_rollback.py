"""`bluegreen rollback` of what AWS CodeDeploy deploys to instances: an archive that succeeded is deployed again."""

import pytest

from bluegreen_constructs.engine.code_deployments import CodeDeploymentSeen
from bluegreen_constructs.engine.errors import AwsError
from tests.cli.code_deployed import GROUP, OTHER_GROUP, TARGET
from tests.cli.operated_world import Operator

BY = {"blue": OTHER_GROUP, "green": GROUP}
"""The group that deploys to a side: the other side's."""


def brought(operator: Operator, id: str, release: str, side: str, status: str = "Succeeded", **more: object) -> None:
    """A deployment of ours to a side, after all others; where it succeeded the side is live."""
    known = {"revision": f"s3://releases/inference/{release}.zip", "description": f"release {release} ({side})"}
    operator.world.deployer.brought(id, 0, status, group=BY[side], task_definition="", **{**known, **more})
    if status == "Succeeded":
        operator.world.fleet.serves(side)


@pytest.fixture
def three(on_instances: Operator) -> Operator:
    """Releases 1.0, 1.1 and 1.2 went live, on blue, green and blue again."""
    for number, side in enumerate(("blue", "green", "blue")):
        brought(on_instances, f"d-{number}", f"1.{number}", side)
    return on_instances


def made(operator: Operator) -> CodeDeploymentSeen:
    return operator.world.deployer.seen[0]


def succeeds(operator: Operator) -> None:
    """The newest deployment goes live."""
    deployer = operator.world.deployer
    operator.world.fleet.serves(deployer.asked_for[made(operator).id]["bluegreen:side"])
    deployer.becomes(status="Succeeded")


def test_the_release_before_is_deployed_again_to_the_side_out_of_use(three: Operator) -> None:
    assert three.types("rollback", "--reason", "wrong prices") == 0
    assert (made(three).revision, made(three).group) == ("s3://releases/inference/1.1.zip", GROUP)
    assert three.world.deployer.asked_for[made(three).id] == {"bluegreen:fleet": TARGET, "bluegreen:side": "green"}
    assert made(three).description == "release 1.1 (green): rollback from 1.2: wrong prices"
    assert three.out == (
        "deployment d-NEW4 takes Serving/Inference back from 1.2 to 1.1, on the other side's instances; watch it with "
        "bluegreen watch Serving/Inference\n"
    )


def test_json_says_what_it_leaves(three: Operator) -> None:
    said = three.reads("rollback")
    assert (said["from"], said["release"], said["controller"]) == ("1.2", "1.1", "codedeploy")


def test_a_second_rollback_goes_on_to_what_was_before(three: Operator) -> None:
    three.types("rollback")
    succeeds(three)
    assert three.types("rollback") == 0
    assert made(three).revision == "s3://releases/inference/1.0.zip"


def test_what_did_not_succeed_is_no_release_to_go_back_to(three: Operator) -> None:
    brought(three, "d-3", "1.3", "green", "Failed")
    three.types("rollback")
    assert made(three).revision == "s3://releases/inference/1.1.zip"


def test_what_a_pipeline_has_deployed_goes_by_its_archive(three: Operator) -> None:
    brought(three, "d-3", "1.3", "green", description="by CodePipeline")
    assert three.reads("rollback")["from"] == "1.3"
    assert made(three).revision == "s3://releases/inference/1.2.zip"


def test_it_is_the_very_object_that_was_deployed_even_from_elsewhere(three: Operator) -> None:
    brought(three, "d-3", "1.3", "green", revision="s3://other/builds/1.3.zip")
    brought(three, "d-4", "1.4", "blue")
    assert three.types("rollback") == 0
    assert three.world.stored.asked == ["s3://other/builds/1.3.zip"]
    assert made(three).revision == "s3://other/builds/1.3.zip"


@pytest.mark.parametrize("revision", ["s3://other/builds/Ab12", "s3://other/app.tar", ""])
def test_a_revision_that_is_no_zip_is_not_guessed_at(three: Operator, revision: str) -> None:
    brought(three, "d-3", "1.3", "green", revision=revision)
    brought(three, "d-4", "1.4", "blue")
    said = three.is_refused(3, "rollback")
    assert said == (
        f"deployment d-3 brought 1.3 from {revision or 'elsewhere'}, which is no .zip in S3: deploy it again with "
        "what has deployed it"
    )
    assert "CreateDeployment" not in three.world.deployer.calls


def test_an_archive_that_is_gone_is_named(three: Operator) -> None:
    three.world.stored.missing.add("inference/1.1.zip")
    assert three.is_refused(2, "rollback").startswith("there is no s3://releases/inference/1.1.zip")


def test_live_is_what_was_deployed_to_the_side_that_serves_and_not_the_latest(three: Operator) -> None:
    """Somebody has registered green's instances again by hand, with 1.1 on them."""
    three.world.fleet.serves("green")
    assert three.reads("rollback")["from"] == "1.1"
    assert made(three).revision == "s3://releases/inference/1.0.zip"
    assert made(three).group == OTHER_GROUP


def test_a_release_is_named_by_its_name(three: Operator) -> None:
    assert three.types("rollback", "--to", "1.0") == 0
    assert made(three).revision == "s3://releases/inference/1.0.zip"


def test_what_is_live_is_refused(three: Operator) -> None:
    assert three.is_refused(3, "rollback", "--to", "1.2") == (
        "1.2 is live on Serving/Inference already; there are: 1.1, 1.0"
    )


def test_an_unknown_release_is_refused_with_those_there_are_and_the_way_to_it(three: Operator) -> None:
    assert three.is_refused(3, "rollback", "--to", "0.9") == (
        "0.9 is no release that Serving/Inference has had in its last deployments; there are: 1.1, 1.0, and an older "
        "one is deployed with bluegreen start Serving/Inference --release 0.9"
    )


def test_with_one_release_there_is_none_to_go_back_to(on_instances: Operator) -> None:
    brought(on_instances, "d-0", "1.0", "blue")
    assert on_instances.is_refused(3, "rollback").startswith("no deployment of Serving/Inference before that of 1.0")


def test_before_any_deployment_it_is_wrong_usage(on_instances: Operator) -> None:
    assert on_instances.is_refused(2, "rollback").startswith("Serving/Inference has had no deployment")


@pytest.mark.parametrize("side", ["blue", "green"])
def test_a_deployment_in_flight_by_either_group_holds_it(three: Operator, side: str) -> None:
    brought(three, "d-3", "1.3", side, "InProgress")
    assert three.is_refused(4, "rollback").startswith("deployment d-3 of 1.3 has held Serving/Inference")
    assert three.world.fleet.asked == []


def test_while_nothing_serves_there_is_nothing_to_go_back_from(three: Operator) -> None:
    three.world.fleet.serves()
    assert three.is_refused(3, "rollback", "--to", "1.1") == (
        "no instance is registered in the target group of Serving/Inference, so no release is live to go back from: "
        "deploy one with bluegreen start Serving/Inference --release NAME"
    )


def test_both_sides_in_the_group_are_refused(three: Operator) -> None:
    three.world.fleet.serves("blue", "green")
    assert "which side is live cannot be told" in three.is_refused(3, "rollback")


def test_a_live_side_to_which_nothing_was_deployed_is_not_guessed_at(on_instances: Operator) -> None:
    brought(on_instances, "d-0", "1.0", "green")
    on_instances.world.fleet.serves("blue")
    assert on_instances.is_refused(3, "rollback").startswith(
        "none of CodeDeploy's last deployments to the blue side of Serving/Inference, which is live, has succeeded"
    )


class TestAfterCodeDeployTookOneBack:
    @pytest.fixture
    def back(self, three: Operator) -> Operator:
        """1.3 failed on green; CodeDeploy's own deployment names the last success of its group, which was 1.1."""
        brought(three, "d-3", "1.3", "green", "Failed", rolled_back_by="d-BACK")
        own = {"creator": "codeDeployRollback", "rolls_back": "d-3", "description": "Automatically rolled back."}
        brought(three, "d-BACK", "1.1", "green", **own)
        three.world.fleet.serves("blue")
        return three

    def test_which_release_is_live_is_not_certain_and_no_default_is_chosen(self, back: Operator) -> None:
        assert back.is_refused(3, "rollback") == (
            "which release is live on Serving/Inference is not certain: deployment d-2 brought 1.2 there, and "
            "deployment d-BACK, by which CodeDeploy took another one back, says s3://releases/inference/1.1.zip; name "
            "the release to go back to, of these: 1.1, 1.0"
        )
        assert "CreateDeployment" not in back.world.deployer.calls

    def test_a_release_that_is_named_is_deployed(self, back: Operator) -> None:
        assert back.types("rollback", "--to", "1.1") == 0
        assert (made(back).revision, made(back).group) == ("s3://releases/inference/1.1.zip", GROUP)

    def test_where_both_say_the_same_there_is_no_doubt(self, back: Operator) -> None:
        back.world.deployer.becomes(revision="s3://releases/inference/1.2.zip")
        assert back.types("rollback") == 0
        assert made(back).revision == "s3://releases/inference/1.1.zip"

    def test_the_next_release_that_succeeds_ends_the_doubt(self, back: Operator) -> None:
        brought(back, "d-4", "1.4", "green")
        assert back.reads("rollback")["from"] == "1.4"
        assert made(back).revision == "s3://releases/inference/1.2.zip"


def test_waiting_for_it_ends_as_it_does(three: Operator) -> None:
    three.world.on_wait = [lambda: three.world.deployer.becomes(status="Succeeded")]
    assert three.types("rollback", "--wait") == 0
    assert three.out == "deployment d-NEW4: Succeeded\n"


def test_a_failing_call_is_said_in_the_words_of_aws(three: Operator) -> None:
    three.world.deployer.fails["CreateDeployment"] = AwsError("Rate exceeded")
    assert three.is_refused(1, "rollback") == "Rate exceeded"


def test_a_side_that_auto_scaling_still_fills_up_holds_it(three: Operator) -> None:
    """Two minutes after a success, whose former instances were terminated: one of four runs."""
    three.world.fleet.has(blue=4, green=1)
    three.world.fleet.serves("blue")
    said = three.is_refused(4, "rollback")
    assert said.startswith("1 of 4 instances of the side green of Serving/Inference run, ")
    assert "try again in some minutes" in said
    assert "CreateDeployment" not in three.world.deployer.calls
    three.world.fleet.has(blue=4, green=4)
    assert three.types("rollback") == 0
