"""Runs scenarios one after the other in one emulator, and sees to it that nothing is left."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .application import checkout, sample_application
from .cdk_cli import find_cdk
from .emulator.process import EmulatorProcess, check_extra
from .node import find_node
from .outcome import Outcome
from .scenarios.scenario import Scenario
from .session import Say, Session

KEPT_RUNS = 5


@dataclass(frozen=True)
class Options:
    """How scenarios are run: `port` of the emulator (default: a free one), `speed` of rehearsed time."""

    directory: Path
    port: int | None = None
    speed: float = 30.0


@contextmanager
def open_session(options: Options, say: Say) -> Iterator[Session]:
    """An emulator with a bootstrapped account; ended with everything it started when the block ends.

    Raises RehearsalError when something it needs is missing, before anything is started.
    """
    check_extra()
    root = checkout(options.directory)
    find_node()
    find_cdk(root)
    from .aws_apis import AwsApis  # noqa: PLC0415  # boto3 only after the extra was found

    application = sample_application(root)
    work_dir = _work_dir(root)
    say(f"emulator: starting, files in {work_dir.relative_to(root)}")
    with EmulatorProcess(work_dir, port=options.port, speed=options.speed, tasks_file=application.tasks) as emulator:
        session = Session(emulator, work_dir, say, AwsApis.of(emulator.config), root)
        session.bootstrap(application)
        yield session


def rehearse(scenarios: Sequence[Scenario], options: Options, say: Say) -> list[Outcome]:
    """Play the scenarios in order; one that cannot be played has failed, with the reason as its condition."""
    outcomes = []
    with open_session(options, say) as session:
        for scenario in scenarios:
            say(f"scenario {scenario.name}: {scenario.about}")
            outcome = scenario.play(session)
            say(f"scenario {scenario.name}: {'PASS' if outcome.passed else 'FAIL'}")
            outcomes.append(outcome)
    return outcomes


def _work_dir(root: Path) -> Path:
    """A folder of this run's own under `.rehearsal/`; the logs of the last runs are kept."""
    runs = root / ".rehearsal"
    runs.mkdir(exist_ok=True)
    for old in sorted(path for path in runs.iterdir() if path.is_dir())[: -(KEPT_RUNS - 1)]:
        shutil.rmtree(old, ignore_errors=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(100):
        folder = runs / (stamp if number == 0 else f"{stamp}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{runs} has a hundred folders of this second")
