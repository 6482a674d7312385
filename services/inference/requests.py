"""What clients may ask, read and checked; a refusal is one sentence."""

import json

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

MAX_BODY_BYTES = 16 * 1024
MAX_TEXT_CHARACTERS = 4000

# What GET /stream classifies when it is given no text.
DEFAULT_TEXT = "my parcel has not arrived yet and the tracking number shows no movement"


async def text_of(request: Request) -> str:
    """The message to classify: `{"text": "..."}` in the body, or `?text=` of a GET.

    Raises HTTPException 400 (what is wrong with it) or 413 (too large).
    """
    if request.method in {"GET", "HEAD"}:
        return _checked(request.query_params.get("text", DEFAULT_TEXT))
    try:
        document = json.loads(await _body(request))
    except (ValueError, RecursionError):
        raise HTTPException(400, 'the body is not JSON; send {"text": "..."}') from None
    if not isinstance(document, dict) or set(document) != {"text"}:
        raise HTTPException(400, 'the body must be an object with the one member "text"; send {"text": "..."}')
    return _checked(document["text"])


def _checked(text: object) -> str:
    if not isinstance(text, str) or not text.strip():
        raise HTTPException(400, '"text" must be a string that is not empty; send {"text": "..."}')
    if len(text) > MAX_TEXT_CHARACTERS:
        raise HTTPException(
            400, f'"text" has {len(text)} characters, allowed are {MAX_TEXT_CHARACTERS}; send a shorter one'
        )
    return text


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        # The declared length is not trusted: what arrives is counted, and nothing above the limit is kept.
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise HTTPException(
                    413,
                    f"the body is larger than the {MAX_BODY_BYTES} bytes allowed; send a shorter text",
                    headers={"connection": "close"},
                )
    except ClientDisconnect:
        raise HTTPException(400, "the client went away before its request was complete") from None
    return bytes(body)
