"""One side of a fleet: its launch template, its Auto Scaling group, its warm pool."""

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from .acknowledgements import acknowledge
from .engine.target_settings import Side
from .fleet_checks import refuse_moving_image
from .fleet_fingerprint import GROUP_TAG, fingerprint
from .fleet_instances import FleetInstances
from .fleet_lifecycle import wait_for_release
from .fleet_tags import ReadableTags
from .release_artefact import RELEASE_TAG, SIDE_TAG
from .scaling import Scaling

FLEET_TAG = "bluegreen:fleet"

_DEFAULT_SUBNETS = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)


class FleetGroup(Construct):
    """The instances of one side; what they run after the first deploy, and how many, is not in the template."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        side: Side,
        fleet: str,
        instances: FleetInstances,
        scaling: Scaling,
        vpc: ec2.IVpc,
        role: iam.IRole,
        user_data: ec2.UserData,
        security_group: ec2.ISecurityGroup,
        grace_seconds: int | None,
        hook_seconds: int | None,
    ) -> None:
        """Make them.

        fleet: the target's name, which the instances' tag `bluegreen:fleet` is. user_data: what they do when they boot.
        grace_seconds: how long an instance may fail the load balancer's check before it is replaced (None: for ever).
        hook_seconds: how long Auto Scaling waits for an instance to say that its release runs (None: it does not).
        """
        super().__init__(scope, id)
        refuse_moving_image(scope.node.path, instances.image.get_image(self).image_id)
        self.template = ec2.LaunchTemplate(
            self,
            "Template",
            machine_image=instances.image,
            instance_type=ec2.InstanceType(instances.types[0]),
            role=role,
            security_group=security_group,
            user_data=user_data,
            require_imdsv2=True,
            instance_metadata_tags=True,
            # Scaling and alarms look at minutes; the free metrics come every five.
            detailed_monitoring=True,
            block_devices=[
                ec2.BlockDevice(
                    device_name=instances.root_device,
                    volume=ec2.BlockDeviceVolume.ebs(
                        instances.disk_gib,
                        encrypted=True,
                        kms_key=instances.disk_key,
                        volume_type=ec2.EbsDeviceVolumeType.GP3,
                    ),
                )
            ],
        )
        tags = cdk.Tags.of(self.template)
        tags.add(SIDE_TAG, side)
        tags.add(FLEET_TAG, fleet)
        if instances.artefact is not None and instances.artefact.first:
            tags.add(RELEASE_TAG, instances.artefact.first)
        self.group = autoscaling.AutoScalingGroup(
            self,
            "Group",
            vpc=vpc,
            vpc_subnets=instances.subnets or _DEFAULT_SUBNETS,
            launch_template=None if instances.is_mixed else self.template,
            mixed_instances_policy=_mixed(instances, self.template) if instances.is_mixed else None,
            # The lower bound of both sides. The engine moves it, and the side out of use goes to none when a rollout
            # has ended; the update policy that the CDK gives the group, IgnoreUnmodifiedGroupSizeProperties, leaves
            # that alone until one of both numbers is edited. Then it is put back, and the live side must not be scaled
            # in below it.
            # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
            min_capacity=scaling.min,
            max_capacity=scaling.max or scaling.min,
            health_checks=None if grace_seconds is None else _health_checks(grace_seconds),
        )
        if hook_seconds is not None:
            wait_for_release(self.group, hook_seconds)
        tags.add(GROUP_TAG, fingerprint(self.group))
        self.node.add_validation(ReadableTags(self.template, self.group))
        acknowledge(
            self.group,
            "AwsSolutions-AS3",
            "what happens to the instances is in the history of their rollouts, in the group's activities and in "
            "EventBridge; a topic for each launch and end was considered, and nobody reads one that rings all day",
        )
        if instances.is_mixed:
            acknowledge(
                self.group,
                "AwsSolutions-EC26",
                "the disks are encrypted in the launch template, which the check does not follow through a mixed "
                "instances policy; one type without a policy was considered, and is the default",
            )
        pool = instances.pool
        if pool is not None:
            autoscaling.CfnWarmPool(
                self,
                "WarmPool",
                auto_scaling_group_name=self.group.auto_scaling_group_name,
                min_size=pool.minimum,
                pool_state=pool.state,
                max_group_prepared_capacity=pool.most_prepared,
                instance_reuse_policy={"reuseOnScaleIn": pool.reuse},
            )

    def scale(self, scaling: Scaling) -> None:
        """Follow the load; call it when the group is behind its target group.

        Each side by its own load, which is right while a canary splits the traffic: the engine holds the lower bounds
        of both sides meanwhile.
        """
        if scaling.cpu_percent is not None:
            self.group.scale_on_cpu_utilization("Cpu", target_utilization_percent=scaling.cpu_percent)
        if scaling.requests_per_target is not None:
            self.group.scale_on_request_count("Requests", target_requests_per_minute=scaling.requests_per_target)


def _health_checks(grace_seconds: int) -> autoscaling.HealthChecks:
    return autoscaling.HealthChecks.with_additional_checks(
        additional_types=[autoscaling.AdditionalHealthCheckType.ELB],
        grace_period=cdk.Duration.seconds(grace_seconds),
    )


def _mixed(instances: FleetInstances, template: ec2.LaunchTemplate) -> autoscaling.MixedInstancesPolicy:
    spot = instances.spot
    return autoscaling.MixedInstancesPolicy(
        launch_template=template,
        launch_template_overrides=[
            autoscaling.LaunchTemplateOverrides(instance_type=ec2.InstanceType(name)) for name in instances.types
        ],
        instances_distribution=autoscaling.InstancesDistribution(
            on_demand_allocation_strategy=autoscaling.OnDemandAllocationStrategy.PRIORITIZED,
            on_demand_base_capacity=0 if spot is None else spot.on_demand,
            on_demand_percentage_above_base_capacity=100 if spot is None else spot.percent,
            # The pools that are least likely to be taken back, and of these the cheapest.
            # https://docs.aws.amazon.com/autoscaling/ec2/userguide/allocation-strategies.html
            spot_allocation_strategy=autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
        ),
    )
