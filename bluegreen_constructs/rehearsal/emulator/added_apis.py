"""JSON services that the emulator lacks: their requests are routed to a handler of ours."""

from collections.abc import Callable
from typing import cast

from ...engine.errors import RehearsalError
from .patches import Patches


def add_api(patches: Patches, service: str, target_prefix: str, handle_request: Callable[..., object]) -> None:
    """Route a service by the prefix of its X-Amz-Target; RehearsalError when the emulator has it by now."""
    from ministack import app  # noqa: PLC0415  # an optional extra
    from ministack.core import router  # noqa: PLC0415

    patterns = cast(dict[str, dict[str, object]], patches.original(router, "SERVICE_PATTERNS"))
    handlers = cast(dict[str, Callable[..., object]], patches.original(app, "SERVICE_HANDLERS"))
    if service in patterns or service in handlers:
        raise RehearsalError(f"the emulator has {service} of its own, unlike the one the overlay was written for")
    patterns[service] = {"target_prefixes": [target_prefix], "credential_scope": service}
    handlers[service] = handle_request
