"""CodePipeline's jobs: what it is told of an action that a function does for it."""

from collections.abc import Mapping
from typing import Protocol

from ..errors import AwsError
from .client_calls import AwsClient, Calls

# Neither knows resource-level permissions: whoever knows a job's id may answer for it.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodepipeline.html
IAM_ACTIONS = ("codepipeline:PutJobFailureResult", "codepipeline:PutJobSuccessResult")

# https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ExecutionDetails.html
_LONGEST_SUMMARY = 2048
# https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_FailureDetails.html
_LONGEST_MESSAGE = 5000


class AnsweredError(AwsError):
    """The job was answered already."""


class JobsClient(AwsClient, Protocol):
    """The calls of a boto3 `codepipeline` client that are used here."""

    def put_job_success_result(self, **arguments: object) -> Mapping[str, object]: ...

    def put_job_failure_result(self, **arguments: object) -> Mapping[str, object]: ...


class PipelineJobs:
    """Answers jobs. A job takes one answer; a second one, of an event that was delivered twice, changes nothing.

    Every method raises AwsError when CodePipeline could not be told.
    """

    def __init__(self, client: JobsClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors, {"InvalidJobState": AnsweredError})

    def again(self, job: str, token: str, summary: str, percent: int) -> None:
        """The action goes on: CodePipeline calls the function again with `token`."""
        details = {"summary": summary[:_LONGEST_SUMMARY], "percentComplete": percent}
        self._succeed({"jobId": job, "continuationToken": token, "executionDetails": details})

    def good(self, job: str, summary: str) -> None:
        """The action has succeeded."""
        details = {"summary": summary[:_LONGEST_SUMMARY], "percentComplete": 100}
        self._succeed({"jobId": job, "executionDetails": details})

    def failed(self, job: str, message: str) -> None:
        """The action has failed, which fails the stage."""
        details = {"type": "JobFailed", "message": message[:_LONGEST_MESSAGE]}
        try:
            self._calls.make(self._client.put_job_failure_result, {"jobId": job, "failureDetails": details})
        except AnsweredError:
            return

    def _succeed(self, arguments: Mapping[str, object]) -> None:
        try:
            self._calls.make(self._client.put_job_success_result, arguments)
        except AnsweredError:
            return
