"""The memory of which requests were handled, kept in one tag of the rule that they changed.

CloudFormation's requests reach a function at least once and carry no order. A second copy of an earlier update that
arrives after its rollback would bring back what was rolled back; by this memory it is recognised.

The memory ends with the rule: a copy of a create that arrives after the delete would make the rule again. `TrafficRule`
therefore has Lambda drop every event that has waited for two minutes.
"""

from collections.abc import Mapping
from hashlib import sha256

HANDLED_TAG = "bluegreen:handled"

# A tag's value holds 256 characters: fourteen marks of at most seventeen characters, spaces between. The sign is one
# that ELB takes in a tag's value: letters, digits, spaces and _.:/=+-@
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Tag.html
_MARKS = 14
_REFUSED = "-"


def is_handled(tags: Mapping[str, str], request_id: str) -> bool:
    """Whether the rule with these tags has seen this request, whatever came of it."""
    mark = _mark(request_id)
    return any(known.removeprefix(_REFUSED) == mark for known in tags.get(HANDLED_TAG, "").split())


def is_refused(tags: Mapping[str, str], request_id: str) -> bool:
    """Whether this request was answered with a failure."""
    return f"{_REFUSED}{_mark(request_id)}" in tags.get(HANDLED_TAG, "").split()


def with_handled(tags: Mapping[str, str], request_id: str, *, refused: bool = False) -> dict[str, str]:
    """The tags with this request remembered, and the oldest forgotten when there is no room."""
    mark = (_REFUSED if refused else "") + _mark(request_id)
    marks = [*tags.get(HANDLED_TAG, "").split(), mark]
    return {**tags, HANDLED_TAG: " ".join(marks[-_MARKS:])}


def _mark(request_id: str) -> str:
    return sha256(request_id.encode()).hexdigest()[:16]
