"""A service that CodeDeploy deploys is clean under cdk-nag and cfn-lint; each acknowledgement names an alternative."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

from bluegreen_constructs import Canary, CodeDeploy, EcsBlueGreenService, Ingress
from tests.blue_green_service import container
from tests.code_deploy_service import everything_on, real_network
from tests.nag_findings import acknowledgements, findings, lint
from tests.test_ecs_service_nag import Checked


@cache
def synthesised() -> tuple[Path, frozenset[tuple[str, str]]]:
    """One service with everything on, one with the defaults, and a planted finding beside them."""
    folder = Path(mkdtemp(prefix="bluegreen-codedeploy-"))
    app = cdk.App(outdir=str(folder))
    env = cdk.Environment(account="123456789012", region="eu-west-1")
    stack, planted = cdk.Stack(app, "Stack", env=env), cdk.Stack(app, "Planted", env=env)
    s3.Bucket(planted, "Open")
    vpc = real_network(stack)
    made = everything_on(stack, vpc)
    EcsBlueGreenService(
        stack,
        "Plain",
        cluster=made.cluster,
        container=container(),
        ingress=Ingress(internet_facing=False),
        strategy=Canary(20, cdk.Duration.minutes(5)),
        controller=CodeDeploy(),
    )
    return folder, findings(app)


@cache
def checked() -> Checked:
    folder, found = synthesised()
    return Checked(found, dict(acknowledgements(folder / "Stack.metadata.json")))


def test_the_checks_find_what_nobody_acknowledged() -> None:
    assert {place for place, _ in checked().findings if place.startswith("Planted/")}


def test_a_service_with_everything_on_is_clean() -> None:
    assert sorted(one for one in checked().findings if not one[0].startswith("Planted/")) == []


def test_it_is_clean_under_cfn_lint() -> None:
    assert lint([synthesised()[0] / "Stack.template.json"]) == (0, "")


def test_each_acknowledgement_is_on_one_resource_and_names_an_alternative() -> None:
    for (place, rule), reason in checked().acknowledged.items():
        assert "/" in place, f"{rule} is acknowledged on a whole stack"
        assert "considered" in reason or "alternative" in reason, (place, rule, reason)


def test_the_acknowledgements_are_these_and_no_others() -> None:
    assert set(checked().acknowledged) == EXPECTED


def _on(service: str, resource: str) -> str:
    return f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:{service}:<AWS::Region>:<AWS::AccountId>:{resource}]"


def _sets(service: str) -> str:
    return _on("ecs", f"task-set/<InferenceCluster>/<{service}.Name>/*")


ANY = "AwsSolutions-IAM5[Resource::*]"
EXPECTED = {
    ("Stack/BlueGreenTrafficRules/Role", ANY),
    ("Stack/BlueGreenTrafficRules/Role", _on("elasticloadbalancing", "listener-rule/app/*")),
    ("Stack/Inference/CodeDeploy/Role", ANY),
    ("Stack/Inference/CodeDeploy/Role", _sets("InferenceB3CD4D8F")),
    ("Stack/Inference/CodeDeploy/AfterAllowTestTraffic/Role", ANY),
    ("Stack/Inference/CodeDeploy/AfterAllowTraffic/Role", ANY),
    ("Stack/Inference/CodeDeploy/SmokeTest/Function/Role", ANY),
    ("Stack/Inference/CodeDeploy/StackUpdate/Role", ANY),
    ("Stack/Inference/LoadBalancer", "AwsSolutions-EC23"),
    ("Stack/Inference/TaskDefinition/ExecutionRole", ANY),
    ("Stack/Plain/CodeDeploy/Role", ANY),
    ("Stack/Plain/CodeDeploy/Role", _sets("Plain295EB121")),
    ("Stack/Plain/LoadBalancer", "AwsSolutions-EC23"),
    ("Stack/Plain/LoadBalancer", "AwsSolutions-ELB2"),
}
