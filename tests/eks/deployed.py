"""The application on the cluster, and what a deployment of it does: CDK's handler, called as CloudFormation would."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.eks.application import FIRST, LATER, NAMES, REPLICAS, Releases
from tests.eks.binaries import Binaries
from tests.eks.cloud_assembly import CustomResource
from tests.eks.control_plane import ControlPlane
from tests.eks.kubectl_handler import HandlerError, KubectlHandler
from tests.eks.played_aws import PlayedAws
from tests.eks.played_pods import PlayedPods
from tests.eks.quick_times import FACTOR, quick
from tests.eks.rollout_driver import RolloutDriver


@dataclass(frozen=True)
class FirstDeployment:
    """What became of one: empty, or what went wrong; the weights by image; the images behind its own Service."""

    failure: str
    weights: dict[str, int]
    ready: list[str]


@dataclass
class Deployed:
    """Each service of the application has a namespace of its own with its own name."""

    plane: ControlPlane
    binaries: Binaries
    handler: KubectlHandler
    releases: Releases
    aws: PlayedAws
    pods: PlayedPods
    start_controller: Callable[[], None]
    said_before_the_chart: str = ""
    first: dict[str, "FirstDeployment"] = field(default_factory=dict)

    def create(self) -> None:
        """The first deployment."""
        print(f"eks: in Rollouts and analyses a minute is {60 / FACTOR:.0f} s here (tests/eks/quick_times.py)")
        resources = self.releases.assembly(FIRST).custom_resources()
        self.handler.run("Create", [self._quickly(one) for one in resources if not LATER & one.namespaces])
        for service in NAMES - LATER:
            self.first[service] = self._first_deployment(service)

    def _first_deployment(self, service: str) -> "FirstDeployment":
        rollout = self.rollout(service)
        try:
            rollout.wait_for_release(self.releases.image(service, FIRST))
            # The autoscaler takes a moment to bring a Rollout without a number of its own to its least.
            rollout.wait("of its full size", lambda _: len(rollout.ready_images(service)) == REPLICAS)
        except AssertionError as error:
            return FirstDeployment(str(error), {}, [])
        return FirstDeployment("", rollout.weights(), rollout.ready_images(service))

    def update(self, service: str, release: str) -> str:
        """Deploy another release of one service, as a template with its new image would; the image."""
        self.handler.handle("Update", self.resource(service, release))
        return self.releases.image(service, release)

    def try_before_the_chart(self) -> None:
        """Deploy a service while its kinds do not exist yet, as without the dependency on the chart."""
        try:
            self.handler.handle("Create", self.resource("outside", FIRST))
        except HandlerError as error:
            self.said_before_the_chart = str(error)

    def adopt(self, service: str) -> None:
        """The first deployment of one that is LATER."""
        resources = self.releases.assembly(FIRST).custom_resources()
        self.handler.run("Create", [self._quickly(one) for one in resources if service in one.namespaces])

    def delete(self, service: str) -> None:
        """What CloudFormation calls when the service is taken out of the template; its namespace stays."""
        made = self.releases.assembly(FIRST).custom_resources()
        for one in reversed([one for one in made if service in one.namespaces]):
            self.handler.handle("Delete", one)

    def write_first_action(self, service: str) -> None:
        """Call for an update of what wrote the Ingress' action before the Rollout was there."""
        for one in self.releases.assembly(FIRST).custom_resources():
            if one.kind == "KubernetesPatch" and service in one.namespaces:
                self.handler.handle("Update", one)

    def restart_controller(self) -> None:
        """Kill the controller, as a node that dies would, and start another one."""
        self.plane.servers.kill("rollouts-controller")
        self.start_controller()

    def rollout(self, service: str) -> RolloutDriver:
        """The service's Rollout."""
        return RolloutDriver(
            self.plane.api,
            self.binaries["kubectl-argo-rollouts"],
            self.plane.kubeconfig,
            service,
            service,
            self.plane.servers.check,
        )

    def resource(self, service: str, release: str, kind: str = "Rollout") -> CustomResource:
        """The custom resource that applies the objects of a kind of one service, shortened."""
        for one in self.releases.assembly(release).custom_resources():
            if (kind, service) in {(of["kind"], of["metadata"].get("namespace")) for of in one.manifests}:
                return self._quickly(one)
        raise AssertionError(f"the application has no service {service}, or it has no {kind}")

    @staticmethod
    def _quickly(resource: CustomResource) -> CustomResource:
        if not resource.manifests:
            return resource
        manifest = json.dumps([quick(one) for one in resource.manifests])
        return dataclasses.replace(resource, properties={**resource.properties, "Manifest": manifest})
