"""The errors that keep the service from starting.

ServiceError          anything below; the process prints its sentence and ends
  SettingsError       an environment variable cannot be used
  ModelError          the model artefact is not the one that was promised
"""

from typing import ClassVar


class ServiceError(Exception):
    """The service cannot run; `exit_code` is what the process ends with."""

    exit_code: ClassVar[int] = 1


class SettingsError(ServiceError):
    """An environment variable has a value that the service does not accept."""

    exit_code: ClassVar[int] = 2


class ModelError(ServiceError):
    """The model artefact is missing, damaged, or not the promised version."""
