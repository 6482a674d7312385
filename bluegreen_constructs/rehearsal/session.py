"""One rehearsal: the emulator, the CDK CLI turned to it, and the applications deployed there."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.errors import RehearsalError
from .application import RehearsedApplication
from .cdk_cli import CdkCli
from .cdk_run import CdkResult, CdkRun
from .clock import Clock
from .deployed_service import DeployedService, services_in
from .deployed_target import DeployedTarget, target_in
from .emulator.coverage import require_covered
from .emulator.process import EmulatorProcess
from .load import Arrivals, GoldenCase, LoadPlan, LoadProcess
from .operator_command import OperatorCommands

if TYPE_CHECKING:
    from .aws_apis import AwsApis

FIRST_RELEASE = "1.0.0"
REQUESTS_PER_REHEARSED_MINUTE = 120.0  # whatever the speed, so that an alarm's minute holds as many
STREAM_SHARE = 0.1
_CDK_LIMIT_SECONDS = 600.0

Say = Callable[[str], None]


class NotDeployedError(RehearsalError):
    """An application's first deployment failed; other applications of the session are untouched."""


@dataclass(frozen=True)
class LoadMix:
    """What users send: `part` of the session's rate, the golden requests and `further` ones in turn."""

    part: float = 1.0
    further: tuple[GoldenCase, ...] = ()
    arrivals: Arrivals = "poisson"


@dataclass
class Session:
    """What the scenarios share: one emulator with one bootstrap. `say` gets one line of progress at a time.

    is_disturbed: a scenario broke off somewhere in its middle, so that nobody knows what the account holds.
    """

    emulator: EmulatorProcess
    work_dir: Path
    say: Say
    apis: "AwsApis"
    checkout: Path
    is_disturbed: bool = False
    _applications: "dict[str, DeployedApplication | NotDeployedError]" = field(default_factory=dict)
    _clis: list[CdkCli] = field(default_factory=list)
    _loads: list[LoadProcess] = field(default_factory=list)

    def bootstrap(self, directory: Path, qualifier: str | None = None) -> None:
        """`cdk bootstrap` the emulated account, for an app in `directory`; `qualifier` when it has one of its own."""
        self.say("cdk bootstrap" + (f", qualifier {qualifier}" if qualifier else ""))
        config = self.emulator.config
        own = ("--qualifier", qualifier, "--toolkit-stack-name", f"CDKToolkit-{qualifier}") if qualifier else ()
        cli = self.cli(directory, f"bootstrap-{qualifier or 'default'}")
        cli.bootstrap(config.account, config.region, *own).require_success()

    def cli(self, directory: Path, name: str) -> CdkCli:
        """The CDK CLI for the app in `directory`, turned to this emulator; its logs lie in a folder of that name."""
        environment = self.emulator.client_environment()
        # The engine that lints templates takes seconds of each synth; the tests lint the same templates once.
        environment["CDK_VALIDATION"] = "false"
        cli = CdkCli(directory, environment=environment, log_dir=self.work_dir / "cdk" / name, check=self.check)
        self._clis.append(cli)
        return cli

    def application(self, application: RehearsedApplication) -> "DeployedApplication":
        """The application, deployed with its first release if it was not yet.

        Raises NotDeployedError when that fails, again and without another try for each scenario that asks for it.
        """
        known = self._applications.get(application.service_stack)
        if known is None:
            known = self._deployed(application)
            self._applications[application.service_stack] = known
        if isinstance(known, NotDeployedError):
            raise known
        return known

    def operator(self) -> OperatorCommands:
        """The `bluegreen` command, turned to this emulator and its clock."""
        clock = self.state()["clock"]
        environment = {
            **self.emulator.client_environment(),
            **Clock(clock["speed"], clock["origin"]).to_environment(),
        }
        return OperatorCommands(environment, self.work_dir / "operator")

    def deployed_with(self, application: RehearsedApplication) -> "list[DeployedApplication]":
        """What is deployed of the CDK app that this application is of: it may be a part of the app's stacks."""
        known = (one for one in self._applications.values() if isinstance(one, DeployedApplication))
        return [one for one in known if one.about.command == application.command]

    def forget(self, application: "DeployedApplication") -> None:
        """Its whole CDK app was destroyed; the next scenario deploys it again."""
        for one in self.deployed_with(application.about):
            self._applications.pop(one.about.service_stack, None)

    def state(self) -> Mapping[str, Any]:
        """The emulator's own account of itself; raises as `check` does."""
        self.check()
        return self.emulator.state()

    def check(self) -> None:
        """Raise RehearsalError when the emulator, or a load generator that should run, is gone."""
        self.emulator.check()
        for load in self._loads:
            load.check()

    def watch(self, load: LoadProcess) -> None:
        """Have `check` look at this load, too."""
        self._loads.append(load)

    def address(self, rule_arn: str) -> str:
        """Where this machine serves the listener of a rule: `...:listener-rule/app/NAME/ID/LISTENER/RULE`."""
        balancer = rule_arn.split("/")[2]
        listener_arn = rule_arn.replace(":listener-rule/", ":listener/").rpartition("/")[0]
        (listener,) = self.apis.elbv2.describe_listeners(ListenerArns=[listener_arn])["Listeners"]
        endpoints = self.state()["elbv2"]["endpoints"]
        try:
            return f"http://{endpoints[balancer][str(listener['Port'])]}"
        except KeyError:
            raise RehearsalError(
                f"the load balancer {balancer} serves no port {listener['Port']} on this machine"
            ) from None

    def close(self) -> None:
        """End every command of the CDK CLI that still runs."""
        for cli in self._clis:
            cli.end()

    @property
    def rate_per_second(self) -> float:
        """Requests a second of the load: as many in each rehearsed minute, whatever the speed."""
        return REQUESTS_PER_REHEARSED_MINUTE * self.speed / 60

    @property
    def speed(self) -> float:
        """Rehearsed seconds for each real one."""
        return self.emulator.config.speed

    def _deployed(self, application: RehearsedApplication) -> "DeployedApplication | NotDeployedError":
        deployed = DeployedApplication(self, application, self.cli(application.directory, application.service_stack))
        try:
            deployed.deploy_first()
        except RehearsalError as error:
            return NotDeployedError(str(error))
        return deployed


@dataclass
class DeployedApplication:
    """An application in the emulated account, and the release it serves.

    former_release: what was live before the last promotion that a scenario saw; "" before the first one.
    """

    session: Session
    about: RehearsedApplication
    cdk: CdkCli
    live_release: str = ""
    former_release: str = ""

    def deploy_first(self) -> None:
        """Synthesise, refuse what the rehearsal does not cover, then deploy all stacks with the first release."""
        assembly = self.session.work_dir / "assembly" / self.about.service_stack
        self.session.say(f"cdk synth: {', '.join(self.about.stacks)}")
        result = self.cdk.synth(assembly, *self.context(FIRST_RELEASE), app=self.about.command)
        result.require_success()
        require_covered(assembly)
        self.session.say(f"cdk deploy: first deployment, release {FIRST_RELEASE}")
        # Other stacks of the same application are for the scenarios that need them.
        self.cdk.deploy(*self.about.stacks, app=assembly, limit_seconds=_CDK_LIMIT_SECONDS).require_success()
        self.live_release = FIRST_RELEASE

    def start_deploy(self, release: str, *stacks: str, context: Mapping[str, str] | None = None) -> CdkRun:
        """Begin `cdk deploy` of `stacks` (default: the service's) at `release`, synthesised anew as a user's is."""
        return self.cdk.start_deploy(
            *(stacks or (self.about.service_stack,)),
            app=self.about.command,
            arguments=(*self.context(release, context), "--exclusively"),
        )

    def diff(self, release: str) -> CdkResult:
        """`cdk diff` of the service's stack against what is deployed."""
        return self.cdk.diff(
            self.about.service_stack, app=self.about.command, arguments=(*self.context(release), "--exclusively")
        )

    def destroy(self) -> CdkResult:
        """`cdk destroy` of every stack of the app."""
        result = self.cdk.destroy(app=self.about.command, arguments=self.context(self.live_release))
        self.session.forget(self)
        return result

    def service(self) -> DeployedService:
        """The service that the last stack holds."""
        found = next(iter(services_in(self.about.service_stack, self.session.apis)), None)
        if found is None:
            raise RehearsalError(f"stack {self.about.service_stack} holds no blue/green service")
        return found

    def target(self) -> DeployedTarget:
        """The canary target that the last stack holds."""
        return target_in(self.about.service_stack, self.session.apis)

    def address(self, rule_arn: str) -> str:
        """Where this machine serves the listener of a rule."""
        return self.session.address(rule_arn)

    def load(self, name: str, *, rule: str | None = None, mix: LoadMix | None = None) -> LoadProcess:
        """Users: predictions with known answers and streams, at a fixed rate, from another process.

        rule: the production rule (default: the blue/green service's). mix: what they send (default: `LoadMix()`).
        """
        mix = mix or LoadMix()
        folder = self.session.work_dir / "load"
        folder.mkdir(parents=True, exist_ok=True)
        load = LoadProcess(
            LoadPlan(
                address=self.address(self.service().production_rule if rule is None else rule),
                rate_per_second=self.session.rate_per_second * mix.part,
                output=folder / f"{name}.jsonl",
                golden=(*self.about.golden, *mix.further),
                stream_share=STREAM_SHARE,
                arrivals=mix.arrivals,
            )
        )
        self.session.watch(load)
        return load

    def stack_status(self, stack: str | None = None) -> str:
        """What CloudFormation says of a stack (default: the service's)."""
        (described,) = self.session.apis.cloudformation.describe_stacks(StackName=stack or self.about.service_stack)[
            "Stacks"
        ]
        return str(described["StackStatus"])

    def context(self, release: str, further: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """The arguments of the CDK CLI that name the environment and the release."""
        values = {"environment": "rehearsal", "release": release, **(further or {})}
        return tuple(part for key, value in values.items() for part in ("--context", f"{key}={value}"))


def wait_until(
    holds: Callable[[], bool], *, limit_seconds: float, session: Session, what: str, pause_seconds: float = 0.1
) -> None:
    """Wait for `holds`; RehearsalError naming `what` after `limit_seconds` real ones, or as `Session.check` does."""
    deadline = time.monotonic() + limit_seconds
    while time.monotonic() < deadline:
        session.check()
        with suppress(LookupError):  # what is asked about is not there yet
            if holds():
                return
        time.sleep(pause_seconds)
    raise RehearsalError(f"{what} did not happen within {limit_seconds:g} s")
