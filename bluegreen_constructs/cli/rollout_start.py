"""Starts a rollout's execution, and waits until the engine has accepted or refused it."""

import json
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, TypeAlias, TypeVar

import typer

from ..engine.errors import BlueGreenError, ConfigurationError, RolloutError
from ..engine.ports import HeldError, RefusedError
from ..engine.release import Release
from ..engine.rollout import Rollout
from .operator_world import ExecutionFailure, OperatorWorld, TargetEngine

T = TypeVar("T")

_LONGEST_RELEASE = 36  # an execution has 80 characters, and the one that closes a rollout is named after it
_SECONDS = 1.0
_PATIENCE = 60
"""Looks until a start without an answer is given up: Lambda's cold start and its retries take less."""
_REFUSALS: dict[str, type[BlueGreenError]] = {
    "HeldError": HeldError,
    "RefusedError": RefusedError,
    "ConfigurationError": ConfigurationError,
}


EndQuarantineOption: TypeAlias = Annotated[
    bool,
    typer.Option("--end-quarantine", help="Replace what an earlier rollout keeps in quarantine; look at it before."),
]


def rollout_id(release: str, now: datetime) -> str:
    """A new rollout's id, which is its execution's name, too: the release, the time, and four random digits.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html: at most 80 characters, and
    only these if CloudWatch Logs is to log it.
    """
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", release)[:_LONGEST_RELEASE]
    return f"{safe}-{now.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def request_of(
    engine: TargetEngine,
    release: Release,
    *,
    caller: str,
    reason: str = "",
    is_expedited: bool = False,
    is_irreversible: bool = False,
    is_quarantined: bool = False,
    ends_quarantine: bool = False,
    accept_rejected: str = "",
) -> dict[str, object]:
    """The execution's input."""
    return {
        "target": engine.target,
        "release": {"name": release.name, "image": release.image, "version": release.version},
        "caller": caller,
        "reason": reason,
        "expedited": is_expedited,
        "irreversible": is_irreversible,
        "quarantine": is_quarantined,
        "end_quarantine": ends_quarantine,
        "accept_rejected": accept_rejected,
    }


def started(world: OperatorWorld, engine: TargetEngine, rollout: str, request: dict[str, object]) -> Rollout:
    """Start the execution named `rollout`, and answer the rollout as the engine began it.

    Raises what the engine refused it with: HeldError, RefusedError or ConfigurationError; RolloutError when the
    execution failed for another reason, or said nothing within a minute.
    """

    def begun() -> Rollout | None:
        found = engine.store.load(engine.target)
        return found if found is not None and found.id == rollout else None

    return accepted(world, engine, rollout, request, begun)


def accepted(
    world: OperatorWorld,
    engine: TargetEngine,
    name: str,
    request: dict[str, object],
    begun: Callable[[], T | None],
) -> T:
    """Start the execution of this name, and answer what `begun` answers once the engine has accepted it.

    Raises as `started` does.
    """
    execution = engine.executions.start(name, request)
    for _ in range(_PATIENCE):
        found = begun()
        if found is not None:
            return found
        failure = world.failure(execution)
        if failure is not None:
            raise refusal(failure, name)
        world.wait(_SECONDS)
    raise RolloutError(
        f"execution {name} was started and the engine has not answered within {_PATIENCE * _SECONDS:g} s: see "
        f"bluegreen status {engine.target}, and the execution in the Step Functions console"
    )


def refusal(failure: ExecutionFailure, rollout: str) -> BlueGreenError:
    """What an execution that failed at its start means for who started it."""
    kind = _REFUSALS.get(failure.error.rpartition(".")[2])
    if kind is not None:
        return kind(_sentence(failure.cause))
    return RolloutError(f"execution {rollout} failed with {failure.error or 'no error'}: {_sentence(failure.cause)}")


def _sentence(cause: str) -> str:
    """The sentence in a cause: Lambda wraps it in JSON, a state of type Fail does not."""
    try:
        wrapped = json.loads(cause)
    except ValueError:
        return cause or "no cause is given"
    return str(wrapped.get("errorMessage") or cause) if isinstance(wrapped, dict) else cause
