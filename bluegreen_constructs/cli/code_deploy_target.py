"""A target that AWS CodeDeploy deploys, as it is shown: the deployment, and the one that takes it back; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from ..engine.code_deploy_settings import CodeDeploySettings
from ..engine.code_deployments import CodeDeploymentSeen, Progress
from ..engine.errors import ConfigurationError
from ..engine.spans import in_words
from ..engine.target_settings import AlarmName, TargetSettings
from .spelled_times import iso, rough
from .target_view import TargetView

READY = "Ready"
"""The status in which it waits to be continued."""
TERMINATION_WAIT = "TerminationWait"
"""Our word for what CodeDeploy has none for: all traffic has moved, and the original is still there."""

_SETTLING = timedelta(seconds=30)

# https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html
_EVENTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "BeforeInstall": ("PREPARING", "what is asked before the candidate's tasks are started"),
        "Install": ("PREPARING", "the candidate's tasks to be healthy"),
        "AfterInstall": ("PREPARING", "what is asked after the candidate's tasks have been started"),
        "AllowTestTraffic": ("TESTING", "the test listener to lead to the candidate"),
        "TestTraffic": ("TESTING", "the test listener to lead to the candidate"),
        "AfterAllowTestTraffic": ("TESTING", "the tests of the candidate"),
        "BeforeAllowTraffic": ("SHIFTING", "what is asked before traffic moves"),
        "AllowTraffic": ("SHIFTING", "AWS CodeDeploy to move the traffic, step by step"),
        "AfterAllowTraffic": ("SHIFTING", "what is asked after all traffic has moved"),
    }
)
"""Of each event of an ECS deployment: the engine's word for it, and what it waits for."""


def code_deploy_of(settings: TargetSettings) -> CodeDeploySettings:
    """Where its deployments are made; raises ConfigurationError for stored settings that do not say it."""
    if settings.codedeploy is None:
        raise ConfigurationError(
            f"the settings of {settings.target} name no application of CodeDeploy: deploy its stack again"
        )
    return settings.codedeploy


def groups_of(where: CodeDeploySettings) -> tuple[str, ...]:
    """The deployment groups: one for ECS; of instances one for each side, as a deployment is made by live's group."""
    return (where.group, where.other_group) if where.other_group else (where.group,)


@dataclass(frozen=True, slots=True)
class CodeDeployTarget:
    """One deployment of a target.

    release: its name. progress: how far it is (without an event: not known). rollback: the deployment that takes it
    back. trouble: why its progress could not be read (empty: it could).
    """

    settings: TargetSettings
    deployment: CodeDeploymentSeen
    release: str
    progress: Progress = field(default_factory=Progress)
    rollback: CodeDeploymentSeen | None = None
    trouble: str = ""

    @property
    def target(self) -> str:
        """The target's name."""
        return self.settings.target

    @property
    def id(self) -> str:
        """The deployment's id."""
        return self.deployment.id

    @property
    def is_in_flight(self) -> bool:
        """Whether it, or what takes it back, has not ended."""
        return self.deployment.is_in_flight or (self.rollback is not None and self.rollback.is_in_flight)

    @property
    def is_forward(self) -> bool:
        """Whether it is in flight and on its way to production."""
        return self.deployment.is_in_flight and self.rollback is None and not self.deployment.is_rollback

    @property
    def waits(self) -> bool:
        """Whether it waits to be continued."""
        return self.is_forward and self.deployment.status == READY

    @property
    def is_baking(self) -> bool:
        """Whether all traffic has moved, and the original is kept for a while."""
        return self.is_forward and (self.deployment.keeps_now or self.deployment.status == "Baking")

    def may_go_back(self, now: datetime) -> bool:
        """Whether it has ended badly just now, and what takes it back may only be on its way.

        CodeDeploy makes that deployment some seconds later: https://github.com/kayac/ecspresso/pull/679.
        """
        deployment = self.deployment
        if self.rollback is not None or deployment.is_rollback or deployment.finished_at is None:
            return False
        return deployment.status in {"Failed", "Stopped"} and now - deployment.finished_at < _SETTLING

    @property
    def at(self) -> str:
        """Where it is: its lifecycle event on the way forward, else its status, in CodeDeploy's words."""
        status = self.deployment.status
        if self.rollback is not None:
            return f"{status}, rollback {self.rollback.status}"
        if self.is_baking:
            return TERMINATION_WAIT
        return self.progress.event if self.is_forward and status != READY and self.progress.event else status

    @property
    def weight(self) -> float | None:
        """The candidate's share of the traffic in percent, as far as CodeDeploy tells."""
        return self.progress.weight if self.is_forward or self.deployment.status == "Succeeded" else None

    @property
    def step(self) -> int:
        """The index of the step that its weight is (-1: before the first step, and after the last)."""
        percents = [step.percent for step in self.settings.steps]
        return percents.index(self.weight) if self.is_forward and self.weight in percents else -1

    @property
    def step_shown(self) -> str:
        """The step that it is in, counted from one."""
        return f"{self.step + 1} of {len(self.settings.steps)}" if self.step >= 0 else "-"

    @property
    def why_back(self) -> str:
        """Why it goes or went back, or was stopped: what CodeDeploy says of it, and of taking it back."""
        deployment = self.deployment
        if self.is_forward or (deployment.status == "Succeeded" and not deployment.is_rollback):
            return ""
        code = f" ({deployment.error_code})" if deployment.error_code else ""
        error = f"{deployment.error.rstrip('.') or deployment.status}{code}" if self._has_failed else ""
        back = (self.rollback.rollback_message if self.rollback is not None else "") or deployment.rollback_message
        own = deployment.description if deployment.is_rollback and not back else ""
        parts = (self.progress.trouble, error, back, own)
        return "; ".join(dict.fromkeys(part.rstrip(".") for part in parts if part))

    @property
    def waits_for(self) -> str:
        """The gate that it stands at, in a sentence."""
        deployment = self.deployment
        if not self.is_in_flight:
            return "nothing"
        if not self.is_forward:
            by = f" (deployment {self.rollback.id})" if self.rollback is not None else ""
            return f"AWS CodeDeploy to give live all traffic again{by}"
        if self.waits:
            said = f"bluegreen promote {self.target} to go on, or bluegreen abort {self.target} to go back"
            return f"{said}; without an answer{self._until(deployment.approval)} it stops, and live keeps all traffic"
        if self.is_baking:
            former = "instances" if code_deploy_of(self.settings).platform == "Server" else "tasks"
            kept = f"live's former {former} to be kept for {in_words(deployment.keeps)}"
            return f"{kept}{self._until(deployment.keeps)}; until then going back is one call"
        event = self.progress.event
        if not event:
            return "AWS CodeDeploy to begin it"
        gate = _EVENTS.get(event, ("", f"AWS CodeDeploy, which is at {event}"))[1]
        function = next((hook.function for hook in code_deploy_of(self.settings).hooks if hook.event == event), "")
        return f"{gate}: function {function} answers within an hour, or it goes back" if function else gate

    def view(self, now: datetime) -> TargetView:
        """What is shown of it."""
        weight = "-" if self.weight is None else f"{self.weight:g} %"
        return TargetView(
            target=self.target,
            what=f"deployment {self.id}",
            release=self.release,
            phase=self.at,
            weight=weight,
            step=self.step_shown,
            verdict="alarms",
            age=rough(now - self._since),
            paused=f"(APPROVAL): {_READY}" if self.waits else "",
            why_back=self.why_back,
            waits_for=self.waits_for,
            notes=tuple(self._notes()),
            line=self._line(weight),
            has_ended=not self.is_in_flight,
            is_promoted=self.deployment.status == "Succeeded" and not self.deployment.is_rollback,
            json=self.json(),
        )

    def judges(self) -> Iterator[str]:
        """Who judges this deployment, in sentences."""
        names = ", ".join(one.alarm for one in self.settings.guardrails if isinstance(one, AlarmName))
        yield f"Nothing compares the sides: CloudWatch alarms judge alone{f' ({names})' if names else ''}."
        events = ", ".join(self.deployment.goes_back_on)
        yield f"AWS CodeDeploy goes back by itself on {events}." if events else "Nothing makes it go back by itself."
        hooks = ", ".join(f"{hook.function} at {hook.event}" for hook in code_deploy_of(self.settings).hooks)
        if hooks:
            yield f"It asks {hooks}."

    def json(self) -> dict[str, object]:
        """JSON values under the same names as those of the engine's rollouts; `codedeploy` has what only it knows."""
        deployment, rollback = self.deployment, self.rollback
        return {
            "target": self.target,
            "controller": "codedeploy",
            "rollout": self.id,
            "release": self.release,
            "phase": self._phase(),
            "since": iso(self._since),
            "started_at": iso(deployment.created_at),
            "caller": deployment.creator,
            "reason": deployment.description,
            "live": None,
            "serving": None,
            "weight_percent": self.weight,
            "confirmed_percent": None,
            "step": self.step + 1 if self.step >= 0 else None,
            "steps": len(self.settings.steps),
            "verdict": None,
            "hold": self._hold_json(),
            "why_back": self.why_back or None,
            "waits_for": self.waits_for,
            "has_ended": not self.is_in_flight,
            "is_tidied": not self.is_in_flight,
            "execution": self.id,
            "ecs": None,
            "codedeploy": {
                "application": code_deploy_of(self.settings).application,
                "group": deployment.group or code_deploy_of(self.settings).group,
                "status": deployment.status,
                "event": self.progress.event or None,
                "configuration": deployment.configuration or None,
                "task_definition": deployment.task_definition or None,
                "error_code": deployment.error_code or None,
                "error": deployment.error or None,
                "goes_back_on": list(deployment.goes_back_on),
                "rollback": None if rollback is None else rollback.id,
                "rollback_status": None if rollback is None else rollback.status,
                "rolls_back": deployment.rolls_back or None,
                "waits_until": self._moment(deployment.approval) if self.waits else None,
                "kept_until": self._moment(deployment.keeps) if self.is_baking else None,
                "notes": list(self._notes()),
            },
        }

    @property
    def _has_failed(self) -> bool:
        return self.deployment.status in {"Failed", "Stopped"} or bool(self.deployment.error)

    @property
    def _since(self) -> datetime:
        """When it ended, or began while it is in flight."""
        if self.rollback is not None:
            return self.rollback.finished_at or self.rollback.created_at
        return self.deployment.finished_at or self.deployment.created_at

    def _phase(self) -> str:
        """The engine's word; CodeDeploy's own for an end that the engine has no word for."""
        status, rollback = self.deployment.status, self.rollback
        if not self.is_in_flight:
            if rollback is not None and rollback.status == "Succeeded":
                return "ROLLED_BACK"
            ended_well = "ROLLED_BACK" if self.deployment.is_rollback else "PROMOTED"
            return ended_well if status == "Succeeded" and rollback is None else status
        if not self.is_forward:
            return "ROLLING_BACK"
        if self.is_baking:
            return "BAKING"
        return "TESTING" if self.waits else _EVENTS.get(self.progress.event, ("PREPARING",))[0]

    def _moment(self, span: timedelta | None) -> str | None:
        """When a wait of so long that has begun with the end of the last event is over; CodeDeploy does not say it."""
        last = self.progress.last_end
        return None if last is None or span is None else iso(last + span)

    def _until(self, span: timedelta | None) -> str:
        moment = self._moment(span)
        return f" until about {moment}" if moment else ""

    def _hold_json(self) -> dict[str, object] | None:
        if not self.waits:
            return None
        until = self._moment(self.deployment.approval)
        return {"kind": "APPROVAL", "reason": _READY, "since": None, "until": until}

    def _notes(self) -> Iterator[str]:
        if self.trouble:
            yield f"how far it is cannot be read: {self.trouble}"

    def _line(self, weight: str) -> str:
        parts = [self.at if self.weight is None else f"{self.at} {weight}"]
        if self.step >= 0:
            parts.append(f"step {self.step_shown}")
        if self.waits:
            parts.append(f"paused (APPROVAL): {_READY}")
        if self.why_back:
            parts.append(f"{'goes' if self.is_in_flight else 'went'} back: {self.why_back}")
        return ", ".join(parts)


_READY = "the candidate is ready, and CodeDeploy waits to be continued"
