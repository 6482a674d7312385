"""Any CDK app that uses the constructs, rehearsed with `--app`: synthesised, looked through, deployed, released."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..engine.errors import ConfigurationError, RehearsalError
from .cdk_cli import CdkCli
from .cdk_run import CdkRun
from .cloud_assembly import AssemblyStack, CloudAssembly, RolledOutService
from .ecs.tasks_file import TasksFile
from .emulator.coverage import findings_in
from .emulator.process import EmulatorProcess
from .emulator.world import EmulatorConfig
from .release_assembly import retagged, write_release
from .session import NotDeployedError, Say, Session

_CDK_LIMIT_SECONDS = 600.0
_HASH = 64
# Both are changed by other commands than a release of one's own app is brought by.
_LEFT_OUT = {
    "codedeploy": "{target} is deployed by AWS CodeDeploy, which --app does not roll out: leave controller out of its "
    "construct to rehearse its releases, or see bluegreen rehearse --scenario codedeploy-ecs, with an application of "
    "the rehearsal's own",
    "slots": "{target} swaps slots, which --app does not: see bluegreen rehearse --scenario slots-swap, with an "
    "application of the rehearsal's own",
}


class NotCoveredError(RehearsalError):
    """The app holds what the rehearsal does not cover: `findings`, a line each with stack, logical id, type and why."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        super().__init__(
            f"the rehearsal does not cover the app, for {len(findings)} reason{'s' if len(findings) > 1 else ''}, so "
            "nothing was started"
        )
        self.findings = findings


@dataclass
class OwnApplication:
    """A synthesised app and its tasks file; deployed when the first scenario of a session asks for it.

    directory: where the app's command runs. work_dir: the folder of this run.
    """

    directory: Path
    work_dir: Path
    tasks: TasksFile
    assembly: CloudAssembly
    _deployed: "DeployedOwnApplication | NotDeployedError | None" = None
    _session: Session | None = None

    @property
    def account(self) -> str:
        """The account that the app names, else the emulator's own."""
        return next((stack.account for stack in self.assembly.stacks if stack.account), EmulatorConfig.account)

    @property
    def region(self) -> str:
        """The region that the app names, else the emulator's own."""
        return next((stack.region for stack in self.assembly.stacks if stack.region), EmulatorConfig.region)

    @property
    def qualifiers(self) -> tuple[str, ...]:
        """Of the bootstraps that its stacks need."""
        return tuple(sorted({stack.qualifier for stack in self.assembly.stacks}))

    def releases(self) -> tuple[str, ...]:
        """The tags of the tasks file in its order, without those that the app itself runs."""
        running = {service.image_tag for service in self.assembly.services()}
        return tuple(tag for tag in self.tasks.expected if tag not in running)

    def new_folder(self) -> Path:
        """A folder for one more emulated account of this run."""
        number = len(list(self.work_dir.glob("account-*"))) + 1
        folder = self.work_dir / f"account-{number}"
        folder.mkdir()
        return folder

    def deployed(self, session: Session) -> "DeployedOwnApplication":
        """The app as it is, deployed in the session's account if it was not yet.

        Raises NotDeployedError when that fails, without another try for the next scenario.
        """
        if self._session is not session:
            self._session = session
            self._deployed = self._deploy(session)
        if self._deployed is None or isinstance(self._deployed, NotDeployedError):
            raise self._deployed or NotDeployedError("the app was not deployed")
        return self._deployed

    def _deploy(self, session: Session) -> "DeployedOwnApplication | NotDeployedError":
        deployed = DeployedOwnApplication(self, session, session.cli(self.directory, "app"))
        names = [stack.name for stack in self.assembly.stacks]
        session.say(f"cdk deploy: the app as it is, {', '.join(names)}")
        try:
            folder = deployed.write({})
            deployed.cdk.deploy(*names, app=folder, limit_seconds=_CDK_LIMIT_SECONDS).require_success()
        except RehearsalError as error:
            return NotDeployedError(str(error))
        return deployed


@dataclass
class DeployedOwnApplication:
    """The app in an emulated account, and the tags that its services serve; none for what the app itself says."""

    about: OwnApplication
    session: Session
    cdk: CdkCli
    tags: dict[RolledOutService, str] = field(default_factory=dict)

    def write(self, tags: Mapping[RolledOutService, str]) -> Path:
        """The app with those services at those tags, all others as they are served now: its assembly."""
        assemblies = self.session.work_dir / "assembly"
        assemblies.mkdir(exist_ok=True)
        folder = assemblies / f"{len(list(assemblies.iterdir())):02d}"
        return write_release(self.about.assembly, folder, {**self.tags, **tags}).folder

    def start_deploy(self, service: RolledOutService, tag: str) -> CdkRun:
        """Begin `cdk deploy` of the service's stack with that release."""
        return self.cdk.start_deploy(
            service.stack.name, app=self.write({service: tag}), arguments=("--exclusively",), concurrency=1
        )

    def live_tag(self, service: RolledOutService) -> str:
        """What the service serves, in words; the tag of an image that the app builds is a long hash."""
        tag = self.tags.get(service) or service.image_tag
        return (tag if len(tag) < _HASH else f"{tag[:12]}…") or "as the app has it"


def synthesise(command: str, directory: Path, work_dir: Path, say: Say) -> CloudAssembly:
    """`cdk synth --app COMMAND`, for an account that nobody can reach; RehearsalError with the CLI's reason.

    As for the CLI, the command may also be the folder of an app that was synthesised before.
    """
    if (directory / command).is_dir():
        return CloudAssembly.read(directory / command)
    say(f"cdk synth: {command}")
    environment = EmulatorProcess(work_dir).client_environment()
    Path(environment["TMPDIR"]).mkdir(exist_ok=True)
    folder = work_dir / "cdk.out"
    cli = CdkCli(directory, environment=environment, log_dir=work_dir / "synth")
    try:
        cli.synth(folder, app=command).require_success()
    finally:
        cli.end()
    return CloudAssembly.read(folder)


def refuse_what_cannot_be_rehearsed(assembly: CloudAssembly, tasks: TasksFile) -> None:
    """Refuse, before anything is started, what would fail or mislead later.

    Raises NotCoveredError with everything in the app that the rehearsal does not cover, and ConfigurationError for a
    tasks file that does not fit the app.
    """
    found = (*findings_in(assembly.folder), *_environments(assembly), *_nested(assembly), *_images(assembly, tasks))
    if found:
        raise NotCoveredError(found)
    _refuse_other_containers(assembly, tasks)
    services = assembly.services()
    if not services and not any(True for stack in assembly.stacks for _ in stack.targets()):
        others = left_out(assembly)
        if others:
            raise ConfigurationError(
                "the app has nothing that --app can roll out, which is an EcsBlueGreenService or a CanaryAlb with "
                f"Amazon ECS services: {'; '.join(others)}"
            )
        raise ConfigurationError(
            f"the app has nothing to roll out: no EcsBlueGreenService and no CanaryAlb is in its stacks "
            f"{', '.join(stack.name for stack in assembly.stacks)}"
        )
    running = {service.image_tag for service in services}
    if not tasks.expected.keys() - running:
        raise ConfigurationError(
            f"the tasks file {tasks.path} names no release to roll out"
            + (f" but {', '.join(sorted(tasks.expected))}, which the app itself runs" if tasks.expected else "")
            + ': add a tag, such as [releases."1.1.0"]'
        )


def left_out(assembly: CloudAssembly) -> tuple[str, ...]:
    """The targets of the app that are deployed and not rolled out, each with why and what to do, in a sentence."""
    return tuple(
        _LEFT_OUT[controller].format(target=target)
        for stack in assembly.stacks
        for target, controller in stack.controllers().items()
        if controller in _LEFT_OUT
    )


def _refuse_other_containers(assembly: CloudAssembly, tasks: TasksFile) -> None:
    containers = assembly.containers()
    there = f"the task definitions have {', '.join(sorted(containers)) or 'none'}"
    unknown = [name for name in tasks.containers if name not in containers]
    if unknown and not assembly.has_instances():
        raise ConfigurationError(f"the tasks file {tasks.path} names the container {unknown[0]}: {there}")
    missing = [name for name, is_needed in containers.items() if is_needed and name not in tasks.containers]
    if missing:
        raise ConfigurationError(
            f"the tasks file {tasks.path} does not say what the container {missing[0]} is ({there}): add "
            f'[containers.{missing[0]}] with command = ["program", "argument"]'
        )


def _environments(assembly: CloudAssembly) -> Iterator[str]:
    """The stacks of another account or region than the first one that has any."""
    for what in ("account", "region"):
        first = next((stack for stack in assembly.stacks if getattr(stack, what)), None)
        for stack in assembly.stacks:
            value = getattr(stack, what)
            if first is not None and value and value != getattr(first, what):
                yield (
                    f"{stack.name}: the stack is for {what} {value} and {first.name} for {getattr(first, what)}; one "
                    "account and one region are rehearsed at a time"
                )


def _nested(assembly: CloudAssembly) -> Iterator[str]:
    for path in sorted(assembly.folder.rglob("*.nested.template.json")):
        if '"AdvancedConfiguration"' in path.read_text(encoding="utf-8"):
            yield (
                f"{path.name.removesuffix('.template.json')}: a blue/green service in a nested stack is not found; "
                "give it a stack of its own"
            )


def _images(assembly: CloudAssembly, tasks: TasksFile) -> Iterator[str]:
    """The services whose image no release of the file can take the place of."""
    if not tasks.expected:
        return
    for service in assembly.services():
        if retagged(service.image, "tag") is None:
            reason = (
                "the task definition is in another stack"
                if service.image is None
                else "no part of its image that the template writes out can hold a release's tag"
            )
            yield f"{_where(service.stack)}: {service.logical_id} (AWS::ECS::Service): {service.container}: {reason}"


def _where(stack: AssemblyStack) -> str:
    return stack.template.name.removesuffix(".template.json")
