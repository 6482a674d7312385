"""The emulator process: ministack patched in memory by the overlay, and the played parts beside it.

Started by `process.EmulatorProcess`, never by hand: the one argument is the path of the set-up (JSON), `--socket` is
the listening socket it inherits, standard input is the life line: when it closes, the parent is gone, and the
emulator stops.
"""

import argparse
import asyncio
import contextlib
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import cast

from ...engine.errors import BlueGreenError
from ..clock import Clock
from .call_log import FUNCTION_TOKEN
from .gateway import Application, Gateway
from .patches import Patches, assert_emulator_version
from .world import EmulatorConfig, PlayedPart, World

_log = logging.getLogger("rehearsal")
# In this order: the load balancer publishes metrics, the services shift its weights, CodeDeploy deploys services.
_OVERLAY = (
    "cloudwatch",
    "elbv2",
    "ecs",
    "code_deploy",
    "instances",
    "resource_types",
    "functions",
    "events",
    "schedules",
    "state_machines",
    "completed_types",
)
_STOP_SECONDS = 8.0


def main() -> None:
    """Run one emulator until SIGTERM, SIGINT or the end of standard input."""
    arguments = argparse.ArgumentParser(prog="bluegreen rehearsal emulator")
    arguments.add_argument("config", type=Path)
    arguments.add_argument("--socket", type=int, required=True)
    given = arguments.parse_args()
    os.environ.pop("PYTHONPATH", None)  # was for this process; functions see only their own code and the interpreter's
    config = EmulatorConfig.from_json(given.config.read_text(encoding="utf-8"))
    try:
        assert_emulator_version()
        world, gateway = _assemble(config)
    except BlueGreenError as error:
        sys.exit(f"refused: {error}")
    asyncio.run(_serve(world, gateway, given.socket))


def _assemble(config: EmulatorConfig) -> tuple[World, Gateway]:
    """Patch the emulator in memory and put the recording gateway before it."""
    from ministack import app as emulator  # noqa: PLC0415  # reads its settings from the environment when imported
    from ministack.core import iam_actions, lambda_runtime  # noqa: PLC0415
    from ministack.services import lambda_svc  # noqa: PLC0415

    world = World(config=config, clock=Clock(speed=config.speed))
    patches = Patches()
    install_overlay(patches, world)
    for module in (lambda_runtime, lambda_svc):
        _give_functions_their_environment(patches, module, world)
    # ministack decodes REST paths for IAM; the call log only wants the names.
    named = cast(Callable[..., str | None], patches.original(iam_actions, "extract_iam_action"))

    def rest_action(service: str, method: str, path: str, query: dict[str, list[str]]) -> str | None:
        action = named(service, method, path, {}, b"", query)
        return action.partition(":")[2] if action else None

    application = cast(Application, patches.original(emulator, "app"))
    _log.info("patched: %s", ", ".join(patches.replaced))
    return world, Gateway(application, world, rest_action)


def install_overlay(patches: Patches, world: World) -> None:
    """Patch the emulator with every overlay module, in their order; each one's part goes into `world.parts`."""
    for name in _OVERLAY:
        module = importlib.import_module(f".{name}", __package__)
        world.parts[name] = module.install(patches, world)


def _give_functions_their_environment(patches: Patches, module: ModuleType, world: World) -> None:
    """Let deployed functions know the rehearsed time, reach load balancers by name, and sign with their own name.

    ministack starts a function with its own environment, the function's, and what `execution_credentials` answers.
    Load balancers' DNS names do not resolve here: the forward proxy of the load balancer's data plane knows them. A
    function whose event holds no time (a lifecycle hook's) would look for metrics in the wrong hour.
    """
    credentials = cast(
        Callable[[Mapping[str, object]], dict[str, str]], patches.original(module, "execution_credentials")
    )

    def execution_credentials(config: dict[str, object]) -> dict[str, str]:
        environment = credentials(config)
        environment["AWS_SESSION_TOKEN"] = FUNCTION_TOKEN + str(config.get("FunctionName", ""))
        environment.update(world.clock.to_environment())
        environment["no_proxy"] = environment["NO_PROXY"] = "127.0.0.1,localhost"
        if world.load_balancers is not None:
            proxy = world.load_balancers.proxy_address()
            proxy = proxy if "://" in proxy else f"http://{proxy}"
            environment["http_proxy"] = environment["HTTP_PROXY"] = proxy
            environment["NODE_USE_ENV_PROXY"] = "1"  # Node 24 reads the two above only when asked to
        return environment

    patches.replace(module, "execution_credentials", execution_credentials, written_for=["config"])


async def _serve(world: World, gateway: Gateway, socket: int) -> None:
    """Answer on the inherited socket; start the parts when the gateway answers, stop them before it goes."""
    from hypercorn.asyncio import serve  # noqa: PLC0415  # ministack's own server, part of the extra
    from hypercorn.config import Config  # noqa: PLC0415

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    threading.Thread(target=_watch_parent, args=(loop, stopping), daemon=True, name="life-line").start()

    async def play() -> None:
        starting = asyncio.create_task(asyncio.to_thread(_start_parts, world))
        waiting = asyncio.create_task(stopping.wait())
        await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and starting.exception() is not None:
            _log.error("refused: %s", starting.exception(), exc_info=starting.exception())
            stopping.set()
        gateway.is_ready = not stopping.is_set()
        await waiting
        threading.Thread(target=_end_after, args=(_STOP_SECONDS,), daemon=True, name="stop-limit").start()
        await asyncio.to_thread(_stop_parts, world)

    config = Config()
    config.bind = [f"fd://{socket}"]
    config.keep_alive_timeout = 75  # as ministack's own main sets it: the CDK CLI keeps its connections
    config.graceful_timeout = 1
    config.errorlog = "-"
    await serve(cast("object", gateway), config, shutdown_trigger=play)  # type: ignore[arg-type]  # hypercorn's scope types are TypedDicts
    _end()


def _watch_parent(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    """Standard input ends with the process that started us, however that ends."""
    with contextlib.suppress(OSError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    with contextlib.suppress(RuntimeError):  # the loop has ended on its own
        loop.call_soon_threadsafe(stopping.set)


def _start_parts(world: World) -> None:
    for name, part in world.parts.items():
        if isinstance(part, PlayedPart):
            _log.info("starting %s", name)
            part.start()


def _stop_parts(world: World) -> None:
    """In the opposite order, and every one, whatever the others did."""
    for name, part in reversed(world.parts.items()):
        if isinstance(part, PlayedPart):
            try:
                part.stop()
            except Exception:  # noqa: BLE001  # the other parts have to be stopped as well
                _log.exception("stopping %s", name)


def _end_after(seconds: float) -> None:
    threading.Event().wait(seconds)
    _log.error("stopping took longer than %s s; ending the process", seconds)
    _end()


def _end() -> None:
    """End now: a stack operation that still waits in a worker thread must not keep the process."""
    with contextlib.suppress(Exception):
        from ministack.core import lambda_runtime  # noqa: PLC0415

        lambda_runtime.reset()  # the functions' processes and their folders
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
