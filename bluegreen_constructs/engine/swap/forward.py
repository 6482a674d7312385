"""What an operation does in each phase on its way forward: it makes the world as the record says, and looks."""

from dataclasses import replace
from datetime import timedelta

from ..errors import AwsError
from ..guarded_rule import NotCarriedError
from ..judgement import is_shown_healthy, is_unhealthy, needs_evidence, objections
from ..lifecycle import Phase
from ..observation import MINUTE, SOON
from ..ports import HookAnswer
from ..release import Release
from ..slot_settings import PRODUCTION
from ..spans import in_words
from ..weights import authentication_in
from .judging import judged_from, looked, ringing
from .lifecycle import SwapSignal
from .moves import DONE, ended, flipped, moved, noted, went_back, with_op
from .record import Kind, Operation, SideRecord, SlotsRecord
from .rendering import image_of
from .shares import all_on
from .work import Turn, Work

AT_ONCE = timedelta(seconds=1)
_LOOKS = 800
"""How often a phase that may take days is looked at: an execution of Step Functions ends after 25,000 events, of which
a turn takes nine. Preview, canary and bake together leave room for all that is quicker.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""


def preparing(work: Work) -> Turn:
    """Claim the rule, see that every side is as the record says, hold capacity, close the slot's own hostname."""
    op, record = work.op, work.record
    # A deployment moves no traffic: there is nothing for an abort to bring back.
    seen = work.ports.rules.read(work.target.rule_arn) if op.kind is Kind.DEPLOY else work.rule.claim()
    work.require_live_rule(work.shares_of(record.shares))
    unsettled = _unsettled(work)
    if unsettled is not None:
        return unsettled
    rings = "" if op.ignores_alarms else ringing(work)
    if rings:
        return Turn(went_back(record, work.now, f"{rings} rings before anything was changed"), AT_ONCE)
    capacity = max(1, work.seen(work.live).running)
    op = replace(op, capacity=capacity, authentication=tuple(authentication_in(seen.actions)))
    record = with_op(record, op)
    if op.kind is Kind.TRAFFIC:
        return Turn(moved(record, SwapSignal.ROUTES, work.now), AT_ONCE)
    if op.kind is Kind.SWAP:
        work.hold_capacity(capacity)
        work.close_rules(work.live)
    return Turn(moved(record, SwapSignal.PREPARED, work.now), AT_ONCE)


def _unsettled(work: Work) -> Turn | None:
    """What is to be waited for, or put right by people, before anything begins; None when all is as recorded.

    A slot whose tasks do not start may be deployed to: that is how it is mended.
    """
    record = work.record
    for name, held in record.sides.items():
        side = work.slots.side(name)
        service = work.seen(side)
        is_production = name == record.production_side
        if not service.is_calm and (is_production or (name == work.op.candidate and work.op.kind is Kind.SWAP)):
            trouble = service.trouble or "it deploys"
            why = f"side {name}, which serves slot {record.slot_of(name)}, is not settled: {trouble}"
            return _later(work, work.target.prepare_timeout, why)
        if work.is_same(service.definition, held.definition):
            if work.has_orphans(side, held.definition):
                return _later(work, work.target.prepare_timeout, f"family {side.family} keeps newer revisions")
        elif is_production:
            why = f"production runs {service.definition}, and {held.definition} was put there: put it back first"
            return Turn(went_back(record, work.now, why), AT_ONCE)
    return None


def applying(work: Work) -> Turn:
    """Render the candidate for the slot that it is to serve, and wait until it runs with live's capacity."""
    op, side = work.op, work.candidate
    work.require_out_of_use(side)
    if not op.rendered:
        op, is_quiet = (op, True) if op.was.is_quiet else work.with_quiet(work.live, side)
        if not is_quiet:
            return Turn(with_op(work.record, op), SOON)
        return Turn(with_op(work.record, _rendered(work, op)), AT_ONCE)
    seen = work.seen(side)
    if seen.definition != op.rendered:
        work.run(side, op.rendered)
        return Turn(work.record, SOON)
    needs = op.capacity if op.kind is Kind.SWAP else 1
    if seen.is_calm and seen.running >= needs:
        return Turn(moved(work.record, SwapSignal.APPLIED, work.now), AT_ONCE)
    if seen.has_failed:
        why = f"its tasks do not start: {seen.trouble}"
        return Turn(went_back(work.record, work.now, why, is_bad=True), AT_ONCE)
    why = f"it runs {seen.running} of {needs} tasks{f' ({seen.trouble})' if seen.trouble else ''}"
    return _later(work, work.target.prepare_timeout, why)


def _rendered(work: Work, op: Operation) -> Operation:
    """With the candidate's revision, which is registered, and saved before anything runs it."""
    if op.kind is Kind.SWAP:
        wanted = work.rendered_for(PRODUCTION, work.candidate, op.was.definition, op.was.release)
    else:
        source = work.record.sides[work.record.sides_of[op.settings_from]].definition if op.settings_from else ""
        wanted = work.rendered_for(op.slot, work.candidate, source, op.release, _image(work, op))
    # What runs already, down to the last setting, is not started anew.
    if wanted.digest == op.was.rendering:
        return replace(op, rendered=op.was.definition, rendering=wanted.digest)
    return replace(op, rendered=work.registered(work.candidate, wanted), rendering=wanted.digest)


def _image(work: Work, op: Operation) -> str:
    """What a deployment runs: the given image, else the release in the repository of what the slot runs."""
    if op.image or op.settings_from:
        return op.image
    runs = work.ports.services.definition(op.was.definition).content
    return Release(op.release).image_for(image_of(runs, work.slots.container))


def warming(work: Work) -> Turn:
    """Ask every task of the candidate, and wait until the load balancer calls them healthy."""
    op, settings = work.op, work.slots.warm_up
    answer = _asked(work)
    limit = settings.timeout * settings.attempts + work.target.prepare_timeout
    if answer.status == "FAILED":
        why = str(answer.details.get("reason") or answer.reason or "a task did not answer well")
        attempt = op.attempt + 1
        if attempt >= settings.attempts:
            why = f"not warm after {attempt} attempts: {why}"
            return Turn(went_back(work.record, work.now, why, is_bad=True), AT_ONCE)
        record = noted(work.record, work.now, "WARMING", f"attempt {attempt} of {settings.attempts}: {why}")
        return Turn(with_op(record, replace(op, attempt=attempt)), SOON)
    if answer.status == "IN_PROGRESS":
        return _later(work, limit, f"the warm-up has no answer yet ({answer.reason or 'it goes on'})")
    healthy = work.ports.rules.targets(work.candidate.group_arn)
    needs = op.capacity if op.kind is Kind.SWAP else 1
    if healthy.is_checked and healthy.healthy < needs:
        return _later(work, limit, f"{healthy.healthy} of {needs} targets are healthy")
    if op.kind is Kind.SWAP:
        return Turn(moved(work.record, SwapSignal.WARMED, work.now), AT_ONCE)
    return _deployed(work)


def _asked(work: Work) -> HookAnswer:
    settings = work.slots.warm_up
    if not settings.function_arn:
        return HookAnswer("SUCCEEDED")
    host = work.slots.host
    payload = {
        "lifecycleStage": "WARMING",
        "target": work.record.target,
        "rollout": work.op.id,
        "hookDetails": {
            "targets": [list(one) for one in work.ports.members.addresses(work.candidate.group_arn)],
            "host": host,
            "scheme": work.slots.scheme,
            "path": settings.path,
            "least": settings.least,
            "most": settings.most,
            "in_a_row": settings.in_a_row,
            "timeout_seconds": settings.timeout.total_seconds(),
        },
    }
    try:
        return work.ports.hooks.ask(settings.function_arn, payload)
    except AwsError as error:
        # Asked again until the phase's own time is up; nothing goes back because Lambda is busy.
        return HookAnswer("IN_PROGRESS", reason=str(error))


def _deployed(work: Work) -> Turn:
    """The slot has its release; a slot that swaps by itself goes on at once, unless a rollback has paused that."""
    op, record = work.op, work.record
    side = SideRecord(op.release, op.rendered, op.rendering)
    record = record.with_side(op.candidate, side)
    if not work.is_over(work.target.prepare_timeout):
        if work.has_orphans(work.candidate, op.rendered):
            return Turn(work.record, SOON)
        if not work.is_same(work.seen(work.candidate).definition, op.rendered):  # a stack update ran an orphan
            work.run(work.candidate, op.rendered)
            return Turn(work.record, SOON)
    if work.slot.auto_swap and not record.paused:
        following = replace(
            op,
            kind=Kind.SWAP,
            was=side,
            rendered="",
            rendering="",
            image="",
            attempt=0,
            canary=work.slots.canary,
        )
        return Turn(moved(with_op(record, following), SwapSignal.AUTO_SWAPPED, work.now), AT_ONCE)
    paused = f"it does not swap by itself, {record.paused}" if work.slot.auto_swap else ""
    return Turn(ended(record, SwapSignal.DEPLOYED, work.now, DONE, paused), AT_ONCE)


def ready(work: Work) -> Turn:
    """Everything is there; a preview waits for `complete`, and the candidate keeps up with live meanwhile."""
    op = work.op
    work.require_live_rule(all_on(work.live.group_arn))
    running = work.seen(work.live).running
    if running > op.capacity:
        work.hold_capacity(running)
        op = replace(op, capacity=running)
    record = with_op(work.record, op)
    candidate = work.seen(work.candidate)
    if candidate.definition != op.rendered:
        why = f"the candidate runs {candidate.definition} instead of {op.rendered}: somebody updated its service"
        return Turn(went_back(record, work.now, why), AT_ONCE)
    waits = op.is_preview and not op.is_released
    ttl = work.slots.preview_ttl
    if waits:
        if work.is_over(ttl):
            why = f"nobody completed the swap within {in_words(ttl)}"
            return Turn(went_back(record, work.now, why, is_cancelled=True), AT_ONCE)
        return Turn(record, max(MINUTE, ttl / _LOOKS))
    targets = work.ports.rules.targets(work.candidate.group_arn)
    if targets.is_checked and targets.healthy < op.capacity:
        limit = work.target.prepare_timeout + (ttl if op.is_preview else timedelta())
        later = _later(work, limit, f"{targets.healthy} of {op.capacity} targets are healthy")
        return later if later.record is not work.record else Turn(record, SOON)
    signal = SwapSignal.COMPLETED if op.canary is None else SwapSignal.TRIED
    return Turn(moved(record, signal, work.now), AT_ONCE)


def canary(work: Work) -> Turn:
    """A share of production's traffic, compared with live; leaving it needs HEALTHY."""
    op, step = work.op, work.op.canary
    if step is None:
        return Turn(moved(work.record, SwapSignal.CANARY_ENDED, work.now), AT_ONCE)
    wanted = {work.live.group_arn: round(100 - step.percent, 1), work.candidate.group_arn: step.percent}
    try:
        has_it = work.rule.bring(wanted, [all_on(work.live.group_arn)])
    except NotCarriedError as error:
        return _later(work, work.target.prepare_timeout, str(error))
    if op.judged is None:
        judged = judged_from(work, Phase.SHIFTING, step.percent) if has_it else None
        return Turn(with_op(work.record, replace(op, judged=judged)), AT_ONCE)
    judged = looked(work.ports.metrics, op.judged, work.now)
    record = with_op(work.record, replace(op, judged=judged))
    if is_unhealthy(judged):
        return _objected(record, work, objections(judged) or "the comparisons together")
    since = judged.applied_at or op.phase_since
    pace = max(SOON, (step.span + work.target.patience) / _LOOKS)
    if work.now < since + step.span:
        return Turn(record, pace)
    has_data = judged.step_minutes > 0 or not needs_evidence(judged)
    if has_data and is_shown_healthy(judged):
        return Turn(moved(record, SwapSignal.CANARY_ENDED, work.now), AT_ONCE)
    if work.now >= since + step.span + work.target.patience:
        patience = in_words(work.target.patience)
        why = f"not enough evidence that the candidate is HEALTHY, even {patience} after the canary"
        return Turn(went_back(record, work.now, why), AT_ONCE)
    return Turn(record, pace)


def committing(work: Work) -> Turn:
    """The flip: one write, sent again until the rule has it; then everything that follows production."""
    op = work.op
    live, candidate = all_on(work.live.group_arn), all_on(work.candidate.group_arn)
    allowed = [live]
    if op.canary is not None:
        percent = op.canary.percent
        allowed.append({work.live.group_arn: round(100 - percent, 1), work.candidate.group_arn: percent})
    try:
        has_it = work.rule.bring(candidate, allowed)
    except NotCarriedError as error:
        # Nothing was written: live serves, and goes on to. An absolute write of that says so, and is never wrong.
        return _later(work, work.target.restore_timeout, str(error))
    if not has_it:
        return Turn(work.record, AT_ONCE)
    work.ports.active.tell(work.slots.role_parameter, op.candidate)
    work.close_rules(work.candidate)
    if work.slots.is_preview_open:
        work.open_rules(work.live)
    judged = judged_from(work, Phase.BAKING, 100.0)
    record = with_op(work.record, replace(op, flipped_at=work.now, judged=judged, is_told=False))
    return Turn(flipped(record, work.now), AT_ONCE)


def baking(work: Work) -> Turn:
    """Everybody meets the candidate; alarms and floors watch it, and going back is one call."""
    op = work.op
    work.require_live_rule(all_on(work.candidate.group_arn))
    op = told(work, op, work.op.candidate, work.op.live)
    judged = op.judged
    if judged is not None:
        judged = looked(work.ports.metrics, judged, work.now)
        op = replace(op, judged=judged)
        if is_unhealthy(judged):
            return _objected(with_op(work.record, op), work, objections(judged))
    record = with_op(work.record, op)
    if op.ends_bake or work.is_over(work.target.bake):
        return Turn(moved(record, SwapSignal.BAKED, work.now), AT_ONCE)
    return Turn(record, max(SOON, work.target.bake / _LOOKS))


def told(work: Work, op: Operation, active: str, standby: str) -> Operation:
    """With the activation function's answer; it is asked until it says SUCCEEDED, and never holds traffic up."""
    if op.is_told or not work.slots.activation_arn:
        return op
    payload = {
        "lifecycleStage": "ACTIVATING",
        "target": work.record.target,
        "rollout": op.id,
        "hookDetails": {
            "active": active,
            "activeService": work.slots.side(active).service,
            "standby": standby,
            "standbyService": work.slots.side(standby).service,
            "epoch": work.record.epoch,
        },
    }
    try:
        answer = work.ports.hooks.ask(work.slots.activation_arn, payload)
    except AwsError:
        return op
    return replace(op, is_told=answer.status == "SUCCEEDED")


def demoting(work: Work) -> Turn:
    """The former live side drains, and gets the settings of the slot that it has now."""
    op, side = work.op, work.live
    if not op.is_closed:
        work.rule.close()
        return Turn(with_op(work.record, replace(op, is_closed=True)), AT_ONCE)
    work.require_out_of_use(side)
    if not op.demoted:
        work.close_rules(work.candidate, regardless=True)
        op, is_quiet = work.with_quiet(work.candidate, side)
        if not is_quiet:
            return Turn(with_op(work.record, op), SOON)
        held = work.record.sides[op.live]
        wanted = work.rendered_for(op.slot, side, held.definition, held.release)
        demoted = replace(op, demoted=work.registered(side, wanted))
        record = work.record.with_side(op.live, replace(held, definition=demoted.demoted, rendering=wanted.digest))
        return Turn(with_op(record, demoted), AT_ONCE)
    seen = work.seen(side)
    if seen.definition != op.demoted:
        work.run(side, op.demoted)
        return Turn(work.record, SOON)
    work.bound(PRODUCTION, work.candidate)
    work.bound(op.slot, side)
    is_late = work.is_over(work.target.drain_timeout + work.target.prepare_timeout)
    if not seen.is_calm and not is_late:
        return Turn(work.record, SOON)
    has_orphans = work.has_orphans(side, op.demoted) or work.has_orphans(work.candidate, op.rendered)
    if has_orphans and not is_late:
        return Turn(work.record, SOON)
    work.open_rules(side)
    trouble = "" if seen.is_calm else f"slot {op.slot} is not settled: {seen.trouble or 'it deploys'}"
    record = work.record.with_side(op.live, replace(work.record.sides[op.live], is_quiet=True))
    return Turn(ended(record, SwapSignal.DEMOTED, work.now, DONE, trouble), AT_ONCE)


def _objected(record: SlotsRecord, work: Work, why: str) -> Turn:
    record = noted(record, work.now, "UNHEALTHY", why)
    return Turn(went_back(record, work.now, why, is_bad=True), AT_ONCE)


def _later(work: Work, limit: timedelta, why: str) -> Turn:
    """Look again soon, until the phase has taken too long; then it goes back with the reason."""
    if work.is_over(limit):
        return Turn(went_back(work.record, work.now, f"{why}, after {in_words(limit)}"), AT_ONCE)
    return Turn(work.record, SOON)
