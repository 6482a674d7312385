"""MigrationTask: a one-off task with the candidate's image before it runs, and when it may not be run. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, TypeAlias, get_args

from .errors import ConfigurationError
from .spans import Span, as_timedelta, in_words

MigrationKind: TypeAlias = Literal["expand", "contract"]

# A client token is remembered for 24 hours, and Amazon ECS waits as long for a hook.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
LONGEST_MIGRATION = timedelta(hours=23)
MOST_DETAILS = 6000
"""How many characters of JSON the migrations of a service may have: a hook's progress travels beside them."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,63}")


@dataclass(frozen=True)
class MigrationTask:
    """A command that is run once in the candidate's image before any of its tasks starts, such as a schema migration.

    It runs in the service's network with the task definition's roles, while live serves. Exit code 0 lets the
    deployment go on; anything else, or the time-out, fails it before the candidate was started. It is not undone when
    the release is taken back later, so say what it does:

    kind: `"expand"` adds what the candidate needs and live does not mind; the release can go back. `"contract"` takes
        away what earlier releases needed. Amazon ECS has no hook after the bake, when nobody would go back any more,
        so a contract migration is one of a later release, and says by `after` which one no longer needed the former
        shape: it is refused while any other one is live.
    command: what to run instead of the image's command; a list of words.
    after: (contract only) the releases that no longer need the former shape, by image tag or digest.
    name: how the history calls it; one name for each migration of a service.
    timeout: when it ends the task is stopped, wherever it is, and the deployment fails (default 30 min, below 24 h).
        A deployment that ends earlier, such as an aborted one, leaves it running: the next one that has this migration
        waits for it as long, then stops it, and begins its own, with all its time, once that one has ended. Amazon ECS
        waits 24 h for all of this together.
    environment: variables besides the container's.
    cpu, memory_mib: of the task, if it needs another size than the service's (default: the task definition's).

    Nothing is run for a release that is live already, nor twice for one task definition where there is a history. On
    the first deployment it is run, as there is no live. Make an expand command harmless when it is repeated, also by
    an earlier release: going back to one is a deployment, too.

    Raises ConfigurationError for what could not be run, or not be gone back from.
    """

    command: Sequence[str]
    kind: MigrationKind
    after: str | Sequence[str] = ()
    name: str = "migration"
    timeout: Span = timedelta(minutes=30)
    environment: Mapping[str, str] = field(default_factory=dict)
    cpu: int | None = None
    memory_mib: int | None = None

    def __post_init__(self) -> None:
        """Refuse at synth what must not be run."""
        if isinstance(self.command, str) or not self.command or not all(isinstance(one, str) for one in self.command):
            raise ConfigurationError(
                f"MigrationTask command is {self.command!r}: give a list of words, such as "
                "['alembic', 'upgrade', 'head']"
            )
        object.__setattr__(self, "command", tuple(self.command))
        object.__setattr__(self, "environment", dict(self.environment))
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"MigrationTask name is {self.name!r}: use at most 64 letters, digits, dots, hyphens, _ and spaces"
            )
        self._check_kind()
        span = as_timedelta(self.timeout, "MigrationTask timeout")
        if not timedelta() < span <= LONGEST_MIGRATION:
            raise ConfigurationError(
                f"MigrationTask timeout is {in_words(span)}: give more than zero and at most 23 h, as Amazon ECS waits "
                "24 h for a hook"
            )
        object.__setattr__(self, "timeout", span)
        if any(size is not None and (type(size) is not int or size < 1) for size in (self.cpu, self.memory_mib)):
            raise ConfigurationError(
                f"MigrationTask has cpu={self.cpu!r} and memory_mib={self.memory_mib!r}: give whole numbers above 0"
            )

    def _check_kind(self) -> None:
        after = (self.after,) if isinstance(self.after, str) else tuple(self.after)
        after = tuple(release for release in after if release)
        object.__setattr__(self, "after", after)
        if self.kind not in get_args(MigrationKind):
            raise ConfigurationError(
                f"MigrationTask kind is {self.kind!r}: give 'expand' when live goes on with what it does, or "
                "'contract' when it takes away what earlier releases need"
            )
        if self.kind == "contract" and not after:
            raise ConfigurationError(
                f"MigrationTask {self.name!r} contracts while live still serves, and Amazon ECS has no hook after the "
                "bake: ship a release first that no longer needs the former shape (with an expand migration if it "
                "needs one), and contract with the next one, with after='<that release>'"
            )
        if self.kind == "expand" and after:
            raise ConfigurationError(
                f"MigrationTask {self.name!r} expands and has after={', '.join(after)}: leave it out, as every live "
                "release must go on with what an expand migration does, or say kind='contract'"
            )

    @property
    def span(self) -> timedelta:
        """The time-out as a timedelta."""
        return as_timedelta(self.timeout, "MigrationTask timeout")

    def refusal(self, live: Sequence[str] | None) -> str:
        """Why it may not be run now, in words; empty when it may.

        live: the names by which the live release may be called (None: there is no live release).
        """
        if self.kind == "expand" or live is None or set(live) & set(self.after):
            return ""
        after = " or ".join(self.after)
        return (
            f"it contracts after {after}, and live is {live[0] if live else 'not known'}, which may still need what it "
            f"takes away: ship {after} first; or, if live does not need it either, name live in after=; if it was "
            "run long ago, take it out of the hooks"
        )

    def to_details(self) -> dict[str, object]:
        """The migration as JSON values, for a hook's details."""
        details: dict[str, object] = {
            "name": self.name,
            "kind": self.kind,
            "command": list(self.command),
            "after": list(self.after),
            "timeout": self.span.total_seconds(),
            "environment": dict(self.environment),
        }
        sizes = {"cpu": self.cpu, "memory_mib": self.memory_mib}
        return {**details, **{name: size for name, size in sizes.items() if size is not None}}

    @staticmethod
    def from_details(details: Mapping[str, object]) -> "MigrationTask":
        """The migration that `to_details` wrote."""
        known: Mapping[str, Any] = details
        return MigrationTask(
            command=tuple(known["command"]),
            kind=known["kind"],
            after=tuple(known.get("after", ())),
            name=str(known["name"]),
            timeout=timedelta(seconds=float(known["timeout"])),
            environment=dict(known.get("environment", {})),
            cpu=known.get("cpu"),
            memory_mib=known.get("memory_mib"),
        )


def refuse_unfit(migrations: Sequence[MigrationTask]) -> None:
    """Raise ConfigurationError for migrations that one hook cannot look after: none, too much text, one name twice.

    By one name the history could not tell which of them was run.
    """
    if not migrations:
        raise ConfigurationError("there are no migrations to run: give at least one")
    size = len(json.dumps([migration.to_details() for migration in migrations]))
    if size > MOST_DETAILS:
        raise ConfigurationError(
            f"the migrations are {size} characters of JSON, and a hook carries {MOST_DETAILS}: put long commands into "
            "a script in the image"
        )
    names = [migration.name for migration in migrations]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(f"two migrations have the name {twice[0]!r}: give each a name of its own")


def names_of(image: str, digest: str = "") -> tuple[str, ...]:
    """By what names a release with this image may be called: its tag, its digest, the whole reference."""
    bare, _, named_digest = image.partition("@")
    head, colon, tail = bare.rpartition(":")
    tag = tail if colon and "/" not in tail and head else ""
    return tuple(dict.fromkeys(name for name in (tag, named_digest, digest, image) if name))
