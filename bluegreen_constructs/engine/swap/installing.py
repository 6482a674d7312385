"""What a stack's events do to an application with slots: first revisions, the record, the bounds. And nothing else.

No event changes what a side runs, which side serves a slot, or any rule: that is what operations do. And each can be
repeated: events come twice, late, or after a call that timed out but had its effect.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast

from ..errors import RolloutError
from ..ports import LostLockError
from ..slot_settings import PRODUCTION, RENDERING_TAG, SLOT_TAG, SlotSettings, SlotSide, SlotsSettings
from .ports import ActiveSides, DefinitionSeen, SlotServices, SlotsStore
from .record import SideRecord, SlotsRecord
from .rendering import ACTIVE, RELEASE, Content, image_of, rendered
from .wanted_slots import WantedSlots

_TRIES = 5
_ROLES = ("taskRoleArn", "executionRoleArn")


class Families(Protocol):
    """The families of task definitions. Any call may raise an `AwsError`."""

    def revisions(self, family: str) -> Sequence[str]:
        """The ARNs of the active revisions, the newest first; none of a family that does not exist."""


class ActiveParameters(ActiveSides, Protocol):
    """`ActiveSides`, with an end."""

    def forget(self, parameter: str) -> None:
        """Delete what was told; one that is gone is no error."""


@dataclass(frozen=True, slots=True)
class Installing:
    """Applies one event of the stack `stack_id`; each method answers what was done, in one sentence."""

    stack_id: str
    services: SlotServices
    families: Families
    store: SlotsStore
    active: ActiveParameters

    def create(self, wanted: WantedSlots) -> str:
        """Register what each side runs first, and put the record; one that this stack has made is left as it is.

        The record of another stack, which is gone with its services, is replaced.
        """
        for _ in range(_TRIES):
            found = self.store.slots(wanted.target)
            if found and found.stack_id == self.stack_id:
                return "the record was there, and was left as it is"
            sides = self._first_of(wanted, wanted.initial_map)
            # Before the record, for with it the application is there: a retry would not come here again.
            self.active.tell(wanted.settings.role_parameter, wanted.initial_map[PRODUCTION])
            record = SlotsRecord(
                target=wanted.target,
                stack_id=self.stack_id,
                sides_of=wanted.initial_map,
                sides=sides,
                fence=found.fence if found else 0,
                revision=found.revision if found else 0,
            )
            if self._put(record, found):
                return "made the record" if found is None else "replaced the record of a former stack"
        raise _contended(wanted)

    def update(self, wanted: WantedSlots) -> str:
        """Add what is new to the record, take away what is gone; all else the next operation reads from the settings.

        Raises RolloutError for a slot that cannot go. The update that then goes back finds all that it wants there, and
        one that takes an addition back finds a slot that no operation can have begun with, for none begins while the
        stack is updated: so no rollback fails for an operation that is under way.
        """
        for _ in range(_TRIES):
            found = self.store.slots(wanted.target)
            if found is None or found.stack_id != self.stack_id:
                return "there is no record of this stack, so nothing was changed: bring the engine's table back"
            change = _Change.between(found, wanted)
            if change.is_nothing:
                return "no slot has come or gone"
            change.refuse(found)
            added = self._first_of(wanted, change.added)
            record = replace(
                found,
                sides_of={slot: side for slot, side in found.sides_of.items() if slot not in change.removed}
                | change.added,
                sides={side: held for side, held in found.sides.items() if side not in change.removed.values()} | added,
            )
            if self._put(record, found):
                return f"added {_listed(change.added)}, removed {_listed(change.removed)}"
        raise _contended(wanted)

    def delete(self, wanted: WantedSlots) -> str:
        """Make all revisions of the sides inactive, and give the record up; what is gone already is no error."""
        revisions = [arn for side in wanted.settings.sides for arn in self.families.revisions(side.family)]
        for arn in revisions:
            self.services.retire(arn)
        self.active.forget(wanted.settings.role_parameter)
        for _ in range(_TRIES):
            found = self.store.slots(wanted.target)
            if found is None or found.stack_id != self.stack_id:
                break
            if self._put(replace(found, stack_id="", op=None, execution=""), found):
                break
        else:
            raise _contended(wanted)
        return f"made {len(revisions)} revisions inactive"

    def bound(self, wanted: WantedSlots, former: WantedSlots | None = None) -> str:
        """Keep each side's number of tasks within the bounds of the slot that it serves.

        While an operation is under way only sides that are new: its end sets the bounds of the others.
        """
        found = self.store.slots(wanted.target)
        sides_of = found.sides_of if found and found.stack_id == self.stack_id else wanted.initial_map
        known = {side.name for side in former.settings.sides} if former and found and found.op else set()
        slots = [slot for slot in wanted.settings.slots if slot.name in sides_of and sides_of[slot.name] not in known]
        for slot in slots:
            side = wanted.settings.side(sides_of[slot.name])
            self.services.bound(wanted.settings.cluster, side, slot.minimum, slot.maximum)
        left = "" if not known else "; the others follow when the operation that is under way ends"
        return f"set the bounds of {', '.join(slot.name for slot in slots) or 'no slot'}{left}"

    def _put(self, record: SlotsRecord, former: SlotsRecord | None) -> bool:
        try:
            self.store.put_slots(record, former)
        except LostLockError:
            return False
        return True

    def _first_of(self, wanted: WantedSlots, sides_of: dict[str, str]) -> dict[str, SideRecord]:
        settings = wanted.settings
        return {
            side: self._first(settings, settings.side(side), settings.slot(slot)) for slot, side in sides_of.items()
        }

    def _first(self, settings: SlotsSettings, side: SlotSide, slot: SlotSettings) -> SideRecord:
        """What the side runs first. A revision of this slot and its roles is from an earlier try, or runs already."""
        own = self.services.definition(slot.definition).content
        newest = [self.services.definition(arn) for arn in self.families.revisions(side.family)[:1]]
        if newest and _is_of(newest[0], slot, own):
            seen = newest[0]
            return SideRecord(_release_in(seen.content, settings), seen.arn, seen.tags.get(RENDERING_TAG, ""))
        release = released_as(image_of(own, settings.container))
        rendering = rendered(
            settings,
            slot=slot.name,
            side=side,
            of_slot=own,
            of_release=own,
            release=release,
            role=ACTIVE if slot.name == PRODUCTION else "",
        )
        return SideRecord(release, self.services.register(rendering.content, rendering.tags), rendering.digest)


@dataclass(frozen=True, slots=True)
class _Change:
    """The slots that come and go, each with its side."""

    added: dict[str, str]
    removed: dict[str, str]
    lost_sides: frozenset[str]
    new_sides: frozenset[str]

    @staticmethod
    def between(found: SlotsRecord, wanted: WantedSlots) -> "_Change":
        initial = wanted.initial_map
        sides = set(initial.values())
        return _Change(
            added={slot: side for slot, side in initial.items() if slot not in found.sides_of},
            removed={slot: side for slot, side in found.sides_of.items() if slot not in initial},
            lost_sides=frozenset(found.sides_of.values()) - sides,
            new_sides=frozenset(sides - set(found.sides_of.values())),
        )

    @property
    def is_nothing(self) -> bool:
        return not (self.added or self.removed or self.lost_sides or self.new_sides)

    def refuse(self, found: SlotsRecord) -> None:
        """Raise RolloutError for slots that cannot come or go like this, with what to do instead."""
        if self.added and self.removed:
            raise RolloutError(
                f"this update adds the slots {_listed(self.added)} and removes {_listed(self.removed)}: do one of both "
                "first, a renamed slot is a new one"
            )
        for slot, side in self.removed.items():
            if side not in self.lost_sides:
                serving = ", ".join(f"{lost} serves {found.slot_of(lost)}" for lost in sorted(self.lost_sides))
                raise RolloutError(
                    f"slot {slot} cannot be removed: it is on side {side}, and this update takes another one away "
                    f"({serving or 'none'}): swap until {slot} is on the last side, or keep the slot"
                )
            operation = found.op
            if operation and (slot == operation.slot or side in {operation.candidate, operation.live}):
                raise RolloutError(
                    f"slot {slot} cannot be removed: {operation.kind.value} {operation.id} is under way with it since "
                    f"{operation.started_at.isoformat()}: wait for its end, or cancel it"
                )
        if set(self.added.values()) != self.new_sides:
            raise RolloutError(
                f"this update adds the slots {_listed(self.added)} before others: add a slot behind those that are "
                "there"
            )


def released_as(image: str) -> str:
    """The name of the release that an image is: its digest, else its tag."""
    bare, _, digest = image.partition("@")
    if digest:
        return digest
    _, colon, tag = bare.rpartition(":")
    return tag if colon and "/" not in tag else "latest"


def _is_of(seen: DefinitionSeen, slot: SlotSettings, own: Content) -> bool:
    """Roles get new names when a stack makes them again: a revision with others is of a former life of the slot."""
    return seen.tags.get(SLOT_TAG) == slot.name and all(seen.content.get(role) == own.get(role) for role in _ROLES)


def _release_in(content: Content, settings: SlotsSettings) -> str:
    containers = cast("Sequence[Content]", content.get("containerDefinitions") or [])
    values = [
        str(one.get("value"))
        for container in containers
        if container.get("name") == settings.container
        for one in cast("Sequence[Content]", container.get("environment") or [])
        if one.get("name") == RELEASE
    ]
    return values[0] if values else released_as(image_of(content, settings.container))


def _listed(slots: dict[str, str]) -> str:
    return ", ".join(slots) or "none"


def _contended(wanted: WantedSlots) -> RolloutError:
    return RolloutError(
        f"the record of {wanted.target} was changed by others {_TRIES} times in a row: deploy again when the operation "
        "that is under way has ended"
    )
