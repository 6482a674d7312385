"""What README.md shows is true: its Python runs, its commands exist, its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bluegreen_constructs import __all__ as public_names

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_python_example_synthesises(example: str, tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text(example, encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 6


def test_the_verdicts_it_shows_are_those_of_the_example(tmp_path: Path) -> None:
    example = next(example for example in EXAMPLES if "evidence" in example)
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=True)
    shown = re.search(r"print\(evidence.verdict\)  # (.*)", example)
    assert shown
    assert done.stdout.split() == shown[1].split(", ")


def test_every_public_name_is_in_the_readme() -> None:
    assert [name for name in public_names if f"`{name}`" not in README] == []


def test_every_make_target_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_link_into_the_repository_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "services" / "inference" / "README.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert link.startswith("https://") or (page.parent / link).exists(), f"{page.name}: {link}"


def anchor(heading: str) -> str:
    """As a forge makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.stem
)
def test_every_link_to_a_part_of_a_page_leads_to_a_heading(page: Path) -> None:
    for file, part in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", page.read_text(encoding="utf-8")):
        there = (page.parent / file if file else page).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", there, flags=re.DOTALL), flags=re.MULTILINE)
        assert part in {anchor(one) for one in headings}, f"{page.name}: {file}#{part}"


def test_ci_runs_what_the_readme_tells_everybody_to_run() -> None:
    assert "make test" in README
    assert "exec make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
