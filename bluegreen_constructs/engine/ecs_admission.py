"""May a deployment that Amazon ECS begins go on, and what is its rollout then? Pure: facts in, a decision out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from .absolute_floor import AbsoluteFloor
from .ecs_hook import HookCall, ReleaseMark
from .ecs_release import is_named
from .lifecycle import Phase
from .ports import ReleaseRecord
from .release import Release
from .rollout import Note, Rollout
from .service_deployments import DeploymentSeen
from .target_settings import AlarmName, EngineGuardrail, Side, TargetSettings

ECS = "Amazon ECS"
_LEAST_GOOD_PERCENT = 99.0
"""What a release that comes back while an alarm is red has to reach, where the settings have no floor."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a deployment may go on. `refusal` says why it may not (empty: it may).

    hotfix: why it goes on although an alarm is red (empty: none is). accepted: why a rejected release may be tried
    again (empty: it was none). remarks: what else is to be said. comes_back: whether it is a fix because it was live
    before, without a mark.
    """

    refusal: str = ""
    hotfix: str = ""
    accepted: str = ""
    remarks: tuple[str, ...] = ()
    comes_back: bool = False


def admission(call: HookCall, release: str, alarms: Mapping[str, str], known: Sequence[ReleaseRecord]) -> Admission:
    """The decision on `release`, with the states of the deployment's alarms and what is remembered of releases.

    When an alarm is in ALARM as a deployment begins, ECS does not watch any of its alarms for the whole of it, so that
    a fix can be deployed. Everything else would run unguarded.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
    """
    accepted = _reason(call.accepts, release)
    remarks = tuple(
        remark
        for remark in (_inert("hotfix", call.hotfix, release), _inert("accepts", call.accepts, release))
        if remark
    )
    record = next((one for one in known if one.release.name == release), None)
    was_rejected = record is not None and record.status == "rejected"
    if record is not None and was_rejected and not accepted:
        return Admission(
            f"release {release} was rejected at {record.at:%Y-%m-%d %H:%M} UTC ({record.reason}): deploy another one, "
            f"or accept it with a reason{_also(remarks)}",
            remarks=remarks,
        )
    given = accepted if was_rejected else ""
    red = sorted(name for name in call.alarms if alarms.get(name) == "ALARM")
    if not red:
        return Admission(accepted=given, remarks=remarks)
    hotfix = _reason(call.hotfix, release)
    if hotfix:
        return Admission(hotfix=hotfix, accepted=given, remarks=remarks)
    if record is not None and record.status == "promoted":
        # Such as `bluegreen rollback`, or CloudFormation on its way back after another resource failed.
        back = f"it comes back, live before at {record.at:%Y-%m-%d %H:%M} UTC"
        return Admission(hotfix=back, remarks=remarks, comes_back=True)
    return Admission(_refused_for(red, call, release) + _also(remarks), remarks=remarks)


def begun(
    call: HookCall,
    settings: TargetSettings,
    seen: DeploymentSeen,
    admitted: Admission,
    *,
    release: Release,
    live: Side,
    leaves: str,
    fence: int,
    now: datetime,
) -> Rollout:
    """The rollout of a deployment that may go on; its settings are frozen here.

    The deployment's alarms are guardrails as well: one that was red for a moment as ECS looked, and not as the judge
    did, is watched by nobody else. Of a hotfix only the floors are left: live is no yardstick while it is red.
    """
    guardrails: tuple[EngineGuardrail, ...] = (*settings.guardrails, *_alarms(call, settings))
    if admitted.hotfix:
        guardrails = _floors(call, settings)
    if admitted.comes_back and not guardrails:
        guardrails = (AbsoluteFloor(_LEAST_GOOD_PERCENT),)
    settings = replace(settings, guardrails=guardrails)
    said = [admitted.accepted and f"accepted: {admitted.accepted}"]
    if admitted.hotfix:
        said.append(f"hotfix: {admitted.hotfix}; only the floors decide, and Amazon ECS watches no alarm")
    reason = "; ".join([*filter(None, said), *admitted.remarks])
    return Rollout(
        id=call.rollout,
        settings=settings,
        release=release,
        live=live,
        fence=fence,
        started_at=now,
        phase_since=now,
        execution=seen.arn,
        caller=ECS,
        reason=reason,
        leaves=leaves,
        hotfix=admitted.hotfix,
        outbox=(Note(now, "STARTED", reason or "a service deployment began", ECS, Phase.PREPARING.value),),
    )


def _alarms(call: HookCall, settings: TargetSettings) -> tuple[AlarmName, ...]:
    """The deployment's alarms that the settings do not have; the judge's own would only repeat what it says."""
    names = [name for name in dict.fromkeys(call.alarms) if name != call.own_alarm]
    return tuple(one for one in map(AlarmName, names) if one not in settings.guardrails)


def _floors(call: HookCall, settings: TargetSettings) -> tuple[AbsoluteFloor, ...]:
    """The floors of the settings, and the one that the mark asks for."""
    floors = tuple(one for one in settings.guardrails if isinstance(one, AbsoluteFloor))
    percent = None if call.hotfix is None else call.hotfix.success_percent
    if percent is None or any(one.success_percent == percent for one in floors):
        return floors
    return (*floors, AbsoluteFloor(percent))


def _reason(mark: ReleaseMark | None, release: str) -> str:
    """Why the mark's author wants it; empty when it is for another release, or has no reason."""
    return mark.reason.strip() if mark is not None and is_named(mark.release, release) else ""


def _inert(word: str, mark: ReleaseMark | None, release: str) -> str:
    if mark is None or _reason(mark, release):
        return ""
    if is_named(mark.release, release):
        return f"the mark {word} has no reason and says nothing"
    return f"the mark {word} is for {mark.release or 'no release'} and says nothing about {release}"


def _also(remarks: Sequence[str]) -> str:
    return "".join(f"; {remark}" for remark in remarks)


def _refused_for(red: Sequence[str], call: HookCall, release: str) -> str:
    names = ", ".join(red)
    what = f"in ALARM as the deployment began: {names}, so that Amazon ECS would watch no alarm while it lasts"
    if list(red) == [call.own_alarm]:
        return f"{what}: it tells of the rollout before, so deploy again in a few minutes"
    return f"{what}: deploy again when they are OK, or mark {release} as a hotfix with a reason"
