"""One process: a listening socket, a model on its way to ready, and an orderly end."""

import asyncio
import contextlib
import logging
import signal
import socket
from types import FrameType

import uvicorn

from .application import create_application, create_metrics
from .errors import ModelError, ServiceError, SettingsError
from .metrics import Metrics
from .published_counts import PublishedCounts
from .readiness import ModelHost
from .settings import Settings

# A load balancer sends its next request on a connection that the target has just closed, and answers 502, unless the
# target keeps idle connections longer than the load balancer (60 s by default): "Troubleshoot your Application Load
# Balancers", HTTP 502.
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048

log = logging.getLogger("inference")


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight and return.

    Raises SettingsError when the address cannot be bound and ServiceError, ModelError when the release cannot run.
    """
    if settings.faults.crash_on_start:
        raise ServiceError("this release crashes on purpose (INFERENCE_FAULTS crash_on_start)")
    signal.signal(signal.SIGTERM, _leave)
    with contextlib.closing(listen(settings)) as listener:
        address = listener.getsockname()
        log.info("release %s listens on http://%s:%s", settings.release, *address[:2])
        asyncio.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    host = ModelHost(settings.model, float(settings.faults.slow_warm_up_s))
    metrics = create_metrics(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            create_application(settings, host, metrics),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=settings.stop_seconds,
        )
    )

    async def prepare() -> None:
        try:
            seconds = await host.prepare()
        except ModelError:
            server.should_exit = True
            raise
        log.info("model %s is ready after %.3f s", settings.model.version, seconds)

    preparing = asyncio.create_task(prepare())
    publishing = asyncio.create_task(_publish(settings, metrics))
    try:
        await server.serve(sockets=[listener])
    finally:
        preparing.cancel()
        publishing.cancel()
    for task in (publishing, preparing):
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _publish(settings: Settings, metrics: Metrics) -> None:
    if settings.metrics_namespace is None or settings.side is None:
        return
    # Standard output alone: a line with anything before the JSON is no metric.
    counts = PublishedCounts(
        metrics,
        settings.metrics_namespace,
        settings.side,
        settings.metrics_seconds,
        lambda line: print(line, flush=True),
    )
    await counts.keep_writing()


def listen(settings: Settings) -> socket.socket:
    """A listening socket for HOST and PORT; raises SettingsError when they cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only for sockets that say they are TCP, and accepted ones inherit what the
    # listening one says. Left to the default, 0, every answer would wait 40 ms for a delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"HOST {settings.host} and PORT {settings.port} cannot be listened on ({error.strerror}); "
            "give an address of this machine and a free port"
        ) from error
    return listener


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # uvicorn takes the signal while it serves, and hands it on to us when it has finished: an orderly end is exit 0,
    # not "killed by signal 15". Before it serves there is nothing to finish.
    raise SystemExit(0)
