"""CPU seconds of whole synths, each in a process of its own: the interpreter, the Node that it starts, everything."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bluegreen_constructs.engine.errors import BlueGreenError
from bluegreen_constructs.rehearsal.node import find_node

_REPOSITORY = Path(__file__).parents[2]
_SCRIPT = Path(__file__).with_name("hand_written.js")
ONE_CALL, HAND_WRITTEN, JAVASCRIPT = "one_call", "hand_written", "javascript"
VARIANTS = (ONE_CALL, HAND_WRITTEN, JAVASCRIPT)


class Cell(NamedTuple):
    """What one run synthesises: a variant with so many services."""

    variant: str
    services: int


@dataclass(frozen=True)
class CpuSeconds:
    """CPU seconds (user and system) of every run of every cell."""

    runs: Mapping[Cell, Sequence[float]]

    def median(self, variant: str, services: int) -> float:
        """Of all runs of a cell."""
        return median(self.runs[Cell(variant, services)])

    def ratio(self, variant: str, to: str, services: int) -> float:
        """The medians of two variants, divided."""
        return self.median(variant, services) / self.median(to, services)

    def text(self, variant: str, services: int) -> str:
        """The median, with the least and the most."""
        runs = self.runs[Cell(variant, services)]
        return f"{median(runs):.2f} s ({min(runs):.2f} to {max(runs):.2f})"


def measure_cpu(services: Sequence[int], rounds: int, modules: Path, *, warm_up: bool = True) -> CpuSeconds:
    """Run every variant with each number of services, `rounds` times, in turns: what slows the machine slows all.

    modules: where `unpack_cdk` put the CDK for Node.
    warm_up: run each once before, so that jsii's package cache and the compiled modules are there.

    Raises BlueGreenError when a synth fails.
    """
    cells = [Cell(variant, number) for number in services for variant in VARIANTS]
    runs: dict[Cell, list[float]] = {cell: [] for cell in cells}
    if warm_up:
        for variant in VARIANTS:
            _cpu_of(Cell(variant, 1), modules)
    for number in range(rounds):
        # Every second round backwards, so that none of them always comes first.
        for cell in cells if number % 2 == 0 else reversed(cells):
            runs[cell].append(_cpu_of(cell, modules))
    return CpuSeconds(runs)


def synthesise(cell: Cell, output: Path, modules: Path) -> float:
    """Run the app of `cell` into the folder `output` and return the CPU seconds of all its processes.

    modules: what NODE_PATH names. Raises BlueGreenError when the app fails.
    """
    node = find_node()
    environment = {
        **{name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR", "XDG_CACHE_HOME") if name in os.environ},
        "CDK_OUTDIR": str(output),
        "CDK_VALIDATION": "false",
        "CDK_DISABLE_STACK_TRACE": "1",
        "JSII_NODE": str(node),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "NODE_PATH": str(modules),
    }
    if cell.variant == JAVASCRIPT:
        command = [str(node), str(_SCRIPT), str(cell.services)]
    else:
        command = [sys.executable, "-m", f"benchmarks.synth.{cell.variant}", str(cell.services)]
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, cwd=_REPOSITORY, env=environment, stdout=said, stderr=said)
        # The child's own, and of the children that it waited for: jsii waits for its Node at the end.
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            said.seek(0)
            last = said.read().decode("utf-8", "replace").strip().splitlines()[-1:]
            raise BlueGreenError(f"the synth of {cell.variant} failed: {''.join(last)}")
    return used.ru_utime + used.ru_stime


def _cpu_of(cell: Cell, modules: Path) -> float:
    # A folder of its own for each run: a second synth into the same one finds its assets there.
    with tempfile.TemporaryDirectory(prefix="bluegreen-synth-") as folder:
        return synthesise(cell, Path(folder) / "cdk.out", modules)
