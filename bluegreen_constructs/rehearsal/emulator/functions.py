"""The overlay on the emulator's Lambda: error names as the runtime reports them, retries on rehearsed time, faults.

ministack calls every exception of a function `Runtime.HandlerError`, so that a state machine could never catch one by
its name; and it retries an asynchronous invocation after one and two seconds of real time, where Lambda waits "one
minute before the first retry, and two minutes before the second":
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from .faults import Faults, FunctionFault
from .patches import Patches
from .world import World

Function: TypeAlias = dict[str, object]
Result: TypeAlias = dict[str, object]
_Execute: TypeAlias = Callable[[Function, object, str], Result]

_FIRST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS = 60.0, 300.0
_UNNAMED = "Runtime.HandlerError"
_EXCEPTION_NAME = re.compile(r"[\w.<>]+")


def install(patches: Patches, world: World) -> Faults:
    """Mend the functions, and let the world's faults reach them; returns those."""
    from ministack import app  # noqa: PLC0415  # an optional extra
    from ministack.core import responses  # noqa: PLC0415
    from ministack.services import lambda_svc  # noqa: PLC0415

    execute = cast(_Execute, patches.original(lambda_svc, "_execute_function_warm"))
    functions = cast(Mapping[str, object], patches.original(lambda_svc, "_functions"))
    services = cast(Mapping[str, object], patches.original(app, "SERVICE_HANDLERS"))

    def known_functions() -> tuple[str, ...]:
        with responses.request_scope(world.config.account, world.config.region):
            return tuple(functions.keys())

    world.faults.known_functions = known_functions
    world.faults.known_services = lambda: tuple(services)

    def execute_or_fail(func: Function, event: object, request_id: str) -> Result:
        fault = world.faults.of_function(_name(func))
        return failed(fault) if fault is not None else with_error_name(execute(func, event, request_id))

    patches.replace(lambda_svc, "_execute_function_warm", execute_or_fail, written_for=["func", "event", "request_id"])
    for name, seconds in (
        ("_LAMBDA_ASYNC_RETRY_BASE_SECONDS", _FIRST_RETRY_SECONDS),
        ("_LAMBDA_ASYNC_RETRY_MAX_SECONDS", _LONGEST_RETRY_SECONDS),
    ):
        patches.replace(lambda_svc, name, world.clock.real_seconds(seconds))
    return world.faults


def failed(fault: FunctionFault) -> Result:
    """The result of an invocation that a scenario made fail."""
    body = {"errorMessage": fault.message, "errorType": fault.error}
    return {"body": body, "error": True, "log": f"[ERROR] {fault.error}: {fault.message}"}


def with_error_name(result: Result) -> Result:
    """A failed result with the class name of its exception as errorType, as Lambda's Python runtime reports it."""
    body = result.get("body")
    if not result.get("error") or not isinstance(body, dict) or body.get("errorType") != _UNNAMED:
        return result
    name = exception_name(str(result.get("log", "")), str(body.get("errorMessage", "")))
    return {**result, "body": {**body, "errorType": name or _UNNAMED}}


def exception_name(log: str, message: str) -> str:
    """The class name of the exception whose traceback ends `log` with its `message`; "" when none does."""
    ending = f": {message}" if message else ""
    traceback = log.removesuffix("\n")
    if not traceback.endswith(ending):
        return ""
    last_line = traceback.removesuffix(ending).rsplit("\n", 1)[-1]
    return last_line.rsplit(".", 1)[-1] if _EXCEPTION_NAME.fullmatch(last_line) else ""


def _name(func: Function) -> str:
    config = func.get("config") or func
    return str(config.get("FunctionName", "")) if isinstance(config, dict) else ""
