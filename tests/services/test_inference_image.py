"""The image installs what the tests ran with, and the service needs nothing else of this repository."""

import ast
import re
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
SERVICE = CHECKOUT / "services" / "inference"


def test_the_image_installs_the_versions_that_the_tests_run_with():
    locked = set(re.findall(r"^([a-z0-9-]+==[^ ;\\]+)", (CHECKOUT / "requirements/dev.lock").read_text(), re.MULTILINE))
    pinned = re.findall(r"^[^#\s].*$", (SERVICE / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned
    assert set(pinned) <= locked


def test_the_service_imports_only_what_the_image_installs():
    allowed = {"numpy", "starlette", "uvicorn"} | sys.stdlib_module_names
    for file in SERVICE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names.append(node.module or "")
            assert {name.split(".")[0] for name in names} <= allowed, file.name
