"""Made-up recordings of rollouts by the engine, for the conditions of the scenarios: no emulator, no clock."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.guardrails import LatencyComparison, MetricComparison
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import Compute, SideSettings, TargetSettings
from bluegreen_constructs.rehearsal.deployed_target import DeployedTarget
from bluegreen_constructs.rehearsal.load import Kind, LoadRecord, LoadResult
from bluegreen_constructs.rehearsal.operator_command import CommandResult
from bluegreen_constructs.rehearsal.outcome import Outcome
from bluegreen_constructs.rehearsal.rollout_watch import Weights
from bluegreen_constructs.rehearsal.scenarios.canary_seen import CanarySeen, Execution, RuleWrite, Tasks
from bluegreen_constructs.rehearsal.scenarios.traffic_conditions import Watched

RATE, SPEED = 60.0, 30.0
FIRST, SECOND, BAKE, FULL, END = 10.0, 16.0, 22.0, 28.0, 44.0
TICK = "lambda/Tick"
ERRORS, SLOW, PREDICTIONS = "errors", "slower than 0.8 s", "LowConfidencePredictions of Predictions"
Change = Callable[[LoadRecord], LoadRecord]

SETTINGS = TargetSettings(
    target="Serving/Model",
    rule_arn="arn:rule",
    load_balancer="app/model/1",
    blue=SideSettings("arn:blue", "targetgroup/blue/1", Compute.ECS, cluster="c", service="blue", container="Model"),
    green=SideSettings(
        "arn:green", "targetgroup/green/1", Compute.ECS, cluster="c", service="green", container="Model"
    ),
    steps=(Step(10, timedelta(minutes=2)), Step(50, timedelta(minutes=2))),
    guardrails=(
        ErrorComparison(),
        LatencyComparison(slo=timedelta(milliseconds=800)),
        MetricComparison(namespace="Inference", bad="LowConfidencePredictions", total="Predictions"),
    ),
)
TARGET = DeployedTarget(
    SETTINGS, "table", "arn:machine", {"start": "Start", "tick": "Tick", "alarm": "Alarm"}, "/bluegreen/targets/x"
)
BROKEN = [
    {"status": 503},
    {"status": None, "error": "ClientConnectorError", "side": None, "release": None},
    {"kind": Kind.STREAM, "is_broken": True},
    {"is_wrong": True},
]


def answered(at: float, by: str, **changes: object) -> LoadRecord:
    """One good answer of the candidate (green) or of the live release (blue)."""
    side = "green" if by == "candidate" else "blue"
    known = {"scheduled": at, "late": 0.0, "latency": 0.01, "kind": Kind.PREDICT, "status": 200}
    return LoadRecord(**{**known, "side": side, "release": by, **changes})  # type: ignore[arg-type]


def spread(start: float, end: float, percent: int, *, rate: float = RATE, **fault: object) -> list[LoadRecord]:
    """Load of a span: the candidate answers its share, every second time with its fault."""
    records: list[LoadRecord] = []
    own = 0
    for n in range(round((end - start) * rate)):
        at = start + n / rate
        if n * percent // 100 < (n + 1) * percent // 100:
            own += 1
            records.append(answered(at, "candidate", **(fault if own % 2 else {})))
        else:
            records.append(answered(at, "live"))
    return records


def weights(*changes: tuple[float, int]) -> tuple[Weights, ...]:
    """(wall, the candidate's percent)."""
    return tuple(Weights(wall, {"blue": 100 - percent, "green": percent}) for wall, percent in changes)


GOOD_WEIGHTS = weights((FIRST, 10), (SECOND, 50), (BAKE, 95), (FULL, 100))
BACK_WEIGHTS = weights((FIRST, 10), (SECOND, 0))


def good_records() -> list[LoadRecord]:
    """Of a release that went live."""
    return [
        *spread(0, FIRST, 0),
        *spread(FIRST, SECOND, 10),
        *spread(SECOND, BAKE, 50),
        *spread(BAKE, FULL, 95),
        *spread(FULL, END, 100),
    ]


def back_records(**fault: object) -> list[LoadRecord]:
    """Of a release that had its first share, and went back."""
    return [*spread(0, FIRST, 0), *spread(FIRST, SECOND, 10, **fault), *spread(SECOND, END, 0)]


def changed(records: Iterable[LoadRecord], start: float, end: float, change: Change) -> list[LoadRecord]:
    """The records with those of a span changed."""
    return [change(one) if start <= one.scheduled < end else one for one in records]


def to_candidate(record: LoadRecord) -> LoadRecord:
    return replace(record, side="green", release="candidate")


def to_live(record: LoadRecord) -> LoadRecord:
    return replace(record, side="blue", release="live", status=200, latency=0.01, is_wrong=False)


def watched(records: Iterable[LoadRecord], *, rate: float = RATE) -> Watched:
    everything = tuple(sorted(records, key=lambda record: record.scheduled))
    return Watched(rate, 0.0, END, everything, LoadResult.from_records(everything))


def command(verb: str, code: int = 0, answer: str = "{}", said: str = "") -> CommandResult:
    return CommandResult((verb,), code, SECOND - 1, 1.0, answer, said)


def comparison(name: str, verdict: str, candidate: tuple[int, int] = (20, 0)) -> dict[str, object]:
    """What explain says of one guardrail."""
    return {
        "guardrail": name,
        "verdict": verdict,
        "live": {"requests": 200, "bad": 0},
        "candidate": {"requests": candidate[0], "bad": candidate[1]},
        "odds_of_harm": {"reached": 1000.0, "needed": 300.0},
    }


def explained(**verdicts: str) -> dict[str, object]:
    """All guardrails, each with the verdict that is given for `errors`, `slow` or `predictions`, else HEALTHY."""
    names = {"errors": ERRORS, "slow": SLOW, "predictions": PREDICTIONS}
    return {
        "comparisons": [
            comparison(full, verdicts.get(short, "HEALTHY"), (20, 5 if verdicts.get(short) == "UNHEALTHY" else 0))
            for short, full in names.items()
        ],
        "is_tidied": True,
        "phase": "ROLLED_BACK",
    }


def item(event: str, reason: str = "", caller: str = "the engine", second: int = 0) -> dict[str, object]:
    return {"at": f"2026-01-01T00:00:{second:02d}Z", "event": event, "reason": reason, "caller": caller}


def seen(*, records: Iterable[LoadRecord] | None = None, rate: float = RATE, **changes: object) -> CanarySeen:
    """A good release that went live, with changes."""
    known: dict[str, object] = {
        "target": TARGET,
        "release": "candidate",
        "live_side": "blue",
        "live_release": "live",
        "execution": Execution("SUCCEEDED"),
        "explained": explained(),
        "history": (item("STARTED"), item("ENDED", second=5)),
        "weights": GOOD_WEIGHTS,
        "final_weights": {"blue": 0, "green": 100},
        "writes": tuple(RuleWrite(wall, TICK) for wall in (FIRST - 0.1, SECOND - 0.1, BAKE - 0.1, FULL - 0.1)),
        "tasks": {"blue": Tasks(0, 0, FULL + 10), "green": Tasks(2, 2)},
        "watched": watched(good_records() if records is None else records, rate=rate),
        "calls": {"elasticloadbalancing:ModifyRule": 5},
        "speed": SPEED,
    }
    return CanarySeen(**{**known, **changes})  # type: ignore[arg-type]


def back(*, records: Iterable[LoadRecord] | None = None, **changes: object) -> CanarySeen:
    """A release that had its first share and went back, with changes."""
    known: dict[str, object] = {
        "execution": Execution("FAILED", "NotPromoted", "because"),
        "weights": BACK_WEIGHTS,
        "final_weights": {"blue": 100, "green": 0},
        "writes": (RuleWrite(FIRST - 0.1, TICK), RuleWrite(SECOND - 0.1, TICK)),
        "tasks": {"blue": Tasks(2, 2), "green": Tasks(0, 0, SECOND + 10)},
        **changes,
    }
    return seen(records=back_records() if records is None else records, **known)


def red(outcome: Outcome) -> set[str]:
    """The conditions that do not hold."""
    assert outcome.conditions
    return {condition.says for condition in outcome.conditions if not condition.holds}
