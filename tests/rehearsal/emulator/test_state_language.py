"""The rules of state machines that need no emulator: names, retries, paths, waits, and what a child answers."""

import pytest

from bluegreen_constructs.rehearsal.emulator import state_language as language


@pytest.mark.parametrize("name", ["r-2026.11.21_1", "a", "r" * 80, "Größe", "a(b)+c=d!"])
def test_a_name_that_step_functions_takes(name: str) -> None:
    assert language.is_execution_name(name)


@pytest.mark.parametrize("name", ["", "r" * 81, "a b", "a:b", "a/b", "a#b", "a\n", "<a>", "a\x07", "a?", "$a", "a,b"])
def test_a_name_that_step_functions_refuses(name: str) -> None:
    assert not language.is_execution_name(name)


@pytest.mark.parametrize(
    ("error_equals", "error", "never"),
    [
        (["States.ALL"], "States.Runtime", True),
        (["States.Runtime"], "States.Runtime", True),
        (["States.ALL"], "States.DataLimitExceeded", True),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", False),
        (["States.ALL"], "States.Timeout", False),
        (["States.ALL"], "Refused", False),
    ],
)
def test_some_errors_are_out_of_reach_of_a_catch(error_equals: list[str], error: str, never: bool) -> None:
    assert language.never_matches(error_equals, error) is never


@pytest.mark.parametrize(
    ("retrier", "delays"),
    [
        ({}, [1, 2, 4, 8]),
        ({"IntervalSeconds": 5, "BackoffRate": 1}, [5, 5, 5, 5]),
        ({"IntervalSeconds": 5, "BackoffRate": 3.0, "MaxDelaySeconds": 20}, [5, 15, 20, 20]),
        ({"IntervalSeconds": 50, "BackoffRate": 2}, [50, 100, 200, 400]),
    ],
)
def test_retries_wait_longer_and_longer_up_to_the_longest_delay(
    retrier: dict[str, object], delays: list[float]
) -> None:
    assert [language.retry_delay(retrier, retries) for retries in range(4)] == delays


@pytest.mark.parametrize(
    ("steps", "there"),
    [
        ([], True),
        ([("field", "a")], True),
        ([("field", "a"), ("field", "null")], True),
        ([("field", "list"), ("index", 1)], True),
        ([("field", "list"), ("index", 2)], False),
        ([("field", "b")], False),
        ([("field", "a"), ("field", "null"), ("field", "x")], False),
        ([("field", "list"), ("field", "x")], False),
        ([("field", "text"), ("index", 0)], False),
    ],
)
def test_a_path_leads_somewhere_or_not(steps: list[tuple[str, object]], there: bool) -> None:
    data = {"a": {"null": None}, "list": [1, 2], "text": "abc"}
    assert language.is_there(steps, data) is there


@pytest.mark.parametrize("seconds", [0, 60, 99_999_999])
def test_a_wait_takes_whole_seconds(seconds: int) -> None:
    assert language.wait_refusal(seconds) == ""


@pytest.mark.parametrize(("seconds", "shown"), [(-1, "-1"), (100_000_000, "100000000"), (1.0, "1.0"), (True, "true")])
def test_a_wait_refuses_the_rest_by_its_value(seconds: object, shown: str) -> None:
    assert f"leads to {shown}; it takes a whole number from 0" in language.wait_refusal(seconds)


@pytest.mark.parametrize(("parses_json", "output"), [(True, {"a": 1}), (False, '{"a": 1}')])
def test_a_child_answers_with_its_description_and_only_version_two_parses_it(parses_json: bool, output: object) -> None:
    execution = {
        "executionArn": "arn:child",
        "name": "child",
        "stateMachineArn": "arn:machine",
        "status": "SUCCEEDED",
        "input": "{}",
        "output": '{"a": 1}',
        "startDate": "2026-11-21T12:00:00.000Z",
        "stopDate": "2026-11-21T12:00:01.500Z",
        "error": None,
    }
    answer = language.child_answer(execution, parses_json=parses_json)
    assert answer["Output"] == output
    assert isinstance(answer["StopDate"], int)
    assert isinstance(answer["StartDate"], int)
    assert answer["StopDate"] - answer["StartDate"] == 1500
    assert "Error" not in answer
