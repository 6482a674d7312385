"""EcsBlueGreenService: how many tasks run, right while both sides do; the metric math as CloudWatch evaluates it."""

import re
from functools import cache

import pytest
from aws_cdk.assertions import Template

from bluegreen_constructs import Scaling, ScheduledScaling
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.rehearsal.cloudwatch.metric_math import Scope, evaluate
from bluegreen_constructs.rehearsal.cloudwatch.time_series import Axis, TimeSeries
from tests.blue_green_service import only, resources, service, template
from tests.judged_service import resolved

X = None  # a minute without a data point
Minutes = list[float | None]
MORNING = ScheduledScaling("cron(0 6 ? * MON-FRI *)", min=6, max=30, time_zone="Europe/Vienna")
EVENING = ScheduledScaling("cron(0 20 ? * MON-FRI *)", min=2, max=10)


@cache
def scaled() -> Template:
    """A service that scales on everything; synthesised once."""
    return template(
        service(
            scaling=Scaling(min=2, max=20, requests_per_target=500, cpu_percent=60, schedules=[MORNING, EVENING]),
        )
    )


@pytest.fixture
def full() -> Template:
    return scaled()


def policy(found: Template, name: str) -> dict:
    (one,) = [
        one["Properties"]["TargetTrackingScalingPolicyConfiguration"]
        for one in resources(found, "AWS::ApplicationAutoScaling::ScalingPolicy").values()
        if one["Properties"]["PolicyName"] == name
    ]
    return one


def load(found: Template, policy_name: str, **metrics: Minutes) -> Minutes:
    """What the policy sees, minute by minute."""
    (expression,) = [one["Expression"] for one in metrics_of(found, policy_name) if "Expression" in one]
    count = len(next(iter(metrics.values())))
    known = {one["Id"]: [X] * count for one in metrics_of(found, policy_name) if "MetricStat" in one}
    assert metrics.keys() <= known.keys()
    series = {name: TimeSeries(tuple(values), name) for name, values in (known | metrics).items()}
    result = evaluate(expression, Scope(Axis(0.0, 60, count), series))
    assert isinstance(result, TimeSeries)
    return list(result.values)


def metrics_of(found: Template, name: str) -> list[dict]:
    metrics: list[dict] = policy(found, name)["CustomizedMetricSpecification"]["Metrics"]
    return metrics


class TestRequests:
    def test_the_load_is_that_of_the_one_side_that_serves(self, full: Template) -> None:
        assert load(full, "InferenceRequest", tb=[400, X, 450], tg=[X, 420, X]) == [400, 420, 450]

    def test_at_each_split_of_a_canary_it_is_what_one_side_carries_after_the_last_step(self, full: Template) -> None:
        """1,000 requests at 2 tasks a side: 500 a task, whoever has how much of them."""
        shares = [0, 10, 50, 90, 100]
        blue: Minutes = [(100 - share) * 1000 / 100 / 2 for share in shares]
        green: Minutes = [share * 1000 / 100 / 2 for share in shares]
        assert load(full, "InferenceRequest", tb=blue, tg=green) == [500] * 5

    def test_a_minute_without_requests_is_a_minute_without_load(self, full: Template) -> None:
        assert load(full, "InferenceRequest", tb=[X], tg=[X]) == [0]

    def test_it_is_the_sum_of_requests_for_each_task_that_is_kept(self, full: Template) -> None:
        assert policy(full, "InferenceRequest")["TargetValue"] == 500
        stats = [one["MetricStat"] for one in metrics_of(full, "InferenceRequest") if "MetricStat" in one]
        assert [one["Metric"]["MetricName"] for one in stats] == ["RequestCountPerTarget"] * 2
        groups = [one["Metric"]["Dimensions"][0]["Value"] for one in stats]
        assert [resolved(one).split("/")[1] for one in groups] == ["Blue", "Green"]


class TestCpu:
    def test_of_one_side_it_is_what_its_tasks_use(self, full: Template) -> None:
        assert load(full, "InferenceCpu", cpu=[70, 70], hb=[4, X], hg=[X, 4]) == [70, 70]

    def test_while_both_sides_run_it_counts_as_if_the_work_were_on_one(self, full: Template) -> None:
        """The service's average is halved by as many idle tasks; half of them gone, it would be too few by half."""
        assert load(full, "InferenceCpu", cpu=[35], hb=[4], hg=[4]) == [70]

    def test_a_side_that_is_still_small_counts_for_what_it_is(self, full: Template) -> None:
        assert load(full, "InferenceCpu", cpu=[40], hb=[4], hg=[1]) == [50]

    def test_tasks_that_no_group_knows_yet_count_once(self, full: Template) -> None:
        assert load(full, "InferenceCpu", cpu=[35, 35], hb=[X, 0], hg=[X, 0]) == [35, 35]

    def test_a_minute_without_cpu_is_no_idle_one(self, full: Template) -> None:
        """Read as zero it would scale in to the minimum."""
        assert load(full, "InferenceCpu", cpu=[X, X], hb=[4, X], hg=[4, X]) == [X, X]

    def test_it_is_the_services_own_average(self, full: Template) -> None:
        (stat, *_) = [one["MetricStat"] for one in metrics_of(full, "InferenceCpu") if "MetricStat" in one]
        assert stat["Stat"] == "Average"
        assert (stat["Metric"]["Namespace"], stat["Metric"]["MetricName"]) == ("AWS/ECS", "CPUUtilization")
        (cluster,), (name,) = resources(full, "AWS::ECS::Cluster"), resources(full, "AWS::ECS::Service")
        assert resolved(stat["Metric"]["Dimensions"]) == [
            {"Name": "ClusterName", "Value": f"<{cluster}>"},
            {"Name": "ServiceName", "Value": f"<{name}.Name>"},
        ]
        assert policy(full, "InferenceCpu")["TargetValue"] == 60


class TestWhatScalingPoliciesTake:
    @pytest.mark.parametrize("name", ["InferenceRequest", "InferenceCpu"])
    def test_no_metric_has_a_period_and_one_expression_is_returned(self, full: Template, name: str) -> None:
        metrics = metrics_of(full, name)
        assert "Period" not in str(metrics)
        assert [one["Id"] for one in metrics if one["ReturnData"]] == ["load"]
        assert len(metrics) <= 10
        (expression,) = [one["Expression"] for one in metrics if "Expression" in one]
        assert len(expression) <= 1024

    def test_an_array_holds_no_number(self, full: Template) -> None:
        """CloudWatch takes time series in an array, and refuses `MAX([m1,1])` at deployment."""
        for name in ("InferenceRequest", "InferenceCpu"):
            (expression,) = [one["Expression"] for one in metrics_of(full, name) if "Expression" in one]
            for inside in re.findall(r"\[(.*?)\]", expression):
                assert not re.search(r"(^|,)\d+(,|$)", re.sub(r"\(.*?\)", "", inside))

    def test_both_policies_are_of_the_one_scalable_target(self, full: Template) -> None:
        ((name, target),) = resources(full, "AWS::ApplicationAutoScaling::ScalableTarget").items()
        for one in resources(full, "AWS::ApplicationAutoScaling::ScalingPolicy").values():
            assert one["Properties"]["ScalingTargetId"] == {"Ref": name}
        properties = target["Properties"]
        assert (properties["MinCapacity"], properties["MaxCapacity"]) == (2, 20)
        (cluster,), (own,) = resources(full, "AWS::ECS::Cluster"), resources(full, "AWS::ECS::Service")
        assert resolved(properties["ResourceId"]) == f"service/<{cluster}>/<{own}.Name>"


class TestSchedules:
    def test_a_schedule_brings_other_bounds(self, full: Template) -> None:
        target = only(resources(full, "AWS::ApplicationAutoScaling::ScalableTarget"))["Properties"]
        assert target["ScheduledActions"] == [
            {
                "ScheduledActionName": "Schedule1",
                "Schedule": "cron(0 6 ? * MON-FRI *)",
                "Timezone": "Europe/Vienna",
                "ScalableTargetAction": {"MinCapacity": 6, "MaxCapacity": 30},
            },
            {
                "ScheduledActionName": "Schedule2",
                "Schedule": "cron(0 20 ? * MON-FRI *)",
                "Timezone": "UTC",
                "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 10},
            },
        ]

    def test_schedules_alone_need_no_policy_and_no_count_in_the_template(self) -> None:
        found = template(service(scaling=Scaling(min=3, schedules=[MORNING])))
        found.resource_count_is("AWS::ApplicationAutoScaling::ScalingPolicy", 0)
        target = only(resources(found, "AWS::ApplicationAutoScaling::ScalableTarget"))["Properties"]
        assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 3)
        assert "DesiredCount" not in only(resources(found, "AWS::ECS::Service"))["Properties"]

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"schedule": "every morning", "min": 1, "max": 2}, r"give cron\(…\), rate\(…\) or at\(…\)"),
            ({"schedule": "cron()", "min": 1, "max": 2}, "ScheduledScaling schedule is"),
            ({"schedule": "rate(1 day)", "min": 0, "max": 2}, "give 1 or more, and max at least min"),
            ({"schedule": "rate(1 day)", "min": 3, "max": 2}, "goes from 3 to 2 tasks"),
        ],
    )
    def test_a_time_that_never_comes_and_bounds_that_cannot_hold_are_refused(
        self, settings: dict[str, object], said: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=said):
            ScheduledScaling(**settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cpu_percent": 0, "max": 4}, "more than 0 and at most 100"),
        ({"cpu_percent": 101, "max": 4}, "more than 0 and at most 100"),
        ({"cpu_percent": 60}, "cpu_percent without max"),
    ],
)
def test_a_cpu_that_no_task_could_have_is_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Scaling(**settings)
