"""An emulator with only the CloudWatch overlay, for test_cloudwatch; its arguments are the port and the speed."""

import asyncio
import sys
from pathlib import Path

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app

from bluegreen_constructs.rehearsal.clock import Clock
from bluegreen_constructs.rehearsal.emulator import cloudwatch
from bluegreen_constructs.rehearsal.emulator.patches import Patches
from bluegreen_constructs.rehearsal.emulator.world import EmulatorConfig, World


async def main(port: int, speed: float) -> None:
    world = World(EmulatorConfig(port=port, work_dir=Path.cwd(), speed=speed), Clock(speed=speed))
    part = cloudwatch.install(Patches(), world)
    part.start()
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # the parent's end closes it
    await serve(app.app, config, shutdown_trigger=lambda: ended)
    part.stop()


asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
