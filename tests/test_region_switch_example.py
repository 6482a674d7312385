"""The example of two regions synthesises to what it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APP = ROOT / "examples" / "region_switch" / "app.py"


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    folder = tmp_path_factory.mktemp("region_switch")
    done = subprocess.run(
        [sys.executable, APP],
        env={
            **os.environ,
            "CDK_OUTDIR": str(folder),
            "CDK_CONTEXT_JSON": '{"image": "shop:7", "zone": "example.net", "zone_id": "Z1"}',
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {
        name: json.loads((folder / f"{name}.template.json").read_text(encoding="utf-8"))
        for name in ("Dns", "ShopBlue", "ShopGreen")
    }


def resources(template: dict, kind: str) -> list[dict]:
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == kind]


def test_the_switch_is_of_the_given_zone(templates: dict[str, dict]) -> None:
    (records,) = resources(templates["Dns"], "Custom::WeightedRecords")
    assert (records["HostedZoneId"], records["RecordName"]) == ("Z1", "shop.example.net")


def test_each_region_runs_the_service_behind_https(templates: dict[str, dict]) -> None:
    for name in ("ShopBlue", "ShopGreen"):
        (listener,) = resources(templates[name], "AWS::ElasticLoadBalancingV2::Listener")
        assert (listener["Protocol"], listener["Port"]) == ("HTTPS", 443)
        (definition,) = resources(templates[name], "AWS::ECS::TaskDefinition")
        assert definition["ContainerDefinitions"][0]["Image"] == "shop:7"


def test_the_listener_answers_the_health_check_whatever_host_it_names(templates: dict[str, dict]) -> None:
    """Route 53 names the load balancer; a rule for the service's host alone would answer it 404."""
    for name in ("ShopBlue", "ShopGreen"):
        (listener,) = resources(templates[name], "AWS::ElasticLoadBalancingV2::Listener")
        assert [action["Type"] for action in listener["DefaultActions"]] == ["forward"]
        assert resources(templates[name], "AWS::ElasticLoadBalancingV2::ListenerRule") == []
    paths = {
        one["HealthCheckConfig"]["ResourcePath"] for one in resources(templates["Dns"], "AWS::Route53::HealthCheck")
    }
    groups = [
        group["HealthCheckPath"]
        for name in ("ShopBlue", "ShopGreen")
        for group in resources(templates[name], "AWS::ElasticLoadBalancingV2::TargetGroup")
    ]
    assert paths == set(groups) == {"/ready"}


def test_the_target_is_the_one_that_the_commands_name(templates: dict[str, dict]) -> None:
    assert "Dns/Shop" in [one["Value"] for one in templates["Dns"]["Outputs"].values()]
    named = re.findall(r"bluegreen regions \w+ (\S+)", APP.read_text(encoding="utf-8"))
    assert set(named) == {"Dns/Shop"}
