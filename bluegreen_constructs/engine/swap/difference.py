"""What a swap will change, said before it: for production, and for the slot that gets what production has now. Pure.

The answer is what `rendering` would make of both ends now, next to what they run.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from ..slot_settings import PRODUCTION, SlotsSettings
from .record import SlotsRecord
from .rendering import OWN_NAMES, Content, image_of, rendered, sticky_settings, travelling_settings

# Of the container that runs the release, besides its image: how it is started travels, too.
_STARTED_BY = ("entryPoint", "command", "workingDirectory")
_ROLES = ("taskRoleArn", "executionRoleArn")
_NAMED = frozenset({"environment", "secrets"})

_Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class End:
    """One end of a swap as it is now: a slot, its own task definition, and the revision that its side runs."""

    slot: str
    template: Content
    revision: Content


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that travels, before and after (None: it is not there). Of a secret where it is read from."""

    name: str
    before: str | None
    after: str | None

    @property
    def kind(self) -> Literal["added", "removed", "changed"]:
        """What happens to it."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    def as_json(self) -> dict[str, object]:
        """As JSON values."""
        return {"name": self.name, "change": self.kind, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class EndDifference:
    """What a swap changes for one slot.

    side, release, image: before and after. changes: of the settings that travel with the release. stays: the names of
    the settings that stay with the slot. roles: the roles of its tasks, which no swap changes. minimum, maximum: how
    many tasks the slot runs, before and after. pending: what has changed in the slot's own task definition since its
    side was rendered: this swap applies it, though it has nothing to do with the release.
    """

    slot: str
    side: tuple[str, str]
    release: tuple[str, str]
    image: tuple[str, str]
    changes: tuple[Change, ...]
    stays: tuple[str, ...]
    roles: tuple[str, ...]
    minimum: int
    maximum: int
    pending: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "slot": self.slot,
            "side": _pair(self.side),
            "release": _pair(self.release),
            "image": _pair(self.image),
            "settings": [one.as_json() for one in self.changes],
            "stays": list(self.stays),
            "roles": list(self.roles),
            "minimum": self.minimum,
            "maximum": self.maximum,
            "pending": list(self.pending),
        }


@dataclass(frozen=True, slots=True)
class SwapDifference:
    """What a swap changes for production and for the slot; `tasks`: how many the candidate gets (None: not known)."""

    target: str
    production: EndDifference
    slot: EndDifference
    tasks: int | None = None

    def as_json(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "target": self.target,
            "production": self.production.as_json(),
            "slot": self.slot.as_json(),
            "candidate_tasks": self.tasks,
        }


def difference(
    settings: SlotsSettings, record: SlotsRecord, *, production: End, slot: End, running: int | None = None
) -> SwapDifference:
    """What a swap of the slot with production would change now.

    running: production's tasks, as many of which the candidate gets at least. Raises AwsError when a revision has no
    such container, ConfigurationError for a slot or a side that the settings do not know.
    """
    return SwapDifference(
        record.target,
        _of_end(settings, record, production, gets=slot),
        _of_end(settings, record, slot, gets=production),
        None if running is None else max(1, running),
    )


def _of_end(settings: SlotsSettings, record: SlotsRecord, end: End, *, gets: End) -> EndDifference:
    own, other = record.sides_of[end.slot], record.sides_of[gets.slot]
    bounds = settings.slot(end.slot)
    image = settings.container
    return EndDifference(
        slot=end.slot,
        side=(own, other),
        release=(record.sides[own].release, record.sides[other].release),
        image=(image_of(end.revision, image), image_of(gets.revision, image)),
        changes=tuple(_changes(_travelling(end.revision, settings), _travelling(gets.revision, settings))),
        stays=tuple(sorted(sticky_settings(end.template, settings))),
        roles=tuple(str(end.template[role]) for role in _ROLES if end.template.get(role)),
        minimum=bounds.minimum,
        maximum=bounds.maximum,
        pending=tuple(dict.fromkeys(_pending(settings, record, end))),
    )


def _travelling(content: Content, settings: SlotsSettings) -> dict[str, str]:
    container = _container(content, settings.container)
    started_by = {name: json.dumps(container[name]) for name in _STARTED_BY if container.get(name)}
    return {**started_by, **travelling_settings(content, settings)}


def _changes(before: _Values, after: _Values) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Change(name, before.get(name), after.get(name))


def _pending(settings: SlotsSettings, record: SlotsRecord, end: End) -> Iterator[str]:
    """What the side would be rendered with now, for the same slot and release, besides what it runs."""
    side = record.sides_of[end.slot]
    wanted = rendered(
        settings,
        slot=end.slot,
        side=settings.side(side),
        of_slot=end.template,
        of_release=end.revision,
        release=record.sides[side].release,
    ).content
    yield from (key for key in _differing(wanted, end.revision) if key not in {"containerDefinitions", "family"})
    names = {str(one.get("name")): None for one in (*_containers(wanted), *_containers(end.revision))}
    for name in names:
        yield from (f"{name}: {what}" for what in _of_container(wanted, end.revision, name))


def _of_container(wanted: Content, found: Content, name: str) -> Iterator[str]:
    after, before = _container(wanted, name), _container(found, name)
    if not after or not before:
        yield "added" if after else "removed"
        return
    yield from (key for key in _differing(after, before) if key not in _NAMED)
    for kind in sorted(_NAMED):
        new, old = _by_name(after, kind), _by_name(before, kind)
        yield from (one for one in sorted({*new, *old}) if one not in OWN_NAMES and new.get(one) != old.get(one))


def _differing(one: Content, other: Content) -> list[str]:
    """The keys whose values differ; ECS answers an empty one for what was not given."""
    return sorted(key for key in {*one, *other} if (one.get(key) or None) != (other.get(key) or None))


def _by_name(container: Content, kind: str) -> dict[str, Content]:
    return {str(one.get("name")): one for one in cast("Sequence[Content]", container.get(kind) or [])}


def _container(content: Content, name: str) -> Content:
    return next((one for one in _containers(content) if one.get("name") == name), {})


def _containers(content: Content) -> Sequence[Content]:
    return cast("Sequence[Content]", content.get("containerDefinitions") or [])


def _pair(values: tuple[str, str]) -> dict[str, str]:
    return {"before": values[0], "after": values[1]}


def ends_of(record: SlotsRecord, settings: SlotsSettings, slot: str) -> dict[str, tuple[str, str]]:
    """Of production and of `slot`: the slot's own task definition, and the revision that its side runs, by ARN."""
    return {
        name: (settings.slot(name).definition, record.sides[record.sides_of[name]].definition)
        for name in (PRODUCTION, slot)
    }
