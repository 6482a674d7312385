"""CloudFormation handlers for the EC2 types that the emulator lacks, over the emulator's own EC2 API.

They are records: the API shows them, no packet passes through or is stopped by them.
"""

import random
import re
import string
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import ModuleType

from ministack.services import ec2

Properties = Mapping[str, object]
Handler = Callable[..., object]
# What of ministack's EC2 these handlers use; asserted at start.
RELIED_ON = (
    "_addresses",
    "_allocate_address",
    "_authorize_sg_egress",
    "_authorize_sg_ingress",
    "_create_nat_gateway",
    "_flow_logs",
    "_nat_gateways",
    "_release_address",
    "_revoke_sg_egress",
    "_revoke_sg_ingress",
    "_security_groups",
    "_subnets",
    "_tags",
)
_CODE = re.compile(rb"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>", re.DOTALL)


def types() -> dict[str, tuple[dict[str, Handler | bool], Sequence[str]]]:
    """By type: its handlers, and the properties whose change replaces it ("Update requires: Replacement")."""
    return {
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-eip.html
        "AWS::EC2::EIP": (
            {"create": _create_address, "update": _update_address, "delete": _delete_address},
            ("Address", "Domain", "IpamPoolId", "NetworkBorderGroup", "TransferAddress"),
        ),
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-natgateway.html
        "AWS::EC2::NatGateway": (
            {"create": _create_nat_gateway, "update": _update_tags(("NatGatewayId",)), "delete": _delete_nat_gateway},
            ("AllocationId", "ConnectivityType", "PrivateIpAddress", "SubnetId", "VpcId"),
        ),
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-flowlog.html
        "AWS::EC2::FlowLog": (
            {"create": _create_flow_log, "update": _update_tags(("Id",)), "delete": _delete_flow_log},
            (
                "DeliverCrossAccountRole",
                "DeliverLogsPermissionArn",
                "DestinationOptions",
                "LogDestination",
                "LogDestinationType",
                "LogFormat",
                "LogGroupName",
                "MaxAggregationInterval",
                "ResourceId",
                "ResourceType",
                "TrafficType",
            ),
        ),
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroupingress.html
        "AWS::EC2::SecurityGroupIngress": _rule_type(is_egress=False),
        "AWS::EC2::SecurityGroupEgress": _rule_type(is_egress=True),
    }


def assert_relied_on(original: Callable[[ModuleType, str], object]) -> None:
    """Look up every name of RELIED_ON through `Patches.original`, which refuses a missing one."""
    for name in RELIED_ON:
        original(ec2, name)


def restrict_default_group(group_id: str) -> None:
    """Take the two rules from a VPC's default security group that AWS puts there; missing ones are no error."""
    group = ec2._security_groups.get(group_id)
    if group is None:
        raise ValueError(f"The security group '{group_id}' does not exist")
    group["IpPermissions"] = [rule for rule in group["IpPermissions"] if not _is_from_itself(rule, group_id)]
    group["IpPermissionsEgress"] = [rule for rule in group["IpPermissionsEgress"] if not _is_to_anywhere(rule)]


def open_default_group(group_id: str) -> None:
    """Give a default security group back what `restrict_default_group` took; a group that went is no error."""
    group = ec2._security_groups.get(group_id)
    if group is None:
        return
    restrict_default_group(group_id)
    group["IpPermissions"].append(_everything(UserIdGroupPairs=[{"GroupId": group_id}]))
    group["IpPermissionsEgress"].append(_everything(IpRanges=[{"CidrIp": "0.0.0.0/0"}]))


def _everything(**peer: list[dict[str, str]]) -> dict[str, object]:
    return {
        "IpProtocol": "-1",
        "IpRanges": [],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": [],
        **peer,
    }


def _is_from_itself(rule: Mapping[str, list[dict[str, str]]], group_id: str) -> bool:
    return any(pair.get("GroupId") == group_id for pair in rule.get("UserIdGroupPairs", []))


def _is_to_anywhere(rule: Mapping[str, list[dict[str, str]]]) -> bool:
    return any(cidr.get("CidrIp") == "0.0.0.0/0" for cidr in rule.get("IpRanges", []))


def _ask(operation: Callable[..., tuple[int, object, bytes | str]], **parameters: object) -> str:
    """Call an operation of the emulator's EC2 with wire parameters; its XML, or an error as CloudFormation shows it."""
    status, _, body = operation(
        {name.replace("__", "."): [str(value)] for name, value in parameters.items() if value != ""}
    )
    body = body if isinstance(body, bytes) else str(body).encode()
    if status >= 400:
        error = _CODE.search(body)
        raise ValueError(f"{error[2].decode()} ({error[1].decode()})" if error else body.decode())
    return body.decode()


def _field(xml: str, name: str) -> str:
    found = re.search(f"<{name}>(.*?)</{name}>", xml)
    if found is None:
        raise ValueError(f"the emulator's EC2 answered without {name}: {xml}")
    return found[1]


def _tag(resource: str, properties: Properties) -> None:
    tags = properties.get("Tags")
    if isinstance(tags, list) and tags:
        ec2._tags[resource] = [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in tags]
    else:
        ec2._tags.pop(resource, None)


def _update_tags(attributes: Sequence[str]) -> Handler:
    """The update of a type whose other properties all replace it."""

    def update(physical_id: str, before: Properties, after: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
        del before, stack_name
        _tag(physical_id, after)
        return physical_id, dict.fromkeys(attributes, physical_id)

    return update


def _create_address(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
    del logical_id, stack_name
    answer = _ask(ec2._allocate_address, Domain=properties.get("Domain", "vpc"))
    allocation, address = _field(answer, "allocationId"), _field(answer, "publicIp")
    _tag(allocation, properties)
    return address, {"AllocationId": allocation, "PublicIp": address}


def _update_address(
    physical_id: str, before: Properties, after: Properties, stack_name: str
) -> tuple[str, dict[str, str]]:
    del before, stack_name
    allocation = _allocation(physical_id)
    _tag(allocation, after)
    return physical_id, {"AllocationId": allocation, "PublicIp": physical_id}


def _delete_address(physical_id: str, properties: Properties) -> None:
    del properties
    if allocation := _allocation(physical_id):
        _ask(ec2._release_address, AllocationId=allocation)


def _allocation(address: str) -> str:
    return next((key for key, record in ec2._addresses.items() if record["PublicIp"] == address), "")


def _create_nat_gateway(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
    del logical_id, stack_name
    if properties.get("SubnetId") not in ec2._subnets:
        raise ValueError(f"The subnet ID '{properties.get('SubnetId')}' does not exist (InvalidSubnetID.NotFound)")
    allocation = str(properties.get("AllocationId", ""))
    if allocation and allocation not in ec2._addresses:
        raise ValueError(f"Elastic IP address [{allocation}] not found (InvalidElasticIpID.NotFound)")
    answer = _ask(
        ec2._create_nat_gateway,
        SubnetId=properties["SubnetId"],
        AllocationId=allocation,
        ConnectivityType=properties.get("ConnectivityType", "public"),
    )
    gateway = _field(answer, "natGatewayId")
    if allocation:
        ec2._addresses[allocation]["AssociationId"] = f"eipassoc-{gateway.removeprefix('nat-')}"
    _tag(gateway, properties)
    return gateway, {"NatGatewayId": gateway}


def _delete_nat_gateway(physical_id: str, properties: Properties) -> None:
    # AWS lists a deleted gateway for about an hour; here it is gone at once, so that "nothing left" can be seen.
    del properties
    record = ec2._nat_gateways.pop(physical_id, None)
    ec2._tags.pop(physical_id, None)
    if record is not None and record["AllocationId"] in ec2._addresses:
        ec2._addresses[record["AllocationId"]]["AssociationId"] = None


def _create_flow_log(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
    del logical_id, stack_name
    identity = "fl-" + "".join(random.choices(string.hexdigits[:16], k=17))  # noqa: S311  # an id, no secret
    ec2._flow_logs[identity] = {
        "FlowLogId": identity,
        "ResourceId": str(properties.get("ResourceId", "")),
        "ResourceType": str(properties.get("ResourceType", "VPC")),
        "TrafficType": str(properties.get("TrafficType", "ALL")),
        "LogDestinationType": str(properties.get("LogDestinationType", "cloud-watch-logs")),
        "LogDestination": str(properties.get("LogDestination") or properties.get("LogGroupName") or ""),
        "FlowLogStatus": "ACTIVE",
        "CreationTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
    _tag(identity, properties)
    return identity, {"Id": identity}


def _delete_flow_log(physical_id: str, properties: Properties) -> None:
    del properties
    ec2._flow_logs.pop(physical_id, None)
    ec2._tags.pop(physical_id, None)


def _rule_type(*, is_egress: bool) -> tuple[dict[str, Handler | bool], Sequence[str]]:
    """Handlers of a rule that is a resource of its own; everything but its description replaces it."""
    list_name = "IpPermissionsEgress" if is_egress else "IpPermissions"
    authorize = ec2._authorize_sg_egress if is_egress else ec2._authorize_sg_ingress
    revoke = ec2._revoke_sg_egress if is_egress else ec2._revoke_sg_ingress

    def create(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
        del logical_id, stack_name
        group = ec2._security_groups.get(properties.get("GroupId"))
        before = len(group[list_name]) if group else 0
        answer = _ask(authorize, GroupId=properties.get("GroupId", ""), **_permission(properties))
        if group is not None and len(group[list_name]) == before:
            # AWS refuses what the emulator takes for a repetition.
            raise ValueError("the specified rule already exists (InvalidPermission.Duplicate)")
        rule = _field(answer, "securityGroupRuleId")
        return rule, {"Id": rule}

    def update(physical_id: str, before: Properties, after: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
        del before, stack_name
        for rule in ec2._security_groups[after["GroupId"]][list_name]:
            if rule.get("SecurityGroupRuleId") == physical_id:
                rule["Description"] = after.get("Description", "")
        return physical_id, {"Id": physical_id}

    def delete(physical_id: str, properties: Properties) -> None:
        group = ec2._security_groups.get(properties.get("GroupId"))
        if group is not None and any(rule.get("SecurityGroupRuleId") == physical_id for rule in group[list_name]):
            _ask(revoke, GroupId=properties["GroupId"], SecurityGroupRuleId__1=physical_id)

    return {"create": create, "update": update, "delete": delete}, (
        "CidrIp",
        "CidrIpv6",
        "DestinationPrefixListId",
        "DestinationSecurityGroupId",
        "FromPort",
        "GroupId",
        "GroupName",
        "IpProtocol",
        "SourcePrefixListId",
        "SourceSecurityGroupId",
        "SourceSecurityGroupName",
        "SourceSecurityGroupOwnerId",
        "ToPort",
    )


def _permission(properties: Properties) -> dict[str, object]:
    """One rule as the wire parameters of AuthorizeSecurityGroupIngress and -Egress (`__` stands for a dot)."""
    first = "IpPermissions__1__"
    wire: dict[str, object] = {f"{first}IpProtocol": properties.get("IpProtocol", "-1")}
    for port in ("FromPort", "ToPort"):
        if port in properties:
            wire[f"{first}{port}"] = properties[port]
    peers = {
        "CidrIp": "IpRanges__1__CidrIp",
        "CidrIpv6": "Ipv6Ranges__1__CidrIpv6",
        "SourcePrefixListId": "PrefixListIds__1__PrefixListId",
        "DestinationPrefixListId": "PrefixListIds__1__PrefixListId",
        "SourceSecurityGroupId": "Groups__1__GroupId",
        "DestinationSecurityGroupId": "Groups__1__GroupId",
    }
    for name, path in peers.items():
        if name in properties:
            wire[first + path] = properties[name]
            if properties.get("Description"):
                wire[f"{first}{path.rsplit('__', 1)[0]}__Description"] = properties["Description"]
    return wire
