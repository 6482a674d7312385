"""The overlay on the emulator's Step Functions: rehearsed time, executions that really stop, errors as AWS has them.

The walk over the states, Choice, Parameters, ResultSelector, ResultPath and Catch are ministack's. Mended here:

- every time stamp, `$$.State.EnteredTime` and `$$.Execution.StartTime` among them, is rehearsed; waits, retry
  intervals (MaxDelaySeconds too) and the state machine's TimeoutSeconds are rehearsed seconds. A task's TimeoutSeconds
  is real for functions, which run in real time, and rehearsed for a child execution.
- StopExecution ends a wait at once, no retry or state follows, and a task that was under way changes nothing more.
- StartExecution is idempotent by name and input while the execution runs, and refuses names that AWS refuses.
- a JSON path that leads nowhere is States.Runtime, which no Retry or Catch takes, instead of a silent null.
- `startExecution.sync` runs a standard child execution that is seen by the API, and stops it with its parent.
- `aws-sdk:elasticloadbalancingv2:*` is called through the gateway, as the caller `states` of the call log.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar, copy_context
from datetime import datetime
from types import ModuleType
from typing import TypeAlias, cast

from . import state_language
from .child_executions import CHILD, ChildExecutions, Run, Stopped
from .elbv2_integration import INTEGRATION, ElbIntegration, IntegrationError
from .patches import Patches
from .world import World

Answer: TypeAlias = tuple[int, dict[str, str], bytes]
Execution: TypeAlias = dict[str, object]
_Data: TypeAlias = Mapping[str, object]


def install(patches: Patches, world: World) -> None:
    """Put the mended parts in the place of ministack's."""
    from ministack.services import stepfunctions  # noqa: PLC0415  # an optional extra

    _Overlay(patches, world, stepfunctions).install()


class _Overlay:
    """The replacements for one emulator, and what they wrap."""

    def __init__(self, patches: Patches, world: World, emulator: ModuleType) -> None:
        self._patches = patches
        self._clock = world.clock
        self._emulator = emulator
        named = cast("Callable[[object], object]", patches.original(emulator, "_convert_keys_to_sfn_convention"))
        self._elb = ElbIntegration(world.config, named)
        self._runs: dict[str, Run] = {}
        self._run: ContextVar[Run | None] = ContextVar("the execution that this thread walks", default=None)
        self._starting = threading.RLock()
        self._executions = cast("Mapping[str, Execution]", patches.original(emulator, "_executions"))
        self._machines = cast("Mapping[str, Mapping[str, object]]", patches.original(emulator, "_state_machines"))
        self._error = cast("Callable[[str, str], Exception]", patches.original(emulator, "_ExecutionError"))
        self._steps = cast(
            "Callable[[str], list[tuple[str, object]] | None]", patches.original(emulator, "_parse_jsonpath_tokens")
        )
        self._refusal = cast("Callable[[str, str, int], Answer]", patches.original(emulator, "error_response_json"))
        self._answer = cast("Callable[[object], Answer]", patches.original(emulator, "json_response"))
        self._tell = cast("Callable[[Execution], None]", patches.original(emulator, "_emit_execution_status_event"))
        request_of = patches.original(emulator, "_nested_start_execution_request")
        self._children = ChildExecutions(
            clock=world.clock,
            executions=self._executions,
            request_of=cast("Callable[[_Data], dict[str, object]]", request_of),
            start=self.start_execution,
            stop=self.stop_execution,
            error=self._error,
            parent=self._run.get,
        )

    def install(self) -> None:
        """Replace; each original is kept for its replacement."""
        self._patches.replace(self._emulator, "now_iso", self.now_iso, written_for=[])
        self._walk = self._wrap("_run_execution", self.run_execution, "exec_arn")
        self._start = self._wrap("_start_execution", self.start_execution, "data")
        self._stop = self._wrap("_stop_execution", self.stop_execution, "data")
        self._fail = self._wrap("_fail_execution", self.fail_execution, "execution", "error", "cause")
        self._note = self._wrap("_add_event", self.add_event, "execution", "event_type", "details")
        self._wrap("_scaled_sleep", self.scaled_sleep, "seconds")
        self._wrap("_sleep_until", self.sleep_until, "iso_ts")
        self._wait = self._wrap("_execute_wait", self.execute_wait, "state_def", "raw_input", "ctx")
        self._matches = self._wrap("_error_matches", self.error_matches, "error_equals", "error")
        self._retrier = self._wrap(
            "_find_matching_retrier", self.find_matching_retrier, "retriers", "error", "retry_counts"
        )
        self._resolve = self._wrap("_resolve_path", self.resolve_path, "path", "data")
        self._resolve_any = cast(
            "Callable[..., object]", self._patches.original(self._emulator, "_resolve_path_or_ctx")
        )
        self._rule = self._wrap("_evaluate_rule", self.evaluate_rule, "rule", "data", "ctx")
        self._call_function = self._wrap("_call_lambda", self.call_lambda, "func_ref", "event")
        self._invoke = self._wrap("_invoke_resource", self.invoke_resource, "resource", "input_data")
        self._invoke_in_time = self._wrap(
            "_invoke_resource_with_timeout", self.invoke_in_time, "resource", "input_data", "timeout"
        )

    def _wrap(self, name: str, replacement: Callable[..., object], *parameters: str) -> Callable[..., object]:
        original = self._patches.replace(self._emulator, name, replacement, written_for=parameters)
        return cast("Callable[..., object]", original)

    # Time

    def now_iso(self) -> str:
        """The rehearsed time as Step Functions writes it."""
        return self._clock.now_utc().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def scaled_sleep(self, seconds: float) -> None:
        """A Wait state's or a poll's pause of rehearsed seconds."""
        run = self._run.get()
        if run is None:  # TestState walks no execution
            threading.Event().wait(self._clock.real_seconds(seconds))
        else:
            run.sleep(self._clock.real_seconds(seconds))

    def sleep_until(self, iso_ts: str) -> None:
        """A Wait state's pause until a rehearsed instant."""
        try:
            until = datetime.fromisoformat(iso_ts).timestamp()
        except (TypeError, ValueError):
            raise self._runtime(f"a Wait state was given the timestamp {iso_ts!r}; give ISO 8601") from None
        self.scaled_sleep(max(0.0, until - self._clock.now()))

    def execute_wait(self, state_def: _Data, raw_input: object, ctx: Mapping[str, object] | None = None) -> object:
        """A Wait state, which AWS fails when its SecondsPath leads to anything but a whole number."""
        if "SecondsPath" in state_def:
            effective = self._resolve_any(state_def.get("InputPath", "$"), raw_input, ctx)
            refusal = state_language.wait_refusal(self._resolve_any(state_def["SecondsPath"], effective, ctx))
            if refusal:
                raise self._runtime(refusal)
        return self._wait(state_def, raw_input, ctx)

    # The life of an execution

    def run_execution(self, exec_arn: str) -> None:
        """Walk the states until the end, a stop, or the state machine's TimeoutSeconds."""
        execution = self._executions.get(exec_arn)
        if execution is None:
            return
        run = Run(execution)
        self._runs[exec_arn] = run
        token = self._run.set(run)
        try:
            with self._time_limit(run), contextlib.suppress(Stopped):
                self._walk(exec_arn)
        finally:
            self._run.reset(token)
            self._runs.pop(exec_arn, None)

    @contextlib.contextmanager
    def _time_limit(self, run: Run) -> Iterator[None]:
        machine = self._machines.get(str(run.execution["stateMachineArn"]), {})
        try:
            seconds = json.loads(str(machine.get("definition"))).get("TimeoutSeconds")
        except ValueError:
            seconds = None
        if not isinstance(seconds, int):
            yield
            return
        timer = threading.Timer(self._clock.real_seconds(seconds), copy_context().run, (self._time_out, run))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _time_out(self, run: Run) -> None:
        if run.execution["status"] == "RUNNING":
            run.execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=self.now_iso())
            self._note(
                run.execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}}
            )
            run.over.set()

    def start_execution(self, data: _Data) -> Answer:
        """StartExecution; the same name and input as a running execution's get its answer again."""
        name, given = data.get("name"), data.get("input", "{}")
        if name is not None and not state_language.is_execution_name(str(name)):
            return self._refusal("InvalidName", f"Invalid Name: '{name}'", 400)
        try:
            json.loads(str(given))
        except ValueError as error:
            return self._refusal("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'", 400)
        with self._starting:
            for execution in self._named(data, str(name)) if name is not None else ():
                if execution["status"] == "RUNNING" and execution["input"] == given:
                    return self._answer({member: execution[member] for member in ("executionArn", "startDate")})
            return cast(Answer, self._start(data))

    def _named(self, data: _Data, name: str) -> list[Execution]:
        machine = str(data.get("stateMachineArn", ""))
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        found = self._executions.get(arn)
        return [] if found is None else [found]

    def stop_execution(self, data: _Data) -> Answer:
        """StopExecution, which ends the wait that the execution is in."""
        answer = cast(Answer, self._stop(data))
        run = self._runs.get(str(data.get("executionArn")))
        if run is not None and run.execution["status"] != "RUNNING":
            run.over.set()
        return answer

    def fail_execution(self, execution: Execution, error: str, cause: str) -> None:
        """A state's error ends a running execution; one that was stopped meanwhile stays as it is."""
        if execution["status"] == "RUNNING":
            self._fail(execution, error, cause)
            execution["output"] = None  # a failed execution has an error and a cause, and no output

    def add_event(self, execution: Execution, event_type: str, details: object = None) -> object:
        """History ends with the event that ended the execution."""
        events = cast("list[dict[str, object]]", execution["events"])
        if events and events[-1]["type"] in state_language.ENDED:
            return events[-1]
        return self._note(execution, event_type, details)

    # Paths and errors

    def resolve_path(self, path: str, data: object) -> object:
        """What a JSON path leads to; States.Runtime when that is nothing at all."""
        found = self._resolve(path, data)
        if found is not None or not path.startswith("$"):
            return found
        steps = self._steps(path)
        if steps is None or not state_language.is_there(steps, data):
            raise self._runtime(f"the JSONPath '{path}' could not be found in the input '{json.dumps(data)}'")
        return found

    def evaluate_rule(self, rule: _Data, data: object, ctx: object = None) -> object:
        """A rule of a Choice state; IsPresent asks whether the path leads anywhere, a null included."""
        if "IsPresent" not in rule or "Variable" not in rule:
            return self._rule(rule, data, ctx)
        try:
            self._resolve_any(rule["Variable"], data, ctx)
        except Exception as error:
            if getattr(error, "error", "") != "States.Runtime":
                raise
            return rule["IsPresent"] is False
        return rule["IsPresent"] is True

    def error_matches(self, error_equals: list[str], error: str) -> bool:
        """Whether a Retry or Catch takes an error."""
        return not state_language.never_matches(error_equals, error) and bool(self._matches(error_equals, error))

    def find_matching_retrier(
        self, retriers: list[dict[str, object]], error: str, retry_counts: dict[int, int]
    ) -> tuple[dict[str, object] | None, int]:
        """The retrier that takes an error, after its wait; the emulator's own wait after this one is none."""
        retrier, index = cast("tuple[dict[str, object] | None, int]", self._retrier(retriers, error, retry_counts))
        if retrier is None:
            return None, index
        self.scaled_sleep(state_language.retry_delay(retrier, retry_counts.get(index, 0)))
        return {**retrier, "IntervalSeconds": 0}, index

    def _runtime(self, cause: str) -> Exception:
        return self._error("States.Runtime", cause)

    # Tasks

    def invoke_resource(self, resource: str, input_data: dict[str, object]) -> object:
        """A task's call."""
        run = self._run.get()
        if run is not None:
            run.check()
        if resource.startswith(INTEGRATION):
            try:
                result: object = self._elb.call(resource.removeprefix(INTEGRATION), input_data)
            except IntegrationError as error:
                raise self._error(error.name, error.cause) from error
        elif resource.startswith(CHILD):
            result = self._children.run(resource, input_data)
        else:
            result = self._invoke(resource, input_data)
        if run is not None:
            run.check()
        if len(json.dumps(result)) > state_language.MAX_PAYLOAD_BYTES:
            raise self._error(
                "States.DataLimitExceeded", f"the task {resource} returned more than the maximum of 262144 bytes"
            )
        return result

    def invoke_in_time(self, resource: str, input_data: dict[str, object], timeout: float) -> object:
        """A task with TimeoutSeconds: rehearsed seconds for a child execution, real ones for everything else."""
        if resource.startswith(CHILD):
            return self._children.run(resource, input_data, seconds=timeout)
        return self._invoke_in_time(resource, input_data, timeout)

    def call_lambda(self, func_ref: str, event: object) -> object:
        """Invoke a function; a throttled one is the error that AWS names."""
        try:
            return self._call_function(func_ref, event)
        except Exception as error:
            if getattr(error, "error", "") != "Lambda.Unknown" or "TooManyRequestsException" not in str(error):
                raise
            raise self._error("Lambda.TooManyRequestsException", str(getattr(error, "cause", ""))) from error
