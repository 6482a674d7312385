"""What a bake asks of CloudWatch in each region and tells CodePipeline, against the shapes that botocore accepts."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws import alarms_of_regions, clients, pipeline_jobs
from bluegreen_constructs.engine.aws.alarms_of_regions import AlarmsOfRegions
from bluegreen_constructs.engine.aws.pipeline_jobs import PipelineJobs
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.stage_bake import MISSING, UNREAD, AlarmSeen, BakedAlarm

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEFORE, AFTER = BEGAN - timedelta(minutes=1), BEGAN + timedelta(minutes=1)
JOB = "11111111-2222-3333-4444-555555555555"
ROLE = "arn:aws:iam::210987654321:role/bakes"
ONE, TWO = BakedAlarm("one"), BakedAlarm("two")
RINGS_STILL = AlarmSeen("ALARM", rings_still=True)


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("cloudwatch")
    yield stubbed
    stubbed.done()
    assert set(stubbed.actions) <= set(alarms_of_regions.READ_ACTIONS)


@pytest.fixture
def jobs_client() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("codepipeline")
    yield stubbed
    stubbed.done()
    assert set(stubbed.actions) <= set(pipeline_jobs.IAM_ACTIONS)


def alarms(client: object) -> AlarmsOfRegions:
    return AlarmsOfRegions(lambda _region, _role: client, (BotoCoreError,))  # type: ignore[arg-type, return-value]


def alarm(name: str, state: str = "OK", changed: datetime | None = BEFORE) -> dict[str, object]:
    known = {"AlarmName": name, "StateValue": state}
    return known if changed is None else {**known, "StateTransitionedTimestamp": changed}


def change(state: str) -> dict[str, object]:
    return {"AlarmName": "one", "HistoryData": json.dumps({"newState": {"stateValue": state}})}


def test_alarms_and_composite_alarms_are_asked_for_by_name_in_one_request(stubbed: StubbedClient) -> None:
    asked = {"AlarmNames": ["one", "two"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100}
    stubbed.answers(
        "describe_alarms", {"MetricAlarms": [alarm("one")], "CompositeAlarms": [alarm("two", "ALARM")]}, asked
    )
    assert alarms(stubbed.client).since([ONE, TWO], BEGAN) == {ONE: AlarmSeen("OK"), TWO: RINGS_STILL}


@pytest.mark.parametrize(
    ("name", "changed", "rings_still"),
    [
        ("StateTransitionedTimestamp", BEFORE, True),
        ("StateUpdatedTimestamp", BEFORE, True),
        ("StateTransitionedTimestamp", AFTER, False),
        ("StateUpdatedTimestamp", AFTER, False),
        ("StateTransitionedTimestamp", BEGAN - timedelta(seconds=1), False),  # the clocks are not one
        (None, None, False),
    ],
)
def test_an_alarm_rings_still_when_its_state_is_from_before_the_bake(
    stubbed: StubbedClient, name: str | None, changed: datetime | None, rings_still: bool
) -> None:
    described = alarm("one", "ALARM", changed=None)
    if name is not None:
        described[name] = changed
    stubbed.answers("describe_alarms", {"MetricAlarms": [described]})
    assert alarms(stubbed.client).since([ONE], BEGAN)[ONE] == AlarmSeen("ALARM", rings_still=rings_still)


@pytest.mark.parametrize(
    ("described", "seconds"),
    [
        ({"Period": 3600, "EvaluationPeriods": 1}, 3600),
        ({"Period": 60, "EvaluationPeriods": 5, "DatapointsToAlarm": 3}, 300),
        ({"EvaluationPeriods": 2, "Metrics": [{"Id": "a", "Expression": "b", "Period": 120}]}, 240),
        ({"EvaluationPeriods": 3, "Metrics": ["stat 60", "stat 300"]}, 900),
        ({"Period": 60, "EvaluationPeriods": 2, "EvaluationWindow": {"SlidingWindow": {}}}, 120),
        # Whole hours of the clock: the first one that lies wholly in the bake begins up to an hour after it.
        ({"Period": 3600, "EvaluationPeriods": 2, "EvaluationWindow": {"WallClockWindow": {}}}, 3 * 3600),
        ({}, 0),
    ],
)
def test_an_alarm_needs_as_long_as_the_data_reach_back_that_it_judges_by(
    stubbed: StubbedClient, described: dict[str, object], seconds: int
) -> None:
    queries = described.get("Metrics", [])
    assert isinstance(queries, list)
    metrics = [one if isinstance(one, dict) else statistic(int(one.split()[1])) for one in queries]
    changed = {**described, "Metrics": metrics} if metrics else described
    stubbed.answers("describe_alarms", {"MetricAlarms": [{**alarm("one"), **changed}]})
    assert alarms(stubbed.client).since([ONE], BEGAN)[ONE] == AlarmSeen("OK", needs=timedelta(seconds=seconds))


def statistic(period: int) -> dict[str, object]:
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount"}
    return {"Id": f"m{period}", "MetricStat": {"Metric": metric, "Stat": "Sum", "Period": period}}


def test_a_history_that_cannot_be_read_keeps_what_the_alarm_needs(stubbed: StubbedClient) -> None:
    described = {**alarm("one", changed=AFTER), "Period": 60, "EvaluationPeriods": 2}
    stubbed.answers("describe_alarms", {"MetricAlarms": [described]})
    stubbed.fails("describe_alarm_history", "Throttling")
    seen = alarms(stubbed.client).since([ONE], BEGAN)[ONE]
    assert (seen.state, seen.needs) == (UNREAD, timedelta(minutes=2))


def test_an_alarm_that_is_not_there_is_missing(stubbed: StubbedClient) -> None:
    stubbed.answers("describe_alarms", {"MetricAlarms": [alarm("one")]})
    assert alarms(stubbed.client).since([ONE, TWO], BEGAN)[TWO] == AlarmSeen(MISSING)


def test_more_than_a_request_holds_are_asked_for_in_several_and_read_page_by_page(stubbed: StubbedClient) -> None:
    many = [BakedAlarm(f"a{number}") for number in range(150)]
    first = [alarm(one.name) for one in many[:100]]
    stubbed.answers("describe_alarms", {"MetricAlarms": first[:60], "NextToken": "t"})
    stubbed.answers("describe_alarms", {"MetricAlarms": first[60:]})
    stubbed.answers("describe_alarms", {"MetricAlarms": [alarm(one.name) for one in many[100:]]})
    assert set(alarms(stubbed.client).since(many, BEGAN).values()) == {AlarmSeen("OK")}
    assert [len(given["AlarmNames"]) for _, given in stubbed.asked] == [100, 100, 50]
    assert stubbed.asked[1][1]["NextToken"] == "t"


@pytest.mark.parametrize(
    ("states", "has_rung"), [(["OK"], False), (["INSUFFICIENT_DATA", "OK"], False), (["ALARM", "OK"], True)]
)
def test_one_that_changed_since_the_bake_began_is_asked_what_it_was(
    stubbed: StubbedClient, states: list[str], has_rung: bool
) -> None:
    stubbed.answers("describe_alarms", {"MetricAlarms": [alarm("one", changed=AFTER)]})
    asked = {
        "AlarmName": "one",
        "AlarmTypes": ["MetricAlarm", "CompositeAlarm"],
        "HistoryItemType": "StateUpdate",
        "StartDate": BEGAN - timedelta(seconds=1),
        "ScanBy": "TimestampAscending",
        "MaxRecords": 100,
    }
    for number, state in enumerate(states):
        more = {"NextToken": str(number)} if number + 1 < len(states) and not has_rung else {}
        stubbed.answers("describe_alarm_history", {"AlarmHistoryItems": [change(state)], **more}, asked)
        if not more:
            break
        asked = {**asked, "NextToken": str(number)}
    assert alarms(stubbed.client).since([ONE], BEGAN)[ONE] == AlarmSeen("OK", has_rung=has_rung)


def test_an_alarm_whose_last_change_is_not_known_is_asked_what_it_was(stubbed: StubbedClient) -> None:
    stubbed.answers("describe_alarms", {"MetricAlarms": [alarm("one", changed=None)]})
    stubbed.answers("describe_alarm_history", {"AlarmHistoryItems": [change("ALARM")]})
    assert alarms(stubbed.client).since([ONE], BEGAN)[ONE].has_rung


@pytest.mark.parametrize("data", ["x", "[]", "{}", '{"newState": 5}', '{"newState": {}}'])
def test_a_history_that_cannot_be_read_is_no_evidence(stubbed: StubbedClient, data: str) -> None:
    stubbed.answers("describe_alarms", {"MetricAlarms": [alarm("one", changed=AFTER), alarm("two", "ALARM")]})
    stubbed.answers("describe_alarm_history", {"AlarmHistoryItems": [{"HistoryData": data}]})
    seen = alarms(stubbed.client).since([ONE, TWO], BEGAN)
    assert seen[ONE].state == UNREAD
    assert seen[TWO] == RINGS_STILL  # the others still count


def test_a_refused_history_is_no_evidence_and_the_others_still_count(stubbed: StubbedClient) -> None:
    stubbed.answers("describe_alarms", {"MetricAlarms": [alarm("one", changed=AFTER), alarm("two", "ALARM")]})
    stubbed.fails("describe_alarm_history", "AccessDenied")
    seen = alarms(stubbed.client).since([ONE, TWO], BEGAN)
    assert (seen[ONE].state, seen[TWO]) == (UNREAD, RINGS_STILL)
    assert "in the words of AWS" in seen[ONE].why


def test_each_region_and_account_is_asked_once_and_one_that_fails_does_not_silence_the_others(
    stubbed: StubbedClient,
) -> None:
    far, further, denied = (
        BakedAlarm("one", "us-east-1"),
        BakedAlarm("two", "us-east-1", ROLE),
        BakedAlarm("x", "", ROLE),
    )
    places: list[tuple[str, str]] = []

    def client_of(region: str, role_arn: str) -> object:
        places.append((region, role_arn))
        if (region, role_arn) == ("", ROLE):
            raise AwsError("AccessDenied: may not take it on")
        return SilentClient("cloudwatch") if region and not role_arn else stubbed.client

    stubbed.answers("describe_alarms", {"MetricAlarms": [alarm("one"), alarm("two")]})
    stubbed.answers("describe_alarms", {"MetricAlarms": [alarm("two", "ALARM")]})
    seen = AlarmsOfRegions(client_of, (BotoCoreError,)).since([ONE, far, TWO, denied, further], BEGAN)  # type: ignore[arg-type]
    assert places == [("", ""), ("us-east-1", ""), ("", ROLE), ("us-east-1", ROLE)]
    states = {ONE: "OK", TWO: "OK", far: UNREAD, denied: UNREAD, further: "ALARM"}
    assert {one: answer.state for one, answer in seen.items()} == states
    assert seen[denied].why == "AccessDenied: may not take it on"
    assert "timeout" in seen[far].why.lower()


def test_what_there_is_no_time_to_ask_about_is_no_evidence(stubbed: StubbedClient) -> None:
    far = BakedAlarm("far", "us-east-1")
    times = iter([True, True, False, False])
    stubbed.answers("describe_alarms", {"MetricAlarms": [alarm("one", changed=AFTER), alarm("two")]})
    of_regions = AlarmsOfRegions(lambda *_: stubbed.client, (BotoCoreError,), lambda: next(times))  # type: ignore[arg-type, return-value]
    seen = of_regions.since([ONE, TWO, far], BEGAN)
    assert [seen[one].state for one in (ONE, TWO, far)] == [UNREAD, "OK", UNREAD]
    assert "no time left" in seen[far].why


# -- CodePipeline -------------------------------------------------------------------------------------------------


def test_a_bake_that_goes_on_gives_its_token(jobs_client: StubbedClient) -> None:
    asked = {
        "jobId": JOB,
        "continuationToken": "token",
        "executionDetails": {"summary": "4 min left", "percentComplete": 60},
    }
    jobs_client.answers("put_job_success_result", {}, asked)
    PipelineJobs(jobs_client.client).again(JOB, "token", "4 min left", 60)


def test_a_good_one_gives_no_token(jobs_client: StubbedClient) -> None:
    details = {"summary": "quiet", "percentComplete": 100}
    jobs_client.answers("put_job_success_result", {}, {"jobId": JOB, "executionDetails": details})
    PipelineJobs(jobs_client.client).good(JOB, "quiet")


def test_a_failed_one_says_why_in_as_many_words_as_codepipeline_takes(jobs_client: StubbedClient) -> None:
    details = {"type": "JobFailed", "message": "x" * 5000}
    jobs_client.answers("put_job_failure_result", {}, {"jobId": JOB, "failureDetails": details})
    PipelineJobs(jobs_client.client).failed(JOB, "x" * 6000)


def test_a_job_that_has_its_answer_keeps_it(jobs_client: StubbedClient) -> None:
    jobs = PipelineJobs(jobs_client.client)
    for operation, answer in (
        ("put_job_success_result", lambda: jobs.good(JOB, "quiet")),
        ("put_job_success_result", lambda: jobs.again(JOB, "token", "left", 1)),
        ("put_job_failure_result", lambda: jobs.failed(JOB, "red")),
    ):
        jobs_client.fails(operation, "InvalidJobStateException")
        answer()


@pytest.mark.parametrize("code", ["ThrottlingException", "JobNotFoundException", "AccessDeniedException"])
def test_an_answer_that_did_not_arrive_is_an_error_so_that_lambda_tries_again(
    jobs_client: StubbedClient, code: str
) -> None:
    jobs_client.fails("put_job_failure_result", code)
    with pytest.raises(AwsError, match="in the words of AWS"):
        PipelineJobs(jobs_client.client).failed(JOB, "red")


def test_a_call_that_codepipeline_does_not_answer_is_an_error() -> None:
    with pytest.raises(AwsError):
        PipelineJobs(SilentClient("codepipeline"), (BotoCoreError,)).good(JOB, "quiet")  # type: ignore[arg-type]


# -- the clients --------------------------------------------------------------------------------------------------


def test_alarms_of_another_region_are_asked_there_and_those_of_another_account_as_its_role(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sts = StubbedClient("sts")
    keys = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "far", "SessionToken": "t", "Expiration": AFTER}
    asked = {"RoleArn": ROLE, "RoleSessionName": "bluegreen-stage-bake", "DurationSeconds": 900}
    sts.answers("assume_role", {"Credentials": keys}, asked)
    sts.fails("assume_role", "AccessDenied")
    real = clients.boto3.client
    made: list[dict[str, object]] = []

    def client(service: str, **given: object) -> object:
        if service == "sts":
            return sts.client
        made.append(given)
        return real(service, **given)

    monkeypatch.setattr(clients.boto3, "client", client)
    assert clients.alarms_in("us-east-1", "").meta.region_name == "us-east-1"  # type: ignore[attr-defined]
    clients.alarms_in("eu-west-1", ROLE)
    assert (made[0].get("aws_access_key_id"), made[1]["aws_access_key_id"]) == (None, keys["AccessKeyId"])
    assert (made[1]["aws_secret_access_key"], made[1]["aws_session_token"]) == ("far", "t")
    with pytest.raises(AwsError, match="in the words of AWS"):
        clients.alarms_in("eu-west-1", ROLE)
    assert sts.actions == ["sts:AssumeRole", "sts:AssumeRole"]
    assert set(sts.actions) | set(alarms_of_regions.READ_ACTIONS) == set(alarms_of_regions.IAM_ACTIONS)
    sts.done()


@pytest.mark.parametrize("make", [clients.pipeline_jobs, lambda: clients.alarms_in("us-east-1", "")])
def test_their_calls_end_in_time(make) -> None:
    config = make().meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert 3 * (config.connect_timeout + config.read_timeout) < clients.SECONDS_PER_CALL
