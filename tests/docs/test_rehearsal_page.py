"""docs/rehearsal.md says what the rehearsal really covers."""

from pathlib import Path

from bluegreen_constructs.rehearsal.catalogue import CATALOGUE
from bluegreen_constructs.rehearsal.coverage_table import BEGIN, END, coverage_table
from bluegreen_constructs.rehearsal.emulator.coverage import Kind, coverage
from tests.stacks.conftest import synthesise

PAGE = (Path(__file__).parents[2] / "docs" / "rehearsal.md").read_text(encoding="utf-8")


def test_the_table_of_types_is_the_one_that_the_data_makes() -> None:
    assert PAGE[PAGE.index(BEGIN) : PAGE.index(END) + len(END)] == coverage_table()


def test_every_scenario_is_described() -> None:
    for scenario in CATALOGUE.scenarios:
        assert f"| `{scenario.name}` |" in PAGE


def test_every_type_that_our_stacks_emit_is_covered_and_described() -> None:
    """But for the cluster's, which nobody rehearses here: `make test-eks` plays what is in it."""
    assert "services in an EKS cluster" in PAGE
    for environment in ("rehearsal", "dev", "prod"):
        for stack, template in synthesise(environment).templates.items():
            if stack.startswith("BlueGreenEks-"):
                continue
            for resource in template["Resources"].values():
                kind = resource["Type"]
                assert coverage(kind) is not None, kind
                if coverage(kind).kind is not Kind.REAL:
                    assert f"| `{kind}` |" in PAGE, kind
