"""Whether an object is in S3."""

from collections.abc import Mapping
from typing import Protocol

from ..errors import AwsError
from .client_calls import AwsClient, Calls

# Without s3:ListBucket S3 answers 403 for what is not there.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
IAM_ACTIONS: Mapping[str, str] = {"s3:GetObject": "object", "s3:ListBucket": "bucket"}
"""What an operator needs, each with the type of resource that S3 checks it on; no function of ours has it."""


class ObjectsClient(AwsClient, Protocol):
    """The calls of a boto3 `s3` client that are used here."""

    def head_object(self, **arguments: object) -> Mapping[str, object]: ...


class _NotThereError(AwsError):
    pass


class _ForbiddenError(AwsError):
    pass


# The answer to HEAD has no body, so the code is the status.
_KINDS: Mapping[str, type[AwsError]] = {
    "403": _ForbiddenError,
    "404": _NotThereError,
    "NoSuchBucket": _NotThereError,
    "NoSuchKey": _NotThereError,
    "NotFound": _NotThereError,
}


class S3Objects:
    """`engine.code_deployments.StoredObjects` on Amazon S3."""

    def __init__(self, client: ObjectsClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors, _KINDS)

    def is_stored(self, bucket: str, key: str) -> bool:
        """Raises AwsError, with the rights that are missing, where S3 tells neither."""
        try:
            self._calls.make(self._client.head_object, {"Bucket": bucket, "Key": key})
        except _NotThereError:
            return False
        except _ForbiddenError as error:
            raise AwsError(
                f"S3 does not say whether s3://{bucket}/{key} is there (403 Forbidden): it is said to who may "
                f"s3:GetObject on it and s3:ListBucket on {bucket}"
            ) from error
        return True
