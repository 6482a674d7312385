"""EcsBlueGreenService: strategies, sides, tasks, scaling."""

from collections.abc import Callable
from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk.assertions import Template

from bluegreen_constructs import (
    AlarmThresholds,
    AllAtOnce,
    Canary,
    EcsBlueGreenService,
    Ingress,
    Linear,
    Scaling,
    Tasks,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.blue_green_service import (
    CERTIFICATE_ARN,
    PLAIN,
    container,
    deployment_configuration,
    everything_on,
    network,
    new_stack,
    only,
    resources,
    service,
    template,
)


@pytest.fixture
def full() -> Template:
    """The service with everything on, synthesised once for all files."""
    return everything_on()


class TestStrategies:
    def test_all_at_once_is_ecs_own_blue_green(self) -> None:
        configuration = deployment_configuration(template(service(strategy=AllAtOnce(), bake=timedelta(minutes=15))))
        assert configuration["Strategy"] == "BLUE_GREEN"
        assert configuration["BakeTimeInMinutes"] == 15
        assert "CanaryConfiguration" not in configuration

    def test_a_canary_says_percent_and_bake(self) -> None:
        configuration = deployment_configuration(
            template(service(strategy=Canary(percent=2.5, bake=cdk.Duration.minutes(7))))
        )
        assert configuration["Strategy"] == "CANARY"
        assert configuration["CanaryConfiguration"] == {"CanaryPercent": 2.5, "CanaryBakeTimeInMinutes": 7}

    def test_linear_says_step_and_time_between_steps(self) -> None:
        configuration = deployment_configuration(
            template(service(strategy=Linear(percent=20, every=timedelta(minutes=3))))
        )
        assert configuration["Strategy"] == "LINEAR"
        assert configuration["LinearConfiguration"] == {"StepPercent": 20, "StepBakeTimeInMinutes": 3}

    def test_without_hooks_an_empty_list_is_written_so_that_removed_hooks_do_not_go_on(self) -> None:
        configuration = deployment_configuration(template(service()))
        assert configuration["LifecycleHooks"] == []

    def test_without_alarms_an_empty_list_is_written_so_that_removed_alarms_do_not_go_on(self) -> None:
        none = AlarmThresholds(error_rate_percent=None, p95_latency=None, unhealthy_targets=None)
        configuration = deployment_configuration(template(service(guardrails=[none])))
        assert configuration["Alarms"] == {"AlarmNames": [], "Enable": False, "Rollback": False}

    def test_the_circuit_breaker_is_on_and_rolls_back(self) -> None:
        assert deployment_configuration(template(service()))["DeploymentCircuitBreaker"] == {
            "Enable": True,
            "Rollback": True,
        }

    def test_the_circuit_breaker_can_be_left_out(self) -> None:
        configuration = deployment_configuration(template(service(tasks=Tasks(circuit_breaker=False))))
        assert configuration["DeploymentCircuitBreaker"] == {"Enable": False, "Rollback": False}

    def test_ecs_controls_the_deployment(self, full: Template) -> None:
        full.has_resource_properties("AWS::ECS::Service", {"DeploymentController": {"Type": "ECS"}})


class TestTheTwoSides:
    def test_the_service_names_both_groups_and_both_rules(self, full: Template) -> None:
        (balancer,) = only(resources(full, "AWS::ECS::Service"))["Properties"]["LoadBalancers"]
        groups = resources(full, "AWS::ElasticLoadBalancingV2::TargetGroup")
        rules = resources(full, "Custom::TrafficRule")
        assert {
            balancer["TargetGroupArn"]["Ref"],
            balancer["AdvancedConfiguration"]["AlternateTargetGroupArn"]["Ref"],
        } == set(groups)
        named = [
            balancer["AdvancedConfiguration"][key]["Fn::GetAtt"]
            for key in ("ProductionListenerRule", "TestListenerRule")
        ]
        assert {rule for rule, _ in named} == set(rules)
        assert {attribute for _, attribute in named} == {"RuleArn"}

    def test_both_rules_forward_to_both_groups(self, full: Template) -> None:
        groups = set(resources(full, "AWS::ElasticLoadBalancingV2::TargetGroup"))
        for rule in resources(full, "Custom::TrafficRule").values():
            assert {rule["Properties"]["Blue"]["Ref"], rule["Properties"]["Green"]["Ref"]} == groups

    def test_both_groups_are_alike_so_that_the_sides_are(self, full: Template) -> None:
        blue, green = resources(full, "AWS::ElasticLoadBalancingV2::TargetGroup").values()
        assert blue == green

    def test_the_test_rule_comes_before_production_or_its_header_would_never_be_read(self, full: Template) -> None:
        by_priority = sorted(
            resources(full, "Custom::TrafficRule").values(), key=lambda rule: rule["Properties"]["Priority"]
        )
        fields = [[condition["Field"] for condition in rule["Properties"]["Conditions"]] for rule in by_priority]
        assert fields == [["host-header", "http-header"], ["host-header"]]

    def test_the_generated_test_header_is_the_random_part_of_the_stack_id(self, full: Template) -> None:
        rules = resources(full, "Custom::TrafficRule").values()
        (header,) = [c for rule in rules for c in rule["Properties"]["Conditions"] if c["Field"] == "http-header"]
        assert header["HttpHeaderConfig"]["Values"] == [
            {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
        ]

    def test_no_listener_has_production_as_its_default(self, full: Template) -> None:
        for listener in resources(full, "AWS::ElasticLoadBalancingV2::Listener").values():
            (action,) = listener["Properties"]["DefaultActions"]
            assert action["Type"] in ("fixed-response", "redirect")

    def test_no_listener_rule_is_left_to_cloudformation(self, full: Template) -> None:
        full.resource_count_is("AWS::ElasticLoadBalancingV2::ListenerRule", 0)

    def test_production_starts_on_one_side_and_both_rules_are_what_their_names_say(self, full: Template) -> None:
        (balancer,) = only(resources(full, "AWS::ECS::Service"))["Properties"]["LoadBalancers"]
        rules = resources(full, "Custom::TrafficRule")
        named = {
            key: rules[balancer["AdvancedConfiguration"][key]["Fn::GetAtt"][0]]["Properties"]
            for key in ("ProductionListenerRule", "TestListenerRule")
        }
        assert named["ProductionListenerRule"]["InitialCandidateWeight"] == 0
        assert [c["Field"] for c in named["ProductionListenerRule"]["Conditions"]] == ["host-header"]
        assert "http-header" in [c["Field"] for c in named["TestListenerRule"]["Conditions"]]

    def test_a_changed_port_replaces_no_group(self) -> None:
        def groups(port: int) -> dict[str, dict]:
            made = service(container=container(port=port))
            return resources(template(made), "AWS::ElasticLoadBalancingV2::TargetGroup")

        assert groups(8080) == groups(9090)

    def test_the_groups_say_how_long_they_drain_and_what_they_ask(self) -> None:
        ingress = Ingress(plain_http=True, health_path="/ready", drain=timedelta(seconds=75))
        group, _ = resources(template(service(ingress=ingress)), "AWS::ElasticLoadBalancingV2::TargetGroup").values()
        assert group["Properties"]["HealthCheckPath"] == "/ready"
        attributes = {one["Key"]: one["Value"] for one in group["Properties"]["TargetGroupAttributes"]}
        assert attributes["deregistration_delay.timeout_seconds"] == "75"

    def test_the_load_balancer_reaches_the_tasks_port(self) -> None:
        found = template(service(container=container(port=9090)))
        (path,) = resources(found, "AWS::EC2::SecurityGroupIngress").values()
        assert path["Properties"]["FromPort"] == 9090

    def test_ecs_may_move_only_these_rules_and_groups(self, full: Template) -> None:
        rules = set(resources(full, "Custom::TrafficRule"))
        groups = set(resources(full, "AWS::ElasticLoadBalancingV2::TargetGroup"))
        (role,) = [
            r
            for r in resources(full, "AWS::IAM::Role").values()
            if "moves the weights" in r["Properties"].get("Description", "")
        ]
        (policy,) = role["Properties"]["Policies"]
        targets, modify, describe = policy["PolicyDocument"]["Statement"]
        assert {entry["Ref"] for entry in targets["Resource"]} == groups
        assert modify["Action"] == "elasticloadbalancing:ModifyRule"
        assert {entry["Fn::GetAtt"][0] for entry in modify["Resource"]} == rules
        assert set(targets["Action"]) == {
            "elasticloadbalancing:RegisterTargets",
            "elasticloadbalancing:DeregisterTargets",
        }
        assert set(describe["Action"]) == {
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeRules",
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetHealth",
        }


class TestTheRuleNeverChanges:
    """I2: nothing but the rule's own settings may change a byte of it, or a stack update could touch live weights."""

    @staticmethod
    def rules(build: Callable[[cdk.Stack], EcsBlueGreenService], tag: str = "a") -> dict[str, dict]:
        stack = new_stack()
        cdk.Tags.of(stack.node.root).add("commit", tag)
        return resources(template(build(stack)), "Custom::TrafficRule")

    @pytest.mark.parametrize(
        "changed",
        [
            pytest.param({"container": "inference:2.0.0"}, id="image"),
            pytest.param({"environment": {"LOG_LEVEL": "debug"}}, id="environment"),
            pytest.param({"certificate": CERTIFICATE_ARN.replace("6b5f", "7c60")}, id="certificate"),
            pytest.param({"tag": "0d1e2f3"}, id="tags of the whole app"),
        ],
    )
    def test_the_rules_are_byte_identical_when_something_else_changes(self, changed: dict[str, object]) -> None:
        def build(settings: dict[str, object]) -> Callable[[cdk.Stack], EcsBlueGreenService]:
            return lambda stack: service(
                stack,
                container=container(
                    image=ecs.ContainerImage.from_registry(str(settings.get("container", "inference:1.0.0"))),
                    environment=settings.get("environment", {}),
                ),
                ingress=Ingress(
                    certificate=acm.Certificate.from_certificate_arn(
                        stack, "Certificate", str(settings.get("certificate", CERTIFICATE_ARN))
                    ),
                ),
            )

        assert self.rules(build({})) == self.rules(build(changed), tag=str(changed.get("tag", "a")))


class TestTasks:
    def test_secrets_are_read_when_a_task_starts_and_settings_are_plain(self, full: Template) -> None:
        (definition,) = only(resources(full, "AWS::ECS::TaskDefinition"))["Properties"]["ContainerDefinitions"]
        assert definition["Environment"] == [{"Name": "LOG_LEVEL", "Value": "info"}]
        assert [secret["Name"] for secret in definition["Secrets"]] == ["API_KEY"]

    def test_the_container_has_the_name_of_the_service(self, full: Template) -> None:
        (definition,) = only(resources(full, "AWS::ECS::TaskDefinition"))["Properties"]["ContainerDefinitions"]
        assert definition["Name"] == "Inference"

    def test_a_sidecar_can_be_added(self) -> None:
        made = service()
        made.task_definition.add_container(
            "Telemetry", image=ecs.ContainerImage.from_registry("telemetry:1"), essential=False
        )
        definition = only(resources(template(made), "AWS::ECS::TaskDefinition"))["Properties"]["ContainerDefinitions"]
        assert [entry["Name"] for entry in definition] == ["Inference", "Telemetry"]

    def test_a_task_definition_of_ones_own_is_used_with_its_port(self) -> None:
        stack = new_stack()
        definition = ecs.FargateTaskDefinition(stack, "Own")
        definition.add_container(
            "Web", image=ecs.ContainerImage.from_registry("web:1"), port_mappings=[ecs.PortMapping(container_port=9090)]
        )
        found = template(service(stack, task_definition=definition))
        (balancer,) = only(resources(found, "AWS::ECS::Service"))["Properties"]["LoadBalancers"]
        assert (balancer["ContainerName"], balancer["ContainerPort"]) == ("Web", 9090)

    def test_private_tasks_have_no_public_address(self, full: Template) -> None:
        assert (
            only(resources(full, "AWS::ECS::Service"))["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"][
                "AssignPublicIp"
            ]
            == "DISABLED"
        )

    def test_tasks_in_public_subnets_get_public_addresses_or_they_could_not_pull_their_image(self) -> None:
        found = template(service(tasks=Tasks(subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC))))
        configuration = only(resources(found, "AWS::ECS::Service"))["Properties"]["NetworkConfiguration"][
            "AwsvpcConfiguration"
        ]
        assert configuration["AssignPublicIp"] == "ENABLED"
        assert configuration["Subnets"] == ["subnet-public-a", "subnet-public-b"]

    def test_without_cluster_and_vpc_both_are_made(self) -> None:
        stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(region="eu-west-1"))
        EcsBlueGreenService(stack, "Inference", ingress=PLAIN, container=container())
        found = Template.from_stack(stack)
        found.resource_count_is("AWS::EC2::VPC", 1)
        found.resource_count_is("AWS::ECS::Cluster", 1)

    def test_an_existing_cluster_is_used(self) -> None:
        stack = new_stack()
        vpc = network(stack)
        cluster = ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="shared", vpc=vpc)
        found = template(service(stack, cluster=cluster))
        found.resource_count_is("AWS::ECS::Cluster", 0)
        found.has_resource_properties("AWS::ECS::Service", {"Cluster": "shared"})

    def test_the_service_can_be_granted_access_to_a_database(self) -> None:
        stack = new_stack()
        vpc = network(stack)
        made = service(stack, vpc=vpc)
        database = ec2.Connections(
            security_groups=[ec2.SecurityGroup(stack, "Database", vpc=vpc)], default_port=ec2.Port.tcp(5432)
        )
        database.allow_default_port_from(made)
        Template.from_stack(stack).has_resource_properties("AWS::EC2::SecurityGroupIngress", {"FromPort": 5432})

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"cpu": 300}, "Fargate has 256, 512"),
            ({"cpu": 256, "memory_mib": 4096}, "Fargate allows 512, 1024, 2048"),
            ({"cpu": 8192, "memory_mib": 17000}, "16384 to 61440 in steps of 4096"),
            ({"port": 0}, "between 1 and 65535"),
            ({"stop_timeout": timedelta(seconds=121)}, "at most 120 s"),
            ({"environment": {"KEY": "a"}, "secrets": {"KEY": None}}, "in both environment and secrets"),
        ],
    )
    def test_containers_that_fargate_cannot_run_are_refused(self, settings: dict[str, object], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            service(container=container(**settings))


class TestScaling:
    def test_requests_are_counted_over_both_sides(self, full: Template) -> None:
        policy = only(resources(full, "AWS::ApplicationAutoScaling::ScalingPolicy"))["Properties"]
        metrics = policy["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]["Metrics"]
        assert [m["Expression"] for m in metrics if "Expression" in m] == ["FILL(tb,0)+FILL(tg,0)"]
        assert len([m for m in metrics if "MetricStat" in m]) == 2

    def test_a_scaled_service_has_no_task_count_in_the_template_that_an_update_would_reset(
        self, full: Template
    ) -> None:
        assert "DesiredCount" not in only(resources(full, "AWS::ECS::Service"))["Properties"]

    def test_an_unscaled_service_has_its_task_count(self) -> None:
        found = template(service(scaling=Scaling(min=3)))
        found.has_resource_properties("AWS::ECS::Service", {"DesiredCount": 3})
        found.resource_count_is("AWS::ApplicationAutoScaling::ScalableTarget", 0)

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"min": 0}, "at least 1 task"),
            ({"min": 3, "max": 2}, "give at least 3"),
            ({"min": 2, "max": 4}, "give requests_per_target"),
            ({"requests_per_target": 10}, "without max"),
            ({"max": 4, "requests_per_target": 0}, "give 1 or more"),
        ],
    )
    def test_bounds_that_cannot_hold_are_refused(self, settings: dict[str, int], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            Scaling(**settings)


def test_two_durations_of_the_same_length_make_the_same_template() -> None:
    by_timedelta = template(service(bake=timedelta(minutes=20))).to_json()
    by_duration = template(service(bake=cdk.Duration.minutes(20))).to_json()
    assert by_timedelta == by_duration


def test_outputs_say_where_users_and_testers_go_and_the_targets_name(full: Template) -> None:
    outputs = full.to_json()["Outputs"]
    assert sorted(output["Description"] for output in outputs.values()) == [
        "the name for the bluegreen command",
        "what a request to the candidate must carry",
        "where users reach the service",
    ]
