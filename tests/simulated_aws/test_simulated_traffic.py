"""The simulated requests: where they go, how they are answered, and when CloudWatch shows it."""

from datetime import UTC, datetime

import pytest

from bluegreen_constructs.engine.target_settings import Compute
from simulated_aws.behaviour import Behaviour
from simulated_aws.one_target import OneTarget, Side
from simulated_aws.traffic import ELB, ApplicationMetric
from simulated_aws.world import Disturbances, SimulatedAws


def split(target: OneTarget, green: int, sticky: int | None = None, *, leaves_out: bool = False) -> None:
    weights = {"blue": 100 - green, "green": green}
    groups = [
        {"TargetGroupArn": target.groups[side].arn, "Weight": weight}
        for side, weight in weights.items()
        if weight or not leaves_out
    ]
    config: dict = {"TargetGroups": groups}
    if sticky:
        config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": sticky}
    target.world.elbv2.modify_rule(RuleArn=target.rule_arn, Actions=[{"Type": "forward", "ForwardConfig": config}])


def requests(target: OneTarget, side: Side) -> int:
    return target.traffic.counted(target.groups[side].arn)[0]


def minutes(target: OneTarget, side: Side, metric: str, stat: str = "Sum") -> list[float]:
    """What CloudWatch says of the first ten minutes of the run, in order."""
    settings = target.settings.side(side)
    dimensions = [
        {"Name": "LoadBalancer", "Value": target.settings.load_balancer},
        {"Name": "TargetGroup", "Value": settings.metric_name},
    ]
    return read(target, {"Namespace": ELB, "MetricName": metric, "Dimensions": dimensions}, stat)


def read(target: OneTarget, metric: dict, stat: str = "Sum") -> list[float]:
    start = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    answer = target.world.cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}],
        StartTime=start,
        EndTime=start.replace(minute=10),
        ScanBy="TimestampAscending",
    )
    return answer["MetricDataResults"][0]["Values"]


@pytest.fixture
def target() -> OneTarget:
    target = OneTarget(SimulatedAws(), compute=Compute.FIXED, rate=10.0)
    target.fleet("green").put("2")
    target.world.advance(60)
    return target


def test_requests_are_divided_by_the_rule_s_weights(target: OneTarget) -> None:
    assert (requests(target, "blue"), requests(target, "green")) == (600, 0)
    split(target, 25)
    target.world.advance(60)
    assert (requests(target, "blue"), requests(target, "green")) == (600 + 450, 150)
    assert target.traffic.total == 1200


def test_parts_of_requests_are_carried_over_until_they_are_whole(target: OneTarget) -> None:
    target.traffic.set_rate(0.001)
    for _ in range(3000):
        target.world.advance(1)
        target.traffic.catch_up()
    assert requests(target, "blue") == 603


def test_the_nodes_follow_a_write_after_the_propagation_lag() -> None:
    disturbances = Disturbances(propagation=(30, 30))
    target = OneTarget(SimulatedAws(disturbances=disturbances), compute=Compute.FIXED, rate=10.0)
    split(target, 100)
    target.world.advance(45)
    assert (requests(target, "blue"), requests(target, "green")) == (300, 150)


def test_a_later_write_never_reaches_the_nodes_before_an_earlier_one() -> None:
    for seed in range(20):
        disturbances = Disturbances(propagation=(0, 60))
        target = OneTarget(SimulatedAws(seed=seed, disturbances=disturbances), compute=Compute.FIXED)
        split(target, 100)
        split(target, 50)
        target.world.advance(60)
        assert set(target.traffic.shares().values()) == {0.5}


def test_requests_to_a_group_without_healthy_targets_are_lost(target: OneTarget) -> None:
    target.fleet("green").lose(4)
    split(target, 10)
    target.world.advance(60)
    assert target.traffic.lost == 60
    assert {loss.group_arn for loss in target.traffic.losses} == {target.groups["green"].arn}
    assert requests(target, "green") == 0
    assert target.traffic.total == 1200


def test_requests_are_lost_when_all_weights_are_zero(target: OneTarget) -> None:
    target.world.elbv2.write_by_hand(target.rule_arn, {target.groups["blue"].arn: 0})
    target.world.advance(60)
    assert (target.traffic.lost, target.traffic.losses[0].group_arn) == (600, "")
    metric = {"Namespace": ELB, "MetricName": "HTTPCode_ELB_5XX_Count"}
    dimensions = [{"Name": "LoadBalancer", "Value": target.settings.load_balancer}]
    target.world.advance(60)
    assert read(target, {**metric, "Dimensions": dimensions}) == [600.0]


def test_a_group_that_came_out_of_use_answers_until_the_nodes_know() -> None:
    disturbances = Disturbances(propagation=(30, 30))
    target = OneTarget(SimulatedAws(disturbances=disturbances), compute=Compute.FIXED, has_test_rule=False)
    split(target, 100, leaves_out=True)
    target.world.advance(60)
    assert target.traffic.lost == 0


def test_a_group_that_just_came_into_use_answers_only_after_its_first_checks(target: OneTarget) -> None:
    split(target, 100, leaves_out=True)
    target.world.advance(60)
    split(target, 0)
    target.world.advance(60)
    assert target.traffic.lost == 100


def test_each_side_errs_as_its_release_does(target: OneTarget) -> None:
    target.world.release_is("2", Behaviour(errors=0.1, connection_errors=0.05))
    split(target, 50)
    target.world.advance(120)
    assert minutes(target, "green", "RequestCount") == [300.0]
    assert minutes(target, "green", "HTTPCode_Target_5XX_Count") == [30.0]
    assert minutes(target, "green", "TargetConnectionErrorCount") == [15.0]


def test_an_incident_hits_all_releases(target: OneTarget) -> None:
    target.traffic.set_incident(0.5)
    split(target, 50)
    target.world.advance(120)
    assert minutes(target, "green", "HTTPCode_Target_5XX_Count") == [150.0]
    assert minutes(target, "blue", "HTTPCode_Target_5XX_Count")[-1] == 150.0


def test_a_minute_is_seen_one_lag_after_its_end_and_not_before(target: OneTarget) -> None:
    target.world.advance(59.9)
    assert minutes(target, "blue", "RequestCount") == []
    target.world.advance(0.2)
    assert minutes(target, "blue", "RequestCount") == [600.0]


def test_there_is_no_datapoint_for_a_count_of_zero(target: OneTarget) -> None:
    target.world.release_is("1", Behaviour(errors=0))
    target.world.advance(120)
    assert minutes(target, "green", "RequestCount") == []
    assert minutes(target, "blue", "HTTPCode_Target_5XX_Count") == []


def test_zeros_of_a_group_with_targets_are_reported_if_asked_for() -> None:
    target = OneTarget(SimulatedAws(), compute=Compute.FIXED, reports_zeros=True)
    target.world.advance(120)
    assert minutes(target, "green", "RequestCount") == [0.0]
    target = OneTarget(SimulatedAws(), compute=Compute.FIXED, reports_zeros=True, rate=0)
    target.world.advance(120)
    assert minutes(target, "green", "RequestCount") == []


def test_a_percentile_rank_says_how_many_requests_were_fast_enough(target: OneTarget) -> None:
    target.world.release_is("1", Behaviour(slow=0.25))
    target.world.advance(60)
    bounds = ("PR(:0.01)", "PR(:0.8)", "PR(:5)")
    assert [minutes(target, "blue", "TargetResponseTime", bound) for bound in bounds] == [[0.0], [75.0], [100.0]]
    assert minutes(target, "green", "TargetResponseTime", "PR(:0.8)") == []


def test_an_application_counts_its_own_by_side() -> None:
    own = ApplicationMetric("App", "Failed", "Predictions", (("Model", "m"),))
    target = OneTarget(SimulatedAws(), compute=Compute.FIXED, rate=10, application=own)
    target.world.release_is("1", Behaviour(bad=0.05))
    target.world.advance(120)
    dimensions = [{"Name": "Side", "Value": "blue"}, {"Name": "Model", "Value": "m"}]
    assert read(target, {"Namespace": "App", "MetricName": "Predictions", "Dimensions": dimensions}) == [600.0]
    assert read(target, {"Namespace": "App", "MetricName": "Failed", "Dimensions": dimensions}) == [30.0]


def test_clients_that_stick_to_a_group_stay_there_at_weight_zero_until_their_time_is_up(target: OneTarget) -> None:
    split(target, 20, sticky=120)
    split(target, 0, sticky=120)
    target.world.advance(60)
    assert requests(target, "green") == 120
    target.world.advance(120)
    assert requests(target, "green") == 240


def test_clients_do_not_stick_to_a_group_that_the_action_leaves_out(target: OneTarget) -> None:
    split(target, 20, sticky=120)
    split(target, 0, sticky=120, leaves_out=True)
    target.world.advance(60)
    assert requests(target, "green") == 0


def test_the_last_request_of_a_group_is_known(target: OneTarget) -> None:
    arn = target.groups["green"].arn
    assert target.traffic.last_request(arn) == float("-inf")
    split(target, 10)
    target.world.advance(30)
    split(target, 0)
    moved = target.world.now
    target.world.advance(300)
    assert target.traffic.last_request(arn) == moved
