"""The application under test: a cluster and services as a user would write them, synthesised once for each release.

Each service is in a namespace of its own name, and belongs to the tests of one file.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from bluegreen_constructs.cluster_analysis import CloudWatchAnalysis, CloudWatchMetric, JobAnalysis
from bluegreen_constructs.eks_cluster import EksCluster
from bluegreen_constructs.eks_rollouts import EksRollouts
from bluegreen_constructs.engine.smoke_test import HttpSmokeTest
from bluegreen_constructs.engine.strategy import Step, Steps
from bluegreen_constructs.hooks import Approval
from bluegreen_constructs.ingress import Ingress
from bluegreen_constructs.pods import ExistingDeployment, Pods
from bluegreen_constructs.scaling import Scaling
from tests.eks.cloud_assembly import CloudAssembly

FIRST = "1"
REPLICAS = 3
STACK = "Rollouts"
MINUTES = timedelta(minutes=3)
ADOPTED_LABELS = {"app": "inference"}

FAILING_JOB = "2-with-failing-job"
"""A release whose acceptance tests fail: they are part of it."""


def _acceptance(release: str) -> JobAnalysis:
    tag = f"failing-{release}" if release == FAILING_JOB else release
    return JobAnalysis(name="acceptance", image=f"registry.example/acceptance:{tag}")


def _own_metric() -> CloudWatchAnalysis:
    """An application that counts its failed predictions by the release that made them."""
    return CloudWatchAnalysis(
        name="predictions",
        metrics={
            "failed": CloudWatchMetric("Inference", "Failed", candidate_dimension="Release"),
            "made": CloudWatchMetric("Inference", "Made", candidate_dimension="Release"),
        },
        expression="100 * FILL(failed, 0) / made",
        at_most=5,
    )


def _services(release: str) -> dict[str, dict[str, Any]]:
    """What each service is given besides its pods and namespace."""
    public = Ingress(plain_http=True, health_path="/healthz")
    steps = Steps([Step(10, MINUTES), Step(50, MINUTES)])
    smoke = HttpSmokeTest("/predict")
    adopted = ExistingDeployment(name="inference", labels=ADOPTED_LABELS, port=8080, replicas=REPLICAS)
    return {
        "inside": {"bake": MINUTES, "hooks": [smoke, _acceptance(release)], "guardrails": [_own_metric()]},
        "inside-refused": {"bake": MINUTES, "hooks": [smoke]},
        "inside-job": {"bake": MINUTES, "hooks": [_acceptance(release)]},
        "inside-judged": {"bake": MINUTES, "guardrails": [_own_metric()]},
        "inside-asked": {"bake": MINUTES, "hooks": [Approval()]},
        "outside": {"ingress": public, "strategy": steps, "bake": MINUTES, "hooks": [smoke]},
        "outside-judged": {"ingress": public, "strategy": steps, "bake": MINUTES},
        "outside-again": {"ingress": public, "strategy": steps, "bake": MINUTES},
        "outside-silent": {"ingress": public, "strategy": steps, "bake": MINUTES},
        "outside-asked": {"ingress": public, "bake": MINUTES, "hooks": [Approval()], "guardrails": []},
        "outside-kept": {"ingress": public, "bake": MINUTES, "hooks": [Approval()]},
        "outside-forgotten": {
            "ingress": public,
            "bake": MINUTES,
            "hooks": [Approval()],
            "deadline": timedelta(minutes=10),
        },
        "outside-restarted": {"ingress": public, "strategy": steps, "bake": MINUTES},
        "outside-stuck": {"ingress": public, "bake": MINUTES},
        "outside-undone": {"ingress": public, "bake": MINUTES},
        "outside-leaving": {"ingress": public, "bake": MINUTES},
        "watched": {"bake": MINUTES, "hooks": [smoke]},
        "watched-outside": {"ingress": public, "strategy": steps, "bake": MINUTES},
        "watched-adopted": {"pods": adopted, "bake": MINUTES},
        "adopted": {"pods": adopted, "bake": MINUTES},
        "adopted-outside": {"pods": adopted, "bake": MINUTES, "ingress": public},
    }


LATER = frozenset({"adopted", "adopted-outside", "watched-adopted"})
"""Deployed by their tests, which first make what is there before."""

NAMES = frozenset(_services(FIRST))


@dataclass
class Releases:
    """The application's assemblies, synthesised when they are asked for."""

    folder: Path
    _made: dict[str, CloudAssembly] = field(default_factory=dict)

    def image(self, service: str, release: str) -> str:
        """What the service's pods run."""
        return f"registry.example/{service}:{release}"

    def assembly(self, release: str) -> CloudAssembly:
        """All services at this release."""
        if release not in self._made:
            self._made[release] = self._synthesised(release)
        return self._made[release]

    def _synthesised(self, release: str) -> CloudAssembly:
        app = cdk.App(outdir=str(self.folder / release))
        stack = cdk.Stack(app, STACK, env=cdk.Environment(account="123456789012", region="eu-west-1"))
        vpc = ec2.Vpc(stack, "Vpc", max_azs=2, nat_gateways=1)
        rollouts = EksRollouts(stack, "Rollouts", cluster=EksCluster(stack, "Cluster", vpc=vpc))
        for name, given in _services(release).items():
            pods = Pods(image=self.image(name, release), port=8080, health_path="/healthz")
            rollouts.add_service(name, namespace=name, **{"pods": pods, **given, "scaling": _scaling(given)})
        app.synth()
        return CloudAssembly(self.folder / release, STACK)


def _scaling(given: dict[str, Any]) -> Scaling | None:
    return None if "pods" in given else Scaling(min=REPLICAS)
