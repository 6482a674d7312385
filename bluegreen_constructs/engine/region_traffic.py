"""Traffic between two regions, moved by an operator: each move reads the records, compares, and writes one batch.

Nothing here judges a region: people do. What is checked is that a region has the healthy targets for its share (I1),
and that nobody else wrote meanwhile (I3).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Literal, Protocol, TypeAlias

from .errors import AwsError
from .listener_rules import Json
from .ports import HeldError, RefusedError, TargetsSeen
from .record_mark import RecordMark, mark_name
from .region_settings import RegionSettings
from .target_settings import SIDES, Side, other
from .weighted_records import WeightedRecords, found, weights_for, without_mark
from .zone_records import CheckSeen, RecordsChangedError, ZoneRecords, swap

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
    """The records of one switch in an operator's hands, by the clock `now`."""

    zone: ZoneRecords
    targets: RegionTargets
    settings: RegionSettings
    now: Callable[[], datetime]

    def look(self) -> WeightedRecords:
        """One call: the records as they are. Raises RefusedError when some are missing."""
        return self._read()[1]

    def healthy(self, side: Side) -> int:
        """Healthy targets of a side: those of its fullest group, as a service that alternates has two of them."""
        place = self.settings.places[side]
        return max((self.targets.targets(place.region, arn).healthy for arn in place.group_arns), default=0)

    def check(self, records: WeightedRecords, side: Side) -> CheckSeen | None:
        """One call: what Route 53's health checkers say of a side; None for a record without a check."""
        check_id = records.alias(side).health_check_id
        return self.zone.check(check_id) if check_id else None

    def shift(self, percent: int, *, needs: int | None = None, again: bool = False) -> Move:
        """Give the candidate `percent` of the answers.

        needs: healthy targets that all traffic needs; default: what the region that gives has registered, healthy or
        not, over its share.
        again: also after an abort, which then is forgotten.

        Raises RefusedError when the region that gets more is too small or fails its check, or after an abort; HeldError
        when somebody else wrote meanwhile; AwsError when AWS fails a call.
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
        if percent > now:
            self._refuse_failing(records)
        moved = self._seconds() if now != percent else None
        mark = records.next_mark(aborted=records.mark.aborted and not percent, moved=moved)
        return self._written("MOVED", seen, records, percent, mark)

    def promote(self) -> Move:
        """Call the candidate live, which has everything: one batch that moves nothing.

        Raises RefusedError while live still has a share, by the records or by what resolvers keep of them, and when
        nothing was shifted; HeldError and AwsError as `shift`.
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
        # By the clock of whoever moved it: one that is far from ours says nothing.
        left = SETTLING.total_seconds() - (self._seconds() - records.mark.moved)
        if 0 < left < 2 * SETTLING.total_seconds():
            raise RefusedError(
                f"live still has the users of resolvers that keep the answer of before, for {left:.0f} s more: look "
                f"then whether {self.settings.region(records.candidate)} carries everything of {target}, and promote it"
            )
        self._refuse_failing(records)
        mark = records.next_mark(live=records.candidate, aborted=False)
        return self._written("PROMOTED", seen, records, 0, mark)

    def abort(self, live: Side | None = None) -> Move:
        """Give live everything back, whatever else is there: two calls. The mark of it stays until a shift `again`.

        Also where live has everything: a shift that has read already must not win. Whether live is healthy is not asked
        first: if Route 53's checks say that it is not, Route 53 answers with the other side all the same.

        live: who is live, when the mark cannot be read; then it is written anew.

        Raises AwsError when AWS fails a call, HeldError when others write all the time, or promoted meanwhile;
        RefusedError when the records are not there, or the mark says another one.
        """
        former: Side | None = None
        for attempt in range(_TRIES):
            seen, records, is_anew = self._read_for_abort(live)
            mark = records.mark
            if former not in (None, mark.live):
                raise HeldError(
                    f"somebody promoted {self.settings.region(mark.live) or mark.live} meanwhile, and this changed "
                    f"nothing: to go back, bluegreen regions shift {self._as_target} 100"
                )
            former = mark.live
            is_back = records.share(mark.live) == 100 and not is_anew
            if is_back and mark.aborted:
                return Move("NOTHING_IN_FLIGHT", records, 2 * attempt + 1)
            state: MoveState = "NOTHING_IN_FLIGHT" if is_back else "RESTORED"
            wanted = records.next_mark(aborted=True, moved=None if is_back else self._seconds())
            try:
                move = self._written(state, seen, records, 0, wanted)
            except HeldError:
                if attempt + 1 == _TRIES:
                    raise
            else:
                notes = [f"the zone has the {one} as well, whose answers are not ours" for one in records.others]
                return Move(state, move.records, 2 * attempt + 2, (*notes, *self._note_on_live(move.records)))
        raise AssertionError  # the last try returns or raises

    @property
    def _as_target(self) -> str:
        """The target as it can be typed: what was found by a record's name alone has a name that nobody told us."""
        return self.settings.target if any(self.settings.region(side) for side in SIDES) else "TARGET"

    @property
    def _as_abort(self) -> str:
        """The command that goes back."""
        settings = self.settings
        by_name = f"--zone {settings.zone_id} --record {settings.name}"
        return f"bluegreen regions abort {by_name if self._as_target == 'TARGET' else settings.target}"

    def _seconds(self) -> int:
        return int(self.now().timestamp())

    def _read(self) -> tuple[Sequence[Json], WeightedRecords]:
        seen = self.zone.of_name(self.settings.zone_id, self.settings.name)
        records = found(seen, self.settings.name)
        if records is None or not records.is_whole:
            raise self._incomplete(seen, records)
        return seen, records

    def _read_for_abort(self, live: Side | None) -> tuple[Sequence[Json], WeightedRecords, bool]:
        """What is there, and whether its mark has to be written anew."""
        if live is None:
            return *self._read(), False
        seen = self.zone.of_name(self.settings.zone_id, self.settings.name)
        records = found(seen, self.settings.name)
        if records is not None and records.is_whole:
            if records.mark.live != live:
                raise RefusedError(
                    f"the mark can be read, and {records.mark.live} is live: {self._as_abort} without --live gives it "
                    f"everything, and bluegreen regions shift {self._as_target} 100 gives it to {live}"
                )
            return seen, records, False
        anew = without_mark(seen, self.settings.name, live)
        if anew is None:
            raise self._incomplete(seen, records)
        return seen, anew, True

    def _incomplete(self, seen: Sequence[Json], records: WeightedRecords | None) -> RefusedError:
        name = self.settings.name
        if without_mark(seen, name, "blue") is not None:
            return RefusedError(
                f"the records of {name} are there, and their mark {mark_name(name)} cannot be read: say who is live, "
                f"{self._as_abort} --live blue, or green, which writes the mark again and gives that side everything"
            )
        there = "not there" if records is None else "not complete"
        rewritten = [f"delete the {one}, and " for one in (records.in_the_way if records else ())]
        return RefusedError(
            f"the records of {name} and their mark are {there}: {''.join(rewritten)}deploy the stack of "
            f"{self._as_target} with a change of the RegionSwitch, such as of its failures, which makes them anew"
        )

    def _refuse_others(self, records: WeightedRecords) -> None:
        if records.others:
            raise RefusedError(
                f"the zone has the {', the '.join(records.others)}, so that weights do not say who gets what: delete "
                f"it; bluegreen regions abort {self.settings.target} goes back all the same"
            )

    def _refuse_failing(self, records: WeightedRecords) -> None:
        """Refuse a candidate that Route 53 does not answer: its share would be felt when the check passes, unasked."""
        side = records.candidate
        seen = self.check(records, side)
        if seen is not None and not seen.is_healthy:
            raise RefusedError(
                f"{self.settings.region(side)} fails its health check ({seen.succeeding} of {seen.checkers} checkers "
                "of Route 53 succeed), so that the other region is answered, whatever the weights: mend that first"
            )

    def _refuse_small(self, records: WeightedRecords, now: float, percent: int, needs: int | None) -> None:
        """Refuse to give a region more than its healthy targets can carry (I1)."""
        gains = records.candidate if percent > now else records.mark.live
        gives, share = other(gains), percent if percent > now else 100 - percent
        given = now if gives == records.candidate else 100 - now
        reckoned = ""
        if needs is None:
            try:
                there = self._size(gives)
            except AwsError as error:
                raise AwsError(
                    f"{self.settings.region(gives)} does not say how many healthy targets it has ({error}): say with "
                    "--needs how many all traffic needs"
                ) from error
            needs = ceil(round(there * 100 / given, 6))
            reckoned = f", reckoned from {there} targets for {given:g} % in {self.settings.region(gives)}"
        required, healthy = max(1, ceil(needs * share / 100)), self.healthy(gains)
        if healthy < required:
            target = self.settings.target
            instead = f"; bluegreen regions abort {target} goes back all the same" if gains == records.mark.live else ""
            raise RefusedError(
                f"{self.settings.region(gains)} has {healthy} healthy targets and needs {required} for {share:g} % of "
                f"{target} (all traffic needs {needs}{reckoned}): bring it there first, or say with --needs how many "
                f"all traffic needs{instead}"
            )

    def _size(self, side: Side) -> int:
        """Targets of a side's fullest group, healthy or not: while it ails, the healthy ones are not what it needs."""
        place = self.settings.places[side]
        seen = [self.targets.targets(place.region, arn) for arn in place.group_arns]
        return max((max(one.healthy, one.registered) for one in seen), default=0)

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
        region = self.settings.region(live)
        notes: list[str] = []
        if self.settings.places[live].group_arns:
            try:
                notes.append(f"{region} has {self.healthy(live)} healthy targets for everything")
            except AwsError as error:
                notes.append(f"{region} does not say how many healthy targets it has: {error}")
        try:
            seen = self.check(records, live)
        except AwsError as error:
            return (*notes, f"Route 53 does not say what its health checkers find: {error}")
        if seen is not None and not seen.is_healthy:
            notes.append(
                f"{region or live} fails its health check ({seen.succeeding} of {seen.checkers} checkers of Route 53 "
                "succeed): until it passes, the other region is answered"
            )
        return notes
