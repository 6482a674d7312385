"""What load to send: where to, how often, what, and for how long."""

import ipaddress
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from ...engine.errors import ConfigurationError

Arrivals = Literal["poisson", "uniform"]

# One process on one core keeps its schedule up to about here; above, sends would be late by its own fault.
MAX_RATE_PER_SECOND = 500.0
MAX_CONNECTIONS = 4096


@dataclass(frozen=True)
class GoldenCase:
    """A request, and what a good release answers.

    request: the JSON body; None for no such body. text: a body that is sent as it is, in the place of JSON.
    expected: the members that a JSON answer must have, others may be anything; None for whatever is answered.
    contains: what the answer must contain as text, asked for in the place of members.
    path, method: default: POST to the plan's `predict_path`. status: of a good answer; any other one is a failure.
    """

    request: Mapping[str, object] | None
    expected: Mapping[str, object] | None = field(default_factory=dict)
    path: str | None = None
    method: str = "POST"
    text: str | None = None
    status: int = 200
    contains: str | None = None

    def is_answered_by(self, answer: object) -> bool:
        """Whether a decoded JSON answer has every expected member with the expected value."""
        if self.expected is None:
            return True
        return isinstance(answer, dict) and all(answer.get(name) == value for name, value in self.expected.items())

    def accepts(self, body: bytes) -> bool:
        """Whether an answer with the right status is the right one."""
        if self.contains is not None:
            return self.contains in body.decode("utf-8", errors="replace")
        try:
            return self.is_answered_by(json.loads(body) if self.expected is not None else None)
        except ValueError:
            return False


@dataclass(frozen=True)
class LoadPlan:
    """One run of the load generator. Raises ConfigurationError for a plan that cannot be sent as it says.

    address: "http://127.0.0.1:43121"; only loopback addresses, a rehearsal never loads anything else
    rate_per_second: mean rate; the send times follow from it, `arrivals` and `seed`, and from nothing that happens
    output: the file that gets one line of JSON for each request; it is made anew
    golden: the requests of POST `predict_path`, in turn; `read_golden` reads them from a file
    stream_share: share of requests that are GET `stream_path`, server-sent events ending with the event `done`
    host: the Host header (default: the address), so that a rule on a host name can match
    headers: further headers of every request
    side_header: the answer's header that says the side, by default as the sample service says it itself
    sides: what the values of that header mean (default: they are the sides)
    timeout_seconds: a request without a complete answer by then, counted from its send, has failed
    duration_seconds: when the last request is scheduled (default: not before the process is told to stop)
    arrivals: "poisson" (independent clients, the default) or "uniform" (evenly spaced)
    """

    address: str
    rate_per_second: float
    output: Path
    golden: tuple[GoldenCase, ...]
    stream_share: float = 0.0
    host: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 10.0
    duration_seconds: float | None = None
    arrivals: Arrivals = "poisson"
    seed: int = 1
    predict_path: str = "/predict"
    stream_path: str = "/stream"
    side_header: str = "x-side"
    sides: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _refuse_other_machines(self.address)
        _refuse_outside("rate_per_second", self.rate_per_second, 0.01, MAX_RATE_PER_SECOND)
        _refuse_outside("timeout_seconds", self.timeout_seconds, 0.05, 300.0)
        _refuse_outside("stream_share", self.stream_share, 0.0, 1.0)
        if self.duration_seconds is not None:
            _refuse_outside("duration_seconds", self.duration_seconds, 0.0, 86_400.0)
        if self.arrivals not in get_args(Arrivals):
            raise ConfigurationError(f"arrivals is {self.arrivals!r}; give one of {', '.join(get_args(Arrivals))}")
        if not self.golden and self.stream_share < 1.0:
            raise ConfigurationError("golden is empty; give at least one request, or a stream_share of 1")
        for name, path in (("predict_path", self.predict_path), ("stream_path", self.stream_path)):
            if not path.startswith("/"):
                raise ConfigurationError(f"{name} is {path!r}; give a path that begins with /")
        if self.connections > MAX_CONNECTIONS:
            raise ConfigurationError(
                f"{self.rate_per_second:g} requests per second with a time-out of {self.timeout_seconds:g} s need "
                f"up to {self.connections} connections, allowed are {MAX_CONNECTIONS}; lower the rate or the time-out"
            )

    @property
    def connections(self) -> int:
        """The size of the connection pool: what is in flight when nothing is answered before the time-out.

        A smaller one would make the generator wait for answers, which is what an open loop must not do; half as much
        again covers the bunches of a Poisson schedule.
        """
        seconds = min(self.timeout_seconds, self.duration_seconds or math.inf)
        return math.ceil(1.5 * self.rate_per_second * seconds) + 32

    def to_json(self) -> str:
        """The plan as one line."""
        return json.dumps(asdict(self) | {"output": str(self.output)})

    @classmethod
    def from_json(cls, text: str) -> "LoadPlan":
        """A plan from `to_json`; raises ConfigurationError for anything else."""
        try:
            document = json.loads(text)
            golden = tuple(GoldenCase(**case) for case in document.pop("golden"))
            return cls(golden=golden, output=Path(document.pop("output")), **document)
        except ConfigurationError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                f"the load plan cannot be read ({error!r}); give one line of JSON with the fields of LoadPlan"
            ) from error


def read_golden(path: Path) -> tuple[GoldenCase, ...]:
    """Golden cases from a JSON file, a list of {"request": {...}, "expected": {...}}; raises ConfigurationError."""
    try:
        return tuple(GoldenCase(case["request"], case.get("expected", {})) for case in json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"the golden requests {path} cannot be read ({error!r}); "
            'give a JSON list of {"request": {...}, "expected": {...}}'
        ) from error


def _refuse_other_machines(address: str) -> None:
    try:
        parts = urlsplit(address)
        is_allowed = (
            parts.scheme == "http"
            and parts.port is not None
            and parts.path in {"", "/"}
            and not (parts.query or parts.fragment or parts.username)
            and ipaddress.ip_address(parts.hostname or "").is_loopback
        )
    except ValueError:
        is_allowed = False
    if not is_allowed:
        raise ConfigurationError(
            f"address is {address!r}; load is sent to this machine only, give http://127.0.0.1:PORT"
            " (or another loopback address, as a number)"
        )


def _refuse_outside(name: str, value: float, low: float, high: float) -> None:
    # Written so that NaN is refused as well.
    if not low <= value <= high:
        raise ConfigurationError(f"{name} is {value:g}; give {low:g} to {high:g}")
