"""The health checks themselves: real HTTP requests to every target of every group in use, real calls of functions.

A function is checked when its group says so; by default it is not.
"""

import asyncio
from collections.abc import Callable

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from ..clock import Clock
from .health import FAILED, PASSED, TIMED_OUT, CheckResult, HealthBook, mismatch
from .lambda_events import FunctionError, check_event
from .lambda_targets import NO_FUNCTIONS, LambdaTargets
from .model import Target, TargetGroup

# Intervals are compressed with the clock; a target's answer is not, so its time-out keeps a real floor.
_SHORTEST_TIMEOUT_SECONDS = 1.0
_SHORTEST_PAUSE_SECONDS = 0.05


class HealthChecks:
    """One task per target that checks it at the group's interval; call `reconcile` when the tracked targets change."""

    def __init__(
        self,
        book: HealthBook,
        clock: Clock,
        group: Callable[[str], TargetGroup | None],
        address_of: Callable[[str], str] = str,
        functions: LambdaTargets = NO_FUNCTIONS,
    ) -> None:
        """`group` answers the group's current settings by ARN, None when it is gone; `address_of` a target's id."""
        self._book = book
        self._clock = clock
        self._group = group
        self._address_of = address_of
        self._functions = functions
        self._tasks: dict[tuple[str, Target], asyncio.Task[None]] = {}
        self._session: ClientSession | None = None

    async def start(self) -> None:
        """Open the client. As AWS does, each check has a connection of its own."""
        self._session = ClientSession(connector=TCPConnector(force_close=True, limit=0), auto_decompress=False)

    async def stop(self) -> None:
        """End all checks and close the client."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
        if self._session is not None:
            await self._session.close()

    def reconcile(self) -> None:
        """Begin to check targets that are new in the book, stop for those that left it."""
        tracked = {
            (arn, target)
            for arn, target in self._book.tracked()
            if (group := self._group(arn)) is not None and group.is_checked
        }
        for key in [key for key in self._tasks if key not in tracked]:
            self._tasks.pop(key).cancel()
        for arn, target in tracked - self._tasks.keys():
            self._tasks[arn, target] = asyncio.create_task(self._check_for_ever(arn, target), name=f"check {target}")

    def failures(self) -> list[str]:
        """What ended a check's task that should have gone on; empty unless there is a defect here."""
        ended = [(key, task) for key, task in self._tasks.items() if task.done() and not task.cancelled()]
        return [f"health check of {target}: {task.exception()!r}" for (_, target), task in ended if task.exception()]

    async def _check_for_ever(self, arn: str, target: Target) -> None:
        while (group := self._group(arn)) is not None:
            began = asyncio.get_running_loop().time()
            self._book.record(group, target, await self._check(group, target))
            took = asyncio.get_running_loop().time() - began
            interval = self._clock.real_seconds(group.health_check.interval_seconds)
            await asyncio.sleep(max(interval - took, _SHORTEST_PAUSE_SECONDS))

    async def _check(self, group: TargetGroup, target: Target) -> CheckResult:
        assert self._session is not None  # noqa: S101  # reconcile is only called between start and stop
        check = group.health_check
        if group.is_function:
            return await self._check_function(self._session, group, target)
        address = f"http://{self._address_of(target.id)}:{check.port or target.port}{check.path}"
        seconds = self._timeout(group)
        headers = {"User-Agent": "ELB-HealthChecker/2.0"}
        try:
            async with self._session.get(
                address, headers=headers, timeout=ClientTimeout(total=seconds), allow_redirects=False
            ) as answer:
                return PASSED if check.accepts(answer.status) else mismatch(answer.status)
        except TimeoutError:
            return TIMED_OUT
        except (ClientError, OSError, ValueError):
            return FAILED

    async def _check_function(self, session: ClientSession, group: TargetGroup, target: Target) -> CheckResult:
        try:
            async with asyncio.timeout(self._timeout(group)):
                answer = await self._functions.ask(session, group, target, check_event(group))
        except TimeoutError:
            return TIMED_OUT
        except FunctionError:
            return FAILED
        return PASSED if group.health_check.accepts(answer.status) else mismatch(answer.status)

    def _timeout(self, group: TargetGroup) -> float:
        return max(self._clock.real_seconds(group.health_check.timeout_seconds), _SHORTEST_TIMEOUT_SECONDS)
