"""The next version of the library is another one in its engine's code and its tags, and in nothing else."""

import filecmp
import hashlib
from pathlib import Path

import pytest

from bluegreen_constructs import engine_asset
from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.next_library import TAG, next_library

ROOT = Path(__file__).parents[2]
EXAMPLE = Path("examples") / "slots" / "app.py"
PACKAGE = "bluegreen_constructs"
LEFT_OUT = {"rehearsal", "cli", "simulation"}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("next") / "library"
    assert next_library(ROOT, EXAMPLE, folder) == folder / "app.py"
    return folder


def files(package: Path) -> set[Path]:
    """What lies in a package, but what Python makes and the copy leaves out."""
    found = (one.relative_to(package) for one in package.rglob("*") if one.is_file())
    return {one for one in found if "__pycache__" not in one.parts and one.parts[0] not in LEFT_OUT}


def asset(root: Path) -> str:
    """What the engine's asset is made of: the folder `engine`, by its names and contents."""
    engine = root / PACKAGE / "engine"
    digest = hashlib.sha256()
    for one in sorted(files(engine)):
        digest.update(f"{one}\n".encode() + (engine / one).read_bytes())
    return digest.hexdigest()


def test_the_code_of_the_engine_differs(copied: Path) -> None:
    assert "!/engine" in engine_asset._ONLY_ENGINE  # the folder whose hash the functions' code is called by
    assert asset(copied) != asset(ROOT)


def test_one_file_of_the_library_differs_and_it_does_what_it_did(copied: Path) -> None:
    names = files(ROOT / PACKAGE)
    assert files(copied / PACKAGE) == names
    _, differing, unread = filecmp.cmpfiles(ROOT / PACKAGE, copied / PACKAGE, map(str, names), shallow=False)
    changed = Path("engine") / "swap" / "turn.py"
    assert (differing, unread) == ([str(changed)], [])
    before, after = ((root / PACKAGE / changed).read_text(encoding="utf-8") for root in (ROOT, copied))
    assert after.startswith(before)
    assert all(line.startswith("#") for line in after.removeprefix(before).splitlines() if line)
    compile(after, "turn.py", "exec")


def test_what_no_stack_is_made_of_stays_at_home(copied: Path) -> None:
    assert not any((copied / PACKAGE / name).exists() for name in LEFT_OUT)
    assert not list(copied.rglob("__pycache__"))


def test_the_app_is_tagged_before_anything_is_in_it_and_is_else_the_example(copied: Path) -> None:
    before = (ROOT / EXAMPLE).read_text(encoding="utf-8").splitlines()
    after = (copied / "app.py").read_text(encoding="utf-8").splitlines()
    key, value = TAG
    number = before.index("app = cdk.App()") + 1
    assert after == [*before[:number], f'cdk.Tags.of(app).add("{key}", "{value}")', *before[number:]]
    compile("\n".join(after), "app.py", "exec")


def small_checkout(root: Path, app: str) -> Path:
    turn = root / PACKAGE / "engine" / "swap" / "turn.py"
    turn.parent.mkdir(parents=True)
    turn.write_text("TURN = 1\n", encoding="utf-8")
    (root / "app.py").write_text(app, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    "app", ["", "app = App()\n", "app = cdk.App(context={})\n", "app = cdk.App()\napp = cdk.App()\n"]
)
def test_an_example_that_makes_its_app_otherwise_is_refused(tmp_path: Path, app: str) -> None:
    root = small_checkout(tmp_path / "root", app)
    with pytest.raises(RehearsalError, match=r"app\.py does not make its app with 'app = cdk\.App\(\)'"):
        next_library(root, Path("app.py"), tmp_path / "copy")
    assert not (tmp_path / "copy" / "app.py").exists()


def test_the_checkout_stays_as_it_is(tmp_path: Path) -> None:
    root = small_checkout(tmp_path / "root", "app = cdk.App()\n")
    before = {one: one.read_bytes() for one in root.rglob("*") if one.is_file()}
    next_library(root, Path("app.py"), tmp_path / "copy")
    assert {one: one.read_bytes() for one in root.rglob("*") if one.is_file()} == before
