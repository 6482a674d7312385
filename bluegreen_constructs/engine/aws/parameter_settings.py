"""The settings of targets in Parameter Store, where their constructs leave them."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from ..errors import AwsError
from ..ports import RefusedError
from ..settings_codec import settings_from_dict
from ..stored_fields import StoredFields
from ..target_settings import PARAMETER_PREFIX, TargetSettings
from .client_calls import AwsClient, Calls, entries, entry
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
# GetParametersByPath is authorised on the path as it is given, here with its last slash.
IAM_ACTIONS: Actions = {
    "ssm:GetParameter": ("parameter",),
    "ssm:GetParametersByPath": ("parameter",),
}

# What a parameter's name may hold; for another name AWS answers that permissions are missing.
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


class _NotFoundError(AwsError):
    """There is no such parameter."""


_KINDS: Mapping[str, type[AwsError]] = {"ParameterNotFound": _NotFoundError}


class SsmClient(AwsClient, Protocol):
    """The calls of a boto3 `ssm` client that are used here."""

    def get_parameter(self, **arguments: object) -> Mapping[str, object]: ...

    def get_parameters_by_path(self, **arguments: object) -> Mapping[str, object]: ...


class ParameterSettings:
    """`engine.ports.SettingsSource` on AWS."""

    def __init__(self, client: SsmClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors, _KINDS)

    def of(self, target: str) -> TargetSettings:
        """The settings as they are now; the codec's errors for a parameter that somebody wrote by hand."""
        if not _NAME.fullmatch(target):
            raise self._unknown(target)
        try:
            answer = self._calls.make(self._client.get_parameter, {"Name": PARAMETER_PREFIX + target})
        except _NotFoundError:
            raise self._unknown(target) from None
        where = f"the parameter {PARAMETER_PREFIX}{target}"
        stored = StoredFields.of_json(str(entry(answer, "Parameter")["Value"]), where)
        return settings_from_dict(stored.mapping("settings"), where)

    def targets(self) -> Sequence[str]:
        """Those of this account and region."""
        names: list[str] = []
        arguments: dict[str, object] = {"Path": PARAMETER_PREFIX, "Recursive": True}
        while True:
            page = self._calls.make(self._client.get_parameters_by_path, arguments)
            names += [str(one["Name"]).removeprefix(PARAMETER_PREFIX) for one in entries(page, "Parameters")]
            if not page.get("NextToken"):
                return sorted(names)
            arguments["NextToken"] = page["NextToken"]

    def _unknown(self, target: str) -> RefusedError:
        known = self.targets()
        if not known:
            return RefusedError(
                f"there is no target {target}, nor any other in this account and region: deploy its stack first, or "
                "choose its account and region"
            )
        return RefusedError(f"there is no target {target}: give one of {', '.join(known)}")
