"""Values for the chart of Argo Rollouts."""

from typing import Any

import pytest

from tests.argo.chart_values import unknown_values

GOOD: dict[str, Any] = {
    "installCRDs": True,
    "keepCRDs": True,
    "controller": {
        "replicas": 2,
        "pdb": {"enabled": True, "minAvailable": 1},
        "extraArgs": ["--aws-verify-target-group"],
        "extraEnv": [{"name": "AWS_REGION", "value": "eu-central-1"}],
        "nodeSelector": {"kubernetes.io/arch": "arm64"},
        "resources": {"requests": {"cpu": "100m"}},
    },
    "serviceAccount": {"create": True, "name": "argo-rollouts", "annotations": {"a": "b"}},
    "dashboard": {"enabled": False},
}


def test_values_that_the_chart_knows_are_clean() -> None:
    assert unknown_values(GOOD) == ()


@pytest.mark.parametrize(
    ("values", "unknown"),
    [
        ({"contoller": {"replicas": 2}}, ("contoller",)),
        ({"controller": {"replica": 2, "pdb": {"enable": True}}}, ("controller.pdb.enable", "controller.replica")),
        ({"controller": {"replicas": {"min": 2}}}, ("controller.replicas",)),
        ({"controller": 2}, ("controller",)),
        ({"installCrds": True}, ("installCrds",)),
    ],
)
def test_a_key_that_the_chart_would_ignore_is_named(values: Any, unknown: tuple[str, ...]) -> None:
    assert unknown_values(values) == unknown
