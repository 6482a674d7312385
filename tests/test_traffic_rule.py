"""TrafficRule: what it puts into the template, and what it refuses."""

import copy
import json
from collections.abc import Mapping
from datetime import timedelta

import pytest
from aws_cdk import App, CfnParameter, CustomResource, Duration, Fn, Stack, Tags, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Annotations, Template
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

from bluegreen_constructs.engine.aws.elbv2_rules import IAM_ACTIONS
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.rule_settings import settings_of
from bluegreen_constructs.engine_function import RUNTIME
from bluegreen_constructs.traffic_rule import TrafficRule

C = elbv2.ListenerCondition
IMPORTED = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/shared/50dc6c495c0c9188/f2f7dc8efc522ab2"


class Ground(Stack):
    """A load balancer, a listener of this app, an imported listener, and target groups on request."""

    def __init__(self, scope: Construct | None = None, id: str = "Ground", **arguments: object) -> None:
        super().__init__(scope or App(), id, **arguments)
        self.vpc = ec2.Vpc.from_vpc_attributes(
            self, "Vpc", vpc_id="vpc-1", availability_zones=["a", "b"], public_subnet_ids=["subnet-1", "subnet-2"]
        )
        self.group = ec2.SecurityGroup.from_security_group_id(self, "Group", "sg-1")
        load_balancer = elbv2.ApplicationLoadBalancer(self, "Alb", vpc=self.vpc, security_group=self.group)
        self.listener = load_balancer.add_listener(
            "Http", port=80, open=False, default_action=elbv2.ListenerAction.fixed_response(404)
        )
        self.imported = self.import_listener("Imported")

    def import_listener(self, id: str, arn: str = IMPORTED) -> elbv2.IApplicationListener:
        return elbv2.ApplicationListener.from_application_listener_attributes(
            self, id, listener_arn=arn, security_group=self.group
        )

    def side(self, id: str) -> elbv2.ApplicationTargetGroup:
        return elbv2.ApplicationTargetGroup(
            self, id, vpc=self.vpc, port=8080, protocol=elbv2.ApplicationProtocol.HTTP, target_type=elbv2.TargetType.IP
        )

    def rule(self, id: str = "Rule", **changes: object) -> TrafficRule:
        arguments: dict[str, object] = {
            "listener": self.listener,
            "priority": 10,
            "conditions": [C.host_headers(["predict.example.com"])],
            **changes,
        }
        for side in ("blue", "green"):
            arguments.setdefault(side, self.side(f"{id}{side.title()}"))
        return TrafficRule(self, id, **arguments)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def ground() -> Ground:
    """Three rules on two listeners."""
    stack = Ground()
    stack.rule("Production")
    stack.rule(
        "Test",
        priority=5,
        conditions=[C.host_headers(["predict.example.com"]), C.http_header("x-test", ["0b1c"])],
        candidate_weight=100,
        stickiness=timedelta(hours=1),
        tags={"team": "ml", "app": "inference"},
    )
    stack.rule("Elsewhere", listener=stack.imported)
    return stack


@pytest.fixture(scope="module")
def template(ground: Ground) -> Template:
    return Template.from_stack(ground)


def rule_in(template: Template, priority: int) -> dict:
    found = template.find_resources("Custom::TrafficRule", {"Properties": {"Priority": priority}})
    return next(iter(found.values()))


def statements(template: Template) -> dict[str, dict]:
    (role,) = template.find_resources("AWS::IAM::Role").values()
    (policy,) = role["Properties"]["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


# What the template says


def test_the_rule_is_a_custom_resource_that_names_listener_sides_and_conditions(template: Template) -> None:
    test_rule = rule_in(template, 5)["Properties"]
    assert test_rule["ServiceToken"] == {"Fn::GetAtt": ["BlueGreenTrafficRuleHandler", "Arn"]}
    assert test_rule["ServiceTimeout"] == 300
    assert test_rule["InitialCandidateWeight"] == 100
    assert test_rule["InitialStickinessSeconds"] == 3600
    assert test_rule["Tags"] == [{"Key": "app", "Value": "inference"}, {"Key": "team", "Value": "ml"}]
    assert test_rule["Conditions"] == [
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["predict.example.com"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "x-test", "Values": ["0b1c"]}},
    ]


def test_the_handler_understands_the_properties_that_the_construct_writes(template: Template) -> None:
    """CloudFormation resolves references and hands over every scalar as a string."""

    def delivered(value: object) -> object:
        if isinstance(value, Mapping):
            return IMPORTED if set(value) == {"Ref"} else {k: delivered(v) for k, v in value.items()}
        if isinstance(value, list):
            return [delivered(item) for item in value]
        return str(value)

    written = copy.deepcopy(rule_in(template, 5)["Properties"])
    written["Blue"] = "blue"
    settings = settings_of(delivered(written))  # type: ignore[arg-type]
    assert (settings.priority, settings.initial_candidate_weight, settings.initial_stickiness_seconds) == (5, 100, 3600)
    assert settings.tags == {"app": "inference", "team": "ml"}
    assert len(settings.conditions) == 2


def test_no_listener_rule_of_cloudformation_is_left_that_could_be_rewritten(template: Template) -> None:
    template.resource_count_is("AWS::ElasticLoadBalancingV2::ListenerRule", 0)
    assert '"Weight"' not in json.dumps(template.to_json())


def test_all_rules_of_a_stack_share_one_function_one_role_and_one_log_group(template: Template) -> None:
    template.resource_count_is("Custom::TrafficRule", 3)
    template.resource_count_is("AWS::Lambda::Function", 1)
    template.resource_count_is("AWS::IAM::Role", 1)
    template.resource_count_is("AWS::IAM::Policy", 0)
    template.resource_count_is("AWS::Logs::LogGroup", 1)


def test_the_function_has_a_frozen_logical_id_the_newest_python_arm_and_json_logs(template: Template) -> None:
    function = template.find_resources("AWS::Lambda::Function")["BlueGreenTrafficRuleHandler"]["Properties"]
    assert function["Runtime"] == RUNTIME
    assert function["Architectures"] == ["arm64"]
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    (log_group,) = template.find_resources("AWS::Logs::LogGroup")
    assert function["LoggingConfig"]["LogGroup"] == {"Ref": log_group}


def test_the_runtime_is_the_newest_python_of_the_cdk() -> None:
    names = [name for name in dir(lambda_.Runtime) if name.startswith("PYTHON_3_")]
    newest = max(names, key=lambda name: int(name.rsplit("_", 1)[1]))
    assert getattr(lambda_.Runtime, newest).name == RUNTIME


def test_a_late_event_is_dropped_before_cloudformation_gives_up(template: Template) -> None:
    function = template.find_resources("AWS::Lambda::Function")["BlueGreenTrafficRuleHandler"]["Properties"]
    ((limits_id, limits),) = template.find_resources("AWS::Lambda::EventInvokeConfig").items()
    assert function["Timeout"] + limits["Properties"]["MaximumEventAgeInSeconds"] < 300
    assert rule_in(template, 5)["Properties"]["EventLimits"] == {"Ref": limits_id}


def test_rules_may_be_created_on_each_listener_and_on_no_other(ground: Ground, template: Template) -> None:
    create = statements(template)["CreateRules"]
    assert create["Action"] == ["elasticloadbalancing:CreateRule"]
    assert create["Resource"] == [ground.resolve(ground.listener.listener_arn), IMPORTED]


def test_only_rules_with_the_tag_of_this_stack_may_be_changed_or_deleted(template: Template) -> None:
    change = statements(template)["ChangeOwnRules"]
    assert set(change["Action"]) == {
        f"elasticloadbalancing:{name}"
        for name in ("ModifyRule", "DeleteRule", "SetRulePriorities", "AddTags", "RemoveTags")
    }
    assert change["Condition"] == {"StringEquals": {"aws:ResourceTag/bluegreen:stack": {"Ref": "AWS::StackId"}}}
    tag = statements(template)["TagAtCreation"]["Condition"]["StringEquals"]
    assert tag["elasticloadbalancing:CreateAction"] == "CreateRule"


def test_the_permission_to_delete_does_not_depend_on_which_rules_are_left(template: Template) -> None:
    """CloudFormation updates the role first and deletes the rules that an update removed afterwards."""
    fewer = Ground()
    fewer.rule("Production")
    assert statements(Template.from_stack(fewer))["ChangeOwnRules"] == statements(template)["ChangeOwnRules"]


def test_the_role_allows_what_the_adapter_declares_and_its_log_and_nothing_else(template: Template) -> None:
    allowed = {action for statement in statements(template).values() for action in statement["Action"]}
    assert allowed == {*IAM_ACTIONS, "logs:CreateLogStream", "logs:PutLogEvents"}


def test_the_rule_goes_after_what_waits_for_it_and_before_its_groups(ground: Ground, template: Template) -> None:
    stack = Ground(id="Waiting")
    rule = stack.rule()
    waiting = CustomResource(stack, "Service", service_token="arn:aws:lambda:us-east-1:123456789012:function:f")
    waiting.node.add_dependency(rule.blue.load_balancer_attached)
    resources = Template.from_stack(stack).to_json()["Resources"]
    (service,) = (one for one in resources.values() if one["Type"] == "AWS::CloudFormation::CustomResource")
    (rule_id,) = (key for key, one in resources.items() if one["Type"] == "Custom::TrafficRule")
    assert rule_id in service["DependsOn"]
    assert set(resources[rule_id]["Properties"]["Blue"]) == {"Ref"}


def test_the_groups_know_the_load_balancer_so_that_their_metrics_work() -> None:
    stack = Ground()
    rule = stack.rule(listener=stack.imported)
    assert isinstance(rule.green, elbv2.ApplicationTargetGroup)
    dimensions = rule.green.metrics.request_count().dimensions
    assert dimensions is not None
    assert dimensions["LoadBalancer"] == "app/shared/50dc6c495c0c9188"


def test_imported_groups_and_listeners_are_taken_without_a_warning() -> None:
    stack = Ground()
    sides = {
        side: elbv2.ApplicationTargetGroup.from_target_group_attributes(
            stack, side, target_group_arn=f"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{side}/1"
        )
        for side in ("blue", "green")
    }
    stack.rule(listener=stack.imported, **sides)
    Annotations.from_stack(stack).has_no_warning("*", "*")


def test_the_rule_exposes_its_arn_its_sides_and_its_resource() -> None:
    stack = Ground()
    rule = stack.rule()
    logical_id = stack.resolve(rule.resource.logical_id)
    assert stack.resolve(rule.rule_arn) == {"Fn::GetAtt": [logical_id, "RuleArn"]}
    assert rule.listener is stack.listener


def test_the_rule_is_the_same_whatever_tags_the_app_and_the_stack_carry(template: Template) -> None:
    app = App()
    stack = Ground(app, tags={"commit": "0123abcd"})
    stack.rule("Production")
    Tags.of(app).add("commit", "4567cdef")
    tagged = Template.from_stack(stack)
    assert json.dumps(rule_in(tagged, 10)) == json.dumps(
        next(
            rule
            for rule in template.find_resources("Custom::TrafficRule").values()
            if rule["Properties"]["ListenerArn"] != IMPORTED and rule["Properties"]["Priority"] == 10
        )
    )
    assert "commit" in json.dumps(tagged.find_resources("AWS::Lambda::Function"))


def test_each_stack_has_its_own_handler() -> None:
    app = App()
    first, second = Ground(app, "First"), Ground(app, "Second")
    first.rule()
    second.rule()
    Template.from_stack(first).resource_count_is("AWS::Lambda::Function", 1)
    Template.from_stack(second).resource_count_is("AWS::Lambda::Function", 1)


def test_two_rules_leave_no_finding_of_cdk_nag() -> None:
    app = App()
    stack = Stack(app, "Rules")
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["a"])
    group = ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-1")
    listener = elbv2.ApplicationListener.from_application_listener_attributes(
        stack, "Listener", listener_arn=IMPORTED, security_group=group
    )
    for priority in (1, 2):
        blue, green = (elbv2.ApplicationTargetGroup(stack, f"{n}{priority}", vpc=vpc, port=80) for n in ("B", "G"))
        conditions = [C.path_patterns(["/*"])]
        TrafficRule(
            stack, f"R{priority}", listener=listener, priority=priority, conditions=conditions, blue=blue, green=green
        )
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()  # a finding ends it with ValidationFailed


# What is refused


@pytest.fixture(scope="module")
def refusals() -> Ground:
    stack = Ground()
    stack.rule("Held", priority=7)
    return stack


def refused(stack: Ground, case: str, **changes: object) -> str:
    with pytest.raises(ConfigurationError) as raised:
        stack.rule(case, **changes)
    message = str(raised.value)
    assert message.startswith(f"Ground/{case} ")
    assert "\n" not in message
    assert not message.endswith(".")
    return message


def test_the_same_priority_twice_on_a_listener_is_refused_with_both_paths(refusals: Ground) -> None:
    message = refused(refusals, "Second", priority=7)
    assert "priority 7" in message
    assert "Ground/Held" in message


def test_the_same_priority_on_two_imports_of_a_listener_is_refused() -> None:
    app = App()
    first, second = Ground(app, "First"), Ground(app, "Second")
    first.rule(listener=first.imported)
    with pytest.raises(ConfigurationError, match="First/Rule"):
        second.rule(listener=second.imported)


def test_the_same_priority_in_another_app_or_on_another_listener_is_taken() -> None:
    stack = Ground()
    stack.rule("One", priority=7)
    stack.rule("Two", priority=7, listener=stack.imported)


@pytest.mark.parametrize("priority", [0, -1, 50_001])
def test_a_priority_outside_the_range_is_refused(refusals: Ground, priority: int) -> None:
    assert f"priority {priority}" in refused(refusals, f"Priority{priority}".replace("-", "Minus"), priority=priority)


def test_a_rule_without_conditions_is_refused(refusals: Ground) -> None:
    assert "no condition" in refused(refusals, "Bare", conditions=[])


def test_more_than_five_condition_values_are_refused(refusals: Ground) -> None:
    conditions = [C.path_patterns(["/a", "/b", "/c"]), C.host_headers(["a.example", "b.example", "c.example"])]
    assert "6 condition values, a rule may have 5" in refused(refusals, "Many", conditions=conditions)


def test_a_condition_that_a_rule_may_have_once_is_refused_twice(refusals: Ground) -> None:
    conditions = [C.path_patterns(["/a"]), C.path_patterns(["/b"])]
    assert "2 path-pattern conditions" in refused(refusals, "Twice", conditions=conditions)


def test_several_header_and_query_conditions_are_taken() -> None:
    query = C.query_strings([elbv2.QueryStringCondition(key="v", value="2")])
    stack = Ground()
    stack.rule(conditions=[C.http_header("a", ["1"]), C.http_header("b", ["2"]), query])
    (rule,) = Template.from_stack(stack).find_resources("Custom::TrafficRule").values()
    assert rule["Properties"]["Conditions"][2]["QueryStringConfig"] == {"Values": [{"Key": "v", "Value": "2"}]}


def test_one_target_group_for_both_sides_is_refused(refusals: Ground) -> None:
    side = refusals.side("Only")
    assert "two target groups" in refused(refusals, "Same", blue=side, green=side)


@pytest.mark.parametrize("weight", [-1, 101])
def test_a_weight_that_is_no_percentage_is_refused(refusals: Ground, weight: int) -> None:
    assert f"candidate_weight {weight}" in refused(refusals, f"Weight{abs(weight)}", candidate_weight=weight)


@pytest.mark.parametrize(
    ("case", "stickiness"),
    [("None", timedelta(0)), ("Week", Duration.days(8)), ("Half", timedelta(milliseconds=1500))],
)
def test_a_stickiness_that_the_load_balancer_does_not_know_is_refused(
    refusals: Ground, case: str, stickiness: timedelta | Duration
) -> None:
    assert "from 1 to 604800" in refused(refusals, f"Sticky{case}", stickiness=stickiness)


@pytest.mark.parametrize(
    ("case", "tags"),
    [
        ("Aws", {"aws:owner": "me"}),
        ("Ours", {"bluegreen:stack": "me"}),
        ("Long", {"k" * 129: "v"}),
        ("Value", {"k": "v" * 257}),
        ("Many", {str(n): "" for n in range(41)}),
    ],
)
def test_tags_that_aws_or_the_handler_would_refuse_are_refused(
    refusals: Ground, case: str, tags: dict[str, str]
) -> None:
    assert "tag" in refused(refusals, f"Tags{case}", tags=tags)


def test_values_that_are_known_only_at_deployment_are_not_judged() -> None:
    stack = Ground()
    priority = CfnParameter(stack, "Priority", type="Number").value_as_number
    listener = stack.import_listener("Exported", Fn.import_value("ListenerArn"))
    stack.rule(listener=listener, priority=priority, conditions=[C.host_headers([Fn.ref("AWS::StackName")])])
    (rule,) = Template.from_stack(stack).find_resources("Custom::TrafficRule").values()
    assert rule["Properties"]["Priority"] == {"Ref": "Priority"}
    assert rule["Properties"]["ListenerArn"] == {"Fn::ImportValue": "ListenerArn"}
    assert rule["Properties"]["Conditions"][0]["HostHeaderConfig"] == {"Values": [{"Ref": "AWS::StackName"}]}
