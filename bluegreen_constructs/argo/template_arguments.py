"""The arguments of AnalysisTemplates: `{{args.name}}` in a metric, declared by the template, supplied by the "
"Rollout."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .manifest import Json
from .reading import Reading, is_unknown

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Argument:
    """A declared argument: its value if the template gives one (`unknown` if that is a token), and whether
    anybody has to supply it."""

    name: str
    value: str | None
    needed: bool
    unknown: bool = False


def declared(template: Reading) -> dict[str, Argument]:
    """The arguments that a template declares, by name; the first of two."""
    arguments: dict[str, Argument] = {}
    for item in template.mappings("args"):
        name = item.text("name")
        if name is not None and name not in arguments:
            needed = item.raw("value") is None and item.raw("valueFrom") is None
            arguments[name] = Argument(name, item.text("value"), needed, is_unknown(item.raw("value")))
    return arguments


def placeholders(value: Json) -> Iterator[str]:
    """What stands between `{{` and `}}` anywhere in a value."""
    waiting: list[Json] = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            waiting += [key for key in here if isinstance(key, str)]
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here
        elif isinstance(here, str):
            yield from (found.strip() for found in _PLACEHOLDER.findall(here))


def with_defaults(value: int | str, arguments: dict[str, Argument]) -> int | str | None:
    """The value with the template's own values in it; None where a value that only the Rollout supplies is missing."""
    if isinstance(value, int):
        return value
    missing = False

    def fill(match: re.Match[str]) -> str:
        nonlocal missing
        argument = arguments.get(match[1].strip().removeprefix("args."))
        if argument is None or argument.value is None:
            missing = True
            return ""
        return argument.value

    filled = _PLACEHOLDER.sub(fill, value)
    return None if missing or is_unknown(filled) else filled


def has_placeholder(value: Json) -> bool:
    """Whether a value is text with a placeholder in it."""
    return isinstance(value, str) and _PLACEHOLDER.search(value) is not None
