"""Executions by name: started once, stopped once, and asked after."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.executions import (
    IAM_ACTIONS,
    READ_ACTIONS,
    WRITE_ACTIONS,
    StepFunctionsExecutions,
)
from bluegreen_constructs.engine.errors import AwsError

MACHINE = "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:Rollouts"
ARN = "arn:aws-cn:states:cn-north-1:123456789012:execution:Rollouts:r-1"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("stepfunctions")
    yield stubbed
    stubbed.done()


@pytest.fixture
def executions(stubbed: StubbedClient) -> StepFunctionsExecutions:
    return StepFunctionsExecutions(stubbed.client, MACHINE, (BotoCoreError,))


def described(status: str, text: str | None = None) -> dict:
    known = {"executionArn": ARN, "stateMachineArn": MACHINE, "startDate": NOW, "status": status}
    return {**known, **({} if text is None else {"input": text})}


def test_one_is_started_by_name_with_its_request(stubbed: StubbedClient, executions: StepFunctionsExecutions) -> None:
    asked = {"stateMachineArn": MACHINE, "name": "r-1", "input": '{"closing": true, "target": "T"}'}
    stubbed.answers("start_execution", {"executionArn": ARN, "startDate": NOW}, asked)
    assert executions.start("r-1", {"target": "T", "closing": True}) == ARN


def test_the_same_again_is_the_same_also_when_it_has_closed(
    stubbed: StubbedClient, executions: StepFunctionsExecutions
) -> None:
    stubbed.fails("start_execution", "ExecutionAlreadyExists")
    answer = described("SUCCEEDED", '{"target":"T","closing":true}')
    stubbed.answers("describe_execution", answer, {"executionArn": ARN})
    assert executions.start("r-1", {"closing": True, "target": "T"}) == ARN


@pytest.mark.parametrize("text", ['{"target": "other"}', None])
def test_a_name_that_was_used_for_something_else_is_refused(
    stubbed: StubbedClient, executions: StepFunctionsExecutions, text: str | None
) -> None:
    stubbed.fails("start_execution", "ExecutionAlreadyExists")
    stubbed.answers("describe_execution", described("RUNNING", text))
    with pytest.raises(AwsError, match="an execution named r-1 was started before, with other input"):
        executions.start("r-1", {"target": "T"})


def test_one_is_stopped_with_the_cause(stubbed: StubbedClient, executions: StepFunctionsExecutions) -> None:
    asked = {"executionArn": ARN, "error": "Aborted", "cause": "by ada: too slow"}
    stubbed.answers("stop_execution", {"stopDate": NOW}, asked)
    executions.stop(ARN, "by ada: too slow")


def test_a_cause_that_is_too_long_for_aws_is_cut(stubbed: StubbedClient, executions: StepFunctionsExecutions) -> None:
    asked = {"executionArn": ARN, "error": "Aborted", "cause": "x" * 32_768}
    stubbed.answers("stop_execution", {"stopDate": NOW}, asked)
    executions.stop(ARN, "x" * 40_000)


def test_stopping_what_is_over_or_unknown_is_no_error(
    stubbed: StubbedClient, executions: StepFunctionsExecutions
) -> None:
    stubbed.fails("stop_execution", "ExecutionDoesNotExist")
    executions.stop(ARN, "why")
    stubbed.fails("stop_execution", "ValidationException", "Execution is not running")
    stubbed.answers("describe_execution", described("SUCCEEDED"))
    executions.stop(ARN, "why")
    executions.stop("", "a rollout that never had an execution")


def test_a_refusal_to_stop_what_still_runs_is_an_error(
    stubbed: StubbedClient, executions: StepFunctionsExecutions
) -> None:
    stubbed.fails("stop_execution", "ValidationException")
    stubbed.answers("describe_execution", described("RUNNING"))
    with pytest.raises(AwsError, match="in the words of AWS"):
        executions.stop(ARN, "why")


@pytest.mark.parametrize(
    ("status", "runs"),
    [("RUNNING", True), ("SUCCEEDED", False), ("FAILED", False), ("TIMED_OUT", False), ("ABORTED", False)],
)
def test_only_a_running_one_runs(
    stubbed: StubbedClient, executions: StepFunctionsExecutions, status: str, *, runs: bool
) -> None:
    stubbed.answers("describe_execution", described(status), {"executionArn": ARN})
    assert executions.is_running(ARN) is runs


@pytest.mark.parametrize("code", ["ExecutionDoesNotExist", "InvalidArn"])
def test_one_that_is_not_known_does_not_run(
    stubbed: StubbedClient, executions: StepFunctionsExecutions, code: str
) -> None:
    stubbed.fails("describe_execution", code)
    assert not executions.is_running(ARN)
    assert not executions.is_running("")


def test_a_refusal_and_silence_are_aws_errors_and_not_a_no(
    stubbed: StubbedClient, executions: StepFunctionsExecutions
) -> None:
    stubbed.fails("describe_execution", "ThrottlingException")
    with pytest.raises(AwsError, match="in the words of AWS"):
        executions.is_running(ARN)
    silent = StepFunctionsExecutions(SilentClient("stepfunctions"), MACHINE, (BotoCoreError,))
    with pytest.raises(AwsError, match="timeout"):
        silent.start("r-1", {})


def test_every_call_is_declared_and_nothing_else_is(
    stubbed: StubbedClient, executions: StepFunctionsExecutions
) -> None:
    stubbed.answers("describe_execution", described("RUNNING"))
    executions.is_running(ARN)
    assert set(stubbed.actions) == set(READ_ACTIONS)
    stubbed.actions.clear()
    stubbed.answers("start_execution", {"executionArn": ARN, "startDate": NOW})
    stubbed.answers("stop_execution", {"stopDate": NOW})
    executions.start("r-1", {})
    executions.stop(ARN, "why")
    assert set(stubbed.actions) == set(WRITE_ACTIONS)
    assert {**READ_ACTIONS, **WRITE_ACTIONS} == IAM_ACTIONS
