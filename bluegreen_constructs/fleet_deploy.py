"""FleetDeploy: a stage's deploy by AWS CodeDeploy to a fleet whose two sides take turns."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline

from .account_arns import arn_here, wildcard_finding
from .bluegreen_build import INSTALL, bluegreen_build, in_letters, refuse_install
from .build_machine import BuildMachine
from .deploy_place import DeployPlace
from .ec2_blue_green_fleet import Ec2BlueGreenFleet
from .engine.errors import ConfigurationError
from .pipeline_limits import Limit
from .release_artefact import Artefact

_VARIABLE = "BLUEGREEN_RELEASE"
# https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
_OF_AN_EXECUTION = re.compile(r"#\{[A-Za-z0-9@_-]+\.[A-Za-z0-9@_-]+\}")
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class FleetDeploy:
    """Deploys a release to an `Ec2BlueGreenFleet` with `controller=CodeDeploy(...)`, by `bluegreen start --wait`.

    CodePipeline's own action CodeDeploy names no instances, and so cannot say which side it deploys to. The command
    looks which side serves and deploys to the other one; the build fails while another deployment is in flight, or the
    other side is not whole. It waits for the deployment's end, the bake included,
    and fails when it went back.

    fleet: the fleet. release: the name of an archive that is in the fleet's bucket by then, with a variable of the
        pipeline, such as `#{Source.CommitId}` where the repository's own workflow uploads `releases/COMMIT.zip` before
        it pushes. A text without one is part of the pipeline's structure: every execution would ship the same archive,
        and no rollback of the stage could take it back.
    source: whose requirements name the command. install: what installs it.
    machine: what the build runs on; its time-out is for installing the command and the release on all instances, and
        for moving the traffic. The time that the fleet waits for an approval and bakes comes on top of it.

    A release that is live already is deployed once more, to the other side: the fleet has no memory of releases. Who
    stops the execution stops no deployment: `bluegreen abort` does.

    Raises ConfigurationError for what installs nothing, or a release that no execution chooses; and, when the stage is
    made, for a fleet that the engine runs, one elsewhere, or a deployment that may take longer than CodePipeline waits.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeDeploy.html
    """

    fleet: Ec2BlueGreenFleet
    _: KW_ONLY
    release: str
    source: str = "Source"
    install: Sequence[str] = INSTALL
    machine: BuildMachine = field(default_factory=BuildMachine)

    def __post_init__(self) -> None:
        """Refuse what a build would fail at."""
        refuse_install("FleetDeploy", self.install)
        if not _OF_AN_EXECUTION.search(self.release):
            raise ConfigurationError(
                f"FleetDeploy release is {self.release!r}, and every execution would ship that one: give a variable of "
                "the pipeline, such as '#{Source.CommitId}', that names an archive in the fleet's bucket"
            )

    def stacks(self) -> Sequence[cdk.Stack]:
        """None: releases of instances are in no template."""
        return ()

    def make(self, place: DeployPlace, order: int) -> Sequence[codepipeline.IAction]:
        """The build."""
        fleet, what = self.fleet, f"FleetDeploy({self.fleet.target})"
        application, artefact = fleet.code_deploy_application, fleet.artefact
        if application is None or artefact is None:
            raise ConfigurationError(
                f"{what} in stage {place.stage}: the engine runs this fleet's rollouts, use EngineRollout, or give the "
                "fleet controller=CodeDeploy()"
            )
        place.refuse_elsewhere(cdk.Stack.of(fleet), what)
        source = place.require_source(self.source, what).artifact
        wait, bake = fleet.approval_and_bake
        parts = {"the machine's time-out": self.machine.timeout, "approval": wait, "bake": bake}
        Limit.CODE_BUILD.refuse_longer(
            f"a deployment to {fleet.target}",
            parts,
            "shorten them, or deploy with bluegreen start outside of the pipeline",
        )
        archives = artefact.bucket.arn_for_objects(f"{artefact.prefix}*.zip")
        project = bluegreen_build(
            place,
            "Deploy",
            target=fleet.target,
            description=f"Has CodeDeploy deploy a release to {fleet.target}",
            install=self.install,
            machine=replace(self.machine, timeout=_whole(sum(parts.values(), timedelta()))),
            commands=[_command(fleet.target, place.stage)],
            statements=_rights(fleet, application, artefact, archives),
        )
        project.acknowledge(
            {
                "AwsSolutions-IAM5[Resource::*]": "to describe instances and targets EC2 and Load Balancing know no "
                "resources; the fleet's own were considered, and are refused: "
                "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html",
                wildcard_finding(project, archives): "releases are named when they are "
                "made; one archive was considered, and a pipeline ships all of them",
            }
        )
        action = project.action(
            f"{in_letters(fleet.target)}.Deploy",
            place.role,
            order=order,
            inputs=[source],
            variables={_VARIABLE: self.release},
        )
        return (action,)


def _rights(
    fleet: Ec2BlueGreenFleet, application: str, artefact: Artefact, archives: str
) -> list[Mapping[str, object]]:
    """What `bluegreen start` calls for instances, as the adapters' IAM_ACTIONS name the resources of each.

    To look whether an archive is there: without s3:ListBucket S3 answers 403 for what is not.
    """
    groups = [
        arn_here("codedeploy", f"deploymentgroup:{application}/{one}") for one in fleet.deployment_groups.values()
    ]
    configuration = arn_here("codedeploy", f"deploymentconfig:{fleet.deployment_configuration}")
    return [
        {
            "Action": ["codedeploy:CreateDeployment", "codedeploy:GetDeployment", "codedeploy:ListDeployments"],
            "Resource": groups,
        },
        {
            "Action": "codedeploy:RegisterApplicationRevision",
            "Resource": arn_here("codedeploy", f"application:{application}"),
        },
        {"Action": "codedeploy:GetDeploymentConfig", "Resource": configuration},
        {"Action": "s3:GetObject", "Resource": archives},
        {"Action": "s3:ListBucket", "Resource": artefact.bucket.bucket_arn},
        {"Action": ["ec2:DescribeInstances", "elasticloadbalancing:DescribeTargetHealth"], "Resource": "*"},
    ]


def _command(target: str, stage: str) -> str:
    reason = shlex.quote(f"stage {stage}")
    return f'bluegreen start {shlex.quote(target)} --release="${_VARIABLE}" --reason {reason} --wait'


def _whole(span: timedelta) -> timedelta:
    """In whole minutes, as CodeBuild counts."""
    return -(-span // _MINUTE) * _MINUTE
