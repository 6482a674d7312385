"""What a rollout is asked for with: the input of an execution, read and refused in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import ConfigurationError
from .release import Release

FROM_PIPELINE = "pipeline"
"""What the names of a pipeline's executions begin with, before a hyphen."""
_OF_PEOPLE = ("expedited", "irreversible", "quarantine", "end_quarantine", "accept_rejected")


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What `bluegreen start`, `bluegreen rollback`, a pipeline or a push asks for.

    accept_rejected: why a release that was rejected may be tried again (empty: it may not).
    ends_quarantine: whether what is kept on a quarantined side may be replaced.
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

    @classmethod
    def of(cls, event: Mapping[str, object]) -> "StartRequest":
        """Read an execution's input. Raises ConfigurationError for what is missing or makes no sense."""
        release = event.get("release")
        if isinstance(release, str):
            release = {"name": release}
        # An action's input is a text into which CodePipeline puts variables as they are, and a build's variable could
        # be made to say more than a release.
        given = [key for key in _OF_PEOPLE if event.get(key)]
        if given and _text(event, "rollout").startswith(f"{FROM_PIPELINE}-"):
            raise ConfigurationError(
                f"a pipeline asks for {', '.join(given)}, which people do: leave it out, and use bluegreen start"
            )
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
