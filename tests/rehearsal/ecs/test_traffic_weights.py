"""Rules read and written whole, and those that ECS refuses to work with."""

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError, RehearsalError
from bluegreen_constructs.rehearsal.ecs.revision import Ingress
from bluegreen_constructs.rehearsal.ecs.service_checks import check_service
from bluegreen_constructs.rehearsal.ecs.traffic_weights import serving_group, weights, with_weights

BLUE, GREEN, OTHER = "arn:blue", "arn:green", "arn:other"
RULE, TEST_RULE = "arn:aws:elb:listener-rule/app/p", "arn:aws:elb:listener-rule/app/t"
INGRESS = Ingress(group=BLUE, container="app", port=8080, alternate=GREEN, production_rule=RULE, test_rule=TEST_RULE)


def forward(**shares: int) -> list[dict[str, object]]:
    arns = {"blue": BLUE, "green": GREEN, "other": OTHER}
    groups = [{"TargetGroupArn": arns[name], "Weight": weight} for name, weight in shares.items()]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


def test_a_write_keeps_authentication_order_and_stickiness_and_replaces_only_the_weights() -> None:
    actions = [
        {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {"Issuer": "i"}},
        {
            "Type": "forward",
            "Order": 2,
            "TargetGroupArn": BLUE,
            "ForwardConfig": {
                "TargetGroups": [{"TargetGroupArn": BLUE, "Weight": 1}],
                "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60},
            },
        },
    ]
    written = with_weights(actions, {BLUE: 90.0, GREEN: 10.0})
    assert written[0] == actions[0]
    assert written[1]["Order"] == 2
    assert "TargetGroupArn" not in written[1]
    assert written[1]["ForwardConfig"] == {
        "TargetGroups": [{"TargetGroupArn": BLUE, "Weight": 90}, {"TargetGroupArn": GREEN, "Weight": 10}],
        "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60},
    }
    assert actions[1]["TargetGroupArn"] == BLUE


def test_a_tenth_of_a_percent_is_written_as_whole_weights_that_elb_allows() -> None:
    assert weights(with_weights(forward(blue=100), {BLUE: 99.9, GREEN: 0.1})) == {BLUE: 999, GREEN: 1}


def test_the_serving_group_is_the_one_with_a_weight() -> None:
    assert serving_group(INGRESS, forward(blue=0, green=100), None) == GREEN
    assert serving_group(INGRESS, [{"Type": "forward", "TargetGroupArn": BLUE}], forward(green=1)) == BLUE


@pytest.mark.parametrize(
    ("production", "sentence"),
    [
        (forward(other=100), "Both targetGroup and alternateTargetGroup must be associated"),
        (forward(blue=100), "Target group arn:green is not associated"),
        (forward(blue=90, green=10), "exactly one target group serving traffic but found 2"),
        (forward(blue=0, green=0), "found 0 target groups"),
        (forward(blue=0, green=0, other=1), "unexpected target group arn:other"),
    ],
)
def test_a_rule_that_ecs_refuses_is_refused_in_its_words(production: list[dict[str, object]], sentence: str) -> None:
    with pytest.raises(RehearsalError, match=sentence):
        serving_group(INGRESS, production, None)


def service(**advanced: str) -> dict[str, object]:
    balancer: dict[str, object] = {"targetGroupArn": BLUE, "containerName": "app", "containerPort": 8080}
    if advanced:
        balancer["advancedConfiguration"] = advanced
    return {"deploymentConfiguration": {"strategy": "BLUE_GREEN"}, "loadBalancers": [balancer]}


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (service(), "advancedConfiguration field is required for all loadBalancers"),
        (
            service(alternateTargetGroupArn=BLUE, productionListenerRule=RULE),
            "Duplicate targetGroupArn found: arn:blue",
        ),
        (
            service(alternateTargetGroupArn=GREEN, productionListenerRule="arn:aws:elb:listener/app/x"),
            "productionListenerRule has an invalid ARN format. Must be RuleArn for ALB",
        ),
        (
            service(alternateTargetGroupArn=GREEN, productionListenerRule=RULE, testListenerRule=RULE),
            "cannot be used as both production and test listener rules",
        ),
    ],
)
def test_a_service_that_could_never_deploy_is_refused_at_once(refused: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        check_service(refused)


def test_a_service_with_both_groups_and_two_rules_is_accepted() -> None:
    check_service(service(alternateTargetGroupArn=GREEN, productionListenerRule=RULE, testListenerRule=TEST_RULE))
