"""Faults that a scenario switches on and off: a deployed function that fails, an AWS service that answers 5xx."""

import json
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ...engine.errors import ConfigurationError

SERVICE_STATUSES = (500, 503)
_FORM = "application/x-www-form-urlencoded"
_CODES = {("dynamodb", 500): "InternalServerError", ("lambda", 500): "ServiceException"}
_CODES_OF_OTHERS = {500: "InternalFailure", 503: "ServiceUnavailable"}


@dataclass(frozen=True)
class FunctionFault:
    """A function ends each invocation with this error, before its code runs."""

    error: str = "Killed"
    message: str = "the scenario made this function fail"


@dataclass(frozen=True)
class ServiceFault:
    """A service answers with `status` to the named `actions`, or to all of them when none is named."""

    status: int = 500
    actions: frozenset[str] = frozenset()

    def hits(self, action: str) -> bool:
        """Whether a call of that action fails."""
        return not self.actions or action in self.actions

    def answer(self, service: str, headers: Mapping[str, str]) -> tuple[str, bytes, str]:
        """Content type, body and error code in the protocol of a request with those (lower-case) headers.

        A caller of the CBOR protocol gets an empty body, which every SDK reads as the bare status.
        """
        code = _CODES.get((service, self.status), _CODES_OF_OTHERS[self.status])
        message = "the scenario made this service fail"
        if "rpc-v2-cbor" in headers.get("smithy-protocol", ""):
            return "application/cbor", b"", code
        if headers.get("content-type", "").startswith(_FORM):
            error = f"<Error><Type>Receiver</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            return "text/xml", f"<ErrorResponse>{error}<RequestId>rehearsal</RequestId></ErrorResponse>".encode(), code
        return "application/x-amz-json-1.0", json.dumps({"__type": code, "message": message}).encode(), code


class Faults:
    """The switches of one emulator; safe to use from any thread. Nothing fails until a scenario says so.

    A function fails in every way of invoking it: by the API, by Step Functions, by an event. A service fails for every
    caller of the gateway: functions, tasks, the command line, the CDK CLI. What parts of the emulator do among
    themselves (an event rule that starts an execution, an execution that is under way) goes on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._functions: dict[str, FunctionFault] = {}
        self._services: dict[str, ServiceFault] = {}
        self.known_functions: Callable[[], Collection[str]] = tuple
        self.known_services: Callable[[], Collection[str]] = tuple

    def fail_function(self, name: str, fault: FunctionFault) -> None:
        """Let a deployed function fail from now on (ConfigurationError when there is none of that name)."""
        _check("function", name, self.known_functions())
        with self._lock:
            self._functions[name] = fault

    def restore_function(self, name: str) -> None:
        """Let a function run its code again; one that does not fail stays as it is."""
        with self._lock:
            self._functions.pop(name, None)

    def fail_service(self, service: str, fault: ServiceFault) -> None:
        """Let a service fail from now on, by the name that calls are signed for (ConfigurationError if unknown)."""
        _check("service", service, self.known_services())
        if fault.status not in SERVICE_STATUSES:
            raise ConfigurationError(f"the status of a failing service was given as {fault.status}; give 500 or 503")
        with self._lock:
            self._services[service] = fault

    def restore_service(self, service: str) -> None:
        """Let a service answer again."""
        with self._lock:
            self._services.pop(service, None)

    def of_function(self, name: str) -> FunctionFault | None:
        """How that function fails now; None when it runs."""
        with self._lock:
            return self._functions.get(name)

    def of_service(self, service: str) -> ServiceFault | None:
        """How that service fails now; None when it answers."""
        with self._lock:
            return self._services.get(service)

    def describe(self) -> dict[str, object]:
        """What fails now, by name."""
        with self._lock:
            return {
                "functions": {name: fault.error for name, fault in self._functions.items()},
                "services": {
                    name: {"status": fault.status, "actions": sorted(fault.actions)}
                    for name, fault in self._services.items()
                },
            }


def _check(kind: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        there = f"there are {', '.join(sorted(known))}" if known else "there is none"
        raise ConfigurationError(f"the emulator has no {kind} {name!r}; {there}")
