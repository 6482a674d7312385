"""Slot: a place where a release of an application runs, with its own hostname and settings that stay with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam

from .engine.errors import ConfigurationError
from .engine.slot_settings import PRODUCTION, SELF

_NAME = re.compile(r"[a-z](-?[a-z0-9])*")
_LONGEST = 19


@dataclass(frozen=True)
class Slot:
    """One slot.

    name: lower-case letters, digits and single hyphens, up to 19; "production" is what users meet. `blue` and `green`
        are names like any other.
    host: its own host name (default: Azure's, `<first label>-<name>.<rest>` of the production host); its DNS record is
        yours to make.
    environment, secrets: its settings. Those that the application names `sticky` stay with it, the others are what the
        first release brings along, and travel. Secrets are read from Secrets Manager at a version, see the errors.
    task_role: what its tasks may do (default: a role of its own). A role never travels.
    tasks: how many tasks it runs at least (default: the plan's). max_tasks: at most (default: as many).
    auto_swap: whether a release that is deployed to it is swapped into production at once, as on Azure (default False).

    Raises ConfigurationError for a name that is none, production with auto_swap, bounds that cannot hold, or a setting
    in both environment and secrets.
    """

    name: str
    host: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, ecs.Secret] = field(default_factory=dict)
    task_role: iam.IRole | None = None
    tasks: int | None = None
    max_tasks: int | None = None
    auto_swap: bool = False

    def __post_init__(self) -> None:
        """Refuse what no slot can be."""
        if not _NAME.fullmatch(self.name) or len(self.name) > _LONGEST:
            raise ConfigurationError(
                f"the slot is called {self.name!r}: give lower-case letters, digits and single hyphens, up to "
                f"{_LONGEST}, a letter first"
            )
        if self.name == SELF:
            raise ConfigurationError(
                f"the slot is called {SELF!r}, by which clients choose production: give another name"
            )
        if self.auto_swap and self.name == PRODUCTION:
            raise ConfigurationError(
                f"the slot {PRODUCTION} has auto_swap, and swaps with nobody: set it on the slot that releases are "
                "deployed to"
            )
        if self.tasks is not None and self.tasks < 1:
            raise ConfigurationError(f"slot {self.name} has tasks {self.tasks}: give 1 or more")
        if self.max_tasks is not None and self.max_tasks < (self.tasks or 1):
            raise ConfigurationError(
                f"slot {self.name} has max_tasks {self.max_tasks}: give at least its tasks, {self.tasks or 1}"
            )
        both = self.environment.keys() & self.secrets.keys()
        if both:
            raise ConfigurationError(
                f"slot {self.name} names {', '.join(sorted(both))} in both environment and secrets: keep it in one of "
                "them"
            )
