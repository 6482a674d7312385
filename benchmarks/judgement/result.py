"""What came out, as Markdown and as JSON, and which targets were missed."""

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import isinf
from typing import TypeAlias

from .estimate import Estimate
from .play import SEED, Endings
from .questions import OURS, QUESTIONS, Column, Question, Row
from .target import Standing, Target

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True)
class Checked:
    """A target of one row, with what was measured."""

    row: Row
    target: Target
    estimate: Estimate
    standing: Standing

    @property
    def text(self) -> str:
        """As in "at most 1 %: met"; a judge that is not our default one is named."""
        whose = "" if self.target.judge == OURS.name else f" ({self.target.judge})"
        return f"{self.target.text(self.estimate.unit)}{whose}: {self.standing}"

    @property
    def sentence(self) -> str:
        """The same where the row is not in sight."""
        return f"{self.row.cell}: {self.target.figure.name}: {self.estimate.text()}, {self.text}"


@dataclass(frozen=True)
class Result:
    """The endings of all runs, by cell and judge, and how long they took."""

    played: Mapping[str, Endings]
    runs: int
    seconds: float

    def checked(self) -> list[Checked]:
        """All targets of the cells that were played."""
        return [found for question in QUESTIONS for row in self._rows(question) for found in self._check(row)]

    def missed(self) -> list[str]:
        """A sentence for each target that was missed."""
        return [found.sentence for found in self.checked() if found.standing is Standing.MISSED]

    def markdown(self) -> str:
        """A table for each question of which any cell was played."""
        parts = [self._conditions()]
        for question in QUESTIONS:
            if self._rows(question):
                parts += [f"### {question.title}", question.about, self._table(question)]
        return "\n\n".join(parts) + "\n"

    def json(self) -> Json:
        """Every figure with its interval, and every target."""
        rows: list[Json] = [self._row_json(question, row) for question in QUESTIONS for row in self._rows(question)]
        return {
            "runs": self.runs,
            "seed": SEED,
            "seconds": round(self.seconds, 1),
            "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
            "passed": not self.missed(),
            "rows": rows,
        }

    def _conditions(self) -> str:
        standings = [found.standing for found in self.checked()]
        return (
            f"{self.runs} runs of each row, the same traffic for every judge, seed {SEED}; 95 % confidence intervals "
            f"in brackets (`--json` has all). {standings.count(Standing.MET)} of {len(standings)} targets are met. "
            f"`python -m benchmarks.judgement` took {self.seconds / 60:.1f} minutes on {os.cpu_count()} CPUs with "
            f"Python {platform.python_version()}."
        )

    def _table(self, question: Question) -> str:
        rows = self._rows(question)
        heads = ["", *(column.title for column in question.columns)]
        lines = [[row.label, *(self._figures(row, column) for column in question.columns)] for row in rows]
        if any(row.targets for row in rows):
            heads.append("targets")
            for row, line in zip(rows, lines, strict=True):
                line.append("; ".join(found.text for found in self._check(row)))
        return "\n".join([_line(heads), "|" + "---|" * len(heads), *map(_line, lines)])

    def _figures(self, row: Row, column: Column) -> str:
        endings = self.played[row.cell][column.judge.name]
        found = [figure.of(endings) for figure in column.figures]
        # A unit that the next figure has, too, is written once.
        repeated = [one.unit is other.unit for one, other in pairwise(found)]
        return ", ".join(
            estimate.text(interval=column.interval, unit=not again)
            for estimate, again in zip(found, [*repeated, False], strict=True)
        )

    def _rows(self, question: Question) -> list[Row]:
        return [row for row in question.rows if row.cell in self.played]

    def _check(self, row: Row) -> Iterator[Checked]:
        for target in row.targets:
            endings = self.played[row.cell][target.judge]
            estimate = target.figure.of(endings)
            yield Checked(row, target, estimate, target.standing(estimate, len(endings)))

    def _row_json(self, question: Question, row: Row) -> Json:
        figures: list[Json] = []
        for column in question.columns:
            for figure in column.figures:
                found = figure.of(self.played[row.cell][column.judge.name])
                figures.append({"judge": column.judge.name, "figure": figure.name, **_estimate_json(found)})
        targets: list[Json] = [
            {
                "judge": found.target.judge,
                "figure": found.target.figure.name,
                "bound": str(found.target.bound),
                "limit": found.target.limit,
                "standing": str(found.standing),
                **_estimate_json(found.estimate),
            }
            for found in self._check(row)
        ]
        return {
            "question": question.title,
            "cell": row.cell,
            "label": row.label,
            "figures": figures,
            "targets": targets,
        }


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _estimate_json(found: Estimate) -> dict[str, Json]:
    return {
        "value": _finite(found.value),
        "low": _finite(found.low),
        "high": _finite(found.high),
        "unit": str(found.unit),
    }


def _finite(number: float) -> float | None:
    """Never is null: JSON has no infinity."""
    return None if isinf(number) else round(number, 4)
