"""The transition table of what is done to slots: every phase, every signal, where it leads. The docs are drawn from it.

Before COMMITTING whatever happens leads back, and production was never touched; from COMMITTING on recovery goes
forward, and only an abort, an alarm or a guardrail goes back, to a side that still has production's settings.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from ..errors import RolloutError


class SwapPhase(Enum):
    """Where an operation is; IDLE: there is none."""

    IDLE = "IDLE"
    """Each slot runs its release with its own settings; nothing is under way."""
    PREPARING = "PREPARING"
    """The candidate's own hostname is closed and capacity is held."""
    APPLYING = "APPLYING"
    """The candidate is rendered with the settings of the slot it is to serve, and started."""
    WARMING = "WARMING"
    """Each of its tasks is asked until it answers well, several times in a row."""
    READY = "READY"
    """It could serve. A swap with preview waits here for `complete`, until its time is up."""
    CANARY = "CANARY"
    """A share of production's traffic, compared with live."""
    COMMITTING = "COMMITTING"
    """One write of the live rule. From here on recovery goes forward."""
    BAKING = "BAKING"
    """The candidate serves; the former live side still has production's settings, so going back is one call."""
    DEMOTING = "DEMOTING"
    """The former live side gets the settings of the slot that it has now."""
    REVERTING = "REVERTING"
    """The candidate gets its own slot's settings back; production was not flipped."""
    ROLLING_BACK = "ROLLING_BACK"
    """All traffic goes back to the former live side, which needs no restart."""
    DEMOTING_CANDIDATE = "DEMOTING_CANDIDATE"
    """The candidate, which had traffic, drains and gets its own slot's settings back."""
    ROUTING = "ROUTING"
    """Shares of production's traffic are written, as `slots traffic` asked."""
    HALTED = "HALTED"
    """Somebody else wrote a rule; nothing is repaired by guessing, `slots resolve` goes on."""


class SwapSignal(Enum):
    """What moves an operation on."""

    BEGUN = "a swap, a deployment or a routing was accepted"
    PREPARED = "own hostname closed, capacity held"
    ROUTES = "shares were asked for"
    ROUTED = "the live rule has the shares"
    APPLIED = "the rendering runs with live's capacity"
    WARMED = "every task answered well"
    DEPLOYED = "it was a deployment to a slot"
    AUTO_SWAPPED = "the slot swaps by itself"
    TRIED = "complete was given, or no preview asked for; a canary comes first"
    COMPLETED = "complete was given, or no preview asked for"
    CANARY_ENDED = "its time is over and nothing objects"
    FLIPPED = "the live rule names the candidate alone"
    BAKED = "the bake is over"
    DEMOTED = "each slot has its own settings again"
    GO_BACK = "cancel, a time-out, a failed warm-up, an abort, an alarm, a guardrail"
    RESTORED = "the live rule names live alone"
    CONFLICT = "a rule is as nobody here wrote it"
    RESOLVED_FORWARD = "resolve, and the live rule names the candidate"
    RESOLVED_BACK = "resolve, and the live rule names live"


_PHASE, _SIGNAL = SwapPhase, SwapSignal
_CAN_HALT = (
    _PHASE.PREPARING,
    _PHASE.APPLYING,
    _PHASE.WARMING,
    _PHASE.READY,
    _PHASE.CANARY,
    _PHASE.COMMITTING,
    _PHASE.BAKING,
    _PHASE.DEMOTING,
    _PHASE.REVERTING,
    _PHASE.DEMOTING_CANDIDATE,
    _PHASE.ROUTING,
)

SWAP_TRANSITIONS: Mapping[tuple[SwapPhase, SwapSignal], SwapPhase] = MappingProxyType(
    {
        (_PHASE.IDLE, _SIGNAL.BEGUN): _PHASE.PREPARING,
        (_PHASE.PREPARING, _SIGNAL.PREPARED): _PHASE.APPLYING,
        (_PHASE.PREPARING, _SIGNAL.ROUTES): _PHASE.ROUTING,
        (_PHASE.ROUTING, _SIGNAL.ROUTED): _PHASE.IDLE,
        (_PHASE.APPLYING, _SIGNAL.APPLIED): _PHASE.WARMING,
        (_PHASE.WARMING, _SIGNAL.WARMED): _PHASE.READY,
        (_PHASE.WARMING, _SIGNAL.DEPLOYED): _PHASE.IDLE,
        (_PHASE.WARMING, _SIGNAL.AUTO_SWAPPED): _PHASE.PREPARING,
        (_PHASE.READY, _SIGNAL.TRIED): _PHASE.CANARY,
        (_PHASE.READY, _SIGNAL.COMPLETED): _PHASE.COMMITTING,
        (_PHASE.CANARY, _SIGNAL.CANARY_ENDED): _PHASE.COMMITTING,
        (_PHASE.COMMITTING, _SIGNAL.FLIPPED): _PHASE.BAKING,
        (_PHASE.BAKING, _SIGNAL.BAKED): _PHASE.DEMOTING,
        (_PHASE.DEMOTING, _SIGNAL.DEMOTED): _PHASE.IDLE,
        (_PHASE.PREPARING, _SIGNAL.GO_BACK): _PHASE.REVERTING,
        (_PHASE.APPLYING, _SIGNAL.GO_BACK): _PHASE.REVERTING,
        (_PHASE.WARMING, _SIGNAL.GO_BACK): _PHASE.REVERTING,
        (_PHASE.READY, _SIGNAL.GO_BACK): _PHASE.REVERTING,
        (_PHASE.ROUTING, _SIGNAL.GO_BACK): _PHASE.ROLLING_BACK,
        (_PHASE.CANARY, _SIGNAL.GO_BACK): _PHASE.ROLLING_BACK,
        (_PHASE.COMMITTING, _SIGNAL.GO_BACK): _PHASE.ROLLING_BACK,
        (_PHASE.BAKING, _SIGNAL.GO_BACK): _PHASE.ROLLING_BACK,
        # A late abort: the former live side is still as it served.
        (_PHASE.DEMOTING, _SIGNAL.GO_BACK): _PHASE.ROLLING_BACK,
        (_PHASE.ROLLING_BACK, _SIGNAL.RESTORED): _PHASE.DEMOTING_CANDIDATE,
        (_PHASE.REVERTING, _SIGNAL.DEMOTED): _PHASE.IDLE,
        (_PHASE.DEMOTING_CANDIDATE, _SIGNAL.DEMOTED): _PHASE.IDLE,
        **{(phase, _SIGNAL.CONFLICT): _PHASE.HALTED for phase in _CAN_HALT},
        (_PHASE.HALTED, _SIGNAL.RESOLVED_FORWARD): _PHASE.DEMOTING,
        (_PHASE.HALTED, _SIGNAL.RESOLVED_BACK): _PHASE.DEMOTING_CANDIDATE,
    }
)


def swap_after(phase: SwapPhase, signal: SwapSignal) -> SwapPhase:
    """The phase that `signal` leads to. Raises RolloutError for a signal that means nothing in `phase`."""
    try:
        return SWAP_TRANSITIONS[phase, signal]
    except KeyError:
        raise RolloutError(
            f"an operation that is {phase.value} cannot take {signal.name}: there is no such transition"
        ) from None


def swap_diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> IDLE"]
    lines += [
        f"    {start.value} --> {end.value}: {signal.value.replace(':', '')}"
        for (start, signal), end in SWAP_TRANSITIONS.items()
        if signal is not SwapSignal.CONFLICT
    ]
    lines.append(f"    note right of HALTED: from {', '.join(phase.value for phase in _CAN_HALT)}")
    return "\n".join(lines) + "\n"
