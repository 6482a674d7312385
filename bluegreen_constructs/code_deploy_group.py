"""CodeDeploy's resources for an ECS service: the application, how traffic moves, and the deployment group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import CfnResource
from constructs import Construct

from .account_arns import arn_here
from .code_deploy_plan import CodeDeployPlan
from .code_deploy_role import CodeDeployRole
from .engine.errors import ConfigurationError

# https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-sns-event-notifications.html
_TOLD = (
    "DeploymentStart",
    "DeploymentReady",
    "DeploymentSuccess",
    "DeploymentFailure",
    "DeploymentStop",
    "DeploymentRollback",
)
_LONGEST_NAME = 100
Value = str | Mapping[str, object]
"""A CloudFormation value: a text, a token, or an intrinsic function as a plain dict."""


@dataclass(frozen=True)
class CodeDeployPlace:
    """Where the deployments of a service are made: application and group by name, both known before the service is.

    configuration: the name of what says how traffic moves.
    """

    application: str
    group: str
    configuration: str

    @staticmethod
    def of(scope: Construct, plan: CodeDeployPlan) -> "CodeDeployPlace":
        """Make the application, and a configuration where CodeDeploy has none of its own."""
        application = _resource(scope, "Application", {"ApplicationName": plan.controller.application})
        configuration = plan.predefined()
        if configuration is None:
            # Its name is left to CloudFormation, which replaces it when the plan changes.
            made = _resource(scope, "DeploymentConfig", {"TrafficRoutingConfig": plan.traffic_routing()})
            configuration = made.ref
        # A name of its own, or the hooks' rights on the group would have to wait for the group, and it for them. In its
        # application it is the only one.
        return CodeDeployPlace(application.ref, plan.target.rpartition("/")[2][:_LONGEST_NAME], configuration)

    @property
    def application_arn(self) -> str:
        """The application's ARN."""
        return arn_here("codedeploy", f"application:{self.application}")

    @property
    def group_arn(self) -> str:
        """The deployment group's ARN."""
        return arn_here("codedeploy", f"deploymentgroup:{self.application}/{self.group}")

    @property
    def configuration_arn(self) -> str:
        """The deployment configuration's ARN."""
        return arn_here("codedeploy", f"deploymentconfig:{self.configuration}")


class CodeDeployGroup:
    """The deployment group: which service, between which target groups, and what takes a deployment back.

    CodeDeploy is given listeners, and finds there what forwards to the pair's target groups. AWS's pages only speak of
    listeners with one rule, the default one; that it writes the weights of other rules too, and leaves the group out of
    use in them with weight 0, is what its support and its users say.
    https://github.com/traveloka/terraform-aws-alb-single-listener/pull/47

    CloudFormation's reference says that blue/green groups are for Lambda only, and that Amazon ECS has a hook of its
    own instead (AWS::CodeDeploy::BlueGreen); the CDK's `EcsDeploymentGroup` makes this very resource all the same. That
    CloudFormation takes it was not tried here, as there is no AWS account.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codedeploy-deploymentgroup.html
    https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_codedeploy.EcsDeploymentGroup.html
    """

    def __init__(
        self,
        scope: Construct,
        *,
        plan: CodeDeployPlan,
        place: CodeDeployPlace,
        role: CodeDeployRole,
        cluster_name: str,
        service_name: str,
        group_arns: tuple[str, str],
        listener_arn: str,
        test_listener_arn: str | None,
        alarm_names: Sequence[str],
    ) -> None:
        """Make it; whoever names alarms has it wait for them."""
        self._role = role
        self._tells = False
        pair: dict[str, object] = {
            "TargetGroups": [{"Name": _name_of_group(arn)} for arn in group_arns],
            "ProdTrafficRoute": {"ListenerArns": [listener_arn]},
        }
        if test_listener_arn is not None:
            pair["TestTrafficRoute"] = {"ListenerArns": [test_listener_arn]}
        self.resource = CfnResource(
            scope,
            "DeploymentGroup",
            type="AWS::CodeDeploy::DeploymentGroup",
            properties={
                "ApplicationName": place.application,
                "DeploymentGroupName": place.group,
                "ServiceRoleArn": role.resource.attr_arn,
                "DeploymentConfigName": place.configuration,
                "DeploymentStyle": {"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"},
                "BlueGreenDeploymentConfiguration": {
                    "DeploymentReadyOption": plan.controller.ready_option(),
                    "TerminateBlueInstancesOnDeploymentSuccess": {
                        "Action": "TERMINATE",
                        "TerminationWaitTimeInMinutes": plan.bake_minutes,
                    },
                },
                "ECSServices": [{"ClusterName": cluster_name, "ServiceName": service_name}],
                "LoadBalancerInfo": {"TargetGroupPairInfoList": [pair]},
                "AutoRollbackConfiguration": plan.controller.auto_rollback(),
                "AlarmConfiguration": plan.controller.alarm_configuration(plan.target, alarm_names),
            },
        )

    def tell(self, topic_arn: str) -> None:
        """Have CodeDeploy tell a topic of each state of each deployment; a second topic raises ConfigurationError."""
        if self._tells:
            raise ConfigurationError(f"{self.resource.node.path} tells a topic already: call notify_on once")
        self._tells = True
        self._role.let_publish(topic_arn)
        trigger = {"TriggerName": "Deployments", "TriggerTargetArn": topic_arn, "TriggerEvents": list(_TOLD)}
        self.resource.add_property_override("TriggerConfigurations", [trigger])


def _resource(scope: Construct, kind: str, properties: Mapping[str, object]) -> CfnResource:
    given = {name: value for name, value in properties.items() if value is not None}
    return CfnResource(scope, kind, type=f"AWS::CodeDeploy::{kind}", properties={"ComputePlatform": "ECS", **given})


def _name_of_group(arn: str) -> Value:
    """`name` of `…:targetgroup/name/id`; CodeDeploy knows target groups by name only."""
    if "${Token[" not in arn:
        return arn.split("/")[1]
    return {"Fn::Select": [1, {"Fn::Split": ["/", arn]}]}
