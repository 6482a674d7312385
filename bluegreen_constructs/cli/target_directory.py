"""Which targets there are in an account and region, and where the engine of each keeps its parts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..engine.aws.client_calls import Calls, entries, entry
from ..engine.aws.parameter_settings import SsmClient
from ..engine.errors import AwsError, ConfigurationError
from ..engine.ports import RefusedError
from ..engine.settings_codec import settings_from_dict
from ..engine.stored_fields import StoredFields
from ..engine.target_settings import PARAMETER_PREFIX, TargetSettings
from .region_directory import RegionDirectory


class _NotFoundError(AwsError):
    """There is no such parameter."""


_KINDS: Mapping[str, type[AwsError]] = {"ParameterNotFound": _NotFoundError}
# What a parameter's name may hold; of another name AWS says that permissions are missing.
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """A target's settings, the name of its engine's table, the ARN of its state machine."""

    settings: TargetSettings
    table: str
    state_machine_arn: str


class TargetDirectory:
    """The parameters that constructs leave under `PARAMETER_PREFIX`; each is read once at most."""

    def __init__(self, client: SsmClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors, _KINDS)
        self._switches = RegionDirectory(client, transport_errors)
        self._known: dict[str, str] = {}

    def names(self) -> Sequence[str]:
        """The names of all targets, sorted; one call for every ten of them."""
        arguments: dict[str, object] = {"Path": PARAMETER_PREFIX, "Recursive": True}
        while True:
            page = self._calls.make(self._client.get_parameters_by_path, arguments)
            for one in entries(page, "Parameters"):
                self._known[str(one["Name"]).removeprefix(PARAMETER_PREFIX)] = str(one["Value"])
            if not page.get("NextToken"):
                return sorted(self._known)
            arguments["NextToken"] = page["NextToken"]

    def of(self, target: str) -> TargetEntry:
        """One target.

        Raises ConfigurationError, with the targets there are; RefusedError, with the verbs that can, for a switch
        across regions; and ObservationError for a foreign parameter.
        """
        if target not in self._known:
            self._known[target] = self._read(target)
        where = f"the parameter {PARAMETER_PREFIX}{target}"
        fields = StoredFields.of_json(self._known[target], where)
        settings = settings_from_dict(fields.mapping("settings"), where)
        return TargetEntry(settings, fields.text("table"), fields.text("state_machine"))

    def _read(self, target: str) -> str:
        try:
            if not _NAME.fullmatch(target):
                raise _NotFoundError(target)
            answer = self._calls.make(self._client.get_parameter, {"Name": PARAMETER_PREFIX + target})
        except _NotFoundError:
            if self._switches.has(target):
                raise RefusedError(
                    f"{target} is a switch across regions, which Route 53 answers for and no engine rolls out: use "
                    f"bluegreen regions status, shift, promote or abort {target}"
                ) from None
            there = ", ".join(self.names())
            others = f": give one of {there}" if there else ", nor any other: choose another AWS_PROFILE or AWS_REGION"
            raise ConfigurationError(f"there is no target {target!r} in this account and region{others}") from None
        return str(entry(answer, "Parameter").get("Value"))
