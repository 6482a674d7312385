"""Sampled requests in S3, as JSON lines."""

from collections.abc import Mapping
from typing import Protocol, cast

from .client_calls import AwsClient, Calls
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
IAM_ACTIONS: Actions = {"s3:GetObject": ("sampled object",)}

MOST_BYTES = 5_000_000
"""How much of an object is read; requests beyond it are not sent."""


class S3Client(AwsClient, Protocol):
    """The calls of a boto3 `s3` client that are used here."""

    def get_object(self, **arguments: object) -> Mapping[str, object]: ...


class _Body(Protocol):
    def read(self, amt: int) -> bytes: ...


class S3Requests:
    """Reads whole lines of an object."""

    def __init__(self, client: S3Client, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors)

    def read(self, bucket: str, key: str) -> tuple[str, str]:
        """The lines of the object, and the tag that tells its content apart. One call: GetObject."""
        answer = self._calls.make(self._client.get_object, {"Bucket": bucket, "Key": key})
        # The connection can break here, too.
        content = self._calls.make(cast("_Body", answer["Body"]).read, {"amt": MOST_BYTES + 1})
        if len(content) > MOST_BYTES:
            content = content[:MOST_BYTES].rpartition(b"\n")[0]
        return content.decode(errors="replace"), str(answer.get("ETag") or "")
