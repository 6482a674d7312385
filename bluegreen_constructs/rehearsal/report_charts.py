"""The charts of the HTML report: requests by side over time, what failed, and the candidate's share."""

from html import escape as html_escape

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from .outcome import Outcome, Samples

_COLOURS = {
    "blue": "#3b76c4",
    "green": "#3f9a5f",
    "side a": "#3b76c4",
    "side b": "#3f9a5f",
    "side c": "#8a5ab5",
    "failed": "#c62828",
    "candidate's share": "#8a6d1d",
}


def chart_library() -> str:
    """The chart library itself, so that the report is one file."""
    return str(get_plotlyjs())


def charts(outcome: Outcome) -> str:
    """The traffic of one scenario as an HTML fragment, a chart for each load; nothing when it recorded none."""
    shown = [(whose, samples) for whose, samples in (("", outcome.samples), *outcome.samples_of.items()) if samples]
    return "".join(_titled(whose) + _chart(samples) for whose, samples in shown)


def _titled(whose: str) -> str:
    return f"<h3>{html_escape(whose)}</h3>" if whose else ""


def _chart(samples: Samples) -> str:
    figure = go.Figure()
    for name, points in samples.items():
        x, y = [at for at, _ in points], [value for _, value in points]
        if name == "candidate's share":
            line = {"color": _COLOURS[name], "shape": "hv", "width": 2}
            figure.add_trace(go.Scatter(x=x, y=y, name=f"{name}, %", yaxis="y2", mode="lines", line=line))
        else:
            figure.add_trace(go.Bar(x=x, y=y, name=name, marker_color=_COLOURS.get(name, "#888"), width=1))
    figure.update_layout(
        barmode="stack",
        bargap=0,
        height=300,
        margin={"l": 50, "r": 50, "t": 10, "b": 40},
        template="plotly_white",
        legend={"orientation": "h", "y": 1.15},
        xaxis={"title": "seconds of real time since the load began"},
        yaxis={"title": "requests a second"},
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "range": [0, 105],
            "tickvals": [0, 10, 50, 100],
            "tickmode": "array",
            "title": "%",
            "showgrid": False,
        },
    )
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config={"displayModeBar": False}))
