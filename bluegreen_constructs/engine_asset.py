"""The Lambda asset: the folder `engine/`, exactly as it lies in the package."""

from pathlib import Path

from aws_cdk import IgnoreMode, Stack
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

# The asset is staged from the package folder, so that its root holds the folder `engine` and a handler is called
# `engine.handlers.<name>.handler`. Everything beside the folder needs the CDK or a terminal and stays at home.
_PACKAGE = Path(__file__).parent
_ONLY_ENGINE = ["/*", "!/engine", "__pycache__", "*.pyc", ".DS_Store"]
_ID = "BlueGreenEngineCode"


def engine_code(scope: Construct) -> s3_assets.Asset:
    """The engine's code as an asset of `scope`'s stack: made once per stack, hashed once per synth.

    There is nothing to build: no Docker, no bundling, no layer. boto3 comes with the Lambda runtime.
    """
    stack = Stack.of(scope)
    known = stack.node.try_find_child(_ID)
    if isinstance(known, s3_assets.Asset):
        return known
    return s3_assets.Asset(
        stack, _ID, path=str(_PACKAGE), exclude=_ONLY_ENGINE, ignore_mode=IgnoreMode.GIT, display_name="BlueGreenEngine"
    )
