"""Stacks with the types that the emulator lacks: made, shown by the API, changed, replaced and really removed."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess

Template = dict[str, Any]


class Account:
    """The emulator's account as its clients see it."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        self.cloudformation = self.client("cloudformation")
        self.ec2 = self.client("ec2")

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.emulator.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def create(self, name: str, resources: Template, outputs: Template | None = None) -> dict[str, str]:
        body = {"Resources": resources, "Outputs": {k: {"Value": v} for k, v in (outputs or {}).items()}}
        self.cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(body))
        self.wait(name, "CREATE_COMPLETE")
        return self._outputs(name)

    def update(self, name: str, resources: Template, outputs: Template | None = None) -> dict[str, str]:
        body = {"Resources": resources, "Outputs": {k: {"Value": v} for k, v in (outputs or {}).items()}}
        self.cloudformation.update_stack(StackName=name, TemplateBody=json.dumps(body))
        self.wait(name, "UPDATE_COMPLETE")
        return self._outputs(name)

    def delete(self, name: str) -> None:
        identity = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.cloudformation.delete_stack(StackName=name)
        self.wait(identity, "DELETE_COMPLETE")

    def reasons(self, name: str) -> list[str]:
        events = self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return [event["ResourceStatusReason"] for event in events if event.get("ResourceStatusReason")]

    def wait(self, stack: str, expected: str) -> None:
        deadline = time.monotonic() + 30
        while (status := self._status(stack)) != expected:
            assert status.endswith("_IN_PROGRESS"), f"{status}: {self.reasons(stack)}"
            assert time.monotonic() < deadline, status
            time.sleep(0.05)

    def _status(self, stack: str) -> str:
        return str(self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])

    def _outputs(self, name: str) -> dict[str, str]:
        (stack,) = self.cloudformation.describe_stacks(StackName=name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with EmulatorProcess(tmp_path_factory.mktemp("emulator")) as emulator:
        yield Account(emulator)


VPC: Template = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
    "Subnet": {
        "Type": "AWS::EC2::Subnet",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24", "AvailabilityZone": "us-east-1a"},
    },
}


def test_a_nat_gateway_and_its_address_are_shown_and_removed(account: Account) -> None:
    def resources(name: str) -> Template:
        return {
            **VPC,
            "Address": {
                "Type": "AWS::EC2::EIP",
                "Properties": {"Domain": "vpc", "Tags": [{"Key": "Name", "Value": name}]},
            },
            "Nat": {
                "Type": "AWS::EC2::NatGateway",
                "Properties": {
                    "SubnetId": {"Ref": "Subnet"},
                    "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
                    "Tags": [{"Key": "Name", "Value": name}],
                },
            },
        }

    outputs = {"Ip": {"Ref": "Address"}, "Nat": {"Ref": "Nat"}, "NatId": {"Fn::GetAtt": ["Nat", "NatGatewayId"]}}
    made = account.create("nat", resources("one"), outputs)
    (nat,) = account.ec2.describe_nat_gateways()["NatGateways"]
    (address,) = account.ec2.describe_addresses()["Addresses"]
    assert made == {"Ip": address["PublicIp"], "Nat": nat["NatGatewayId"], "NatId": nat["NatGatewayId"]}
    assert address["AssociationId"]

    assert account.update("nat", resources("two"), outputs) == made
    assert account.ec2.describe_nat_gateways()["NatGateways"][0]["Tags"][0]["Value"] == "two"
    assert account.ec2.describe_addresses()["Addresses"][0]["Tags"][0]["Value"] == "two"

    account.delete("nat")
    assert account.ec2.describe_nat_gateways()["NatGateways"] == []
    assert account.ec2.describe_addresses()["Addresses"] == []


def group_rules(account: Account, group: str) -> list[Any]:
    return account.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])[
        "SecurityGroupRules"
    ]


def test_rules_of_their_own_are_kept_changed_replaced_and_removed(account: Account) -> None:
    def resources(port: int, description: str) -> Template:
        def group(name: str) -> Template:
            return {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {"GroupDescription": name, "VpcId": {"Ref": "Vpc"}},
            }

        rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "Description": description}
        return {
            **VPC,
            "A": group("a"),
            "B": group("b"),
            "In": {
                "Type": "AWS::EC2::SecurityGroupIngress",
                "Properties": {
                    **rule,
                    "GroupId": {"Fn::GetAtt": ["A", "GroupId"]},
                    "SourceSecurityGroupId": {"Fn::GetAtt": ["B", "GroupId"]},
                },
            },
            "Out": {
                "Type": "AWS::EC2::SecurityGroupEgress",
                "Properties": {**rule, "GroupId": {"Fn::GetAtt": ["B", "GroupId"]}, "CidrIp": "10.0.0.0/8"},
            },
        }

    outputs = {"A": {"Ref": "A"}, "B": {"Ref": "B"}, "In": {"Ref": "In"}, "Out": {"Ref": "Out"}}
    made = account.create("rules", resources(8080, "first"), outputs)
    (ingress,) = [rule for rule in group_rules(account, made["A"]) if not rule["IsEgress"]]
    (egress,) = [rule for rule in group_rules(account, made["B"]) if rule.get("FromPort") == 8080]
    assert (ingress["SecurityGroupRuleId"], egress["SecurityGroupRuleId"]) == (made["In"], made["Out"])
    assert ingress["ReferencedGroupInfo"]["GroupId"] == made["B"]
    assert (egress["CidrIpv4"], egress["IsEgress"], egress["Description"]) == ("10.0.0.0/8", True, "first")

    described = account.update("rules", resources(8080, "second"), outputs)
    assert described == made, "a description changes in place"
    assert {rule["Description"] for rule in group_rules(account, made["A"]) if not rule["IsEgress"]} == {"second"}

    moved = account.update("rules", resources(9090, "second"), outputs)
    assert moved["In"] != made["In"], "a port replaces the rule"
    assert [rule["FromPort"] for rule in group_rules(account, made["A"]) if not rule["IsEgress"]] == [9090]
    assert 8080 not in [rule.get("FromPort") for rule in group_rules(account, made["B"])]

    account.delete("rules")
    assert group_rules(account, made["A"]) == []


def test_a_rule_that_is_there_already_is_refused_as_aws_refuses_it(account: Account) -> None:
    rule = {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {
            "GroupId": {"Fn::GetAtt": ["A", "GroupId"]},
            "IpProtocol": "tcp",
            "FromPort": 80,
            "ToPort": 80,
            "CidrIp": "10.0.0.0/8",
        },
    }
    group = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "a", "VpcId": {"Ref": "Vpc"}}}
    resources = {**VPC, "A": group, "One": rule, "Two": {**rule, "DependsOn": "One"}}
    account.cloudformation.create_stack(StackName="twice", TemplateBody=json.dumps({"Resources": resources}))
    account.wait("twice", "ROLLBACK_COMPLETE")
    assert any("already exists (InvalidPermission.Duplicate)" in reason for reason in account.reasons("twice"))
    account.delete("twice")


def test_a_flow_log_is_shown_replaced_and_removed(account: Account) -> None:
    def resources(traffic: str) -> Template:
        return {
            **VPC,
            "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/flow"}},
            "Log": {
                "Type": "AWS::EC2::FlowLog",
                "Properties": {
                    "ResourceId": {"Ref": "Vpc"},
                    "ResourceType": "VPC",
                    "TrafficType": traffic,
                    "LogDestinationType": "cloud-watch-logs",
                    "LogGroupName": {"Ref": "Group"},
                },
            },
        }

    outputs = {"Vpc": {"Ref": "Vpc"}, "Log": {"Fn::GetAtt": ["Log", "Id"]}}
    made = account.create("flow", resources("ALL"), outputs)
    (log,) = account.ec2.describe_flow_logs()["FlowLogs"]
    assert (log["FlowLogId"], log["ResourceId"], log["TrafficType"]) == (made["Log"], made["Vpc"], "ALL")
    assert account.update("flow", resources("REJECT"), outputs)["Log"] != made["Log"]
    assert [log["TrafficType"] for log in account.ec2.describe_flow_logs()["FlowLogs"]] == ["REJECT"]
    account.delete("flow")
    assert account.ec2.describe_flow_logs()["FlowLogs"] == []


def test_a_network_tells_its_range_of_addresses_before_and_after_an_update(account: Account) -> None:
    outputs = {"Range": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}}
    tagged = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16", "Tags": [{"Key": "a", "Value": "b"}]}}
    moved = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}}
    assert account.create("network", {"Vpc": VPC["Vpc"]}, outputs) == {"Range": "10.0.0.0/16"}
    assert account.update("network", {"Vpc": tagged}, outputs) == {"Range": "10.0.0.0/16"}
    assert account.update("network", {"Vpc": moved}, outputs) == {"Range": "10.9.0.0/16"}
    account.delete("network")


def test_the_default_security_group_is_closed_and_opened_again(account: Account) -> None:
    restricted = {
        "Type": "Custom::VpcRestrictDefaultSG",
        "Properties": {
            "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:deployed-not-run",
            "DefaultSecurityGroupId": {"Fn::GetAtt": ["Vpc", "DefaultSecurityGroup"]},
            "Account": {"Ref": "AWS::AccountId"},
        },
    }
    outputs = {"Group": {"Fn::GetAtt": ["Vpc", "DefaultSecurityGroup"]}}
    group = account.create("default-group", {**VPC, "Restricted": restricted}, outputs)["Group"]
    assert group_rules(account, group) == []
    account.update("default-group", VPC, outputs)
    assert len(group_rules(account, group)) == 2
    account.delete("default-group")


def test_a_bucket_that_asks_for_it_is_emptied_before_it_is_deleted(account: Account) -> None:
    tag = {"Key": "aws-cdk:auto-delete-objects", "Value": "true"}
    resources = {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"Tags": [tag], "VersioningConfiguration": {"Status": "Enabled"}},
        },
        "Empty": {
            "Type": "Custom::S3AutoDeleteObjects",
            "Properties": {
                "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:deployed-not-run",
                "BucketName": {"Ref": "Bucket"},
            },
        },
    }
    bucket = account.create("bucket", resources, {"Bucket": {"Ref": "Bucket"}})["Bucket"]
    s3 = account.client("s3")
    for body in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key="report", Body=body)
    account.delete("bucket")
    assert bucket not in [found["Name"] for found in s3.list_buckets()["Buckets"]]


def test_scaling_is_registered_shown_and_forgotten(account: Account) -> None:
    def resources(highest: int) -> Template:
        return {
            "Target": {
                "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
                "Properties": {
                    "MinCapacity": 2,
                    "MaxCapacity": highest,
                    "ResourceId": "service/cluster/inference",
                    "ScalableDimension": "ecs:service:DesiredCount",
                    "ServiceNamespace": "ecs",
                },
            },
            "Policy": {
                "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
                "Properties": {
                    "PolicyName": "requests",
                    "PolicyType": "TargetTrackingScaling",
                    "ScalingTargetId": {"Ref": "Target"},
                },
            },
        }

    def registered() -> dict[str, Any]:
        state: Any = account.emulator.state()["resource_types"]
        return dict(state["registered"])

    target = "service/cluster/inference|ecs:service:DesiredCount|ecs"
    made = account.create("scaling", resources(8), {"Target": {"Ref": "Target"}, "Policy": {"Ref": "Policy"}})
    assert made["Target"] == target
    assert made["Policy"].startswith("arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:")
    assert made["Policy"].endswith(":resource/ecs/service/cluster/inference:policyName/requests")
    assert registered().keys() == set(made.values())
    account.update("scaling", resources(16))
    assert registered()[target]["MaxCapacity"] == 16
    account.delete("scaling")
    assert registered() == {}


def test_capacity_and_certificates_are_accepted_shown_changed_and_removed(account: Account) -> None:
    ecs = account.client("ecs")

    def resources(weight: int) -> Template:
        strategy = [{"CapacityProvider": "FARGATE_SPOT", "Weight": weight}, {"CapacityProvider": {"Ref": "Gpus"}}]
        return {
            "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "spot"}},
            "Gpus": {
                "Type": "AWS::ECS::CapacityProvider",
                "Properties": {"AutoScalingGroupProvider": {"AutoScalingGroupArn": "arn:aws:autoscaling:group"}},
            },
            "Capacity": {
                "Type": "AWS::ECS::ClusterCapacityProviderAssociations",
                "Properties": {
                    "Cluster": {"Ref": "Cluster"},
                    "CapacityProviders": ["FARGATE", "FARGATE_SPOT", {"Ref": "Gpus"}],
                    "DefaultCapacityProviderStrategy": strategy,
                },
            },
            "Certificate": {
                "Type": "AWS::ElasticLoadBalancingV2::ListenerCertificate",
                "Properties": {"ListenerArn": "arn:listener", "Certificates": [{"CertificateArn": "arn:certificate"}]},
            },
        }

    def weight() -> int:
        (cluster,) = ecs.describe_clusters(clusters=["spot"])["clusters"]
        assert cluster["capacityProviders"] == ["FARGATE", "FARGATE_SPOT", "spot-Gpus"]
        return int(cluster["defaultCapacityProviderStrategy"][0]["weight"])

    def providers() -> list[str]:
        return [found["name"] for found in ecs.describe_capacity_providers()["capacityProviders"]]

    account.create("spot", resources(1), {"Capacity": {"Ref": "Capacity"}})
    assert (weight(), "spot-Gpus" in providers()) == (1, True)
    account.update("spot", resources(3))
    assert weight() == 3
    account.delete("spot")
    assert "spot-Gpus" not in providers()


def test_registering_a_service_brings_its_count_within_the_bounds(account: Account) -> None:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="bounded")
    ecs.register_task_definition(
        family="bounded", containerDefinitions=[{"name": "Main", "image": "main:1", "memory": 64, "essential": False}]
    )

    def resources(lowest: int, highest: int) -> Template:
        return {
            "Target": {
                "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
                "Properties": {
                    "MinCapacity": lowest,
                    "MaxCapacity": highest,
                    "ResourceId": "service/bounded/main",
                    "ScalableDimension": "ecs:service:DesiredCount",
                    "ServiceNamespace": "ecs",
                },
            }
        }

    def count() -> int:
        (service,) = ecs.describe_services(cluster="bounded", services=["main"])["services"]
        return int(service["desiredCount"])

    ecs.create_service(cluster="bounded", serviceName="main", taskDefinition="bounded", desiredCount=0)
    account.create("bounds", resources(2, 4))
    assert count() == 2, "fewer than MinCapacity become MinCapacity"
    account.update("bounds", resources(1, 3))
    assert count() == 2, "a count within the bounds stays"
    account.update("bounds", resources(0, 1))
    assert count() == 1, "more than MaxCapacity become MaxCapacity"
    calls: Any = account.emulator.state()["calls"]
    assert calls["by_caller"]["application-autoscaling"] >= 5
    account.delete("bounds")
    assert count() == 1, "forgetting the bounds changes no count"
    ecs.delete_service(cluster="bounded", service="main", force=True)


def test_the_calls_of_clients_are_counted_in_the_state(account: Account) -> None:
    account.ec2.describe_vpcs()
    calls: Any = account.emulator.state()["calls"]
    assert calls["by_action"]["ec2:DescribeVpcs"] >= 1
    assert calls["by_caller"].keys() <= {"test", "application-autoscaling"}
    assert sum(calls["by_caller"].values()) == calls["total"]
