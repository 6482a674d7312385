"""The table of docs/rehearsal.md: every resource type that our stacks use or that is not merely emulated."""

from .emulator.coverage import Kind, covered_types

BEGIN = "<!-- made by python -m bluegreen_constructs.rehearsal.coverage_table -->"
END = "<!-- end -->"
_ORDER = (Kind.REAL, Kind.PLAYED, Kind.EMULATED, Kind.RECORD_ONLY)


def coverage_table() -> str:
    """Markdown, one row a type; the emulated types that no scenario of ours uses are only counted."""
    rows = []
    uncounted = 0
    for kind in _ORDER:
        for name, coverage in covered_types().items():
            if coverage.kind is not kind:
                continue
            if coverage.note.startswith("as the emulator has it"):
                uncounted += 1
            else:
                rows.append(f"| `{name}` | {kind.value} | {coverage.note} |")
    head = ["| type | how | which means |", "|---|---|---|"]
    return "\n".join([BEGIN, *head, *rows, "", f"{uncounted} further types are as the emulator has them.", END])


if __name__ == "__main__":
    print(coverage_table())
