"""Which switches across regions there are in an account and region: the parameters that their constructs leave."""

import re
from collections.abc import Mapping, Sequence

from ..engine.aws.client_calls import Calls, entries, entry
from ..engine.aws.parameter_settings import SsmClient
from ..engine.errors import AwsError, ConfigurationError
from ..engine.region_settings import REGIONS_PREFIX, RegionSettings, region_settings_from_json


class _NotFoundError(AwsError):
    """There is no such parameter."""


_KINDS: Mapping[str, type[AwsError]] = {"ParameterNotFound": _NotFoundError}
# What a parameter's name may hold; of another name AWS says that permissions are missing.
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


class RegionDirectory:
    """The parameters under `REGIONS_PREFIX`; each is read once at most."""

    def __init__(self, client: SsmClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors, _KINDS)
        self._known: dict[str, str] = {}

    def names(self) -> Sequence[str]:
        """The names of all switches, sorted; one call for every ten of them."""
        arguments: dict[str, object] = {"Path": REGIONS_PREFIX, "Recursive": True}
        while True:
            page = self._calls.make(self._client.get_parameters_by_path, arguments)
            for one in entries(page, "Parameters"):
                self._known[str(one["Name"]).removeprefix(REGIONS_PREFIX)] = str(one["Value"])
            if not page.get("NextToken"):
                return sorted(self._known)
            arguments["NextToken"] = page["NextToken"]

    def has(self, target: str) -> bool:
        """Whether there is this switch: one call; one that fails is no answer, and taken for no."""
        try:
            self._value(target)
        except AwsError:
            return False
        return True

    def of(self, target: str) -> RegionSettings:
        """One switch.

        Raises ConfigurationError, with the switches there are, and ObservationError for a foreign parameter.
        """
        try:
            value = self._value(target)
        except _NotFoundError:
            there = ", ".join(self.names())
            others = f": give one of {there}" if there else ", nor any other: choose another AWS_PROFILE or AWS_REGION"
            raise ConfigurationError(
                f"there is no switch across regions {target!r} in this account and region{others}"
            ) from None
        return region_settings_from_json(value, f"the parameter {REGIONS_PREFIX}{target}")

    def _value(self, target: str) -> str:
        if target not in self._known:
            if not _NAME.fullmatch(target):
                raise _NotFoundError(target)
            answer = self._calls.make(self._client.get_parameter, {"Name": REGIONS_PREFIX + target})
            self._known[target] = str(entry(answer, "Parameter").get("Value"))
        return self._known[target]
