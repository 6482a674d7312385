"""A Kubernetes of real programs on loopback: etcd, API server, controller manager, scheduler, and kwok's nodes.

Real: everything that decides. Played, by kwok: the kubelet, which here says what becomes of a pod (pod_stages.yaml).
There is no network between pods: what would answer a request is in EndpointSlices, which the tests read.
"""

import json
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.eks.binaries import Binaries
from tests.eks.cluster_api import ClusterApi
from tests.eks.processes import Servers, free_port

POD_STAGES = Path(__file__).with_name("pod_stages.yaml")
ROLLOUTS_NAMESPACE = ROLLOUTS_ACCOUNT = "argo-rollouts"
"""The names that the chart gives the controller's namespace and its service account."""
NODES = 2


@dataclass(frozen=True)
class ControlPlane:
    """What is needed to talk to it. `kubeconfig` is of the administrator, `rollouts_kubeconfig` of the controller."""

    api: ClusterApi
    kubeconfig: Path
    rollouts_kubeconfig: Path
    servers: Servers


def start_control_plane(binaries: Binaries, servers: Servers, folder: Path) -> ControlPlane:
    """Start it in a folder of its own; ten seconds. Raises ServerError; the caller stops the servers in any case."""
    etcd = _start_etcd(binaries, servers, folder)
    admin, controller = secrets.token_hex(16), secrets.token_hex(16)
    url = f"https://127.0.0.1:{free_port()}"
    api = ClusterApi(url, admin)
    kubeconfig = _write_kubeconfig(folder / "admin.kubeconfig", url, admin)
    rollouts_kubeconfig = _write_kubeconfig(folder / "rollouts.kubeconfig", url, controller)
    account = f"system:serviceaccount:{ROLLOUTS_NAMESPACE}:{ROLLOUTS_ACCOUNT}"
    tokens = folder / "tokens.csv"
    tokens.write_text(f'{admin},admin,1,"system:masters"\n{controller},{account},2,"system:serviceaccounts"\n')
    key = folder / "service-accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    server = servers.start(
        "kube-apiserver",
        [
            binaries["kube-apiserver"],
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={url.rsplit(':', 1)[1]}",
            f"--cert-dir={folder / 'certificates'}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={key}",
            f"--service-account-key-file={key}",
            "--endpoint-reconciler-type=none",
            "--allow-privileged=true",
        ],
    )
    server.wait(api.is_ready, seconds=120)
    servers.start(
        "kube-controller-manager",
        [
            binaries["kube-controller-manager"],
            f"--kubeconfig={kubeconfig}",
            f"--service-account-private-key-file={key}",
            f"--root-ca-file={folder / 'certificates' / 'apiserver.crt'}",
            "--leader-elect=false",
            "--secure-port=0",
            "--concurrent-deployment-syncs=5",
        ],
    ).wait(lambda: api.get("default", "serviceaccounts", "default") is not None)
    servers.start(
        "kube-scheduler",
        [binaries["kube-scheduler"], f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0"],
    )
    _start_nodes(binaries, servers, folder, api, kubeconfig)
    return ControlPlane(api, kubeconfig, rollouts_kubeconfig, servers)


def _start_etcd(binaries: Binaries, servers: Servers, folder: Path) -> str:
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    servers.start(
        "etcd",
        [
            binaries["etcd"],
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",  # nothing here outlives the tests
        ],
    )
    return client


def _start_nodes(binaries: Binaries, servers: Servers, folder: Path, api: ClusterApi, kubeconfig: Path) -> None:
    kwok = servers.start(
        "kwok",
        [
            binaries["kwok"],
            f"--kubeconfig={kubeconfig}",
            f"--config={POD_STAGES}",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
            "--server-address=",
        ],
        environment={"KWOK_WORKDIR": str(folder / "kwok")},  # not the one of the machine's owner
    )
    for number in range(NODES):
        name = f"node-{number}"
        labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"eu-west-1{'abc'[number % 3]}"}
        api.create("", "nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})

    def are_ready() -> bool:
        said = [
            condition["status"]
            for node in api.list("", "nodes")
            for condition in node.get("status", {}).get("conditions", ())
            if condition["type"] == "Ready"
        ]
        return said == ["True"] * NODES

    kwok.wait(are_ready)


def _write_kubeconfig(path: Path, url: str, token: str) -> Path:
    """As `aws eks update-kubeconfig` would, but for the certificate."""
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "tests",
                "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
                "clusters": [{"name": "tests", "cluster": {"server": url, "insecure-skip-tls-verify": True}}],
                "users": [{"name": "tests", "user": {"token": token}}],
            }
        )
    )
    path.chmod(0o600)
    return path
