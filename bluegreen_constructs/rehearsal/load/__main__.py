"""The load generator's own process: `python -m bluegreen_constructs.rehearsal.load`.

It reads the plan as the first line of its standard input, writes the line "sending" when it begins, and stops at the
end of the schedule, at SIGTERM, SIGINT, or when its standard input ends: a parent that dies takes its load with it.
Exit codes: 0 done or told to stop, 2 a plan that cannot be used, 1 an output that cannot be written.
"""

import asyncio
import contextlib
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable

from ...engine.errors import BlueGreenError, RehearsalError
from .plan import LoadPlan


def main() -> int:
    """Send the load of the plan on standard input; the exit code."""
    # Until the loop listens to it there is nothing in flight to finish.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        plan = LoadPlan.from_json(sys.stdin.readline())
        asyncio.run(_send(plan))
    except BlueGreenError as error:
        print(f"load: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        pass
    return 0


async def _send(plan: LoadPlan) -> None:
    from .sender import Sender  # noqa: PLC0415 - aiohttp takes most of the start; a bad plan is refused without it

    try:
        # Line by line, so that the parent can look on, and a killed process loses nothing that was known.
        output = plan.output.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        raise RehearsalError(f"the load's output {plan.output} cannot be written ({error.strerror})") from error
    _allow_connections(plan.connections)
    with output:
        sender = Sender(plan, output)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, sender.stop)
        threading.Thread(target=_read_to_the_end, args=(loop, sender.stop), daemon=True).start()
        print("sending", flush=True)
        await sender.run()


def _allow_connections(count: int) -> None:
    # Shells commonly allow 1024 open files, and every connection is one.
    needed = count + 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise RehearsalError(
            f"the plan needs up to {count} connections, but this machine allows {hard} open files; "
            "lower rate_per_second or timeout_seconds"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _read_to_the_end(loop: asyncio.AbstractEventLoop, at_end: Callable[[], None]) -> None:
    # os.read, not sys.stdin: a daemon thread inside the buffered reader would hold its lock when the interpreter ends.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile, and with it the need
        loop.call_soon_threadsafe(at_end)


if __name__ == "__main__":
    sys.exit(main())
