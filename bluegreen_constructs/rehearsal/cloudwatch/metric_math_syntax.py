"""The grammar of metric math: text in, a tree out; what the rehearsal does not evaluate is refused by name.

Follows "Metric math syntax and functions" on
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...engine.errors import RehearsalError

MAX_LENGTH = 2048
"""PutMetricAlarm's and GetMetricData's own limit for an expression."""

MAX_DEPTH = 50
"""Nesting beyond this is refused, so that no expression can exhaust the interpreter's stack."""

# The number of arguments each rehearsed function takes.
FUNCTIONS: dict[str, tuple[int, int]] = {
    "ABS": (1, 1),
    "AVG": (1, 1),
    "CEIL": (1, 1),
    "DIFF": (1, 1),
    "FILL": (2, 2),
    "FLOOR": (1, 1),
    "IF": (2, 3),
    "MAX": (1, 1),
    "METRICS": (0, 1),
    "MIN": (1, 1),
    "PERIOD": (1, 1),
    "RATE": (1, 1),
    "RUNNING_SUM": (1, 1),
    "SUM": (1, 1),
    "TIME_SERIES": (1, 1),
}
FILLERS = ("REPEAT", "LINEAR")
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
          |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
          |(?P<text>"[^"]*"|'[^']*')
          |(?P<mark>==|!=|<=|>=|&&|\|\||[-+*/^<>(),\[\]]))""",
    re.VERBOSE,
)
_LOGICAL = {"AND": "AND", "&&": "AND", "OR": "OR", "||": "OR"}


class MetricMathError(RehearsalError):
    """An expression that is not metric math, or not the part of it that the rehearsal evaluates."""


@dataclass(frozen=True)
class Number:
    """A number as written."""

    value: float


@dataclass(frozen=True)
class Name:
    """The Id of a metric or of another expression."""

    id: str


@dataclass(frozen=True)
class Filler:
    """REPEAT or LINEAR, the second argument of FILL."""

    kind: str


@dataclass(frozen=True)
class Text:
    """A quoted string, the argument of METRICS."""

    value: str


@dataclass(frozen=True)
class Listing:
    """An array of time series: [m1, m2]."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True)
class Negation:
    """Unary subtraction."""

    operand: "Node"


@dataclass(frozen=True)
class Operation:
    """A binary operator: + - * / ^, a comparison, AND or OR."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: "tuple[Node, ...]"


Node = Number | Name | Filler | Text | Listing | Negation | Operation | Call


@functools.lru_cache(maxsize=512)
def parse(expression: str) -> Node:
    """The tree of an expression; raises MetricMathError with one sentence naming what is not covered."""
    if len(expression) > MAX_LENGTH:
        raise MetricMathError(
            f"a metric math expression of {len(expression)} characters is too long; at most {MAX_LENGTH} are allowed"
        )
    return _Parser(expression).whole()


def names(node: Node) -> Iterator[str]:
    """Every Id an expression refers to (METRICS() refers to all metrics and is not among them)."""
    match node:
        case Name(id=name):
            yield name
        case Listing(items=children) | Call(arguments=children):
            for child in children:
                yield from names(child)
        case Negation(operand=operand):
            yield from names(operand)
        case Operation(left=left, right=right):
            yield from names(left)
            yield from names(right)
        case _:
            pass


def uses_metrics_function(node: Node) -> bool:
    """Whether METRICS() occurs, which makes an expression depend on every metric of the request."""
    match node:
        case Call(function="METRICS"):
            return True
        case Listing(items=children) | Call(arguments=children):
            return any(uses_metrics_function(child) for child in children)
        case Negation(operand=operand):
            return uses_metrics_function(operand)
        case Operation(left=left, right=right):
            return uses_metrics_function(left) or uses_metrics_function(right)
        case _:
            return False


class _Parser:
    """Recursive descent, one method for each level of precedence, loosest first."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = list(self._split())
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._disjunction()
        if self._at < len(self._tokens):
            raise self._refused(f"{self._tokens[self._at][1]!r} is not expected there")
        return node

    def _split(self) -> Iterator[tuple[str, str]]:
        position = 0
        text = self._expression.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise self._refused(f"{text[position:].lstrip()[:1]!r} is not part of metric math")
            yield match.lastgroup, match[match.lastgroup]
            position = match.end()

    def _refused(self, why: str) -> MetricMathError:
        return MetricMathError(f"the metric math expression {self._expression!r} cannot be rehearsed: {why}")

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, *marks: str) -> str | None:
        if self._at < len(self._tokens) and self._tokens[self._at][0] != "text" and self._peek() in marks:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return None

    def _need(self, mark: str) -> None:
        if self._take(mark) is None:
            raise self._refused(f"{mark!r} is missing before {self._peek() or 'its end'}")

    def _disjunction(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refused(f"it nests deeper than {MAX_DEPTH} levels")
        node = self._conjunction()
        while self._take("OR", "||"):
            node = Operation("OR", node, self._conjunction())
        self._depth -= 1
        return node

    def _conjunction(self) -> Node:
        node = self._comparison()
        while self._take("AND", "&&"):
            node = Operation("AND", node, self._comparison())
        return node

    def _comparison(self) -> Node:
        node = self._sum()
        operator = self._take(*COMPARISONS)
        if operator is not None:
            node = Operation(operator, node, self._sum())
            if self._peek() in COMPARISONS:
                raise self._refused("comparisons do not chain; join two with AND")
        return node

    def _sum(self) -> Node:
        node = self._product()
        while operator := self._take("+", "-"):
            node = Operation(operator, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._signed()
        while operator := self._take("*", "/"):
            node = Operation(operator, node, self._signed())
        return node

    def _signed(self) -> Node:
        if not self._take("-"):
            return self._power()
        negated = True
        while self._take("-"):
            negated = not negated
        operand = self._operand()
        if self._peek() == "^":
            raise self._refused("AWS does not say whether - or ^ binds tighter; add parentheses")
        return Negation(operand) if negated else operand

    def _power(self) -> Node:
        node = self._operand()
        if self._take("^"):
            exponent = Negation(self._operand()) if self._take("-") else self._operand()
            node = Operation("^", node, exponent)
            if self._peek() == "^":
                raise self._refused("AWS does not say how powers of powers associate; add parentheses")
        return node

    def _operand(self) -> Node:
        if self._at >= len(self._tokens):
            raise self._refused("it ends where a value is needed")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return Number(float(text))
        if kind == "word":
            return self._word(text)
        if text == "(":
            node = self._disjunction()
            self._need(")")
            return node
        if text == "[":
            return Listing(self._arguments("]"))
        raise self._refused(f"{text!r} is not expected there")

    def _word(self, word: str) -> Node:
        if self._take("("):
            return self._call(word)
        if word in FILLERS:
            return Filler(word)
        if not word[0].islower():
            raise self._refused(f"{word!r} is neither an Id, which starts with a lowercase letter, nor a function call")
        return Name(word)

    def _call(self, function: str) -> Node:
        if function not in FUNCTIONS:
            raise self._refused(
                f"{function} is not among the functions that the rehearsal evaluates ({', '.join(FUNCTIONS)})"
            )
        if function == "METRICS":
            return Call(function, self._metrics_argument())
        arguments = self._arguments(")")
        fewest, most = FUNCTIONS[function]
        if not fewest <= len(arguments) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise self._refused(f"{function} takes {wanted} arguments and was given {len(arguments)}")
        return Call(function, arguments)

    def _metrics_argument(self) -> tuple[Node, ...]:
        argument: tuple[Node, ...] = ()
        if self._at < len(self._tokens) and self._tokens[self._at][0] == "text":
            argument = (Text(self._tokens[self._at][1][1:-1]),)
            self._at += 1
        self._need(")")
        return argument

    def _arguments(self, closing: str) -> tuple[Node, ...]:
        if self._take(closing):
            return ()
        arguments = [self._disjunction()]
        while self._take(","):
            arguments.append(self._disjunction())
        self._need(closing)
        return tuple(arguments)
