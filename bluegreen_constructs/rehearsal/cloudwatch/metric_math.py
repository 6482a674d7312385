"""Metric math: what an expression makes of the time series of its metrics, as CloudWatch documents it.

Follows https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html. What that page decides:

- arithmetic and comparisons of two time series treat a value missing on one side as 0; where both miss, so does the
  result; a scalar is broadcast over the points that exist;
- a point whose computation would divide by zero is dropped (so is one without a real, finite result);
- `IF` works for each point of its condition; a true point without a value in the second argument is 0;
- `SUM`, `AVG`, `MIN`, `MAX` of one time series are scalars over the evaluated range, of an array a time series;
  `AVG` counts missing values as 0.

Where the page is silent: `MIN`, `MAX` and `SUM` of an array look at the values that exist at an instant and have no
point where none does, and `FILL` fills the whole evaluated range, except that `REPEAT` has nothing to repeat before the
first value and `LINEAR` nothing to draw a line to outside the first and the last. Types that the page does not list for
an operator or a function are refused.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .metric_math_syntax import (
    COMPARISONS,
    Call,
    Filler,
    Listing,
    MetricMathError,
    Name,
    Negation,
    Node,
    Number,
    Operation,
    Text,
    parse,
)
from .time_series import (
    Axis,
    Scalar,
    TimeSeries,
    TimeSeriesArray,
    Value,
    combine,
    differences,
    each,
    each_series,
    linear,
    repeated,
    running_sum,
)


@dataclass(frozen=True)
class Scope:
    """What an expression can refer to: the request's metrics by Id, and the results of its other expressions."""

    axis: Axis
    metrics: Mapping[str, TimeSeries]
    expressions: Mapping[str, TimeSeries | TimeSeriesArray] = field(default_factory=dict)


def evaluate(expression: str, scope: Scope) -> TimeSeries | TimeSeriesArray:
    """The time series that an expression yields; raises MetricMathError for what is not covered or not allowed.

    A scalar is refused: "The final result of any math expression must be a single time series or an array of time
    series". Anything that is refused is refused whatever the data, so a definition can be checked on an empty scope.
    """
    result = _Evaluation(expression, scope).of(parse(expression))
    if isinstance(result, Scalar):
        raise MetricMathError(
            f"the metric math expression {expression!r} yields a single number; "
            "use it within one that yields a time series, for example TIME_SERIES(...)"
        )
    return result


class _Evaluation:
    def __init__(self, expression: str, scope: Scope) -> None:
        self._expression = expression
        self._scope = scope

    def of(self, node: Node) -> Value:
        match node:
            case Number(value=value):
                return Scalar(value)
            case Name(id=name):
                return self._named(name)
            case Negation(operand=operand):
                return each(self.of(operand), lambda value: -value)
            case Listing(items=items):
                return TimeSeriesArray(tuple(member for item in items for member in self._listed(item)))
            case Operation():
                return self._operation(node)
            case Call():
                return self._call(node)
            case Filler(kind=kind):
                raise self._refused(f"{kind} is only for the second argument of FILL")
            case Text():
                raise self._refused("a quoted string is only for METRICS")

    def _refused(self, why: str) -> MetricMathError:
        return MetricMathError(f"the metric math expression {self._expression!r} cannot be rehearsed: {why}")

    def _named(self, name: str) -> Value:
        found = self._scope.metrics.get(name) or self._scope.expressions.get(name)
        if found is None:
            raise self._refused(f"no metric or expression of the request has the Id {name!r}")
        return found

    def _listed(self, item: Node) -> tuple[TimeSeries, ...]:
        value = self.of(item)
        if isinstance(value, Scalar):
            raise self._refused("an array in [ ] holds time series, not single numbers")
        return value.members if isinstance(value, TimeSeriesArray) else (value,)

    # Operators

    def _operation(self, node: Operation) -> Value:
        left, right = self.of(node.left), self.of(node.right)
        if node.operator in _ARITHMETIC:
            if isinstance(left, TimeSeriesArray) and isinstance(right, TimeSeriesArray):
                raise self._refused(f"{node.operator} is not documented for two arrays of time series")
            return combine(left, right, _ARITHMETIC[node.operator])
        if isinstance(left, TimeSeriesArray) or isinstance(right, TimeSeriesArray):
            kind = "comparison" if node.operator in COMPARISONS else "logical"
            raise self._refused(f"the {kind} operator {node.operator} is not documented for arrays of time series")
        return combine(left, right, _TRUTH[node.operator])

    # Functions

    def _call(self, call: Call) -> Value:
        name, arguments = call.function, call.arguments
        if name in _POINTWISE:
            return each(self._series(name, arguments[0]), _POINTWISE[name])
        if name in _OVER_TIME:
            period = self._scope.axis.period
            return each_series(self._series(name, arguments[0]), lambda series: _OVER_TIME[name](series, period))
        if name in _AGGREGATES:
            return self._aggregate(name, self._series(name, arguments[0]))
        match name:
            case "FILL":
                return self._fill(arguments[0], arguments[1])
            case "IF":
                return self._choose(arguments)
            case "METRICS":
                return self._metrics(arguments)
            case "PERIOD":
                if not isinstance(arguments[0], Name) or arguments[0].id not in self._scope.metrics:
                    raise self._refused("PERIOD takes the Id of a metric")
                return Scalar(float(self._scope.axis.period))
            case _:
                return self._time_series(arguments[0])

    def _series(self, function: str, node: Node) -> TimeSeries | TimeSeriesArray:
        value = self.of(node)
        if isinstance(value, Scalar):
            raise self._refused(f"{function} takes a time series or an array of them, not a single number")
        return value

    def _aggregate(self, name: str, value: TimeSeries | TimeSeriesArray) -> Value:
        aggregate = _AGGREGATES[name]
        if isinstance(value, TimeSeries):
            return Scalar(aggregate(_present(value.values), len(value.values)))
        if not value.members:
            raise self._refused(f"{name} was given an empty array")
        columns = zip(*(member.values for member in value.members), strict=True)
        return TimeSeries(
            tuple(aggregate(present, len(column)) if (present := _present(column)) else None for column in columns)
        )

    def _fill(self, filled: Node, filler: Node) -> Value:
        series = self._series("FILL", filled)
        if isinstance(filler, Filler):
            fill = repeated if filler.kind == "REPEAT" else linear
            return each_series(series, lambda one: TimeSeries(fill(one.values), one.label))
        with_value = self.of(filler)
        if isinstance(with_value, TimeSeriesArray):
            raise self._refused("FILL fills with a number, a time series, REPEAT or LINEAR, not with an array")
        column = self._column(with_value)
        return each_series(
            series,
            lambda one: TimeSeries(
                tuple(value if value is not None else column[index] for index, value in enumerate(one.values)),
                one.label,
            ),
        )

    def _choose(self, arguments: Sequence[Node]) -> Value:
        condition, *branches = [self.of(argument) for argument in arguments]
        if any(isinstance(value, TimeSeriesArray) for value in (condition, *branches)):
            raise self._refused("IF takes single time series and numbers, not arrays")
        if isinstance(condition, Scalar):
            if not all(isinstance(branch, TimeSeries) for branch in branches):
                raise self._refused("IF with a single number as its condition takes time series as its values")
            empty = TimeSeries((None,) * self._scope.axis.count)
            if condition.value is None:
                return empty
            return branches[0] if condition.value else (branches[1] if len(branches) > 1 else empty)
        when_true = self._column(branches[0])
        if isinstance(branches[0], TimeSeries):
            when_true = tuple(0.0 if value is None else value for value in when_true)
        when_false = self._column(branches[1]) if len(branches) > 1 else (None,) * self._scope.axis.count
        return TimeSeries(
            tuple(
                None if value is None else (when_true[index] if value else when_false[index])
                for index, value in enumerate(self._column(condition))
            )
        )

    def _metrics(self, arguments: Sequence[Node]) -> Value:
        part = arguments[0].value if arguments and isinstance(arguments[0], Text) else ""
        return TimeSeriesArray(tuple(series for name, series in self._scope.metrics.items() if part in name))

    def _time_series(self, node: Node) -> Value:
        value = self.of(node)
        if not isinstance(value, Scalar):
            raise self._refused("TIME_SERIES takes a single number")
        return TimeSeries(self._column(value))

    def _column(self, value: Value) -> tuple[float | None, ...]:
        """The values of a time series, or of a scalar at every instant of the range."""
        if isinstance(value, TimeSeries):
            return value.values
        return (value.value,) * self._scope.axis.count if isinstance(value, Scalar) else ()


def _power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)


_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "^": _power,
}
_TRUTH: Mapping[str, Callable[[float, float], float]] = {
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    "<": lambda left, right: float(left < right),
    "<=": lambda left, right: float(left <= right),
    ">": lambda left, right: float(left > right),
    ">=": lambda left, right: float(left >= right),
    "AND": lambda left, right: float(bool(left) and bool(right)),
    "OR": lambda left, right: float(bool(left) or bool(right)),
}
_POINTWISE: Mapping[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": lambda value: float(math.ceil(value)),
    "FLOOR": lambda value: float(math.floor(value)),
}
_OVER_TIME: Mapping[str, Callable[[TimeSeries, int], TimeSeries]] = {
    "DIFF": lambda series, _: differences(series, seconds=None),
    "RATE": lambda series, period: differences(series, seconds=period),
    "RUNNING_SUM": lambda series, _: running_sum(series),
}
# Each takes the values that exist and how many there could be. "Missing values are treated as 0" for AVG, which is why
# the page offers SUM(m1) / DATAPOINT_COUNT(m1) for the average of a sparse metric.
_AGGREGATES: Mapping[str, Callable[[list[float], int], float | None]] = {
    "SUM": lambda present, _: math.fsum(present),
    "AVG": lambda present, possible: math.fsum(present) / possible if possible else None,
    "MIN": lambda present, _: min(present, default=None),
    "MAX": lambda present, _: max(present, default=None),
}


def _present(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]
