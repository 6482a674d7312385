"""Traffic between two regions, moved by an operator: each move reads the records, compares, and writes one batch.

Nothing here judges a region: people do. What is checked is that a region has the healthy targets for its share (I1),
and that nobody else wrote meanwhile (I3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Literal, Protocol, TypeAlias

from .errors import AwsError
from .listener_rules import Json
from .ports import HeldError, RefusedError, TargetsSeen
from .record_mark import RecordMark
from .region_settings import RegionSettings
from .target_settings import Side, other
from .weighted_records import WeightedRecords, found, weights_for
from .zone_records import RecordsChangedError, ZoneRecords, swap

PROPAGATION = timedelta(seconds=60)
"""Within this time a change generally reaches all name servers of Route 53.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-editing.html
"""
ALIAS_TTL = timedelta(seconds=60)
"""How long resolvers keep the answer of an alias to a load balancer; it cannot be set.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html,
https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html#request-routing
"""
SETTLING = PROPAGATION + ALIAS_TTL
"""After this time the last resolver that keeps to the TTL has the new weights."""

_TRIES = 3


class RegionTargets(Protocol):
    """Elastic Load Balancing in several regions. Any call may raise an `AwsError`."""

    def targets(self, region: str, group_arn: str) -> TargetsSeen:
        """One call: DescribeTargetHealth."""


MoveState: TypeAlias = Literal["MOVED", "UNCHANGED", "PROMOTED", "RESTORED", "NOTHING_IN_FLIGHT"]


@dataclass(frozen=True, slots=True)
class Move:
    """What was done, and the records as they are now.

    calls: AWS calls until it was written. notes: what else there is to say.
    """

    state: MoveState
    records: WeightedRecords
    calls: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RegionTraffic:
    """The records of one switch in an operator's hands."""

    zone: ZoneRecords
    targets: RegionTargets
    settings: RegionSettings

    def look(self) -> WeightedRecords:
        """One call: the records as they are. Raises RefusedError when some are missing."""
        return self._read()[1]

    def healthy(self, side: Side) -> int:
        """Healthy targets of a side: those of its fullest group, as a service that alternates has two of them."""
        place = self.settings.places[side]
        return max((self.targets.targets(place.region, arn).healthy for arn in place.group_arns), default=0)

    def shift(self, percent: int, *, needs: int | None = None, again: bool = False) -> Move:
        """Give the candidate `percent` of the answers.

        needs: healthy targets that all traffic needs; default: what the region that gives has, over its share.
        again: also after an abort, which then is forgotten.

        Raises RefusedError when the region that gets more is too small, or after an abort; HeldError when somebody else
        wrote meanwhile; AwsError when AWS fails a call.
        """
        seen, records = self._read()
        self._refuse_others(records)
        if records.mark.aborted and percent and not again:
            raise RefusedError(
                f"the last shift of {self.settings.target} was aborted: find out why, and begin anew with bluegreen "
                f"regions shift {self.settings.target} {percent} --again"
            )
        now = records.share(records.candidate)
        if now == percent and not (percent and records.mark.aborted):
            return Move("UNCHANGED", records, 1)
        if now != percent:
            self._refuse_small(records, now, percent, needs)
        mark = records.next_mark(aborted=records.mark.aborted and not percent)
        return self._written("MOVED", seen, records, percent, mark)

    def promote(self) -> Move:
        """Call the candidate live, which has everything: one batch that moves nothing.

        Raises RefusedError while live still has a share, and when nothing was shifted; HeldError and AwsError as
        `shift`.
        """
        seen, records = self._read()
        self._refuse_others(records)
        target, now = self.settings.target, records.share(records.candidate)
        if now == 0:
            raise RefusedError(f"there is nothing to promote: live has everything of {target}")
        if now < 100:
            raise RefusedError(
                f"live still has {100 - now:g} % of {target}: give the candidate all of it with bluegreen regions "
                f"shift {target} 100, or go back with bluegreen regions abort {target}"
            )
        mark = records.next_mark(live=records.candidate, aborted=False)
        return self._written("PROMOTED", seen, records, 0, mark)

    def abort(self) -> Move:
        """Give live everything back, whatever else is there: two calls. The mark of it stays until a shift `again`.

        Whether live is healthy is not asked first: if Route 53's checks say that it is not, Route 53 answers with the
        other side all the same.

        Raises AwsError when AWS fails a call, HeldError when others write all the time.
        """
        for attempt in range(_TRIES):
            seen, records = self._read()
            if records.share(records.mark.live) == 100:
                return Move("NOTHING_IN_FLIGHT", records, 2 * attempt + 1)
            try:
                move = self._written("RESTORED", seen, records, 0, records.next_mark(aborted=True))
            except HeldError:
                if attempt + 1 == _TRIES:
                    raise
            else:
                notes = [f"the zone has the {one} as well, whose answers are not ours" for one in records.others]
                return Move("RESTORED", move.records, 2 * attempt + 2, (*notes, *self._note_on_live(move.records)))
        raise AssertionError  # the last try returns or raises

    def _read(self) -> tuple[Sequence[Json], WeightedRecords]:
        seen = self.zone.of_name(self.settings.zone_id, self.settings.name)
        records = found(seen, self.settings.name)
        if records is None or not records.is_whole:
            there = "not there" if records is None else "not complete"
            raise RefusedError(
                f"the records of {self.settings.name} and their mark are {there}: deploy the stack of "
                f"{self.settings.target} with a change of the RegionSwitch, such as of its health check, which makes "
                "them anew"
            )
        return seen, records

    def _refuse_others(self, records: WeightedRecords) -> None:
        if records.others:
            raise RefusedError(
                f"the zone has the {', the '.join(records.others)}, so that weights do not say who gets what: delete "
                f"it; bluegreen regions abort {self.settings.target} goes back all the same"
            )

    def _refuse_small(self, records: WeightedRecords, now: float, percent: int, needs: int | None) -> None:
        """Refuse to give a region more than its healthy targets can carry (I1)."""
        gains = records.candidate if percent > now else records.mark.live
        gives, share = other(gains), percent if percent > now else 100 - percent
        given = now if gives == records.candidate else 100 - now
        if needs is None:
            try:
                there = self.healthy(gives)
            except AwsError as error:
                raise AwsError(
                    f"{self.settings.region(gives)} does not say how many healthy targets it has ({error}): say with "
                    "--needs how many all traffic needs"
                ) from error
            needs = ceil(round(there * 100 / given, 6))
        required, healthy = max(1, ceil(needs * share / 100)), self.healthy(gains)
        if healthy < required:
            target = self.settings.target
            instead = f"; bluegreen regions abort {target} goes back all the same" if gains == records.mark.live else ""
            raise RefusedError(
                f"{self.settings.region(gains)} has {healthy} healthy targets and needs {required} for {share:g} % of "
                f"{target} (all traffic needs {needs}): bring it there first, or say with --needs how many all traffic "
                f"needs{instead}"
            )

    def _written(
        self, state: MoveState, seen: Sequence[Json], records: WeightedRecords, percent: int, mark: RecordMark
    ) -> Move:
        """Write `percent` for the mark's candidate."""
        changes = records.changed(weights_for(percent, other(mark.live)), mark)
        settings = self.settings
        try:
            swap(self.zone, settings.zone_id, settings.name, seen=seen, changes=changes)
        except RecordsChangedError as error:
            raise HeldError(
                f"{error}, and nothing was changed: see bluegreen regions status {settings.target}, and type it again "
                "if it is still wanted"
            ) from error
        written = [one["ResourceRecordSet"] for one in changes if one["Action"] == "CREATE"]
        now = found([one for one in written if isinstance(one, dict)], settings.name)
        return Move(state, now or records, 2)

    def _note_on_live(self, records: WeightedRecords) -> Sequence[str]:
        """What is known of live's health, now that it has everything; it must not fail what was done."""
        live = records.mark.live
        if not self.settings.places[live].group_arns:
            return ()
        try:
            healthy = self.healthy(live)
        except AwsError as error:
            return (f"{self.settings.region(live)} does not say how many healthy targets it has: {error}",)
        return (f"{self.settings.region(live)} has {healthy} healthy targets for everything",)
