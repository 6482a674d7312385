"""The gateway's side of the switches: PUT and DELETE on `/_rehearsal/faults/...`, from request to answer."""

import json

from ...engine.errors import BlueGreenError, ConfigurationError
from .faults import Faults, FunctionFault, ServiceFault

FAULTS_PATH = "/_rehearsal/faults/"


def answer(method: str, path: str, body: bytes, faults: Faults) -> tuple[int, dict[str, object]]:
    """Status and JSON answer of a request below FAULTS_PATH.

    PUT functions/NAME with {"error", "message"} and PUT services/NAME with {"status", "actions"} switch on, DELETE
    switches off; each member of a body may be left out. The answer is what fails after it.
    """
    kind, _, name = path.removeprefix(FAULTS_PATH).partition("/")
    if not name or kind not in {"functions", "services"} or method not in {"PUT", "DELETE"}:
        return 404, {"message": f"{method} {path} is not known here; PUT or DELETE {FAULTS_PATH}functions/NAME"}
    try:
        if method == "PUT":
            _switch_on(kind, name, _read(body), faults)
        elif kind == "functions":
            faults.restore_function(name)
        else:
            faults.restore_service(name)
    except BlueGreenError as refused:
        return 400, {"message": str(refused)}
    return 200, faults.describe()


def _switch_on(kind: str, name: str, given: dict[str, object], faults: Faults) -> None:
    if kind == "functions":
        _only(given, "error", "message")
        texts = {member: str(value) for member, value in given.items()}
        standard = FunctionFault()
        error, message = texts.get("error", standard.error), texts.get("message", standard.message)
        faults.fail_function(name, FunctionFault(error, message))
        return
    _only(given, "status", "actions")
    status, actions = given.get("status", 500), given.get("actions", [])
    if not isinstance(status, int) or not isinstance(actions, list):
        raise ConfigurationError("a failing service takes a whole number as status and a list of actions")
    faults.fail_service(name, ServiceFault(status, frozenset(str(action) for action in actions)))


def _read(body: bytes) -> dict[str, object]:
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise ConfigurationError("the body of a switch must be a JSON object")
    return given


def _only(given: dict[str, object], *allowed: str) -> None:
    unknown = sorted(given.keys() - set(allowed))
    if unknown:
        raise ConfigurationError(f"a switch was given {', '.join(unknown)}; it takes {' and '.join(allowed)}")
