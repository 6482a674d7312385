"""The errors of bluegreen-constructs.

    BlueGreenError               anything below; catch this one
      ConfigurationError         you asked for something impossible; raised at synth or by a command's arguments
      ObservationError           counts or stored evidence that nobody can have observed
      RolloutError               a rollout refused what was asked of it
      AwsError                   AWS refused or failed a call
      RehearsalError             the rehearsal could not be set up or run

Every message is one sentence: what you gave, what is allowed, what to change; lower case, no final period.
"""

from typing import ClassVar


class BlueGreenError(Exception):
    """The root of all errors of this library; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 1


class ConfigurationError(BlueGreenError, ValueError):
    """A combination of arguments that cannot be deployed or run: refused before anything is changed."""

    exit_code: ClassVar[int] = 2


class ObservationError(BlueGreenError, ValueError):
    """Counts or stored evidence that nobody can have observed: refused before they change any evidence."""


class RolloutError(BlueGreenError):
    """A rollout cannot do what was asked in the state it is in."""


class AwsError(BlueGreenError):
    """AWS refused or failed a call; the message carries AWS's own words."""


class RehearsalError(BlueGreenError):
    """The rehearsal could not be set up, or met something that it does not cover."""
