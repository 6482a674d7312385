"""What the overlay's modules share inside the emulator process."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..clock import Clock
from .call_log import CallLog
from .faults import Faults

if TYPE_CHECKING:
    from ..cloudwatch.metric_store import MetricStore
    from ..load_balancer.plane import LoadBalancerPlane


@dataclass(frozen=True)
class EmulatorConfig:
    """How one emulator process is set up: loopback `port`, `work_dir` for its files, clock `speed`, `tasks_file`."""

    port: int
    work_dir: Path
    speed: float = 30.0
    tasks_file: Path | None = None
    account: str = "123456789012"
    region: str = "us-east-1"

    @property
    def endpoint(self) -> str:
        """The gateway's URL, for boto3's `endpoint_url` and `AWS_ENDPOINT_URL`."""
        return f"http://127.0.0.1:{self.port}"

    def to_json(self) -> str:
        """The form in which the parent hands the set-up to the emulator process."""
        return json.dumps(
            {
                "port": self.port,
                "work_dir": str(self.work_dir),
                "speed": self.speed,
                "tasks_file": None if self.tasks_file is None else str(self.tasks_file),
                "account": self.account,
                "region": self.region,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "EmulatorConfig":
        """What `to_json` wrote."""
        fields = json.loads(text)
        tasks_file = fields.pop("tasks_file")
        return cls(
            **{
                **fields,
                "work_dir": Path(fields["work_dir"]),
                "tasks_file": None if tasks_file is None else Path(tasks_file),
            }
        )


@runtime_checkable
class PlayedPart(Protocol):
    """A part of the rehearsal that runs beside the gateway, in threads of the emulator process."""

    def start(self) -> None:
        """Begin; the gateway answers already."""

    def stop(self) -> None:
        """End, leaving no thread, socket or process; called once, also after a failed start."""


@runtime_checkable
class Describes(Protocol):
    """A part with something to say in `GET /_rehearsal/state`."""

    def describe(self) -> Mapping[str, object]:
        """What JSON can hold: dicts, lists, strings, numbers."""


@dataclass
class World:
    """The parts of one emulator process; `install` of each overlay module fills in its own.

    `worker_thread_types` are the CloudFormation types whose handlers block or call the gateway, so that they must
    not run on its event loop. `parts` is what the overlay modules' `install` returned, by module name.
    `instance_addresses` are the loopback addresses of EC2 instances, by their ids.
    """

    config: EmulatorConfig
    clock: Clock
    worker_thread_types: set[str] = field(default_factory=set)
    metrics: "MetricStore | None" = None
    load_balancers: "LoadBalancerPlane | None" = None
    instance_addresses: dict[str, str] = field(default_factory=dict)
    calls: CallLog = field(default_factory=CallLog)
    faults: Faults = field(default_factory=Faults)
    parts: dict[str, object] = field(default_factory=dict)

    def describe(self) -> dict[str, object]:
        """What `GET /_rehearsal/state` answers: clock, calls, faults and every part that describes itself."""
        parts = {name: part.describe() for name, part in self.parts.items() if isinstance(part, Describes)}
        return {
            "clock": {"now": self.clock.now(), "origin": self.clock.origin, "speed": self.clock.speed},
            "calls": self.calls.describe(),
            "faults": self.faults.describe(),
            **parts,
        }
