"""What an instance does when it boots: the script is run for real, with fakes of what only an instance has."""

import hashlib
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3

from bluegreen_constructs.release_artefact import FOLDER, UNITS, Artefact, boot_script

CURL = """#!/bin/bash
case "${@: -1}" in
  */api/token) echo secret-token ;;
  */tags/instance/bluegreen:release) [[ "$*" == *"metadata-token: secret-token"* ]] && printf %s "$FAKE_RELEASE" ;;
  */tags/instance/bluegreen:side) printf green ;;
  *) exit 22 ;;
esac
"""
AWS = """#!/bin/bash
[[ "$1 $2 $3" == "s3 cp --only-show-errors" ]] || exit 2
cp "$FAKE_S3/${4#s3://releases/}" "$5"
"""
SYSTEMCTL = """#!/bin/bash
echo "$*" >> "$FAKE_LOG"
"""


@dataclass
class Instance:
    """A machine of its own in a folder."""

    root: Path

    def __post_init__(self) -> None:
        for name, text in {"curl": CURL, "aws": AWS, "systemctl": SYSTEMCTL, "useradd": SYSTEMCTL}.items():
            program = self.root / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)
        for folder in ("release", "units", "s3/models"):
            (self.root / folder).mkdir(parents=True)

    def ship(self, release: str, *, checksum: str | None = None) -> None:
        """Put a release into the bucket, with a wrong checksum if one is given."""
        start = self.root / "start"
        start.write_text("#!/bin/sh\nexec echo served\n", encoding="utf-8")
        start.chmod(0o755)
        archive = self.root / "s3/models" / f"{release}.tar.gz"
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(start, "start")
        found = checksum or hashlib.sha256(archive.read_bytes()).hexdigest()
        archive.with_name(f"{archive.name}.sha256").write_text(f"{found}  {archive.name}\n", encoding="utf-8")

    def boot(self, release: str) -> subprocess.CompletedProcess[str]:
        artefact = Artefact(s3.Bucket.from_bucket_name(cdk.Stack(), "Bucket", "releases"), "1", prefix="models/")
        script = boot_script(artefact, 8080)
        script = script.replace(FOLDER, str(self.root / "release")).replace(UNITS, str(self.root / "units"))
        environment = {
            "PATH": f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "FAKE_RELEASE": release,
            "FAKE_S3": str(self.root / "s3"),
            "FAKE_LOG": str(self.root / "log"),
        }
        return subprocess.run(
            ["bash", "-c", script], env=environment, capture_output=True, text=True, check=False, cwd=self.root
        )

    @property
    def is_started(self) -> bool:
        log = self.root / "log"
        return log.exists() and "enable --now release.service" in log.read_text(encoding="utf-8")


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(tmp_path)


def test_an_instance_starts_the_release_that_its_tag_names(instance: Instance) -> None:
    instance.ship("1.4.2")
    booted = instance.boot("1.4.2")
    assert booted.returncode == 0, booted.stderr
    assert instance.is_started
    unit = (instance.root / "units/release.service").read_text(encoding="utf-8")
    for line in (
        "Environment=PORT=8080",
        "Environment=RELEASE=1.4.2",
        "Environment=BLUEGREEN_SIDE=green",
        "User=release",
    ):
        assert line in unit.splitlines()
    assert (instance.root / "release/start").stat().st_mode & 0o111


def test_an_instance_whose_release_is_not_there_starts_nothing(instance: Instance) -> None:
    instance.ship("1.4.2")
    assert instance.boot("1.4.3").returncode != 0
    assert not instance.is_started


def test_an_instance_whose_archive_is_damaged_starts_nothing(instance: Instance) -> None:
    instance.ship("1.4.2", checksum="0" * 64)
    booted = instance.boot("1.4.2")
    assert booted.returncode != 0
    assert not (instance.root / "release/start").exists(), "nothing of it is unpacked"
    assert not instance.is_started


def test_an_instance_without_the_tag_starts_nothing(instance: Instance) -> None:
    assert instance.boot("").returncode != 0
    assert not instance.is_started
