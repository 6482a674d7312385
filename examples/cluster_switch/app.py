"""A service in two EKS clusters, between which the engine moves the traffic: to upgrade Kubernetes, say.

    cdk deploy --app "python examples/cluster_switch/app.py"

Blue serves at first. Give the cluster that is out of use the next version of Kubernetes (`VERSIONS` below), deploy
again, see that the application does well there, and hand over. The way back is one command:

    bluegreen status Clusters/Shop
    bluegreen start Clusters/Shop --release k8s-1.37 --wait
    bluegreen rollback Clusters/Shop --reason "…"

`start` waits until the other cluster has as many healthy pods as live, gives it 5 % and 25 % of the traffic, and all of
it when the comparison has found no harm. Neither cluster is scaled by it.

The application is deployed with the clusters here, so that the example is whole. GitOps, or whatever deploys yours
today, does as well: a switch needs only the namespace and, sooner or later, the Service. Another image is rolled out
by Kubernetes itself, in both clusters at once, and nobody judges it: for releases there is `EksRollouts`.
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from bluegreen_constructs import ClusterSide, ClusterSwitch, EksCluster, ErrorComparison, Ingress, Step, Steps
from bluegreen_constructs.argo.manifest import Manifest

VERSIONS = {"Blue": "1.36", "Green": "1.36"}
PODS = 4  # in both clusters, so that each can carry everything
PORT = 8080
DRAIN = timedelta(seconds=30)


class Clusters(cdk.Stack):
    """Network, two clusters with the application, and the switch between them."""

    def __init__(self, scope: Construct, id: str, *, image: str, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env)
        vpc = ec2.Vpc(self, "Vpc", availability_zones=[f"{env.region}a", f"{env.region}b"], nat_gateways=1)
        clusters = {name: EksCluster(self, name, vpc=vpc, version=version) for name, version in VERSIONS.items()}
        sides = {
            name: ClusterSide(
                cluster,
                namespace="shop",
                service="web",
                pod_port=PORT,
                after=[cluster.add_manifest(self, f"{name}Namespace", [namespace(cluster)])],
            )
            for name, cluster in clusters.items()
        }
        switch = ClusterSwitch(
            self,
            "Shop",
            blue=sides["Blue"],
            green=sides["Green"],
            ingress=Ingress(internet_facing=False, health_path="/ready", drain=DRAIN),
            strategy=Steps([Step(5, timedelta(minutes=10)), Step(25, timedelta(minutes=10))]),
            bake=timedelta(minutes=15),
            guardrails=[ErrorComparison(negligible=0.1)],
        )
        for name, cluster in clusters.items():
            # Behind the binding: a pod gets its readiness gate when it is made.
            cluster.add_manifest(self, f"{name}Application", application(image), after=[switch])


def namespace(cluster: EksCluster) -> Manifest:
    """With the label by which a pod is ready only when the load balancer finds it healthy."""
    labels = {cluster.load_balancing.readiness_gate_label: "enabled"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}


def application(image: str) -> list[Manifest]:
    """A Deployment and its Service."""
    labels: Manifest = {"app": "web"}
    drained = round(DRAIN.total_seconds()) + 15
    container: Manifest = {
        "name": "web",
        "image": image,
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
        # Until the load balancer has stopped sending requests, and those in flight are answered.
        "lifecycle": {"preStop": {"sleep": {"seconds": drained}}},
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    spread: Manifest = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
    pod: Manifest = {
        "terminationGracePeriodSeconds": drained + 30,
        "topologySpreadConstraints": [spread],
        "containers": [container],
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {
                "replicas": PODS,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {
                "selector": labels,
                "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
            },
        },
    ]


app = cdk.App()
Clusters(
    app,
    "Clusters",
    image=str(app.node.try_get_context("image") or "inference:1.0.0"),
    env=cdk.Environment(region="eu-west-1"),
)
app.synth()
