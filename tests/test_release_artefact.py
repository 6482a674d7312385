"""What an instance does when it boots: the script is run for real, with fakes of what only an instance has."""

import configparser
import hashlib
import os
import socket
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3

from bluegreen_constructs.fleet_lifecycle import HOOK, PROGRAMS, answering_script
from bluegreen_constructs.release_artefact import FOLDER, UNITS, Artefact, boot_script

CURL = """#!/bin/bash
case "${@: -1}" in
  */api/token) echo secret-token ;;
  */tags/instance/bluegreen:release) [[ "$*" == *"metadata-token: secret-token"* ]] && printf %s "$FAKE_RELEASE" ;;
  */tags/instance/bluegreen:side) printf green ;;
  */tags/instance/aws:autoscaling:groupName) printf 'Serving Green' ;;
  */meta-data/instance-id) printf i-0123456789abcdef0 ;;
  */meta-data/local-ipv4) printf 127.0.0.1 ;;
  */meta-data/placement/region) printf eu-west-1 ;;
  *) exit 22 ;;
esac
"""
AWS = """#!/bin/bash
if [[ "$1 $2" == "autoscaling complete-lifecycle-action" ]]; then
  shift 2
  printf '%s|' "$@" >> "$FAKE_ROOT/asked"
  echo >> "$FAKE_ROOT/asked"
  answers=$(< "$FAKE_ROOT/answers")
  sed -i 1d "$FAKE_ROOT/answers"
  [[ "${answers%%$'\\n'*}" == "" ]] && exit 0
  echo "An error occurred (ValidationError): ${answers%%$'\\n'*}" >&2
  exit 254
fi
[[ "$1 $2 $3" == "s3 cp --only-show-errors" ]] || exit 2
cp "$FAKE_S3/${4#s3://releases/}" "$5"
"""
DNF = """#!/bin/bash
echo "dnf $*" >> "$FAKE_LOG"
left=$(cat "$FAKE_ROOT/dnf-fails" 2> /dev/null || echo 0)
if ((left > 0)); then
  echo $((left - 1)) > "$FAKE_ROOT/dnf-fails"
  echo "Curl error: could not resolve host" >&2
  exit 1
fi
"""
NOT_AWAITED = "No active Lifecycle Action found with instance ID i-0123456789abcdef0"
SYSTEMCTL = """#!/bin/bash
echo "$*" >> "$FAKE_LOG"
"""


@dataclass
class Instance:
    """A machine of its own in a folder."""

    root: Path

    def __post_init__(self) -> None:
        fakes = {"curl": CURL, "aws": AWS, "systemctl": SYSTEMCTL, "useradd": SYSTEMCTL, "dnf": DNF, "sleep": ""}
        for name, text in fakes.items():
            program = self.root / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)
        for folder in ("release", "units", "programs", "s3/models"):
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

    def boot(
        self, release: str, *, packages: Sequence[str] = (), afterwards: str = ""
    ) -> subprocess.CompletedProcess[str]:
        bucket = s3.Bucket.from_bucket_name(cdk.Stack(), "Bucket", "releases")
        artefact = Artefact(bucket, "1", prefix="models/", packages=packages)
        script = boot_script(artefact, 8080, afterwards)
        for folder, here in {FOLDER: "release", UNITS: "units", PROGRAMS: "programs"}.items():
            script = script.replace(folder, str(self.root / here))
        return self.run(script, release)

    def answer_hook(self, *answers: str) -> tuple[subprocess.CompletedProcess[str], list[list[str]]]:
        """What the unit does at a boot, and what it asked of Auto Scaling, which answers this ("" is agreement)."""
        (self.root / "answers").write_text("\n".join([*answers, *[answers[-1]] * 10_000]), encoding="utf-8")
        asked = self.root / "asked"
        asked.write_text("", encoding="utf-8")
        done = self.run(str(self.root / "programs/answer-hook"), "1.4.2")
        return done, [line.split("|")[:-1] for line in asked.read_text(encoding="utf-8").splitlines()]

    def run(self, script: str, release: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "FAKE_RELEASE": release,
            "FAKE_ROOT": str(self.root),
            "FAKE_S3": str(self.root / "s3"),
            "FAKE_LOG": str(self.root / "log"),
        }
        return subprocess.run(
            ["bash", "-c", script], env=environment, capture_output=True, text=True, check=False, cwd=self.root
        )

    @property
    def log(self) -> list[str]:
        log = self.root / "log"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    @property
    def is_started(self) -> bool:
        return "enable --now release.service" in self.log


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


# Packages


def test_an_instance_installs_what_the_release_needs_before_it_starts(instance: Instance) -> None:
    instance.ship("1.4.2")
    (instance.root / "dnf-fails").write_text("4", encoding="utf-8")
    booted = instance.boot("1.4.2", packages=["python3.11", "gcc-c++"])
    assert booted.returncode == 0, booted.stderr
    installed = [place for place, line in enumerate(instance.log) if line == "dnf install -y python3.11 gcc-c++"]
    assert len(installed) == 5, "a mirror that fails is asked again"
    assert installed[-1] < instance.log.index("enable --now release.service")


def test_an_instance_that_cannot_install_it_starts_nothing_and_says_why(instance: Instance) -> None:
    instance.ship("1.4.2")
    (instance.root / "dnf-fails").write_text("5", encoding="utf-8")
    booted = instance.boot("1.4.2", packages=["python3.11"])
    assert booted.returncode != 0
    assert not instance.is_started
    assert booted.stderr.splitlines()[-1] == (
        "python3.11 could not be installed in 5 tries: the release is not started"
    )


def test_an_instance_that_needs_nothing_does_not_ask_dnf(instance: Instance) -> None:
    instance.ship("1.4.2")
    instance.boot("1.4.2")
    assert [line for line in instance.log if line.startswith("dnf")] == []


# The hook of a warm pool


@pytest.fixture
def listening() -> Iterator[int]:
    """The port of a release that listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def pooled(instance: Instance, listening: int) -> Instance:
    instance.ship("1.4.2")
    booted = instance.boot("1.4.2", afterwards=answering_script(listening, 2))
    assert booted.returncode == 0, booted.stderr
    return instance


def unit_of(instance: Instance) -> configparser.ConfigParser:
    unit = configparser.ConfigParser()
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(instance.root / "units/answer-hook.service")
    return unit


def test_an_instance_of_a_pool_answers_the_hook_at_each_boot_after_its_release(pooled: Instance) -> None:
    assert pooled.log.index("enable --now release.service") < pooled.log.index("enable answer-hook.service")
    assert "start --no-block answer-hook.service" in pooled.log, "the boot script does not wait for the answer"
    unit = unit_of(pooled)
    assert "release.service" in unit["Unit"]["After"].split()
    assert "release.service" not in unit["Unit"].get("Requires", "")
    assert unit["Service"]["Type"] == "exec", "nothing that boots waits for the answer"
    assert unit["Service"]["ExecStart"] == str(pooled.root / "programs/answer-hook")
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_the_answer_names_the_instance_its_group_and_the_hook(pooled: Instance) -> None:
    done, asked = pooled.answer_hook("")
    assert done.returncode == 0, done.stderr
    (words,) = asked
    assert dict(zip(words[::2], words[1::2], strict=True)) == {
        "--region": "eu-west-1",
        "--auto-scaling-group-name": "Serving Green",
        "--lifecycle-hook-name": HOOK,
        "--instance-id": "i-0123456789abcdef0",
        "--lifecycle-action-result": "CONTINUE",
    }


def test_an_instance_that_is_up_before_the_hook_waits_asks_again(pooled: Instance) -> None:
    done, asked = pooled.answer_hook(NOT_AWAITED, "Rate exceeded", NOT_AWAITED, "")
    assert done.returncode == 0, done.stderr
    assert len(asked) == 4


def test_an_instance_for_which_no_hook_waits_is_left_as_it_is(pooled: Instance) -> None:
    done, asked = pooled.answer_hook(NOT_AWAITED)
    assert done.returncode == 0
    assert len(asked) > 1
    assert "no hook waits for i-0123456789abcdef0" in done.stdout


def test_an_answer_that_is_refused_is_a_failure_of_its_unit_alone(pooled: Instance) -> None:
    done, _ = pooled.answer_hook("User is not authorized")
    assert done.returncode == int(unit_of(pooled)["Service"]["RestartPreventExitStatus"])
    assert "User is not authorized" in done.stderr


def test_an_instance_whose_metadata_is_not_there_yet_tries_again(pooled: Instance) -> None:
    service = unit_of(pooled)["Service"]
    assert service["Restart"] == "on-failure"
    assert unit_of(pooled)["Unit"]["StartLimitIntervalSec"] == "0"
    (pooled.root / "bin/curl").write_text("#!/bin/bash\nexit 22\n", encoding="utf-8")
    done, _ = pooled.answer_hook("")
    assert done.returncode not in {0, int(service["RestartPreventExitStatus"])}


def test_an_instance_whose_release_does_not_listen_does_not_answer(instance: Instance) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    instance.ship("1.4.2")
    instance.boot("1.4.2", afterwards=answering_script(port, 1))
    done, asked = instance.answer_hook("")
    assert done.returncode != 0
    assert f"nothing listens on port {port}" in done.stderr
    assert asked == []


def test_an_instance_whose_release_is_not_there_never_answers(instance: Instance, listening: int) -> None:
    assert instance.boot("1.4.3", afterwards=answering_script(listening, 1)).returncode != 0
    assert not (instance.root / "units/answer-hook.service").exists()
    assert not (instance.root / "programs/answer-hook").exists()


def test_a_machine_without_a_pool_has_no_such_unit(instance: Instance) -> None:
    instance.ship("1.4.2")
    instance.boot("1.4.2")
    assert not (instance.root / "units/answer-hook.service").exists()
