"""One emulator with a deployed engine, for all tests of what an engine relies on."""

from collections.abc import Iterator

import pytest

from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess
from tests.rehearsal.emulator.deployed_engine import Engine

SPEED = 240  # a rehearsed minute is a quarter of a second


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with EmulatorProcess(tmp_path_factory.mktemp("emulator"), speed=SPEED) as emulator:
        yield Engine(emulator).deploy()
