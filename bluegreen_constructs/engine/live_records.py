"""The live records: how a stack's events are applied to weighted records whose weights belong to somebody else.

Weights are decided when the records are made, and never again: a stack update must not move traffic, so it writes the
weights that it read, in a batch that fails when they are others by then. What a side with traffic leads to does not
change either. And every step can be repeated: events come twice, late, or after a call that timed out but had its
effect.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from .errors import AwsError, RolloutError
from .handled_requests import HANDLED_TAG, is_handled, is_refused, with_handled
from .listener_rules import Json
from .record_mark import RecordMark
from .record_settings import RecordSettings
from .target_settings import SIDES, Side
from .weighted_records import AliasTo, WeightedRecords, answering, created, found, is_of_a_switch
from .zone_records import RecordsChangedError, ZoneNotFoundError, ZoneRecords, swap

# How long to wait, in seconds, before what somebody else wrote meanwhile is read again.
_PAUSES_S = (1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class LiveRecords:
    """Applies one event of one custom resource; each answers what was done in one sentence.

    owner: the custom resource, as `record_mark.owner_of` hashes it.
    """

    zone: ZoneRecords
    owner: str
    request_id: str
    pause: Callable[[float], None]

    def create(self, wanted: RecordSettings) -> str:
        """Make the records with all weight on blue, or adopt those that an earlier try of the same event has made.

        Raises RolloutError when somebody else's records answer for the name.
        """
        return self._again(lambda: self._created(wanted))

    def update(self, wanted: RecordSettings, former: RecordSettings) -> str:
        """Bring what the records lead to, and their health checks, to what is wanted; with the weights as they are.

        Raises RolloutError for another name or zone, and for another load balancer of a side that has traffic.
        """
        return self._again(lambda: self._updated(wanted, former))

    def delete(self, zone_id: str, name: str) -> str:
        """Delete our records; nothing there, or no zone, is success."""
        return self._again(lambda: self._deleted(zone_id, name))

    def _again(self, work: Callable[[], str]) -> str:
        """Do it once more from its beginning when somebody else wrote in between."""
        for pause in _PAUSES_S:
            try:
                return work()
            except RecordsChangedError:
                self.pause(pause)
        return work()

    def _created(self, wanted: RecordSettings) -> str:
        seen = self.zone.of_name(*wanted.place)
        own = found(seen, wanted.name, self.owner)
        if own is not None:
            if is_handled(own.mark.tags, self.request_id):
                return "the records were there from an earlier try of this request"
            # A refusal would have CloudFormation delete them: what has traffic goes on as it is.
            self._write(wanted, seen, own, self._targets(wanted, wanted, own))
            return "adopted the records with this resource's mark and left their weights alone"
        return self._made(wanted, seen, "created the records with all weight on blue")

    def _made(self, wanted: RecordSettings, seen: Sequence[Json], note: str) -> str:
        there = answering(seen, wanted.name)
        if there:
            instead = (
                "they belong to another RegionSwitch: keep its construct id, or give this one another name"
                if is_of_a_switch(seen, wanted.name)
                else "give this RegionSwitch a name of its own, and when it is there let the existing record become an "
                "alias to it (one UPSERT)"
            )
            raise RolloutError(f"zone {wanted.zone_id} has the {', the '.join(there)}: {instead}")
        mark = RecordMark(self.owner, 1, "blue", handled=with_handled({}, self.request_id)[HANDLED_TAG])
        self._swap(wanted, seen, created(wanted.name, mark, wanted.targets))
        return note

    def _updated(self, wanted: RecordSettings, former: RecordSettings) -> str:
        seen = self.zone.of_name(*wanted.place)
        own = found(seen, wanted.name, self.owner)
        if own is None and wanted.place != former.place:
            raise RolloutError(
                f"the records {former.name} of zone {former.zone_id} do not move to {wanted.name} of zone "
                f"{wanted.zone_id}, as clients would go on asking for the former name: make a second RegionSwitch "
                "under another id, and take this one away when nobody asks for it any more"
            )
        if own is None:
            note = "the records were missing and were created anew with all weight on blue"
            return self._made(wanted, seen, note)
        if is_refused(own.mark.tags, self.request_id):
            raise RolloutError("this request was refused before; nothing was changed")
        if is_handled(own.mark.tags, self.request_id):
            return "this request was handled before; nothing was changed"
        if wanted == former and own.is_whole:
            return "nothing has changed"
        if own.in_the_way:
            return _left_alone(wanted, own)
        try:
            self._write(wanted, seen, own, self._targets(wanted, former, own))
        except RecordsChangedError:
            raise
        except (AwsError, RolloutError):
            self._remember_refusal(wanted)
            raise
        return "updated the records and left their weights alone"

    def _targets(self, wanted: RecordSettings, former: RecordSettings, own: WeightedRecords) -> Mapping[Side, AliasTo]:
        """What the records have to lead to: what is wanted, as long as no client is led elsewhere by it (I2).

        It is compared with what was read, so that the way back from a refused update is always free. Where only the
        zone differs and the stack wants nothing new, a person repaired something by hand: it stays, while it is in use.

        Raises RolloutError for another load balancer of a side with traffic.
        """
        targets = dict(wanted.targets)
        for side in own.sides:
            there, asked = own.alias(side), wanted.targets[side]
            if not own.weights[side] or there.leads_as(asked):
                continue
            if not asked.leads_as(former.targets[side]):
                raise RolloutError(
                    f"{side} has {own.share(side):g} % of {wanted.name} and would lead to {asked.dns_name} of zone "
                    f"{asked.zone_id} instead of {there.dns_name.rstrip('.')} of zone {there.zone_id}: shift to the "
                    "other side first, then change this one; no stack update moves traffic"
                )
            targets[side] = replace(asked, dns_name=there.dns_name, zone_id=there.zone_id)
        return targets

    def _deleted(self, zone_id: str, name: str) -> str:
        try:
            seen = self.zone.of_name(zone_id, name)
            own = found(seen, name, self.owner)
            if own is None:
                return "there were no records to delete"
            swap(self.zone, zone_id, name, seen=seen, changes=own.removed())
        except ZoneNotFoundError:
            return "there was no zone to delete records in"
        return "deleted the records"

    def _write(
        self, wanted: RecordSettings, seen: Sequence[Json], own: WeightedRecords, targets: Mapping[Side, AliasTo]
    ) -> None:
        handled = with_handled(own.mark.tags, self.request_id)[HANDLED_TAG]
        self._swap(wanted, seen, own.changed(own.weights, own.next_mark(handled=handled), targets))

    def _swap(self, wanted: RecordSettings, seen: Sequence[Json], changes: Sequence[Json]) -> None:
        swap(self.zone, wanted.zone_id, wanted.name, seen=seen, changes=changes)

    def _remember_refusal(self, wanted: RecordSettings) -> None:
        """Mark a failed request as handled, so that its late duplicate cannot undo the rollback that follows."""
        try:
            seen = self.zone.of_name(*wanted.place)
            own = found(seen, wanted.name, self.owner)
            if own is None or not own.is_whole or is_handled(own.mark.tags, self.request_id):
                return
            handled = with_handled(own.mark.tags, self.request_id, refused=True)[HANDLED_TAG]
            self._swap(wanted, seen, own.changed(own.weights, own.next_mark(handled=handled)))
        except AwsError:
            return  # the failure itself is what has to be reported


def _left_alone(wanted: RecordSettings, own: WeightedRecords) -> str:
    """What to do about own record sets that somebody made something else of: nothing can be written beside them.

    An update that wants what can be read already is no failure, and CloudFormation's way back from a refused one is
    such an update.

    Raises RolloutError for one that wants something else.
    """
    way_out = (
        "bluegreen regions abort with --live blue, or green, writes the mark again and gives that side everything"
        if len(own.sides) == len(SIDES)
        else "delete it and deploy again with a change of the RegionSwitch; if the mark is missing then, bluegreen "
        "regions abort with --live blue, or green, writes it again"
    )
    said = f"somebody else wrote the {', the '.join(own.in_the_way)}: {way_out}; nothing was changed"
    for side in own.sides:
        there, asked = own.alias(side), wanted.targets[side]
        if not there.leads_as(asked) or there.health_check_id != asked.health_check_id:
            raise RolloutError(said)
    return said
