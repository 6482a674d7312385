"""The HTML report's charts: one of each load that was recorded, under its name."""

import pytest

from bluegreen_constructs.rehearsal.outcome import Condition, Outcome, Samples
from bluegreen_constructs.rehearsal.report import as_html

HELD = (Condition("it went", holds=True, found="so"),)
BLUE: Samples = {"blue": ((0.5, 60.0), (1.5, 61.0)), "candidate's share": ((0.0, 0.0), (2.0, 10.0))}
GREEN: Samples = {"green": ((0.5, 7.0),)}


def page(outcome: Outcome) -> tuple[int, str]:
    """How many charts the page draws, and what it says without the library."""
    whole = as_html([outcome], speed=30)
    said = whole[: whole.index("<script>")] + whole[whole.index("<body>") :]
    return said.count("Plotly.newPlot("), said


@pytest.mark.parametrize(
    ("outcome", "charts", "titles"),
    [
        (Outcome("one", HELD), 0, []),
        (Outcome("one", HELD, samples=BLUE), 1, []),
        (Outcome("two", HELD, samples_of={"staging": BLUE, "production": GREEN}), 2, ["staging", "production"]),
        (Outcome("two", HELD, samples_of={"staging": BLUE, "production": {}}), 1, ["staging"]),
    ],
)
def test_each_load_that_was_recorded_has_its_chart(outcome: Outcome, charts: int, titles: list[str]) -> None:
    drawn, said = page(outcome)
    assert drawn == charts
    assert [title for title in ("staging", "production") if f"<h3>{title}</h3>" in said] == titles


def test_whose_a_chart_is_cannot_be_markup() -> None:
    _, said = page(Outcome("one", HELD, samples_of={"<b>staging": BLUE}))
    assert "<h3>&lt;b&gt;staging</h3>" in said
