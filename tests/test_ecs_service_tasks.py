"""EcsBlueGreenService: on what its tasks run, and what they take part in."""

from datetime import timedelta
from functools import cache

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ecs as ecs
from aws_cdk.assertions import Template
from constructs import Construct

from bluegreen_constructs import Capacity, EcsBlueGreenService, ServiceConnect, Tasks, TestTraffic
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.blue_green_service import (
    PLAIN,
    container,
    network,
    new_stack,
    only,
    resources,
    service,
    template,
)
from tests.judged_service import resolved

SECRET = "0123456789abcdef"


@cache
def on_fargate() -> Template:
    """Spot, arm64, shells and Service Connect in one service; synthesised once."""
    tasks = Tasks(
        capacity=Capacity.spot(75, base=2),
        execute_command=True,
        service_connect=ServiceConnect("internal", name="inference", port=80),
    )
    return template(
        service(
            container=container(architecture=ecs.CpuArchitecture.ARM64, stop_timeout=timedelta(seconds=90)),
            tasks=tasks,
            test_traffic=TestTraffic.header("x-try", SECRET),
        )
    )


@cache
def on_gpus() -> Template:
    """Tasks with a GPU each, on EC2 instances of two capacity providers; synthesised once."""
    stack = new_stack()
    cluster = ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="gpus", vpc=network(stack))
    return template(
        service(
            stack,
            cluster=cluster,
            container=container(cpu=3000, memory_mib=14000, gpus=1),
            tasks=Tasks(capacity=Capacity.ec2("reserved", "on-demand")),
        )
    )


@pytest.fixture
def full() -> Template:
    return on_fargate()


@pytest.fixture
def gpus() -> Template:
    return on_gpus()


def the_service(found: Template) -> dict:
    properties: dict = only(resources(found, "AWS::ECS::Service"))["Properties"]
    return properties


def definition_of(found: Template) -> dict:
    return only(resources(found, "AWS::ECS::TaskDefinition"))


def own_definition(
    stack: cdk.Stack,
    compatibility: ecs.Compatibility,
    port_name: str | None = None,
    mode: ecs.NetworkMode = ecs.NetworkMode.AWS_VPC,
    app_protocol: ecs.AppProtocol | None = ecs.AppProtocol.http,
) -> ecs.TaskDefinition:
    definition = ecs.TaskDefinition(
        stack,
        "Own",
        compatibility=compatibility,
        network_mode=mode,
        cpu="256",
        memory_mib="512",
    )
    definition.add_container(
        "Web",
        image=ecs.ContainerImage.from_registry("web:1"),
        port_mappings=[
            ecs.PortMapping(container_port=9090, name=port_name, app_protocol=app_protocol if port_name else None)
        ],
    )
    return definition


class TestCapacity:
    def test_without_a_word_tasks_run_on_fargate_on_demand(self) -> None:
        found = the_service(template(service()))
        assert found["LaunchType"] == "FARGATE"
        assert "CapacityProviderStrategy" not in found

    def test_spot_takes_its_share_beyond_a_base_on_demand(self, full: Template) -> None:
        found = the_service(full)
        assert found["CapacityProviderStrategy"] == [
            {"CapacityProvider": "FARGATE", "Weight": 25, "Base": 2},
            {"CapacityProvider": "FARGATE_SPOT", "Weight": 75},
        ]
        assert "LaunchType" not in found  # ECS refuses both together

    def test_a_cluster_of_the_services_own_has_the_providers_that_spot_needs(self, full: Template) -> None:
        full.has_resource_properties(
            "AWS::ECS::ClusterCapacityProviderAssociations", {"CapacityProviders": ["FARGATE", "FARGATE_SPOT"]}
        )

    def test_the_service_comes_after_the_clusters_providers_and_goes_before_them(self, full: Template) -> None:
        """ECS takes no strategy with a provider that the cluster lacks, nor a provider from a service that uses it."""
        ((association, _),) = resources(full, "AWS::ECS::ClusterCapacityProviderAssociations").items()
        (found,) = resources(full, "AWS::ECS::Service").values()
        assert association in found["DependsOn"]

    def test_all_on_spot_has_no_base(self) -> None:
        assert Capacity.spot(100, base=0).to_cloudformation() == [
            {"capacityProvider": "FARGATE", "weight": 0},
            {"capacityProvider": "FARGATE_SPOT", "weight": 100},
        ]

    def test_ec2_providers_get_equal_shares(self, gpus: Template) -> None:
        found = the_service(gpus)
        assert found["CapacityProviderStrategy"] == [
            {"CapacityProvider": "reserved", "Weight": 1},
            {"CapacityProvider": "on-demand", "Weight": 1},
        ]
        assert "LaunchType" not in found
        assert found["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"

    def test_a_task_on_ec2_has_its_gpu_and_a_size_that_fargate_does_not_have(self, gpus: Template) -> None:
        properties = definition_of(gpus)["Properties"]
        assert properties["RequiresCompatibilities"] == ["EC2"]
        assert (properties["Cpu"], properties["Memory"]) == ("3000", "14000")
        assert properties["NetworkMode"] == "awsvpc"  # each task has an address of its own, as the groups ask for
        (inner,) = properties["ContainerDefinitions"]
        assert inner["ResourceRequirements"] == [{"Type": "GPU", "Value": "1"}]

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: Capacity.spot(0), "percent is 0: give 1 to 100"),
            (lambda: Capacity.spot(101), "give 1 to 100"),
            (lambda: Capacity.spot(100), "give base=0, or at most 99 percent"),
            (Capacity.ec2, "names no capacity provider"),
            (lambda: Capacity({}), "no provider with a weight above 0"),
            (lambda: Capacity({"gpus": 0}), "no provider with a weight above 0"),
            (lambda: Capacity({"gpus": 1001}), "give 0 to 1000"),
            (lambda: Capacity({"gpus": 1}, base=-1, on_ec2=True), "base is -1: give 0 to 100000 tasks"),
            (lambda: Capacity({"gpus": 1}), r"which are providers of instances: give Capacity.ec2\(...\)"),
            (lambda: Capacity({"FARGATE": 1, "gpus": 1}), "of Fargate or of instances, not both"),
            (lambda: Capacity({"FARGATE": 1}, on_ec2=True), "of Fargate or of instances, not both"),
        ],
    )
    def test_shares_that_place_nothing_are_refused(self, make: object, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()

    def test_ec2_capacity_without_a_cluster_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="runs on EC2 capacity providers and has no cluster"):
            service(tasks=Tasks(capacity=Capacity.ec2("gpus")))

    def test_gpus_on_fargate_are_refused(self) -> None:
        with pytest.raises(ConfigurationError, match=r"Fargate has no GPUs, give Tasks\(capacity=Capacity.ec2"):
            service(container=container(gpus=1))
        with pytest.raises(ConfigurationError, match="gpus is -1"):
            container(gpus=-1)

    @pytest.mark.parametrize(
        ("tasks", "made_for"),
        [
            (Tasks(capacity=Capacity.ec2("gpus")), ecs.Compatibility.FARGATE),
            (Tasks(), ecs.Compatibility.EC2),
            (Tasks(capacity=Capacity.spot(50)), ecs.Compatibility.EC2),
        ],
    )
    def test_a_task_definition_for_other_capacity_is_refused(self, tasks: Tasks, made_for: ecs.Compatibility) -> None:
        stack = new_stack()
        cluster = ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="gpus", vpc=network(stack))
        with pytest.raises(ConfigurationError, match=r"its task definition is for (EC2|Fargate): give an EC2"):
            service(stack, cluster=cluster, task_definition=own_definition(stack, made_for), tasks=tasks)

    def test_a_task_definition_without_addresses_of_its_own_is_refused(self) -> None:
        """The two groups take addresses, not instances; `ecs.TaskDefinition` for EC2 has a bridge unless it is told."""
        stack = new_stack()
        cluster = ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="gpus", vpc=network(stack))
        bridged = own_definition(stack, ecs.Compatibility.EC2, mode=ecs.NetworkMode.BRIDGE)
        with pytest.raises(ConfigurationError, match="is in the network mode bridge"):
            service(stack, cluster=cluster, task_definition=bridged, tasks=Tasks(capacity=Capacity.ec2("gpus")))


class TestTaskDefinitions:
    def test_arm64_is_said_to_fargate(self, full: Template) -> None:
        assert definition_of(full)["Properties"]["RuntimePlatform"] == {
            "CpuArchitecture": "ARM64",
            "OperatingSystemFamily": "LINUX",
        }

    def test_without_a_word_images_are_for_x86(self) -> None:
        found = definition_of(template(service()))["Properties"]["RuntimePlatform"]
        assert found["CpuArchitecture"] == "X86_64"

    def test_a_task_has_the_time_to_stop_that_was_asked_for(self, full: Template) -> None:
        (inner,) = definition_of(full)["Properties"]["ContainerDefinitions"]
        assert inner["StopTimeout"] == 90

    def test_a_revision_stays_so_that_it_can_be_gone_back_to(self, full: Template) -> None:
        """CloudFormation would deregister it when the next one is made (aws-cdk#24372)."""
        definition = definition_of(full)
        assert (definition["DeletionPolicy"], definition["UpdateReplacePolicy"]) == ("Retain", "Retain")

    @pytest.mark.parametrize(
        ("compatibility", "tasks"),
        [
            (ecs.Compatibility.FARGATE, Tasks()),
            (ecs.Compatibility.EC2, Tasks(capacity=Capacity.ec2("gpus"))),
            (ecs.Compatibility.EC2_AND_FARGATE, Tasks(capacity=Capacity.ec2("gpus"))),
        ],
    )
    def test_a_task_definition_of_ones_own_stays_too(self, compatibility: ecs.Compatibility, tasks: Tasks) -> None:
        stack = new_stack()
        cluster = ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="gpus", vpc=network(stack))
        found = template(
            service(stack, cluster=cluster, task_definition=own_definition(stack, compatibility), tasks=tasks)
        )
        assert definition_of(found)["DeletionPolicy"] == "Retain"
        (balancer,) = the_service(found)["LoadBalancers"]
        assert (balancer["ContainerName"], balancer["ContainerPort"]) == ("Web", 9090)

    def test_a_service_that_runs_nothing_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="neither container and task_definition"):
            service(container=None)


class TestShells:
    def test_a_shell_needs_the_option_and_the_tasks_permission(self, full: Template) -> None:
        assert the_service(full)["EnableExecuteCommand"] is True
        role = definition_of(full)["Properties"]["TaskRoleArn"]["Fn::GetAtt"][0]
        (policy,) = [one for one in resources(full, "AWS::IAM::Policy").values() if {"Ref": role} in roles(one)]
        (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Action"] == [
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ]

    def test_the_tasks_permissions_are_there_before_the_first_task_and_as_long_as_the_last(
        self, full: Template
    ) -> None:
        policies = set(resources(full, "AWS::IAM::Policy"))
        assert policies
        assert policies <= set(only(resources(full, "AWS::ECS::Service"))["DependsOn"])

    def test_without_the_option_no_task_can_be_entered(self, gpus: Template) -> None:
        """It is said, for UpdateService keeps what an update leaves away."""
        assert the_service(gpus)["EnableExecuteCommand"] is False
        assert "ssmmessages" not in str(gpus.to_json())


def roles(policy: dict) -> list[dict]:
    found: list[dict] = policy["Properties"]["Roles"]
    return found


class TestServiceConnect:
    def test_others_call_the_service_by_name_and_their_tests_by_the_test_header(self, full: Template) -> None:
        connect = the_service(full)["ServiceConnectConfiguration"]
        assert (connect["Enabled"], connect["Namespace"]) == (True, "internal")
        ((offered,),) = [connect["Services"]]
        assert offered["ClientAliases"] == [
            {
                "DnsName": "inference",
                "Port": 80,
                "TestTrafficRules": {"Header": {"Name": "x-try", "Value": {"Exact": SECRET}}},
            }
        ]
        # ECS knows a port by its name only.
        (inner,) = definition_of(full)["Properties"]["ContainerDefinitions"]
        assert [port["Name"] for port in inner["PortMappings"]] == [offered["PortName"]]

    def test_its_test_header_is_that_of_the_test_rule(self) -> None:
        found = template(service(tasks=Tasks(service_connect=ServiceConnect("internal", name="inference"))))
        ((offered,),) = [the_service(found)["ServiceConnectConfiguration"]["Services"]]
        (alias,) = offered["ClientAliases"]
        (asked,) = [
            condition["HttpHeaderConfig"]
            for rule in resources(found, "Custom::TrafficRule").values()
            for condition in rule["Properties"]["Conditions"]
            if condition["Field"] == "http-header"
        ]
        header = alias["TestTrafficRules"]["Header"]
        assert header["Name"] == asked["HttpHeaderName"]
        assert resolved(header["Value"]["Exact"]) == resolved(asked["Values"][0]) == "0f0e0d0c-0b0a"
        assert alias["Port"] == 8080  # the container's, when none is given

    def test_a_client_only_offers_nothing_and_may_have_a_test_listener(self) -> None:
        found = template(
            service(
                tasks=Tasks(service_connect=ServiceConnect("internal")),
                test_traffic=TestTraffic.listener(9000, sources=["10.0.0.0/8"]),
            )
        )
        assert the_service(found)["ServiceConnectConfiguration"] == {"Enabled": True, "Namespace": "internal"}

    def test_a_task_definition_of_ones_own_is_called_by_its_ports_name(self) -> None:
        stack = new_stack()
        connect = Tasks(service_connect=ServiceConnect("internal", name="inference"))
        named = own_definition(stack, ecs.Compatibility.FARGATE, port_name="http")
        found = template(service(stack, task_definition=named, tasks=connect))
        ((offered,),) = [the_service(found)["ServiceConnectConfiguration"]["Services"]]
        assert offered["PortName"] == "http"

    def test_a_task_definition_of_ones_own_whose_port_has_no_name_is_refused(self) -> None:
        stack = new_stack()
        connect = Tasks(service_connect=ServiceConnect("internal", name="inference"))
        with pytest.raises(ConfigurationError, match=r"by its name only: give PortMapping\(name=...\)"):
            service(stack, task_definition=own_definition(stack, ecs.Compatibility.FARGATE), tasks=connect)

    def test_its_port_speaks_http_or_no_test_header_would_be_seen(self, full: Template) -> None:
        (inner,) = definition_of(full)["Properties"]["ContainerDefinitions"]
        assert inner["PortMappings"] == [
            {"AppProtocol": "http", "ContainerPort": 8080, "Name": "inference", "Protocol": "tcp"}
        ]

    def test_a_task_definition_of_ones_own_whose_port_speaks_tcp_is_refused(self) -> None:
        stack = new_stack()
        connect = Tasks(service_connect=ServiceConnect("internal", name="inference"))
        plain = own_definition(stack, ecs.Compatibility.FARGATE, port_name="http", app_protocol=None)
        with pytest.raises(ConfigurationError, match=r"give PortMapping\(app_protocol=AppProtocol.http\)"):
            service(stack, task_definition=plain, tasks=connect)

    def test_a_name_together_with_a_test_listener_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match=r"use TestTraffic.header\(\)"):
            service(
                tasks=Tasks(service_connect=ServiceConnect("internal", name="inference")),
                test_traffic=TestTraffic.listener(9000, sources=["10.0.0.0/8"]),
            )

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: ServiceConnect(""), "namespace is empty"),
            (lambda: ServiceConnect("internal", port=80), "port is 80 without a name"),
        ],
    )
    def test_a_connection_that_names_nothing_is_refused(self, make: object, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()


class TestPlace:
    def test_a_service_without_an_ingress_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match=r"has no ingress: give Ingress\(certificate"):
            service(ingress=None)

    def test_a_cluster_that_is_made_has_container_insights(self, full: Template) -> None:
        full.has_resource_properties(
            "AWS::ECS::Cluster", {"ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}]}
        )

    def test_tasks_cost_centres_follow_the_service(self, full: Template) -> None:
        found = the_service(full)
        assert (found["PropagateTags"], found["EnableECSManagedTags"]) == ("SERVICE", True)

    def test_ids_that_no_parameter_could_be_called_by_are_refused(self) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match="use letters, digits, dots, hyphens and _"):
            EcsBlueGreenService(stack, "My model", vpc=network(stack), container=container(), ingress=PLAIN)

    @pytest.mark.parametrize("ids", [["A" * 240], ["A"] * 13], ids=["long", "deep"])
    def test_ids_that_make_a_longer_name_than_alarms_and_parameters_take_are_refused(self, ids: list[str]) -> None:
        scope: Construct = new_stack()
        for outer in ids[:-1]:
            scope = Construct(scope, outer)
        with pytest.raises(ConfigurationError, match="use shorter construct ids, or nest it less deep"):
            EcsBlueGreenService(scope, ids[-1], container=container(), ingress=PLAIN)

    def test_a_dot_in_an_id_is_a_hyphen_in_the_containers_name_which_takes_none(self) -> None:
        stack = new_stack()
        made = EcsBlueGreenService(stack, "Model.v1", vpc=network(stack), container=container(), ingress=PLAIN)
        found = only(resources(template(made), "AWS::ECS::TaskDefinition"))["Properties"]["ContainerDefinitions"]
        assert [one["Name"] for one in found] == ["Model-v1"]
