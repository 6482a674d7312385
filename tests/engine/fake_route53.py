"""A Route 53 in memory, behind a boto3 client's interface: batches are atomic, a DELETE must match exactly; faults."""

import copy
from collections.abc import Callable

from botocore.exceptions import ClientError, ReadTimeoutError

PAGE = 3


class KilledError(BaseException):
    """The process ends here; nothing after it runs, no handler of exceptions either."""


class _Exceptions:
    ClientError = ClientError


class FakeRoute53:
    """Serves the calls of one zone and records each as (operation, arguments), also those that fail."""

    exceptions = _Exceptions

    def __init__(self, zone_id: str = "Z1") -> None:
        self.zones: dict[str, dict[tuple[str, str, str], dict]] = {zone_id: {}}
        self.health_checks = {"check-blue", "check-green", "check-new"}
        self.reports: dict[str, list[str]] = {}  # what checkers say of a check; default: all succeed
        self.is_silent = False  # whether it says nothing of checks
        self.calls: list[tuple[str, dict]] = []
        self.faults: list[str] = []  # for the calls to come, in their order
        self.history: list[dict] = []  # the zone after each batch
        self.before_change: list[Callable[[], object]] = []  # what others do between a read and a write

    # what tests do beside the handler

    @property
    def sets(self) -> dict[tuple[str, str, str], dict]:
        (zone,) = self.zones.values()
        return zone

    def put(self, record_set: dict) -> None:
        """Somebody writes a record set by hand."""
        self.sets[_key(record_set)] = _stored(record_set)

    def take(self, *, name: str, kind: str, identifier: str = "") -> None:
        del self.sets[(_name(name), kind, identifier)]

    def weigh(self, blue: int, green: int) -> None:
        """Somebody changes the weights by hand."""
        for one in self.sets.values():
            if one["Type"] == "A":
                one["Weight"] = blue if "-blue-" in one["SetIdentifier"] else green

    def writes(self) -> list[dict]:
        return [arguments for operation, arguments in self.calls if operation.startswith("Change")]

    # the client

    def list_resource_record_sets(self, **arguments: object) -> dict:
        def run() -> dict:
            there = sorted(self._zone(arguments["HostedZoneId"]).values(), key=_order)
            start = (
                _reversed(str(arguments["StartRecordName"])),
                arguments.get("StartRecordType", ""),
                arguments.get("StartRecordIdentifier", ""),
            )
            rest = [one for one in there if _order(one) >= start]
            page: dict = {"ResourceRecordSets": copy.deepcopy(rest[:PAGE]), "IsTruncated": len(rest) > PAGE}
            if len(rest) > PAGE:
                first = rest[PAGE]
                page |= {"NextRecordName": first["Name"], "NextRecordType": first["Type"]}
                page |= {"NextRecordIdentifier": first["SetIdentifier"]} if "SetIdentifier" in first else {}
            return page

        return self._serve("ListResourceRecordSets", arguments, run)

    def change_resource_record_sets(self, **arguments: object) -> dict:
        def run() -> dict:
            zone = self._zone(arguments["HostedZoneId"])
            after = copy.deepcopy(zone)
            for change in arguments["ChangeBatch"]["Changes"]:
                self._apply(after, change["Action"], change["ResourceRecordSet"])
            zone.clear()
            zone.update(after)
            self.history.append(copy.deepcopy(after))
            return {"ChangeInfo": {"Id": "/change/C1", "Status": "PENDING"}}

        if self.before_change:
            self.before_change.pop(0)()
        return self._serve("ChangeResourceRecordSets", arguments, run)

    def get_health_check_status(self, **arguments: object) -> dict:
        """Neither recorded nor made to fail with the others: nothing depends on it."""
        if self.is_silent:
            raise _error("AccessDenied", "not authorized to perform: route53:GetHealthCheckStatus")
        reports = self.reports.get(str(arguments["HealthCheckId"]), ["Success: HTTP Status Code 200, OK"] * 16)
        return {"HealthCheckObservations": [{"StatusReport": {"Status": one}} for one in reports]}

    def _apply(self, after: dict, action: str, wanted: dict) -> None:
        key, stored = _key(wanted), _stored(wanted)
        what = f"[name='{wanted['Name']}', type='{wanted['Type']}']"
        if action == "DELETE":
            if key not in after:
                raise _error("InvalidChangeBatch", f"Tried to delete resource record set {what} but it was not found")
            if after[key] != stored:
                raise _error("InvalidChangeBatch", f"Tried to delete resource record set {what} but values differ")
            del after[key]
            return
        assert action == "CREATE"
        if key in after or any(other[:2] == key[:2] and not (other[2] and key[2]) for other in after):
            raise _error("InvalidChangeBatch", f"Tried to create resource record set {what} but it already exists")
        if wanted.get("HealthCheckId", "check-blue") not in self.health_checks:
            raise _error("NoSuchHealthCheck", f"No health check exists with the ID {wanted['HealthCheckId']}")
        after[key] = stored

    def _zone(self, zone_id: object) -> dict:
        if zone_id not in self.zones:
            raise _error("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}")
        return self.zones[str(zone_id)]

    def _serve(self, operation: str, arguments: dict, run: Callable[[], dict]) -> dict:
        self.calls.append((operation, copy.deepcopy(arguments)))
        match self.faults.pop(0) if self.faults else "none":
            case "throttle":
                raise _error("Throttling", "Rate exceeded")
            case "busy":
                raise _error("PriorRequestNotComplete", "Route 53 was still processing a prior request")
            case "busy with effect":  # and is sent again by the adapter
                run()
                raise _error("ServiceUnavailable", "the service is unavailable")
            case "denied":
                raise _error("AccessDenied", f"not authorized to perform: route53:{operation}")
            case "failure":
                raise _error("InternalFailure", "the service failed")
            case "timeout with effect":
                run()
                raise ReadTimeoutError(endpoint_url="https://route53")
            case "timeout":
                raise ReadTimeoutError(endpoint_url="https://route53")
            case "killed before":
                raise KilledError
            case "killed after":
                run()
                raise KilledError
        return run()


def _key(one: dict) -> tuple[str, str, str]:
    return _name(one["Name"]), one["Type"], one.get("SetIdentifier", "")


def _stored(one: dict) -> dict:
    """As Route 53 answers it: names in small letters and with a last dot, an alias with an empty list of records."""
    assert one.get("ResourceRecords") != [], "boto3 refuses an empty list"
    stored = copy.deepcopy(one) | {"Name": _name(one["Name"])}
    if "AliasTarget" in stored:
        stored["AliasTarget"]["DNSName"] = _name(stored["AliasTarget"]["DNSName"])
        stored["ResourceRecords"] = []
    return stored


def _name(name: str) -> str:
    return name.rstrip(".").lower() + "."


def _reversed(name: str) -> str:
    return ".".join(reversed(_name(name).rstrip(".").split("."))) + "."


def _order(one: dict) -> tuple[str, str, str]:
    return _reversed(one["Name"]), one["Type"], one.get("SetIdentifier", "")


def _error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")
