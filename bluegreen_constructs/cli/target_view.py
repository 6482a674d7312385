"""What is shown of a target, whoever moves its traffic: one line of a table, one line of a log, its sentences, JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rich.table import Table

_WIDEST_RELEASE = 28


@dataclass(frozen=True, slots=True)
class TargetView:
    """A target at one moment.

    what: the rollout or deployment by its name, for sentences. release to age: as the table shows them.
    paused: why it is paused and for how long. why_back: why it goes or went back. waits_for: the gate it stands at.
    notes: what else has to be known. line: where it is, without what changes by itself with every minute.
    is_promoted: whether it ended well. is_unreadable: whether AWS did not say where it is. json: the same as JSON
    values.
    """

    target: str
    what: str = ""
    release: str = "-"
    phase: str = "no rollout yet"
    weight: str = "-"
    step: str = "-"
    verdict: str = "-"
    age: str = "-"
    paused: str = ""
    why_back: str = ""
    waits_for: str = ""
    notes: tuple[str, ...] = ()
    line: str = ""
    has_ended: bool = True
    is_promoted: bool = False
    is_unreadable: bool = False
    json: Mapping[str, object] = field(default_factory=dict)


def table_of(views: Iterable[TargetView]) -> Table:
    """A line for each target."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in ("target", "release", "phase", "weight", "step", "verdict", "for"):
        table.add_column(heading, overflow="fold")
    for one in views:
        phase = f"{one.phase}{', paused' if one.paused else ''}"
        table.add_row(one.target, shortened(one.release), phase, one.weight, one.step, one.verdict, one.age)
    return table


def shortened(name: str) -> str:
    """A release's name for a column: of a long one, such as a digest, its beginning and its end."""
    return name if len(name) <= _WIDEST_RELEASE else f"{name[: _WIDEST_RELEASE - 9]}…{name[-8:]}"
