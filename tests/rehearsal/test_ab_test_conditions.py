"""The conditions of ab-test go red, and its settings are those of a Split. Pure."""

import json

import pytest

from bluegreen_constructs.engine.strategy import Split
from bluegreen_constructs.rehearsal.scenarios.ab_test import (
    CLIENTS,
    LOOKS,
    PERCENT,
    STICKINESS_SECONDS,
    Experiment,
    judged,
    sticky_split,
)
from bluegreen_constructs.rehearsal.scenarios.canary_seen import RuleWrite, Tasks
from bluegreen_constructs.rehearsal.scenarios.sticky_clients import StickyClient
from tests.rehearsal.canary_records import (
    BAKE,
    BROKEN,
    END,
    FIRST,
    SETTINGS,
    TICK,
    answered,
    back,
    command,
    red,
    spread,
    weights,
)

STAYED = (("blue",) * LOOKS,) * (CLIENTS // 2) + (("green",) * LOOKS,) * (CLIENTS // 2)
STICKY = {"ForwardConfig": {"TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": STICKINESS_SECONDS}}}
REPORT = {
    "verdict": "CANDIDATE_LOWER",
    "effect_ratio": 0.27,
    "minutes": 4,
    "interval": {"low": 0.1, "high": 0.6},
    "live": {"side": "blue", "requests": 200},
    "candidate": {"side": "green", "requests": 200},
}
RECORDS = (*spread(0, FIRST, 0), *spread(FIRST, BAKE, 50), *spread(BAKE, END, 0))


def red_of(
    *,
    actions: dict = STICKY,
    report: dict = REPORT,
    stayed: tuple = STAYED,
    aborted: str = '{"state": "RESTORED"}',
    afterwards: dict | None = None,
    **changes: object,
) -> set[str]:
    known: dict[str, object] = {
        "records": RECORDS,
        "weights": weights((FIRST, 50), (BAKE, 0)),
        "final_weights": {"blue": 100},
        "writes": (RuleWrite(FIRST, TICK), RuleWrite(BAKE, "operator")),
        "tasks": {"blue": Tasks(2, 2), "green": Tasks(0, 0, BAKE + 10)},
        **changes,
    }
    test = Experiment(
        actions,
        command("report", 0, json.dumps(report)),
        stayed,
        command("abort", 0, aborted),
        {"blue": CLIENTS} if afterwards is None else afterwards,
    )
    return red(judged("ab", back(**known), test))  # type: ignore[arg-type]


def test_what_should_happen_passes() -> None:
    assert red_of() == set()


@pytest.mark.parametrize(
    "actions",
    [{}, {"ForwardConfig": {}}, {"ForwardConfig": {"TargetGroupStickinessConfig": {"Enabled": False}}}],
)
def test_a_rule_without_stickiness_is_seen(actions: dict) -> None:
    assert "the rule kept clients on their side" in red_of(actions=actions)


@pytest.mark.parametrize(
    "stayed",
    [
        (("blue", "green", "blue", "blue"), *STAYED[1:]),
        (("blue", "blue", "lost", "blue"), *STAYED[1:]),
        STAYED[: CLIENTS // 2],
        (("blue",) * (LOOKS - 1), *STAYED[1:]),
        (),
    ],
)
def test_a_client_that_changed_sides_or_was_lost_is_seen(stayed: tuple) -> None:
    assert "every client stayed where it was first, and both sides had some" in red_of(stayed=stayed)


@pytest.mark.parametrize("verdict", ["NOT_SHOWN", "CANDIDATE_HIGHER", None])
def test_a_report_without_the_effect_is_seen(verdict: str | None) -> None:
    found = red_of(report={**REPORT, "verdict": verdict})
    assert "the report finds that the variant asks back less often" in found


@pytest.mark.parametrize(
    "interval", [None, {"low": 0.3, "high": 0.6}, {"low": None, "high": None}, {"low": 0.1, "high": 1.2}]
)
def test_an_interval_that_misses_the_truth_or_says_nothing_is_seen(interval: dict | None) -> None:
    assert "its interval holds the true ratio, and not 1" in red_of(report={**REPORT, "interval": interval})


@pytest.mark.parametrize("requests", [0, 100_000])
def test_counts_of_requests_that_nobody_sent_are_seen(requests: int) -> None:
    report = {**REPORT, "candidate": {"side": "green", "requests": requests}}
    assert "it counts both sides' requests, and no more than there were" in red_of(report=report)


def test_a_rule_that_still_names_the_variant_is_seen() -> None:
    """Weighed 0 it would keep its sticky clients."""
    assert "the rule then names live alone, so that no cookie leads to the variant any more" in red_of(
        final_weights={"blue": 100, "green": 0}
    )


@pytest.mark.parametrize("afterwards", [{"blue": CLIENTS - 1, "green": 1}, {"blue": CLIENTS - 1, "lost": 1}, {}])
def test_a_client_that_an_abort_left_on_the_variant_is_seen(afterwards: dict[str, int]) -> None:
    assert "and every client is answered by live" in red_of(afterwards=afterwards)


def test_an_abort_that_found_nothing_is_seen() -> None:
    assert "bluegreen abort ends it" in red_of(aborted='{"state": "NOTHING_IN_FLIGHT"}')


def test_a_test_that_got_another_share_is_seen() -> None:
    assert "the rule gave the candidate 50 %, then 0 %" in red_of(weights=weights((FIRST, 95), (BAKE, 0)))


@pytest.mark.parametrize("fault", BROKEN)
def test_one_lost_request_is_enough(fault: dict[str, object]) -> None:
    records = [*RECORDS, answered(15.0, "candidate", **fault)]
    assert "no request failed and no stream broke" in red_of(records=records)


def test_the_settings_are_those_of_a_split() -> None:
    made = sticky_split(SETTINGS)
    assert (made.steps, made.split) == (Split(PERCENT).steps(), PERCENT)
    assert made.stickiness_seconds == STICKINESS_SECONDS
    assert made.guardrails == SETTINGS.guardrails


def test_a_client_that_nobody_answers_is_lost() -> None:
    client = StickyClient("http://127.0.0.1:9")
    assert client.ask() == "lost"
    assert client.sides == ["lost"]
