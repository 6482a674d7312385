"""One line of a table: a figure, and the target that it is held against."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured, in words; `is_met` is None where no target was set."""

    what: str
    figure: str
    target: str = ""
    is_met: bool | None = None

    def cells(self) -> tuple[str, str, str]:
        """As a table shows it."""
        verdict = {True: "met", False: "**missed**", None: ""}[self.is_met]
        return self.what, self.figure, f"{self.target}: {verdict}" if self.target else ""


def table(title: str, about: str, rows: list[Row]) -> str:
    """A section with its table, as Markdown."""
    lines = [f"### {title}", "", about, "", "| what | figure | target |", "|---|---|---|"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join(lines) + "\n"
