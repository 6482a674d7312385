"""What an account gives another one's pipeline: roles that one role there takes on, for the named stacks only."""

import json
import re
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from bluegreen_constructs import stack_deploy
from bluegreen_constructs.account_roles import AccountRoles
from bluegreen_constructs.deployment_roles import DeploymentRoles
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.canary_service import ENV, FLAGS, flat, new_stack
from tests.nag_findings import acknowledgements, findings, lint

HERE, PIPELINE = "210987654321", ENV.account or ""
P = "arn:<AWS::Partition>"


def stack_there(app: cdk.App | None = None, name: str = "Access", account: str = HERE) -> cdk.Stack:
    env = cdk.Environment(account=account, region="eu-west-1")
    return cdk.Stack(app or cdk.App(context=FLAGS), name, env=env)


def roles(stack: cdk.Stack | None = None, id: str = "Roles", **options: object) -> DeploymentRoles:
    given: dict[str, object] = {
        "roles": AccountRoles(HERE),
        "pipeline_account": PIPELINE,
        "pipeline_role": "delivery-pipeline",
        "stacks": ["Service-prod", "Network-prod"],
        **options,
    }
    return DeploymentRoles(stack or stack_there(), id, **given)  # type: ignore[arg-type]


def made(of: DeploymentRoles) -> dict[str, dict]:
    found = Template.from_stack(cdk.Stack.of(of)).find_resources("AWS::IAM::Role").values()
    return {one["Properties"]["RoleName"]: plain(one["Properties"]) for one in found}


def plain(value: object) -> object:
    """With references written as texts."""
    match value:
        case {"Fn::Join": _} | {"Ref": _} | {"Fn::GetAtt": _}:
            return flat(value)
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{(.+?)\}", r"<\1>", text)
        case dict():
            return {key: plain(one) for key, one in value.items()}
        case list():
            return [plain(one) for one in value]
    return value


def statements(role: dict) -> dict[str, dict]:
    (policy,) = role["Policies"]
    found = policy["PolicyDocument"]["Statement"]
    assert {one["Effect"] for one in found} == {"Allow"}
    return {one["Sid"]: one for one in found}


def test_the_role_is_taken_on_by_the_pipelines_role_which_need_not_exist_yet() -> None:
    role = made(roles())["bluegreen-delivery"]
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"{P}:iam::{PIPELINE}:root"},
            "Condition": {"ArnEquals": {"aws:PrincipalArn": f"{P}:iam::{PIPELINE}:role/delivery-pipeline"}},
        }
    ]


def test_it_deploys_the_named_stacks_by_the_change_sets_of_a_stack_deploy_and_no_others() -> None:
    allowed = statements(made(roles(regions=["eu-west-1", "us-east-1"]))["bluegreen-delivery"])
    arns = [
        f"{P}:cloudformation:{region}:{HERE}:stack/{stack}/*"
        for region in ("eu-west-1", "us-east-1")
        for stack in ("Service-prod", "Network-prod")
    ]
    names = "cloudformation:ChangeSetName"
    assert set(allowed) == {
        "PrepareChangeSets",
        "ExecuteTheOneThatIsDeployed",
        "SeeTheStacks",
        "PassTheRoleThatDeploys",
        "ReadArtefacts",
        "DecryptArtefacts",
    }
    for sid in ("PrepareChangeSets", "ExecuteTheOneThatIsDeployed", "SeeTheStacks"):
        assert allowed[sid]["Resource"] == arns
    deployed, reviewed = stack_deploy._CHANGE_SET, stack_deploy._REVIEW
    assert allowed["PrepareChangeSets"]["Condition"] == {"StringEqualsIfExists": {names: [deployed, reviewed]}}
    executed = allowed["ExecuteTheOneThatIsDeployed"]
    assert (executed["Action"], executed["Condition"]) == (
        ["cloudformation:ExecuteChangeSet"],
        {"StringEqualsIfExists": {names: deployed}},
    )


def test_cloudformation_deploys_with_the_bootstraps_role_unless_another_one_is_named() -> None:
    for given, name in (
        (AccountRoles(HERE), f"cdk-hnb659fds-cfn-exec-role-{HERE}-eu-west-1"),
        (AccountRoles(HERE, qualifier="ours"), f"cdk-ours-cfn-exec-role-{HERE}-eu-west-1"),
        (AccountRoles(HERE, cloudformation_role="deploys"), "deploys"),
    ):
        found = made(roles(roles=given))
        assert set(found) == {"bluegreen-delivery"}
        passed = statements(found["bluegreen-delivery"])["PassTheRoleThatDeploys"]
        assert passed["Action"] == ["iam:PassRole"]
        assert passed["Resource"] == [f"{P}:iam::{HERE}:role/{name}"]
        assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}


def test_a_role_for_cloudformation_is_made_of_the_given_policies() -> None:
    stack = stack_there()
    policy = iam.ManagedPolicy(
        stack, "Policy", statements=[iam.PolicyStatement(actions=["ecs:UpdateService"], resources=["arn:aws:ecs:x"])]
    )
    given = AccountRoles(HERE, cloudformation_role="deploys")
    found = made(roles(stack, roles=given, cloudformation_policies=[policy]))
    (trust,) = found["deploys"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "cloudformation.amazonaws.com"}
    assert len(found["deploys"]["ManagedPolicyArns"]) == 1
    (passed,) = statements(found["bluegreen-delivery"])["PassTheRoleThatDeploys"]["Resource"]
    assert passed.endswith(".Arn>")


def test_it_reads_what_lies_in_the_pipelines_account_and_lets_it_in() -> None:
    allowed = statements(made(roles(regions=["eu-west-1", "us-east-1"]))["bluegreen-delivery"])
    read, decrypt = allowed["ReadArtefacts"], allowed["DecryptArtefacts"]
    assert read["Resource"] == [f"{P}:s3:::*"]
    assert read["Condition"] == {"StringEquals": {"aws:ResourceAccount": PIPELINE}}
    assert not [action for action in read["Action"] if "Put" in action or "Delete" in action]
    assert decrypt["Resource"] == [f"{P}:kms:{region}:{PIPELINE}:key/*" for region in ("eu-west-1", "us-east-1")]
    via = ["s3.eu-west-1.amazonaws.com", "s3.us-east-1.amazonaws.com"]
    assert decrypt["Condition"] == {"StringEquals": {"kms:ViaService": via}}


def test_it_reads_one_bucket_with_one_key_when_they_are_known() -> None:
    key = f"arn:aws:kms:eu-west-1:{PIPELINE}:key/0123-4567"
    given = roles(artefact_buckets=["arn:aws:s3:::artefacts"], artefact_keys=[key])
    allowed = statements(made(given)["bluegreen-delivery"])
    assert allowed["ReadArtefacts"]["Resource"] == ["arn:aws:s3:::artefacts", "arn:aws:s3:::artefacts/*"]
    assert allowed["DecryptArtefacts"]["Resource"] == [key]


def test_a_bake_elsewhere_reads_alarms_here_when_it_is_asked_for() -> None:
    assert set(made(roles())) == {"bluegreen-delivery"}
    role = made(roles(bake_roles=["bakes"]))["bluegreen-alarms"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"ArnEquals": {"aws:PrincipalArn": [f"{P}:iam::{PIPELINE}:role/bakes"]}}
    assert statements(role)["ReadAlarms"]["Action"] == ["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"]
    assert "watching" in made(roles(bake_roles=["bakes"], alarms_role="watching"))


def test_the_names_are_those_that_the_pipeline_knows() -> None:
    given = AccountRoles(HERE, action_role="ours")
    assert set(made(roles(roles=given))) == {"ours"}
    assert given.action_role_arn.endswith(f":iam::{HERE}:role/ours")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pipeline_account": HERE}, "which is the pipeline's own: leave it out"),
        ({"pipeline_account": "delivery"}, "give its twelve digits"),
        ({"pipeline_role": "arn:aws:iam::123456789012:role/x"}, "give the role's name, not its ARN"),
        ({"pipeline_role": "*"}, "give the role's name"),
        ({"stacks": []}, "give a list of the names"),
        ({"stacks": "Service"}, "give a list of the names"),
        ({"stacks": ["Service-*"]}, "give a stack's name, without wildcards"),
        ({"regions": ["Ireland"]}, "give its name, such as 'eu-west-1'"),
        ({"regions": ["*"]}, "give its name, such as"),
        ({"artefact_buckets": ["artefacts"]}, "the artefact bucket 'artefacts': give its ARN"),
        ({"artefact_buckets": ["arn:aws:s3:::*"]}, "give its ARN"),
        ({"artefact_buckets": "arn:aws:s3:::artefacts"}, "give a list of ARNs"),
        ({"artefact_keys": ["alias/artefacts"]}, "the artefact key 'alias/artefacts': give its ARN"),
        ({"bake_roles": ["*"]}, "give its name, not its ARN"),
        ({"bake_roles": ["bakes"], "alarms_role": ""}, "give its name, not its ARN"),
        ({"roles": AccountRoles("999999999999")}, f"in a stack of account {HERE}, and its roles are of 999999999999"),
    ],
)
def test_what_would_let_in_too_many_or_nobody_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said.replace("*", r"\*")):
        roles(**options)


def test_policies_without_a_role_to_hold_them_are_refused() -> None:
    stack = stack_there()
    policy = iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess")
    with pytest.raises(ConfigurationError, match=r"give AccountRoles\(cloudformation_role="):
        roles(stack, cloudformation_policies=[policy])


@cache
def checked() -> tuple[Path, frozenset[tuple[str, str]], dict[tuple[str, str], str]]:
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder), context=FLAGS)
    s3.Bucket(new_stack("Planted", app), "Open")
    stack = stack_there(app)
    roles(stack, bake_roles=["bakes"], regions=["eu-west-1", "us-east-1"])
    key = f"arn:aws:kms:eu-west-1:{PIPELINE}:key/0123-4567"
    known = AccountRoles(HERE, action_role="known")
    roles(stack, "Known", roles=known, artefact_buckets=["arn:aws:s3:::artefacts"], artefact_keys=[key])
    found = findings(app)
    return folder, found, dict(acknowledgements(folder / "Access.metadata.json"))


def test_they_are_clean_under_cdk_nag_with_wildcards_that_are_argued() -> None:
    _, found, acknowledged = checked()
    assert {place for place, _ in found if place.startswith("Planted/")}
    assert sorted(one for one in found if not one[0].startswith("Planted/")) == []
    assert all("considered" in reason for reason in acknowledged.values())
    by_place: dict[str, set[str]] = {}
    for place, rule in acknowledged:
        by_place.setdefault(place, set()).add(rule.partition("Resource::")[2].rstrip("]"))
    assert by_place["Access/Roles/Alarms"] == {"*"}
    assert by_place["Access/Known/Action"] == {
        "arn:aws:s3:::artefacts/*",
        *(f"{P}:cloudformation:eu-west-1:{HERE}:stack/{name}/*" for name in ("Service-prod", "Network-prod")),
    }
    assert f"{P}:s3:::*" in by_place["Access/Roles/Action"]


def test_they_are_clean_under_cfn_lint() -> None:
    folder = checked()[0]
    assert lint([folder / "Access.template.json"]) == (0, "")
    assert json.loads((folder / "Access.template.json").read_text(encoding="utf-8"))["Resources"]
