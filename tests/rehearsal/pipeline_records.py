"""Made-up recordings of deliveries by the pipeline, for the conditions of the scenarios: no emulator, no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from bluegreen_constructs.rehearsal.load import LoadRecord
from bluegreen_constructs.rehearsal.outcome import Outcome
from bluegreen_constructs.rehearsal.pipeline.action_work import How, SourceRevision
from bluegreen_constructs.rehearsal.pipeline.execution import FAILED, ROLLBACK, SUCCEEDED, ActionRun, Execution
from bluegreen_constructs.rehearsal.pipeline.image_registry import PushedImage
from bluegreen_constructs.rehearsal.rollout_watch import Milestone, Rollout, Weights
from bluegreen_constructs.rehearsal.scenarios.pipeline_seen import DeliverySeen, StageTraffic
from bluegreen_constructs.rehearsal.scenarios.traffic_conditions import Watched
from tests.rehearsal.canary_records import answered, spread, watched

FORMER, PUSHED = "sha256:" + "a" * 64, "sha256:" + "b" * 64
SPEED = 30.0
# Staging's rollout, then production's; the load goes on to 44.
STAGED, STAGED_ALL, BEGUN, FURTHER, BAKED, ALL = 4.0, 10.0, 14.0, 20.0, 26.0, 32.0
NAME = "pipeline-1"
SOURCES = {"Source": ("Image", "Source"), "Synth": ("Synth", "Assets")}
KINDS = {"Source": "Source by ECR", "Synth": "Build by CodeBuild", "ReviewProd": "Approval by Manual"}


def released(records: Iterable[LoadRecord]) -> list[LoadRecord]:
    """The records with digests in the place of roles."""
    names = {"live": FORMER, "candidate": PUSHED}
    return [replace(one, release=names.get(one.release or "", one.release)) for one in records]


def weights(*changes: tuple[float, int]) -> tuple[Weights, ...]:
    return tuple(Weights(wall, {"blue": 100 - percent, "green": percent}) for wall, percent in changes)


@cache  # thousands of requests, which no test changes
def staging() -> StageTraffic:
    """Of a release that went live there."""
    records = [*spread(0, STAGED, 0), *spread(STAGED, STAGED_ALL, 10), *spread(STAGED_ALL, 44, 100)]
    return StageTraffic(
        name="staging",
        steps=(10.0, 100.0),
        live_side="blue",
        live_release=FORMER,
        weights=weights((STAGED, 10), (STAGED_ALL, 100)),
        now={"blue": 0, "green": 100},
        image=PUSHED,
        watched=watched(released(records)),
    )


@cache
def prod() -> StageTraffic:
    """Of a release that went live there, after staging."""
    records = [
        *spread(0, BEGUN, 0),
        *spread(BEGUN, FURTHER, 10),
        *spread(FURTHER, BAKED, 50),
        *spread(BAKED, ALL, 95),
        *spread(ALL, 44, 100),
    ]
    return StageTraffic(
        name="production",
        steps=(10.0, 50.0, 95.0, 100.0),
        live_side="blue",
        live_release=FORMER,
        weights=weights((BEGUN, 10), (FURTHER, 50), (BAKED, 95), (ALL, 100)),
        now={"blue": 0, "green": 100},
        image=PUSHED,
        watched=watched(released(records)),
    )


@cache
def _back(start: float, back: float, **fault: object) -> Watched:
    return watched(released([*spread(0, start, 0), *spread(start, back, 10, **fault), *spread(back, 44, 0)]))


@cache
def _untouched() -> Watched:
    return watched(released(spread(0, 44, 0)))


def went_back(traffic: StageTraffic, start: float, back: float, **fault: object) -> StageTraffic:
    """The same stage with a release that had its first share and went back."""
    return replace(
        traffic,
        weights=weights((start, 10), (back, 0)),
        now={"blue": 100, "green": 0},
        image=FORMER,
        watched=_back(start, back, **fault),
    )


def untouched(traffic: StageTraffic) -> StageTraffic:
    """The same stage when no release came."""
    return replace(
        traffic,
        weights=(),
        now={"blue": 100, "green": 0},
        image=FORMER,
        watched=_untouched(),
    )


def run(
    stage: str, action: str, *, status: str = SUCCEEDED, said: str = "", how: str = How.REAL, **more: str
) -> ActionRun:
    kind = more.pop("kind", KINDS.get(stage, "Deploy by CloudFormation"))
    return ActionRun(stage, action, kind, status, how if status == SUCCEEDED else "", said, 1.0, 2.0, more)


def execution(stages: Mapping[str, str], failure: str = "") -> Execution:
    """One with an action in each stage; what failed says `failure`."""
    made = Execution("structure", id="e-1", stages=dict(stages))
    for stage, status in stages.items():
        if stage == "Prod":
            said = failure if status == FAILED else f"the execution arn:states:{NAME} succeeded"
            made.runs.append(run(stage, "Rollout", status=status, said=said, kind="Invoke by StepFunctions"))
        elif stage == "Staging":
            made.runs.append(
                run(stage, "Deploy", status=status, said=failure if status == FAILED else "UPDATE_COMPLETE")
            )
        else:
            made.runs += [run(stage, name, status=status) for name in SOURCES.get(stage, ("Approve",))]
    return made


def rollback(stage: str, status: str = SUCCEEDED, digest: str = FORMER) -> Execution:
    """Of a stage, to what the former execution had."""
    return Execution(
        "structure",
        kind=ROLLBACK,
        id="e-2",
        of="e-0",
        stages={stage: status},
        runs=[run(stage, "Deploy", ParameterOverrides=f'{{"ImageDigest": "@{digest}"}}')],
    )


def rollout(status: str = "SUCCESSFUL", reason: str = "") -> Rollout:
    milestone = Milestone(0.0, 0.0, "IN_PROGRESS", "SCALE_UP", 0.0)
    alarms = ("Service/ErrorRate",) if reason else ()
    return Rollout("arn:1", "green", status, reason, alarms, True, 10.0, (milestone,))


def delivery(**changes: object) -> DeliverySeen:
    """A release that went live in both stages."""
    known: dict[str, object] = {
        "pushed": PushedImage("inference", "4.0.0", PUSHED),
        "starts": ((SourceRevision("Image", "IMAGE_DIGEST", PUSHED),),),
        "former": FORMER,
        "execution": execution(dict.fromkeys(("Source", "Synth", "Staging", "ReviewProd", "Prod"), SUCCEEDED)),
        "rollback": None,
        "asked": (f"release manager: ship {PUSHED} to Prod?",),
        "parameters": {"ImageDigest": f"@{PUSHED}"},
        "stack_status": "UPDATE_COMPLETE",
        "rollouts": (rollout(),),
        "engine": {NAME: "SUCCEEDED"},
        "staging": staging(),
        "prod": prod(),
        "speed": SPEED,
    }
    return DeliverySeen(**{**known, **changes})  # type: ignore[arg-type]


def lost(at: float, side: str = "blue", release: str = FORMER) -> LoadRecord:
    return answered(at, "live", status=503, side=side, release=release)


def with_record(traffic: StageTraffic, record: LoadRecord) -> StageTraffic:
    return replace(traffic, watched=watched([*traffic.watched.records, record]))


def red(outcome: Outcome) -> set[str]:
    return {condition.says for condition in outcome.conditions if not condition.holds}
