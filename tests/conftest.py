"""What all tests share: no credentials, no validation engine at each synth, the Node of the virtual environment."""

import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes depends on who else uses the machine, and is no property of what is tested.
# The examples of `make test` are the same each time, so that nobody's change is refused for what it did not touch;
# `make thorough` hunts with others.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.register_profile("hunt", deadline=None)
settings.load_profile("suite")

# The CDK's built-in validation engine costs seconds per process; the tests that want its verdict switch it on.
os.environ["CDK_VALIDATION"] = "false"
os.environ["JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION"] = "1"
_NODE = Path(sys.prefix) / "node" / "bin" / "node"
if _NODE.exists():
    os.environ.setdefault("JSII_NODE", str(_NODE))

# No test may reach an account that the machine happens to have credentials for.
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
    os.environ.pop(name, None)
os.environ |= {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

_SCRATCH: list[str] = []
_PLAYED: Counter[str] = Counter()


def pytest_configure() -> None:
    """Every CDK app without an output folder of its own makes one that nobody removes: they all go into ours."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As in a shell's background job: the commands that we interrupt would inherit it and go on.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _SCRATCH.append(tempfile.mkdtemp(prefix="bluegreen-tests-"))
    os.environ["TMPDIR"] = _SCRATCH[0]
    tempfile.tempdir = None


def pytest_unconfigure() -> None:
    """Leave nothing of the session behind."""
    for folder in _SCRATCH:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What drives a real emulator says so by its folder."""
    for item in items:
        if Path(item.fspath).parent.name == "emulator":
            item.add_marker("emulator")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """What the crash matrix played in this worker."""
    _PLAYED.update(getattr(node, "workeroutput", {}).get("played", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in one line how large the crash matrix was."""
    played = _PLAYED + Counter(getattr(config, "played", {}))
    if played:
        parts = ", ".join(f"{count} {name}" for name, count in played.items())
        held = "see what failed above" if terminalreporter.stats.get("failed") else "I1 to I9 held in all"
        terminalreporter.write_line(f"crash matrix: {played.total()} whole rollouts played ({parts}); {held}")
