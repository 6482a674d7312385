"""ArgoImageUpdate: a stage's deploy of a service in a cluster, which waits for the verdict of Argo Rollouts."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ec2 as ec2

from .argo_service import ArgoService
from .argo_watch import SLACK, verdict_build
from .bluegreen_build import in_letters
from .build_machine import BuildMachine
from .deploy_place import DeployPlace
from .engine.errors import ConfigurationError
from .pipeline_limits import Limit
from .release_image import release_parameters
from .stack_deploy import StackDeploy

_IMAGE = "BLUEGREEN_IMAGE"


@dataclass(frozen=True)
class ArgoImageUpdate(StackDeploy):
    """Deploys the stack of a service in a cluster with the image that the execution ships, and waits for its verdict.

    The stack keeps the image's digest: `Pods(image=ReleaseImage(repository).reference(stack))`. CloudFormation is done
    when the cluster has accepted the image. Then a build in the cluster's VPC looks what Argo Rollouts makes of it: the
    action ends when the image was promoted, and fails when it was aborted, when somebody has replaced it, and when
    neither is known in time. A cluster that does not answer is no evidence for either.

    stack, parameters: as of a `StackDeploy`.
    service: what `EksRollouts.add_service` made, of that stack, its cluster in the pipeline's own account and region.
    vpc: the cluster's, with private subnets and a way to AWS (a NAT gateway, or endpoints of S3, CloudWatch Logs, EKS
        and CodeBuild; default: what the cluster knows).
    machine: what the build runs on; its time-out is not used, for the build waits as long as a rollout may take: the
        service's `deadline`, after its pods had the time to be ready.

    An image that was aborted stays so: a stage that is retried fails at once, until somebody retries the rollout. Who
    stops the execution stops no rollout: `kubectl argo rollouts abort` does. An approval of Argo's that nobody gives
    fails the action at the deadline; without a load balancer, where Argo has no deadline, the rollout still waits then.

    Raises ConfigurationError, when the stage is made, for a service of another stack, a stack that keeps no release, a
    cluster elsewhere or of an unknown VPC, and a rollout that may take longer than CodePipeline waits.
    """

    _: KW_ONLY
    service: ArgoService
    vpc: ec2.IVpc | None = None
    machine: BuildMachine = field(default_factory=BuildMachine)

    def make(self, place: DeployPlace, order: int) -> Sequence[codepipeline.IAction]:
        """A change set, its execution, and the build that waits."""
        what = f"ArgoImageUpdate({self.service.name})"
        self._refuse(place, what)
        image = place.require_image(what)
        vpc = self._vpc(what)
        deployed = super().make(place, order)
        project = verdict_build(place.scope, self.service, vpc=vpc, machine=self.machine)
        watch = project.action(
            f"{in_letters(f'{self.service.namespace}-{self.service.name}')}.Verdict",
            place.role,
            order=order + len(deployed),
            inputs=[place.require_assembly(what)],
            variables={_IMAGE: image.uri},
        )
        return (*deployed, watch)

    def _refuse(self, place: DeployPlace, what: str) -> None:
        home = cdk.Stack.of(self.service)
        if home is not self.stack:
            raise ConfigurationError(
                f"{what} in stage {place.stage} deploys the stack {self.stack.stack_name}, and the service is of "
                f"{home.stack_name}: give that stack"
            )
        if not release_parameters(self.stack):
            raise ConfigurationError(
                f"{what} in stage {place.stage}: the stack {self.stack.stack_name} keeps no release, give "
                "Pods(image=ReleaseImage(repository).reference(stack))"
            )
        place.refuse_elsewhere(self.stack, what)
        Limit.CODE_BUILD.refuse_longer(
            f"a rollout of {self.service.name}",
            {"its deadline and the time for its pods": self.service.longest_rollout, "the build's start": SLACK},
            "give EksRollouts.add_service(deadline=...) less, or release without the pipeline",
        )

    def _vpc(self, what: str) -> ec2.IVpc:
        vpc = self.vpc or self.service.cluster.vpc
        if vpc is None or not vpc.private_subnets:
            found = "is not known" if vpc is None else "has no private subnets"
            raise ConfigurationError(f"{what} waits in the cluster's VPC, which {found}: give vpc=, with private ones")
        return vpc
