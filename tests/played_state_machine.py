"""Plays a definition in Amazon States Language, as much of it as rollouts use, with functions in the place of AWS."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


class TaskError(Exception):
    """What a task fails with: its name as Step Functions shows it, and the cause."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error)
        self.error, self.cause = error, cause


@dataclass
class Ended:
    """How an execution ended, and the way there."""

    status: str
    error: str = ""
    cause: str = ""
    output: object = None
    states: list[str] = field(default_factory=list)


def play(definition: Json, given: Json, task: Callable[[str, Json], object], name: str = "release-1") -> Ended:
    """Run an execution to its end. `task` answers (resource, parameters) or raises TaskError."""
    context = {
        "Execution": {"Name": name, "Id": f"arn:execution:{name}", "Input": given},
        "State": {"EnteredTime": "2026-11-21T12:00:00Z"},
    }
    data: Any = given
    visited: list[str] = []
    state_name = definition["StartAt"]
    while True:
        visited.append(state_name)
        assert len(visited) < 200, visited
        state = definition["States"][state_name]
        match state["Type"]:
            case "Succeed":
                return Ended("SUCCEEDED", output=data, states=visited)
            case "Fail":
                error = state.get("Error") or _evaluated(state["ErrorPath"], data, context)
                cause = state.get("Cause") or _evaluated(state["CausePath"], data, context)
                assert isinstance(error, str)
                assert isinstance(cause, str)
                return Ended("FAILED", error, cause, states=visited)
            case "Wait":
                assert isinstance(_evaluated(state["SecondsPath"], data, context), int)
                state_name = state["Next"]
            case "Choice":
                state_name = next(
                    (rule["Next"] for rule in state["Choices"] if _holds(rule, data, context)), state["Default"]
                )
            case "Pass":
                data = filled(state["Parameters"], data, context)
                state_name = state["Next"]
            case "Task":
                try:
                    answer = _tried(state, filled(state["Parameters"], data, context), task)
                except TaskError as failure:
                    caught = [one for one in state.get("Catch", []) if _names(one, failure)]
                    if not caught:
                        return Ended("FAILED", failure.error, failure.cause, states=visited)
                    data = _placed(caught[0]["ResultPath"], data, {"Error": failure.error, "Cause": failure.cause})
                    state_name = caught[0]["Next"]
                else:
                    data = _placed(state.get("ResultPath", "$"), data, answer)
                    data = _evaluated(state.get("OutputPath", "$"), data, context)
                    state_name = state["Next"]


def _tried(state: Json, parameters: Json, task: Callable[[str, Json], object]) -> object:
    retries = [0] * len(state.get("Retry", []))
    while True:
        try:
            return task(state["Resource"], parameters)
        except TaskError as failure:
            for index, retrier in enumerate(state.get("Retry", [])):
                if _names(retrier, failure):
                    retries[index] += 1
                    if retries[index] > retrier["MaxAttempts"]:
                        raise
                    break
            else:
                raise


def _names(one: Json, failure: TaskError) -> bool:
    return failure.error in one["ErrorEquals"] or "States.ALL" in one["ErrorEquals"]


def _holds(rule: Json, data: Any, context: Json) -> bool:
    if "And" in rule:
        return all(_holds(part, data, context) for part in rule["And"])
    there, value = _found(rule["Variable"], data, context)
    if "IsPresent" in rule:
        return there is rule["IsPresent"]
    assert there, f"{rule['Variable']} is not there"
    (wanted,) = (rule[key] for key in ("BooleanEquals", "StringEquals") if key in rule)
    return value is wanted if isinstance(wanted, bool) else value == wanted


def filled(parameters: Any, data: Any, context: Json) -> Any:
    if not isinstance(parameters, dict):
        return parameters
    return {
        key.removesuffix(".$"): _evaluated(value, data, context) if key.endswith(".$") else filled(value, data, context)
        for key, value in parameters.items()
    }


def _evaluated(expression: str, data: Any, context: Json) -> Any:
    call = re.fullmatch(r"States\.(\w+)\((.*)\)", expression)
    if call is None:
        there, value = _found(expression, data, context)
        assert there, f"{expression} leads to nothing in {data}"
        return value
    name, arguments = call[1], re.findall(r"'[^']*'|[^,\s]+", call[2])
    values = [_argument(one, data, context) for one in arguments]
    if name == "JsonMerge":
        return {**values[0], **values[1]}
    if name == "StringToJson":
        return __import__("json").loads(values[0])
    assert name == "Format"
    template, *rest = values
    assert template.count("{}") == len(rest)
    return template.format(*rest)


def _argument(text: str, data: Any, context: Json) -> Any:
    if text.startswith("'"):
        return text[1:-1]
    return {"false": False, "true": True}[text] if text in ("false", "true") else _evaluated(text, data, context)


def _found(path: str, data: Any, context: Json) -> tuple[bool, Any]:
    value: Any = data
    if path.startswith("$$."):
        value, path = context, path[1:]
    for part in path.split(".")[1:]:
        if not isinstance(value, dict) or part not in value:
            return False, None
        value = value[part]
    return True, value


def _placed(path: str, data: Any, answer: object) -> Any:
    if path == "$":
        return answer
    (name,) = path.split(".")[1:]
    return {**data, name: answer}
