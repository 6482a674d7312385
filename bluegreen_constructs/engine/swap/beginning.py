"""The beginning of an operation on slots: what may begin, refusals that say why and what to do, then the lock."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..already_live import ALREADY_LIVE
from ..errors import ConfigurationError
from ..ports import Executions, HeldError, HistoryItem, RefusedError, SettingsSource, WeightedRules
from ..release import Release
from ..rule_tags import RuleTags
from ..slot_settings import PRODUCTION, SlotsSettings
from ..spans import in_words
from ..target_settings import TargetSettings
from ..tick_answer import TickAnswer
from .lifecycle import SwapPhase, SwapSignal
from .moves import DONE, moved, noted
from .ports import AllStores, Stacks
from .record import Kind, Operation, SideRecord, SlotsRecord
from .shares import Shares, all_on, shares_in
from .turn import slots_answer

_MINUTE = timedelta(minutes=1)
_MOST_IN_A_RULE = 5  # target groups in one action of a rule


@dataclass(frozen=True, slots=True)
class SlotsRequest:
    """What `bluegreen slots deploy|swap|preview|traffic|resolve|clone` asks for.

    verb: `deploy`, `swap`, `traffic` or `resolve`. slot: of deploy and swap. release, image: of deploy.
    is_unneeded_when_live: of deploy and swap, which both name their release then: one that production runs already is
    as good as deployed, and as swapped, so that nothing is begun; and a swap brings no other one to production.
    settings_from: a slot whose settings that travel are copied. is_preview, has_canary: of swap (False: no canary even
    if the application has one). shares: of traffic, percent by slot. ignores_alarms: begin although one rings.
    """

    target: str
    operation: str
    execution: str
    verb: str
    slot: str = ""
    release: str = ""
    image: str = ""
    settings_from: str = ""
    is_preview: bool = False
    has_canary: bool = True
    ignores_alarms: bool = False
    shares: Mapping[str, float] | None = None
    caller: str = "unknown"
    reason: str = ""
    is_unneeded_when_live: bool = False

    @classmethod
    def of(cls, event: Mapping[str, object]) -> "SlotsRequest":
        """Read an execution's input. Raises ConfigurationError for what is missing or makes no sense."""
        asked = event.get("slots")
        if not isinstance(asked, Mapping):
            raise ConfigurationError(f"the input's slots is {asked!r}: give what to do with them")
        verb = str(asked.get("verb", ""))
        if verb not in _VERBS:
            raise ConfigurationError(f"the input's verb is {verb!r}: give one of {', '.join(_VERBS)}")
        shares = asked.get("shares")
        return cls(
            target=_text(event, "target", required=True),
            operation=_text(event, "rollout", required=True),
            execution=_text(event, "execution", required=True),
            verb=verb,
            slot=_text(asked, "slot", required=verb in {"deploy", "swap"}),
            release=_text(asked, "release"),
            image=_text(asked, "image"),
            settings_from=_text(asked, "settings_from"),
            is_preview=asked.get("preview") is True,
            has_canary=asked.get("canary") is not False,
            ignores_alarms=asked.get("ignore_alarms") is True,
            shares=_shares(shares) if verb == "traffic" else None,
            caller=_text(event, "caller") or "unknown",
            reason=_text(event, "reason"),
            is_unneeded_when_live=_unless_live(asked, verb),
        )


_VERBS = ("deploy", "swap", "traffic", "resolve")


@dataclass(frozen=True, slots=True)
class SlotsBeginning:
    """What is needed to begin an operation."""

    source: SettingsSource
    store: AllStores
    rules: WeightedRules
    stacks: Stacks
    executions: Executions

    def begin(self, request: SlotsRequest, now: datetime) -> TickAnswer:
        """Take the application's lock for an operation; the same request again answers the same.

        Raises HeldError while another operation holds it, RefusedError when a safety rule is against it,
        ConfigurationError for what does not exist, AwsError when a call fails (the request can be repeated).
        """
        try:
            return self._begun(request, now)
        except (HeldError, RefusedError) as error:
            release = request.release
            item = HistoryItem(now, "REFUSED", request.operation, release, request.caller, str(error))
            self.store.record(request.target, item)
            raise

    def _begun(self, request: SlotsRequest, now: datetime) -> TickAnswer:
        settings = self.source.of(request.target)
        slots = slots_of(settings)
        record = self.store.slots(request.target)
        if record is None or not record.stack_id:
            raise RefusedError(
                f"{request.target} has no record of its slots, which its stack makes: deploy the stack, and wait for "
                "its end"
            )
        known = record.op.id if record.op is not None else record.last.id if record.last is not None else ""
        if known == request.operation or record.execution == request.execution:
            return slots_answer(record, known, timedelta(seconds=1))
        if request.verb == "resolve":
            return self._resolved(record, settings, request, now)
        if record.op is not None:
            raise HeldError(held(record, record.op, now, is_running=self.executions.is_running(record.execution)))
        seen = self.rules.read(settings.rule_arn)
        if request.is_unneeded_when_live and _runs_in_production(request, record, settings, shares_in(seen.actions)):
            return self._unneeded(request, now)
        self._require_calm_stack(slots)
        op = _operation(request, record, slots, now)
        _require_as_recorded(record, slots, shares_in(seen.actions))
        fence = max(record.fence, RuleTags.of(seen.tags).fence) + 1
        begun = replace(record, settings=settings, fence=fence, execution=request.execution, op=op)
        begun = noted(begun, now, "STARTED", _in_words(request), request.caller)
        return slots_answer(self.store.put_slots(begun, record), op.id, timedelta(seconds=1))

    def _unneeded(self, request: SlotsRequest, now: datetime) -> TickAnswer:
        """Nothing is begun: no lock is taken and no rule is written, and the execution ends as a done operation's."""
        said = request.reason or f"production runs it already, so that there is nothing to {request.verb}"
        item = HistoryItem(now, ALREADY_LIVE, request.operation, request.release, request.caller, said)
        self.store.record(request.target, item)
        return TickAnswer(request.target, request.operation, done=True, outcome=DONE, wait_seconds=1)

    def _require_calm_stack(self, slots: SlotsSettings) -> None:
        status = self.stacks.status(slots.stack) if slots.stack else ""
        if status.endswith("_IN_PROGRESS"):
            raise RefusedError(
                f"the application's stack is {status}, and an update of its services would meet a swap: begin again "
                "when it has ended"
            )

    def _resolved(
        self, record: SlotsRecord, settings: TargetSettings, request: SlotsRequest, now: datetime
    ) -> TickAnswer:
        """Go on with what halted, from what the live rule says now, or with what lost its execution."""
        op = record.op
        if op is None:
            raise RefusedError(
                f"there is nothing to resolve: no operation is under way on the slots of {record.target}"
            )
        seen = self.rules.read(settings.rule_arn)
        fence = max(record.fence, RuleTags.of(seen.tags).fence) + 1
        taken = replace(record, fence=fence, execution=request.execution)
        taken = noted(taken, now, "RESOLVED", request.reason or "by bluegreen slots resolve", request.caller)
        if op.phase is SwapPhase.HALTED:
            taken = _from_the_rule(taken, op, shares_in(seen.actions), now)
        elif self.executions.is_running(record.execution):
            raise HeldError(held(record, op, now, is_running=True))
        return slots_answer(self.store.put_slots(taken, record), op.id, timedelta(seconds=1))


def slots_of(settings: TargetSettings) -> SlotsSettings:
    """The slots of a target; raises RefusedError for one that has none."""
    if settings.slots is None:
        raise RefusedError(
            f"{settings.target} has no slots, which AppServiceSlots makes: use bluegreen start {settings.target}"
        )
    return settings.slots


def held(record: SlotsRecord, op: Operation, now: datetime, *, is_running: bool) -> str:
    """Who holds the lock, in which phase, for how long, and what to do about it."""
    target, age = record.target, in_words(_rounded(now - op.phase_since))
    what = f"{op.kind.value} {op.id} of slot {op.slot} is {op.phase.value} for {age}, begun by {op.caller}"
    if op.phase is SwapPhase.HALTED:
        return f"{what}, halted because {op.halted}: look at the live rule, then bluegreen slots resolve {target}"
    if not is_running:
        return f"{what}, and its execution is over: bluegreen slots resolve {target} goes on with it"
    ways = {
        SwapPhase.READY: f"bluegreen slots complete {target} or bluegreen slots cancel {target}",
        SwapPhase.BAKING: f"bluegreen slots end-bake {target} or bluegreen slots rollback {target}",
    }
    return f"{what}: wait for its end (bluegreen slots status {target}), or {_way(op, ways, target)}"


def _rounded(age: timedelta) -> timedelta:
    """Whole minutes of an age that has some."""
    return age if age < _MINUTE else timedelta(minutes=age // _MINUTE)


def _way(op: Operation, ways: Mapping[SwapPhase, str], target: str) -> str:
    cancel = f"bluegreen slots cancel {target}"
    return ways.get(op.phase, cancel if op.phase in _CAN_CANCEL else f"bluegreen abort {target} while it has traffic")


_CAN_CANCEL = frozenset({SwapPhase.PREPARING, SwapPhase.APPLYING, SwapPhase.WARMING, SwapPhase.READY})


def _operation(request: SlotsRequest, record: SlotsRecord, slots: SlotsSettings, now: datetime) -> Operation:
    if request.verb == "traffic":
        slot, kind = _traffic(request, record, slots), Kind.TRAFFIC
    else:
        slot, kind = _tried(request, record, slots), Kind.DEPLOY if request.verb == "deploy" else Kind.SWAP
    candidate = record.sides_of[slot]
    was = record.sides[candidate]
    canary = slots.canary if kind is Kind.SWAP and request.has_canary else None
    return Operation(
        id=request.operation,
        kind=kind,
        slot=slot,
        candidate=candidate,
        live=record.production_side,
        from_epoch=record.epoch,
        started_at=now,
        phase_since=now,
        was=was,
        caller=request.caller,
        reason=request.reason,
        release=_release(request, record, was) if kind is Kind.DEPLOY else was.release,
        image=request.image,
        settings_from=request.settings_from,
        is_preview=request.is_preview,
        ignores_alarms=request.ignores_alarms,
        canary=canary,
        shares={slot: percent for slot, percent in (request.shares or {}).items() if slot != PRODUCTION},
    )


def _tried(request: SlotsRequest, record: SlotsRecord, slots: SlotsSettings) -> str:
    """The slot of a deployment or a swap; raises for one that may not be."""
    slots.slot(request.slot)
    if request.settings_from:
        slots.slot(request.settings_from)
    if request.slot == PRODUCTION:
        others = ", ".join(one.name for one in slots.slots if one.name != PRODUCTION)
        raise RefusedError(
            f"production is never the candidate: deploy to another slot ({others}) and swap it with production"
        )
    if request.slot not in record.sides_of:
        raise RefusedError(f"slot {request.slot} has no side yet: deploy the stack of {record.target} again")
    if record.shares and (request.verb == "swap" or request.slot in record.shares):
        given = ", ".join(f"{slot} {percent:g} %" for slot, percent in record.shares.items())
        raise RefusedError(
            f"production's traffic is split ({given}), and what serves is never changed: end it with bluegreen slots "
            f"traffic {record.target} production=100"
        )
    runs = record.sides[record.sides_of[request.slot]].release
    if request.verb == "swap" and request.is_unneeded_when_live and request.release != runs:
        raise RefusedError(
            f"slot {request.slot} runs release {runs}, and the swap is of {request.release}: deploy that one to the "
            "slot first, with bluegreen slots deploy"
        )
    return request.slot


def _runs_in_production(
    request: SlotsRequest, record: SlotsRecord, settings: TargetSettings, found: Shares | None
) -> bool:
    """Whether production alone serves, and runs the request's release: the record and the live rule have to say so.

    Of two that have one name nobody can tell here which image they are: a pipeline's releases are digests. What is
    deployed with another slot's settings is something else than what production runs.
    """
    slots = slots_of(settings)
    slots.slot(request.slot)
    is_wanted = request.verb in {"deploy", "swap"} and request.slot != PRODUCTION and not request.settings_from
    side = record.production_side
    is_served = found == all_on(slots.side(side).group_arn) and not any(record.shares.values())
    return is_wanted and is_served and record.sides[side].release == request.release


def _release(request: SlotsRequest, record: SlotsRecord, was: SideRecord) -> str:
    if request.release:
        return Release(request.release).name
    if request.settings_from:
        return was.release
    raise ConfigurationError(f"a deployment to slot {request.slot} of {record.target} names no release: give --release")


def _traffic(request: SlotsRequest, record: SlotsRecord, slots: SlotsSettings) -> str:
    shares = {slot: percent for slot, percent in (request.shares or {}).items() if slot != PRODUCTION}
    for slot, percent in shares.items():
        slots.slot(slot)
        if slot not in record.sides_of:
            raise RefusedError(f"slot {slot} has no side yet: deploy the stack of {record.target} again")
        if percent < 0 or round(percent * 10) != percent * 10:
            raise ConfigurationError(f"slot {slot} is to get {percent} %: give 0 to 99.9 in multiples of 0.1")
    total = sum(shares.values())
    if total >= 100:
        raise RefusedError(
            f"the slots are to get {total:g} % and production nothing: swap instead, which brings production's settings"
        )
    if len([one for one in shares.values() if one]) >= _MOST_IN_A_RULE:
        raise ConfigurationError(f"{len(shares)} slots are to get a share: a rule forwards to 5 groups, give at most 4")
    named = next((slot for slot, percent in shares.items() if percent), next(iter(record.shares), ""))
    return named or next(one.name for one in slots.slots if one.name != PRODUCTION)


def _require_as_recorded(record: SlotsRecord, slots: SlotsSettings, found: Shares | None) -> None:
    others = {slot: percent for slot, percent in record.shares.items() if slot != PRODUCTION and percent}
    production = slots.side(record.production_side).group_arn
    wanted = all_on(production)
    if others:
        wanted = {production: round(100 - sum(others.values()), 1)}
        wanted |= {slots.side(record.sides_of[slot]).group_arn: percent for slot, percent in others.items()}
    if found != wanted:
        raise RefusedError(
            f"the live rule of {record.target} gives {found or 'nothing'}, and the record says {dict(wanted)}: "
            "somebody wrote it by hand, put it back as recorded and begin again"
        )


def _from_the_rule(record: SlotsRecord, op: Operation, found: Shares | None, now: datetime) -> SlotsRecord:
    """What halted goes on to where the live rule leads, which a person has looked at."""
    slots = slots_of_record(record)
    candidate, live = slots.side(op.candidate).group_arn, slots.side(op.live).group_arn
    record = replace(record, op=replace(op, why_back=op.why_back or op.halted, is_closed=False))
    if found == all_on(live) and not op.demoted:
        sides_of = record.exchanged(op.slot, op.live) if op.kind is Kind.SWAP else record.sides_of
        moved_on = replace(record, sides_of=sides_of, epoch=op.from_epoch + 2, shares={})
        moved_on = moved_on.with_side(op.candidate, replace(op.was, is_quiet=False))
        return moved(moved_on, SwapSignal.RESOLVED_BACK, now)
    if found == all_on(candidate) and op.kind is Kind.SWAP and op.rendered:
        served = replace(op.was, definition=op.rendered, rendering=op.rendering, is_quiet=False)
        sides_of = record.exchanged(op.slot, op.candidate)
        moved_on = replace(record, sides_of=sides_of, epoch=op.from_epoch + 1, shares={})
        return moved(moved_on.with_side(op.candidate, served), SwapSignal.RESOLVED_FORWARD, now)
    raise RefusedError(
        f"the live rule gives {found or 'nothing'}: give all of it to the side that runs production's settings ({live}"
        + ("" if not op.demoted else ", but that one has other settings by now")
        + f", or {candidate} if it was flipped), by hand, and resolve again"
    )


def slots_of_record(record: SlotsRecord) -> SlotsSettings:
    """The slots by the settings of the last operation."""
    if record.settings is None:
        raise RefusedError(f"the record of {record.target} knows no settings yet: begin an operation")
    return slots_of(record.settings)


def _in_words(request: SlotsRequest) -> str:
    what = {
        "deploy": f"deploy {request.release or 'settings'} to {request.slot}",
        "swap": f"swap {request.slot} with production{' with preview' if request.is_preview else ''}",
        "traffic": "traffic " + ", ".join(f"{slot}={share:g}" for slot, share in (request.shares or {}).items()),
    }[request.verb]
    return f"{what}: {request.reason}" if request.reason else what


def _shares(given: object) -> dict[str, float]:
    if not isinstance(given, Mapping) or not given:
        raise ConfigurationError(f"the input's shares are {given!r}: give percent by slot, such as staging: 15")
    found = {}
    for slot, percent in given.items():
        if not isinstance(percent, int | float) or isinstance(percent, bool):
            raise ConfigurationError(f"slot {slot} is to get {percent!r}: give a number of percent")
        found[str(slot)] = float(percent)
    return found


def _unless_live(asked: Mapping[str, object], verb: str) -> bool:
    value = asked.get("unless_live", False)
    if not isinstance(value, bool):
        raise ConfigurationError(f"the input's unless_live is {value!r}: give true or false")
    if value and (verb not in {"deploy", "swap"} or not asked.get("release")):
        raise ConfigurationError(
            f"the input asks for {verb} unless its release is live, and names none: give the release of a deploy or a "
            "swap"
        )
    return value


def _text(event: Mapping[str, object], key: str, *, required: bool = False) -> str:
    value = event.get(key, "")
    if not isinstance(value, str) or (required and not value):
        raise ConfigurationError(f"the input's {key} is {value!r}: give a text")
    return value
