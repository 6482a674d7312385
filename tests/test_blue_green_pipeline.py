"""BlueGreenPipeline: the whole stage graph, what becomes of a red stage, and with which roles it acts."""

import json
from copy import deepcopy

import aws_cdk as cdk
import pytest
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_ecr as ecr

from bluegreen_constructs import (
    AccountRoles,
    AppAssembly,
    BlueGreenPipeline,
    CodeBuildImage,
    CodeCommitSource,
    DeliveryStage,
    DeployWindow,
    EcrPush,
    EngineRollout,
    ExecutionMode,
    ImageRepository,
    StackDeploy,
    StageApproval,
    Together,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.codepipeline_model import objections
from tests.delivered_stacks import (
    DIGEST,
    ENV,
    action,
    canary,
    code,
    flat,
    graph,
    new_app,
    pipeline,
    properties,
    released_stack,
    repository_in,
    stage,
    statements,
    template,
    whole,
)

FAR = cdk.Environment(account="210987654321", region="us-east-1")


def test_an_image_goes_through_the_stages_in_their_order() -> None:
    assert graph(whole()) == {
        "Source": [(1, "Image", "ECR"), (1, "Source", "CodeCommit")],
        "Synth": [(1, "Synth", "CodeBuild"), (2, "Assets", "CodeBuild")],
        "Dev": [(1, "Prediction.Prepare", "CloudFormation"), (2, "Prediction.Deploy", "CloudFormation")],
        "Staging": [(1, "Serving-Model.Rollout", "StepFunctions")],
        "ReviewProd": [
            (1, "Production.Changes", "CloudFormation"),
            (2, "Changes", "Commands"),
            (3, "Approve", "Manual"),
        ],
        "Prod": [
            (1, "Production.Prepare", "CloudFormation"),
            (2, "Production.Deploy", "CloudFormation"),
            (3, "Web-Web.staging.Deploy", "StepFunctions"),
            (4, "Web-Web.staging.Swap", "StepFunctions"),
        ],
    }


def test_codepipelines_own_model_objects_to_nothing() -> None:
    assert objections(dict(properties(whole()))) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("Configuration", "TemplatePath"), "x" * 1001, "has 1001, and the API takes 1 to 1000"),
        (("Name",), "a name", "does not match"),
        (("ActionTypeId", "Category"), "Deployment", "is none of"),
        (("Colour",), "green", "has no member colour"),
    ],
)
def test_and_it_would(path: tuple[str, ...], value: str, said: str) -> None:
    told = deepcopy(dict(properties(whole())))
    place = told["Stages"][3]["Actions"][0]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (objection,) = objections(told)
    assert said in objection


def test_the_pipeline_is_of_type_v2_and_says_what_a_newer_execution_does() -> None:
    told = properties(whole())
    assert told["PipelineType"] == "V2"
    assert told["ExecutionMode"] == "SUPERSEDED"
    assert told["RestartExecutionOnUpdate"] is False


def test_a_pipeline_can_update_itself_first_and_begins_anew_then() -> None:
    app = new_app()
    stack = cdk.Stack(app, "Sources", env=ENV)
    stages = [DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))])]
    build = CodeBuildImage(repository_in(stack))
    told = template(pipeline(app, stages, sources=[code(stack)], build=build, self_mutating=True))
    assert list(graph(told)) == ["Source", "Build", "Synth", "UpdatePipeline", "Dev"]
    assert graph(told)["UpdatePipeline"] == [
        (1, "Delivery.Prepare", "CloudFormation"),
        (2, "Delivery.Deploy", "CloudFormation"),
    ]
    assert properties(told)["RestartExecutionOnUpdate"] is True


def test_executions_can_wait_for_their_turn() -> None:
    app = new_app()
    stages = [DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))])]
    told = properties(template(pipeline(app, stages, execution_mode=ExecutionMode.QUEUED)))
    assert told["ExecutionMode"] == "QUEUED"


def test_a_stage_that_fails_deploys_the_former_release_again_and_the_question_before_it_does_not() -> None:
    rolled_back = {one["Name"] for one in properties(whole())["Stages"] if one.get("OnFailure")}
    assert rolled_back == {"Dev", "Staging", "Prod"}
    assert stage(whole(), "Dev")["OnFailure"] == {"Result": "ROLLBACK"}


def test_a_stage_can_be_left_as_it_failed() -> None:
    app = new_app()
    stages = [DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))], rolls_back=False)]
    assert "OnFailure" not in stage(template(pipeline(app, stages)), "Dev")


def test_a_window_is_asked_before_the_stage_and_stops_the_execution_outside_of_it() -> None:
    app = new_app()
    window = DeployWindow("* * 9-16 ? * MON-THU", time_zone="Europe/Berlin")
    stages = [DeliveryStage("Prod", deploys=[StackDeploy(released_stack(app))], window=window)]
    (condition,) = stage(template(pipeline(app, stages)), "Prod")["BeforeEntry"]["Conditions"]
    assert condition["Result"] == "FAIL"
    (rule,) = condition["Rules"]
    assert rule["RuleTypeId"]["Provider"] == "DeploymentWindow"
    assert rule["Configuration"] == {"Cron": "* * 9-16 ? * MON-THU", "TimeZone": "Europe/Berlin"}


def test_the_regions_of_a_wave_are_deployed_together_and_the_next_wave_after_them() -> None:
    app = new_app()
    ireland, virginia, oregon = (
        released_stack(app, name, cdk.Environment(account=ENV.account, region=region))
        for name, region in (("Ireland", "eu-west-1"), ("Virginia", "us-east-1"), ("Oregon", "us-west-2"))
    )
    told = template(
        pipeline(
            app,
            [
                DeliveryStage("First", deploys=[StackDeploy(ireland)]),
                DeliveryStage("Others", deploys=[Together(StackDeploy(virginia), StackDeploy(oregon))]),
            ],
        )
    )
    assert graph(told)["Others"] == [
        (1, "Oregon.Prepare", "CloudFormation"),
        (1, "Virginia.Prepare", "CloudFormation"),
        (2, "Oregon.Deploy", "CloudFormation"),
        (2, "Virginia.Deploy", "CloudFormation"),
    ]
    assert list(graph(told)).index("First") < list(graph(told)).index("Others")
    assert action(told, "Others", "Virginia.Deploy")["Region"] == "us-east-1"
    assert "Region" not in action(told, "First", "Ireland.Deploy")


def test_what_acts_in_another_region_may_use_the_one_key_there_by_its_alias() -> None:
    """A policy cannot name an alias as its resource: KMS would refuse every deploy there."""
    app = new_app()
    far = released_stack(app, "Far", cdk.Environment(account=ENV.account, region="us-east-1"))
    told = template(pipeline(app, [DeliveryStage("Dev", deploys=[StackDeploy(far)])]))
    used = [one for one in statements(told, "StageDevRole") if "kms:Decrypt" in one["Action"]]
    assert [flat(one["Resource"]) for one in used] == ["arn:<AWS::Partition>:kms:us-east-1:<AWS::AccountId>:key/*"]
    assert [list(one["Condition"]["ForAnyValue:StringEquals"]) for one in used] == [["kms:ResourceAliases"]]
    resources = [flat(one["Resource"]) for one in statements(told, "Role")]
    assert not [one for one in resources if ":alias/" in one]


def test_what_writes_artefacts_may_write_them_in_parts() -> None:
    used = next(one for one in statements(whole(), "SourceSourceRole") if "kms:GenerateDataKey" in one["Action"])
    assert "kms:Decrypt" in used["Action"]


def test_the_pipeline_waits_for_what_its_actions_may_do() -> None:
    (made,) = (one for one in whole()["Resources"].values() if one["Type"] == "AWS::CodePipeline::Pipeline")
    policies = {name for name, one in whole()["Resources"].items() if one["Type"] == "AWS::IAM::Policy"}
    assert policies <= set(made["DependsOn"])


def test_what_follows_a_wave_in_its_stage_waits_for_all_of_it() -> None:
    app = new_app()
    one, two, three = (released_stack(app, name) for name in ("One", "Two", "Three"))
    told = template(
        pipeline(
            app, [DeliveryStage("Dev", deploys=[Together(StackDeploy(one), StackDeploy(two)), StackDeploy(three)])]
        )
    )
    assert [order for order, name, _ in graph(told)["Dev"] if name == "Three.Prepare"] == [3]


class TestRoles:
    """Nobody but the pipeline acts with them, and none may more than it needs."""

    def test_each_role_of_an_action_trusts_the_pipelines_role_and_nobody_else(self) -> None:
        roles = {name: one for name, one in whole()["Resources"].items() if one["Type"] == "AWS::IAM::Role"}
        (own,) = (name for name in roles if name.startswith("PipelineRole"))
        used = {one["RoleArn"]["Fn::GetAtt"][0] for stage in properties(whole())["Stages"] for one in stage["Actions"]}
        assert used
        for name in used:
            (trust,) = roles[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            assert trust["Principal"] == {"AWS": {"Fn::GetAtt": [own, "Arn"]}}
            assert trust["Action"] == "sts:AssumeRole"

    def test_every_action_has_such_a_role(self) -> None:
        assert all("RoleArn" in one for stage in properties(whole())["Stages"] for one in stage["Actions"])

    def test_no_role_trusts_a_whole_account(self) -> None:
        for name, one in whole()["Resources"].items():
            if one["Type"] == "AWS::IAM::Role":
                assert ":root" not in json.dumps(one["Properties"]["AssumeRolePolicyDocument"]), name

    def test_the_pipeline_may_take_on_the_roles_of_its_actions_and_no_other(self) -> None:
        taken = {
            json.dumps(resource)
            for one in statements(whole(), "PipelineRoleDefaultPolicy")
            if one["Action"] == "sts:AssumeRole"
            for resource in ([one["Resource"]] if isinstance(one["Resource"], dict) else one["Resource"])
        }
        used = {json.dumps(one["RoleArn"]) for stage in properties(whole())["Stages"] for one in stage["Actions"]}
        assert taken == used

    def test_no_statement_of_a_role_has_an_action_by_wildcard_or_is_on_all_resources(self) -> None:
        for name, one in whole()["Resources"].items():
            if one["Type"] not in {"AWS::IAM::Policy", "AWS::IAM::Role"}:
                continue
            documents = [one["Properties"].get("PolicyDocument", {"Statement": []})]
            documents += [policy["PolicyDocument"] for policy in one["Properties"].get("Policies", [])]
            for document in documents:
                for statement in document["Statement"]:
                    assert "*" not in flat(statement["Action"]), name
                    assert statement["Resource"] != "*", name


@pytest.fixture(scope="module")
def abroad() -> cdk.App:
    app = new_app()
    stages = [DeliveryStage("Prod", deploys=[StackDeploy(released_stack(app, "Far", FAR))])]
    pipeline(app, stages, accounts=[AccountRoles("210987654321")], role_name="delivery")
    return app


@pytest.fixture(scope="module")
def told(abroad: cdk.App) -> dict:
    return abroad.synth().get_stack_by_name("Delivery").template


class TestOtherAccounts:
    """A stage in another account and region acts with the one role there, and its artefacts are copied there."""

    def test_the_action_runs_with_the_role_there(self, told: dict) -> None:
        role = flat(action(told, "Prod", "Far.Deploy")["RoleArn"])
        assert role == "arn:<AWS::Partition>:iam::210987654321:role/bluegreen-delivery"

    def test_cloudformation_deploys_with_the_bootstraps_role_there(self, told: dict) -> None:
        role = flat(action(told, "Prod", "Far.Prepare")["Configuration"]["RoleArn"])
        assert role.endswith(":iam::210987654321:role/cdk-hnb659fds-cfn-exec-role-210987654321-us-east-1")

    def test_the_pipeline_may_take_it_on(self, told: dict) -> None:
        taken = [flat(one["Resource"]) for one in statements(told, "PipelineRole") if one["Action"] == "sts:AssumeRole"]
        assert any("210987654321:role/bluegreen-delivery" in one for one in taken)

    def test_nobody_of_the_pipelines_account_gets_rights_there(self, told: dict) -> None:
        assert "cloudformation" not in json.dumps(statements(told, "StageProd"))

    def test_only_the_one_key_of_the_other_region_is_used(self, told: dict) -> None:
        (used,) = (
            one
            for one in statements(told, "PipelineRole")
            if "kms:Decrypt" in one["Action"] and "us-east-1" in flat(one["Resource"])
        )
        assert flat(used["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"]).startswith("alias/")

    def test_the_bucket_there_is_encrypted_versioned_and_forgets(self, abroad: cdk.App) -> None:
        support = next(one for one in abroad.synth().stacks if "support-us-east-1" in one.stack_name).template
        (bucket,) = (one["Properties"] for one in support["Resources"].values() if one["Type"] == "AWS::S3::Bucket")
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["LifecycleConfiguration"]["Rules"]
        (key,) = (one["Properties"] for one in support["Resources"].values() if one["Type"] == "AWS::KMS::Key")
        assert key["EnableKeyRotation"] is True

    def test_an_account_without_roles_is_refused(self) -> None:
        app = new_app()
        stages = [DeliveryStage("Prod", deploys=[StackDeploy(released_stack(app, "Far", FAR))])]
        with pytest.raises(ConfigurationError, match="in account 210987654321, where the pipeline has no roles"):
            pipeline(app, stages)

    def test_accounts_that_trust_a_name_need_one(self) -> None:
        app = new_app()
        stages = [DeliveryStage("Prod", deploys=[StackDeploy(released_stack(app, "Far", FAR))])]
        with pytest.raises(ConfigurationError, match="whose roles trust the pipeline's by its name: give role_name="):
            pipeline(app, stages, accounts=[AccountRoles("210987654321")])

    def test_one_account_twice_is_refused(self) -> None:
        app = new_app()
        stages = [DeliveryStage("Prod", deploys=[StackDeploy(released_stack(app, "Far", FAR))])]
        twice = [AccountRoles("210987654321"), AccountRoles("210987654321", "other")]
        with pytest.raises(ConfigurationError, match="two AccountRoles of one account"):
            pipeline(app, stages, accounts=twice, role_name="delivery")

    def test_the_role_has_the_name_that_the_accounts_trust(self, told: dict) -> None:
        names = [one["Properties"].get("RoleName") for one in told["Resources"].values() if "RoleName" in str(one)]
        assert "delivery" in names

    def test_a_pipeline_whose_place_is_not_known_cannot_deploy_to_a_known_one(self) -> None:
        app = new_app()
        stack = cdk.Stack(app, "Somewhere")
        stages = [DeliveryStage("Prod", deploys=[StackDeploy(released_stack(app))])]
        with pytest.raises(ConfigurationError, match="whose own place is not known: give the pipeline's stack env="):
            BlueGreenPipeline(
                stack,
                "Pipeline",
                sources=[EcrPush(repository_in(stack)), code(stack)],
                app=AppAssembly(),
                stages=stages,
            )

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: AccountRoles("123"), "give its twelve digits"),
            (lambda: AccountRoles("210987654321", "arn:aws:iam::1:role/x"), "give its name, not its ARN"),
        ],
    )
    def test_what_is_no_account_and_no_role_is_refused(self, make: object, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()  # type: ignore[operator]


class TestRefusals:
    """What CodePipeline would refuse or fail at is refused at synth, in one sentence."""

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"sources": []}, "has the sources none: give one or more"),
            ({"stages": []}, "has no stages: give one or more"),
            ({"build_source": "Source"}, "has build_source and nothing to build"),
            ({"app": None, "self_mutating": True}, "is self_mutating and synthesises no app"),
        ],
    )
    def test_a_pipeline_without_what_it_needs(self, changes: dict, said: str) -> None:
        app = new_app()
        stages = [DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))])]
        with pytest.raises(ConfigurationError, match=said):
            pipeline(app, changes.pop("stages", stages), **changes)

    def test_a_build_into_the_repository_whose_pushes_start_it(self) -> None:
        app = new_app()
        stack = cdk.Stack(app, "Other", env=ENV)
        images = repository_in(stack)
        with pytest.raises(ConfigurationError, match="it would start itself without end, give build= or that EcrPush"):
            pipeline(
                app,
                [DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))])],
                sources=[EcrPush(images), code(stack)],
                build=CodeBuildImage(images),
            )

    def test_a_build_of_nothing_but_images(self) -> None:
        app = new_app()
        stack = cdk.Stack(app, "Other", env=ENV)
        other = ecr.Repository.from_repository_name(stack, "Others", "other")
        stages = [DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))])]
        with pytest.raises(ConfigurationError, match="all of its sources are images: give it a source with the code"):
            pipeline(app, stages, sources=[EcrPush(other)], build=CodeBuildImage(repository_in(stack)), app=None)

    def test_a_commit_that_finds_no_image_as_no_tag_ever_moves(self) -> None:
        app = new_app()
        stack = cdk.Stack(app, "Other", env=ENV)
        images = ImageRepository(stack, "Images", name="inference", first_image=None).repository
        stages = [DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))])]
        with pytest.raises(ConfigurationError, match="finds no image with the tag latest then") as raised:
            pipeline(app, stages, sources=[EcrPush(images), code(stack)])
        assert "give Source starts_pipeline=False, or ImageRepository(moving_tags=['latest'])" in str(raised.value)

    def test_pushes_that_start_a_pipeline_which_begins_anew_without_the_digest(self) -> None:
        app = new_app()
        stages = [DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))])]
        with pytest.raises(ConfigurationError, match="without the digest that was pushed, so leave self_mutating out"):
            pipeline(app, stages, self_mutating=True)

    def test_a_pipeline_that_would_update_itself_and_not_its_buckets_elsewhere(self) -> None:
        app = new_app()
        stack = cdk.Stack(app, "Sources", env=ENV)
        far = released_stack(app, "Far", cdk.Environment(account=ENV.account, region="us-east-1"))
        with pytest.raises(ConfigurationError, match="acts in us-east-1, where its buckets are in stacks of their own"):
            pipeline(
                app,
                [DeliveryStage("Dev", deploys=[StackDeploy(far)])],
                sources=[code(stack)],
                build=CodeBuildImage(repository_in(stack)),
                self_mutating=True,
            )

    def test_a_variable_that_nobody_has(self) -> None:
        app = new_app()
        stages = [DeliveryStage("Prod", deploys=[EngineRollout(canary(app), release="#{Build.RELEASE}")])]
        with pytest.raises(
            ConfigurationError, match="has a variable of Build, which no action before it has: give one"
        ):
            pipeline(app, stages)

    def test_two_sources_of_one_name(self) -> None:
        app = new_app()
        stack = cdk.Stack(app, "Other", env=ENV)
        twice = [code(stack), CodeCommitSource(codecommit.Repository.from_repository_name(stack, "Code2", "two"))]
        with pytest.raises(ConfigurationError, match="has the sources Source, Source: give one or more, by own names"):
            pipeline(app, [DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))])], sources=twice)

    @pytest.mark.parametrize("name", ["Source", "Synth", "Dev", "ReviewProd"])
    def test_two_stages_of_one_name(self, name: str) -> None:
        app = new_app()
        stages = [
            DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))]),
            DeliveryStage("Prod", deploys=[StackDeploy(released_stack(app, "P"))], approval=StageApproval()),
            DeliveryStage(name, deploys=[StackDeploy(released_stack(app, "Q"))]),
        ]
        with pytest.raises(ConfigurationError, match=f"has two stages {name}: give this one another name"):
            pipeline(app, stages)

    def test_an_image_that_nobody_makes(self) -> None:
        app = new_app()
        stages = [DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))])]
        with pytest.raises(ConfigurationError, match="ships an image, and the pipeline has none: give it an EcrPush"):
            pipeline(app, stages, sources=[code(cdk.Stack(app, "Code", env=ENV))])

    def test_a_stack_that_nobody_synthesises(self) -> None:
        app = new_app()
        stages = [DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))])]
        with pytest.raises(
            ConfigurationError, match="deploys a template, and the pipeline synthesises none: give app="
        ):
            pipeline(app, stages, app=None)

    def test_one_thing_deployed_twice_in_a_stage(self) -> None:
        app = new_app()
        stack = released_stack(app)
        with pytest.raises(ConfigurationError, match=r"has Prediction\.Deploy, Prediction\.Prepare twice"):
            pipeline(app, [DeliveryStage("Dev", deploys=[StackDeploy(stack), StackDeploy(stack)])])

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: DeliveryStage("a b", deploys=[object()]), "give letters, digits, - and _"),
            (lambda: DeliveryStage("Dev", deploys=[]), "deploys nothing: give it deploys, or leave it out"),
            (lambda: DeployWindow("0 9 * * MON"), "give six fields, from the second to the day of the week"),
            (lambda: Together(object()), "Together has 1 deploys: give two or more"),  # type: ignore[arg-type]
        ],
    )
    def test_parts_that_make_no_sense(self, make: object, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()  # type: ignore[operator]


def test_the_digest_of_the_pushed_image_is_what_every_stage_ships() -> None:
    app = new_app()
    stages = [
        DeliveryStage("Dev", deploys=[StackDeploy(released_stack(app))]),
        DeliveryStage("Prod", deploys=[EngineRollout(canary(app))]),
    ]
    told = template(pipeline(app, stages))
    overrides = json.loads(action(told, "Dev", "Prediction.Prepare")["Configuration"]["ParameterOverrides"])
    assert overrides == {"ImageDigest": f"@{DIGEST}"}
    assert DIGEST in flat(action(told, "Prod", "Serving-Model.Rollout")["Configuration"]["Input"])
