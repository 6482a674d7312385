"""Runs scenarios one after the other in one emulator, and sees to it that nothing is left."""

import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..engine.errors import BlueGreenError, RehearsalError
from .application import checkout, sample_application
from .cdk_cli import find_cdk
from .emulator.process import EmulatorProcess
from .installed import check_extra, check_sample_service
from .node import find_node
from .outcome import Outcome
from .run_folder import run_folder
from .scenarios.scenario import Scenario
from .session import NotDeployedError, Say, Session


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
    check_sample_service()
    find_node()
    find_cdk(root)
    from .aws_apis import AwsApis  # noqa: PLC0415  # boto3 only after the extra was found

    application = sample_application(root)
    with (
        run_folder(root) as work_dir,
        EmulatorProcess(work_dir, port=options.port, speed=options.speed, tasks_file=application.tasks) as emulator,
    ):
        say(f"emulator: started, files in {work_dir.relative_to(root)}")
        session = Session(emulator, work_dir, say, AwsApis.of(emulator.config), root)
        try:
            session.bootstrap(application)
            yield session
        except RehearsalError:
            emulator.state()  # raises when it is gone, which is the reason behind whatever else then fails
            raise
        finally:
            session.close()


def rehearse(scenarios: Sequence[Scenario], options: Options, say: Say) -> list[Outcome]:
    """Play the scenarios in order; one that cannot be played has failed, with the reason as its condition.

    The others are played nevertheless, in an account of their own when this one's state is not known any more. When
    there can be none (the emulator was killed, something is missing), those that are left have failed, too; if
    nothing at all was played, the RehearsalError is raised.
    """
    outcomes: list[Outcome] = []
    waiting = deque(scenarios)
    try:
        while waiting:
            with open_session(options, say) as session:
                while waiting and not session.is_disturbed:
                    outcomes.append(_outcome_of(waiting[0], session))
                    waiting.popleft()
    except RehearsalError as error:
        if not outcomes:
            raise
        say(f"the rehearsal broke off: {error}")
        outcomes.extend(Outcome.not_played(scenario.name, str(error)) for scenario in waiting)
    return outcomes


def _outcome_of(scenario: Scenario, session: Session) -> Outcome:
    """Play one scenario; RehearsalError only when the emulator is gone, and with it every other scenario."""
    session.say(f"scenario {scenario.name}: {scenario.about}")
    try:
        outcome = scenario.play(session)
    # The one place that catches everything: a scenario reads what AWS's played parts, a command line and a user's
    # application answer, and none of them can be trusted to answer in the shape that was expected.
    except Exception as error:  # noqa: BLE001
        session.emulator.state()  # raises when it is gone, which is the reason behind whatever else then fails
        session.is_disturbed = not isinstance(error, NotDeployedError)
        reason = _reason(error, session.work_dir / f"{scenario.name}.traceback.txt")
        session.say(f"scenario {scenario.name}: FAIL: {reason}")
        return Outcome.not_played(scenario.name, reason)
    session.say(f"scenario {scenario.name}: {'PASS' if outcome.passed else 'FAIL'}")
    return outcome


def _reason(error: Exception, file: Path) -> str:
    """The sentence of an error that is made for users; any other's with a file that says where it comes from."""
    if isinstance(error, BlueGreenError):
        return str(error)
    file.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return f"it broke off with {type(error).__name__} ({' '.join(str(error).split())}); where it did is in {file}"
