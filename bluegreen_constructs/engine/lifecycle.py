"""The transition table of a rollout: every phase, every signal, where it leads. The docs' diagram is drawn from it."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from .errors import RolloutError


class Phase(Enum):
    """Where a rollout is."""

    PREPARING = "PREPARING"
    """The release goes onto the candidate side, whose capacity is matched to live's; no user meets it."""
    TESTING = "TESTING"
    """Test traffic, hooks and approval."""
    SHIFTING = "SHIFTING"
    """Traffic moves step by step."""
    BAKING = "BAKING"
    """All steps are done; going back is still one call."""
    PROMOTED = "PROMOTED"
    """The sides have exchanged roles."""
    ROLLING_BACK = "ROLLING_BACK"
    """All traffic goes back to live."""
    ROLLED_BACK = "ROLLED_BACK"
    """Live serves everything, as before."""


class Signal(Enum):
    """What moves a rollout on."""

    PREPARED = "the candidate is healthy with live's capacity"
    TESTED = "hooks passed, approval given"
    STEP_ENDED = "the step's bake ended"
    SHIFTED = "the last step ended HEALTHY"
    BAKED = "the bake ended and the rule confirms 100 %"
    GO_BACK = "UNHEALTHY, alarm, abort, deadline, a failed hook"
    RESTORED = "the rule confirms 100 % live"
    REVOKED = "a late abort, while the former live side is warm"


TRANSITIONS: Mapping[tuple[Phase, Signal], Phase] = MappingProxyType(
    {
        (Phase.PREPARING, Signal.PREPARED): Phase.TESTING,
        (Phase.TESTING, Signal.TESTED): Phase.SHIFTING,
        (Phase.SHIFTING, Signal.STEP_ENDED): Phase.SHIFTING,
        (Phase.SHIFTING, Signal.SHIFTED): Phase.BAKING,
        (Phase.BAKING, Signal.BAKED): Phase.PROMOTED,
        (Phase.PREPARING, Signal.GO_BACK): Phase.ROLLING_BACK,
        (Phase.TESTING, Signal.GO_BACK): Phase.ROLLING_BACK,
        (Phase.SHIFTING, Signal.GO_BACK): Phase.ROLLING_BACK,
        (Phase.BAKING, Signal.GO_BACK): Phase.ROLLING_BACK,
        # An abort whose calls were slow: it read the rule before the promotion and wrote after it.
        (Phase.PROMOTED, Signal.REVOKED): Phase.ROLLING_BACK,
        (Phase.ROLLING_BACK, Signal.RESTORED): Phase.ROLLED_BACK,
    }
)

ENDED = frozenset({Phase.PROMOTED, Phase.ROLLED_BACK})
"""The phases in which all traffic is on one release and stays there."""


def after(phase: Phase, signal: Signal) -> Phase:
    """The phase that `signal` leads to. Raises RolloutError for a signal that means nothing in `phase`."""
    try:
        return TRANSITIONS[phase, signal]
    except KeyError:
        raise RolloutError(
            f"a rollout that is {phase.value} cannot take {signal.name}: there is no such transition"
        ) from None


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> PREPARING"]
    lines += [
        f"    {start.value} --> {end.value}: {signal.value.replace(':', '')}"
        for (start, signal), end in TRANSITIONS.items()
    ]
    lines += [f"    {phase.value} --> [*]" for phase in Phase if phase in ENDED]
    return "\n".join(lines) + "\n"
