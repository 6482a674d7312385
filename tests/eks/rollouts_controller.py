"""The real Argo Rollouts controller, as the synthesised chart would start it, in front of the played AWS.

Its arguments and variables are those of the chart's values in the template; its rights are those that its authors give
it, in the service account's name. Only what the machine dictates is added: ports, no leader election, a kubeconfig.
"""

import json
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.eks.binaries import Binaries
from tests.eks.cloud_assembly import CloudAssembly
from tests.eks.cluster_api import ClusterApi
from tests.eks.control_plane import ROLLOUTS_ACCOUNT, ROLLOUTS_NAMESPACE, ControlPlane
from tests.eks.processes import free_port

AUTO_MODE_CRDS = Path(__file__).with_name("auto_mode_crds.yaml")


def install_kinds(binaries: Binaries, plane: ControlPlane, kubectl: str) -> None:
    """What the skipped chart and Auto Mode would bring: the kinds, and the controller's rights."""
    _kubectl(kubectl, plane, "create", "namespace", ROLLOUTS_NAMESPACE)
    _kubectl(kubectl, plane, "create", "serviceaccount", ROLLOUTS_ACCOUNT, f"--namespace={ROLLOUTS_NAMESPACE}")
    files = [f"--filename={path}" for path in (*binaries.crds, AUTO_MODE_CRDS, binaries.cluster_role)]
    _kubectl(kubectl, plane, "create", *files)
    account = f"--serviceaccount={ROLLOUTS_NAMESPACE}:{ROLLOUTS_ACCOUNT}"
    _kubectl(kubectl, plane, "create", "clusterrolebinding", "rollouts", "--clusterrole=argo-rollouts", account)
    plane.servers.started("kube-apiserver").wait(lambda: _are_served(plane.api))


def start_controller(binaries: Binaries, plane: ControlPlane, values: dict[str, Any], *, aws: str, pods: str) -> None:
    """Start it. aws, pods: where AWS and the insides of the cluster are played. Raises ServerError."""
    of = values.get("controller", {})
    health = free_port()
    server = plane.servers.start(
        "rollouts-controller",
        [
            binaries["rollouts-controller"],
            f"--kubeconfig={plane.rollouts_kubeconfig}",
            "--leader-elect=false",
            f"--healthzPort={health}",  # these two listen on all addresses, and no flag says otherwise
            f"--metricsPort={free_port()}",
            *map(str, of.get("extraArgs", ())),
        ],
        environment={
            **{one["name"]: str(one["value"]) for one in of.get("extraEnv", ()) if "value" in one},
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": aws,
            "AWS_ACCESS_KEY_ID": "played",
            "AWS_SECRET_ACCESS_KEY": "played",
            "HTTP_PROXY": pods,
            "NO_PROXY": "127.0.0.1",
        },
    )
    server.wait(lambda: _answers(f"http://127.0.0.1:{health}/healthz"))


def chart_values(assembly: CloudAssembly) -> dict[str, Any]:
    """What the template gives the chart argo-rollouts."""
    for resource in assembly.custom_resources():
        if resource.kind == "HelmChart" and resource.properties.get("Chart") == "argo-rollouts":
            return dict(json.loads(resource.properties["Values"]))
    raise AssertionError("the stack installs no chart argo-rollouts")


def _are_served(api: ClusterApi) -> bool:
    """Are all custom resource definitions established?"""
    return all(
        any(
            one["type"] == "Established" and one["status"] == "True"
            for one in kind.get("status", {}).get("conditions") or ()
        )
        for kind in api.list("", "customresourcedefinitions")
    )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _kubectl(kubectl: str, plane: ControlPlane, *arguments: str) -> None:
    command: Sequence[str] = [kubectl, f"--kubeconfig={plane.kubeconfig}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
