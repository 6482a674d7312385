"""The record sets of Route 53 through a boto3 client."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol, TypeVar

from ..errors import AwsError
from ..listener_rules import Json
from ..patience import Patience, TryAgainError
from ..record_mark import mark_name
from ..weighted_records import same_name
from ..zone_records import BatchRefusedError, CheckSeen, ZoneNotFoundError
from .client_calls import AwsClient, Calls, entries, entry

T = TypeVar("T")

# What an action is allowed on: the hosted zone; only record sets of the switch's names there; or its health checks,
# which the stack's function does not look at.
Resource = Literal["zone", "own records", "health checks"]

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonroute53.html
IAM_ACTIONS: Mapping[str, tuple[Resource, ...]] = {
    "route53:ChangeResourceRecordSets": ("own records",),
    "route53:GetHealthCheckStatus": ("health checks",),
    "route53:ListResourceRecordSets": ("zone",),
}

# "If Amazon Route 53 can't process a request before the next request arrives, it will reject subsequent requests for
# the same hosted zone": https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
_TRANSLATED: Mapping[str, type[AwsError]] = {
    "InvalidChangeBatch": BatchRefusedError,
    "NoSuchHostedZone": ZoneNotFoundError,
    "PriorRequestNotComplete": TryAgainError,
    "ServiceUnavailable": TryAgainError,
    "Throttling": TryAgainError,
    "ThrottlingException": TryAgainError,
}
_NOT_YET_ALLOWED: Mapping[str, type[AwsError]] = {"AccessDenied": TryAgainError, "AccessDeniedException": TryAgainError}


class Route53Client(AwsClient, Protocol):
    """The calls of a boto3 `route53` client that are used here."""

    def list_resource_record_sets(self, **arguments: object) -> Mapping[str, object]: ...

    def change_resource_record_sets(self, **arguments: object) -> Mapping[str, object]: ...

    def get_health_check_status(self, **arguments: object) -> Mapping[str, object]: ...


class Route53Records:
    """`engine.zone_records.ZoneRecords` on AWS. A call that is repeated does no harm: a batch has its effect once."""

    def __init__(
        self,
        client: Route53Client,
        patience: Patience,
        transport_errors: tuple[type[Exception], ...] = (),
        *,
        has_new_role: bool = False,
    ) -> None:
        """Use `client`.

        Args:
            client: may try a call again by itself.
            patience: how long to try again what Route 53 puts off.
            transport_errors: what it raises when AWS could not be reached or did not answer.
            has_new_role: try again also when permissions are missing, which may have been given a moment ago.
        """
        self._client = client
        self._patience = patience
        self._calls = Calls(client, transport_errors, {**_TRANSLATED, **(_NOT_YET_ALLOWED if has_new_role else {})})

    def of_name(self, zone_id: str, name: str) -> Sequence[Json]:
        """One call for every 300 record sets from `name` to its mark, between which only names below `name` lie.

        https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html: sorted with the labels
        reversed, and of the most current version, pending changes included.
        """
        mark = mark_name(name)
        kept: list[Json] = []
        arguments: dict[str, object] = {"HostedZoneId": zone_id, "StartRecordName": name}
        while True:
            page = self._call(self._client.list_resource_record_sets, arguments)
            for one in entries(page, "ResourceRecordSets"):
                if same_name(one["Name"], name) or same_name(one["Name"], mark):
                    kept.append(one)
                elif any(same_name(other["Name"], mark) for other in kept) or not _is_below(one, name):
                    return kept
            if not page.get("IsTruncated"):
                return kept
            arguments = {"HostedZoneId": zone_id, "StartRecordName": page["NextRecordName"]}
            for key in ("Type", "Identifier"):
                if page.get(f"NextRecord{key}"):
                    arguments[f"StartRecord{key}"] = page[f"NextRecord{key}"]

    def check(self, check_id: str) -> CheckSeen:
        """One call.

        https://docs.aws.amazon.com/Route53/latest/APIReference/API_StatusReport.html: a report says in words what the
        last request of a checker came to; of one that succeeded it begins with Success.
        """
        answer = self._call(self._client.get_health_check_status, {"HealthCheckId": check_id})
        reports = [str(entry(one, "StatusReport").get("Status")) for one in entries(answer, "HealthCheckObservations")]
        return CheckSeen(sum(one.startswith("Success") for one in reports), len(reports))

    def change(self, zone_id: str, changes: Sequence[Json], comment: str) -> None:
        """One call."""
        batch = {"Comment": comment, "Changes": list(changes)}
        self._call(self._client.change_resource_record_sets, {"HostedZoneId": zone_id, "ChangeBatch": batch})

    def _call(self, operation: Callable[..., T], arguments: Mapping[str, object]) -> T:
        return self._patience.attempt(lambda: self._calls.make(operation, arguments))


def _is_below(one: Json, name: str) -> bool:
    return str(one["Name"]).rstrip(".").lower().endswith(f".{name.rstrip('.').lower()}")
