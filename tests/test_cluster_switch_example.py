"""The example of two clusters synthesises to what it says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest

from tests.canary_service import flat
from tests.switched_clusters import GROUP, MANIFEST

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("cluster_switch")
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "cluster_switch" / "app.py"],
        env={**os.environ, "CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": '{"image": "shop:7"}'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "Clusters.template.json").read_text(encoding="utf-8"))


def resources(template: dict, kind: str) -> dict[str, dict]:
    return {name: one for name, one in template["Resources"].items() if one["Type"] == kind}


def manifests(template: dict, kind: str) -> dict[str, tuple[str, dict]]:
    """Those of a kind by the cluster they are applied to: the resource that applies them, and the object."""
    found = {}
    for name, one in resources(template, MANIFEST).items():
        for manifest in json.loads(flat(one["Properties"]["Manifest"])):
            if manifest["kind"] == kind:
                found[flat(one["Properties"]["ClusterName"])] = (name, manifest)
    return found


def test_there_are_two_clusters_with_the_same_application(template: dict) -> None:
    clusters = {f"<{name}>" for name in resources(template, "AWS::EKS::Cluster")}
    assert len(clusters) == 2
    for kind in ("Namespace", "Deployment", "Service", "TargetGroupBinding"):
        assert set(manifests(template, kind)) == clusters, kind
    applications = [manifest for _, manifest in manifests(template, "Deployment").values()]
    assert applications[0] == applications[1]
    (container,) = applications[0]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "shop:7"


def test_each_binding_is_of_the_service_in_its_cluster(template: dict) -> None:
    services = manifests(template, "Service")
    for cluster, (_, binding) in manifests(template, "TargetGroupBinding").items():
        _, service = services[cluster]
        assert binding["spec"]["serviceRef"] == {"name": service["metadata"]["name"], "port": 80}
        assert binding["metadata"]["namespace"] == service["metadata"]["namespace"]
        assert [port["port"] for port in service["spec"]["ports"]] == [80]


def test_pods_are_made_behind_the_binding_and_the_binding_behind_the_namespace(template: dict) -> None:
    """A readiness gate is given to a pod when it is made, if there is a binding by then."""
    bindings, namespaces = manifests(template, "TargetGroupBinding"), manifests(template, "Namespace")
    for cluster, (name, _) in manifests(template, "Deployment").items():
        assert bindings[cluster][0] in template["Resources"][name]["DependsOn"]
        assert namespaces[cluster][0] in template["Resources"][bindings[cluster][0]]["DependsOn"]
        labels = namespaces[cluster][1]["metadata"]["labels"]
        assert labels == {"eks.amazonaws.com/pod-readiness-gate-inject": "enabled"}


def test_a_pod_that_goes_sleeps_longer_than_the_load_balancer_drains(template: dict) -> None:
    (attributes,) = {
        json.dumps(one["Properties"]["TargetGroupAttributes"]) for one in resources(template, GROUP).values()
    }
    drain = {one["Key"]: one["Value"] for one in json.loads(attributes)}["deregistration_delay.timeout_seconds"]
    for _, deployment in manifests(template, "Deployment").values():
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        slept = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert int(drain) < slept < pod["terminationGracePeriodSeconds"]


def test_the_load_balancer_reaches_the_port_that_the_pods_listen_on(template: dict) -> None:
    opened = {one["Properties"]["FromPort"] for one in resources(template, "AWS::EC2::SecurityGroupIngress").values()}
    for _, deployment in manifests(template, "Deployment").values():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert {port["containerPort"] for port in container["ports"]} == opened


@pytest.mark.parametrize("kind", ["Namespace", "Deployment", "Service"])
def test_kubernetes_knows_every_field_of_the_application(template: dict, kind: str) -> None:
    for _, manifest in manifests(template, kind).values():
        kubernetes_validate.validate(manifest, "1.36", strict=True)


def test_the_target_is_the_one_that_the_commands_name(template: dict) -> None:
    assert "Clusters/Shop" in [one["Value"] for one in template["Outputs"].values()]
    text = (ROOT / "examples" / "cluster_switch" / "app.py").read_text(encoding="utf-8")
    assert text.count("bluegreen start Clusters/Shop ") == 1
