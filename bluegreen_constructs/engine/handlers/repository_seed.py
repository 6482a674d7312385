"""Lambda entry point of a repository's first commit: one event of the custom resource in, one answer out."""

from collections.abc import Callable

from ..aws import clients
from ..aws.code_commit_repositories import CodeCommitRepositories
from ..cloudformation import RequestType, Sender, put, request_of
from ..repository_seed import CodeRepositories, Seed, plant
from ..resource_answer import Applied, answer_event


def handler(event: dict[str, object], context: object) -> None:  # noqa: ARG001 -- Lambda's signature
    """Lambda's entry point. Every event is answered, also one that cannot be served."""
    serve(
        event,
        repositories=lambda: CodeCommitRepositories(clients.code_repositories(), clients.TRANSPORT_ERRORS),
        send=put,
    )


def serve(
    event: dict[str, object], *, repositories: Callable[[], CodeRepositories], send: Callable[[str, bytes], None]
) -> None:
    """Apply the event and send the answer; raises as `answer_event` does.

    Only Create commits: later the files are people's, also when the stack has others to offer.
    """

    def apply(_: Sender) -> Applied:
        request = request_of(event)
        if request.type is not RequestType.CREATE:
            return f"nothing is committed on {request.type.value}", {}
        return plant(Seed.of(request.properties), repositories()), {}

    answer_event(event, apply, send)
