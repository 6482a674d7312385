"""The application of each environment, synthesised once for all tests of the session."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
import pytest

from stacks.application import build
from stacks.environments import ENVIRONMENTS

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Synthesised:
    """One environment's application: its templates by stack, and what the checks reported."""

    environment: str
    templates: dict[str, dict]
    findings: tuple[str, ...]
    folder: Path

    @property
    def network(self) -> dict:
        return self.templates[f"BlueGreenNetwork-{self.environment}"]

    @property
    def service(self) -> dict:
        return self.templates[f"BlueGreenService-{self.environment}"]

    @property
    def canary(self) -> dict:
        return self.templates[f"BlueGreenCanary-{self.environment}"]

    @property
    def slots(self) -> dict:
        return self.templates[f"BlueGreenSlots-{self.environment}"]

    @property
    def fleet(self) -> dict:
        return self.templates[f"BlueGreenFleet-{self.environment}"]

    @property
    def eks(self) -> dict:
        return self.templates[f"BlueGreenEks-{self.environment}"]

    def resources(self, kind: str) -> dict[str, dict]:
        return {
            name: resource
            for template in self.templates.values()
            for name, resource in template["Resources"].items()
            if resource["Type"] == kind
        }


def settings() -> dict[str, object]:
    """The context that the CDK CLI would give, from cdk.json."""
    return json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]


@cache
def synthesise(environment: str, release: str = "1.0.0") -> Synthesised:
    folder = Path(mkdtemp(prefix="bluegreen-synth-"))
    app = cdk.App(outdir=str(folder), context=settings())
    build(app, environment=environment, release=release)
    findings: tuple[str, ...] = ()
    try:
        app.synth()
    except RuntimeError:
        report = json.loads((folder / "validation-report.json").read_text(encoding="utf-8"))
        findings = tuple(
            f"{violation['ruleName']}: {place.get('constructPath', place)}"
            for plugin in report["pluginReports"]
            for violation in plugin["violations"]
            for place in violation["violatingConstructs"]
        )
        assert findings, "the synth failed without a finding"
    templates = {
        path.name.removesuffix(".template.json"): json.loads(path.read_text(encoding="utf-8"))
        for path in folder.glob("*.template.json")
    }
    return Synthesised(environment, templates, findings, folder)


@pytest.fixture(scope="session", params=list(ENVIRONMENTS))
def application(request: pytest.FixtureRequest) -> Synthesised:
    """Each environment in turn."""
    return synthesise(request.param)
