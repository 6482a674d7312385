"""One call of a boto3 client: what it raises becomes an `AwsError` with AWS's own words, what it answers is read."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar, cast

from ..errors import AwsError

T = TypeVar("T")


class ClientExceptions(Protocol):
    """The error classes of a boto3 client."""

    @property
    def ClientError(self) -> type[Exception]: ...  # noqa: N802 - boto3's name


class AwsClient(Protocol):
    """What every boto3 client has."""

    @property
    def exceptions(self) -> ClientExceptions: ...


class Calls:
    """Makes the calls of one client, each once (what is tried again is the client's own business)."""

    def __init__(
        self,
        client: AwsClient,
        transport_errors: tuple[type[Exception], ...] = (),
        kinds: Mapping[str, type[AwsError]] | None = None,
    ) -> None:
        """Make calls of `client`.

        Args:
            client: the boto3 client.
            transport_errors: what it raises when AWS could not be reached or did not answer.
            kinds: the errors for AWS's error codes; default: `AwsError` for all.
        """
        self._client = client
        self._transport_errors = transport_errors
        self._kinds = kinds or {}

    def make(self, operation: Callable[..., T], arguments: Mapping[str, object]) -> T:
        """The answer of `operation(**arguments)`.

        Raises AwsError, or the kind that the error's code stands for; a call that was not answered may have had its
        effect all the same.
        """
        try:
            return operation(**arguments)
        except self._client.exceptions.ClientError as error:
            raise self._kind(error)(str(error)) from error
        except self._transport_errors as error:
            raise AwsError(str(error)) from error

    def _kind(self, error: Exception) -> type[AwsError]:
        details = cast("Mapping[str, Mapping[str, str]]", getattr(error, "response", {})).get("Error", {})
        # The query protocol says RuleNotFound; the API reference and some emulators append Exception.
        code = details.get("Code", "")
        return self._kinds.get(code) or self._kinds.get(code.removesuffix("Exception"), AwsError)


def entries(answer: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    """The list of objects behind a name; a missing one is empty."""
    return cast("list[Mapping[str, object]]", answer.get(name) or [])


def entry(answer: Mapping[str, object], name: str) -> Mapping[str, object]:
    """The object behind a name; a missing one is empty."""
    return cast("Mapping[str, object]", answer.get(name) or {})


def number(answer: Mapping[str, object], name: str) -> int:
    """The whole number behind a name; a missing one is 0."""
    return int(str(answer.get(name) or 0))
