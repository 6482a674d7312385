"""A checkout that is small and quick: an application that anybody can break, and a CDK CLI that does as it is told."""

import json
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Bootstraps and synthesises at once; a deployment starts a process of its own and stays.
_CLI = """
const { spawn } = require('child_process');
const verb = process.argv[2];
if (verb === 'bootstrap') process.exit(0);
if (verb === 'synth') process.exit(Number(process.env.FAKE_SYNTH_EXIT || 0));
spawn('sleep', ['600'], { stdio: 'ignore' });
if (process.env.FAKE_STUBBORN) process.on('SIGTERM', () => {});
setTimeout(() => {}, 600000);
"""


@dataclass(frozen=True)
class FakeCheckout:
    """`folder` is where the command runs, `cdk` the command line tool for BLUEGREEN_CDK."""

    folder: Path
    cdk: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "BLUEGREEN_CDK": str(self.cdk)}


def make_checkout(folder: Path, *, app: str = "", cdk_version: str = "2.1148.1") -> FakeCheckout:
    """What the command takes for a checkout, with an `app.py` of that text."""
    service = folder / "services" / "inference"
    service.mkdir(parents=True)
    (folder / "stacks").mkdir()
    (folder / "app.py").write_text(app, encoding="utf-8")
    (folder / "cdk.json").write_text("{}", encoding="utf-8")
    for name in ("rehearse.toml", "golden.json"):
        shutil.copy(ROOT / "services" / "inference" / name, service)
    cdk = folder / "fake" / "bin" / "cdk"
    cdk.parent.mkdir(parents=True)
    cdk.write_text(_CLI, encoding="utf-8")
    cdk.chmod(cdk.stat().st_mode | stat.S_IXUSR)
    package = json.dumps({"name": "aws-cdk", "version": cdk_version})
    (folder / "fake" / "package.json").write_text(package, encoding="utf-8")
    return FakeCheckout(folder, cdk)
