"""What cdk-nag and cfn-lint say of an app: findings, acknowledgements, and a planted finding that shows they looked."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks


def findings(app: cdk.App) -> frozenset[tuple[str, str]]:
    """Synthesise `app`, in which somebody planted a finding: construct path and rule of each that was found."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError):  # of the planted finding
        app.synth()
    report = json.loads((Path(app.outdir) / "validation-report.json").read_text(encoding="utf-8"))
    return frozenset(
        (place["constructPath"], violation["ruleName"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for place in violation["violatingConstructs"]
    )


def acknowledgements(metadata: Path) -> list[tuple[tuple[str, str], str]]:
    """Construct path and rule, with the reason, from the metadata that the CDK writes beside a template."""
    found = []
    for place, entries in json.loads(metadata.read_text(encoding="utf-8")).items():
        for entry in entries:
            if entry["type"] != "aws:cdk:acknowledged-rules":
                continue
            for rule, reason in entry["data"].items():
                if not rule.startswith("CloudFormation-Validate::"):  # the CDK's own, on its own constructs
                    named = re.sub(r"(Cluster)[0-9A-F]{8}", r"\1", rule)  # without the id's hash
                    found.append(
                        ((place[1:].removesuffix("/Resource"), named.removeprefix("AwsSolutions::")), str(reason))
                    )
    return found


def lint(templates: Sequence[Path]) -> tuple[int, str]:
    """cfn-lint's exit code and words on the templates: (0, "") is clean."""
    program = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run([program, "--", *map(str, templates)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()
