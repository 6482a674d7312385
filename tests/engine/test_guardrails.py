"""Guardrails as values, and how their verdicts are joined."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations

import aws_cdk as cdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs import (
    AbsoluteFloor,
    AlarmGuardrail,
    ErrorComparison,
    LatencyComparison,
    MetricComparison,
)
from bluegreen_constructs.engine.comparison import Terms
from bluegreen_constructs.engine.guardrails import Assessment, assess, worst
from bluegreen_constructs.engine.model import Verdict


@dataclass(frozen=True)
class NamedAlarm:
    alarm_name: str


def metric(**changes: object) -> MetricComparison:
    arguments = {"namespace": "Inference", "bad": "LowConfidence", "total": "Predictions"} | changes
    return MetricComparison(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [
        ([], Verdict.UNSURE),
        ([Verdict.HEALTHY], Verdict.HEALTHY),
        ([Verdict.HEALTHY, Verdict.UNSURE], Verdict.UNSURE),
        ([Verdict.HEALTHY, Verdict.UNSURE, Verdict.UNHEALTHY], Verdict.UNHEALTHY),
        ([Verdict.UNHEALTHY, Verdict.HEALTHY], Verdict.UNHEALTHY),
    ],
)
def test_the_worst_verdict_is_the_verdict_of_all_and_none_at_all_is_unsure(
    verdicts: list[Verdict], together: Verdict
) -> None:
    assert {worst(order) for order in permutations(verdicts)} == {together}


@given(st.lists(st.sampled_from(Verdict)), st.sampled_from(Verdict))
def test_one_more_guardrail_never_makes_it_better(verdicts: list[Verdict], more: Verdict) -> None:
    order = [Verdict.HEALTHY, Verdict.UNSURE, Verdict.UNHEALTHY]
    if verdicts:
        assert order.index(worst([*verdicts, more])) >= order.index(worst(verdicts))


def test_a_guardrail_that_fails_is_unsure_and_says_why() -> None:
    def throttled() -> Verdict:
        raise TimeoutError("rate exceeded")

    assert assess("errors", throttled) == Assessment(
        "errors", Verdict.UNSURE, "could not be asked: TimeoutError: rate exceeded"
    )


@pytest.mark.parametrize("answer", [None, True, "HEALTHY", 0])
def test_an_answer_that_is_no_verdict_is_unsure(answer: object) -> None:
    assert assess("errors", lambda: answer).verdict is Verdict.UNSURE  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_is_passed_on(verdict: Verdict) -> None:
    assert assess("errors", lambda: verdict, reason="seen") == Assessment("errors", verdict, "seen")


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("OK", Verdict.HEALTHY),
        ("ALARM", Verdict.UNHEALTHY),
        ("INSUFFICIENT_DATA", Verdict.UNSURE),
        (None, Verdict.UNSURE),
        ("ok", Verdict.UNSURE),
    ],
)
def test_an_alarm_without_data_is_unsure(state: str | None, verdict: Verdict) -> None:
    assert AlarmGuardrail(NamedAlarm("pages")).assess(state) is verdict


def test_an_alarm_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="AlarmGuardrail alarm is 'arn:aws:cloudwatch:pages': give a CloudWatch alarm"):
        AlarmGuardrail("arn:aws:cloudwatch:pages")  # type: ignore[arg-type]


def test_every_guardrail_has_a_name_for_explanations() -> None:
    names = [
        guardrail.name
        for guardrail in (
            ErrorComparison(),
            LatencyComparison(slo=timedelta(milliseconds=800)),
            metric(),
            AbsoluteFloor(99.5),
            AlarmGuardrail(NamedAlarm("pages")),
        )
    ]
    assert names == [
        "errors",
        "slower than 0.8 s",
        "LowConfidence of Predictions",
        "at least 99.5 % good",
        "alarm pages",
    ]


def test_every_comparison_is_the_same_test() -> None:
    terms = Terms(false_alarm=0.02, margin=3.0)
    for comparison in (
        ErrorComparison(false_alarm=0.02, margin=3.0),
        LatencyComparison(slo=cdk.Duration.millis(800), false_alarm=0.02, margin=3.0),
        metric(false_alarm=0.02, margin=3.0),
    ):
        assert comparison.start() == terms.start()


def test_the_slo_is_a_timedelta_whatever_it_was_given_as() -> None:
    assert LatencyComparison(slo=cdk.Duration.millis(800)).bound == timedelta(milliseconds=800)


@pytest.mark.parametrize("slo", [timedelta(0), timedelta(seconds=-1), 0.8])
def test_a_bound_that_says_nothing_is_refused(slo: timedelta) -> None:
    with pytest.raises(ValueError, match="LatencyComparison slo is"):
        LatencyComparison(slo=slo)


@pytest.mark.parametrize("rate", [-0.1, 0.6, "3%", float("nan")])
def test_an_expected_rate_that_cannot_be_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=r"expected_rate is .*: give a number from 0 to 0\.5"):
        LatencyComparison(slo=timedelta(seconds=1), expected_rate=rate)
    with pytest.raises(ValueError, match=r"expected_rate is .*: give a number from 0 to 0\.5"):
        metric(expected_rate=rate)


def test_dimensions_are_compared_whatever_their_order() -> None:
    one = metric(dimensions={"Service": "a", "Model": "b"})
    assert one == metric(dimensions={"Model": "b", "Service": "a"})
    assert hash(one) == hash(metric(dimensions=(("Model", "b"), ("Service", "a"))))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"namespace": ""}, "namespace is ''"),
        ({"bad": ":x"}, "do not begin with a colon"),
        ({"bad": "Predictions"}, "bad and total are both 'Predictions'"),
        ({"dimensions": {"Side": "blue"}}, "dimensions hold 'Side'"),
        ({"total": "x" * 256}, "1 to 255 characters"),
        ({"dimensions": {"Model": 5}}, "at most 29 names and values of 1 to 255 characters"),
        ({"dimensions": {"": "x"}}, "at most 29 names and values of 1 to 255 characters"),
        ({"dimensions": {f"d{number}": "x" for number in range(30)}}, "at most 29 names"),
        ({"dimensions": None}, "dimensions is None"),
        ({"dimensions": ["ab", "c"]}, "dimensions is"),
    ],
)
def test_metrics_that_cannot_be_compared_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        metric(**changes)
