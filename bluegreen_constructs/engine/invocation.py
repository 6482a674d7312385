"""What the state machine hands to the engine's handlers and reads from their answers."""

from collections.abc import Mapping
from datetime import UTC, datetime

from .errors import ConfigurationError
from .tick_answer import TickAnswer


def instant(event: Mapping[str, object]) -> datetime:
    """The time of the event. Step Functions and EventBridge say it, so that the engine keeps no clock of its own.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """
    text = event.get("now")
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise ConfigurationError(
            f"the input's now is {text!r}: give an ISO 8601 time, as Step Functions does"
        ) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def answered(answer: TickAnswer) -> dict[str, object]:
    """The answer as the state machine's definition reads it: its keys are an interface between engine versions."""
    return {name: getattr(answer, name) for name in TickAnswer.__dataclass_fields__}
