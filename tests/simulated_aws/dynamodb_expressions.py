"""DynamoDB's expressions, the part of them that the engine uses: conditions, key conditions and updates.

Parsed once for each text, then evaluated as closures. What is not known here is refused, never guessed.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from ministack.services._dynamodb_keywords import AWS_KEYWORDS

from .client import NotSimulatedError

Value = Mapping[str, object]
Item = dict[str, Value]


class InvalidExpressionError(Exception):
    """DynamoDB answers a ValidationException with this message."""


@dataclass(frozen=True, slots=True)
class Bindings:
    """What `#name` and `:value` stand for."""

    names: Mapping[str, str]
    values: Mapping[str, Value]

    def name(self, word: str) -> str:
        """The attribute that a word of an expression names."""
        if not word.startswith("#"):
            return word
        if word not in self.names:
            raise InvalidExpressionError(f"An expression attribute name used in the expression is not defined: {word}")
        return self.names[word]

    def value(self, word: str) -> Value:
        """The value that a word of an expression stands for."""
        if word not in self.values:
            raise InvalidExpressionError(f"An expression attribute value used in expression is not defined: {word}")
        return self.values[word]


Condition = Callable[[Item, Bindings], bool]
Operand = Callable[[Item, Bindings], Value | None]

_TOKEN = re.compile(r"\s*(?:(<>|<=|>=|[=<>(),+-])|([#:]?[A-Za-z_][A-Za-z0-9_]*))")
_COMPARISONS: Mapping[str, Callable[[object, object], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_PREDICATES = {"attribute_exists", "attribute_not_exists", "begins_with", "contains"}
_LATER = {"size", "attribute_type", "list_append"}


def check_bindings(expressions: list[str], bindings: Bindings) -> None:
    """DynamoDB refuses names and values that no expression uses."""
    for kind, known in (("names", bindings.names), ("values", bindings.values)):
        unused = [word for word in known if not any(word in _words(text) for text in expressions)]
        if unused:
            raise InvalidExpressionError(
                f"Value provided in ExpressionAttribute{kind.title()} unused in expressions: {', '.join(unused)}"
            )


@lru_cache(maxsize=256)
def condition(text: str) -> Condition:
    """The condition that `text` says, of an item (empty: there is none) and what its words stand for."""
    parser = _Parser(text)
    parsed = parser.either()
    parser.end()
    return parsed


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """Which items a Query reads: one partition, and in it what `rest` says of the sort key."""

    partition: Callable[[Bindings], str]
    rest: Condition


@lru_cache(maxsize=64)
def key_condition(text: str) -> KeyCondition:
    """The key condition that `text` says: `pk = :a`, and maybe something of the sort key after AND."""
    parser = _Parser(text)
    name = parser.take()
    if parser.take() != "=" or not parser.peek().startswith(":"):
        raise NotSimulatedError(f"the simulated dynamodb wants a key condition like pk = :value, not {text!r}")
    value = parser.take()
    rest: Condition = lambda _item, _bindings: True  # noqa: E731
    if parser.peek():
        parser.expect("AND")
        rest = parser.primary()
    parser.end()

    def partition(bindings: Bindings) -> str:
        if bindings.name(name) != "pk":
            raise InvalidExpressionError("Query condition missed key schema element: pk")
        return str(bindings.value(value)["S"])

    return KeyCondition(partition, rest)


Change = Callable[[Item, Item, Bindings], None]


@lru_cache(maxsize=64)
def update(text: str) -> Callable[[Item, Bindings], Item]:
    """The update that `text` says; all of it reads the item as it was before."""
    parser = _Parser(text)
    changes: list[Change] = []
    while parser.peek():
        clause = parser.take()
        one = {"SET": parser.assignment, "REMOVE": parser.removal, "ADD": parser.addition}.get(clause)
        if one is None:
            raise NotSimulatedError(f"the simulated dynamodb does not know {clause!r} in {text!r}")
        changes.append(one())
        while parser.peek() == ",":
            parser.take()
            changes.append(one())

    def run(item: Item, bindings: Bindings) -> Item:
        changed = dict(item)
        for change in changes:
            change(item, changed, bindings)
        return changed

    return run


@lru_cache(maxsize=256)
def _words(text: str) -> tuple[str, ...]:
    words, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if not found:
            raise NotSimulatedError(f"the simulated dynamodb cannot read {text[at:]!r} in {text!r}")
        words.append(found[1] or found[2])
        at = found.end()
    return tuple(words)


class _Parser:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = _words(text)
        self._at = 0

    def peek(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def take(self) -> str:
        word = self.peek()
        self._at += 1
        return word

    def expect(self, word: str) -> None:
        if self.take() != word:
            raise NotSimulatedError(f"the simulated dynamodb expected {word!r} at word {self._at} of {self._text!r}")

    def end(self) -> None:
        if self.peek():
            raise NotSimulatedError(f"the simulated dynamodb cannot read {self.peek()!r} in {self._text!r}")

    # conditions

    def either(self) -> Condition:
        parts = [self._both()]
        while self.peek() == "OR":
            self.take()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda item, bound: any(part(item, bound) for part in parts)

    def _both(self) -> Condition:
        parts = [self.primary()]
        while self.peek() == "AND":
            self.take()
            parts.append(self.primary())
        return parts[0] if len(parts) == 1 else lambda item, bound: all(part(item, bound) for part in parts)

    def primary(self) -> Condition:
        if self.peek() == "NOT":
            self.take()
            negated = self.primary()
            return lambda item, bound: not negated(item, bound)
        if self.peek() == "(":
            self.take()
            inner = self.either()
            self.expect(")")
            return inner
        if self.peek() in _PREDICATES:
            return self._predicate()
        return self._comparison()

    def _predicate(self) -> Condition:
        name = self.take()
        self.expect("(")
        path = self._path()
        other = None
        if name in {"begins_with", "contains"}:
            self.expect(",")
            other = self._operand()
        self.expect(")")
        if other is None:
            wanted = name == "attribute_exists"
            return lambda item, bound: (bound.name(path) in item) is wanted
        holds = str.startswith if name == "begins_with" else str.__contains__

        def of_texts(item: Item, bound: Bindings) -> bool:
            value, part = item.get(bound.name(path)), other(item, bound)
            return bool(value and part) and "S" in value and "S" in part and holds(value["S"], part["S"])

        return of_texts

    def _comparison(self) -> Condition:
        left, sign = self._operand(), self.take()
        if sign == "BETWEEN":
            low = self._operand()
            self.expect("AND")
            high = self._operand()
            return lambda item, bound: (
                _holds(">=", left(item, bound), low(item, bound)) and _holds("<=", left(item, bound), high(item, bound))
            )
        if sign == "IN":
            self.expect("(")
            choices = [self._operand()]
            while self.peek() == ",":
                self.take()
                choices.append(self._operand())
            self.expect(")")
            return lambda item, bound: any(_holds("=", left(item, bound), one(item, bound)) for one in choices)
        if sign not in {"=", "<>", *_COMPARISONS}:
            raise NotSimulatedError(f"the simulated dynamodb does not know {sign!r} in {self._text!r}")
        right = self._operand()
        return lambda item, bound: _holds(sign, left(item, bound), right(item, bound))

    def _operand(self) -> Operand:
        if self.peek().startswith(":"):
            word = self.take()
            return lambda _item, bound: bound.value(word)
        path = self._path()
        return lambda item, bound: item.get(bound.name(path))

    def _path(self) -> str:
        word = self.take()
        if not re.fullmatch(r"#?[A-Za-z_][A-Za-z0-9_]*", word) or word in _LATER:
            raise NotSimulatedError(f"the simulated dynamodb does not know {word!r} in {self._text!r}")
        if word.upper() in AWS_KEYWORDS:
            raise InvalidExpressionError(f"Attribute name is a reserved keyword; reserved keyword: {word}")
        return word

    # updates

    def assignment(self) -> Change:
        path = self._path()
        self.expect("=")
        first = self._term()
        sign = self.peek()
        if sign not in {"+", "-"}:

            def assign(item: Item, changed: Item, bound: Bindings) -> None:
                changed[bound.name(path)] = _present(first(item, bound))

            return assign
        self.take()
        second = self._term()

        def compute(item: Item, changed: Item, bound: Bindings) -> None:
            one, two = _number(first(item, bound)), _number(second(item, bound))
            changed[bound.name(path)] = {"N": str(one + two if sign == "+" else one - two)}

        return compute

    def _term(self) -> Operand:
        if self.peek() != "if_not_exists":
            return self._operand()
        self.take()
        self.expect("(")
        path = self._path()
        self.expect(",")
        otherwise = self._operand()
        self.expect(")")
        return lambda item, bound: item.get(bound.name(path)) or otherwise(item, bound)

    def removal(self) -> Change:
        path = self._path()

        def remove(_item: Item, changed: Item, bound: Bindings) -> None:
            changed.pop(bound.name(path), None)

        return remove

    def addition(self) -> Change:
        path, amount = self._path(), self._operand()

        def add(item: Item, changed: Item, bound: Bindings) -> None:
            present = item.get(bound.name(path), {"N": "0"})
            changed[bound.name(path)] = {"N": str(_number(present) + _number(amount(item, bound)))}

        return add


def _holds(sign: str, left: Value | None, right: Value | None) -> bool:
    """A comparison with an attribute that is not there is false, but for <>."""
    if left is None or right is None:
        return sign == "<>" and left is not right
    one, two = _comparable(left), _comparable(right)
    if sign == "=":
        return one == two
    if sign == "<>":
        return one != two
    return one[0] == two[0] and one[0] in {"S", "N", "B"} and _COMPARISONS[sign](one[1], two[1])


def _comparable(value: Value) -> tuple[str, object]:
    ((kind, content),) = value.items()
    return kind, Decimal(str(content)) if kind == "N" else content


def _number(value: Value | None) -> Decimal:
    if value is None or "N" not in value:
        raise InvalidExpressionError("An operand in the update expression has an incorrect data type")
    return Decimal(str(value["N"]))


def _present(value: Value | None) -> Value:
    if value is None:
        raise InvalidExpressionError("The provided expression refers to an attribute that does not exist in the item")
    return value
