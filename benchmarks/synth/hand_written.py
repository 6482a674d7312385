"""The same services by hand, with the CDK's own constructs: `python -m benchmarks.synth.hand_written SERVICES`.

Written as people write it who need the same: a role limited to the two groups and rules, task definitions that stay,
empty lists that take removed hooks away, and no finding of cdk-nag left open. In favour of it, metrics are shared
between alarms, and the rules are CloudFormation's. `hand_written.js` is the same, line by line.
"""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from .surroundings import IMAGE, Surroundings, main

# What bluegreen_constructs.guardrail_alarms writes; a test compares.
ERROR_RATE = (
    "MAX(["
    "IF(FILL(rb,0)>20,100*(FILL(eb,0)+FILL(cb,0))/IF(FILL(rb,0)>0,FILL(rb,0),1),0),"
    "IF(FILL(rg,0)>20,100*(FILL(eg,0)+FILL(cg,0))/IF(FILL(rg,0)>0,FILL(rg,0),1),0),"
    "IF(FILL(rb,0)+FILL(rg,0)>20,100*(FILL(eb,0)+FILL(cb,0)+FILL(eg,0)+FILL(cg,0)+FILL(xl,0))"
    "/IF(FILL(rb,0)+FILL(rg,0)>0,FILL(rb,0)+FILL(rg,0),1),0)"
    "])"
)
LATENCY = "MAX([IF(FILL(rb,0)>20,FILL(lb,0),0),IF(FILL(rg,0)>20,FILL(lg,0),0)])"
UNHEALTHY = "FILL(ub,0)+FILL(ug,0)"


def make_service(into: Surroundings, id: str) -> None:
    """A service behind a load balancer of its own; Amazon ECS moves the traffic between two target groups."""
    stack = into.stack
    definition = ecs.FargateTaskDefinition(
        stack,
        f"{id}Task",
        cpu=256,
        memory_limit_mib=512,
        runtime_platform=ecs.RuntimePlatform(
            cpu_architecture=ecs.CpuArchitecture.X86_64, operating_system_family=ecs.OperatingSystemFamily.LINUX
        ),
    )
    definition.add_container(
        "app",
        image=ecs.ContainerImage.from_registry(IMAGE),
        port_mappings=[ecs.PortMapping(container_port=8080)],
        stop_timeout=cdk.Duration.seconds(30),
        logging=ecs.LogDrivers.aws_logs(
            stream_prefix=id,
            log_group=logs.LogGroup(
                stack,
                f"{id}Logs",
                retention=logs.RetentionDays.THREE_MONTHS,
                removal_policy=cdk.RemovalPolicy.DESTROY,
            ),
        ),
    )
    definition.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    balancer = elbv2.ApplicationLoadBalancer(
        stack, f"{id}LoadBalancer", vpc=into.vpc, internet_facing=True, drop_invalid_header_fields=True
    )
    listener = balancer.add_listener(
        "Https",
        port=443,
        certificates=[into.certificate],
        ssl_policy=elbv2.SslPolicy.RECOMMENDED_TLS,
        default_action=elbv2.ListenerAction.fixed_response(
            404, content_type="text/plain", message_body="no service answers this host and path\n"
        ),
    )
    balancer.add_redirect()
    cdk.Validations.of(balancer).acknowledge(
        cdk.Acknowledgment(id="AwsSolutions::AwsSolutions-EC23", reason="a public service"),
        cdk.Acknowledgment(id="AwsSolutions::AwsSolutions-ELB2", reason="the platform team has no bucket yet"),
    )
    blue = _target_group(into, f"{id}Blue")
    green = _target_group(into, f"{id}Green")
    forward = elbv2.ListenerAction.weighted_forward(
        [
            elbv2.WeightedTargetGroup(target_group=blue, weight=100),
            elbv2.WeightedTargetGroup(target_group=green, weight=0),
        ]
    )
    production_rule = elbv2.ApplicationListenerRule(
        stack,
        f"{id}Production",
        listener=listener,
        priority=100,
        conditions=[elbv2.ListenerCondition.path_patterns(["/*"])],
        action=forward,
    )
    header_value = cdk.Fn.select(2, cdk.Fn.split("/", cdk.Aws.STACK_ID))
    test_rule = elbv2.ApplicationListenerRule(
        stack,
        f"{id}Test",
        listener=listener,
        priority=99,
        conditions=[elbv2.ListenerCondition.http_header("x-bluegreen-test", [header_value])],
        action=forward,
    )
    role = iam.Role(
        stack,
        f"{id}Role",
        assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"),
        inline_policies={
            "MoveTraffic": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        actions=[
                            "elasticloadbalancing:RegisterTargets",
                            "elasticloadbalancing:DeregisterTargets",
                        ],
                        resources=[blue.target_group_arn, green.target_group_arn],
                    ),
                    iam.PolicyStatement(
                        actions=["elasticloadbalancing:ModifyRule"],
                        resources=[production_rule.listener_rule_arn, test_rule.listener_rule_arn],
                    ),
                    iam.PolicyStatement(
                        actions=[
                            "elasticloadbalancing:DescribeListeners",
                            "elasticloadbalancing:DescribeRules",
                            "elasticloadbalancing:DescribeTargetGroups",
                            "elasticloadbalancing:DescribeTargetHealth",
                        ],
                        resources=["*"],
                    ),
                ]
            )
        },
    )
    cdk.Validations.of(role).acknowledge(
        cdk.Acknowledgment(id="AwsSolutions::AwsSolutions-IAM5[Resource::*]", reason="Describe calls take no resource")
    )
    service = ecs.FargateService(
        stack,
        id,
        cluster=into.cluster,
        task_definition=definition,
        desired_count=2,
        min_healthy_percent=100,
        max_healthy_percent=200,
        health_check_grace_period=cdk.Duration.seconds(60),
        propagate_tags=ecs.PropagatedTagSource.SERVICE,
        enable_ecs_managed_tags=True,
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        deployment_strategy=ecs.DeploymentStrategy.CANARY,
        canary_configuration=ecs.TrafficShiftConfig(step_percent=10, step_bake_time=cdk.Duration.minutes(5)),
        bake_time=cdk.Duration.minutes(10),
        circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
        deployment_alarms=ecs.DeploymentAlarmConfig(
            alarm_names=_alarms(stack, id, balancer, blue, green), behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM
        ),
    )
    service.load_balancer_target(
        container_name="app",
        container_port=8080,
        alternate_target=ecs.AlternateTarget(
            "Alternate",
            alternate_target_group=green,
            production_listener=ecs.ListenerRuleConfiguration.application_listener_rule(production_rule),
            test_listener=ecs.ListenerRuleConfiguration.application_listener_rule(test_rule),
            role=role,
        ),
    ).attach_to_application_target_group(blue)
    resource = service.node.default_child
    if isinstance(resource, ecs.CfnService):
        resource.add_property_override("DeploymentConfiguration.LifecycleHooks", [])
    cdk.CfnOutput(stack, f"{id}Url", value=f"https://{balancer.load_balancer_dns_name}")
    cdk.CfnOutput(stack, f"{id}TestHeader", value=f"x-bluegreen-test: {header_value}")
    cdk.CfnOutput(stack, f"{id}Target", value=f"{into.cluster.cluster_name}/{service.service_name}")


def _target_group(into: Surroundings, id: str) -> elbv2.ApplicationTargetGroup:
    return elbv2.ApplicationTargetGroup(
        into.stack,
        id,
        vpc=into.vpc,
        port=80,
        protocol=elbv2.ApplicationProtocol.HTTP,
        target_type=elbv2.TargetType.IP,
        deregistration_delay=cdk.Duration.seconds(30),
        health_check=elbv2.HealthCheck(
            path="/",
            healthy_http_codes="200",
            interval=cdk.Duration.seconds(10),
            timeout=cdk.Duration.seconds(5),
            healthy_threshold_count=2,
            unhealthy_threshold_count=3,
        ),
    )


def _alarms(
    stack: cdk.Stack,
    id: str,
    balancer: elbv2.ApplicationLoadBalancer,
    blue: elbv2.ApplicationTargetGroup,
    green: elbv2.ApplicationTargetGroup,
) -> list[str]:
    minute = cdk.Duration.minutes(1)
    b, g = blue.metrics, green.metrics
    requests: dict[str, cloudwatch.IMetric] = {"rb": b.request_count(), "rg": g.request_count()}
    error_rate = cloudwatch.Alarm(
        stack,
        f"{id}ErrorRate",
        metric=cloudwatch.MathExpression(
            expression=ERROR_RATE,
            period=minute,
            using_metrics={
                **requests,
                "eb": b.http_code_target(elbv2.HttpCodeTarget.TARGET_5XX_COUNT),
                "eg": g.http_code_target(elbv2.HttpCodeTarget.TARGET_5XX_COUNT),
                "cb": b.target_connection_error_count(),
                "cg": g.target_connection_error_count(),
                "xl": balancer.metrics.http_code_elb(elbv2.HttpCodeElb.ELB_5XX_COUNT),
            },
        ),
        threshold=1,
        evaluation_periods=5,
        datapoints_to_alarm=2,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    latency = cloudwatch.Alarm(
        stack,
        f"{id}Latency",
        metric=cloudwatch.MathExpression(
            expression=LATENCY,
            period=minute,
            using_metrics={
                **requests,
                "lb": b.target_response_time(statistic="p95"),
                "lg": g.target_response_time(statistic="p95"),
            },
        ),
        threshold=1,
        evaluation_periods=5,
        datapoints_to_alarm=2,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    unhealthy = cloudwatch.Alarm(
        stack,
        f"{id}UnhealthyTargets",
        metric=cloudwatch.MathExpression(
            expression=UNHEALTHY,
            period=minute,
            using_metrics={
                "ub": b.unhealthy_host_count(statistic="Minimum"),
                "ug": g.unhealthy_host_count(statistic="Minimum"),
            },
        ),
        threshold=1,
        evaluation_periods=6,
        datapoints_to_alarm=3,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    return [error_rate.alarm_name, latency.alarm_name, unhealthy.alarm_name]


if __name__ == "__main__":
    main(make_service)
