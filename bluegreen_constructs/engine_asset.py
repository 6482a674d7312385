"""The Lambda asset: the folder `engine/`, exactly as it lies in the package."""

from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from aws_cdk import AssetStaging, FileAssetPackaging, IgnoreMode, Stack
from constructs import Construct

# The asset is staged from the package folder, so that its root holds the folder `engine` and a handler is called
# `engine.handlers.<name>.handler`. Everything beside the folder needs the CDK or a terminal and stays at home.
_PACKAGE = Path(__file__).parent
_ONLY_ENGINE = ["/*", "!/engine", "__pycache__", "*.pyc", ".DS_Store"]
_ID = "BlueGreenEngineCode"


@dataclass(frozen=True)
class EngineCode:
    """Where the code is when a stack is deployed, and its folder in the cloud assembly."""

    bucket_name: str
    object_key: str
    folder: str
    hash: str


_codes: "WeakKeyDictionary[Stack, EngineCode]" = WeakKeyDictionary()


def engine_code(scope: Construct) -> EngineCode:
    """The engine's code as an asset of `scope`'s stack: made once per stack, hashed once per synth.

    There is nothing to build: no Docker, no bundling, no layer. boto3 comes with the Lambda runtime. It is staged
    without the CDK's Asset construct, whose module takes Node longer to load than the staging takes.
    """
    stack = Stack.of(scope)
    known = _codes.get(stack)
    if known is None:
        staged = AssetStaging(stack, _ID, source_path=str(_PACKAGE), exclude=_ONLY_ENGINE, ignore_mode=IgnoreMode.GIT)
        folder = staged.relative_staged_path(stack)
        place = stack.synthesizer.add_file_asset(
            file_name=folder,
            packaging=FileAssetPackaging.ZIP_DIRECTORY,
            source_hash=staged.asset_hash,
            display_name="BlueGreenEngine",
        )
        known = _codes[stack] = EngineCode(place.bucket_name, place.object_key, folder, staged.asset_hash)
    return known
