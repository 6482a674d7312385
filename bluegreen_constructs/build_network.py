"""How a build joins a VPC: behind a security group of its own, in the private subnets."""

from collections.abc import Mapping

from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from .account_arns import arn_here, wildcard_finding
from .build_project import BuildProject

_HTTPS = 443
# https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-iam-identity-based-access-control.html
_GUIDE_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)


class BuildNetwork:
    """Where a build runs in a VPC. It speaks HTTPS and nothing else, and nobody speaks to it.

    Its way out is not narrowed to one address: CodeBuild itself fetches artefacts and writes the log by it.
    https://docs.aws.amazon.com/codebuild/latest/userguide/vpc-support.html
    """

    def __init__(self, scope: Construct, id: str, *, vpc: ec2.IVpc, description: str) -> None:
        """Make the security group; `vpc` has private subnets."""
        self._vpc = vpc
        self.group = ec2.SecurityGroup(scope, id, vpc=vpc, description=description, allow_all_outbound=False)
        self.group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(_HTTPS), "the cluster, and AWS")

    def statements(self) -> list[Mapping[str, object]]:
        """What a build's role needs: CodeBuild makes the network interface with it, as its guide says."""
        subnets = [arn_here("ec2", f"subnet/{one.subnet_id}") for one in self._vpc.private_subnets]
        return [
            {"Action": list(_GUIDE_ACTIONS), "Resource": "*"},
            {
                "Action": "ec2:CreateNetworkInterfacePermission",
                "Resource": _interfaces(),
                "Condition": {
                    "StringEquals": {"ec2:AuthorizedService": "codebuild.amazonaws.com"},
                    "ArnEquals": {"ec2:Subnet": subnets},
                },
            },
        ]

    def join(self, project: BuildProject) -> None:
        """Put the project, which has the statements, into the network."""
        project.resource.vpc_config = codebuild.CfnProject.VpcConfigProperty(
            vpc_id=self._vpc.vpc_id,
            subnets=[one.subnet_id for one in self._vpc.private_subnets],
            security_group_ids=[self.group.security_group_id],
        )
        project.acknowledge(
            {
                "AwsSolutions-IAM5[Resource::*]": "CodeBuild's guide names no narrower resource for interfaces; "
                "the subnets were considered, and limit who may use an interface, by a condition",
                wildcard_finding(project, _interfaces()): "an interface has no name before it is made; a condition on "
                "the subnets was considered, and is there",
            }
        )

    def may_reach(self, group_id: str, description: str) -> None:
        """Let it in, over HTTPS, where a security group is of somebody else; its own stack learns nothing of it."""
        ec2.CfnSecurityGroupIngress(
            self.group,
            "Way",
            group_id=group_id,
            source_security_group_id=self.group.security_group_id,
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            description=description,
        )


def _interfaces() -> str:
    return arn_here("ec2", "network-interface/*")
