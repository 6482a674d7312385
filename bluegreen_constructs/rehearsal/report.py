"""The report of a rehearsal: tables for a terminal, Markdown for a pull request, one HTML file that needs nothing."""

from collections.abc import Sequence
from html import escape as html_escape

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from .outcome import Outcome

# The figures of a summary, by how their names begin; the others are in the tables and in the HTML report.
_SUMMARY = ("requests sent", "failed", "broken streams", "wrong answers", "served by", "first bad answer")


def as_tables(outcomes: Sequence[Outcome]) -> Group:
    """One table a scenario: the conditions first, then the figures."""
    parts: list[Table | Text] = []
    for outcome in outcomes:
        table = Table(
            title=f"{outcome.scenario}: {'PASS' if outcome.passed else 'FAIL'}",
            title_style="bold green" if outcome.passed else "bold red",
            title_justify="left",
            show_header=False,
            box=None,
            padding=(0, 1),
        )
        table.add_column(no_wrap=True)
        table.add_column(max_width=44)
        table.add_column(overflow="fold", min_width=30)
        for condition in outcome.conditions:
            mark = "[green]ok[/green]" if condition.holds else "[bold red]NOT[/bold red]"
            table.add_row(mark, escape(condition.says), escape(condition.found))
        if outcome.conditions and outcome.figures:
            table.add_section()
        for name, figure in outcome.figures.items():
            table.add_row("", f"[dim]{escape(name)}[/dim]", "none" if figure is None else escape(str(figure)))
        parts.extend([Text(), table])
    passed = sum(outcome.passed for outcome in outcomes)
    verdict = "PASS" if outcomes and passed == len(outcomes) else "FAIL"
    parts.append(Text(f"\n{verdict}: {passed} of {len(outcomes)} scenarios", style="bold"))
    return Group(*parts)


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """A summary for a pull request: a row a scenario, and the conditions that did not hold."""
    passed = sum(outcome.passed for outcome in outcomes)
    verdict = "PASS" if outcomes and passed == len(outcomes) else "FAIL"
    lines = [f"### Rehearsal: {verdict}, {passed} of {len(outcomes)} scenarios", ""]
    lines += ["| scenario | result | conditions | figures |", "|---|---|---|---|"]
    for outcome in outcomes:
        held = sum(condition.holds for condition in outcome.conditions)
        figures = (f"{name}: {'none' if figure is None else figure}" for name, figure in outcome.figures.items())
        cells = (
            outcome.scenario,
            "PASS" if outcome.passed else "**FAIL**",
            f"{held} of {len(outcome.conditions)}",
            "; ".join(figure for figure in figures if figure.startswith(_SUMMARY)),
        )
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    for outcome in outcomes:
        broken = [condition for condition in outcome.conditions if not condition.holds]
        if broken:
            lines += ["", f"**{_cell(outcome.scenario)}** failed:", ""]
            lines += [f"- {_cell(condition.says)}: {_cell(condition.found)}" for condition in broken]
    return "\n".join(lines) + "\n"


def not_covered_as_markdown(findings: Sequence[str]) -> str:
    """The summary of a rehearsal that was not started: what of the app it does not cover."""
    lines = ["### Rehearsal: FAIL, not started", "", "The rehearsal does not cover of the app:", ""]
    return "\n".join([*lines, *(f"- {_cell(finding)}" for finding in findings)]) + "\n"


def _cell(text: str) -> str:
    """Text that stays in its cell, and is no markup but the emphasis of our own words."""
    escaped = html_escape(" ".join(text.split()), quote=False)
    return escaped.replace("|", "\\|").replace("`", "\\`").replace("_", "\\_").replace("@", "@\u200b")


def as_html(outcomes: Sequence[Outcome], *, speed: float) -> str:
    """One file that needs nothing else: what held, the figures, and the traffic over time of each scenario."""
    from .report_charts import chart_library, charts  # noqa: PLC0415  # plotly is half a second of import

    sections = []
    for outcome in outcomes:
        rows = "".join(
            f"<tr class={'ok' if one.holds else 'not'}><td>{'ok' if one.holds else 'NOT'}</td>"
            f"<td>{html_escape(one.says)}</td><td>{html_escape(one.found)}</td></tr>"
            for one in outcome.conditions
        )
        figures = "".join(
            f"<tr><td>{html_escape(name)}</td><td>{html_escape('none' if figure is None else str(figure))}</td></tr>"
            for name, figure in outcome.figures.items()
        )
        verdict = "PASS" if outcome.passed else "FAIL"
        sections.append(
            f"<section><h2>{html_escape(outcome.scenario)} <b class={verdict}>{verdict}</b></h2>"
            f"<table>{rows}</table>{charts(outcome)}<table class=figures>{figures}</table></section>"
        )
    passed = sum(outcome.passed for outcome in outcomes)
    return _PAGE.format(
        library=chart_library(),
        passed=passed,
        all=len(outcomes),
        speed=f"{speed:g}",
        sections="\n".join(sections),
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Rehearsal: {passed} of {all} scenarios passed</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1c2733; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.5rem }} h2 {{ font-size: 1.15rem; margin-top: 2.5rem; border-bottom: 1px solid #d5dde5 }}
h3 {{ font-size: 1rem; margin: 1.2rem 0 .3rem }}
table {{ border-collapse: collapse; margin: .8rem 0; width: 100% }}
td {{ padding: .2rem .8rem .2rem 0; vertical-align: top; overflow-wrap: anywhere }}
td:first-child {{ white-space: nowrap; width: 1% }} td:nth-child(2) {{ min-width: 20rem }}
.figures {{ width: auto; color: #51606f }}
.ok td:first-child, .PASS {{ color: #1a7f37 }} .not td:first-child, .FAIL {{ color: #c62828 }}
b.PASS, b.FAIL {{ float: right }} .not {{ font-weight: 600 }}
</style><script>{library}</script></head>
<body><h1>Rehearsal: {passed} of {all} scenarios passed</h1>
<p>A deployment on one machine by the real CDK CLI, under real HTTP load. Rehearsed time ran {speed} times as fast as
the clock; latencies are real. What is real, emulated and played is listed in <code>docs/rehearsal.md</code>.</p>
{sections}
</body></html>
"""
