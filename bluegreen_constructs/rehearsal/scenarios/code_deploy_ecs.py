"""codedeploy-ecs: a good and a bad release of a service that AWS CodeDeploy deploys, under load."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..cdk_run import CdkResult
from ..outcome import Condition, Figure, Outcome
from ..session import Session
from .candidate_traffic import live_serves
from .code_deploy_stage import CodeDeployed, on_code_deploy_stage
from .traffic_conditions import all_on, in_share, load_was_whole, none_by, nothing_lost
from .traffic_samples import traffic_samples

GOOD, BAD = "2.0.0", "2.1.0-errors"
PERCENT = 10.0
ERROR_ALARM = "ErrorRate"
_BAD = "the bad release"
_SMOKE_TEST = "AfterAllowTestTraffic"
_RESULT = "codedeploy:PutLifecycleEventHookExecutionStatus"


@dataclass(frozen=True)
class CodeDeployEcs:
    """CodeDeploy moves the traffic, and an alarm takes a bad release back."""

    name: ClassVar[str] = "codedeploy-ecs"
    about: ClassVar[str] = "CodeDeploy brings a good release live, and an alarm takes a bad one back"

    def play(self, session: Session) -> Outcome:
        """Deploy both by `bluegreen start`, and look at what a stack update would change afterwards."""
        with on_code_deploy_stage(session, self.name) as stage:
            stage.deploy(GOOD)
            stage.deploy(BAD)
            good, bad = stage.seen()
            diff = stage.application.diff(stage.application.live_release)
        return judged(self.name, good, bad, diff)


def judged(name: str, good: CodeDeployed, bad: CodeDeployed, diff: CdkResult) -> Outcome:
    """Judge what was seen of both, and of `cdk diff` after an odd number of deployments."""
    return Outcome(
        name,
        (*_promoted(good), *_said_of(_BAD, _taken_back(bad)), _left_alone(diff)),
        figures={**_figures("good", good), **_figures("bad", bad)},
        timeline=bad.timeline(),
        samples=traffic_samples(bad.watched, bad.weights, bad.candidate_side),
    )


def _promoted(seen: CodeDeployed) -> Sequence[Condition]:
    after = seen.afterwards()
    own = sum(record.release == seen.release for record in after)
    return (
        _ended(seen, 0, ["Succeeded"]),
        _hooked(seen),
        _rule_went(seen, PERCENT, 100.0),
        *_met_as_planned(seen),
        Condition(
            "after the last step every answer is the candidate's",
            len(after) >= seen.watched.enough and own == len(after),
            f"{own} of {len(after)}",
        ),
        all_on(seen.candidate_side, seen.final_weights),
        _moved_by_code_deploy(seen),
        nothing_lost(seen.watched),
        load_was_whole(seen.watched),
    )


def _taken_back(seen: CodeDeployed) -> Sequence[Condition]:
    own = seen.of_candidate()
    failed = [record for record in own if record.status is not None and record.status >= 500]
    hurt = [record for record in seen.of_others() if record.is_bad]
    return (
        _ended(seen, 1, ["Stopped", "Succeeded"]),
        Condition(
            "the alarm on errors went off, and CodeDeploy names it",
            any(ERROR_ALARM in one for one in seen.rang) and "ALARM_ACTIVE" in _codes(seen),
            f"{', '.join(sorted(seen.rang)) or 'no alarm'}; CodeDeploy says {', '.join(_codes(seen)) or 'nothing'}",
        ),
        _rule_went(seen, PERCENT, 0.0),
        *_met_as_planned(seen),
        Condition("users met the fault: it answers 5xx", bool(failed), f"{len(failed)} of its {len(own)} answers"),
        Condition(
            "nobody suffered who did not meet the candidate",
            bool(seen.of_others()) and not hurt,
            f"{len(hurt)} of {len(seen.of_others())} other answers failed or were wrong",
        ),
        live_serves(seen),
        all_on(seen.live_side, seen.final_weights),
        _moved_by_code_deploy(seen),
        load_was_whole(seen.watched),
    )


def _ended(seen: CodeDeployed, code: int, statuses: list[str]) -> Condition:
    found = [str(one["status"]) for one in seen.deployments]
    return Condition(
        f"bluegreen start ends {code}, and CodeDeploy's deployments {' and '.join(statuses)}",
        seen.ended.exit_code == code and found == statuses,
        f"exit code {seen.ended.exit_code}, {', '.join(found) or 'no deployment'}: {seen.ended.said}",
    )


def _hooked(seen: CodeDeployed) -> Condition:
    """CodeDeploy came to the event of the smoke test before production traffic moved, and heard of its result."""
    asked = [
        one
        for deployment in seen.deployments
        for one in deployment["timeline"]
        if one["event"] == _SMOKE_TEST and one["production"] == 0
    ]
    told = seen.calls.get(_RESULT, 0)
    return Condition(
        "the smoke test ran at the test listener before production traffic moved",
        bool(asked) and told == 1,
        f"{len(asked)} times at {_SMOKE_TEST} without production traffic, {told} calls of {_RESULT}",
    )


def _codes(seen: CodeDeployed) -> list[str]:
    return [str(one["error"]["code"]) for one in seen.deployments if one["error"]]


def _rule_went(seen: CodeDeployed, *wanted: float) -> Condition:
    return Condition(
        f"the rule gave the candidate {', then '.join(f'{share:g} %' for share in wanted)}",
        seen.shares == wanted,
        " → ".join(f"{share:g} %" for share in seen.shares) or "no change of weights",
    )


def _met_as_planned(seen: CodeDeployed) -> Sequence[Condition]:
    side = seen.candidate_side
    return (
        none_by("before the first shift nobody met the candidate", seen.before(), side, at_least=seen.watched.enough),
        in_share("in its step the candidate answered its share", seen.in_the_step(), side, PERCENT),
    )


def _moved_by_code_deploy(seen: CodeDeployed) -> Condition:
    return Condition(
        "nobody but CodeDeploy moved weights",
        seen.rule_writers == {"codedeploy"},
        ", ".join(sorted(seen.rule_writers)) or "nobody",
    )


def _left_alone(diff: CdkResult) -> Condition:
    """I2: the template knows nothing of what was deployed, so that the next stack update takes nothing of it back."""
    lines = f"{diff.stdout}\n{diff.stderr}".splitlines()
    said = next((line for line in lines if "stacks with differences" in line), "no line about differences")
    return Condition(
        "cdk diff finds no difference after a release went live",
        diff.succeeded and "stacks with differences: 0" in said,
        said,
    )


def _figures(what: str, seen: CodeDeployed) -> dict[str, Figure]:
    return {
        f"{what}: served by live {seen.live_release}": len(seen.of_others()),
        f"{what}: served by {seen.release}": len(seen.of_candidate()),
        f"{what}: failed": len(seen.watched.lost),
        f"{what}: from start to end": f"{seen.ended.seconds:.1f} s here, "
        f"{seen.ended.seconds * seen.speed / 60:.1f} rehearsed minutes",
    }


def _said_of(what: str, conditions: Sequence[Condition]) -> Iterator[Condition]:
    yield from (Condition(f"{what}: {one.says}", one.holds, one.found) for one in conditions)
