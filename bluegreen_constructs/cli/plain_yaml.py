"""Reads the YAML that AppSpec files are written in: blocks, lists, strings, numbers; everything else is refused.

The command line has no YAML library, and these files need little of one.
"""

import json
import re
from dataclasses import dataclass

_NUMBER = re.compile(r"-?\d+")
_FRACTION = re.compile(r"-?\d+\.\d+")
_KEY = re.compile(r"""(?P<key>"[^"]*"|'[^']*'|[^\s:#'"\[\]{},&*!|>%@`-][^:#]*?)\s*:(?:\s+(?P<rest>.*))?""")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_FOREIGN = "&*!|>%@`{?"


class YamlError(ValueError):
    """What is written there is not YAML, or a kind of it that is not read here; the message names the line."""


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    indent: int
    text: str


def read_yaml(text: str) -> object:
    """The value that is written; a file that begins with a brace is read as JSON. Raises YamlError."""
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise YamlError(f"it is no JSON: {error}") from None
    lines = [line for line in _lines(text) if line.text not in {"", "---"}]
    if not lines:
        raise YamlError("it is empty")
    value, rest = _block(lines, lines[0].indent)
    if rest:
        raise YamlError(f"line {rest[0].number} is indented as nothing above it")
    return value


def _lines(text: str) -> list[_Line]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = _without_comment(line).rstrip()
        stripped = bare.lstrip(" ")
        if stripped.startswith("\t"):
            raise YamlError(f"line {number} is indented by a tab: give spaces")
        found.append(_Line(number, len(bare) - len(stripped), stripped))
    return found


def _without_comment(line: str) -> str:
    quote = ""
    for at, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and (at == 0 or line[at - 1] in " [,:"):
            quote = character
        elif character == "#" and (at == 0 or line[at - 1] in " \t"):
            return line[:at]
    return line


def _block(lines: list[_Line], indent: int) -> tuple[object, list[_Line]]:
    """The value that begins with the first line, and the lines after it."""
    if lines[0].text == "-" or lines[0].text.startswith("- "):
        return _list(lines, indent)
    if _KEY.fullmatch(lines[0].text):
        return _mapping(lines, indent)
    return _scalar(lines[0]), lines[1:]


def _list(lines: list[_Line], indent: int) -> tuple[list[object], list[_Line]]:
    values: list[object] = []
    while lines and lines[0].indent == indent and (lines[0].text == "-" or lines[0].text.startswith("- ")):
        first, after = lines[0], lines[1:]
        inner = first.text[1:].lstrip(" ")
        if inner:
            moved = _Line(first.number, indent + len(first.text) - len(inner), inner)
            value, lines = _block([moved, *after], moved.indent)
        elif after and after[0].indent > indent:
            value, lines = _block(after, after[0].indent)
        else:
            value, lines = None, after
        values.append(value)
    return values, lines


def _mapping(lines: list[_Line], indent: int) -> tuple[dict[str, object], list[_Line]]:
    values: dict[str, object] = {}
    while lines and lines[0].indent == indent:
        first, lines = lines[0], lines[1:]
        found = _KEY.fullmatch(first.text)
        if found is None:
            raise YamlError(f"line {first.number} is no `key: value`: {first.text}")
        key = found["key"].strip("\"'")
        if key in values:
            raise YamlError(f"line {first.number} has {key} for the second time")
        if found["rest"]:
            values[key] = _scalar(_Line(first.number, indent, found["rest"]))
        elif lines and (lines[0].indent > indent or (lines[0].indent == indent and lines[0].text.startswith("- "))):
            values[key], lines = _block(lines, lines[0].indent)
        else:
            values[key] = None
    return values, lines


def _scalar(line: _Line) -> object:
    text = line.text.strip()
    if text[:1] == '"' and text[-1:] == '"' and len(text) > 1:
        try:
            return json.loads(text)
        except ValueError:
            raise YamlError(f"line {line.number} has a string that does not end: {text}") from None
    if text[:1] == "'" and text[-1:] == "'" and len(text) > 1:
        return text[1:-1].replace("''", "'")
    if text[:1] == "[" and text[-1:] == "]":
        inner = text[1:-1].strip()
        return [_scalar(_Line(line.number, 0, one)) for one in inner.split(",")] if inner else []
    if text[:1] in {'"', "'", "["} or (text and text[0] in _FOREIGN):
        raise YamlError(f"line {line.number} has a value that is not read here: {text}: write it plainly, or as JSON")
    if _NUMBER.fullmatch(text):
        return int(text)
    return float(text) if _FRACTION.fullmatch(text) else _WORDS.get(text, text)
