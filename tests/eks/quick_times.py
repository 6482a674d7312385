"""The one place where time is shortened: a minute of a manifest is a second here, and no number of anything changes.

Scaled: pauses, the measurements' intervals and delays, and how long what is not live any more stays. Not scaled: what
nobody here waits for (grace periods, probes) and CloudWatch's look-back, which decides what a measurement sees.
"""

import copy
import re
from typing import Any

FACTOR = 60
SECONDS = frozenset({"scaleDownDelaySeconds", "abortScaleDownDelaySeconds"})
"""Whole seconds."""
SPANS = frozenset({"initialDelay", "interval", "duration"})
"""Spans as Go writes them, or whole seconds."""
LEAST_PROGRESS_SECONDS = 20
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}

Json = dict[str, Any]


def quick(manifest: Json) -> Json:
    """A copy of a Rollout or an analysis with its waits shortened; any other manifest as it is."""
    if not str(manifest.get("apiVersion")).startswith("argoproj.io/"):
        return manifest
    shortened = copy.deepcopy(manifest)
    _shorten(shortened["spec"])
    deadline = shortened["spec"].get("progressDeadlineSeconds")
    if deadline is not None:
        shortened["spec"]["progressDeadlineSeconds"] = max(LEAST_PROGRESS_SECONDS, deadline // FACTOR)
    return shortened


def _shorten(value: object) -> None:
    if isinstance(value, list):
        for one in value:
            _shorten(one)
    if not isinstance(value, dict):
        return
    for name, of in value.items():
        if name in SECONDS:
            value[name] = max(1, of // FACTOR)
        elif name in SPANS:
            value[name] = _span(of)
        elif name not in ("template", "cloudWatch", "job"):  # pods, and what CloudWatch is asked
            _shorten(of)


def _span(span: int | str) -> str:
    parts = re.findall(r"([\d.]+)(ms|h|m|s)", f"{span}s" if str(span).isdigit() else str(span))
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return f"{max(1, round(seconds / FACTOR))}s"
