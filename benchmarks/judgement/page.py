"""The page of the documents that holds the tables, between two markers."""

from pathlib import Path

from bluegreen_constructs.engine.errors import ConfigurationError

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
BEGIN = "<!-- judgement:begin -->"
END = "<!-- judgement:end -->"


def check_page(page: Path, begin: str = BEGIN, end: str = END) -> None:
    """Refuse, before minutes of playing, a page without the place for the tables."""
    _split(page, begin, end)


def write_page(page: Path, tables: str, begin: str = BEGIN, end: str = END) -> None:
    """Put `tables` between the markers, in place of what was there."""
    before, after = _split(page, begin, end)
    page.write_text(f"{before}{begin}\n{tables}{end}{after}", encoding="utf-8")


def _split(page: Path, begin: str, end: str) -> tuple[str, str]:
    name = f"{page.parent.name}/{page.name}"
    if not page.is_file():
        raise ConfigurationError(
            f"there is no {name} to write the tables to: make it, with a line {begin} and, below, {end}"
        )
    text = page.read_text(encoding="utf-8")
    before, begun, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ConfigurationError(
            f"{name} does not say where the tables go: add a line {begin} and, below it, a line {end}"
        )
    return before, after
