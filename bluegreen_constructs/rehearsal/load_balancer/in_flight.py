"""The requests that are at a target right now, so that draining can wait for them and, at its end, cut them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from .model import Target


@dataclass
class InFlight:
    """Requests under way by (target group ARN, target); used on the data plane's loop only."""

    _deadlines: dict[tuple[str, Target], set[asyncio.Timeout]] = field(default_factory=dict)

    @asynccontextmanager
    async def at(self, group_arn: str, target: Target) -> AsyncIterator[None]:
        """Hold one request; the body is ended by TimeoutError when the target is cut off."""
        key = (group_arn, target)
        async with asyncio.timeout(None) as deadline:
            self._deadlines.setdefault(key, set()).add(deadline)
            try:
                yield
            finally:
                self._deadlines[key].discard(deadline)
                if not self._deadlines[key]:
                    del self._deadlines[key]

    def cut(self, group_arn: str, target: Target) -> int:
        """End every request at the target now (its deregistration delay has passed); how many there were."""
        deadlines = self._deadlines.get((group_arn, target), set())
        for deadline in deadlines:
            deadline.reschedule(asyncio.get_running_loop().time())
        return len(deadlines)

    def is_busy(self, group_arn: str, target: Target) -> bool:
        """Whether any request is at the target."""
        return (group_arn, target) in self._deadlines

    def count(self) -> int:
        """How many requests are at any target; may be asked from any thread."""
        return sum(len(deadlines) for deadlines in list(self._deadlines.values()))
