"""Metric math against AWS's own examples, against a naive oracle, and what it refuses."""

import contextlib
import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.rehearsal.cloudwatch.metric_math import Scope, evaluate
from bluegreen_constructs.rehearsal.cloudwatch.metric_math_syntax import MetricMathError, parse
from bluegreen_constructs.rehearsal.cloudwatch.time_series import Axis, TimeSeries, TimeSeriesArray

X = None  # a missing data point
ERROR_RATE = "IF((FILL(rb,0)+FILL(rg,0)) > 20, 100*(FILL(eb,0)+FILL(eg,0))/(FILL(rb,0)+FILL(rg,0)), 0)"


def scope(**metrics: list[float | None]) -> Scope:
    count = len(next(iter(metrics.values()), [0.0] * 4))
    return Scope(Axis(0.0, 60, count), {name: TimeSeries(tuple(values), name) for name, values in metrics.items()})


def math_of(expression: str, **metrics: list[float | None]) -> list[float | None]:
    result = evaluate(expression, scope(**metrics))
    assert isinstance(result, TimeSeries)
    return list(result.values)


# Expressions like those of the constructs (tests/test_guardrail_alarms.py evaluates theirs)


def test_the_error_rate_guardrail() -> None:
    rate = math_of(
        ERROR_RATE,
        rb=[100, 10, X, X, 21],
        rg=[100, 10, 30, X, X],
        eb=[X, 10, X, X, 21],
        eg=[20, 5, 3, X, X],
    )
    assert rate == [10, 0, 10, 0, 100]


def test_the_latency_guardrail_is_the_slower_side_at_each_instant() -> None:
    assert math_of("MAX([FILL(lb,0), FILL(lg,0)])", lb=[0.2, X, 0.9, X], lg=[0.3, 0.1, X, X]) == [0.3, 0.1, 0.9, 0]


@pytest.mark.parametrize("expression", ["FILL(ub,0)+FILL(ug,0)", "SUM([FILL(ub,0), FILL(ug,0)])"])
def test_the_unhealthy_hosts_of_both_sides_add_up(expression: str) -> None:
    assert math_of(expression, ub=[1, X, X], ug=[2, 3, X]) == [3, 3, 0]


# The page's own examples

METRIC1, METRIC2 = [30, 20, 0, 0], [20, X, 20, X]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(metric1 < metric2)", [0, 0, 1, 0]),
        ("(metric1 >= 30)", [1, 0, 0, 0]),
        ("(metric1 > 15 AND metric2 > 15)", [1, 0, 0, 0]),
        ("metric1 > 15 && metric2 > 15", [1, 0, 0, 0]),
        ("metric1 > 15 OR metric2 > 15", [1, 1, 1, 0]),
    ],
)
def test_documented_comparisons(expression: str, expected: list[float]) -> None:
    assert math_of(expression, metric1=METRIC1, metric2=METRIC2) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("IF(m1, m2, m3)", [30, 0, 20, X, X]),
        ("IF(m1, 5, m3)", [5, 5, 20, X, X]),
        ("IF(m1, m2, 5)", [30, 0, 5, 5, X]),
        ("IF(m1, m2)", [30, 0, X, X, X]),
        ("IF(m1, 10, 2)", [10, 10, 2, 2, X]),
        ("IF(1 > 0, m2, m3)", [30, X, 0, 0, 30]),
        ("IF(0, m2, m3)", [0, 0, 20, X, 20]),
        ("IF(0, m2)", [X, X, X, X, X]),
    ],
)
def test_documented_if_forms(expression: str, expected: list[float | None]) -> None:
    assert math_of(expression, m1=[1, 1, 0, 0, X], m2=[30, X, 0, 0, 30], m3=[0, 0, 20, X, 20]) == expected


# Missing points, scalars, arrays


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b", [11, 2, 10, X]),  # "Missing values in a time series are treated as 0"
        ("a * b", [10, 0, 0, X]),
        ("a + 1", [2, 3, X, X]),
        ("a / b", [0.1, X, 0, X]),  # "If [...] divide by zero, the data point is dropped"
        ("a / 0", [X, X, X, X]),
        ("10 / a", [10, 5, X, X]),
        ("-a", [-1, -2, X, X]),
        ("a - AVG(a)", [0.25, 1.25, X, X]),  # AVG counts missing values as 0
        ("a / MAX(a)", [0.5, 1, X, X]),
        ("a - MIN(a)", [0, 1, X, X]),
        ("a / SUM(b)", [0.05, 0.1, X, X]),
        ("a / PERIOD(a) * 60", [1, 2, X, X]),
        ("a + MAX(d)", [X, X, X, X]),  # nothing has no maximum
        ("a * (1 / 0)", [X, X, X, X]),
        ("2 ^ a", [2, 4, X, X]),
        ("(0 - a) ^ 0.5", [X, X, X, X]),
        ("0 ^ -a", [X, X, X, X]),
        ("SUM([a, b])", [11, 2, 10, X]),
        ("AVG([a, b])", [5.5, 1, 5, X]),
        ("MIN([a, b])", [1, 2, 10, X]),
        ("MAX(METRICS())", [10, 2, 10, X]),
        ('SUM(METRICS("a"))', [1, 2, X, X]),
        ("SUM(100 / [a, b])", [110, 50, 10, X]),
        ("SUM([a, b] / a)", [11, 1, X, X]),
        ("SUM(-[a, b])", [-11, -2, -10, X]),
        ("TIME_SERIES(5 * 2)", [10, 10, 10, 10]),
        ("ABS(-a)", [1, 2, X, X]),
        ("CEIL(a / 4)", [1, 1, X, X]),
        ("FLOOR(a / 2)", [0, 1, X, X]),
        ("a == 1", [1, 0, X, X]),
        ("a != b", [1, 1, 1, X]),
        (".5e1 + a", [6, 7, X, X]),
        ("2 + a * 3 - 1", [4, 7, X, X]),
        ("a > 1 OR a < 2 AND b > 100", [0, 1, 0, X]),
        ("FILL(a, b)", [1, 2, 10, X]),
        ("FILL(a, MAX(a))", [1, 2, 2, 2]),
        ("FILL(d, 0)", [0, 0, 0, 0]),
        ("FILL(d, REPEAT)", [X, X, X, X]),
    ],
)
def test_points_scalars_and_arrays(expression: str, expected: list[float | None]) -> None:
    assert math_of(expression, a=[1, 2, X, X], b=[10, X, 10, X], d=[X, X, X, X]) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("FILL(m, 7)", [7, 1, 7, 7, 4, 7]),
        ("FILL(m, REPEAT)", [X, 1, 1, 1, 4, 4]),
        ("FILL(m, LINEAR)", [X, 1, 2, 3, 4, X]),
        ("DIFF(m)", [X, X, X, X, 3, X]),
        ("RATE(m) * 60", [X, X, X, X, 1, X]),
        ("RUNNING_SUM(m)", [X, 1, X, X, 5, X]),
    ],
)
def test_functions_along_time(expression: str, expected: list[float | None]) -> None:
    assert math_of(expression, m=[X, 1, X, X, 4, X]) == expected


def test_an_expression_may_yield_an_array() -> None:
    result = evaluate("METRICS() / 2", scope(a=[2, X], b=[4, 6]))
    assert isinstance(result, TimeSeriesArray)
    assert [member.values for member in result.members] == [(1, X), (2, 3)]
    assert [member.label for member in result.members] == ["a", "b"]


# What is refused, and by what name


@pytest.mark.parametrize(
    ("expression", "naming"),
    [
        ("ANOMALY_DETECTION_BAND(a)", "ANOMALY_DETECTION_BAND is not among the functions"),
        ("SEARCH('{AWS/EC2}', 'Sum')", "SEARCH is not among the functions"),
        ("sum(a)", "sum is not among the functions"),
        ("a + c", "no metric or expression of the request has the Id 'c'"),
        ("AVG(a)", "yields a single number"),
        ("5", "yields a single number"),
        ("a < 1 < 2", "comparisons do not chain"),
        ("-a ^ 2", "whether - or ^ binds tighter"),
        ("a ^ 2 ^ 3", "powers of powers"),
        ("[a, b] + [a, b]", "not documented for two arrays"),
        ("[a, b] > 1", "comparison operator > is not documented for arrays"),
        ("[a, b] AND a", "logical operator AND is not documented for arrays"),
        ("IF([a, b], 1, 2)", "IF takes single time series"),
        ("IF(1, 2, 3)", "takes time series as its values"),
        ("IF(a)", "IF takes 2 to 3 arguments and was given 1"),
        ("MAX(a, b)", "MAX takes 1 arguments and was given 2"),
        ("MAX([])", "empty array"),
        ("ABS(1) + a", "ABS takes a time series"),
        ("[1, a]", "holds time series, not single numbers"),
        ("FILL(a, [a, b])", "FILL fills with"),
        ("REPEAT + a", "only for the second argument of FILL"),
        ("PERIOD(a + b) + a", "PERIOD takes the Id of a metric"),
        ("TIME_SERIES(a)", "TIME_SERIES takes a single number"),
        ("A + 1", "starts with a lowercase letter"),
        ("a +", "it ends where a value is needed"),
        ("(a", "')' is missing"),
        ("a b", "'b' is not expected there"),
        ("a % 2", "'%' is not part of metric math"),
        ('a + "x"', "'\"x\"' is not expected there"),
        ("", "it ends where a value is needed"),
        ("(" * 60 + "a" + ")" * 60, "nests deeper"),
        ("a" + "+a" * 2000, "at most 2048 are allowed"),
    ],
)
def test_what_is_beyond_the_subset_is_refused_by_name(expression: str, naming: str) -> None:
    with pytest.raises(MetricMathError) as refused:
        evaluate(expression, scope(a=[1, X], b=[2, 3]))
    assert naming in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_refusal_does_not_depend_on_the_data() -> None:
    with pytest.raises(MetricMathError, match="not documented for two arrays"):
        evaluate("IF(a > 5, SUM([a] + [a]), 0)", scope(a=[X]))


# A naive oracle: the same tree, one instant at a time

VALUES = st.one_of(st.none(), st.integers(-5, 5).map(float))
SERIES = st.integers(1, 5).flatmap(
    lambda count: st.tuples(*[st.lists(VALUES, min_size=count, max_size=count) for _ in range(2)])
)
LEAVES = st.one_of(st.sampled_from(["a", "b"]), st.integers(0, 3).map(float))
OPERATORS = ["+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "AND", "OR"]
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(OPERATORS), inner, inner),
        st.tuples(st.just("neg"), inner),
        st.tuples(st.just("fill"), st.sampled_from(["a", "b"]), st.integers(0, 3).map(float)),
        st.tuples(st.just("max"), st.sampled_from(["a", "b"]), st.sampled_from(["a", "b"])),
        st.tuples(st.just("if"), st.sampled_from(["a", "b"]), inner, inner),
    ),
    max_leaves=8,
)


def written(tree: object) -> str:
    match tree:
        case str() | float():
            return str(tree)
        case ("neg", inner):
            return f"(-{written(inner)})"
        case ("fill", name, value):
            return f"FILL({name}, {value})"
        case ("max", first, second):
            return f"MAX([{first}, {second}])"
        case ("if", condition, yes, no):
            return f"IF({condition} > 0, {written(yes)}, {written(no)})"
        case (mark, left, right):
            return f"({written(left)} {mark} {written(right)})"
    raise AssertionError(tree)


def is_scalar(tree: object) -> bool:
    match tree:
        case float():
            return True
        case ("neg", inner):
            return is_scalar(inner)
        case (mark, left, right) if mark in OPERATORS:
            return is_scalar(left) and is_scalar(right)
    return False


def at_instant(tree: object, now: dict[str, float | None]) -> float | None:
    match tree:
        case str():
            return now[tree]
        case float():
            return tree
        case ("neg", inner):
            value = at_instant(inner, now)
            return None if value is None else -value
        case ("fill", name, filler):
            return filler if now[name] is None else now[name]
        case ("max", first, second):
            return max((now[name] for name in (first, second) if now[name] is not None), default=None)
        case ("if", condition, yes, no):
            if now[condition] is None:
                return None
            if now[condition] > 0:
                value = at_instant(yes, now)
                return 0.0 if value is None and not is_scalar(yes) else value
            return at_instant(no, now)
        case (mark, left, right):
            return operated(mark, left, right, now)
    raise AssertionError(tree)


def operated(mark: str, left: object, right: object, now: dict[str, float | None]) -> float | None:
    one, other = at_instant(left, now), at_instant(right, now)
    if one is None and (is_scalar(left) or is_scalar(right) or other is None):
        return None
    if other is None and (is_scalar(left) or is_scalar(right)):
        return None
    one, other = one or 0.0, other or 0.0
    if mark in ("AND", "OR"):
        return float(bool(one and other) if mark == "AND" else bool(one or other))
    functions = {
        "+": operator.add, "-": operator.sub, "*": operator.mul, "==": operator.eq, "!=": operator.ne,
        "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    }  # fmt: skip
    if mark == "/":
        return one / other if other else None
    return float(functions[mark](one, other))


@given(TREES, SERIES)
def test_every_expression_means_at_each_instant_what_a_naive_reading_says(
    tree: object, series: tuple[list[float | None], list[float | None]]
) -> None:
    a, b = series
    if is_scalar(tree):
        tree = ("+", tree, "a")
    expected = [at_instant(tree, {"a": one, "b": other}) for one, other in zip(a, b, strict=True)]
    found = math_of(written(tree), a=a, b=b)
    assert [value is None for value in found] == [value is None for value in expected]
    for value, wanted in zip(found, expected, strict=True):
        assert value is None or wanted is None or math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-12)


@given(st.text(alphabet="ab12 +-*/^<>=&|()[],.IFSUMXLREPAT\"'$", max_size=30))
def test_no_text_makes_the_parser_fail_in_any_other_way(text: str) -> None:
    with contextlib.suppress(MetricMathError):
        parse(text)
