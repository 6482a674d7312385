"""A hosted zone as it is read and written: the port to Route 53, and the write that says truly what became of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .errors import AwsError
from .listener_rules import Json


class ZoneNotFoundError(AwsError):
    """The hosted zone is gone."""


class BatchRefusedError(AwsError):
    """Route 53 refused the batch: a record set is not as it says, or it asks for what cannot be; nothing changed."""


class RecordsChangedError(AwsError):
    """Somebody else wrote the records since they were read; nothing was changed."""


@dataclass(frozen=True, slots=True)
class CheckSeen:
    """Of how many of Route 53's health checkers the last request succeeded."""

    succeeding: int
    checkers: int

    @property
    def is_healthy(self) -> bool:
        """Whether Route 53 answers with the record: more than 18 % of them are enough, and none is as yet unknown.

        https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
        """
        return not self.checkers or self.succeeding / self.checkers > 0.18


class ZoneRecords(Protocol):
    """The record sets of hosted zones. Any call may raise an `AwsError`."""

    def of_name(self, zone_id: str, name: str) -> Sequence[Json]:
        """The record sets of `name` and of its mark, as they are now, also those not yet on all name servers.

        Raises ZoneNotFoundError.
        """

    def check(self, check_id: str) -> "CheckSeen":
        """One call: what the checkers of a health check report."""

    def change(self, zone_id: str, changes: Sequence[Json], comment: str) -> None:
        """Make all of the changes, or none. Raises BatchRefusedError and ZoneNotFoundError."""


def swap(zone: ZoneRecords, zone_id: str, name: str, *, seen: Sequence[Json], changes: Sequence[Json]) -> None:
    """Write a batch that deletes what was `seen`, and return when what it wants is there.

    A call that was not answered may have had its effect, and a batch that is sent twice is refused the second time: so
    after a failure the zone says what became of it.

    Raises RecordsChangedError when somebody else wrote; ZoneNotFoundError; AwsError when it failed for another reason.
    """
    try:
        zone.change(zone_id, changes, "bluegreen")
    except AwsError as error:
        try:
            now = zone.of_name(zone_id, name)
        except AwsError:
            raise error from None
        if _is_done(now, changes):
            return
        if isinstance(error, BatchRefusedError) and _essences(now) != _essences(seen):
            raise RecordsChangedError(f"somebody else wrote the records of {name} since they were read") from error
        raise


def _is_done(now: Sequence[Json], changes: Sequence[Json]) -> bool:
    there = _essences(now)
    wanted = {_essence(_set(one)) for one in changes if one["Action"] == "CREATE"}
    gone = {_essence(_set(one)) for one in changes if one["Action"] == "DELETE"} - wanted
    return wanted <= there and not gone & there


def _set(change: Json) -> Json:
    one = change["ResourceRecordSet"]
    return one if isinstance(one, Mapping) else {}


def _essences(sets: Sequence[Json]) -> set[str]:
    return {_essence(one) for one in sets}


def _essence(one: Json) -> str:
    """A record set in one spelling: Route 53 answers names in small letters and with a last dot."""
    said = {key: value for key, value in one.items() if value != []}
    said["Name"] = _plain(said.get("Name"))
    alias = said.get("AliasTarget")
    if isinstance(alias, Mapping):
        said["AliasTarget"] = {**alias, "DNSName": _plain(alias.get("DNSName"))}
    return json.dumps(said, sort_keys=True, default=str)


def _plain(name: object) -> str:
    return str(name).rstrip(".").lower()
