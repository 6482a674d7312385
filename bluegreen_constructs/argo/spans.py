"""Spans as Go and Argo Rollouts write them: `30s`, `1h30m`."""

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_WHOLE = re.compile(rf"[-+]?(?:{_PART})+")
_PARTS = re.compile(_PART)
_SECONDS = re.compile(r"[-+]?[0-9]{1,10}")


def go_seconds(text: str) -> float | None:
    """The seconds that a Go duration stands for; None if it is none (`5 minutes`, `1d`)."""
    if text in ("0", "+0", "-0"):
        return 0.0
    if not _WHOLE.fullmatch(text):
        return None
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PARTS.findall(text))
    return -seconds if text.startswith("-") else seconds


def pause_seconds(value: int | str) -> float | None:
    """The seconds of a pause step: a number, a number as text, or a Go duration; None if it is none of them."""
    if isinstance(value, int):
        return float(value)
    return float(value) if _SECONDS.fullmatch(value) else go_seconds(value)
