"""What a pipeline begins with: the source actions, what starts the pipeline, with which revision, and by what right."""

import json
from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from ministack.services import eventbridge

from bluegreen_constructs.code_commit_source import CodeCommitSource
from bluegreen_constructs.connection_source import ConnectionSource
from bluegreen_constructs.ecr_push import EcrPush
from bluegreen_constructs.pipeline_parts import PipelineSource
from bluegreen_constructs.s3_source import S3Source
from tests.delivery_pipeline import ACCOUNT, ENV, REGION, Delivery, allowed, refused

CONNECTION = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/01234567-89ab-cdef-0123-456789abcdef"
PIPELINE_ARN = {
    "Fn::Join": [
        "",
        ["arn:", {"Ref": "AWS::Partition"}, f":codepipeline:{REGION}:{ACCOUNT}:", {"Ref": "PipelineC660917D"}],
    ]
}


def known_names(value: Any) -> Any:
    """The value with every reference replaced by a name, as if it were deployed."""
    match value:
        case {"Ref": str(name)}:
            return {"AWS::Partition": "aws"}.get(name, "the-" + name.lower())
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"the-{name.lower()}-{attribute.lower()}"
        case {"Fn::Join": [str(between), [*parts]]}:
            return between.join(known_names(part) for part in parts)
        case Mapping():
            return {key: known_names(one) for key, one in value.items()}
        case list():
            return [known_names(one) for one in value]
        case _:
            return value


def starts(delivery: Delivery, event: Mapping[str, Any]) -> bool:
    """Whether the pipeline's rule matches, by the emulator's EventBridge."""
    pattern = json.dumps(known_names(delivery.only("AWS::Events::Rule")["EventPattern"]))
    eventbridge._compile_pattern(json.loads(pattern))  # refuses what EventBridge would
    return bool(
        eventbridge._matches_pattern(
            pattern,
            {
                "Source": event["source"],
                "DetailType": event["detail-type"],
                "Detail": json.dumps(event["detail"]),
                "Resources": event.get("resources", []),
            },
        )
    )


def override(delivery: Delivery, event: Mapping[str, Any]) -> dict[str, Any]:
    """What the rule hands to StartPipelineExecution for an event."""
    transformer = delivery.only("AWS::Events::Rule")["Targets"][0]["InputTransformer"]
    (path,) = transformer["InputPathsMap"].values()
    value: Any = event
    for step in path.removeprefix("$.").split("."):
        value = value[step]
    result: dict[str, Any] = json.loads(transformer["InputTemplate"].replace("<revision>", value))
    return result


def push(tag: str, repository: str = "the-shop", **changed: object) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html"""
    detail = {
        "result": "SUCCESS",
        "repository-name": repository,
        "image-digest": "sha256:" + "7" * 64,
        "action-type": "PUSH",
        "image-tag": tag,
    }
    return {"source": "aws.ecr", "detail-type": "ECR Image Action", "detail": detail | changed}


def pushed(**options: Any) -> tuple[Delivery, str]:
    """A pipeline on pushes to a repository, and the repository's name as events have it."""
    delivery = Delivery()
    repository = delivery.repository()
    delivery.source(EcrPush(repository, **options))
    return delivery, known_names(delivery.stack.resolve(repository.repository_name))


class TestEcrPush:
    def test_the_action_reads_a_tag_and_its_variables_have_the_sources_name(self) -> None:
        delivery, _ = pushed()
        action = delivery.action("Image")
        assert action["ActionTypeId"] == {"Category": "Source", "Owner": "AWS", "Provider": "ECR", "Version": "1"}
        assert action["Configuration"]["ImageTag"] == "latest"
        assert action["Namespace"] == "Image"
        assert action["OutputArtifacts"] == [{"Name": "Image"}]

    def test_what_is_shipped_is_named_by_digest(self) -> None:
        delivery = Delivery()
        repository = delivery.repository()
        (made,) = delivery.source(EcrPush(repository, name="Shop"))
        assert made.image is not None
        assert made.image.digest == "#{Shop.ImageDigest}"
        assert made.image.artifact is made.artifact
        assert made.image.repository is repository

    def test_a_push_starts_the_pipeline_with_the_digest_that_was_pushed(self) -> None:
        delivery, repository = pushed()
        event = push("1.2.3", repository)
        assert starts(delivery, event)
        assert override(delivery, event) == {
            "sourceRevisions": [
                {
                    "actionName": "Image",
                    "revisionType": "IMAGE_DIGEST",
                    "revisionValue": event["detail"]["image-digest"],
                }
            ]
        }

    @pytest.mark.parametrize("tag", ["bootstrap", "latest", ""])
    def test_the_first_image_the_moving_tag_and_what_has_no_tag_start_nothing(self, tag: str) -> None:
        delivery, repository = pushed()
        assert not starts(delivery, push(tag, repository))

    @pytest.mark.parametrize(
        "event",
        [{"result": "FAILURE"}, {"action-type": "DELETE"}, {"repository-name": "another"}],
        ids=["failed", "deleted", "another"],
    )
    def test_other_events_of_ecr_start_nothing(self, event: dict[str, object]) -> None:
        delivery, repository = pushed()
        assert not starts(delivery, push("1.2.3", repository, **event))

    def test_a_pattern_chooses_tags(self) -> None:
        delivery, repository = pushed(tag_pattern="v*")
        assert starts(delivery, push("v1.2.3", repository))
        assert not starts(delivery, push("1.2.3", repository))
        assert not starts(delivery, push("bootstrap", repository))

    def test_a_repository_of_one_moving_tag_starts_on_it(self) -> None:
        delivery, repository = pushed(tag_pattern="latest")
        assert starts(delivery, push("latest", repository))
        assert not starts(delivery, push("1.2.3", repository))

    @pytest.mark.parametrize(
        ("pattern", "tag"), [("b*", "bootstrap"), ("*p", "bootstrap"), ("l*", "latest"), ("bootstrap", "bootstrap")]
    )
    def test_a_pattern_that_is_also_an_excluded_tag_is_refused(self, pattern: str, tag: str) -> None:
        message = refused(lambda: pushed(tag_pattern=pattern))
        assert repr(pattern) in message
        assert repr(tag) in message

    def test_nothing_excluded_lets_such_a_pattern_be(self) -> None:
        delivery, repository = pushed(tag_pattern="b*", exclude=())
        assert starts(delivery, push("bootstrap", repository))

    @pytest.mark.parametrize("pattern", ["", "v**", "v?", "a b", "x" * 129, "[v]"])
    def test_what_is_no_pattern_is_refused(self, pattern: str) -> None:
        assert repr(pattern) in refused(lambda: pushed(tag_pattern=pattern))

    @pytest.mark.parametrize("options", [{"exclude": ["a b"]}, {"exclude": [""]}, {"tag": "-x"}, {"tag": ""}])
    def test_what_is_no_tag_is_refused(self, options: dict[str, Any]) -> None:
        assert "EcrPush names the tag" in refused(lambda: pushed(**options))

    def test_one_excluded_tag_as_text_is_refused(self) -> None:
        assert "exclude is 'bootstrap'" in refused(lambda: pushed(exclude="bootstrap"))

    @pytest.mark.parametrize(
        ("arn", "where"),
        [
            (f"arn:aws:ecr:{REGION}:210987654321:repository/shop", "account 210987654321"),
            (f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/shop", "region us-east-1"),
        ],
    )
    def test_a_repository_elsewhere_is_refused(self, arn: str, where: str) -> None:
        delivery = Delivery()
        repository = ecr.Repository.from_repository_arn(delivery.stack, "Other", arn)
        assert where in refused(lambda: delivery.source(EcrPush(repository)))

    def test_the_action_may_look_at_the_repository_alone(self) -> None:
        delivery, _ = pushed()
        own = [one for one in delivery.statements("ImageRole") if "ecr:" in json.dumps(one["Action"])]
        (repository,) = delivery.resources("AWS::ECR::Repository")
        resource = {"Fn::GetAtt": [repository, "Arn"]}
        assert own == [{"Action": "ecr:DescribeImages", "Effect": "Allow", "Resource": resource}]


class TestCodeCommit:
    @staticmethod
    def committed(**options: Any) -> tuple[Delivery, str]:
        delivery = Delivery()
        repository = codecommit.Repository(delivery.stack, "Repository", repository_name="delivery")
        delivery.source(CodeCommitSource(repository, **options))
        return delivery, known_names(delivery.stack.resolve(repository.repository_arn))

    @staticmethod
    def commit(arn: str, branch: str = "main", kind: str = "branch", event: str = "referenceUpdated") -> dict[str, Any]:
        """https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html"""
        return {
            "source": "aws.codecommit",
            "detail-type": "CodeCommit Repository State Change",
            "resources": [arn],
            "detail": {
                "event": event,
                "repositoryName": "delivery",
                "referenceType": kind,
                "referenceName": branch,
                "commitId": "3e5983EXAMPLE",
            },
        }

    def test_the_action_does_not_poll(self) -> None:
        delivery, _ = self.committed()
        action = delivery.action("Source")
        assert action["ActionTypeId"]["Provider"] == "CodeCommit"
        assert action["Configuration"]["BranchName"] == "main"
        assert action["Configuration"]["PollForSourceChanges"] == "false"
        assert action["Namespace"] == "Source"

    @pytest.mark.parametrize("event", ["referenceUpdated", "referenceCreated"])
    def test_a_commit_starts_the_pipeline_with_that_commit(self, event: str) -> None:
        delivery, arn = self.committed()
        commit = self.commit(arn, event=event)
        assert starts(delivery, commit)
        assert override(delivery, commit)["sourceRevisions"] == [
            {"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": "3e5983EXAMPLE"}
        ]

    def test_other_branches_tags_repositories_and_deletions_start_nothing(self) -> None:
        delivery, arn = self.committed()
        assert not starts(delivery, self.commit(arn, branch="try"))
        assert not starts(delivery, self.commit(arn, kind="tag"))
        assert not starts(delivery, self.commit("arn:aws:codecommit:eu-west-1:123456789012:other"))
        assert not starts(delivery, self.commit(arn, event="referenceDeleted"))

    def test_the_action_may_only_read_the_repository(self) -> None:
        delivery, _ = self.committed()
        found = {one for one in allowed(delivery.statements("SourceRole")) if one.startswith("codecommit:")}
        assert found == {
            "codecommit:CancelUploadArchive",
            "codecommit:GetBranch",
            "codecommit:GetCommit",
            "codecommit:GetUploadArchiveStatus",
            "codecommit:UploadArchive",
        }

    @pytest.mark.parametrize("branch", ["", "refs/heads/main", "a b", "a*", "x" * 257])
    def test_what_is_no_branch_is_refused(self, branch: str) -> None:
        assert f"branch is {branch!r}" in refused(lambda: self.committed(branch=branch))

    def test_a_repository_elsewhere_is_refused(self) -> None:
        delivery = Delivery()
        arn = f"arn:aws:codecommit:us-east-1:{ACCOUNT}:delivery"
        repository = codecommit.Repository.from_repository_arn(delivery.stack, "Other", arn)
        assert "region us-east-1" in refused(lambda: delivery.source(CodeCommitSource(repository)))


class TestS3:
    @staticmethod
    def stored(**options: Any) -> tuple[Delivery, s3.Bucket]:
        delivery = Delivery()
        bucket = s3.Bucket(delivery.stack, "Releases", **({"versioned": True} | options))
        delivery.source(S3Source(bucket, "releases/app.zip"))
        return delivery, bucket

    @staticmethod
    def created(bucket: str, key: str = "releases/app.zip") -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
        stored = {"key": key, "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"}
        return {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {"bucket": {"name": bucket}, "object": stored},
        }

    def test_a_new_version_starts_the_pipeline_with_that_version(self) -> None:
        delivery, bucket = self.stored()
        name = known_names(delivery.stack.resolve(bucket.bucket_name))
        event = self.created(name)
        assert starts(delivery, event)
        assert override(delivery, event)["sourceRevisions"] == [
            {
                "actionName": "Source",
                "revisionType": "S3_OBJECT_VERSION_ID",
                "revisionValue": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
            }
        ]
        assert not starts(delivery, self.created(name, "releases/app.zip.sha256"))
        assert not starts(delivery, self.created("another"))
        assert delivery.action("Source")["Configuration"]["PollForSourceChanges"] == "false"

    def test_the_bucket_tells_eventbridge_without_a_function_that_may_change_every_bucket(self) -> None:
        delivery, _ = self.stored()
        bucket = delivery.only("AWS::S3::Bucket", "Releases")
        assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
        assert not delivery.resources("Custom::S3BucketNotifications")

    def test_a_bucket_that_notifies_already_goes_on_and_tells_eventbridge_too(self) -> None:
        delivery = Delivery()
        bucket = s3.Bucket(delivery.stack, "Releases", versioned=True, event_bridge_enabled=True)
        delivery.source(S3Source(bucket, "app.zip"))
        told = delivery.only("Custom::S3BucketNotifications")["NotificationConfiguration"]
        assert told == {"EventBridgeConfiguration": {}}
        assert "NotificationConfiguration" not in delivery.only("AWS::S3::Bucket", "Releases")

    def test_the_action_may_read_that_object_alone(self) -> None:
        delivery, _ = self.stored()
        reads = [one for one in delivery.statements("SourceRole") if "s3:GetObjectVersionTagging" in one["Action"]]
        assert len(reads) == 1
        assert reads[0]["Resource"]["Fn::Join"][1][1] == "/releases/app.zip"

    def test_a_bucket_with_a_key_of_its_own_may_be_decrypted(self) -> None:
        delivery = Delivery()
        key = kms.Key(delivery.stack, "Own", enable_key_rotation=True)
        bucket = s3.Bucket(
            delivery.stack, "Releases", versioned=True, encryption=s3.BucketEncryption.KMS, encryption_key=key
        )
        delivery.source(S3Source(bucket, "app.zip"))
        own = delivery.stack.resolve(key.key_arn)
        assert [one["Action"] for one in delivery.statements("SourceRole") if one["Resource"] == own] == ["kms:Decrypt"]

    @pytest.mark.parametrize("versioned", [False, None])
    def test_a_bucket_without_versions_is_refused(self, versioned: bool | None) -> None:
        assert "versioned=True" in refused(lambda: self.stored(versioned=versioned))

    @pytest.mark.parametrize("key", ["", "/app.zip", "releases/", "x" * 1025])
    def test_what_is_no_objects_key_is_refused(self, key: str) -> None:
        bucket = s3.Bucket(Delivery().stack, "Releases", versioned=True)
        assert f"key is {key!r}" in refused(lambda: S3Source(bucket, key))

    def test_an_imported_bucket_is_taken_at_its_word(self) -> None:
        delivery = Delivery()
        bucket = s3.Bucket.from_bucket_name(delivery.stack, "Imported", "releases")
        delivery.source(S3Source(bucket, "app.zip"))
        assert starts(delivery, self.created("releases", "app.zip"))
        assert not delivery.resources("Custom::S3BucketNotifications")

    def test_a_bucket_elsewhere_is_refused(self) -> None:
        delivery = Delivery()
        bucket = s3.Bucket.from_bucket_attributes(
            delivery.stack, "Imported", bucket_name="releases", region="us-east-1", account=ACCOUNT
        )
        assert "region us-east-1" in refused(lambda: delivery.source(S3Source(bucket, "app.zip")))


class TestConnection:
    @staticmethod
    def connected(connection: str = CONNECTION, **options: Any) -> Delivery:
        delivery = Delivery()
        source = {"owner": "example", "repository": "shop"} | options
        delivery.source(ConnectionSource(connection, **source))
        return delivery

    def test_the_action_names_the_branch(self) -> None:
        action = self.connected(branch="release").action("Source")
        assert action["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
        assert action["Configuration"] == {
            "ConnectionArn": CONNECTION,
            "FullRepositoryId": "example/shop",
            "BranchName": "release",
            "OutputArtifactFormat": "CODE_ZIP",
        }

    @pytest.mark.parametrize("service", ["codeconnections", "codestar-connections"])
    def test_the_connection_may_be_used_under_both_names_of_the_service(self, service: str) -> None:
        delivery = self.connected(CONNECTION.replace("codeconnections", service))
        (used,) = [one for one in delivery.statements("SourceRole") if "UseConnection" in json.dumps(one["Action"])]
        assert set(used["Action"]) == {"codeconnections:UseConnection", "codestar-connections:UseConnection"}
        assert set(used["Resource"]) == {CONNECTION, CONNECTION.replace("codeconnections", "codestar-connections")}

    def test_a_connection_that_the_app_makes_may_be_used_under_both_names_too(self) -> None:
        delivery = Delivery()
        made = cdk.CfnResource(delivery.stack, "Connection", type="AWS::CodeConnections::Connection")
        arn = cdk.Token.as_string(made.get_att("ConnectionArn"))
        delivery.source(ConnectionSource(arn, "example", "shop"))
        (used,) = [one for one in delivery.statements("SourceRole") if "UseConnection" in json.dumps(one["Action"])]
        services = [one["Fn::Join"][1][2] for one in used["Resource"]]
        assert services == ["codeconnections", "codestar-connections"]
        for one in used["Resource"]:
            between, parts = one["Fn::Join"]
            assert between == ":"
            assert [part["Fn::Select"][0] for part in parts if isinstance(part, dict)] == [0, 1, 3, 4, 5]

    def test_without_a_filter_codepipeline_watches_the_branch_itself(self) -> None:
        pipeline = self.connected().only("AWS::CodePipeline::Pipeline")
        assert "Triggers" not in pipeline

    def test_paths_choose_the_pushes_that_start_it(self) -> None:
        delivery = self.connected(paths=["services/shop/**"], exclude_paths=["**/*.md"])
        assert delivery.only("AWS::CodePipeline::Pipeline")["Triggers"] == [
            {
                "ProviderType": "CodeStarSourceConnection",
                "GitConfiguration": {
                    "SourceActionName": "Source",
                    "Push": [
                        {
                            "Branches": {"Includes": ["main"]},
                            "FilePaths": {"Includes": ["services/shop/**"], "Excludes": ["**/*.md"]},
                        }
                    ],
                },
            }
        ]

    def test_tags_start_it_instead_of_pushes(self) -> None:
        delivery = self.connected(tags=["v*"])
        (trigger,) = delivery.only("AWS::CodePipeline::Pipeline")["Triggers"]
        assert trigger["GitConfiguration"]["Push"] == [{"Tags": {"Includes": ["v*"]}}]

    @pytest.mark.parametrize(
        "arn", ["", "arn:aws:s3:::bucket", CONNECTION[:-1], CONNECTION.replace("connection/", "host/")]
    )
    def test_what_is_no_connection_is_refused(self, arn: str) -> None:
        assert f"connection_arn is {arn!r}" in refused(lambda: self.connected(arn))

    @pytest.mark.parametrize(
        ("what", "value"),
        [("owner", ""), ("owner", "a b"), ("owner", "/a"), ("repository", "a/b"), ("repository", ""), ("branch", "")],
    )
    def test_names_that_no_provider_has_are_refused(self, what: str, value: str) -> None:
        assert f"{what} is {value!r}" in refused(lambda: self.connected(**{what: value}))

    def test_the_groups_of_gitlab_are_part_of_the_owner(self) -> None:
        action = self.connected(owner="group/team").action("Source")
        assert action["Configuration"]["FullRepositoryId"] == "group/team/shop"

    @pytest.mark.parametrize("what", ["paths", "exclude_paths", "tags"])
    @pytest.mark.parametrize("patterns", ["v*", ["x"] * 9, [""], ["x" * 256]])
    def test_filters_that_codepipeline_does_not_take_are_refused(self, what: str, patterns: object) -> None:
        assert f"ConnectionSource {what} " in refused(lambda: self.connected(**{what: patterns}))

    @pytest.mark.parametrize("options", [{"tags": ["v*"], "paths": ["x"]}, {"paths": ["x"], "starts_pipeline": False}])
    def test_filters_that_contradict_are_refused(self, options: dict[str, Any]) -> None:
        assert "give one of them" in refused(lambda: self.connected(**options))

    def test_filters_need_a_pipeline_that_the_app_makes(self) -> None:
        delivery = Delivery()
        place = delivery.place("Part")
        arn = f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:other"
        imported = codepipeline.Pipeline.from_pipeline_arn(delivery.stack, "Other", arn)
        elsewhere = type(place)(place.scope, place.roles, imported)
        source = ConnectionSource(CONNECTION, "example", "shop", paths=["x"])
        assert "filters pushes" in refused(lambda: source.make(elsewhere))


def all_sources(delivery: Delivery, **options: Any) -> list[PipelineSource]:
    stack = delivery.stack
    return [
        EcrPush(delivery.repository(), **options),
        CodeCommitSource(codecommit.Repository(stack, "Git", repository_name="code"), name="Code", **options),
        S3Source(s3.Bucket(stack, "Releases", versioned=True), "app.zip", name="Object", **options),
        ConnectionSource(CONNECTION, "example", "shop", name="Hub", **options),
    ]


class TestAll:
    def test_sources_of_every_kind_are_one_stage(self) -> None:
        delivery = Delivery()
        delivery.source(*all_sources(delivery))
        (stage, _) = delivery.only("AWS::CodePipeline::Pipeline")["Stages"]
        assert [one["Name"] for one in stage["Actions"]] == ["Image", "Code", "Object", "Hub"]
        assert {one["RunOrder"] for one in stage["Actions"]} == {1}
        assert len(delivery.resources("AWS::Events::Rule")) == 3

    def test_a_rule_may_start_this_pipeline_and_nothing_else(self) -> None:
        delivery = Delivery()
        delivery.source(*all_sources(delivery))
        for part in ("Image", "Code", "Object"):
            (statement,) = delivery.statements(f"{part}StartRole")
            assert statement == {
                "Effect": "Allow",
                "Action": "codepipeline:StartPipelineExecution",
                "Resource": PIPELINE_ARN,
            }
        for rule in delivery.resources("AWS::Events::Rule").values():
            assert rule["Targets"][0]["Arn"] == PIPELINE_ARN
            assert rule["Targets"][0]["RetryPolicy"]["MaximumEventAgeInSeconds"] == 3600

    def test_every_actions_role_trusts_the_pipelines_alone(self) -> None:
        delivery = Delivery()
        delivery.source(*all_sources(delivery))
        roles = delivery.resources("AWS::IAM::Role")
        pipelines = next(name for name in roles if name.startswith("Role"))
        for part in ("ImageRole", "CodeRole", "ObjectRole", "HubRole"):
            (role,) = [one for name, one in roles.items() if name.startswith(part)]
            (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
            assert trust["Principal"] == {"AWS": {"Fn::GetAtt": [pipelines, "Arn"]}}

    def test_sources_that_start_nothing_have_no_rule(self) -> None:
        delivery = Delivery()
        delivery.source(*all_sources(delivery, starts_pipeline=False))
        assert not delivery.resources("AWS::Events::Rule")
        assert delivery.action("Hub")["Configuration"]["DetectChanges"] == "false"
        assert "NotificationConfiguration" not in delivery.only("AWS::S3::Bucket", "Releases")

    @pytest.mark.parametrize("name", ["", "a b", "a.b", "x" * 101])
    def test_names_that_codepipeline_does_not_take_are_refused(self, name: str) -> None:
        stack = cdk.Stack(cdk.App(), "Names", env=ENV)
        repository = ecr.Repository(stack, "Repository")
        bucket = s3.Bucket(stack, "Bucket", versioned=True)
        code = codecommit.Repository(stack, "Code", repository_name="code")
        for make in (
            lambda: EcrPush(repository, name=name),
            lambda: CodeCommitSource(code, name=name),
            lambda: S3Source(bucket, "app.zip", name=name),
            lambda: ConnectionSource(CONNECTION, "example", "shop", name=name),
        ):
            assert f"name is {name!r}" in refused(make)
