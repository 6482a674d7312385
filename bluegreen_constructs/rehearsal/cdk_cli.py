"""The real CDK CLI as a subprocess: found, checked, run without questions or network, watched and ended."""

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..engine.errors import RehearsalError
from .cdk_run import CdkResult, CdkRun
from .node import find_node
from .uninterrupted import uninterrupted

OLDEST = (2, 1147)  # aws-cdk-lib 2.275 writes cloud assemblies that older CLIs refuse
_ADVICE = "install the pinned one: npm install aws-cdk@2.1148.1, and name it in BLUEGREEN_CDK"
# Nothing of the CLI's own may reach for the network or ask anybody anything.
_QUIET = ("--no-notices", "--no-version-reporting", "--no-color", "--ci")
_QUIET_ENVIRONMENT = {
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CDK_DISABLE_VERSION_CHECK": "1",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
}


class CdkCli:
    """The CDK CLI for one application and one account.

    Args:
        directory: the application's folder (the CLI reads its `cdk.json`).
        environment: what the CLI and the application see: `EmulatorProcess.client_environment()`.
        log_dir: folder for one log per command and for synthesised assemblies.
        on_line: called with each line of output, from a reader thread.
        check: called a few times a second while a command is waited for; what it raises ends the command.
        node, cli: binaries, default: found by `find_node` and `find_cdk`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        environment: Mapping[str, str],
        log_dir: Path,
        on_line: Callable[[str], None] | None = None,
        check: Callable[[], None] | None = None,
        node: Path | None = None,
        cli: Path | None = None,
    ) -> None:
        self._node = node or find_node()
        self._cli = cli or find_cdk(directory)
        self._directory = directory
        self._log_dir = log_dir.resolve()
        self._log_dir.mkdir(parents=True, exist_ok=True)
        self._on_line = on_line
        self._check = check
        self._runs = 0
        self._running: list[CdkRun] = []
        paths = [str(Path(sys.executable).parent), str(self._node.parent), environment.get("PATH", os.defpath)]
        self._environment = {
            # The library's own linter takes more than half of a synthesis. The user's validation plugins still run.
            "CDK_VALIDATION": "false",
            **environment,
            **_QUIET_ENVIRONMENT,
            "PATH": os.pathsep.join(paths),
            "JSII_NODE": str(self._node),
            # Saves half a second of each synthesis, whose Node loads the CDK library anew every time.
            "NODE_COMPILE_CACHE": str(self._log_dir / "node-compile-cache"),
        }

    def bootstrap(self, account: str, region: str, *arguments: str) -> CdkResult:
        """Prepare the account: staging bucket and roles (`cdk bootstrap`); a custom `--qualifier` is an argument."""
        # Away from the application's folder, where the CLI would synthesise it first to find its environments.
        return self.start("bootstrap", f"aws://{account}/{region}", *arguments, directory=self._log_dir).wait()

    def synth(self, output: Path, *arguments: str, app: str | None = None) -> CdkResult:
        """Synthesise into `output`, a cloud assembly that the other commands take as `app`."""
        return self.start_synth(output, *arguments, app=app).wait()

    def start_synth(self, output: Path, *arguments: str, app: str | None = None) -> CdkRun:
        """Begin `synth`, for a caller who has something else to do meanwhile."""
        return self.start("synth", "--quiet", "--no-lookups", "--output", str(output), *_app(app), *arguments)

    def start_deploy(
        self, *stacks: str, app: str | Path | None = None, concurrency: int = 4, arguments: Sequence[str] = ()
    ) -> CdkRun:
        """Begin `cdk deploy` of `stacks` (default: all), for a caller who watches meanwhile."""
        return self.start(
            "deploy",
            *(stacks or ("--all",)),
            *_app(app),
            *self._output(app),
            "--require-approval=never",
            "--progress=events",
            f"--concurrency={concurrency}",
            "--asset-parallelism",
            *arguments,
        )

    def deploy(
        self,
        *stacks: str,
        app: str | Path | None = None,
        concurrency: int = 4,
        arguments: Sequence[str] = (),
        limit_seconds: float | None = None,
    ) -> CdkResult:
        """`cdk deploy` to its end."""
        return self.start_deploy(*stacks, app=app, concurrency=concurrency, arguments=arguments).wait(limit_seconds)

    def diff(self, *stacks: str, app: str | Path | None = None, arguments: Sequence[str] = ()) -> CdkResult:
        """`cdk diff` against what is deployed; exit code 0 also when there are differences."""
        return self.start("diff", *stacks, *_app(app), *self._output(app), *arguments).wait()

    def destroy(self, *stacks: str, app: str | Path | None = None, arguments: Sequence[str] = ()) -> CdkResult:
        """`cdk destroy` of `stacks` (default: all)."""
        return self.start(
            "destroy", *(stacks or ("--all",)), "--force", *_app(app), *self._output(app), *arguments
        ).wait()

    def start(self, verb: str, *arguments: str, directory: Path | None = None) -> CdkRun:
        """Begin any command of the CLI, in the application's folder unless `directory` is given."""
        self._runs += 1
        self._running = [run for run in self._running if run.poll() is None]
        with uninterrupted():
            run = CdkRun(
                [str(self._node), str(self._cli)],
                [verb, *arguments, *_QUIET],
                directory=directory or self._directory,
                environment=self._environment,
                log=self._log_dir / f"cdk-{self._runs:02d}-{verb}.log",
                on_line=self._on_line,
                check=self._check,
            )
            self._running.append(run)
        return run

    def end(self) -> None:
        """End every command that still runs, also one whose `with` block an interruption kept from beginning."""
        for run in self._running:
            run.terminate()

    def _output(self, app: str | Path | None) -> tuple[str, ...]:
        """Keep the assembly out of the user's folder, and a played account's answers out of its `cdk.context.json`.

        Each command has a folder of its own: the CLI refuses one that another run reads, and a stack may be updated
        while another one deploys.
        """
        if isinstance(app, Path):
            return ()
        return ("--no-lookups", "--output", str(self._log_dir / f"cdk.out-{self._runs + 1:02d}"))


def python_app(script: Path) -> str:
    """The `--app` that runs `script` with this interpreter, whatever `python3` is on the PATH."""
    return shlex.join([sys.executable, str(script)])


def find_cdk(directory: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """The CDK CLI: BLUEGREEN_CDK, else `.toolchain/` in `directory` or above it, else the PATH's.

    Raises RehearsalError when there is none, or when it is not a 2.x of at least 2.1147 (3.0.0 is refused by name: an
    old build, published by mistake, that cannot read today's cloud assemblies).
    """
    cli = _first(directory, environment)
    if cli is None or not cli.exists():
        where = f"at {cli}" if cli is not None else "on the PATH or in .toolchain/"
        raise RehearsalError(f"no CDK CLI {where}; {_ADVICE}")
    cli = cli.resolve()
    version = _version(cli)
    if version == "3.0.0":
        raise RehearsalError(f"the CDK CLI at {cli} is 3.0.0, an old build published by mistake; {_ADVICE}")
    numbers = re.match(r"(\d+)\.(\d+)\.\d+", version)
    found = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
    if found[0] != OLDEST[0] or found < OLDEST:
        raise RehearsalError(
            f"the CDK CLI at {cli} is {version or 'of no known version'}, needed is 2.x from "
            f"{OLDEST[0]}.{OLDEST[1]} on; {_ADVICE}"
        )
    return cli


def _first(directory: Path, environment: Mapping[str, str]) -> Path | None:
    if named := environment.get("BLUEGREEN_CDK"):
        return Path(named)
    for folder in (directory.resolve(), *directory.resolve().parents):
        local = folder / ".toolchain" / "node_modules" / "aws-cdk" / "bin" / "cdk"
        if local.exists():
            return local
    on_path = shutil.which("cdk", path=environment.get("PATH"))
    return None if on_path is None else Path(on_path)


def _version(cli: Path) -> str:
    """From the package's own description: asking the CLI costs most of a second."""
    try:
        package = json.loads((cli.parent.parent / "package.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(package.get("version", "")) if package.get("name") == "aws-cdk" else ""


def _app(app: str | Path | None) -> tuple[str, ...]:
    return () if app is None else ("--app", str(app))
