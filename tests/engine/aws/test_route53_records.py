"""The adapter of Route 53 against the shapes that botocore accepts and AWS answers."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.route53_records import IAM_ACTIONS, Route53Records
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.patience import Patience, TryAgainError
from bluegreen_constructs.engine.record_mark import RecordMark
from bluegreen_constructs.engine.target_settings import SIDES
from bluegreen_constructs.engine.weighted_records import AliasTo, created, found, weights_for
from bluegreen_constructs.engine.zone_records import (
    BatchRefusedError,
    RecordsChangedError,
    ZoneNotFoundError,
    swap,
)

NAME = "shop.example.com"
PATIENT = Patience(lambda: 100.0, lambda _seconds: None, seconds_per_call=1)
MARK = RecordMark("0123456789abcdef", 3, "blue")
TARGETS = {side: AliasTo(f"{side}.elb.amazonaws.com", f"Z{side.upper()}", f"check-{side}") for side in SIDES}
FIRST = {"HostedZoneId": "Z1", "StartRecordName": NAME}


def described() -> list[dict]:
    """Both records and the mark, as Route 53 answers them."""
    sets = []
    for change in created(NAME, MARK, TARGETS):
        one = dict(change["ResourceRecordSet"])
        one["Name"] += "."
        if "AliasTarget" in one:
            one |= {"AliasTarget": {**one["AliasTarget"], "DNSName": one["AliasTarget"]["DNSName"] + "."}}
        sets.append(one)
    return sets


def page(*sets: dict, **more: object) -> dict:
    return {"ResourceRecordSets": list(sets), "IsTruncated": bool(more), "MaxItems": "300", **more}


def other(name: str, kind: str = "A") -> dict:
    return {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": "192.0.2.1"}]}


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("route53")
    yield stubbed
    stubbed.done()


@pytest.fixture
def zone(stubbed: StubbedClient) -> Route53Records:
    return Route53Records(stubbed.client, PATIENT, (BotoCoreError,))


def test_records_and_mark_are_one_call(stubbed: StubbedClient, zone: Route53Records) -> None:
    stubbed.answers("list_resource_record_sets", page(*described(), other("zoo.example.com.")), FIRST)
    records = found(zone.of_name("Z1", NAME), NAME)
    assert records is not None
    assert (records.mark, records.share("blue"), records.is_whole) == (MARK, 100, True)


def test_names_between_them_are_read_over_page_by_page(stubbed: StubbedClient, zone: Route53Records) -> None:
    blue, green, mark = described()
    following = {"NextRecordName": f"{NAME}.", "NextRecordType": "A", "NextRecordIdentifier": green["SetIdentifier"]}
    stubbed.answers("list_resource_record_sets", page(blue, **following), FIRST)
    asked = {"HostedZoneId": "Z1"} | {key.replace("Next", "Start"): value for key, value in following.items()}
    further = {"NextRecordName": f"2.{NAME}.", "NextRecordType": "A"}
    stubbed.answers("list_resource_record_sets", page(green, other(f"1.{NAME}."), **further), asked)
    asked = {"HostedZoneId": "Z1", "StartRecordName": f"2.{NAME}.", "StartRecordType": "A"}
    last = page(other(f"2.{NAME}."), mark, other("zoo.example.com."), NextRecordName="zz.example.com.")
    stubbed.answers("list_resource_record_sets", last, asked)
    assert list(zone.of_name("Z1", NAME)) == [blue, green, mark]


def test_a_zone_that_ends_before_is_read_to_its_end(stubbed: StubbedClient, zone: Route53Records) -> None:
    stubbed.answers("list_resource_record_sets", page(), FIRST)
    assert list(zone.of_name("Z1", NAME)) == []


def test_a_batch_of_what_was_read_is_one_that_boto3_takes(stubbed: StubbedClient, zone: Route53Records) -> None:
    read = described()
    records = found(read, NAME)
    assert records is not None
    changes = records.changed(weights_for(25, "green"), records.next_mark())
    answer = {"ChangeInfo": {"Id": "/change/C1", "Status": "PENDING", "SubmittedAt": 0}}
    asked = {"HostedZoneId": "Z1", "ChangeBatch": {"Comment": "bluegreen", "Changes": changes}}
    stubbed.answers("change_resource_record_sets", answer, asked)
    swap(zone, "Z1", NAME, seen=read, changes=changes)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidChangeBatch", BatchRefusedError),
        ("NoSuchHostedZone", ZoneNotFoundError),
        ("NoSuchHealthCheck", AwsError),
        ("AccessDenied", AwsError),
        ("InvalidInput", AwsError),
    ],
)
def test_a_refusal_is_told_in_the_words_of_aws(
    stubbed: StubbedClient, zone: Route53Records, code: str, kind: type[AwsError]
) -> None:
    stubbed.fails("change_resource_record_sets", code)
    with pytest.raises(kind, match="in the words of AWS") as refusal:
        zone.change("Z1", created(NAME, MARK, TARGETS), "test")
    assert type(refusal.value) is kind


@pytest.mark.parametrize("code", ["PriorRequestNotComplete", "Throttling", "ThrottlingException", "ServiceUnavailable"])
def test_what_route_53_puts_off_is_tried_again(stubbed: StubbedClient, zone: Route53Records, code: str) -> None:
    stubbed.fails("list_resource_record_sets", code)
    stubbed.answers("list_resource_record_sets", page())
    zone.of_name("Z1", NAME)


def test_missing_permissions_are_waited_for_only_with_a_role_that_is_new(stubbed: StubbedClient) -> None:
    zone = Route53Records(stubbed.client, PATIENT, has_new_role=True)
    stubbed.fails("list_resource_record_sets", "AccessDenied")
    stubbed.answers("list_resource_record_sets", page())
    zone.of_name("Z1", NAME)


def changes_to(percent: int) -> list[dict]:
    records = found(described(), NAME)
    assert records is not None
    return list(records.changed(weights_for(percent, "green"), records.next_mark()))


def after(changes: list[dict]) -> list[dict]:
    return [one["ResourceRecordSet"] for one in changes if one["Action"] == "CREATE"]


def test_a_compare_that_fails_because_somebody_wrote_says_so(stubbed: StubbedClient, zone: Route53Records) -> None:
    stubbed.fails("change_resource_record_sets", "InvalidChangeBatch")
    stubbed.answers("list_resource_record_sets", page(*after(changes_to(10))))
    with pytest.raises(RecordsChangedError):
        swap(zone, "Z1", NAME, seen=described(), changes=changes_to(25))


def test_a_batch_that_had_its_effect_already_is_done(stubbed: StubbedClient, zone: Route53Records) -> None:
    """A call without an answer was sent again, and its second DELETE finds nothing to match."""
    stubbed.fails("change_resource_record_sets", "InvalidChangeBatch")
    stubbed.answers("list_resource_record_sets", page(*after(changes_to(25))))
    swap(zone, "Z1", NAME, seen=described(), changes=changes_to(25))


def test_a_batch_that_asks_for_the_impossible_is_not_blamed_on_anybody(
    stubbed: StubbedClient, zone: Route53Records
) -> None:
    stubbed.fails("change_resource_record_sets", "InvalidChangeBatch", "that target was not found")
    stubbed.answers("list_resource_record_sets", page(*described()))
    with pytest.raises(BatchRefusedError, match="that target was not found"):
        swap(zone, "Z1", NAME, seen=described(), changes=changes_to(25))


def test_when_nobody_answers_the_first_failure_is_told() -> None:
    zone = Route53Records(SilentClient("route53"), PATIENT, (BotoCoreError,))
    with pytest.raises(AwsError, match="Read timeout"):
        swap(zone, "Z1", NAME, seen=described(), changes=changes_to(25))


def reported(*words: str) -> dict:
    return {"HealthCheckObservations": [{"Region": "eu-west-1", "StatusReport": {"Status": one}} for one in words]}


@pytest.mark.parametrize(("succeeding", "is_healthy"), [(16, True), (3, True), (2, False), (0, False)])
def test_more_than_18_percent_of_the_checkers_make_a_region_healthy(
    stubbed: StubbedClient, zone: Route53Records, succeeding: int, is_healthy: bool
) -> None:
    words = ["Success: HTTP Status Code 200, OK"] * succeeding + ["Failure: timed out"] * (16 - succeeding)
    stubbed.answers("get_health_check_status", reported(*words), {"HealthCheckId": "c-1"})
    seen = zone.check("c-1")
    assert (seen.succeeding, seen.checkers, seen.is_healthy) == (succeeding, 16, is_healthy)


def test_a_check_that_nobody_has_reported_of_counts_as_healthy(stubbed: StubbedClient, zone: Route53Records) -> None:
    stubbed.answers("get_health_check_status", reported())
    assert zone.check("c-1").is_healthy


def test_the_actions_are_those_of_its_calls(stubbed: StubbedClient, zone: Route53Records) -> None:
    stubbed.answers("list_resource_record_sets", page())
    answer = {"ChangeInfo": {"Id": "/change/C1", "Status": "PENDING", "SubmittedAt": 0}}
    stubbed.answers("change_resource_record_sets", answer)
    stubbed.answers("get_health_check_status", reported("Success: HTTP Status Code 200, OK"))
    zone.of_name("Z1", NAME)
    zone.change("Z1", created(NAME, MARK, TARGETS), "test")
    zone.check("check")
    assert sorted(set(stubbed.actions)) == sorted(IAM_ACTIONS)


def test_it_puts_off_for_as_long_as_it_has_time(stubbed: StubbedClient) -> None:
    hasty = Patience(lambda: 1.0, lambda _seconds: None, seconds_per_call=1)
    stubbed.fails("list_resource_record_sets", "Throttling")
    with pytest.raises(TryAgainError):
        Route53Records(stubbed.client, hasty).of_name("Z1", NAME)
