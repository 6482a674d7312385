"""A target that Amazon ECS rolls out, as it is shown: ECS's deployment, and what the judge knows of it; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from ..engine.ecs_judgement import LONGEST_HOLD
from ..engine.lifecycle import Phase
from ..engine.rollout import Hold, Rollout
from ..engine.service_deployments import DeploymentSeen, WaitingHook
from ..engine.spans import in_words
from ..engine.target_settings import AlarmName, TargetSettings
from .rollout_summary import hold_json, verdict_of
from .spelled_times import iso, rough
from .target_view import TargetView
from .waiting_for import waiting_for

CLEAN_UP = "CLEAN_UP"
"""The stage in which the candidate has become live: ECS ends live's former tasks, and refuses to stop."""
_SHIFT = "PRODUCTION_TRAFFIC_SHIFT"
_BAKE = "BAKE_TIME"

# Stages: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
_STAGES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "": ("PREPARING", "Amazon ECS to begin it"),
        "RECONCILE_SERVICE": ("PREPARING", "Amazon ECS to bring the service to one revision first"),
        "PRE_SCALE_UP": ("PREPARING", "the hooks before the candidate's tasks are started"),
        "SCALE_UP": ("PREPARING", "the candidate's tasks to be healthy"),
        "POST_SCALE_UP": ("PREPARING", "the hooks after the candidate's tasks have been started"),
        "TEST_TRAFFIC_SHIFT": ("TESTING", "the test rule to lead to the candidate"),
        "POST_TEST_TRAFFIC_SHIFT": ("TESTING", "the hooks that test the candidate"),
        "PRE_PRODUCTION_TRAFFIC_SHIFT": ("SHIFTING", "the hooks before traffic moves"),
        _SHIFT: ("SHIFTING", "Amazon ECS to move this step's traffic, and for the step's bake"),
        "POST_PRODUCTION_TRAFFIC_SHIFT": ("SHIFTING", "the hooks after all traffic has moved"),
        _BAKE: ("BAKING", "the bake to end; until then going back is one call"),
        CLEAN_UP: ("PROMOTED", "Amazon ECS to end live's former tasks; it is too late to abort"),
    }
)
"""Of each stage on the way forward: the engine's word for it, and what it waits for."""
_ENDS: Mapping[str, str] = MappingProxyType({"SUCCESSFUL": "PROMOTED", "ROLLBACK_SUCCESSFUL": "ROLLED_BACK"})

_ALONE = "In the bake and on the way back CloudWatch alarms judge alone."


@dataclass(frozen=True, slots=True)
class EcsTarget:
    """One deployment of a target.

    release: its name. rollout: what the judge's table holds of this deployment (None: nothing). trouble: why the table
    could not be read (empty: it could, or there is none). refusal: why the judge did not admit it (empty: it did).
    """

    settings: TargetSettings
    deployment: DeploymentSeen
    release: str
    rollout: Rollout | None = None
    trouble: str = ""
    refusal: str = ""

    @property
    def target(self) -> str:
        """The target's name."""
        return self.settings.target

    @property
    def id(self) -> str:
        """The last part of the deployment's ARN, which is also the id of the judge's rollout."""
        return deployment_id(self.deployment.arn)

    @property
    def is_forward(self) -> bool:
        """Whether it is in flight and nobody, neither ECS nor the judge, takes it back."""
        is_judged_bad = self.rollout is not None and self.rollout.phase is Phase.ROLLING_BACK
        return self.deployment.is_in_flight and not self.deployment.goes_back and not is_judged_bad

    @property
    def is_asked(self) -> bool:
        """Whether the judge waits for a verdict, before the next step, or for an operator's word in its place."""
        rollout = self.rollout
        if rollout is None or not self.is_forward:
            return False
        return rollout.phase is Phase.SHIFTING and rollout.hook_since is not None

    @property
    def hold(self) -> Hold | None:
        """The judge's hold, while it can be answered."""
        return self.rollout.hold if self.rollout is not None and self.is_asked else None

    @property
    def waiting(self) -> tuple[WaitingHook, ...]:
        """The pause hooks that can be answered."""
        return self.deployment.waiting if self.is_forward else ()

    @property
    def step(self) -> int:
        """The index of the step that its weight is (-1: before the first step, and after the last)."""
        percents = [step.percent for step in self.settings.steps]
        weight = self.deployment.weight
        return percents.index(weight) if weight in percents else -1

    @property
    def at(self) -> str:
        """Where it is, in ECS's words: the stage on the way forward, else the status."""
        deployment = self.deployment
        is_onward = deployment.is_in_flight and not deployment.goes_back
        return deployment.stage if is_onward and deployment.stage else deployment.status

    @property
    def why_back(self) -> str:
        """Why it goes or went back: what the judge says, else what ECS says, and the alarms that went off."""
        deployment = self.deployment
        if self.is_forward or deployment.status == "SUCCESSFUL":
            return ""
        judged = self.rollout.why_back if self.rollout is not None else self.refusal
        said = judged or deployment.reason
        alarms = f"alarms that went off: {', '.join(deployment.triggered)}" if deployment.triggered else ""
        return "; ".join(part for part in (said.rstrip("."), alarms) if part)

    @property
    def verdict(self) -> str:
        """What the guardrails say together; `alarms` where they alone judge, `-` before the judge was asked."""
        if not self.settings.is_judged:
            return "alarms"
        return (self.rollout and verdict_of(self.rollout)) or "-"

    @property
    def waits_for(self) -> str:
        """The gate that it stands at, in a sentence."""
        deployment = self.deployment
        if not deployment.is_in_flight:
            return "nothing"
        if not self.is_forward:
            return "Amazon ECS to give live all traffic again"
        if self.waiting:
            return _answers(self.target, self.waiting)
        if self.rollout is not None and self.hold is not None:
            return waiting_for(self.rollout)
        if self.rollout is not None and self.is_asked:
            since, limit = self.rollout.hook_since or deployment.created_at, self.settings.hold_timeout
            until = iso(since + min(limit, LONGEST_HOLD))
            return f"HEALTHY, or bluegreen promote {self.target} without it, until {until}; then it goes back"
        gate = _STAGES.get(deployment.stage, ("", f"Amazon ECS, which is at {deployment.stage}"))[1]
        if deployment.stage == _SHIFT and self.step >= 0:
            return f"{gate} of {in_words(self.settings.steps[self.step].span)}"
        if deployment.stage == _BAKE:
            return gate.replace("the bake", f"the bake of {in_words(self.settings.bake)}", 1)
        return gate

    @property
    def ignores_alarms(self) -> bool:
        """Whether ECS watches no alarms during this deployment."""
        return self.deployment.alarms_status == "DISABLED"

    @property
    def hotfix(self) -> str:
        """Why it is deployed while an alarm is red (empty: it is no hotfix)."""
        return "" if self.rollout is None else self.rollout.hotfix

    def view(self, now: datetime) -> TargetView:
        """What is shown of it."""
        deployment = self.deployment
        weight = "-" if deployment.weight is None else f"{deployment.weight:g} %"
        return TargetView(
            target=self.target,
            what=f"deployment {self.id}",
            release=self.release,
            phase=self.at,
            weight=weight,
            step=self.step_shown if self.is_forward else "-",
            verdict=self.verdict,
            age=rough(now - (deployment.finished_at or deployment.created_at)),
            paused=self._paused(now),
            why_back=self.why_back,
            waits_for=self.waits_for,
            notes=tuple(self._notes()),
            line=self._line(weight),
            has_ended=not deployment.is_in_flight,
            is_promoted=deployment.status == "SUCCESSFUL",
            json=self.json(),
        )

    @property
    def step_shown(self) -> str:
        """The step that it is in, counted from one."""
        return f"{self.step + 1} of {len(self.settings.steps)}" if self.step >= 0 else "-"

    def judges(self) -> Iterator[str]:
        """Who judges this deployment, in sentences."""
        settings, deployment = self.settings, self.deployment
        if not settings.is_judged:
            names = ", ".join(one.alarm for one in settings.guardrails if isinstance(one, AlarmName))
            yield f"Nothing compares the sides: CloudWatch alarms judge alone{f' ({names})' if names else ''}."
        elif self.hotfix:
            yield f"It is a hotfix ({self.hotfix}): only the absolute floors decide, in the bake, too."
        if self.ignores_alarms:
            yield f"{_IGNORED}."
        elif deployment.alarms_status:
            went_off = ", ".join(deployment.triggered) or "none"
            yield f"Amazon ECS's watch of the alarms is {deployment.alarms_status}; went off: {went_off}."
        if not self.hotfix:
            yield _ALONE

    def json(self) -> dict[str, object]:
        """JSON values under the same names as those of the engine's rollouts; `ecs` has what only ECS knows."""
        deployment, rollout = self.deployment, self.rollout
        return {
            "target": self.target,
            "controller": "ecs",
            "rollout": self.id,
            "release": self.release,
            "phase": self._phase(),
            "since": iso(deployment.finished_at or deployment.created_at),
            "started_at": iso(deployment.created_at),
            "caller": "" if rollout is None else rollout.caller,
            "reason": "" if rollout is None else rollout.reason,
            "live": None if rollout is None else rollout.live,
            "serving": rollout.serving if rollout is not None and rollout.has_ended else None,
            "weight_percent": deployment.weight,
            "confirmed_percent": None,
            "step": self.step + 1 if self.step >= 0 else None,
            "steps": len(self.settings.steps),
            "verdict": verdict_of(rollout) if rollout is not None else None,
            "hold": self._hold_json(),
            "why_back": self.why_back or None,
            "waits_for": self.waits_for,
            "has_ended": not deployment.is_in_flight,
            "is_tidied": not deployment.is_in_flight,
            "execution": deployment.arn,
            "ecs": {
                "status": deployment.status,
                "stage": deployment.stage or None,
                "reason": deployment.reason,
                "waiting_hooks": [one.id for one in self.waiting],
                "alarms": deployment.alarms_status or None,
                "alarms_triggered": list(deployment.triggered),
                "is_judged": self.settings.is_judged,
                "notes": list(self._notes()),
            },
        }

    def _phase(self) -> str:
        """The engine's word; ECS's own for an end that the engine has no word for."""
        deployment = self.deployment
        if not deployment.is_in_flight:
            return _ENDS.get(deployment.status, deployment.status)
        return _STAGES.get(deployment.stage, ("PREPARING",))[0] if self.is_forward else "ROLLING_BACK"

    def _paused(self, now: datetime) -> str:
        if self.waiting:
            return f"(APPROVAL): {_hooks(self.waiting)} at {self.deployment.stage}"
        hold = self.hold
        return "" if hold is None else f"({hold.kind.value}) for {rough(now - hold.since)}: {hold.reason}"

    def _hold_json(self) -> dict[str, object] | None:
        if not self.waiting:
            return None if self.hold is None else hold_json(self.hold)
        until = next((iso(moment) for moment, _ in _ends(self.waiting)), None)
        reason = f"{_hooks(self.waiting)} at {self.deployment.stage}"
        return {"kind": "APPROVAL", "reason": reason, "since": None, "until": until}

    def _notes(self) -> Iterator[str]:
        if self.trouble:
            yield f"the judge's table cannot be read, so its verdict is not known: {self.trouble}"
        if self.deployment.is_in_flight and self.ignores_alarms:
            yield _IGNORED

    def _line(self, weight: str) -> str:
        parts = [f"{self.at} {weight}" if self.deployment.weight is not None else self.at]
        if self.is_forward and self.step >= 0:
            parts.append(f"step {self.step_shown}")
        if self.settings.is_judged and self.verdict != "-":
            parts.append(self.verdict)
        if self.waiting:
            parts.append(f"paused (APPROVAL): {_hooks(self.waiting)}")
        elif self.hold is not None:
            parts.append(f"paused ({self.hold.kind.value}): {self.hold.reason}")
        if self.why_back:
            parts.append(f"{'goes' if self.deployment.is_in_flight else 'went'} back: {self.why_back}")
        return ", ".join(parts)


# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
_IGNORED = "Amazon ECS ignores alarms during this deployment (DISABLED), as one was red when it began, or none is set"


def deployment_id(arn: str) -> str:
    """The last part of a deployment's or a revision's ARN."""
    return arn.rpartition("/")[2]


def _hooks(waiting: tuple[WaitingHook, ...]) -> str:
    names = ", ".join(one.id for one in waiting)
    return f"pause hook {names} waits" if len(waiting) == 1 else f"pause hooks {names} wait"


def _answers(target: str, waiting: tuple[WaitingHook, ...]) -> str:
    said = f"bluegreen promote {target} to go on, or bluegreen abort {target} to go back"
    for until, at_timeout in _ends(waiting)[:1]:
        return f"{said}; without an answer until {iso(until)} it goes {'on' if at_timeout == 'CONTINUE' else 'back'}"
    return said


def _ends(waiting: tuple[WaitingHook, ...]) -> list[tuple[datetime, str]]:
    """When ECS answers by itself, and how; the next one first."""
    return sorted((one.until, one.at_timeout) for one in waiting if one.until is not None)
