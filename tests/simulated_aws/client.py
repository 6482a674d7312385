"""What all simulated clients share: how a call reaches the world, what they refuse, and the errors that AWS answers."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, ClassVar

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from .world import SimulatedAws

Answer = dict[str, object]


class NotSimulatedError(BaseException):
    """The simulation was asked for something it does not know. No `except Exception` of the tested code hides it."""


class Exceptions:
    """`client.exceptions`: ClientError, and a class for each error code that the service names."""

    ClientError = ClientError

    def __init__(self, class_by_code: Mapping[str, str]) -> None:
        self.class_by_code = dict(class_by_code)
        self._by_code = {code: type(name, (ClientError,), {}) for code, name in class_by_code.items()}
        for made in self._by_code.values():
            setattr(self, made.__name__, made)

    def error(self, operation: str, code: str, message: str, status: int = 400, **more: object) -> ClientError:
        """The exception that a boto3 client raises for this answer."""
        kind = self._by_code.get(code, ClientError)
        response = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": 0},
            **more,
        }
        return kind(response, operation)


class SimulatedClient:
    """One client. Every operation goes through `_serve`, where the world logs it and lets faults happen.

    throttle: the code and the class of words in which this service throttles. allowed: the arguments of each operation
    that are simulated; any other one is refused, because ignoring it could prove what is not so.
    """

    service: ClassVar[str]
    exceptions: ClassVar[Exceptions]
    throttle: ClassVar[str] = "ThrottlingException"
    failure: ClassVar[str] = "InternalFailure"
    allowed: ClassVar[Mapping[str, Collection[str]]]

    def __init__(self, world: "SimulatedAws") -> None:
        self._world = world

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotSimulatedError(f"the simulated {self.service} has no {name}: teach it, or call something else")

    def _serve(self, operation: str, arguments: Answer, run: Callable[[Answer], Answer]) -> Answer:
        unknown = arguments.keys() - self.allowed[operation]
        if unknown:
            raise NotSimulatedError(
                f"the simulated {self.service} ignores {', '.join(sorted(unknown))} of {operation}: teach it first"
            )
        return self._world.serve(self, operation, arguments, run)

    def error(self, operation: str, code: str, message: str, status: int = 400, **more: object) -> ClientError:
        """The exception of an answer of this service."""
        return self.exceptions.error(operation, code, message, status, **more)
