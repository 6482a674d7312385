"""What botocore does by itself between a caller and AWS: it tries again after throttling, a 5xx, or no answer."""

from collections.abc import Callable

from botocore.exceptions import ClientError, HTTPClientError

from .client import Answer, Exceptions, SimulatedClient

_THROTTLED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException"})


class RetryingClient:
    """A simulated client with botocore's standard mode around it; its pauses take no time here.

    tries: how often a call is made at most, the first one included.
    https://docs.aws.amazon.com/boto3/latest/guide/retries.html
    """

    def __init__(self, client: SimulatedClient, tries: int = 3) -> None:
        self._client = client
        self._tries = tries
        self.exceptions: Exceptions = client.exceptions

    def __getattr__(self, name: str) -> Callable[..., Answer]:
        operation = getattr(self._client, name)

        def call(**arguments: object) -> Answer:
            for _ in range(self._tries - 1):
                try:
                    return operation(**arguments)
                except (ClientError, HTTPClientError) as error:
                    if not _is_tried_again(error):
                        raise
            return operation(**arguments)

        return call


def _is_tried_again(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= 500 or error.response["Error"]["Code"] in _THROTTLED
