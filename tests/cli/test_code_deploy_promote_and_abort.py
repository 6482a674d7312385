"""`bluegreen promote` continues a deployment of AWS CodeDeploy; `bluegreen abort` takes one back, in three calls."""

from datetime import timedelta

import pytest

from bluegreen_constructs.engine.code_deployments import CodeDeploymentSeen, DeploymentOverError, NotWaitingError
from bluegreen_constructs.engine.errors import AwsError
from tests.cli.code_deployed import TARGET, server_settings
from tests.cli.operated_world import OperatedWorld, Operator

DAY = timedelta(days=1)


# Promote


def test_a_deployment_that_is_ready_is_continued(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "Ready", approval=DAY)
    assert deployed.types("promote") == 0
    assert deployed.world.deployer.seen[0].status == "InProgress"
    assert deployed.out == "deployment d-1 is continued: AWS CodeDeploy moves production traffic\n"


def test_json_of_an_answer_is_that_of_the_engine(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "Ready", approval=DAY)
    assert deployed.reads("promote") == {"target": TARGET, "rollout": "d-1", "given": "promote", "step": None}


def test_a_reason_that_nothing_keeps_is_not_lost_without_a_word(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "Ready", approval=DAY)
    assert deployed.types("promote", "--reason", "looked at it") == 0
    assert "note: no table keeps the reason: AWS CloudTrail knows who it was" in deployed.out


@pytest.mark.parametrize(
    ("status", "more", "said"),
    [
        (
            "InProgress",
            {"keeps_now": True},
            (
                "deployment d-1 waits for no answer, it is TerminationWait and waits for live's former tasks to be "
                "kept for 10 min; until then going back is one call"
            ),
        ),
        (
            "Succeeded",
            {},
            (
                "there is nothing to promote: Serving/Inference has no deployment in flight (the last one, d-1, is "
                "Succeeded); see bluegreen status"
            ),
        ),
    ],
)
def test_what_waits_for_no_answer_is_refused_saying_what_it_waits_for(
    deployed: Operator, status: str, more: dict[str, object], said: str
) -> None:
    deployed.world.deployer.brought("d-1", 1, status, **more)
    assert deployed.is_refused(3, "promote") == said
    assert "ContinueDeployment" not in deployed.world.deployer.calls


def test_one_on_its_way_back_is_not_continued(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "Stopped", error="Alarm.", error_code="ALARM_ACTIVE")
    deployed.world.deployer.goes_back()
    assert deployed.is_refused(3, "promote") == (
        "deployment d-1 is on its way back (Alarm (ALARM_ACTIVE); Deployment d-BACK takes it back): watch it with "
        "bluegreen watch Serving/Inference"
    )


@pytest.mark.parametrize("error", [NotWaitingError("Not ready."), DeploymentOverError("Over.")])
def test_an_answer_that_comes_too_late_is_refused(deployed: Operator, error: AwsError) -> None:
    deployed.world.deployer.brought("d-1", 1, "Ready", approval=DAY)
    deployed.world.deployer.fails["ContinueDeployment"] = error
    assert "waits for no answer any more" in deployed.is_refused(3, "promote")


@pytest.mark.parametrize("options", [("--hook", "ecs-pause-1"), ("--from-step", "1")])
def test_options_of_others_are_wrong_usage(deployed: Operator, options: tuple[str, ...]) -> None:
    deployed.world.deployer.brought("d-1", 1, "Ready", approval=DAY)
    assert options[0] in deployed.is_refused(2, "promote", *options)
    assert deployed.world.deployer.calls == []


# Abort


@pytest.mark.parametrize(
    ("status", "more"),
    [("Created", {}), ("InProgress", {}), ("Ready", {"approval": DAY}), ("InProgress", {"keeps_now": True})],
)
def test_three_calls_take_a_deployment_back_from_wherever_it_is(
    deployed: Operator, status: str, more: dict[str, object]
) -> None:
    deployed.world.deployer.brought("d-1", 1, status, **more)
    assert deployed.reads("abort", TARGET) == {
        "target": TARGET,
        "state": "GOING_BACK",
        "rollout": "d-1",
        "aws_calls": 3,
        "notes": [],
    }
    assert deployed.world.deployer.calls[:3] == ["ListDeployments", "GetDeployment", "StopDeployment"]
    assert deployed.world.deployer.seen[0].status == "Stopped"


def test_an_abort_says_what_happens_now(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress")
    assert deployed.types("abort") == 0
    assert deployed.out == (
        "deployment d-1 of Serving/Inference goes back (Stopped: Deployment stopped by a user): AWS CodeDeploy gives "
        "live all traffic again\n"
    )


def test_with_nothing_in_flight_nothing_is_changed(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1)
    assert deployed.types("abort") == 0
    assert deployed.out == "nothing is in flight on Serving/Inference: nothing was changed\n"
    assert deployed.world.deployer.calls == ["ListDeployments"]


def test_what_cannot_be_looked_at_was_stopped_all_the_same(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress")

    def throttled(id: str) -> CodeDeploymentSeen:
        raise AwsError("Rate exceeded")

    deployed.world.deployer.deployment = throttled
    deployed.world.is_sts_down = True
    assert deployed.types("abort", "--reason", "payments fail") == 0
    assert deployed.world.deployer.seen[0].status == "Stopped"
    assert "note: how far it is on its way back is not known: rate exceeded" in deployed.out
    assert "note: no table keeps the reason" in deployed.out


def test_one_that_has_succeeded_meanwhile_is_refused_with_the_way_that_is_left(deployed: Operator) -> None:
    deployer = deployed.world.deployer
    deployer.brought("d-1", 1, "InProgress")
    stop = deployer.stop

    def too_late(id: str) -> None:
        deployer.becomes(status="Succeeded")
        stop(id)

    deployer.stop = too_late
    assert deployed.is_refused(3, "abort") == (
        "it is too late to abort deployment d-1 (the deployment has already completed): the candidate is live; go back "
        "with bluegreen rollback Serving/Inference"
    )


def test_one_that_has_gone_back_meanwhile_needs_no_abort(deployed: Operator) -> None:
    deployer = deployed.world.deployer
    deployer.brought("d-1", 1, "InProgress")
    stop = deployer.stop

    def too_late(id: str) -> None:
        deployer.becomes(status="Stopped")
        stop(id)

    deployer.stop = too_late
    assert deployed.types("abort") == 0
    assert "nothing is in flight" in deployed.out


def test_a_second_abort_leaves_the_way_back_alone(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "Stopped")
    deployed.world.deployer.goes_back()
    assert deployed.types("abort") == 0
    assert "goes back" in deployed.out
    assert "note: deployment d-BACK is the way back from d-1 itself: it was left alone" in deployed.out
    assert "StopDeployment" not in deployed.world.deployer.calls


def test_by_its_id_the_way_back_can_be_stopped_too(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "Stopped")
    deployed.world.deployer.goes_back()
    assert deployed.types("abort", "--deployment", "d-BACK") == 0
    assert "note: deployment d-BACK was the way back from d-1 itself: see bluegreen status" in deployed.out


def test_by_its_id_a_deployment_is_stopped_in_one_call_without_parameter_store(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress")
    deployed.world.is_ssm_down = True
    assert deployed.types("abort", "--deployment", "d-1") == 0
    assert deployed.world.deployer.calls[0] == "StopDeployment"
    assert deployed.out.startswith("deployment d-1 goes back (Stopped: ")


def test_a_reason_for_a_bare_deployment_is_kept_by_nobody_and_said_so(deployed: Operator) -> None:
    deployed.world.deployer.brought("d-1", 1, "InProgress")
    assert deployed.types("abort", "--deployment", "d-1", "--reason", "payments fail") == 0
    assert "note: the history was not written, as only the deployment is named" in deployed.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--deployment", "1"), "'1' is no deployment of AWS CodeDeploy: give its id, such as d-ABCDEF123"),
        ((TARGET, "--deployment", "d-1"), "Serving/Inference and --deployment are given: give one of them"),
        (("--deployment", "d-1", "--service", "a/b"), "--deployment and --service are given: give one of them"),
    ],
)
def test_a_deployment_is_named_alone_and_by_its_id(deployed: Operator, words: tuple[str, ...], said: str) -> None:
    assert said in deployed.is_refused(2, "abort", *words)
    assert deployed.world.deployer.calls == []


def test_without_parameter_store_the_way_by_its_id_is_named(deployed: Operator) -> None:
    deployed.world.is_ssm_down = True
    assert "or with --deployment ID what AWS CodeDeploy deploys" in deployed.is_refused(1, "abort", TARGET)


def test_on_instances_both_groups_are_looked_at_in_at_most_four_calls(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(server_settings()))
    deployer = operator.world.deployer
    deployer.brought("d-1", 1, "InProgress")
    listed = deployer.in_flight
    deployer.in_flight = lambda application, group: (
        listed(application, group) if group.endswith("-green") else (deployer.calls.append("ListDeployments") or "")
    )
    assert operator.reads("abort", TARGET)["aws_calls"] == 4
    assert deployer.calls[:4] == ["ListDeployments", "ListDeployments", "GetDeployment", "StopDeployment"]
