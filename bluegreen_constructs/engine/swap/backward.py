"""What an operation does on its way back, and what routing does: absolute writes, and only to what is out of use."""

from dataclasses import replace

from ..guarded_rule import NotCarriedError
from ..observation import SOON
from ..slot_settings import PRODUCTION
from ..spans import in_words
from .forward import AT_ONCE, told
from .lifecycle import SwapPhase, SwapSignal
from .moves import CANCELLED, DONE, ROLLED_BACK, ended, restored, went_back, with_op
from .record import Kind
from .shares import all_on
from .work import Turn, Work


def routing(work: Work) -> Turn:
    """Give each slot its share of production's traffic."""
    op, record = work.op, work.record
    try:
        has_it = work.rule.bring(work.shares_of(dict(op.shares)), [work.shares_of(dict(record.shares))])
    except NotCarriedError as error:
        if not work.is_over(work.target.prepare_timeout):
            return Turn(record, SOON)
        limit = in_words(work.target.prepare_timeout)
        return Turn(went_back(record, work.now, f"{error}, after {limit}"), AT_ONCE)
    if not has_it:
        return Turn(record, AT_ONCE)
    work.rule.close()
    shares = {slot: percent for slot, percent in op.shares.items() if percent and slot != PRODUCTION}
    # Whoever has traffic now is not quiet any more, and whoever had some was not seen to be quiet since.
    had = {record.sides_of[slot] for slot in (*shares, *record.shares)}
    sides = {name: replace(side, is_quiet=False) if name in had else side for name, side in record.sides.items()}
    record = replace(record, sides=sides, shares=shares)
    return Turn(ended(record, SwapSignal.ROUTED, work.now, DONE), AT_ONCE)


def rolling_back(work: Work) -> Turn:
    """All traffic to the side that served at the start; it still has production's settings, so nothing restarts.

    A side without any healthy target is waited for, until `restore_timeout`: then all traffic goes there anyway.
    """
    op = work.op
    regardless = work.is_over(work.target.restore_timeout)
    try:
        has_it = work.rule.bring(all_on(work.live.group_arn), (), regardless=regardless)
    except NotCarriedError:
        return Turn(work.record, SOON)
    if not has_it:
        return Turn(work.record, AT_ONCE)
    if op.kind is Kind.SWAP:
        work.ports.active.tell(work.slots.role_parameter, op.live)
        work.close_rules(work.live)
    record = with_op(work.record, replace(op, is_told=op.flipped_at is None))
    return Turn(restored(record, work.now), AT_ONCE)


def reverting(work: Work) -> Turn:
    """The candidate, which had no traffic, gets its own slot's settings back."""
    return _settled(work)


def demoting_candidate(work: Work) -> Turn:
    """The same for a candidate that had traffic: it drains first."""
    op = told(work, work.op, work.op.live, work.op.candidate)
    changes = op.kind is Kind.SWAP or bool(op.rendered)
    op, is_quiet = work.with_quiet(work.live, work.candidate) if changes else (op, True)
    op = replace(op, is_told=op.is_told or work.op.is_told)
    if not is_quiet:
        work.require_out_of_use(work.candidate)
        return Turn(with_op(work.record, op), SOON)
    return _settled(work)


def _settled(work: Work) -> Turn:
    op, side = work.op, work.candidate
    work.require_out_of_use(side)
    seen = work.seen(side)
    if op.kind is not Kind.TRAFFIC and seen.definition != op.was.definition:
        work.run(side, op.was.definition)
        return Turn(work.record, SOON)
    is_late = work.is_over(work.target.drain_timeout + work.target.prepare_timeout)
    if op.kind is not Kind.TRAFFIC and work.has_orphans(side, op.was.definition) and not is_late:
        return Turn(work.record, SOON)
    if op.kind is Kind.SWAP:
        work.bound(PRODUCTION, work.live)
        work.bound(op.slot, side)
    if not seen.is_calm and not is_late:
        return Turn(work.record, SOON)
    work.open_rules(side)
    work.rule.close()
    had_traffic = op.phase is SwapPhase.DEMOTING_CANDIDATE and op.kind is Kind.TRAFFIC
    record = work.record
    if op.kind is Kind.TRAFFIC and work.rule.look() == all_on(work.live.group_arn):
        record = replace(record, shares={})  # an abort ended whatever split there was
    record = record.with_side(op.candidate, replace(op.was, is_quiet=not had_traffic))
    outcome = CANCELLED if op.is_cancelled else ROLLED_BACK
    return Turn(ended(record, SwapSignal.DEMOTED, work.now, outcome, op.why_back), AT_ONCE)
