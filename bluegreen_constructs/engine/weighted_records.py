"""Two weighted alias records of one name: read as shares and a fence, and the batch that brings wanted shares; pure.

Route 53 makes all changes of a batch or none, and a DELETE has to say all that the record set is, its weight too. So a
batch that deletes what was read and creates what is wanted is a compare-and-swap: it fails when anybody else wrote. The
fence in the mark makes it fail also when the same weights are there again.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .errors import RolloutError
from .listener_rules import Json
from .record_mark import MARK_TTL_SECONDS, RecordMark, mark_name
from .target_settings import SIDES, Side, other

_IDENTIFIER = re.compile(r"bluegreen-(blue|green)-([0-9a-f]{16})")
# What else at the name would answer clients beside the weights, or in their place.
_ANSWERS = ("A", "AAAA", "CNAME", "HTTPS", "SVCB")


@dataclass(frozen=True, slots=True)
class AliasTo:
    """What a side's record leads to.

    dns_name, zone_id: the load balancer's, as Elastic Load Balancing says them.
    health_check_id: Route 53's check of it.
    """

    dns_name: str
    zone_id: str
    health_check_id: str

    def leads_as(self, other: "AliasTo") -> bool:
        """Whether both lead to one load balancer, whatever their health checks."""
        return self.zone_id == other.zone_id and same_name(self.dns_name, other.dns_name)


@dataclass(frozen=True, slots=True)
class WeightedRecords:
    """What a zone holds of one switch.

    name: without a last dot. mark: what its TXT record says, or what has to be assumed without one. sides: the alias
    record sets as they were read. mark_set: the TXT record set as it was read. others: what else answers for the name.
    in_the_way: what somebody made of our own record sets, so that they can neither be read nor made again beside it.
    """

    name: str
    mark: RecordMark
    sides: Mapping[Side, Json]
    mark_set: Json | None
    others: tuple[str, ...] = ()
    in_the_way: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether both sides and the mark are there."""
        return self.mark_set is not None and len(self.sides) == len(SIDES)

    @property
    def candidate(self) -> Side:
        """The side that is not live."""
        return other(self.mark.live)

    @property
    def weights(self) -> Mapping[Side, int]:
        """The weights by which Route 53 answers, never all 0.

        Records that all have 0 are answered equally often; a record that is there alone is always answered.
        https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html
        """
        if len(self.sides) < len(SIDES):
            serving = next(iter(self.sides), self.mark.live)
            return weights_for(100, serving)
        read = {side: _weight(self.sides[side]) for side in SIDES}
        return read if any(read.values()) else {"blue": 50, "green": 50}

    def share(self, side: Side) -> float:
        """Percent of the answers that lead to this side, while both are healthy."""
        weights = self.weights
        return round(1000 * weights[side] / sum(weights.values())) / 10

    def alias(self, side: Side) -> AliasTo:
        """What the record of a side that is there leads to, as it was read."""
        one = self.sides[side]
        target = one["AliasTarget"]
        there = target if isinstance(target, Mapping) else {}
        name, zone_id = str(there.get("DNSName", "")), str(there.get("HostedZoneId", ""))
        return AliasTo(name, zone_id, str(one.get("HealthCheckId", "")))

    def changed(
        self, weights: Mapping[Side, int], mark: RecordMark, targets: Mapping[Side, AliasTo] | None = None
    ) -> list[Json]:
        """The batch that brings these weights and this mark.

        targets: what the records lead to; default: what they lead to now, which needs both of them to be there.
        """
        _refuse_weights(weights)
        if targets is None:
            wanted: list[Json] = [{**self.sides[side], "Weight": weights[side]} for side in SIDES]
        else:
            wanted = [_alias_set(self.name, mark.owner, side, targets[side], weights[side]) for side in SIDES]
        return [*self.removed(), *_creates([*wanted, _mark_set(self.name, mark)])]

    def removed(self) -> list[Json]:
        """The batch that deletes what was read."""
        read = [self.sides[side] for side in SIDES if side in self.sides]
        if self.mark_set is not None:
            read.append(self.mark_set)
        return [{"Action": "DELETE", "ResourceRecordSet": one} for one in read]

    def next_mark(
        self,
        *,
        live: Side | None = None,
        aborted: bool | None = None,
        handled: str | None = None,
        moved: int | None = None,
    ) -> RecordMark:
        """The mark with the next fence, and with what is given (None: as it is)."""
        mark = self.mark
        return RecordMark(
            mark.owner,
            mark.fence + 1,
            mark.live if live is None else live,
            mark.aborted if aborted is None else aborted,
            mark.handled if handled is None else handled,
            mark.moved if moved is None else moved,
        )


def created(name: str, mark: RecordMark, targets: Mapping[Side, AliasTo]) -> list[Json]:
    """The batch that makes the records where there are none: all to the live side."""
    weights = weights_for(100, mark.live)
    wanted = [_alias_set(name, mark.owner, side, targets[side], weights[side]) for side in SIDES]
    return _creates([*wanted, _mark_set(name, mark)])


def weights_for(percent: int, side: Side) -> dict[Side, int]:
    """The weights that give `side` so many percent; Route 53 takes whole numbers up to 255.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-weighted.html
    """
    rest = other(side)
    weights: dict[Side, int] = {side: percent, rest: 100 - percent}
    return {one: weights[one] for one in SIDES}


def found(sets: Iterable[Json], name: str, owner: str | None = None) -> WeightedRecords | None:
    """The records of `owner` among a zone's record sets, also when some of them are missing; None when all are.

    owner: as `record_mark.owner_of` hashes it; default: whose mark lies at the name.
    """
    marks, aliases, others = _sorted_out(sets, name)
    known = owner or next((mark.owner for _, mark in marks if mark is not None), "")
    mark_set, mark = next(
        ((one, mark) for one, mark in marks if mark is not None and mark.owner == known), (None, None)
    )
    sides = {side: one for side, of, one in aliases if of == known}
    if mark is None and not sides:
        return None
    strange_marks = [one for one, of in marks if of is None or of.owner != known]
    named = [_named(one) for one in (*others, *(one for _, of, one in aliases if of != known), *strange_marks)]
    blocked = [*strange_marks, *(one for one in others if _identified(one)[1] == known)]
    if mark is None:
        # Somebody took it away: the side that serves most is taken for live.
        most = max(sides, key=lambda side: _weight(sides[side]))
        mark = RecordMark(known, 0, most)
    there = {side: sides[side] for side in SIDES if side in sides}
    return WeightedRecords(name, mark, there, mark_set, tuple(named), tuple(_named(one) for one in blocked))


def without_mark(sets: Iterable[Json], name: str, live: Side) -> WeightedRecords | None:
    """Both alias records of one owner, whose mark cannot be read and is made anew with `live`; None without both.

    What lies in the mark's place counts as the mark as it was read, so that a batch takes it away.
    """
    marks, aliases, others = _sorted_out(sets, name)
    if len({of for _, of, _ in aliases}) != 1 or len(aliases) != len(SIDES):
        return None
    owner = aliases[0][1]
    by_side = {side: one for side, _, one in aliases}
    there = {side: by_side[side] for side in SIDES}
    mark_set = marks[0][0] if marks else None
    return WeightedRecords(name, RecordMark(owner, 0, live), there, mark_set, tuple(_named(one) for one in others))


def answering(sets: Iterable[Json], name: str) -> tuple[str, ...]:
    """What in a zone's record sets answers for `name`, or lies where the mark has to be, in words."""
    marks, aliases, others = _sorted_out(sets, name)
    return tuple(_named(one) for one in (*others, *(one for _, _, one in aliases), *(one for one, _ in marks)))


def is_of_a_switch(sets: Iterable[Json], name: str) -> bool:
    """Whether some RegionSwitch made what answers for `name`: by a mark that can be read, or an alias record of one."""
    marks, aliases, _ = _sorted_out(sets, name)
    return bool(aliases) or any(mark is not None for _, mark in marks)


def same_name(one: object, other: str) -> bool:
    """Whether two spellings are one name: Route 53 answers in small letters, with a last dot."""
    return str(one).rstrip(".").lower() == other.rstrip(".").lower()


def _sorted_out(
    sets: Iterable[Json], name: str
) -> tuple[list[tuple[Json, RecordMark | None]], list[tuple[Side, str, Json]], list[Json]]:
    marks: list[tuple[Json, RecordMark | None]] = []
    aliases: list[tuple[Side, str, Json]] = []
    others: list[Json] = []
    writable = [_writable(read) for read in sets]
    # At a zone's own name there are always name servers; below it they give the name away to another zone.
    is_apex = any(one.get("Type") == "SOA" and same_name(one["Name"], name) for one in writable)
    answers = _ANSWERS if is_apex else (*_ANSWERS, "NS")
    for one in writable:
        kind = one.get("Type")
        if kind == "TXT" and same_name(one["Name"], mark_name(name)):
            marks.append((one, _mark_in(one)))
        elif kind in answers and same_name(one["Name"], name):
            side, owner = _identified(one)
            if side is not None and "Weight" in one and "AliasTarget" in one:
                aliases.append((side, owner, one))
            else:
                others.append(one)
    return marks, aliases, others


def _identified(one: Json) -> tuple[Side | None, str]:
    """The side and the owner that an A record's identifier names; None and nothing for another one."""
    found = _IDENTIFIER.fullmatch(str(one.get("SetIdentifier", "")))
    if found is None or one.get("Type") != "A":
        return None, ""
    return ("blue" if found[1] == "blue" else "green"), found[2]


def _writable(read: Json) -> Json:
    """A record set as it can be written: Route 53 answers an alias with an empty list of records, and takes none."""
    return {key: value for key, value in read.items() if value != []}


def _mark_in(one: Json) -> RecordMark | None:
    records = one.get("ResourceRecords")
    values = [str(record.get("Value", "")) for record in records] if isinstance(records, Sequence) else []
    return RecordMark.of(values[0]) if len(values) == 1 else None


def _weight(one: Json) -> int:
    return int(str(one["Weight"]))


def _named(one: Json) -> str:
    identifier = f" {one['SetIdentifier']}" if one.get("SetIdentifier") else ""
    return f"{one['Type']} record{identifier} of {str(one['Name']).rstrip('.')}"


def _alias_set(name: str, owner: str, side: Side, target: AliasTo, weight: int) -> Json:
    """Route 53's health check decides alone whether the record is answered, which an alias may have instead of its own.

    With EvaluateTargetHealth a load balancer is unhealthy as soon as one of its target groups has no targets, and that
    of a side that is out of use may have none.
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-complex-configs.html,
    https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html
    """
    return {
        "Name": name,
        "Type": "A",
        "SetIdentifier": f"bluegreen-{side}-{owner}",
        "Weight": weight,
        "AliasTarget": {
            "HostedZoneId": target.zone_id,
            "DNSName": target.dns_name,
            "EvaluateTargetHealth": False,
        },
        "HealthCheckId": target.health_check_id,
    }


def _mark_set(name: str, mark: RecordMark) -> Json:
    records = [{"Value": mark.value}]
    return {"Name": mark_name(name), "Type": "TXT", "TTL": MARK_TTL_SECONDS, "ResourceRecords": records}


def _creates(sets: Iterable[Json]) -> list[Json]:
    return [{"Action": "CREATE", "ResourceRecordSet": one} for one in sets]


def _refuse_weights(weights: Mapping[Side, int]) -> None:
    if set(weights) != set(SIDES) or min(weights.values()) < 0 or not any(weights.values()):
        raise RolloutError(f"the weights {dict(weights)} lead nowhere: give one side more than 0")
