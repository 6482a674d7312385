"""The public names: sorted, complete, importable, documented, and light."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import bluegreen_constructs

PACKAGE = Path(bluegreen_constructs.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
# Names that say nothing about what is in a file.
UNNAMED = {"utils", "helpers", "common", "base", "manager", "misc", "constants"}


def test_the_three_lists_of_public_names_are_the_same() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
        for inner in ast.walk(node)
        if isinstance(inner, ast.ImportFrom)
        for alias in inner.names
    }
    assert bluegreen_constructs.__all__ == sorted(bluegreen_constructs.__all__)
    assert set(bluegreen_constructs.__all__) == set(bluegreen_constructs._HOMES) == typed


@pytest.mark.parametrize("name", bluegreen_constructs.__all__)
def test_every_public_name_is_importable_and_says_what_it_does(name: str) -> None:
    found = getattr(bluegreen_constructs, name)
    assert inspect.getdoc(found)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = bluegreen_constructs.Nothing


@pytest.mark.parametrize(
    ("statement", "kept_out"),
    [
        ("import bluegreen_constructs", ("aws_cdk", "jsii", "boto3", "ministack", "typer")),
        ("import bluegreen_constructs.cli.commands", ("aws_cdk", "jsii", "boto3", "ministack", "aiohttp", "plotly")),
        ("from bluegreen_constructs import Canary, HttpSmokeTest", ("aws_cdk", "jsii", "boto3")),
        ("import bluegreen_constructs.engine.handlers.smoke_test", ("aws_cdk", "jsii", "boto3")),
    ],
)
def test_importing_starts_neither_node_nor_anything_heavy(statement: str, kept_out: tuple[str, ...]) -> None:
    script = f"{statement}\nimport sys\nprint([name for name in {kept_out!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_module_says_in_its_first_line_what_it_holds() -> None:
    silent = [str(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path in MODULES if path.stem.strip("_") in UNNAMED] == []


def test_every_module_can_be_imported() -> None:
    for path in MODULES:
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        if not name.endswith("__main__"):
            importlib.import_module(name)
