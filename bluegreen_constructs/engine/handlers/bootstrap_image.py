"""Lambda entry point of a repository's first image: one event of the custom resource in, one answer out."""

import time
from collections.abc import Callable

from ..aws import clients
from ..aws.image_builds import AwsImageBuilds
from ..cloudformation import PUT_SECONDS, RequestType, Sender, put, request_of
from ..first_image import ImageBuilds, WantedImage, ensure_image
from ..resource_answer import Applied, answer_event
from .traffic_rule import LambdaContext

# A look is one call, and the answer comes after it.
_KEPT_SECONDS = clients.SECONDS_PER_CALL + PUT_SECONDS


def handler(event: dict[str, object], context: LambdaContext) -> None:
    """Lambda's entry point. Every event is answered, also one that cannot be served."""
    serve(
        event,
        builds=lambda: AwsImageBuilds(clients.ecr_images(), clients.code_builds(), clients.TRANSPORT_ERRORS),
        send=put,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000 - _KEPT_SECONDS,
        pause=time.sleep,
    )


def serve(
    event: dict[str, object],
    *,
    builds: Callable[[], ImageBuilds],
    send: Callable[[str, bytes], None],
    seconds_left: Callable[[], float],
    pause: Callable[[float], None],
) -> None:
    """Apply the event and send the answer; raises as `answer_event` does.

    Delete leaves the image, for the repository stays, and what runs the image may run on.
    """

    def apply(sender: Sender) -> Applied:
        request = request_of(event)
        if request.type is RequestType.DELETE:
            return "the image stays, nothing was deleted", {}
        wanted = WantedImage.of(request.properties)
        note = ensure_image(wanted, sender.request_id, builds=builds(), seconds_left=seconds_left, pause=pause)
        return note, {}

    answer_event(event, apply, send)
