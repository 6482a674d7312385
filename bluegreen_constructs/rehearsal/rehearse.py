"""Runs scenarios one after the other in one emulator, and sees to it that nothing is left."""

import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..engine.errors import BlueGreenError, RehearsalError
from .application import checkout, sample_application
from .cdk_cli import find_cdk
from .cloud_assembly import DEFAULT_QUALIFIER
from .ecs.tasks_file import TasksFile
from .emulator.process import EmulatorProcess
from .installed import check_extra, check_sample_service
from .node import find_node
from .outcome import Outcome
from .own_application import OwnApplication, left_out, refuse_what_cannot_be_rehearsed, synthesise
from .run_folder import run_folder
from .scenarios.own_release import releases_of
from .scenarios.scenario import Scenario
from .session import NotDeployedError, Say, Session


@dataclass(frozen=True)
class Options:
    """How scenarios are run: `port` of the emulator (default: a free one), `speed` of rehearsed time.

    application: the user's own, in the place of this repository's.
    """

    directory: Path
    port: int | None = None
    speed: float = 30.0
    application: OwnApplication | None = None


@contextmanager
def open_session(options: Options, say: Say) -> Iterator[Session]:
    """An emulator with a bootstrapped account; ended with everything it started when the block ends.

    Raises RehearsalError when something it needs is missing, before anything is started.
    """
    if options.application is not None:
        with _session_of(options.application, options, say) as session:
            yield session
        return
    check_extra()
    root = checkout(options.directory)
    check_sample_service()
    find_node()
    find_cdk(root)
    application = sample_application(root)
    with (
        run_folder(root) as work_dir,
        EmulatorProcess(work_dir, port=options.port, speed=options.speed, tasks_file=application.tasks) as emulator,
        _bootstrapped(emulator, work_dir, root, say, ()) as session,
    ):
        yield session


@contextmanager
def _session_of(application: OwnApplication, options: Options, say: Say) -> Iterator[Session]:
    work_dir = application.new_folder()
    with (
        EmulatorProcess(
            work_dir,
            port=options.port,
            speed=options.speed,
            tasks_file=application.tasks.path,
            account=application.account,
            region=application.region,
        ) as emulator,
        _bootstrapped(emulator, work_dir, application.directory, say, application.qualifiers) as session,
    ):
        yield session


@contextmanager
def _bootstrapped(
    emulator: EmulatorProcess, work_dir: Path, root: Path, say: Say, qualifiers: Sequence[str]
) -> Iterator[Session]:
    from .aws_apis import AwsApis  # noqa: PLC0415  # boto3 only after the extra was found

    say(f"emulator: started, files in {work_dir.relative_to(root)}")
    session = Session(emulator, work_dir, say, AwsApis.of(emulator.config), root)
    try:
        for qualifier in qualifiers or (DEFAULT_QUALIFIER,):
            session.bootstrap(root, None if qualifier == DEFAULT_QUALIFIER else qualifier)
        yield session
    except RehearsalError:
        emulator.state()  # raises when it is gone, which is the reason behind whatever else then fails
        raise
    finally:
        session.close()


def rehearse_own(command: str, tasks: TasksFile, options: Options, say: Say) -> list[Outcome]:
    """Rehearse the CDK app of that command: every release of the tasks file on every service and target of the app.

    The app is synthesised and looked through before anything is started. Raises as `open_session` does, NotCoveredError
    with the whole list of what the rehearsal does not cover, and ConfigurationError for a tasks file that does not fit.
    """
    check_extra()
    find_node()
    find_cdk(options.directory)
    with run_folder(options.directory) as work_dir:
        assembly = synthesise(command, options.directory, work_dir, say)
        refuse_what_cannot_be_rehearsed(assembly, tasks)
        for why in left_out(assembly):
            say(f"not rehearsed: {why}")
        application = OwnApplication(options.directory, work_dir, tasks, assembly)
        return rehearse(releases_of(application), replace(options, application=application), say)


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
        reason = _reason(error, session.work_dir / f"{scenario.name.replace('/', '-')}.traceback.txt")
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
