"""The direct path of a target with slots: all traffic to the side that served, then who did it and why."""

from contextlib import suppress

from ..engine.abort import AbortOutcome, abort
from ..engine.errors import AwsError
from ..engine.ports import Command
from .operator_world import OperatorWorld, TargetEngine, caller_of


def give_back(world: OperatorWorld, engine: TargetEngine, reason: str, *, regardless: bool) -> AbortOutcome:
    """Three AWS calls on the live rule, and a command for the next tick, which ends the operation in order.

    The operation's execution goes on: it finds the command, or the mark on the rule when the table did not answer.
    Raises AwsError when one of the calls that move traffic fails.
    """
    caller = caller_of(world)
    outcome = abort(
        world.rules(),
        engine.settings,
        caller=caller,
        reason=reason,
        now=world.now(),
        store=engine.store,
        executions=None,
        regardless=regardless,
    )
    if outcome.state != "NOTHING_IN_FLIGHT":
        # The mark says that it was aborted, and not by whom and why.
        with suppress(AwsError):
            engine.store.give(engine.target, Command("abort", outcome.rollout, caller, reason, world.now()))
    return outcome
