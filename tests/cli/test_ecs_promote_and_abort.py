"""`bluegreen promote` answers what Amazon ECS or the judge waits for; `bluegreen abort` takes a deployment back."""

from dataclasses import replace
from datetime import timedelta

import boto3
import pytest

from bluegreen_constructs.cli.commands import run
from bluegreen_constructs.engine.aws import clients
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.rollout import Hold, HoldKind
from tests.cli.deployed_services import BEGAN, ECS_TARGET, HOOK, ecs_settings, judging
from tests.cli.operated_world import OPERATOR, Operator

TESTED = {"status": "IN_PROGRESS", "stage": "POST_TEST_TRAFFIC_SHIFT", "weight": 0.0}
AT_THE_JUDGE = {"status": "IN_PROGRESS", "stage": "PRE_PRODUCTION_TRAFFIC_SHIFT", "weight": 10.0}
LEGAL = replace(HOOK, id="ecs-pause-legal")
TOO_LATE = AwsError("The service deployment is in the CLEAN_UP stage and cannot be stopped.")


def waiting(operator: Operator, *hooks: object) -> None:
    operator.world.services.brought("abc", "2.0", **TESTED, waiting=hooks)


def held(operator: Operator) -> None:
    begun = operator.world.services.brought("abc", "2.0", **AT_THE_JUDGE)
    hold = Hold(HoldKind.UNSURE, "too few requests", BEGAN, BEGAN + timedelta(hours=3))
    operator.world.judged(
        judging(ecs_settings(), begun, "2.0", phase=Phase.SHIFTING, step=0, hold=hold, hook_since=BEGAN)
    )


# Promote


def test_the_pause_hook_that_waits_is_answered_with_continue(ecs: Operator) -> None:
    waiting(ecs, HOOK)
    assert ecs.types("promote", "--reason", "looked at it") == 0
    assert ecs.world.services.answered == [("ecs-pause-owner", True)]
    assert ecs.out == ("pause hook ecs-pause-owner of deployment abc was answered with CONTINUE: Amazon ECS goes on\n")
    assert ecs.world.given == []


def test_who_answered_and_why_is_in_the_history(ecs: Operator) -> None:
    waiting(ecs, HOOK)
    ecs.types("promote", "--reason", "looked at it")
    (item,) = (item for item in ecs.reads("history")["items"] if item["event"] == "ANSWERED")
    assert (item["caller"], item["phase"], item["release"]) == (OPERATOR, "POST_TEST_TRAFFIC_SHIFT", "2.0")
    assert item["reason"] == "pause hook ecs-pause-owner was answered with CONTINUE: looked at it"


def test_an_answer_needs_no_table_and_says_that_nothing_keeps_its_reason(unjudged: Operator) -> None:
    waiting(unjudged, HOOK)
    assert unjudged.types("promote") == 0
    assert "note" not in unjudged.out
    unjudged.world.services.becomes(waiting=(HOOK,))
    assert unjudged.types("promote", "--reason", "looked at it") == 0
    assert "note: no table keeps the reason: AWS CloudTrail knows who it was" in unjudged.out


def test_a_history_that_cannot_be_written_does_not_undo_an_answer(ecs: Operator) -> None:
    waiting(ecs, HOOK)
    ecs.world.store.is_down = ecs.world.is_sts_down = True
    assert ecs.types("promote") == 0
    assert ecs.world.services.answered == [("ecs-pause-owner", True)]
    assert "note: the history could not be written: the table does not answer" in ecs.out


def test_json_of_an_answer_is_that_of_the_engine(ecs: Operator) -> None:
    waiting(ecs, HOOK)
    assert ecs.reads("promote") == {"target": ECS_TARGET, "rollout": "abc", "given": "promote", "step": None}


def test_of_several_hooks_one_must_be_named(ecs: Operator) -> None:
    waiting(ecs, HOOK, LEGAL)
    assert ecs.is_refused(3, "promote") == (
        "2 pause hooks of deployment abc wait at POST_TEST_TRAFFIC_SHIFT: answer each with --hook, one of "
        "ecs-pause-owner, ecs-pause-legal"
    )
    assert ecs.world.services.answered == []
    assert ecs.types("promote", "--hook", "ecs-pause-legal") == 0
    assert ecs.world.services.answered == [("ecs-pause-legal", True)]


def test_a_hook_that_does_not_wait_is_not_answered(ecs: Operator) -> None:
    waiting(ecs, HOOK)
    assert ecs.is_refused(3, "promote", "--hook", "ecs-pause-legal") == (
        "no pause hook ecs-pause-legal of deployment abc waits at POST_TEST_TRAFFIC_SHIFT: there is ecs-pause-owner"
    )
    assert ecs.world.services.answered == []


def test_a_hook_of_ecs_is_none_of_the_engines(operator: Operator) -> None:
    assert operator.is_refused(2, "promote", "--hook", "ecs-pause-owner") == (
        "--hook names a pause hook of Amazon ECS, and the engine rolls out Serving/Model"
    )


def test_the_judges_hold_is_answered_through_its_table(ecs: Operator) -> None:
    held(ecs)
    assert ecs.reads("promote", "--from-step", "1", "--reason", "looked at it")["step"] == 1
    (command,) = ecs.world.given
    assert (command.verb, command.rollout, command.step, command.reason) == ("promote", "abc", 0, "looked at it")
    assert ecs.world.services.answered == []


def test_the_judge_takes_an_answer_before_its_patience_ends(ecs: Operator) -> None:
    held(ecs)
    ecs.world.judged(replace(ecs.world.rollout, hold=None))
    assert ecs.types("promote") == 0
    (command,) = ecs.world.given
    assert (command.verb, command.step) == ("promote", 0)


def test_a_hook_that_waits_is_answered_before_the_judges_hold(ecs: Operator) -> None:
    held(ecs)
    ecs.world.services.becomes(waiting=(HOOK,))
    assert ecs.types("promote") == 0
    assert (ecs.world.services.answered, ecs.world.given) == ([("ecs-pause-owner", True)], [])


def test_an_answer_for_another_step_is_refused(ecs: Operator) -> None:
    held(ecs)
    assert ecs.is_refused(3, "promote", "--from-step", "2") == (
        "deployment abc is at step 1 of 2, and --from-step is 2: look at it with bluegreen explain Serving/Inference, "
        "and answer for the step it is at"
    )
    assert ecs.world.given == []


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (
            {"status": "IN_PROGRESS", "stage": "BAKE_TIME"},
            (
                "deployment abc waits for no answer, it is BAKE_TIME and waits for the bake of 10 min to end; until "
                "then going back is one call"
            ),
        ),
        (
            {"status": "ROLLBACK_IN_PROGRESS", "reason": "An alarm went off.", "waiting": (HOOK,)},
            "deployment abc is on its way back (An alarm went off): watch it with bluegreen watch Serving/Inference",
        ),
        (
            {"status": "SUCCESSFUL"},
            (
                "there is nothing to promote: Serving/Inference has no deployment in flight (the last one, abc, is "
                "SUCCESSFUL); see bluegreen status"
            ),
        ),
    ],
)
def test_what_waits_for_no_answer_is_refused_saying_what_it_waits_for(
    ecs: Operator, at: dict[str, object], said: str
) -> None:
    ecs.world.services.brought("abc", "2.0", **at)
    assert ecs.is_refused(3, "promote") == said
    assert (ecs.world.services.answered, ecs.world.given) == ([], [])


def test_a_hold_that_cannot_be_read_is_not_said_to_be_none(ecs: Operator) -> None:
    held(ecs)
    ecs.world.store.is_down = True
    assert ecs.is_refused(1, "promote") == (
        "the judge's table cannot be read, so whether it waits for an answer is not known: the table does not answer"
    )


# Abort


def test_two_calls_take_a_deployment_back(ecs: Operator) -> None:
    ecs.world.services.brought("abc", "2.0", **AT_THE_JUDGE)
    assert ecs.types("abort", ECS_TARGET, "--reason", "payments fail") == 0
    assert ecs.world.services.calls[:2] == ["ListServiceDeployments", "StopServiceDeployment"]
    assert ecs.world.services.seen[0].status == "ROLLBACK_REQUESTED"
    assert ecs.out == (
        "deployment abc of Serving/Inference goes back (ROLLBACK_REQUESTED: Rollback was requested): Amazon ECS gives "
        "live all traffic again\n"
    )
    assert ecs.world.rules_there.calls == []


def test_json_of_an_abort_is_that_of_the_engine(ecs: Operator) -> None:
    ecs.world.services.brought("abc", "2.0", **AT_THE_JUDGE)
    assert ecs.reads("abort") == {
        "target": ECS_TARGET,
        "state": "GOING_BACK",
        "rollout": "abc",
        "aws_calls": 2,
        "notes": [],
    }


def test_who_aborted_and_why_is_in_the_history(ecs: Operator) -> None:
    ecs.world.services.brought("abc", "2.0", **AT_THE_JUDGE)
    ecs.types("abort", "--reason", "payments fail")
    (item,) = (item for item in ecs.reads("history")["items"] if item["event"] == "ABORTED")
    assert (item["caller"], item["reason"], item["rollout"]) == (OPERATOR, "aborted: payments fail", "abc")


def test_a_hook_that_waits_needs_no_answer_of_its_own(ecs: Operator) -> None:
    waiting(ecs, HOOK)
    assert ecs.types("abort") == 0
    assert ecs.world.services.answered == []
    assert ecs.world.services.seen[0].goes_back


def test_no_deployment_in_flight_is_no_failure_and_nothing_is_stopped(ecs: Operator) -> None:
    assert ecs.types("abort") == 0
    assert ecs.out == "nothing is in flight on Serving/Inference: nothing was changed\n"
    ecs.world.services.brought("abc", "2.0")
    assert ecs.reads("abort") == {
        "target": ECS_TARGET,
        "state": "NOTHING_IN_FLIGHT",
        "rollout": None,
        "aws_calls": 1,
        "notes": [],
    }
    assert set(ecs.world.services.calls) == {"ListServiceDeployments"}


def test_what_goes_back_already_is_said_to_with_its_reason(ecs: Operator) -> None:
    ecs.world.services.brought("abc", "2.0", "ROLLBACK_IN_PROGRESS", reason="An alarm went off.")
    assert ecs.types("abort") == 0
    assert "deployment abc of Serving/Inference goes back (ROLLBACK_IN_PROGRESS: An alarm went off)" in ecs.out


@pytest.mark.parametrize("at", [{"status": "IN_PROGRESS", "stage": "CLEAN_UP"}, {"status": "SUCCESSFUL"}])
def test_too_late_is_refused_with_the_way_that_is_left(ecs: Operator, at: dict[str, object]) -> None:
    ecs.world.services.brought("abc", "2.0", "IN_PROGRESS", stage="CLEAN_UP")
    ecs.world.services.in_flight = lambda cluster, service: ecs.world.services.seen[0].arn
    ecs.world.services.becomes(**at)
    ecs.world.services.fails["StopServiceDeployment"] = TOO_LATE
    assert ecs.is_refused(3, "abort") == (
        "it is too late to abort deployment abc, which is in CLEAN_UP or over: the candidate is live and Amazon ECS "
        "ends live's former tasks (the service deployment is in the CLEAN_UP stage and cannot be stopped); go back "
        "with bluegreen rollback Serving/Inference"
    )


@pytest.mark.parametrize("down", [(), ("DescribeServiceDeployments",)])
def test_a_stop_that_fails_for_another_reason_is_a_failure(ecs: Operator, down: tuple[str, ...]) -> None:
    ecs.world.services.brought("abc", "2.0", **AT_THE_JUDGE)
    ecs.world.services.fails = {name: AwsError("also down") for name in down}
    ecs.world.services.fails["StopServiceDeployment"] = AwsError("Throttling")
    assert ecs.is_refused(1, "abort") == "Throttling"


def test_what_follows_the_two_calls_may_fail(ecs: Operator) -> None:
    ecs.world.services.brought("abc", "2.0", **AT_THE_JUDGE)
    ecs.world.services.fails["DescribeServiceDeployments"] = AwsError("Throttling")
    ecs.world.store.is_down = ecs.world.is_sts_down = True
    assert ecs.types("abort", "--reason", "payments fail") == 0
    assert ecs.world.services.seen[0].goes_back
    assert "note: how far it is on its way back is not known: throttling" in ecs.out
    assert "note: the history could not be written: the table does not answer" in ecs.out


@pytest.mark.parametrize("named", ["serving/inference", "arn:aws:ecs:eu-west-1:123456789012:service/serving/inference"])
def test_it_needs_no_parameter_store_when_it_is_given_the_service(ecs: Operator, named: str) -> None:
    ecs.world.services.brought("abc", "2.0", **AT_THE_JUDGE)
    ecs.world.is_ssm_down = ecs.world.is_sts_down = ecs.world.store.is_down = True
    assert ecs.types("abort", "--service", named, "--reason", "payments fail") == 0
    assert ecs.world.services.seen[0].goes_back
    assert "deployment abc of serving/inference goes back" in ecs.out
    assert "note: the history was not written, as only the service is named" in ecs.out


def test_an_abort_by_the_service_goes_to_its_arns_region(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def unreachable() -> object:
        asked.append(boto3.client("ecs").meta.region_name)
        raise AwsError("Could not connect to the endpoint URL")

    monkeypatch.setattr(clients, "service_deployments", unreachable)
    arn = "arn:aws:ecs:eu-south-2:123456789012:service/serving/inference"
    assert run(["abort", "--service", arn]) == 1
    assert capsys.readouterr().err.startswith("bluegreen: AWS cannot be reached")
    assert asked == ["eu-south-2"]


@pytest.mark.parametrize("named", ["inference", "a/b/c", "arn:aws:ecs:eu-west-1:123456789012:cluster/serving", ""])
def test_a_service_that_is_none_is_wrong_usage(ecs: Operator, named: str) -> None:
    assert "is no service of Amazon ECS: give CLUSTER/SERVICE, or its ARN" in ecs.is_refused(
        2, "abort", "--service", named
    )


def test_a_service_and_a_target_are_one_too_many(ecs: Operator) -> None:
    assert ecs.is_refused(2, "abort", ECS_TARGET, "--service", "serving/inference") == (
        "Serving/Inference and --service are given: give one of them"
    )


def test_a_rule_without_a_rollout_names_the_way_for_what_ecs_rolls_out(operator: Operator) -> None:
    rule = operator.world.first.settings.rule_arn
    assert operator.types("abort", "--rule", rule) == 0
    assert "note: the rule of a service that Amazon ECS rolls out tells nothing: abort that with --service" in (
        operator.out
    )
