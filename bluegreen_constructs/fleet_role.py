"""The role of a fleet's instances: nothing but what fetching a release needs."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from .account_arns import wildcard_finding
from .acknowledgements import acknowledge
from .code_deploy_agent import agent_updates
from .fleet_instances import FleetInstances


def instance_role(scope: Construct, instances: FleetInstances, *, has_agent: bool = False) -> iam.Role:
    """Make it; with an artefact it may read what lies under the prefix, and decrypt it where the bucket has a key.

    has_agent: whether the CodeDeploy agent fetches it.
    """
    role = iam.Role(
        scope,
        "InstanceRole",
        assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
        description="what the instances of both sides may do",
    )
    artefact = instances.artefact
    if artefact is None:
        return role
    releases = artefact.bucket.arn_for_objects(f"{artefact.prefix}*")
    if has_agent:
        resources, actions = [agent_updates(), releases], ["s3:GetObject", "s3:GetObjectVersion"]
    else:
        resources, actions = [releases], ["s3:GetObject"]
    role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))
    if artefact.bucket.encryption_key is not None:
        artefact.bucket.encryption_key.grant_decrypt(role)
    for resource in resources:
        acknowledge(
            role,
            wildcard_finding(scope, resource),
            "an instance learns the release's name when it boots, and the agent's next version is not known either; "
            "reading whole buckets was considered, and is more than what lies under the prefix",
        )
    return role
