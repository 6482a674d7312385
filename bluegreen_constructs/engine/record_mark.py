"""The mark beside weighted records: whose they are, which side is live, and the fence that each write moves on.

Records have no tags, so it is a TXT record of a name below theirs, changed in the same batch as the weights. Everybody
can read it: it holds hashes, a number, the name of a side and a time, and neither accounts nor people.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from .handled_requests import HANDLED_TAG
from .target_settings import SIDES, Side

LABEL = "_bluegreen"
MARK_TTL_SECONDS = 60

_STRING = re.compile(r'"([^"\\]*)"')
_OWNER = re.compile(r"[0-9a-f]{16}")


def mark_name(name: str) -> str:
    """Where the mark of the records `name` lies."""
    return f"{LABEL}.{name}"


def owner_of(stack_id: str, logical_id: str) -> str:
    """A custom resource as the mark names it: sixteen digits of a hash."""
    return sha256(f"{stack_id}/{logical_id}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RecordMark:
    """What the mark says.

    owner: the custom resource, as `owner_of` hashes it. fence: one more with each write of anybody. live: the side that
    serves, or that everything goes back to. aborted: whether the last shift was aborted, and nobody began anew since.
    moved: when the command line moved answers last, in seconds since 1970; 0 when that is not known.
    handled: hashes of the stack's requests that were handled, as `handled_requests` keeps them.
    """

    owner: str
    fence: int
    live: Side
    aborted: bool = False
    handled: str = ""
    moved: int = 0

    @property
    def tags(self) -> Mapping[str, str]:
        """The memory of requests as `handled_requests` reads it."""
        return {HANDLED_TAG: self.handled}

    @property
    def value(self) -> str:
        """The TXT record's value: two strings, of 255 characters at most each.

        https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html#TXTFormat
        """
        aborted = " aborted=yes" if self.aborted else ""
        moved = f" moved={self.moved}" if self.moved else ""
        said = f'"bluegreen=1 owner={self.owner} fence={self.fence} live={self.live}{aborted}{moved}"'
        return f'{said} "{self.handled}"' if self.handled else said

    @classmethod
    def of(cls, value: str) -> "RecordMark | None":
        """The mark that a TXT record's value is; None for what is none, or was edited into nonsense."""
        strings = _STRING.findall(value)
        said = dict(word.partition("=")[::2] for word in strings[0].split()) if strings else {}
        live = next((side for side in SIDES if side == said.get("live")), None)
        fence, owner = said.get("fence", ""), said.get("owner", "")
        is_whole = said.get("bluegreen") == "1" and _OWNER.fullmatch(owner) and fence.isascii() and fence.isdigit()
        if not is_whole or live is None or len(fence) > 18:
            return None
        moved = said.get("moved", "")
        moved_at = int(moved) if moved.isascii() and moved.isdigit() and len(moved) <= 18 else 0
        return cls(owner, int(fence), live, said.get("aborted") == "yes", "".join(strings[1:]), moved_at)
