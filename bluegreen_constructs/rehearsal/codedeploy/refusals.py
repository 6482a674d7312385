"""A refused call of the CodeDeploy API, and a deployment that cannot go on, each with the code that AWS gives it."""

from ...engine.errors import RehearsalError


class RefusedError(RehearsalError):
    """A refused call. `code` is the exception's name in the API, such as DeploymentDoesNotExistException."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StepFailedError(RehearsalError):
    """A step of a deployment that failed. `code` is an ErrorCode of ErrorInformation, such as ECS_UPDATE_ERROR."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
