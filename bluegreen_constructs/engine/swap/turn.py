"""One turn of an operation on slots: load, obey, make it so, save, tell.

Every turn can be the last one before a crash, can come twice, and can run beside another. A phase is saved before
anything of it is done, each save takes the place of exactly the record that was loaded (I3), and doing means to make
the world as the saved record says, however much of that is done already.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from ..guarded_rule import InterferenceError, MarkedError
from ..observation import SOON
from ..ports import Command, LostLockError
from ..rule_tags import ABORTED, ENDED
from ..tick_answer import TickAnswer
from ..weights import rewritten
from .backward import demoting_candidate, reverting, rolling_back, routing
from .forward import AT_ONCE, applying, baking, canary, committing, demoting, preparing, ready, warming
from .lifecycle import SWAP_TRANSITIONS, SwapPhase, SwapSignal
from .moves import halted, noted, went_back, with_op
from .ports import SlotsPorts
from .record import Kind, Operation, SlotsRecord
from .shares import all_on, forward_to
from .slot_rules import put_right
from .telling import tell
from .work import Turn, Work

_PHASES: Mapping[SwapPhase, Callable[[Work], Turn]] = MappingProxyType(
    {
        SwapPhase.PREPARING: preparing,
        SwapPhase.APPLYING: applying,
        SwapPhase.WARMING: warming,
        SwapPhase.READY: ready,
        SwapPhase.CANARY: canary,
        SwapPhase.COMMITTING: committing,
        SwapPhase.BAKING: baking,
        SwapPhase.DEMOTING: demoting,
        SwapPhase.REVERTING: reverting,
        SwapPhase.ROLLING_BACK: rolling_back,
        SwapPhase.DEMOTING_CANDIDATE: demoting_candidate,
        SwapPhase.ROUTING: routing,
    }
)
# Where live has everything, or is to have it, when the engine fails for good. A former live side that is being changed
# is no way back any more.
_WITH_WAY_BACK = frozenset(
    {
        SwapPhase.PREPARING,
        SwapPhase.APPLYING,
        SwapPhase.WARMING,
        SwapPhase.READY,
        SwapPhase.CANARY,
        SwapPhase.COMMITTING,
        SwapPhase.BAKING,
        SwapPhase.REVERTING,
        SwapPhase.ROLLING_BACK,
        SwapPhase.DEMOTING_CANDIDATE,
        SwapPhase.ROUTING,
    }
)
_CANCELS = frozenset({SwapPhase.PREPARING, SwapPhase.APPLYING, SwapPhase.WARMING, SwapPhase.READY})
_REMEMBERED_COMMANDS = 8


def step_at(phase: SwapPhase) -> int:
    """The step that a command is given at: an answer to one phase must not answer the next."""
    return list(SwapPhase).index(phase)


def slots_turn(ports: SlotsPorts, target: str, operation: str, now: datetime) -> TickAnswer | None:
    """One turn of the operation with this id; None when the target has no slots, or never had this operation.

    Raises AwsError when a call fails that the turn cannot do without: the state machine tries again, and gives live all
    traffic by itself when that goes on.
    """
    record = ports.store.slots(target)
    if record is None or not _knows(record, operation):
        return None
    wait = AT_ONCE
    if record.op is not None:
        try:
            record, wait = _turn(ports, record, now)
        except LostLockError:
            # Another worker was faster: perhaps a copy of this very turn, so look what it made of it.
            latest = ports.store.slots(target)
            if latest is None:
                return None
            # What this one wrote late is the other's to say; every rule but the live one is brought to it at once.
            put_right(ports.rules, latest)
            record, wait = latest, SOON
    elif record.outbox:
        record = _told(ports, record)
    return slots_answer(record, operation, wait)


def _knows(record: SlotsRecord, operation: str) -> bool:
    is_last = record.last is not None and record.last.id == operation
    return is_last if record.op is None else record.op.id == operation


def _turn(ports: SlotsPorts, loaded: SlotsRecord, now: datetime) -> tuple[SlotsRecord, timedelta]:
    record = _told(ports, loaded)
    commands = ports.store.commands(record.target)
    obeyed = _obeyed(record, commands, now)
    if obeyed.operation.phase is record.operation.phase:
        turn = _made_so(Work(ports, obeyed, now))
    else:
        turn = Turn(obeyed, AT_ONCE)
    after = turn.record
    if after != record:
        after = ports.store.put_slots(after, record)
    for command in commands:
        if command.verb != "unlock":
            ports.store.done(record.target, command)
    if after.outbox:
        after = _told(ports, after)
    return after, turn.wait


def _made_so(work: Work) -> Turn:
    op = work.op
    if op.phase is SwapPhase.HALTED:
        return Turn(work.record, SOON)
    try:
        return _PHASES[op.phase](work)
    except MarkedError:
        return Turn(_marked(work.record, work.now), AT_ONCE)
    except InterferenceError as error:
        if op.phase is SwapPhase.ROLLING_BACK:
            raise
        return Turn(halted(work.record, work.now, str(error)), AT_ONCE)


def _marked(record: SlotsRecord, now: datetime) -> SlotsRecord:
    """Somebody aborted it at the rule itself, perhaps with the engine's table down."""
    is_cancel = record.operation.phase in _CANCELS
    return went_back(record, now, "aborted at the live rule", is_cancelled=is_cancel, caller="the rule's mark")


def _told(ports: SlotsPorts, record: SlotsRecord) -> SlotsRecord:
    """What is to be told is told, and told no more."""
    if not record.outbox:
        return record
    tell(ports.store, ports.events, record)
    return ports.store.put_slots(replace(record, outbox=()), record)


def _obeyed(record: SlotsRecord, commands: Sequence[Command], now: datetime) -> SlotsRecord:
    for command in commands:
        if command.verb == "unlock":
            continue
        op = record.operation
        key = f"{command.verb} {command.at.isoformat()} {command.caller}"
        if key in op.answered:
            continue
        op = replace(op, answered=(*op.answered, key)[-_REMEMBERED_COMMANDS:])
        record = with_op(record, op)
        is_late = command.step is not None and command.step != step_at(op.phase)
        if command.rollout != op.id or is_late:
            why = f"bluegreen {command.verb} was for {command.rollout} in another phase, which is over"
            record = noted(record, now, "REFUSED", why, command.caller)
        else:
            record = _after_command(record, op, command, now)
    return record


def _after_command(record: SlotsRecord, op: Operation, command: Command, now: datetime) -> SlotsRecord:
    said = {
        "promote": "complete" if op.phase is SwapPhase.READY else "end-bake",
        "abort": "cancel" if op.phase in _CANCELS else "rollback",
    }
    words = said.get(command.verb, command.verb)
    why = f"{words}: {command.reason}" if command.reason else words
    match command.verb:
        case "abort" if (op.phase, SwapSignal.GO_BACK) in SWAP_TRANSITIONS and not op.demoted:
            return went_back(record, now, why, is_cancelled=op.phase in _CANCELS, caller=command.caller)
        case "promote" if op.phase is SwapPhase.READY:
            return noted(with_op(record, replace(op, is_released=True)), now, "CONTINUED", why, command.caller)
        case "promote" if op.phase is SwapPhase.BAKING:
            return noted(with_op(record, replace(op, ends_bake=True)), now, "CONTINUED", why, command.caller)
    return noted(record, now, "REFUSED", f"{why} found nothing to answer in {op.phase.value}", command.caller)


def slots_answer(record: SlotsRecord, operation: str, wait: timedelta) -> TickAnswer:
    """What the state machine is told, with its own way back."""
    op, last = record.op, record.last
    if op is None or op.id != operation:
        outcome = last.outcome if last is not None and last.id == operation else "SUPERSEDED"
        mark = _mark(record, ENDED, operation)
        return TickAnswer(record.target, operation, done=not record.outbox, outcome=outcome, wait_seconds=1, mark=mark)
    has_way_back = op.phase in _WITH_WAY_BACK and op.kind is not Kind.DEPLOY
    return TickAnswer(
        record.target,
        operation,
        done=op.phase is SwapPhase.HALTED,
        outcome=op.phase.value,
        wait_seconds=max(1, round(wait.total_seconds())),
        restore=_restore(record, op) if has_way_back else {},
        mark=_mark(record, ABORTED, operation),
    )


def _restore(record: SlotsRecord, op: Operation) -> Mapping[str, object]:
    if record.settings is None:
        return {}
    live = forward_to(all_on(record.side_settings(op.live).group_arn))
    return {"RuleArn": record.settings.rule_arn, "Actions": rewritten(op.authentication, live)}


def _mark(record: SlotsRecord, tag: str, operation: str) -> Mapping[str, object]:
    if record.settings is None:
        return {}
    return {"ResourceArns": [record.settings.rule_arn], "Tags": [{"Key": tag, "Value": operation}]}
