"""CodeDeployFleet: the two sides of a fleet as AWS CodeDeploy deploys to them, in turn, behind one target group."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from constructs import Construct

from .acknowledgements import acknowledge
from .code_deploy import CodeDeploy, MinimumHealthy, code_deploy_minutes
from .engine.code_deploy_settings import CodeDeploySettings
from .engine.errors import ConfigurationError
from .engine.guardrails import AlarmGuardrail
from .engine.target_settings import SIDES, AlarmName, Compute, Side, SideSettings, TargetSettings
from .fleet_group import FLEET_TAG, FleetGroup
from .fleet_instances import FleetInstances
from .guardrail_alarms import name_here
from .healthy_instances_alarm import HealthyInstancesAlarm
from .ingress import Ingress
from .listener_address import ListenerAddress
from .release_artefact import SIDE_TAG
from .service_load_balancer import ServiceLoadBalancer
from .settings_parameter import settings_parameter

_PRIORITY = 100
_PREDEFINED = "CodeDeployDefault."


class CodeDeployFleet:
    """The target group, the application, and one deployment group for each side; made inside `scope`.

    A deployment by the group of the live side names the other side's instances as its replacement environment
    (`targetInstances` of CreateDeployment): CodeDeploy installs the revision there, registers them in the target group,
    and takes the live ones out of it. The next deployment is made by the other group, back to this side.

    COPY_AUTO_SCALING_GROUP is not used: CloudFormation refuses it with Auto Scaling groups and without them, and the
    group that CodeDeploy copies would be deleted although it is this stack's.
    https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2071

    Two things are not proven, for want of an AWS account. That CloudFormation makes these groups: its reference says of
    `DeploymentStyle` that for blue/green it "supports deployments on Lambda compute platforms only", and that a group
    with it has no `LoadBalancerInfo`, which CodeDeploy itself asks for; no public template for instances was found that
    is said to work. If it is refused, then when the stack is made, before anything serves. And that CodeDeploy leaves
    the tags of both groups alone after a deployment, so that they can take turns.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codedeploy-deploymentgroup.html

    The Auto Scaling groups are not attached to the target group, so they would neither deregister nor drain what they
    end: their instances are protected from scale-in, with which neither a balancing of zones nor a lower number in the
    template ends one that serves. CodeDeploy's TerminateInstances is not kept from it, and a health check is not.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-instance-protection.html
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-instance-termination.html
    """

    def __init__(
        self,
        scope: Construct,
        *,
        target: str,
        controller: CodeDeploy,
        ingress: Ingress,
        instances: FleetInstances,
        groups: Sequence[FleetGroup],
        guardrails: Sequence[AlarmGuardrail],
        bake: timedelta,
        size: int,
        vpc: ec2.IVpc,
    ) -> None:
        """Make them; `size`: how many instances a side has. Raises ConfigurationError for what CodeDeploy refuses."""
        self._scope, self._controller = scope, controller
        self.approval, self.bake = controller.wait, bake
        minutes = code_deploy_minutes(bake, "bake")
        balancer = ServiceLoadBalancer(scope, vpc=vpc, ingress=ingress) if ingress.listener is None else None
        self.load_balancer = None if balancer is None else balancer.resource
        listener = ingress.listener if balancer is None else balancer.production
        if listener is None:
            raise ConfigurationError(f"{scope.node.path} has neither a load balancer nor a listener: give one")
        self.listener: elbv2.IApplicationListener = listener
        self._address = ListenerAddress(ingress, balancer, listener)
        self.url = self._address.url(ingress.host)
        self.group = elbv2.ApplicationTargetGroup(
            scope,
            "Group",
            vpc=vpc,
            port=instances.port,
            protocol=elbv2.ApplicationProtocol.HTTP,
            target_type=elbv2.TargetType.INSTANCE,
            deregistration_delay=cdk.Duration.seconds(ingress.drain_seconds),
            health_check=elbv2.HealthCheck(
                path=ingress.health_path,
                interval=cdk.Duration.seconds(10),
                timeout=cdk.Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )
        # Its targets change and it does not: nothing of a deployment is in the template.
        rule = elbv2.ApplicationListenerRule(
            scope,
            "Rule",
            listener=listener,
            priority=ingress.priority or _PRIORITY,
            conditions=_conditions(ingress),
            target_groups=[self.group],
        )
        self._counted = HealthyInstancesAlarm(
            scope,
            target=target,
            load_balancer=self._address.load_balancer_full_name,
            group=self.group.target_group_full_name,
            size=size,
        )
        alarms = list(dict.fromkeys([self._counted.name, *(name_here(scope, one.alarm) for one in guardrails)]))
        for one in groups:
            one.group.protect_new_instances_from_scale_in()
        # Instances are registered by CodeDeploy, so that the CDK knows of no way that the load balancer needs.
        for one in groups[:1]:
            one.template.connections.allow_from(
                listener, ec2.Port.tcp(instances.port), "requests from the load balancer"
            )
        self.application = codedeploy.CfnApplication(
            scope, "Application", compute_platform="Server", application_name=controller.application
        )
        role = _service_role(scope)
        self.configuration = self._configuration()
        shared = self._shared(target, alarms, minutes)
        self.deployment_groups: dict[Side, codedeploy.CfnDeploymentGroup] = {
            side: self._deployment_group(side, target, role=role, configuration=self.configuration, shared=shared)
            for side in SIDES
        }
        artefact = instances.artefact
        side = SideSettings(self.group.target_group_arn, self.group.target_group_full_name, Compute.FIXED)
        settings_parameter(
            scope,
            TargetSettings(
                target=target,
                rule_arn=rule.listener_rule_arn,
                load_balancer="",
                blue=side,
                green=side,
                guardrails=tuple(map(AlarmName, alarms)),
                bake=bake,
                controller="codedeploy",
                is_judged=False,
                codedeploy=CodeDeploySettings(
                    application=self.application.ref,
                    group=self.deployment_groups["blue"].ref,
                    other_group=self.deployment_groups["green"].ref,
                    platform="Server",
                    bucket="" if artefact is None else artefact.bucket.bucket_name,
                    prefix="" if artefact is None else artefact.prefix,
                    size=size,
                    size_alarm=self._counted.name if "alarm" in controller.rollback_on else "",
                ),
            ),
            table="",
            state_machine_arn="",
        )
        self._outputs(target)

    def _configuration(self) -> str:
        """The name of the configuration: how many instances are deployed to at a time."""
        wanted = self._controller.configuration or "OneAtATime"
        if not isinstance(wanted, MinimumHealthy):
            return _PREDEFINED + wanted
        kind, value = ("HOST_COUNT", wanted.count) if wanted.count is not None else ("FLEET_PERCENT", wanted.percent)
        made = codedeploy.CfnDeploymentConfig(
            self._scope,
            "Configuration",
            compute_platform="Server",
            minimum_healthy_hosts={"type": kind, "value": value},
        )
        return made.ref

    def _shared(self, target: str, alarms: Sequence[str], minutes: int) -> dict[str, object]:
        """What both groups say alike, in CloudFormation's words."""
        controller = self._controller
        terminates = {"Action": "TERMINATE", "TerminationWaitTimeInMinutes": minutes}
        return {
            "BlueGreenDeploymentConfiguration": {
                "DeploymentReadyOption": controller.ready_option(),
                "GreenFleetProvisioningOption": {"Action": "DISCOVER_EXISTING"},
                "TerminateBlueInstancesOnDeploymentSuccess": terminates
                if controller.terminate
                else {"Action": "KEEP_ALIVE"},
            },
            "AutoRollbackConfiguration": controller.auto_rollback(),
            "AlarmConfiguration": controller.alarm_configuration(target, alarms),
        }

    def _deployment_group(
        self, side: Side, target: str, *, role: iam.Role, configuration: str, shared: Mapping[str, object]
    ) -> codedeploy.CfnDeploymentGroup:
        group = codedeploy.CfnDeploymentGroup(
            self._scope,
            f"{side.capitalize()}DeploymentGroup",
            application_name=self.application.ref,
            service_role_arn=role.role_arn,
            deployment_config_name=configuration,
            deployment_style={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            # Two groups of tags mean both of them: of this fleet, and of this side.
            ec2_tag_set={
                "ec2TagSetList": [
                    {"ec2TagGroup": [{"key": key, "value": value, "type": "KEY_AND_VALUE"}]}
                    for key, value in ((FLEET_TAG, target), (SIDE_TAG, side))
                ]
            },
            load_balancer_info={"targetGroupInfoList": [{"name": self.group.target_group_name}]},
        )
        group.add_override("Properties", dict(shared))
        group.add_dependency(self._counted.resource)
        return group

    def _outputs(self, target: str) -> None:
        scope = self._scope
        cdk.CfnOutput(scope, "Target", value=target, description="the name for the bluegreen command")
        if self._address.dns_name is not None:
            what = "the load balancer's own name"
            cdk.CfnOutput(scope, "DnsName", value=self._address.dns_name, description=what)
        if self.url is not None:
            cdk.CfnOutput(scope, "Url", value=self.url, description="where users reach the service")
        cdk.CfnOutput(scope, "CodeDeployApplication", value=self.application.ref, description="for a pipeline")
        for side, group in self.deployment_groups.items():
            what = f"deploys from the {side} side to the other one"
            cdk.CfnOutput(scope, f"{side.capitalize()}Deployments", value=group.ref, description=what)


def _conditions(ingress: Ingress) -> list[elbv2.ListenerCondition]:
    found = [] if ingress.host is None else [elbv2.ListenerCondition.host_headers([ingress.host])]
    if ingress.paths or not found:
        found.append(elbv2.ListenerCondition.path_patterns(list(ingress.paths or ["/*"])))
    return found


def _service_role(scope: Construct) -> iam.Role:
    role = iam.Role(
        scope,
        "CodeDeployRole",
        assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"),
        description="CodeDeploy finds the instances of both sides and moves them in and out of the target group",
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AWSCodeDeployRole")],
    )
    acknowledge(
        role,
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRole]",
        "the least that AWS has for deployments to EC2, and it follows what CodeDeploy calls; a policy of our own was "
        "considered, and what CodeDeploy would miss in it shows in the middle of a deployment",
    )
    return role
