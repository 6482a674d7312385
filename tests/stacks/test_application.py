"""The application: every environment synthesises clean, and no template knows what a rollout changes."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aws_cdk as cdk
import pytest

from bluegreen_constructs.engine.errors import ConfigurationError
from stacks import environments
from stacks.application import build
from stacks.environments import ENVIRONMENTS, Environment, ExistingNetwork, NewNetwork, chosen
from tests.stacks.conftest import ROOT, Synthesised, settings, synthesise


def test_every_environment_is_clean_under_cdk_nag(application: Synthesised) -> None:
    assert application.findings == ()


def test_every_environment_is_clean_under_cfn_lint() -> None:
    folders = [synthesise(environment).folder for environment in ENVIRONMENTS]
    # One process for all: starting it takes longer than checking.
    templates = [str(path) for folder in folders for path in sorted(folder.glob("*.template.json"))]
    assert len(templates) == 5 * len(ENVIRONMENTS) + sum(one.kubernetes is not None for one in ENVIRONMENTS.values())
    found = subprocess.run(
        [Path(sys.executable).parent / "cfn-lint", "--", *templates], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout.strip()) == (0, "")


def test_each_acknowledgement_is_on_one_resource_and_names_an_alternative(application: Synthesised) -> None:
    listed = acknowledgements(application)
    name = application.environment
    assert set(listed) == {(place.format(name), rule.format(name)) for place, rule in EXPECTED[name]}
    for (place, rule), reason in listed.items():
        assert "/" in place, f"{rule} is acknowledged on a whole stack"
        assert "considered" in reason, (place, rule, reason)


def acknowledgements(application: Synthesised) -> dict[tuple[str, str], str]:
    """Construct path without the stack's name, and rule, to reason; from the metadata that the CDK writes."""
    found: dict[tuple[str, str], str] = {}
    for path in application.folder.glob("*.metadata.json"):
        entries = json.loads(path.read_text(encoding="utf-8"))
        for place, metadata in entries.items():
            for entry in metadata:
                if entry["type"] != "aws:cdk:acknowledged-rules":
                    continue
                for rule, reason in entry["data"].items():
                    if not rule.startswith("CloudFormation-Validate::"):  # the CDK's own, on its own constructs
                        named = re.sub(r"(TaskDefinition)[0-9A-F]{8}:", r"\1", rule)  # without the id's hash
                        named = re.sub(r"(inference-releases-)[^/]+", r"\1OWN", named)  # without account and region
                        found[place.lstrip("/"), named.removeprefix("AwsSolutions::")] = str(reason)
    return found


WILDCARD_DESCRIBE = "AwsSolutions-IAM5[Resource::*]"
OWN_RULES = (
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:elasticloadbalancing:<AWS::Region>:<AWS::AccountId>"
    ":listener-rule/app/*]"
)
EXECUTIONS = (
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
    ":execution:<BlueGreenRolloutStateMachine.Name>:*]"
)
TASK_DEFINITIONS = [
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>"
    f":task-definition/BlueGreenCanary{{}}{side}TaskDefinition*]"
    for side in ("Blue", "Green")
]
SCALABLE_TARGETS = (
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:application-autoscaling:<AWS::Region>:<AWS::AccountId>"
    ":scalable-target/*]"
)
SETTINGS = (
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/bluegreen/targets/*]"
)
CANARY = {
    ("BlueGreenCanary-{}/BlueGreenTrafficRules/Role", WILDCARD_DESCRIBE),
    ("BlueGreenCanary-{}/BlueGreenTrafficRules/Role", OWN_RULES),
    ("BlueGreenCanary-{}/Engine/Start/Role", WILDCARD_DESCRIBE),
    ("BlueGreenCanary-{}/Engine/Start/Role", SETTINGS),
    ("BlueGreenCanary-{}/Engine/Permissions/StartOnExecution", EXECUTIONS),
    ("BlueGreenCanary-{}/Engine/Tick/Role", WILDCARD_DESCRIBE),
    ("BlueGreenCanary-{}/Engine/Tick/Role", TASK_DEFINITIONS[0]),
    ("BlueGreenCanary-{}/Engine/Tick/Role", TASK_DEFINITIONS[1]),
    ("BlueGreenCanary-{}/Engine/Tick/Role", SCALABLE_TARGETS),
    ("BlueGreenCanary-{}/Engine/Alarm/Role", WILDCARD_DESCRIBE),
    ("BlueGreenCanary-{}/Engine/Alarm/Role", EXECUTIONS),
    ("BlueGreenCanary-{}/Engine/Role", WILDCARD_DESCRIBE),
    ("BlueGreenCanary-{}/Engine/StateMachine", "AwsSolutions-SF2"),
    ("BlueGreenCanary-{}/Inference/Routes/CandidateValue", "AwsSolutions-SMG4"),
    ("BlueGreenCanary-{}/BlueTaskDefinition/ExecutionRole", WILDCARD_DESCRIBE),
    ("BlueGreenCanary-{}/GreenTaskDefinition/ExecutionRole", WILDCARD_DESCRIBE),
    ("BlueGreenCanary-{}/BlueTaskDefinition", "AwsSolutions-ECS2"),
    ("BlueGreenCanary-{}/GreenTaskDefinition", "AwsSolutions-ECS2"),
}
SIDES_REVISIONS = [
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>"
    f":task-definition/BlueGreenSlots-{{}}-Inference-{side}:*]"
    for side in ("a", "b")
]
SLOTS = {
    ("BlueGreenSlots-{}/BlueGreenTrafficRules/Role", WILDCARD_DESCRIBE),
    ("BlueGreenSlots-{}/BlueGreenTrafficRules/Role", OWN_RULES),
    ("BlueGreenSlots-{}/BlueGreenSlots/Role", WILDCARD_DESCRIBE),
    ("BlueGreenSlots-{}/BlueGreenSlots/Role", SIDES_REVISIONS[0]),
    ("BlueGreenSlots-{}/BlueGreenSlots/Role", SIDES_REVISIONS[1]),
    ("BlueGreenSlots-{}/BlueGreenSlots/Role", SCALABLE_TARGETS),
    ("BlueGreenSlots-{}/Engine/Start/Role", WILDCARD_DESCRIBE),
    ("BlueGreenSlots-{}/Engine/Start/Role", SETTINGS),
    ("BlueGreenSlots-{}/Engine/Permissions/StartOnExecution", EXECUTIONS),
    ("BlueGreenSlots-{}/Engine/Tick/Role", WILDCARD_DESCRIBE),
    ("BlueGreenSlots-{}/Engine/Tick/Role", SIDES_REVISIONS[0]),
    ("BlueGreenSlots-{}/Engine/Tick/Role", SIDES_REVISIONS[1]),
    ("BlueGreenSlots-{}/Engine/Tick/Role", SCALABLE_TARGETS),
    ("BlueGreenSlots-{}/Engine/Alarm/Role", WILDCARD_DESCRIBE),
    ("BlueGreenSlots-{}/Engine/Alarm/Role", EXECUTIONS),
    ("BlueGreenSlots-{}/Engine/Role", WILDCARD_DESCRIBE),
    ("BlueGreenSlots-{}/Engine/StateMachine", "AwsSolutions-SF2"),
    ("BlueGreenSlots-{}/Inference/Routes/PinValue", "AwsSolutions-SMG4"),
    ("BlueGreenSlots-{}/Inference/WarmUp/Role", WILDCARD_DESCRIBE),
    ("BlueGreenSlots-{}/Inference/Slot-production/TaskDefinition/ExecutionRole", WILDCARD_DESCRIBE),
    ("BlueGreenSlots-{}/Inference/Slot-staging/TaskDefinition/ExecutionRole", WILDCARD_DESCRIBE),
    ("BlueGreenSlots-{}/Inference/Slot-production/TaskDefinition", "AwsSolutions-ECS2"),
    ("BlueGreenSlots-{}/Inference/Slot-staging/TaskDefinition", "AwsSolutions-ECS2"),
}
GROUPS = [
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:autoscaling:<AWS::Region>:<AWS::AccountId>"
    f":autoScalingGroup:*:autoScalingGroupName/<Inference{group}>]"
    for group in ("BlueInstancesGroupASG136FA56B", "GreenInstancesGroupASG6456A31A")
]
RELEASES = "AwsSolutions-IAM5[Resource::arn:aws:s3:::inference-releases-OWN/releases/*]"
LAUNCHED = "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:*/*]"
FLEET = {
    ("BlueGreenFleet-{}/BlueGreenTrafficRules/Role", WILDCARD_DESCRIBE),
    ("BlueGreenFleet-{}/BlueGreenTrafficRules/Role", OWN_RULES),
    ("BlueGreenFleet-{}/Engine/Start/Role", WILDCARD_DESCRIBE),
    ("BlueGreenFleet-{}/Engine/Start/Role", SETTINGS),
    ("BlueGreenFleet-{}/Engine/Permissions/StartOnExecution", EXECUTIONS),
    ("BlueGreenFleet-{}/Engine/Tick/Role", WILDCARD_DESCRIBE),
    ("BlueGreenFleet-{}/Engine/Tick/Role", GROUPS[0]),
    ("BlueGreenFleet-{}/Engine/Tick/Role", GROUPS[1]),
    ("BlueGreenFleet-{}/Engine/Tick/Role", LAUNCHED),
    ("BlueGreenFleet-{}/Engine/Alarm/Role", WILDCARD_DESCRIBE),
    ("BlueGreenFleet-{}/Engine/Alarm/Role", EXECUTIONS),
    ("BlueGreenFleet-{}/Engine/Role", WILDCARD_DESCRIBE),
    ("BlueGreenFleet-{}/Engine/StateMachine", "AwsSolutions-SF2"),
    ("BlueGreenFleet-{}/Inference/Routes/CandidateValue", "AwsSolutions-SMG4"),
    ("BlueGreenFleet-{}/Inference/BlueInstances/Group", "AwsSolutions-AS3"),
    ("BlueGreenFleet-{}/Inference/GreenInstances/Group", "AwsSolutions-AS3"),
    ("BlueGreenFleet-{}/Inference/InstanceRole", RELEASES),
}
EVERYWHERE = (
    CANARY
    | SLOTS
    | FLEET
    | {
        ("BlueGreenNetwork-{}/AccessLogs", "AwsSolutions-S1"),
        ("BlueGreenService-{}/BlueGreenTrafficRules/Role", WILDCARD_DESCRIBE),
        ("BlueGreenService-{}/BlueGreenTrafficRules/Role", OWN_RULES),
        ("BlueGreenService-{}/Inference/InfrastructureRole", WILDCARD_DESCRIBE),
        ("BlueGreenService-{}/Inference/TaskDefinition/ExecutionRole", WILDCARD_DESCRIBE),
    }
)
# A public load balancer is open to everybody; an internal one is tested by a function inside the VPC, as slots are
# warmed everywhere.
TESTED = ("Service", "Canary", "Fleet")
PUBLIC = {
    (f"BlueGreen{stack}-{{}}/Inference/LoadBalancer/Resource", "AwsSolutions-EC23") for stack in (*TESTED, "Slots")
}
INTERNAL = {(f"BlueGreen{stack}-{{}}/Inference/SmokeTest/Function/Role", WILDCARD_DESCRIBE) for stack in TESTED}
_JUDGE = "BlueGreenService-{}/BlueGreenEcsJudge/Function/Role"
_OF_THE_CLUSTER = (
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:{{}}/"
    "<InferenceCluster6D181EAC>/*]"
)
JUDGED = {
    (_JUDGE, WILDCARD_DESCRIBE),
    (_JUDGE, SETTINGS),
    (_JUDGE, _OF_THE_CLUSTER.format().format("service-deployment")),
    (_JUDGE, _OF_THE_CLUSTER.format().format("service-revision")),
}
_MANAGED = "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{{}}]"
_PUBLIC_IMAGES = (
    'AwsSolutions-IAM4[Policy::{{"Fn::If":["ClusterKubectlProviderHandlerHasEcrPublic6FE395CA",{{"Fn::Join":["",["arn:",'
    '{{"Ref":"AWS::Partition"}},":iam::aws:policy/AmazonElasticContainerRegistryPublicReadOnly"]]}},'
    '{{"Ref":"AWS::NoValue"}}]}}]'
)
_EKS, _KUBECTL = "BlueGreenEks-{}/Cluster/Cluster", "BlueGreenEks-{}/Cluster/Cluster/KubectlProvider"
_FUNCTIONS = ("service-role/AWSLambdaBasicExecutionRole", "service-role/AWSLambdaVPCAccessExecutionRole")
_POLICIES = {
    f"{_EKS}/Role/Resource": tuple(
        f"AmazonEKS{name}Policy" for name in ("BlockStorage", "Cluster", "Compute", "LoadBalancing", "Networking")
    ),
    f"{_EKS}/ClusternodePoolRole/Resource": ("AmazonEC2ContainerRegistryReadOnly", "AmazonEKSWorkerNodePolicy"),
    f"{_KUBECTL}/Handler/ServiceRole/Resource": (*_FUNCTIONS, "AmazonEC2ContainerRegistryReadOnly"),
    f"{_KUBECTL}/Provider/framework-onEvent/ServiceRole/Resource": _FUNCTIONS,
}
KUBERNETES = {(place, _MANAGED.format().format(name)) for place, names in _POLICIES.items() for name in names} | {
    (f"{_KUBECTL}/Handler/ServiceRole/Resource", _PUBLIC_IMAGES),
    (f"{_KUBECTL}/Handler/Resource", "AwsSolutions-L1"),
    (
        f"{_KUBECTL}/Provider/framework-onEvent/ServiceRole/DefaultPolicy/Resource",
        "AwsSolutions-IAM5[Resource::<ClusterKubectlProviderHandler93C0312D.Arn>:*]",
    ),
    ("BlueGreenEks-{}/Rollouts/Controller/Role/Resource", WILDCARD_DESCRIBE),
}
EXPECTED = {
    "rehearsal": EVERYWHERE | PUBLIC,
    "dev": EVERYWHERE | INTERNAL,
    "staging": EVERYWHERE | INTERNAL,
    "prod": EVERYWHERE | INTERNAL | JUDGED | KUBERNETES,
}


def test_no_template_names_a_live_weight_an_active_side_or_a_listener_rule(application: Synthesised) -> None:
    """I2: what a rollout changes is not in the template, so no update can put it back."""
    assert '"Weight"' not in json.dumps(application.templates)
    for template, sides in (
        (application.service, {"Blue", "Green", "InitialCandidateWeight"}),
        (application.canary, {"Blue", "Green", "InitialCandidateWeight"}),
        (application.fleet, {"Blue", "Green", "InitialCandidateWeight"}),
        (application.slots, {"Groups", "InitialGroup"}),
    ):
        asked = {"ServiceToken", "ServiceTimeout", "EventLimits", "ListenerArn", "Priority", "Conditions"}
        rules = of_kind(template, "Custom::TrafficRule")
        assert rules
        assert [set(rule) for rule in rules] == [asked | sides] * len(rules)
    assert not of_kind(application.service, LISTENER_RULE)
    assert not of_kind(application.canary, LISTENER_RULE)
    assert not of_kind(application.fleet, LISTENER_RULE)


def test_the_rules_in_the_template_of_slots_are_the_same_whatever_was_swapped(application: Synthesised) -> None:
    """Each pin is of a side and not of a slot, and the choice of a slot is answered by a function."""
    pins, choices = [], []
    for rule in of_kind(application.slots, LISTENER_RULE):
        conditions = json.dumps(rule["Conditions"])
        (pins if "x-slot-side" in conditions and "{{resolve:secretsmanager:" in conditions else choices).append(rule)
    assert len(pins) == len(of_kind(application.slots, "AWS::ECS::Service"))
    (choice,) = choices
    (action,) = choice["Actions"]
    assert application.slots["Resources"][action["TargetGroupArn"]["Ref"]]["Properties"]["TargetType"] == "lambda"


def test_the_template_of_slots_knows_neither_what_a_side_runs_nor_how_many_tasks(application: Synthesised) -> None:
    services = of_kind(application.slots, "AWS::ECS::Service")
    families = {one["TaskDefinition"] for one in services}
    assert families == {f"BlueGreenSlots-{application.environment}-Inference-{side}" for side in ("a", "b")}
    assert not families & {one["Family"] for one in of_kind(application.slots, "AWS::ECS::TaskDefinition")}
    assert not [one for one in services if "DesiredCount" in one]
    assert not of_kind(application.slots, "AWS::ApplicationAutoScaling::ScalableTarget")


LISTENER_RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"


def of_kind(template: dict, kind: str) -> list[dict]:
    """The properties of the resources of that type."""
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == kind]


def test_a_release_changes_the_task_definition_and_nothing_else() -> None:
    before, after = synthesise("prod", "1.0.0"), synthesise("prod", "1.0.1")
    assert before.network == after.network
    assert before.canary == after.canary  # whose releases come with `bluegreen start`
    assert before.slots == after.slots  # whose releases come with `bluegreen slots deploy`
    changed = {
        resource["Type"]
        for name, resource in after.service["Resources"].items()
        if before.service["Resources"].get(name) != resource
    }
    assert changed == {"AWS::ECS::TaskDefinition"}


def test_a_release_changes_the_manifest_of_the_service_in_the_cluster_and_nothing_else() -> None:
    before, after = synthesise("prod", "1.0.0").eks["Resources"], synthesise("prod", "1.0.1").eks["Resources"]
    (changed,) = (name for name in after if before.get(name) != after[name])
    assert changed.startswith("ArgoServiceInferenceInference")
    was, became = (json.dumps(one[changed]["Properties"]["Manifest"]) for one in (before, after))
    assert was.replace("1.0.0", "1.0.1") == became


@pytest.mark.parametrize("environment", list(ENVIRONMENTS))
def test_the_same_application_synthesises_to_the_same_bytes(environment: str) -> None:
    first = synthesise(environment).templates
    synthesise.cache_clear()
    assert synthesise(environment).templates == first


class TestStrictAccounts:
    """What accounts with rules of their own ask for."""

    @staticmethod
    def built(monkeypatch: pytest.MonkeyPatch, **changes: object) -> dict[str, dict]:
        place = replace(ENVIRONMENTS["dev"], name="strict", **changes)
        monkeypatch.setattr(environments, "ENVIRONMENTS", {"strict": place})
        synthesise.cache_clear()
        try:
            return synthesise("strict").templates
        finally:
            synthesise.cache_clear()

    def test_every_role_has_the_permissions_boundary_and_the_path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        templates = self.built(monkeypatch, permissions_boundary="TeamBoundary", role_path="/delivery/")
        roles = [r for t in templates.values() for r in t["Resources"].values() if r["Type"] == "AWS::IAM::Role"]
        assert len(roles) > 5
        for role in roles:
            assert role["Properties"]["Path"] == "/delivery/"
            assert "TeamBoundary" in json.dumps(role["Properties"]["PermissionsBoundary"])

    def test_the_tags_of_an_environment_reach_its_resources(self, monkeypatch: pytest.MonkeyPatch) -> None:
        templates = self.built(monkeypatch, tags={"cost-centre": "4711"})
        (service,) = [
            r for r in templates["BlueGreenService-strict"]["Resources"].values() if r["Type"] == "AWS::ECS::Service"
        ]
        assert {"Key": "cost-centre", "Value": "4711"} in service["Properties"]["Tags"]

    def test_a_custom_bootstrap_qualifier_reaches_every_stack(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for template in self.built(monkeypatch, qualifier="team1").values():
            assert "/cdk-bootstrap/team1/version" in json.dumps(template["Parameters"])

    def test_a_private_network_has_endpoints_instead_of_gateways(self, monkeypatch: pytest.MonkeyPatch) -> None:
        templates = self.built(monkeypatch, network=NewNetwork(egress="endpoints"))
        types = [r["Type"] for r in templates["BlueGreenNetwork-strict"]["Resources"].values()]
        assert types.count("AWS::EC2::VPCEndpoint") == 5
        assert "AWS::EC2::NatGateway" not in types

    def test_an_existing_network_is_used_without_a_look_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        templates = self.built(
            monkeypatch,
            account="123456789012",
            network=ExistingNetwork(
                vpc_id="vpc-1",
                cidr="10.1.0.0/16",
                zones=("a", "b"),
                public_subnets=("subnet-1", "subnet-2"),
                private_subnets=("subnet-3", "subnet-4"),
            ),
        )
        types = {r["Type"] for r in templates["BlueGreenNetwork-strict"]["Resources"].values()}
        assert "AWS::EC2::VPC" not in types
        (service,) = [
            r for r in templates["BlueGreenService-strict"]["Resources"].values() if r["Type"] == "AWS::ECS::Service"
        ]
        assert service["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"] == [
            "subnet-3",
            "subnet-4",
        ]

    def test_tasks_in_a_default_vpc_get_public_addresses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        templates = self.built(
            monkeypatch,
            network=ExistingNetwork(
                vpc_id="vpc-1", cidr="172.31.0.0/16", zones=("a", "b"), public_subnets=("subnet-1", "subnet-2")
            ),
            service=replace(ENVIRONMENTS["dev"].service, internet_facing=True, plain_http=True),
        )
        (service,) = [
            r for r in templates["BlueGreenService-strict"]["Resources"].values() if r["Type"] == "AWS::ECS::Service"
        ]
        assert service["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "ENABLED"


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("production", "choose one of rehearsal, dev, staging, prod"),
            (None, "no environment is given"),
            (7, "the environment is 7"),
        ],
    )
    def test_a_wrong_environment_is_refused_with_the_list(self, name: object, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            chosen(name)

    @pytest.mark.parametrize("release", [7, "", "a b", "sha256:12", "-1"])
    def test_a_release_that_is_no_tag_and_no_digest_is_refused(self, release: object) -> None:
        with pytest.raises(ConfigurationError, match="the image's tag or its sha256 digest"):
            build(cdk.App(), environment="dev", release=release)

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: NewNetwork(zones=1), "give 2 or 3"),
            (
                lambda: ExistingNetwork(vpc_id="vpc-1", cidr="10.0.0.0/16", zones=("a",), public_subnets=("s",)),
                "two zones",
            ),
            (lambda: ExistingNetwork(vpc_id="vpc-1", cidr="10.0.0.0/16", zones=("a", "b")), "no subnets"),
            (
                lambda: ExistingNetwork(vpc_id="vpc-1", cidr="10.0.0.0/16", zones=("a", "b"), public_subnets=("s",)),
                "one for each zone",
            ),
            (
                lambda: ExistingNetwork(
                    vpc_id="vpc-1", cidr="10.0.0.0/16", zones=("a", "b"), private_subnets=("s", "t"), egress="none"
                ),
                "without a gateway or endpoints",
            ),
            (lambda: Environment(name="x", region="eu-west-1", role_path="delivery"), "start and end it with /"),
        ],
    )
    def test_networks_and_roles_that_cannot_work_are_refused(self, make: object, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()


def test_without_a_release_the_template_names_an_image_that_does_not_exist() -> None:
    app = cdk.App(context=settings())
    build(app, environment="prod", release=None)
    service = next(node for node in app.node.children if "Service" in node.node.id)
    assert "no-release-given" in json.dumps(cdk.assertions.Template.from_stack(service).to_json())
    cdk.assertions.Annotations.from_stack(service).has_warning(
        "*", cdk.assertions.Match.string_like_regexp("add -c release")
    )


def test_production_is_protected_and_keeps_its_logs() -> None:
    prod = synthesise("prod")
    manifest = json.loads((prod.folder / "manifest.json").read_text(encoding="utf-8"))
    stacks = [one for one in manifest["artifacts"].values() if one["type"] == "aws:cloudformation:stack"]
    assert [one["properties"].get("terminationProtection") for one in stacks] == [True] * 6
    (bucket,) = prod.resources("AWS::S3::Bucket").values()
    assert bucket["DeletionPolicy"] == "Retain"
    assert ENVIRONMENTS["prod"].protected


@pytest.mark.parametrize(("environment", "policy"), [("prod", "RetainExceptOnCreate"), ("dev", "Delete")])
def test_a_protected_environment_keeps_the_tables_of_its_engines(environment: str, policy: str) -> None:
    made = synthesise(environment)
    for template in (made.canary, made.slots):
        (table,) = (one for one in template["Resources"].values() if one["Type"] == "AWS::DynamoDB::Table")
        assert table["DeletionPolicy"] == policy


def test_environments_are_frozen_values() -> None:
    with pytest.raises(AttributeError):
        ENVIRONMENTS["prod"].service.bake = timedelta(0)


@pytest.mark.cdk_cli
class TestTheRealCli:
    """The CDK CLI itself, without credentials and without a network."""

    @staticmethod
    def cdk(*arguments: str, output: Path, validation: str = "false") -> subprocess.CompletedProcess[str]:
        node = Path(sys.prefix) / "node" / "bin" / "node"
        cli = ROOT / ".toolchain" / "node_modules" / "aws-cdk" / "bin" / "cdk"
        return subprocess.run(
            [node, cli, *arguments, "--output", str(output), "--no-notices", "--no-color", "--no-lookups"],
            cwd=ROOT,
            env={
                "PATH": f"{node.parent}:/usr/bin:/bin",
                "HOME": str(output),
                "AWS_EC2_METADATA_DISABLED": "true",
                "CDK_VALIDATION": validation,
                "CDK_DISABLE_CLI_TELEMETRY": "true",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    # The other two differ in their numbers only, and every environment is synthesised and linted above.
    @pytest.mark.parametrize(
        "environment",
        [pytest.param(one, marks=[] if one == "prod" else [pytest.mark.thorough]) for one in ENVIRONMENTS],
    )
    def test_synth_and_offline_diff_work_without_credentials(self, environment: str, tmp_path: Path) -> None:
        # With the CDK's own linter, which the other tests leave out.
        chosen_by = ("--context", f"environment={environment}", "--context", "release=1.4.2")
        made = self.cdk("synth", "--quiet", *chosen_by, output=tmp_path, validation="true")
        assert made.returncode == 0, made.stderr
        assert "WARNING" not in made.stderr
        for stack in ("Network", "Service", "Canary", "Slots", "Fleet"):
            name = f"BlueGreen{stack}-{environment}"
            template = str(tmp_path / f"{name}.template.json")
            compared = self.cdk(
                "diff", name, "--exclusively", "--template", template, "--app", str(tmp_path), output=tmp_path
            )
            assert compared.returncode == 0, compared.stderr
            assert "There were no differences" in compared.stdout + compared.stderr

    def test_a_wrong_environment_ends_with_one_sentence_and_no_traceback(self, tmp_path: Path) -> None:
        made = self.cdk("synth", "--quiet", "--context", "environment=production", output=tmp_path)
        assert made.returncode != 0
        assert "refused: the environment is 'production': choose one of rehearsal, dev, staging, prod" in made.stderr
        assert "Traceback" not in made.stderr
