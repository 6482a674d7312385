"""The smoke tests of the sample service: questions whose answers the model is known to give."""

import json
from pathlib import Path

from bluegreen_constructs import HttpSmokeTest

_GOLDEN = Path(__file__).parents[1] / "services" / "inference" / "golden.json"
_ASKED = 2  # a smoke test is a first look; how often a candidate errs is for the guardrails to judge


def golden_checks() -> list[HttpSmokeTest]:
    """The first golden questions, each expecting its known topic."""
    return [
        HttpSmokeTest(
            "/predict",
            method="POST",
            body=json.dumps(golden["request"]),
            expects=json.dumps({"topic": golden["expected"]["topic"]}).strip("{}"),
        )
        for golden in json.loads(_GOLDEN.read_text(encoding="utf-8"))[:_ASKED]
    ]
