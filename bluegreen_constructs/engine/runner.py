"""The engine's only loop, one turn of it: load, finish what was begun, observe, decide, save, act.

Every turn can be the last one before a crash, can come twice, and can run beside another. Therefore the state is saved
before it is acted on (I5), each save takes the place of exactly the state that was loaded (I3), and acting means to
make the world as the saved state says, however much of that is done already.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from .decision import decide
from .enacting import Enacting
from .lifecycle import Phase
from .looking import Looking
from .observation import SOON, Trouble
from .ports import LostLockError, Ports
from .rollout import Rollout
from .telling import Teller
from .tick_answer import TickAnswer, answer_of
from .transitions import marked

SUPERSEDED = "SUPERSEDED"
"""The outcome of a rollout that is not, or not any more, the target's."""


def tick(ports: Ports, target: str, rollout_id: str, now: datetime) -> TickAnswer:
    """One turn of the rollout with this id.

    Raises AwsError when a call fails that the turn cannot do without: the state machine tries again, and restores live
    by itself when that goes on.
    """
    rollout = ports.store.load(target)
    if rollout is None:
        return TickAnswer(target, rollout_id, done=True, outcome=SUPERSEDED, wait_seconds=1)
    if rollout.id != rollout_id:
        return _superseded(ports, target, rollout_id)
    try:
        rollout, wait = _turn(ports, rollout, now)
    except LostLockError:
        # Another worker was faster: perhaps a copy of this very turn, so look what it made of it.
        latest = ports.store.load(target)
        if latest is None or latest.id != rollout_id:
            return _superseded(ports, target, rollout_id)
        rollout, wait = latest, SOON
    return answer_of(rollout, wait)


def _superseded(ports: Ports, target: str, rollout_id: str) -> TickAnswer:
    """The answer to an execution whose rollout is not the target's any more: one that was promoted ends well.

    Unless a rollback leaves what it promoted: whoever waits for the execution would go on with a release that was taken
    back.
    """
    latest = ports.store.load(target)
    left = latest.leaves if latest is not None and latest.is_expedited else None
    promoted = (
        one.rollout for one in ports.store.releases(target) if one.status == "promoted" and one.release.name != left
    )
    outcome = Phase.PROMOTED.value if rollout_id in promoted else SUPERSEDED
    return TickAnswer(target, rollout_id, done=True, outcome=outcome, wait_seconds=1)


def _turn(ports: Ports, loaded: Rollout, now: datetime) -> tuple[Rollout, timedelta]:
    enacting, save = Enacting(ports, now), partial(_saved, ports)
    Teller(ports).tell(loaded)
    rollout, trouble = enacting.make_so(loaded)
    decision = decide(rollout, Looking(ports, now).observe(rollout, trouble))
    rollout = save(decision.rollout, over=loaded)
    for command in decision.answered:
        ports.store.done(rollout.target, command)
    saved = rollout
    rollout, trouble = enacting.make_so(rollout)
    if trouble.marked:
        rollout = save(marked(rollout, now), over=saved)
        saved = rollout
        rollout, trouble = enacting.make_so(rollout)
    rollout = save(rollout, over=saved)
    if rollout.outbox:  # told by now
        rollout = ports.store.save(replace(rollout, outbox=()))
    is_impatient = trouble != Trouble() and rollout.hold is None
    return rollout, SOON if is_impatient else decision.wait


def _saved(ports: Ports, rollout: Rollout, *, over: Rollout) -> Rollout:
    """Save what changed since `over`, whose notes are told, and tell the rest.

    A release that is settled is remembered first: after a crash in between, it is remembered again.
    """
    if rollout == over:
        return rollout
    rollout = replace(rollout, outbox=rollout.outbox[len(over.outbox) :])
    teller = Teller(ports)
    teller.remember(rollout)
    stored = ports.store.save(rollout)
    teller.tell(stored)
    return stored
