"""Reading a manifest that may be anything: a value of the wrong type becomes a finding, never a traceback.

What a method of `Reading` answers is None where there is nothing to judge: the key is absent, its value has the wrong
type (which is a finding already), or the value is a CDK token, whose contents nobody knows at synthesis.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from reprlib import Repr

from .manifest import Json

_TOKEN = re.compile(r"[$#]\{Token\[")
# The CDK encodes a number that it does not know yet as a float far below every quantity of a manifest.
_NUMBER_TOKENS_BELOW = -1e280
_LARGEST = 2**31 - 1  # Kubernetes counts, times and ports in 32 bits
_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80


def is_unknown(value: Json) -> bool:
    """Whether a value is, or contains, a CDK token: text or a number that only the deployment knows."""
    if isinstance(value, str):
        return _TOKEN.search(value) is not None
    return isinstance(value, float) and value < _NUMBER_TOKENS_BELOW


def shown(value: object) -> str:
    """A value as a finding quotes it: short, however long it is."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # Python writes no numbers of thousands of digits
        return "a number of thousands of digits"


@dataclass(frozen=True, slots=True)
class Reading:
    """A value of a manifest, with the name of its object and its path, and where findings go."""

    subject: str
    path: str
    value: Json
    found: set[str]

    def say(self, sentence: str) -> None:
        """Add a finding: what is there, what is allowed, what to change."""
        self.found.add(f"{self.subject} {sentence}")

    def has(self, key: str) -> bool:
        """Whether the key has a value: Kubernetes reads null and empty text as absent."""
        return isinstance(self.value, dict) and self.value.get(key) not in (None, "")

    def raw(self, key: str) -> Json:
        """What is under the key, unchecked."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def word(self, key: str) -> str | None:
        """The text under the key as it is, a token too, without a finding about anything else."""
        value = self.raw(key)
        return value if isinstance(value, str) else None

    def child(self, key: str) -> "Reading":
        """What is under the key, to be read further."""
        return Reading(self.subject, f"{self.path}.{key}" if self.path else key, self.raw(key), self.found)

    def filled(self) -> tuple[str, ...]:
        """The keys that have a value."""
        return tuple(key for key in self.value if self.has(key)) if isinstance(self.value, dict) else ()

    def wrong(self, allowed: str) -> None:
        """The finding of a value of the wrong type."""
        self.say(f"has {self.path} {shown(self.value)}: {allowed} is allowed, write one")

    def mapping(self, *keys: str) -> "Reading":
        """The mapping under the keys; an empty one where there is none."""
        here = self
        for key in keys:
            here = here.child(key)
            if not isinstance(here.value, dict):
                if here.value is not None and not is_unknown(here.value):
                    here.wrong("a mapping")
                here = Reading(here.subject, here.path, {}, here.found)
        return here

    def sequence(self, key: str) -> tuple["Reading", ...]:
        """The items of the list under the key; none where there is none."""
        child = self.child(key)
        if not isinstance(child.value, list):
            if child.value is not None and not is_unknown(child.value):
                child.wrong("a list")
            return ()
        return tuple(
            Reading(self.subject, f"{child.path}[{place}]", item, self.found) for place, item in enumerate(child.value)
        )

    def mappings(self, key: str) -> tuple["Reading", ...]:
        """The items of the list under the key that are mappings, as all of them have to be."""
        items = self.sequence(key)
        for item in items:
            if not isinstance(item.value, dict) and not is_unknown(item.value):
                item.wrong("a mapping")
        return tuple(item for item in items if isinstance(item.value, dict))

    def texts(self, key: str) -> tuple[str, ...]:
        """The items of the list under the key that are text, as all of them have to be; tokens among them as they "
        "are."""
        items = self.sequence(key)
        for item in items:
            if not isinstance(item.value, str):
                item.wrong("text")
        return tuple(item.value for item in items if isinstance(item.value, str))

    def table(self, *keys: str) -> dict[str, str]:
        """The mapping of text to text under the keys, such as labels; tokens in it as they are."""
        mapping = self.mapping(*keys)
        answer: dict[str, str] = {}
        for key in mapping.value if isinstance(mapping.value, dict) else {}:
            value = mapping.raw(key)
            if isinstance(value, str):
                answer[str(key)] = value
            elif not is_unknown(value):
                mapping.child(str(key)).wrong("text")
        return answer

    def text(self, key: str) -> str | None:
        """The text under the key, if it is known and not empty."""
        child = self.child(key)
        if isinstance(child.value, str):
            return None if is_unknown(child.value) or not child.value else child.value
        if child.value is not None and not is_unknown(child.value):
            child.wrong("text")
        return None

    def whole(self, key: str, *, least: int | None = None) -> int | None:
        """The whole number under the key; below `least` it is a finding."""
        child = self.child(key)
        number = child.value
        if number is None or is_unknown(number):
            return None
        if not isinstance(number, int) or isinstance(number, bool) or abs(number) > _LARGEST:
            child.wrong("a whole number")
            return None
        if least is not None and number < least:
            self.say(f"has {child.path} {shown(number)}: {least} or more is allowed, raise it")
            return None
        return number

    def flag(self, key: str) -> bool | None:
        """The truth value under the key."""
        child = self.child(key)
        if isinstance(child.value, bool):
            return child.value
        if child.value is not None and not is_unknown(child.value):
            child.wrong("true or false")
        return None

    def whole_or_text(self, key: str) -> int | str | None:
        """What Kubernetes calls int-or-string: a port by number or name, a count or a percentage."""
        child = self.child(key)
        value = child.value
        if value is None or value == "" or is_unknown(value):
            return None
        too_large = isinstance(value, int) and abs(value) > _LARGEST
        if isinstance(value, bool) or not isinstance(value, int | str) or too_large:
            child.wrong("a whole number or text")
            return None
        return value

    def given(self, keys: Sequence[str]) -> tuple[str, ...]:
        """Those of the keys that are there at all, be their value an empty mapping, in the order of `keys`."""
        return tuple(key for key in keys if self.raw(key) is not None)
