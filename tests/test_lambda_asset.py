"""The Lambda asset is the folder `engine/` and nothing else, and runs without the CDK."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import App, IgnoreMode, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_s3_assets as s3_assets

import bluegreen_constructs
from bluegreen_constructs import engine_asset
from bluegreen_constructs.engine_asset import engine_code
from bluegreen_constructs.engine_function import EngineFunction
from bluegreen_constructs.traffic_rule import TrafficRule

PACKAGE = Path(bluegreen_constructs.__file__).parent
LISTENER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/a/1/2"

# Stands in for a Lambda sandbox: the asset's root is on the path, and what Lambda lacks cannot be imported.
SANDBOX = """
import importlib, sys
for name in ("aws_cdk", "constructs", "jsii", "bluegreen_constructs"):
    sys.modules[name] = None
sys.path.insert(0, sys.argv[1])
for handler in sys.argv[2:]:
    module, function = handler.rsplit(".", 1)
    assert callable(getattr(importlib.import_module(module), function)), handler
"""


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The asset as it was staged, and every Handler string of the engine in a template with all its functions."""
    app = App(outdir=str(tmp_path_factory.mktemp("out")))
    stack = Stack(app, "Functions")
    groups = [
        elbv2.ApplicationTargetGroup.from_target_group_attributes(
            stack, side, target_group_arn=f"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{side}/1"
        )
        for side in ("blue", "green")
    ]
    listener = elbv2.ApplicationListener.from_application_listener_attributes(
        stack,
        "Listener",
        listener_arn=LISTENER,
        security_group=ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-1"),
    )
    conditions = [elbv2.ListenerCondition.path_patterns(["/*"])]
    TrafficRule(stack, "Rule", listener=listener, priority=1, conditions=conditions, blue=groups[0], green=groups[1])
    for module in sorted((PACKAGE / "engine" / "handlers").glob("[a-z]*.py")):
        handler = f"engine.handlers.{module.stem}.handler"
        EngineFunction(stack, module.stem, handler=handler, description="", timeout_seconds=10)
    assembly = app.synth()
    resources = assembly.get_stack_by_name("Functions").template["Resources"].values()
    handlers = {one["Properties"]["Handler"] for one in resources if one["Type"] == "AWS::Lambda::Function"}
    return Path(assembly.directory) / engine_code(stack).folder, sorted(handlers)


def files_under(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_asset_holds_the_engine_and_nothing_else(synthesised: tuple[Path, list[str]]) -> None:
    source = {name for name in files_under(PACKAGE) if name.startswith("engine/") and "__pycache__" not in name}
    assert files_under(synthesised[0]) == source
    assert "engine/handlers/traffic_rule.py" in source


def test_every_handler_resolves_in_the_asset_without_the_cdk(synthesised: tuple[Path, list[str]]) -> None:
    """An absolute import inside `engine/` passes every other test, and fails here as it would in Lambda."""
    asset, handlers = synthesised
    assert "engine.handlers.traffic_rule.handler" in handlers
    ran = subprocess.run(
        [sys.executable, "-I", "-B", "-c", SANDBOX, str(asset), *handlers], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_a_stack_has_one_asset_for_all_its_functions() -> None:
    stack = Stack(App(), "One")
    assert engine_code(stack) is engine_code(EngineFunction(stack, "F", handler="h", description="", timeout_seconds=1))


def test_the_hash_is_the_same_from_the_checkout_and_from_an_installed_wheel(tmp_path: Path) -> None:
    """What pip installs has other neighbours, other times and compiled files; the code is the same."""
    installed = tmp_path / "site-packages" / "bluegreen_constructs"
    shutil.copytree(PACKAGE, installed, ignore=shutil.ignore_patterns("rehearsal", "cli"))
    (installed / "engine" / "__pycache__").mkdir(exist_ok=True)
    (installed / "engine" / "__pycache__" / "errors.cpython-311.pyc").write_bytes(b"compiled")
    (installed / "engine" / "aws" / "stray.pyc").write_bytes(b"compiled")
    stack = Stack(App(), "Two")
    other = s3_assets.Asset(
        stack, "Other", path=str(installed), exclude=engine_asset._ONLY_ENGINE, ignore_mode=IgnoreMode.GIT
    )
    assert other.asset_hash == engine_code(stack).hash
