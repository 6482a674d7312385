"""DescribeStacks of the CDK CLI answers when the stack is done, not five seconds later.

The CLI asks for the state of a stack it deploys and sleeps for five seconds while the answer is "in progress"; nothing
shortens that from outside. So the emulator holds its answer for as long as the stack is in progress, up to a limit.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import cast
from urllib.parse import parse_qs

from .patches import Patches

_HOLD_SECONDS = 20.0
_LOOK_SECONDS = 0.05
_HandleRequest = Callable[[str, str, dict[str, str], bytes, dict[str, object]], Awaitable[object]]


def install(patches: Patches) -> None:
    """Hold the CLI's DescribeStacks; every other caller, and every other call, is answered at once."""
    from ministack.services import cloudformation  # noqa: PLC0415  # an optional extra

    stacks = cast(Mapping[str, Mapping[str, object]], patches.original(cloudformation, "_stacks"))
    answer = cast(_HandleRequest, patches.original(cloudformation, "handle_request"))

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, object]
    ) -> object:
        name = _described_by_cdk(headers, body)
        deadline = time.monotonic() + _HOLD_SECONDS
        while name and _is_in_progress(stacks, name) and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)
        return await answer(method, path, headers, body, query_params)

    patches.replace(
        cloudformation,
        "handle_request",
        handle_request,
        written_for=["method", "path", "headers", "body", "query_params"],
    )


def _described_by_cdk(headers: Mapping[str, str], body: bytes) -> str:
    """The stack that a DescribeStacks of the CDK CLI asks for, else ""."""
    if "aws-cdk" not in headers.get("user-agent", "").lower() or b"Action=DescribeStacks" not in body:
        return ""
    return parse_qs(body.decode("utf-8", "replace")).get("StackName", [""])[0]


def _is_in_progress(stacks: Mapping[str, Mapping[str, object]], name: str) -> bool:
    status = next(
        (str(stack.get("StackStatus")) for key, stack in stacks.items() if name in {key, stack.get("StackId")}), ""
    )
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"
