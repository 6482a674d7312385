"""The action that bakes a stage: what its function is told and may do, and what is refused at synth."""

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template
from constructs import Construct

from bluegreen_constructs.action_roles import ActionRoles
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.stage_bake import BakedAlarm, BakeSettings
from bluegreen_constructs.pipeline_parts import PipelinePlace
from bluegreen_constructs.stage_bake import AlarmOf, StageBake
from tests.canary_service import ENV, FLAGS, flat, new_stack
from tests.nag_findings import acknowledgements, findings, lint

TEN = timedelta(minutes=10)
ROLE = "arn:aws:iam::210987654321:role/bluegreen-alarms"
PIPELINE = "arn:aws:iam::123456789012:role/pipeline"


def place_in(stack: cdk.Stack, id: str = "Bake") -> PipelinePlace:
    role = iam.Role.from_role_arn(stack, f"{id}Pipeline", PIPELINE)
    pipeline = codepipeline.Pipeline.from_pipeline_arn(
        stack, f"{id}Known", f"arn:aws:codepipeline:{ENV.region}:{ENV.account}:p"
    )
    return PipelinePlace(Construct(stack, id), ActionRoles(role), pipeline)


def alarm(stack: cdk.Stack, id: str = "Errors", **options: object) -> cloudwatch.Alarm:
    metric = cloudwatch.Metric(namespace="App", metric_name="Errors")
    return cloudwatch.Alarm(stack, id, metric=metric, threshold=1, evaluation_periods=1, **options)  # type: ignore[arg-type]


def resources(stack: cdk.Stack, kind: str) -> list[dict]:
    return list(Template.from_stack(stack).find_resources(kind).values())


def told(stack: cdk.Stack) -> BakeSettings:
    (function,) = resources(stack, "AWS::Lambda::Function")
    return BakeSettings.from_text(flat(function["Properties"]["Environment"]["Variables"]["BLUEGREEN_STAGE_BAKE"]))


def inline(stack: cdk.Stack) -> dict[str, dict]:
    (role,) = [one for one in resources(stack, "AWS::IAM::Role") if "Policies" in one["Properties"]]
    (policy,) = role["Properties"]["Policies"]
    return {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}


def test_codepipeline_asks_the_function_as_a_role_that_only_the_pipeline_takes_on() -> None:
    stack = new_stack()
    action = StageBake(TEN, [alarm(stack)]).action(place_in(stack), 4)
    given = action.action_properties
    assert (given.action_name, given.category, given.provider) == ("Bake", codepipeline.ActionCategory.INVOKE, "Lambda")
    assert (given.run_order, given.inputs, given.outputs) == (4, [], [])
    bound = action.bind(stack, None, role=given.role, bucket=s3.Bucket.from_bucket_name(stack, "B", "artefacts"))  # type: ignore[arg-type]
    template = Template.from_stack(stack).to_json()["Resources"]
    (function,) = [name for name, one in template.items() if one["Type"] == "AWS::Lambda::Function"]
    assert stack.resolve(bound.configuration) == {"FunctionName": {"Ref": function}}
    (role,) = [one for one in template.values() if "Invokes the function" in str(one["Properties"].get("Description"))]
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": PIPELINE}
    policies = resources(stack, "AWS::IAM::Policy")
    (policy,) = [one for one in policies if "lambda:InvokeFunction" in json.dumps(one)]
    allowed = policy["Properties"]["PolicyDocument"]["Statement"]
    assert [(one["Action"], one["Resource"]) for one in allowed] == [
        ("lambda:InvokeFunction", {"Fn::GetAtt": [function, "Arn"]}),
        ("lambda:ListFunctions", "*"),
    ]


def test_the_function_is_told_the_span_and_the_alarms_of_all_places() -> None:
    stack = new_stack()
    given = [alarm(stack), AlarmOf("far", "us-east-1"), AlarmOf("far", "us-east-1"), AlarmOf("other", None, ROLE)]
    StageBake(cdk.Duration.minutes(10), given).action(place_in(stack), 1)
    read = told(stack)
    assert read.span == TEN
    (known,) = Template.from_stack(stack).find_resources("AWS::CloudWatch::Alarm")
    assert read.alarms == (BakedAlarm(f"<{known}>"), BakedAlarm("far", "us-east-1"), BakedAlarm("other", "", ROLE))


def test_the_function_may_read_alarms_tell_codepipeline_and_nothing_else() -> None:
    stack = new_stack()
    StageBake(TEN, [alarm(stack)]).action(place_in(stack), 1)
    allowed = inline(stack)
    assert set(allowed) == {"WriteLogs", "TellCodePipeline", "ReadAlarms"}
    assert allowed["TellCodePipeline"]["Action"] == [
        "codepipeline:PutJobFailureResult",
        "codepipeline:PutJobSuccessResult",
    ]
    assert allowed["ReadAlarms"]["Action"] == ["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"]


def test_alarms_of_other_accounts_are_read_as_their_roles_and_only_those() -> None:
    stack = new_stack()
    StageBake(TEN, [AlarmOf("a", role_arn=ROLE), AlarmOf("b", "us-east-1", ROLE)], role_name="bakes").action(
        place_in(stack), 1
    )
    allowed = inline(stack)
    assert set(allowed) == {"WriteLogs", "TellCodePipeline", "ReadAlarmsElsewhere"}
    assert (allowed["ReadAlarmsElsewhere"]["Action"], allowed["ReadAlarmsElsewhere"]["Resource"]) == (
        ["sts:AssumeRole"],
        [ROLE],
    )
    (named,) = [one for one in resources(stack, "AWS::IAM::Role") if "RoleName" in one["Properties"]]
    assert named["Properties"]["RoleName"] == "bakes"
    assert "Policies" in named["Properties"]  # the function's, not the action's


def test_a_composite_alarm_is_one_of_its_own() -> None:
    stack = new_stack()
    both = cloudwatch.CompositeAlarm(
        stack, "Both", alarm_rule=cloudwatch.AlarmRule.any_of(alarm(stack), alarm(stack, "Slow"))
    )
    StageBake(TEN, [both]).action(place_in(stack), 1)
    (known,) = Template.from_stack(stack).find_resources("AWS::CloudWatch::CompositeAlarm")
    (baked,) = told(stack).alarms
    assert known in baked.name


def test_two_stages_have_a_function_each() -> None:
    stack = new_stack()
    for name in ("First", "Second"):
        StageBake(TEN, [AlarmOf("errors")]).action(place_in(stack, name), 1)
    assert len(resources(stack, "AWS::Lambda::Function")) == 2


@pytest.mark.parametrize("span", [timedelta(minutes=1), timedelta(hours=23)])
def test_the_shortest_and_the_longest_span_are_taken(span: timedelta) -> None:
    assert StageBake(span, [AlarmOf("errors")]).longest == span


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"span": timedelta(seconds=59)}, "give 1 min to 23 h"),
        ({"span": timedelta(hours=24)}, "is to bake for 24 h: give 1 min to 23 h, for CodePipeline ends"),
        ({"span": 600}, "StageBake span is 600: give a datetime.timedelta"),
        ({"alarms": []}, "give a list of alarms"),
        ({"alarms": "errors"}, "give a list of alarms"),
        ({"alarms": ["errors"]}, r"has 'errors': give an alarm, or AlarmOf\(name"),
        ({"role_name": "a role"}, "give a name that IAM takes"),
        ({"role_name": ""}, "give a name that IAM takes"),
        ({"name": "Bake it"}, "give letters, digits"),
    ],
)
def test_a_bake_is_refused_that_could_not_end_or_not_fail(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        StageBake(**{"span": TEN, "alarms": [AlarmOf("errors")], **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": ""}, "give the alarm's name"),
        ({"name": "x" * 256}, "1 to 255 characters"),
        ({"region": "Ireland"}, "region is 'Ireland': give its name"),
        ({"region": ""}, "give its name"),
        ({"role_arn": "bluegreen-alarms"}, "give a role's ARN"),
        ({"role_arn": "arn:aws:iam::210987654321:user/ada"}, "give a role's ARN"),
    ],
)
def test_an_alarm_is_refused_that_nobody_would_find(options: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        AlarmOf(**{"name": "errors", **options})


@pytest.mark.parametrize(
    ("env", "there"),
    [
        (cdk.Environment(account=ENV.account, region="us-east-1"), "region us-east-1"),
        (cdk.Environment(account="210987654321", region=ENV.region), "account 210987654321"),
    ],
)
def test_an_alarm_of_another_place_has_to_say_where_it_is(env: cdk.Environment, there: str) -> None:
    app = cdk.App(context=FLAGS)
    far = alarm(cdk.Stack(app, "Far", env=env), alarm_name="far")
    with pytest.raises(ConfigurationError, match=rf"Far/Errors is in {there}.*give AlarmOf\(name, region=…\)"):
        StageBake(TEN, [far]).action(place_in(new_stack(app=app)), 1)


def test_more_alarms_than_an_environment_holds_are_refused() -> None:
    many = [AlarmOf(f"{'x' * 200}{number}") for number in range(20)]
    with pytest.raises(ConfigurationError, match=r"bakes under 20 alarms.*give a composite alarm"):
        StageBake(TEN, many).action(place_in(new_stack()), 1)


@cache
def checked() -> tuple[Path, frozenset[tuple[str, str]], dict[tuple[str, str], str]]:
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder), context=FLAGS)
    stack = new_stack("Delivery", app)
    s3.Bucket(new_stack("Planted", app), "Open")
    StageBake(TEN, [alarm(stack), AlarmOf("far", "us-east-1", ROLE)]).action(place_in(stack), 1)
    StageBake(TEN, [AlarmOf("far", "us-east-1", ROLE)], role_name="bakes").action(place_in(stack, "Far"), 1)
    found = findings(app)
    return folder, found, dict(acknowledgements(folder / "Delivery.metadata.json"))


def test_it_is_clean_under_cdk_nag_with_two_exceptions_that_are_argued() -> None:
    _, found, acknowledged = checked()
    assert {place for place, _ in found if place.startswith("Planted/")}
    assert sorted(one for one in found if not one[0].startswith("Planted/")) == []
    assert {place for place, _ in acknowledged} == {
        f"Delivery/{bake}/{role}" for bake in ("Bake", "Far") for role in ("Function/Role", "Role")
    }
    assert {rule for _, rule in acknowledged} == {"AwsSolutions-IAM5[Resource::*]"}
    assert all("considered" in reason for reason in acknowledged.values())


def test_it_is_clean_under_cfn_lint() -> None:
    assert lint([checked()[0] / "Delivery.template.json"]) == (0, "")


def test_the_handler_is_there() -> None:
    (function, _) = [
        one
        for one in json.loads((checked()[0] / "Delivery.template.json").read_text(encoding="utf-8"))[
            "Resources"
        ].values()
        if one["Type"] == "AWS::Lambda::Function"
    ]
    module, name = function["Properties"]["Handler"].rsplit(".", 1)
    found = __import__(f"bluegreen_constructs.{module}", fromlist=[name])
    assert callable(getattr(found, name))
