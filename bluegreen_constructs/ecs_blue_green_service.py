"""EcsBlueGreenService: a service whose releases Amazon ECS rolls out itself, blue/green, behind an ALB."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns

    from .code_deploy import CodeDeploy
    from .code_deploy_plan import CodeDeployPlan
    from .code_deploy_service import CodeDeployedService
    from .engine.target_settings import TargetSettings
    from .rollout_dashboard import RolloutDashboard

from .adoption import Adopted
from .container import Container
from .ecs_deployment_configuration import EcsDeployment
from .ecs_rolled_service import EcsRolledService, check_judgement
from .ecs_service_resource import ServiceShape
from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta
from .engine.strategy import Canary, Strategy
from .guardrail_alarms import GuardrailAlarms
from .ingress import Ingress
from .planning.expected_traffic import ExpectedTraffic
from .release_marks import ReleaseMark
from .rule_owner import RuleOwner
from .scaling import Scaling
from .service_guardrails import ServiceGuardrail, ServiceGuardrails
from .service_hooks import ServiceHook, ServiceHooks
from .service_place import ServicePlace
from .service_tasks import ServiceTasks
from .service_traffic import ServiceTraffic
from .settings_parameter import settings_parameter
from .target_name import target_name
from .task_scaling import scale_tasks
from .tasks import Tasks
from .test_traffic import TestTraffic

DEFAULT_STRATEGY = Canary(percent=10, bake=timedelta(minutes=5))
DEFAULT_BAKE = timedelta(minutes=10)


@jsii.implements(ec2.IConnectable)
class EcsBlueGreenService(Construct):
    """A service with two sides behind a load balancer; Amazon ECS (or AWS CodeDeploy) moves the traffic between them.

    A stack update with a new image starts a deployment: tasks on the idle side, test traffic to them, hooks, then
    production traffic as `strategy` says, then the final `bake`. `cdk deploy` waits for its end. An alarm, a failed
    hook, harm that a comparison shows, or tasks that do not start bring all traffic back to the live side and fail the
    update. `bluegreen status`, `explain`, `promote` and `abort` operate it by its `target` name.

    The listener rules are made by `TrafficRule`, so no stack update ever moves live traffic.

    ingress: how requests reach it.
    container, or task_definition: what runs. A task definition's default container needs a port mapping.
    cluster, vpc: where it runs; a cluster that exists, or a VPC in which a cluster is made (default: a VPC of its own
        over two zones, with flow logs and a NAT gateway in each; in a stack with a fixed account the CDK looks up its
        zones).
    adopted: a running service of CDK's patterns, instead of all of these; see `Adopted`.
    strategy: `AllAtOnce`, `Canary` or `Linear` (default: 10 % for 5 minutes, then all).
    bake: how long both sides stay up after the last step (default 10 minutes). When it ends, going back is a new
        deployment instead of one call.
    guardrails: what must stay true. The built-in alarms are always among them, `AlarmThresholds` says when they go off;
        `AlarmGuardrail` adds alarms of your own. A comparison or an `AbsoluteFloor` makes the stack's judge, a function
        that ECS asks before each further step: it answers when it has a verdict, and the deployment goes back when
        none has come in 12 hours (less, if CloudFormation's 36 hours leave less). In the bake and on the way back
        alarms judge alone.
    hooks: `HttpSmokeTest`, `LambdaHook`, `Approval`, `ReplayRequests` and `MigrationTask`.
    scaling: how many tasks. test_traffic: how the candidate is reached (default: a header).
    tasks: where and on what they run, shells, Service Connect, the circuit breaker.
    expected_traffic: what the comparisons' plan is checked against at synth; one that cannot see its own margin is
        refused.
    rule_owner: who makes the listener rules (default: `TrafficRule`).
    release_marks: `Hotfix` and `AcceptedRelease`, for the one release that they name.
    controller: `CodeDeploy(...)`, if AWS CodeDeploy is to roll releases out: a stack update then registers a task
        definition only; a pipeline, `bluegreen start` or `CodeDeploy(on_stack_update=True)` starts the deployment. The
        test route is a listener (default: none), alarms judge alone, and Amazon ECS refuses changes of the service
        itself (network, grace, shells). Choose it with the first deployment.

    Raises ConfigurationError at synth for what Amazon ECS, ELB or CloudFormation would refuse at deploy.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-blue-green.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        ingress: Ingress | None = None,
        container: Container | None = None,
        task_definition: ecs.TaskDefinition | None = None,
        cluster: ecs.ICluster | None = None,
        vpc: ec2.IVpc | None = None,
        adopted: Adopted | None = None,
        strategy: Strategy = DEFAULT_STRATEGY,
        bake: Span = DEFAULT_BAKE,
        guardrails: Sequence[ServiceGuardrail] = (),
        hooks: Sequence[ServiceHook] = (),
        scaling: Scaling | None = None,
        test_traffic: TestTraffic | None = None,
        tasks: Tasks | None = None,
        expected_traffic: ExpectedTraffic | None = None,
        rule_owner: RuleOwner = RuleOwner.TRAFFIC_RULE,
        release_marks: Sequence[ReleaseMark] = (),
        controller: "CodeDeploy | None" = None,
    ) -> None:
        """Make the service and everything it needs that was not given."""
        super().__init__(scope, id)
        stack = scope if isinstance(scope, cdk.Stack) else cdk.Stack.of(self)
        self.target = target_name(self, stack, (scope, id))
        judging = ServiceGuardrails.of(self.target, guardrails)
        asked = ServiceHooks.of(self.target, hooks)
        rollout: EcsDeployment | CodeDeployPlan
        family = None
        if controller is None:
            rollout = EcsDeployment(strategy, as_timedelta(bake, "bake"), asked.pauses)
            check_judgement(self, rollout, judging, expected_traffic, release_marks)
            test_traffic = test_traffic or TestTraffic.header()
        else:
            from .code_deploy_checks import Others, checked_plan  # noqa: PLC0415 -- few services need it

            others = Others(ingress, adopted, tasks, judging, hooks, test_traffic, expected_traffic, rule_owner)
            others.refuse_marks(self.target, release_marks)
            rollout = checked_plan(self.target, controller, strategy, as_timedelta(bake, "bake"), others)
            family = rollout.family
        if adopted is not None:
            adopted.refuse_scaling(scaling)
        tasks, scaling = tasks or Tasks(), scaling or Scaling()
        place = ServicePlace.of(
            self,
            stack=stack,
            ingress=ingress,
            container=container,
            task_definition=task_definition,
            cluster=cluster,
            vpc=vpc,
            adopted=adopted,
            tasks=tasks,
            rule_owner=rule_owner,
        )
        self.cluster = place.cluster
        served = ServiceTasks.of(self, id, container, place.task_definition, tasks, family=family)
        self.task_definition = served.definition
        self._traffic = traffic = ServiceTraffic(
            self,
            stack=stack,
            place=place,
            port=served.port,
            adopted=adopted,
            test_traffic=test_traffic,
            rule_owner=rule_owner,
        )
        self.load_balancer = traffic.load_balancer
        self.production_rule, self.test_rule = traffic.production_rule, traffic.test_rule
        self.listener = self.production_rule.listener
        self.url, self.test_url = traffic.routes.url, traffic.routes.test_url
        self.test_header = traffic.routes.test_header
        self.alarms = GuardrailAlarms(
            self,
            target=self.target,
            metrics=traffic.metrics,
            thresholds=judging.thresholds,
            guardrails=judging.alarms,
            grace_seconds=place.ingress.grace_seconds,
        )
        rollout.refuse_blind(len(self.alarms.names))
        self._longest = rollout.longest
        shape = ServiceShape(
            cluster_name=place.cluster_name,
            served=served,
            tasks=tasks,
            network=place.network,
            security_group_id="" if adopted is not None else traffic.security_group.security_group_id,
            desired_count=None if scaling.moves else scaling.min,
            grace_seconds=place.ingress.grace_seconds,
            group_arns=traffic.groups.arns,
            rules=traffic.rules,
            live_rule=self.production_rule.resource,
            # A provider is the cluster's before the service asks for it, and until the service is gone.
            waits_for=() if tasks.capacity is None else (place.cluster,),
            role_arn="",
            test_header=traffic.routes.test_condition,
        )
        alarm_names, alarms = self.alarms.names, self.alarms.resources
        self._deployed: CodeDeployedService | None = None
        made: EcsRolledService | CodeDeployedService
        if isinstance(rollout, EcsDeployment):
            made = EcsRolledService.of(
                self,
                rollout,
                target=self.target,
                shape=shape,
                adopted=adopted,
                judging=judging,
                marks=release_marks,
                hooks=asked,
                place=place,
                traffic=traffic,
                alarm_names=alarm_names,
                alarms=alarms,
            )
        else:
            from .code_deploy_service import deployed_by_code_deploy  # noqa: PLC0415 -- as above

            made = self._deployed = deployed_by_code_deploy(
                self,
                rollout,
                shape=shape,
                hooks=asked,
                place=place,
                traffic=traffic,
                alarm_names=alarm_names,
                alarms=alarms,
            )
        self.resource, self.service_name = made.resource, made.service_name
        scale_tasks(
            self,
            scaling,
            cluster_name=place.cluster_name,
            service_name=self.service_name,
            metrics=traffic.metrics,
            holds_count=self._deployed is not None,
        )
        settings_parameter(self, made.settings, table=made.table, state_machine_arn="")
        self._outputs()

    @property
    def connections(self) -> ec2.Connections:
        """The network connections of the tasks, for `connections.allow_to(database, ...)`."""
        return self._traffic.connections

    @property
    def blue(self) -> elbv2.IApplicationTargetGroup:
        """The blue side's target group."""
        return self._traffic.groups.view("Blue", self.production_rule.listener_arn)

    @property
    def green(self) -> elbv2.IApplicationTargetGroup:
        """The green side's target group."""
        return self._traffic.groups.view("Green", self.production_rule.listener_arn)

    @property
    def code_deploy_application(self) -> str | None:
        """The name of CodeDeploy's application, for a pipeline; None when Amazon ECS rolls out."""
        return None if self._deployed is None else self._deployed.application

    @property
    def deployment_group(self) -> str | None:
        """The name of CodeDeploy's deployment group, for a pipeline; None when Amazon ECS rolls out."""
        return None if self._deployed is None else self._deployed.group_name

    @property
    def longest_deployment(self) -> timedelta:
        """How long a deployment's steps, bake and pauses for people take together, without the start of tasks."""
        return self._longest

    @property
    def code_deploy_settings(self) -> "TargetSettings | None":
        """What `bluegreen appspec` and `taskdef` write their files from; None when Amazon ECS rolls out."""
        return None if self._deployed is None else self._deployed.settings

    @property
    def task_role(self) -> iam.IRole:
        """What the application may do; grant to it."""
        return self.task_definition.task_role

    def notify_on(self, topic: "sns.ITopic") -> None:
        """Tell `topic` of each state of each deployment, of hooks that wait for an answer, and of verdicts.

        Under CodeDeploy its own triggers do, of each state and of a deployment that waits for an answer; a topic with a
        key of yours needs one that lets CodeDeploy's role use it.

        Raises ConfigurationError when it is called again.
        """
        if self._deployed is not None:
            self._deployed.group.tell(topic.topic_arn)
            return
        if self.node.try_find_child("NotifyDeployments") is not None:
            raise ConfigurationError(f"{self.node.path} notifies a topic already: call notify_on once")
        from .ecs_notifications import notify_of_deployments  # noqa: PLC0415 -- as above

        notify_of_deployments(self, "Notify", topic=topic, service_arn=self.resource.ref, target=self.target)

    def add_dashboard(self) -> "RolloutDashboard":
        """A CloudWatch dashboard of both sides; what it costs is on CloudWatch's price list.

        Raises ConfigurationError when it is called again.
        """
        if self.node.try_find_child("Dashboard") is not None:
            raise ConfigurationError(f"{self.node.path} has a dashboard already: call add_dashboard once")
        from .rollout_dashboard import RolloutDashboard  # noqa: PLC0415 -- as above

        return RolloutDashboard(self, "Dashboard", target=self.target, metrics=self._traffic.metrics)

    def _outputs(self) -> None:
        if self.url is not None:
            cdk.CfnOutput(self, "Url", value=self.url, description="where users reach the service")
        if self.test_url is not None and self.test_header is None:
            what = "where the candidate is reached by the test route"
            cdk.CfnOutput(self, "TestUrl", value=self.test_url, description=what)
        if self.test_header is not None:
            what = "what a request to the candidate must carry"
            cdk.CfnOutput(self, "TestHeader", value=self.test_header, description=what)
        cdk.CfnOutput(self, "Target", value=self.target, description="the name for the bluegreen command")
        if self._deployed is not None:
            self._deployed.outputs(self)
