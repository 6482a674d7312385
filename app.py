"""Reads the environment and the release, makes the stacks, synthesises."""

import sys

import aws_cdk as cdk

from bluegreen_constructs.engine.errors import BlueGreenError
from stacks.application import build

app = cdk.App()
try:
    build(app, environment=app.node.try_get_context("environment"), release=app.node.try_get_context("release"))
except BlueGreenError as refusal:
    sys.exit(f"refused: {refusal}")
app.synth()
