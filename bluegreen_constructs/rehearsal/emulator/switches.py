"""A scenario's side of the faults: make a deployed function or an AWS service of a running emulator fail, and restore.

emulator.switches.fail_function("BlueGreen-Tick-1A2B3C")
emulator.switches.fail_service("dynamodb")
"""

import http.client
import json
from collections.abc import Collection
from urllib.parse import quote

from ...engine.errors import RehearsalError
from .fault_routes import FAULTS_PATH

_SECONDS = 10.0


class Switches:
    """The switches of the emulator on that loopback port; each call holds from its return on.

    All methods raise RehearsalError when the emulator refuses (no such function or service) or does not answer.
    """

    def __init__(self, port: int) -> None:
        self._port = port

    def fail_function(self, name: str, *, error: str = "Killed", message: str = "the function was killed") -> None:
        """Let every invocation of a deployed function fail before its code runs.

        Args:
            name: the function's physical name, as `describe_stack_resources` and the Lambda API give it.
            error: the errorType; Step Functions sees it as the error's name (`Lambda.ServiceException` also works).
            message: the errorMessage.
        """
        self._ask("PUT", f"functions/{quote(name, safe='')}", {"error": error, "message": message})

    def restore_function(self, name: str) -> None:
        """Let a function run its code again."""
        self._ask("DELETE", f"functions/{quote(name, safe='')}")

    def fail_service(self, service: str, *, status: int = 500, actions: Collection[str] = ()) -> None:
        """Let the gateway answer calls of a service with an error, whoever makes them.

        Args:
            service: the name that calls are signed for: `dynamodb`, `states`, `elasticloadbalancing`, `monitoring`.
            status: 500 or 503.
            actions: only these of its actions (`PutItem`); none named: all.
        """
        self._ask("PUT", f"services/{quote(service, safe='')}", {"status": status, "actions": sorted(actions)})

    def restore_service(self, service: str) -> None:
        """Let a service answer again."""
        self._ask("DELETE", f"services/{quote(service, safe='')}")

    def _ask(self, method: str, what: str, body: dict[str, object] | None = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_SECONDS)
        try:
            connection.request(method, FAULTS_PATH + what, json.dumps(body) if body is not None else None)
            answered = connection.getresponse()
            status, told = answered.status, json.loads(answered.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RehearsalError(f"the emulator on port {self._port} did not take the switch ({error})") from error
        finally:
            connection.close()
        if status != 200:
            raise RehearsalError(str(told.get("message")))
