"""A cluster with Argo Rollouts, a Deployment that it takes over, and a service behind a load balancer.

    cdk deploy --app "python examples/eks/app.py" Cluster
    kubectl apply -f examples/eks/deployment.yaml
    cdk deploy --app "python examples/eks/app.py" Services
    kubectl argo rollouts get rollout inference -n shop --watch

README.md beside this file goes through it step by step.
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from bluegreen_constructs import (
    AlarmThresholds,
    Canary,
    EksCluster,
    EksRollouts,
    ExistingDeployment,
    HttpSmokeTest,
    Ingress,
    Pods,
)

ENV = cdk.Environment(region="eu-west-1")


class Cluster(cdk.Stack):
    """Steps 1 and 2: network, cluster, and the controller in it."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, env=ENV)
        zones = [f"{ENV.region}a", f"{ENV.region}b"]
        vpc = ec2.Vpc(self, "Vpc", availability_zones=zones, nat_gateways=1)
        self.cluster = EksCluster(self, "Cluster", vpc=vpc)
        self.rollouts = EksRollouts(self, "Rollouts", cluster=self.cluster)


class Services(cdk.Stack):
    """Steps 4 to 6: what is rolled out, and how."""

    def __init__(self, scope: Construct, id: str, *, rollouts: EksRollouts, image: str) -> None:
        super().__init__(scope, id, env=ENV)
        # The Deployment of deployment.yaml, reached inside the cluster: all traffic moves at once.
        rollouts.add_service(
            "inference",
            namespace="shop",
            pods=ExistingDeployment(
                name="inference", labels={"app": "inference"}, port=8080, replicas=2, health_path="/ready"
            ),
            hooks=[HttpSmokeTest("/ready")],
            bake=timedelta(minutes=10),
            scope=self,
        )
        # The same application behind a load balancer: 10 % first, judged by CloudWatch, and back in one write.
        rollouts.add_service(
            "predict",
            namespace="predict",
            pods=Pods(image=image, port=8080, health_path="/ready"),
            ingress=Ingress(internet_facing=False),
            strategy=Canary(percent=10, bake=timedelta(minutes=5)),
            bake=timedelta(minutes=10),
            guardrails=[AlarmThresholds(error_rate_percent=1, p95_latency=timedelta(seconds=1))],
            hooks=[HttpSmokeTest("/ready")],
            scope=self,
        )


app = cdk.App()
image = str(app.node.try_get_context("image") or "123456789012.dkr.ecr.eu-west-1.amazonaws.com/inference:1.0.0")
cluster = Cluster(app, "Cluster")
Services(app, "Services", rollouts=cluster.rollouts, image=image)
app.synth()
