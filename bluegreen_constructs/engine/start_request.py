"""What a rollout is asked for with: the input of an execution, read and refused in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import ConfigurationError
from .release import Release


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What `bluegreen start`, `bluegreen rollback`, a pipeline or a push asks for.

    accept_rejected: why a release that was rejected may be tried again (empty: it may not).
    ends_quarantine: whether what is kept on a quarantined side may be replaced.
    is_rollback_when_former: whether a start of the release that the last promotion replaced is a rollback to it, as
        `bluegreen rollback` is: not judged, and quick.
    is_unneeded_when_live: whether a release that is live already is as good as promoted, so that nothing is begun.
    """

    target: str
    rollout: str
    execution: str
    release: Release
    caller: str
    reason: str
    is_expedited: bool
    is_irreversible: bool
    is_quarantined: bool
    accept_rejected: str
    ends_quarantine: bool = False
    is_unneeded_when_live: bool = False
    is_rollback_when_former: bool = False

    @classmethod
    def of(cls, event: Mapping[str, object]) -> "StartRequest":
        """Read an execution's input. Raises ConfigurationError for what is missing or makes no sense."""
        release = event.get("release")
        if isinstance(release, str):
            release = {"name": release}
        if not isinstance(release, Mapping):
            raise ConfigurationError(f'the input\'s release is {release!r}: give one, such as {{"name": "1.4.2"}}')
        return cls(
            target=_text(event, "target", required=True),
            rollout=_text(event, "rollout", required=True),
            execution=_text(event, "execution", required=True),
            release=Release(_text(release, "name", required=True), _text(release, "image"), _text(release, "version")),
            caller=_text(event, "caller") or "unknown",
            reason=_text(event, "reason"),
            is_expedited=_flag(event, "expedited"),
            is_irreversible=_flag(event, "irreversible"),
            is_quarantined=_flag(event, "quarantine"),
            accept_rejected=_text(event, "accept_rejected"),
            ends_quarantine=_flag(event, "end_quarantine"),
            is_unneeded_when_live=_flag(event, "unless_live"),
            is_rollback_when_former=_flag(event, "rollback_when_former"),
        )


def _text(event: Mapping[str, object], key: str, *, required: bool = False) -> str:
    value = event.get(key, "")
    if not isinstance(value, str) or (required and not value):
        raise ConfigurationError(f"the input's {key} is {value!r}: give a text")
    return value


def _flag(event: Mapping[str, object], key: str) -> bool:
    value = event.get(key, False)
    if not isinstance(value, bool):
        raise ConfigurationError(f"the input's {key} is {value!r}: give true or false")
    return value
