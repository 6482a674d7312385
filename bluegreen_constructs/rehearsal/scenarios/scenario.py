"""What a scenario is: a name, what it shows, and how it is played."""

from dataclasses import dataclass
from typing import Protocol

from ...engine.errors import ConfigurationError
from ..outcome import Outcome
from ..session import Session


class Scenario(Protocol):
    """One scenario; `play` deploys what it needs and leaves the live release serving."""

    @property
    def name(self) -> str:
        """The name on the command line."""
        ...

    @property
    def about(self) -> str:
        """What it shows, in one sentence."""
        ...

    def play(self, session: Session) -> Outcome:
        """Play it; raises RehearsalError when it could not be played at all."""
        ...


@dataclass(frozen=True)
class Catalogue:
    """The scenarios by name, in the order in which `all` plays them."""

    scenarios: tuple[Scenario, ...]

    def named(self, names: str) -> tuple[Scenario, ...]:
        """The scenarios of a list such as "ecs-good,destroy", or all of them for "all".

        Raises ConfigurationError with the list of names for an unknown one.
        """
        if names == "all":
            return self.scenarios
        known = {scenario.name: scenario for scenario in self.scenarios}
        wanted = [name.strip() for name in names.split(",") if name.strip()]
        unknown = [name for name in wanted if name not in known]
        if unknown or not wanted:
            said = f"there is no scenario {', '.join(unknown)}" if unknown else "no scenario is named"
            raise ConfigurationError(f"{said}: choose from {', '.join(known)}, or all")
        return tuple(known[name] for name in dict.fromkeys(wanted))
