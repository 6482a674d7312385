"""An ordinary target and one rollout of it, half way; and strategies for any others."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from bluegreen_constructs.engine.ab_effect import AbEvidence
from bluegreen_constructs.engine.absolute_floor import AbsoluteFloor, FloorEvidence
from bluegreen_constructs.engine.code_deploy_settings import CodeDeploySettings, EventHook
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.guardrails import Assessment, LatencyComparison, MetricComparison
from bluegreen_constructs.engine.joint_comparison import JointComparison, JointEvidence
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.model import Arm, Verdict
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import Hold, HoldKind, Note, Rollout
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import (
    SIDES,
    AlarmName,
    Compute,
    EngineGuardrail,
    HookSettings,
    SideSettings,
    TargetSettings,
)
from bluegreen_constructs.engine.warm_pool import POOL_STATES, WarmPool
from bluegreen_constructs.testing_slots import example_slots

NINE = datetime(2026, 11, 5, 9, tzinfo=UTC)
ERRORS = ErrorComparison(negligible=0.0005)
SLOW = LatencyComparison(slo=timedelta(milliseconds=800), margin=1.5)
PREDICTIONS = MetricComparison(
    namespace="Model", bad="LowConfidence", total="Predictions", dimensions={"Service": "inference"}
)
FLOOR = AbsoluteFloor(97.5)
ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:"


def side(name: str) -> SideSettings:
    return SideSettings(
        group_arn=f"{ARN}targetgroup/Serving-Model-{name}/6d0ecf831eec9f09",
        metric_name=f"targetgroup/Serving-Model-{name}/6d0ecf831eec9f09",
        compute=Compute.ECS,
        cluster="serving",
        service=f"Serving-Model{name}Service-4N6VdYxgH2Qk",
        container="model",
        scalable=True,
    )


def settings() -> TargetSettings:
    ten = timedelta(minutes=10)
    return TargetSettings(
        target="Serving/Model",
        rule_arn=f"{ARN}listener-rule/app/serving/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee",
        load_balancer="app/serving/50dc6c495c0c9188",
        blue=side("Blue"),
        green=side("Green"),
        steps=(Step(1, timedelta(minutes=5)), Step(5, ten), Step(25, ten), Step(50, ten)),
        test_rule_arns=(f"{ARN}listener-rule/app/serving/50dc6c495c0c9188/f2f7dc8efc522ab2/0467ef3c8400ae65",),
        guardrails=(ERRORS, SLOW, PREDICTIONS, FLOOR, AlarmName("Serving-GpuFaults")),
        hooks=(
            HookSettings(
                "smoke", "arn:aws:lambda:eu-central-1:123456789012:function:Serving-Smoke", {"path": "/predict"}
            ),
            HookSettings("owner", stage="BAKING", timeout=timedelta(hours=8)),
        ),
        bake=timedelta(minutes=20),
    )


def evidence(minutes: int, live: Arm, candidate: Arm) -> JointEvidence:
    jury = JointComparison({guardrail.name: guardrail for guardrail in (ERRORS, SLOW, PREDICTIONS)}).start()
    for number in range(minutes):
        jury = jury.observe(dict.fromkeys(jury.members, (live, candidate)), 29_000_000 + number)
    return jury


def rollout() -> Rollout:
    return Rollout(
        id="2026-11-05-model-1-4-2",
        settings=settings(),
        release=Release("1.4.2", image="123456789012.dkr.ecr.eu-central-1.amazonaws.com/model:1.4.2"),
        live="blue",
        fence=7,
        started_at=NINE,
        phase_since=NINE + timedelta(minutes=9, microseconds=120),
        phase=Phase.SHIFTING,
        revision=31,
        execution="arn:aws:states:eu-central-1:123456789012:execution:Serving-Rollouts:2026-11-05-model-1-4-2",
        caller="arn:aws:sts::123456789012:assumed-role/Release/pipeline",
        reason="weekly release",
        weight=25,
        applied=25,
        applied_at=NINE + timedelta(minutes=25),
        wanted_at=NINE + timedelta(minutes=24, seconds=30),
        is_test_routed=True,
        step=2,
        step_minutes=4,
        needs=6,
        desired=6,
        minimums={"blue": 2, "green": 0},
        evidence=evidence(5, Arm(5400, 11), Arm(600, 1)),
        floors={FLOOR.name: FLOOR.start().observe(Arm(600, 1), 29_000_000)},
        judged=29_000_004,
        said=(
            Assessment(ERRORS.name, Verdict.UNSURE, "5 of 3000 requests failed, of live 55 of 27000"),
            Assessment("alarm Serving-GpuFaults", Verdict.HEALTHY, "OK"),
        ),
        hook=1,
        hook_since=NINE + timedelta(minutes=7),
        hook_details={"attempt": 3},
        hold=Hold(HoldKind.OPERATOR, "lunch", NINE + timedelta(minutes=29), NINE + timedelta(hours=24)),
        leaves="1.4.1",
        authentication=(
            {
                "Type": "authenticate-cognito",
                "Order": 1,
                "AuthenticateCognitoConfig": {"UserPoolDomain": "serving", "SessionTimeout": 604_800},
            },
        ),
        outbox=(Note(NINE + timedelta(minutes=29), "HELD", "lunch", "arn:aws:iam::123456789012:user/operator"),),
    )


PROBABILITIES = st.floats(0.001, 0.5)
TERMS = {
    "false_alarm": PROBABILITIES,
    "margin": st.floats(1.1, 100),
    "wrong_promotion": PROBABILITIES,
    "negligible": st.none() | st.floats(1e-6, 0.5),
}
LONG = st.timedeltas(timedelta(), timedelta(days=400))
SPANS = (
    "bake",
    "patience",
    "hold_timeout",
    "prepare_timeout",
    "restore_timeout",
    "deadline",
    "drain_timeout",
    "keep",
    "metric_lag",
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
METRIC_NAMES = NAMES.filter(lambda text: not text.startswith(":"))
DIMENSIONS = st.dictionaries(NAMES.map(lambda name: "D" + name), NAMES, max_size=2)
PERCENTS = st.integers(1, 1000).map(lambda tenths: tenths / 10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=2)
COMPARISONS: st.SearchStrategy[EngineGuardrail] = st.one_of(
    st.builds(ErrorComparison, **TERMS),
    st.just(ErrorComparison(mode="bursty")),
    st.builds(LatencyComparison, **TERMS, slo=st.timedeltas(timedelta(microseconds=1), timedelta(days=1))),
    st.builds(
        lambda bad, **more: MetricComparison(bad=bad, total=f"{bad}+", **more),
        bad=METRIC_NAMES,
        namespace=METRIC_NAMES,
        dimensions=DIMENSIONS,
        side_dimension=st.sampled_from(["Side", "Colour"]),
        **TERMS,
    ),
)
GUARDRAILS = st.one_of(
    COMPARISONS,
    st.builds(AbsoluteFloor, st.floats(0.1, 99.99), PROBABILITIES, PROBABILITIES),
    st.builds(AlarmName, NAMES),
)
POOL_FIELDS = {
    "minimum": st.integers(0, 100),
    "most_prepared": st.none() | st.integers(0, 1000),
    "state": st.sampled_from(POOL_STATES),
    "reuse": st.booleans(),
}
SIDE_FIELDS = {
    "group_arn": NAMES,
    "metric_name": NAMES,
    "compute": st.sampled_from(Compute),
    "cluster": NAMES,
    "service": NAMES,
    "container": NAMES,
    "auto_scaling_group": NAMES,
    "scalable": st.booleans(),
    "named": st.booleans(),
    "warm_pool": st.none() | st.builds(WarmPool, **POOL_FIELDS),
}
HOOK_FIELDS = {
    "name": NAMES,
    "function_arn": NAMES | st.just(""),
    "details": OBJECTS,
    "stage": st.sampled_from(["TESTING", "BAKING"]),
    "timeout": LONG,
}
CODE_DEPLOY_FIELDS = {
    "application": st.text(),
    "group": st.text(),
    "platform": st.sampled_from(["ECS", "Server"]),
    "family": st.text(),
    "port": st.integers(0, 65_535),
    "hooks": st.lists(st.builds(EventHook, event=st.text(), function=st.text()), max_size=2).map(tuple),
    "bucket": st.text(),
    "prefix": st.text(),
    "other_group": st.text(),
    "definition": st.text(),
    "size": st.integers(0, 1000),
    "size_alarm": st.text(),
}
SETTINGS_FIELDS = {
    "target": NAMES,
    "rule_arn": NAMES,
    "load_balancer": NAMES,
    "blue": st.builds(SideSettings, **SIDE_FIELDS),
    "green": st.builds(SideSettings, **SIDE_FIELDS),
    "steps": st.lists(st.builds(Step, PERCENTS, LONG | st.just(timedelta(minutes=5))), max_size=4).map(tuple),
    "split": st.none() | PERCENTS,
    "test_rule_arns": st.lists(NAMES, max_size=2).map(tuple),
    "guardrails": st.lists(GUARDRAILS, max_size=3).map(tuple),
    "hooks": st.lists(st.builds(HookSettings, **HOOK_FIELDS), max_size=2).map(tuple),
    "stickiness_seconds": st.none() | st.integers(1, 604_800),
    "hold_back": st.floats(0, 100),
    "retained": st.integers(0, 100),
    "shares_load_balancer": st.booleans(),
    "controller": st.sampled_from(["engine", "ecs", "slots", "codedeploy"]),
    "is_judged": st.booleans(),
    "slots": st.none() | st.just(example_slots("staging", "qa").slots),
    "codedeploy": st.none() | st.builds(CodeDeploySettings, **CODE_DEPLOY_FIELDS),
    **dict.fromkeys(SPANS, LONG),
}
SETTINGS = st.builds(TargetSettings, **SETTINGS_FIELDS)
ARMS = st.builds(lambda good, bad: Arm(good + bad, bad), st.integers(0, 10**9), st.integers(0, 10**6))
MINUTES = st.integers(29_000_000, 29_000_100)
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@st.composite
def juries(draw: st.DrawFn) -> JointEvidence:
    jury = JointComparison(draw(st.dictionaries(NAMES, COMPARISONS, min_size=1, max_size=2))).start()
    for _ in range(draw(st.integers(0, 2))):
        counts = {name: (draw(ARMS), draw(ARMS)) for name in jury.members}
        jury = jury.observe(counts, draw(MINUTES))
    return jury


def floor_evidence(success_percent: float, seen: Arm) -> FloorEvidence:
    return AbsoluteFloor(success_percent).start().observe(seen, 29_000_000)


ROLLOUT_FIELDS = {
    "id": NAMES,
    "settings": SETTINGS,
    "release": st.builds(
        Release, st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True), NAMES, st.sampled_from(["", "17"])
    ),
    "live": st.sampled_from(SIDES),
    "fence": st.integers(0, 2**60),
    "started_at": INSTANTS,
    "phase_since": INSTANTS,
    "phase": st.sampled_from(Phase),
    "revision": st.integers(0, 2**60),
    "execution": NAMES,
    "caller": NAMES,
    "reason": NAMES,
    "weight": st.just(0) | PERCENTS,
    "applied": st.none() | PERCENTS,
    "applied_at": st.none() | INSTANTS,
    "wanted_at": st.none() | INSTANTS,
    "is_test_routed": st.booleans(),
    "step": st.integers(-1, 999),
    "step_minutes": st.integers(0, 10**6),
    "needs": st.integers(0, 10**4),
    "desired": st.integers(0, 10**4),
    "minimums": st.dictionaries(st.sampled_from(SIDES), st.integers(0, 10**4)),
    "evidence": st.none() | juries(),
    "floors": st.dictionaries(NAMES, st.builds(floor_evidence, st.floats(1, 99.9), ARMS), max_size=2),
    "ab": st.none() | st.builds(AbEvidence().observe, ARMS, ARMS, MINUTES),
    "judged": st.none() | MINUTES,
    "said": st.lists(st.builds(Assessment, NAMES, st.sampled_from(Verdict), NAMES), max_size=3).map(tuple),
    "hook": st.integers(0, 9),
    "hook_since": st.none() | INSTANTS,
    "hook_details": OBJECTS,
    "hold": st.none() | st.builds(Hold, st.sampled_from(HoldKind), NAMES, INSTANTS, INSTANTS),
    "why_back": NAMES,
    "is_bad": st.booleans(),
    "is_expedited": st.booleans(),
    "is_irreversible": st.booleans(),
    "is_quarantined": st.booleans(),
    "is_left_running": st.booleans(),
    "takes_over": st.booleans(),
    "was": PERCENTS,
    "answered": st.lists(NAMES, max_size=3).map(tuple),
    "is_baked": st.booleans(),
    "leaves": NAMES,
    "hotfix": NAMES,
    "authentication": st.lists(OBJECTS, max_size=2).map(tuple),
    "is_kept": st.booleans(),
    "kept_until": st.none() | INSTANTS,
    "quiet": st.integers(0, 99),
    "quiet_until": st.none() | MINUTES,
    "is_tidied": st.booleans(),
    "outbox": st.lists(st.builds(Note, INSTANTS, NAMES, NAMES, NAMES, NAMES, PERCENTS), max_size=2).map(tuple),
    "extra": st.dictionaries(NAMES.map(lambda name: "later " + name), JSON, max_size=2),
}
ROLLOUTS = st.builds(Rollout, **ROLLOUT_FIELDS)
JUNK = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        0.5,
        10**400,
        1e308,
        "",
        "x" * 5000,
        "blue",
        "9999-12-31T23:59:59-14:00",
        "2026-11-05T09:00:00",
        [],
        [1],
        [[]],
        [{}],
        ["x"] * 7,
        {},
        {"reads": 1},
        {"blue": {"a": [1]}},
    ]
)


def places(stored: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all nodes of JSON values below the root."""
    inner = stored.items() if isinstance(stored, dict) else enumerate(stored) if isinstance(stored, list) else ()
    return [found for key, value in inner for found in [(*path, key), *places(value, (*path, key))]]


def spoil(stored: object, path: tuple[str | int, ...], draw: st.DataObject) -> None:
    """Replace or take away the node at `path`."""
    place = stored
    for key in path[:-1]:
        place = place[key]  # type: ignore[index]
    if draw.draw(st.booleans()):
        place[path[-1]] = draw.draw(JUNK)  # type: ignore[index]
    else:
        del place[path[-1]]  # type: ignore[attr-defined]


FREE_FORM = ("details", "hook_details", "authentication", "minimums", "floors", "members")


def with_more(stored: object) -> object:
    """What a later version writes: more keys in every object that is no free-form one."""
    if isinstance(stored, dict):
        inner = {key: value if key in FREE_FORM else with_more(value) for key, value in stored.items()}
        return inner | {"of a later version": {"a": [1, None]}}
    return [with_more(one) for one in stored] if isinstance(stored, list) else stored
