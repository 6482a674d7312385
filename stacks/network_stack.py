"""NetworkStack: the VPC (new or existing), its flow logs and endpoints, and the bucket for access logs."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from bluegreen_constructs.acknowledgements import acknowledge, acknowledge_lint

from .environments import Environment, ExistingNetwork, NewNetwork

# What a Fargate task without a way to the internet needs to start, log and read its secrets.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html
_ENDPOINTS = {
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrDocker": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "Secrets": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
}


class NetworkStack(cdk.Stack):
    """The network that the service stacks share."""

    def __init__(self, scope: Construct, id: str, *, environment: Environment, env: cdk.Environment) -> None:
        """Wire what `environment.network` describes."""
        network = environment.network
        self._zone_count = network.zones if isinstance(network, NewNetwork) else len(network.zones)
        super().__init__(scope, id, env=env, termination_protection=environment.protected)
        if isinstance(network, NewNetwork):
            self.vpc: ec2.IVpc = self._new(network)
            self.tasks_have_public_addresses = False
            self.task_subnets = ec2.SubnetSelection(subnet_group_name="Tasks")
        else:
            self.vpc = self._existing(network, environment.region)
            self.tasks_have_public_addresses = not network.private_subnets
            self.task_subnets = ec2.SubnetSelection(subnet_type=_task_subnet_type(network))
        self.access_logs = self._access_logs(keep=environment.protected) if environment.access_logs else None
        self._acknowledge_functions_of_the_cdk()

    @property
    def availability_zones(self) -> list[str]:
        """The region's first zones, chosen at deploy: no synth asks an account which it has."""
        return [cdk.Fn.select(number, cdk.Fn.get_azs()) for number in range(self._zone_count)]

    def _new(self, network: NewNetwork) -> ec2.Vpc:
        nat = network.egress == "nat"
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            max_azs=network.zones,
            nat_gateways=network.zones if nat else 0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="LoadBalancer",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=24,
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(
                    name="Tasks",
                    subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS if nat else ec2.SubnetType.PRIVATE_ISOLATED,
                    cidr_mask=20,
                ),
            ],
        )
        vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                logs.LogGroup(
                    self,
                    "FlowLogs",
                    retention=logs.RetentionDays.THREE_MONTHS,
                    removal_policy=cdk.RemovalPolicy.DESTROY,
                )
            ),
        )
        if not nat:
            vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
            # One group for all endpoints, with the network's addresses as a literal: CDK's own groups name them by
            # reference, which no reviewer and no rule can read.
            group = ec2.SecurityGroup(
                self, "Endpoints", vpc=vpc, description="AWS endpoints in the VPC", allow_all_outbound=False
            )
            group.add_ingress_rule(ec2.Peer.ipv4(network.cidr), ec2.Port.tcp(443), "tasks and functions")
            for name, service in _ENDPOINTS.items():
                vpc.add_interface_endpoint(name, service=service, security_groups=[group], open=False)
        return vpc

    def _existing(self, network: ExistingNetwork, region: str) -> ec2.IVpc:
        private = list(network.private_subnets) or None
        return ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=network.vpc_id,
            vpc_cidr_block=network.cidr,
            availability_zones=[f"{region}{zone}" for zone in network.zones],
            public_subnet_ids=list(network.public_subnets) or None,
            private_subnet_ids=private if network.egress == "nat" else None,
            isolated_subnet_ids=private if network.egress == "endpoints" else None,
        )

    def _acknowledge_functions_of_the_cdk(self) -> None:
        for provider in self.node.children:
            handler = provider.node.try_find_child("Handler")
            if provider.node.id.endswith("CustomResourceProvider") and handler is not None:
                acknowledge_lint(
                    handler,
                    "W3005",
                    "the CDK's own function names its role twice; doing without it was considered, and would leave "
                    "the VPC's default security group open, or log buckets behind",
                )

    def _access_logs(self, *, keep: bool) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            # Elastic Load Balancing delivers access logs only to buckets encrypted with S3's own keys.
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(90))],
            removal_policy=cdk.RemovalPolicy.RETAIN if keep else cdk.RemovalPolicy.DESTROY,
            auto_delete_objects=not keep,
        )
        acknowledge(
            bucket,
            "AwsSolutions-S1",
            "this bucket receives access logs; logging the log bucket was considered and would need a further bucket "
            "that is itself unlogged, while CloudTrail data events answer who read the logs",
        )
        return bucket


def _task_subnet_type(network: ExistingNetwork) -> ec2.SubnetType:
    if not network.private_subnets:
        return ec2.SubnetType.PUBLIC
    return ec2.SubnetType.PRIVATE_WITH_EGRESS if network.egress == "nat" else ec2.SubnetType.PRIVATE_ISOLATED
