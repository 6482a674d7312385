"""The tables: CPU beside what people write by hand, and the calls to jsii."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.rollouts.row import Row, table

from . import hand_written, one_call
from .cpu import HAND_WRITTEN, JAVASCRIPT, ONE_CALL, CpuSeconds, measure_cpu
from .javascript import unpack_cdk
from .jsii_calls import Call, CallsOfServices, calls_of_services
from .surroundings import SERVICES_PER_STACK

MANY = 100
MOST_CALLS = 55
MOST_OF_HAND_WRITTEN = 0.85
_NAMES = {
    ONE_CALL: "EcsBlueGreenService in Python",
    HAND_WRITTEN: "by hand in Python",
    JAVASCRIPT: "by hand in JavaScript",
}


def cpu_table(services: Sequence[int], rounds: int) -> str:
    """The table of CPU seconds for each number of services; the target is set for 100."""
    with TemporaryDirectory(prefix="bluegreen-synth-") as folder:
        seconds = measure_cpu(services, rounds, unpack_cdk(Path(folder)))
    rows = [
        Row(f"{name}, {_counted(number)}", seconds.text(variant, number))
        for number in services
        for variant, name in _NAMES.items()
    ]
    for number in services:
        rows += _ratios(seconds, number)
    about = (
        "Whole runs of `python app` or `node app`, user and system time of every process; the median of "
        f"{rounds} runs in turns, with the least and the most. {SERVICES_PER_STACK} services in a stack, each with a "
        "load balancer, HTTPS and a redirect, canary 10 % for 5 minutes, bake 10 minutes, circuit breaker, three "
        "alarms and outputs; VPC, cluster and certificate exist. By hand means with the CDK's own constructs: "
        "both languages give the same templates. CDK_VALIDATION=false, no stack traces, jsii's package cache is warm."
    )
    return table("CPU of a synth", about, rows)


def _ratios(seconds: CpuSeconds, number: int) -> list[Row]:
    ours = seconds.ratio(ONE_CALL, HAND_WRITTEN, number)
    what = f"of what Python by hand takes, {_counted(number)}"
    held = Row(what, f"{ours:.2f}", f"at most {MOST_OF_HAND_WRITTEN:g}", ours <= MOST_OF_HAND_WRITTEN)
    return [
        held if number == MANY else Row(what, f"{ours:.2f}"),
        Row(f"of what JavaScript takes, {_counted(number)}", f"{seconds.ratio(ONE_CALL, JAVASCRIPT, number):.2f}"),
        Row(
            f"by hand in Python, of what JavaScript takes, {_counted(number)}",
            f"{seconds.ratio(HAND_WRITTEN, JAVASCRIPT, number):.2f}",
        ),
    ]


def calls_table() -> str:
    """The table of jsii calls and resources."""
    ours, theirs = _calls_of_ours(), calls_of_services(hand_written.make_service)
    further = ours.further.total()
    rows = [
        Row(
            "calls for one service more",
            str(further),
            f"at most {MOST_CALLS}",
            further <= MOST_CALLS,
        ),
        Row("calls for the first in a stack", str(ours.first.total())),
        Row("calls for one service more by hand", str(theirs.further.total())),
        Row("resources of one service more", str(ours.resources_of_further)),
        Row("resources of the first in a stack", str(ours.resources_of_first)),
        Row("resources of one service more by hand", str(theirs.resources_of_further)),
    ]
    about = (
        "Each is a message to the Node process and a wait for its answer, counted where all of them pass, synth "
        f"included; the same in every run. Those for one service more: {_by_kind(ours.further)}."
    )
    return table("Calls to jsii", about, rows)


def frequent_calls(most: int | None = 15) -> str:
    """The calls that one service more makes most often, as Markdown; None lists all of them."""
    calls = _calls_of_ours().further
    lines = ["| call of one service more | times |", "|---|---|"]
    listed = sorted(calls.items(), key=lambda item: (-item[1], item[0]))[:most]
    lines += [f"| `{call}` | {times} |" for call, times in listed]
    rest = calls.total() - sum(times for _, times in listed)
    if rest:
        lines.append(f"| {len(calls) - len(listed)} others | {rest} |")
    return "\n".join(lines) + "\n"


@cache
def _calls_of_ours() -> CallsOfServices:
    return calls_of_services(one_call.make_service)


def _by_kind(calls: Counter[Call]) -> str:
    kinds: Counter[str] = Counter()
    for call, times in calls.items():
        kinds[call.kind] += times
    return ", ".join(f"{kind} {times}" for kind, times in kinds.most_common())


def _counted(services: int) -> str:
    return "1 service" if services == 1 else f"{services} services"
