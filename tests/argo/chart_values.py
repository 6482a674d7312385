"""The keys that the chart of Argo Rollouts knows: Helm takes any other in silence, for the chart has no schema."""

from collections.abc import Iterator, Mapping
from pathlib import Path

_LINES = (Path(__file__).parent / "chart_value_keys.txt").read_text(encoding="utf-8").splitlines()
_KEYS = frozenset(line for line in _LINES if not line.startswith("#"))
_OPEN = frozenset(key.removesuffix(".*") for key in _KEYS if key.endswith(".*"))
_HOLDERS = frozenset(
    key[:place] for key in _KEYS for place, character in enumerate(key) if character == "." and key[place + 1] != "*"
)


def unknown_values(values: Mapping[str, object]) -> tuple[str, ...]:
    """The keys that the chart would ignore, as paths such as `contoller.replicas`, sorted."""
    return tuple(sorted(_unknown(values, "")))


def _unknown(values: Mapping[str, object], path: str) -> Iterator[str]:
    for key, value in values.items():
        here = f"{path}{key}"
        if here in _OPEN:
            continue
        if here in _HOLDERS and isinstance(value, Mapping):
            yield from _unknown(value, f"{here}.")
        elif here not in _KEYS or isinstance(value, Mapping):
            yield here
