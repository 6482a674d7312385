"""The environment variables of the engine's functions: spelled here, set by constructs, read by handlers."""

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import ConfigurationError

TABLE = "BLUEGREEN_TABLE"
STATE_MACHINE_ARN = "BLUEGREEN_STATE_MACHINE_ARN"


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a function finds the engine's parts."""

    table: str
    state_machine_arn: str = ""

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> "Environment":
        """Read a process's variables. Raises ConfigurationError when the table's name is missing."""
        table = variables.get(TABLE, "")
        if not table:
            raise ConfigurationError(f"the variable {TABLE} is missing: give the name of the engine's table")
        return cls(table, variables.get(STATE_MACHINE_ARN, ""))
