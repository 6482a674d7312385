"""The custom resource of weighted records: written once, never re-weighted, whole after whatever happens (I2, I7)."""

import copy

import pytest
from fake_route53 import FakeRoute53, KilledError
from weighted_records_stack import MARK, NAME, OWNER, Stack, properties, side, simple

from bluegreen_constructs.engine.weighted_records import weights_for

CHANGED = properties(Green=side("green", HealthCheckId="check-new"))
SECOND_GREEN = properties(Green=side("green", DnsName="Green-2.elb.amazonaws.com"))


@pytest.fixture
def stack() -> Stack:
    return Stack()


@pytest.fixture
def made(stack: Stack) -> Stack:
    assert stack.create(properties())["Status"] == "SUCCESS"
    return stack


def shifted(stack: Stack, blue: int, **changes: object) -> None:
    """Somebody moves traffic by the command line, in one batch of its own."""
    records = stack.records()
    batch = records.changed(weights_for(blue, "blue"), records.next_mark(**changes))
    stack.dns.change_resource_record_sets(HostedZoneId="Z1", ChangeBatch={"Changes": batch})


def alias(stack: Stack, name: str) -> dict:
    return stack.records().sides[name]  # type: ignore[index]


class TestCreate:
    def test_all_weight_is_on_blue_and_the_mark_says_so(self, made: Stack) -> None:
        assert made.weights() == (100, 0)
        assert (made.mark().owner, made.mark().fence, made.mark().live) == (OWNER, 1, "blue")

    def test_it_is_one_batch(self, made: Stack) -> None:
        (batch,) = made.dns.writes()
        assert [one["Action"] for one in batch["ChangeBatch"]["Changes"]] == ["CREATE"] * 3

    def test_each_record_leads_to_its_load_balancer_and_is_answered_by_its_own_health_check(self, made: Stack) -> None:
        one = alias(made, "green")
        assert (one["Type"], one["HealthCheckId"]) == ("A", "check-green")
        assert one["AliasTarget"] == {
            "HostedZoneId": "ZGREEN",
            "DNSName": "green-1.elb.amazonaws.com.",
            "EvaluateTargetHealth": False,
        }

    def test_the_public_mark_holds_neither_the_account_nor_a_name_of_the_stack(self, made: Stack) -> None:
        value = str(made.records().mark_set)
        for word in ("123456789012", "arn", "Inference", "Switch", "5b478418"):
            assert word not in value

    @pytest.mark.parametrize(
        "there",
        [
            simple(),
            simple("AAAA"),
            simple("CNAME"),
            simple("TXT", MARK),
            {"Name": NAME, "Type": "A", "SetIdentifier": "theirs", "Weight": 9, "TTL": 60, "ResourceRecords": []},
        ],
    )
    def test_a_name_that_somebody_else_answers_is_refused_and_left_alone(self, stack: Stack, there: dict) -> None:
        stack.dns.sets[(there["Name"] + ".", there["Type"], there.get("SetIdentifier", ""))] = there
        before = copy.deepcopy(stack.dns.sets)
        answer = stack.create(properties())
        assert answer["Status"] == "FAILED"
        assert "let the existing record become an alias to it (one UPSERT)" in answer["Reason"]
        assert stack.delete(properties())["Status"] == "SUCCESS"
        assert stack.dns.sets == before

    def test_a_name_that_is_given_away_to_another_zone_is_refused(self, stack: Stack) -> None:
        stack.dns.put(simple("NS"))
        assert f"the NS record of {NAME}" in stack.create(properties())["Reason"]
        assert len(stack.dns.sets) == 1

    def test_the_zones_own_name_has_name_servers_all_the_same(self, stack: Stack) -> None:
        stack.dns.put(simple("NS"))
        stack.dns.put(simple("SOA"))
        assert stack.create(properties())["Status"] == "SUCCESS"

    @pytest.mark.parametrize("gone", [[], ["TXT"], ["A"]])
    def test_records_of_another_switch_are_not_said_to_be_deleted(self, made: Stack, gone: list[str]) -> None:
        """Another construct id is another resource: to delete what serves would be an outage."""
        for key in [key for key in made.dns.sets if key[1] in gone]:
            del made.dns.sets[key]
        before = copy.deepcopy(made.dns.sets)
        event = made.event("Create", properties()) | {"LogicalResourceId": "Another"}
        made.physical_id = None
        answer = made.send(event)
        assert answer["Status"] == "FAILED"
        assert "they belong to another RegionSwitch: keep its construct id" in answer["Reason"]
        assert made.dns.sets == before

    @pytest.mark.parametrize("kind", ["MX", "CAA", "TXT"])
    def test_what_answers_no_client_may_be_there(self, stack: Stack, kind: str) -> None:
        stack.dns.put(simple(kind))
        assert stack.create(properties())["Status"] == "SUCCESS"

    def test_the_same_event_twice_writes_once(self, stack: Stack) -> None:
        event = stack.event("Create", properties())
        stack.send(event)
        shifted(stack, 40)
        before = len(stack.dns.writes())
        assert stack.send(event)["Status"] == "SUCCESS"
        assert len(stack.dns.writes()) == before
        assert stack.weights() == (40, 60)

    def test_records_of_the_same_resource_are_adopted_with_their_weights(self, made: Stack) -> None:
        shifted(made, 30, live="green")
        assert made.create(CHANGED)["Status"] == "SUCCESS"
        assert made.weights() == (30, 70)
        assert made.mark().live == "green"
        assert alias(made, "green")["HealthCheckId"] == "check-new"

    def test_records_that_are_adopted_go_on_leading_to_where_they_did(self, made: Stack) -> None:
        """I2; and a create that is refused would have CloudFormation delete them."""
        shifted(made, 100)
        wanted = SECOND_GREEN | {"Blue": side("blue", DnsName="blue-2.elb.amazonaws.com")}
        assert made.create(wanted)["Status"] == "SUCCESS"
        assert led_to(made.dns.sets) == {"blue-1.elb.amazonaws.com.": 100, "green-2.elb.amazonaws.com.": 0}

    def test_a_mark_between_many_names_is_found_page_by_page(self, stack: Stack) -> None:
        for label in ("1", "2", "3", "4", "0-a", "api"):
            stack.dns.put(simple(name=f"{label}.{NAME}"))
        stack.dns.put(simple(name="shop-a.example.com"))
        stack.dns.put(simple(name="zoo.example.com"))
        assert stack.create(properties())["Status"] == "SUCCESS"
        assert stack.update(CHANGED, properties())["Status"] == "SUCCESS"
        assert len(stack.dns.writes()) == 2


class TestUpdate:
    def test_a_health_check_changes_and_the_weights_do_not(self, made: Stack) -> None:
        shifted(made, 75)
        assert made.update(CHANGED, properties())["Status"] == "SUCCESS"
        assert made.weights() == (75, 25)
        assert alias(made, "green")["HealthCheckId"] == "check-new"
        assert made.mark().fence == 3

    def test_the_side_without_traffic_may_lead_elsewhere(self, made: Stack) -> None:
        assert made.update(SECOND_GREEN, properties())["Status"] == "SUCCESS"
        assert led_to(made.dns.sets) == {"blue-1.elb.amazonaws.com.": 100, "green-2.elb.amazonaws.com.": 0}

    @pytest.mark.parametrize(
        "wanted",
        [
            properties(Blue=side("green"), Green=side("blue")),
            properties(Blue=side("blue", DnsName="blue-2.elb.amazonaws.com")),
            properties(Blue=side("blue", ZoneId="ZOTHER")),
        ],
        ids=["exchanged", "name", "zone"],
    )
    @pytest.mark.parametrize("blue", [100, 1])
    def test_a_side_with_traffic_keeps_its_load_balancer_and_the_way_back_is_free(
        self, made: Stack, wanted: dict, blue: int
    ) -> None:
        shifted(made, blue)
        before = led_to(made.dns.sets)
        event = made.event("Update", wanted, properties())
        answer = made.send(event)
        assert answer["Status"] == "FAILED"
        assert "shift to the other side first, then change this one" in answer["Reason"]
        assert made.update(properties(), wanted)["Status"] == "SUCCESS"
        assert led_to(made.dns.sets) == before
        shifted(made, 0)
        assert made.send(event)["Status"] == "FAILED"  # a late copy
        assert alias(made, "blue")["AliasTarget"]["DNSName"] == "blue-1.elb.amazonaws.com."

    def test_a_refused_update_while_a_side_is_missing_changes_nothing(self, made: Stack) -> None:
        """Blue is answered alone, whatever its weight: it has everything."""
        shifted(made, 0)
        made.dns.take(name=NAME, kind="A", identifier=f"bluegreen-green-{OWNER}")
        before = copy.deepcopy(made.dns.sets)
        wanted = properties(Blue=side("blue", DnsName="blue-2.elb.amazonaws.com"))
        assert "blue has 100 %" in made.update(wanted, properties())["Reason"]
        assert made.dns.sets == before
        assert made.update(properties(), wanted)["Status"] == "SUCCESS"
        assert made.weights() == (100, 0)

    def test_a_load_balancer_that_a_person_put_there_stays_while_it_serves(self, made: Stack) -> None:
        theirs = copy.deepcopy(alias(made, "blue"))
        theirs["AliasTarget"]["DNSName"] = "by-hand.elb.amazonaws.com"
        made.dns.put({key: value for key, value in theirs.items() if value != []})
        assert made.update(CHANGED, properties())["Status"] == "SUCCESS"
        assert led_to(made.dns.sets) == {"by-hand.elb.amazonaws.com.": 100, "green-1.elb.amazonaws.com.": 0}

    @pytest.mark.parametrize("how", ["two values", "plain record"])
    def test_own_records_that_somebody_rewrote_are_left_alone_and_the_way_back_is_free(
        self, made: Stack, how: str
    ) -> None:
        if how == "two values":
            mark = {"Name": MARK, "Type": "TXT", "TTL": 60}
            made.dns.put(mark | {"ResourceRecords": [{"Value": made.mark().value}, {"Value": '"more"'}]})
        else:
            made.dns.put({**simple(), "SetIdentifier": f"bluegreen-green-{OWNER}", "Weight": 0})
        before = copy.deepcopy(made.dns.sets)
        wanted = properties(Blue=side("blue", HealthCheckId="check-new"))
        answer = made.update(wanted, properties())
        assert (answer["Status"], "--live blue, or green" in answer["Reason"]) == ("FAILED", True)
        assert made.update(properties(), wanted)["Status"] == "SUCCESS"
        assert made.dns.sets == before
        assert made.delete(properties())["Status"] == "SUCCESS"

    def test_weights_of_any_sum_are_written_back_as_they_were_read(self, made: Stack) -> None:
        made.dns.weigh(200, 7)
        made.update(CHANGED, properties())
        assert made.weights() == (200, 7)

    def test_two_weights_of_0_become_two_equal_ones_as_route_53_answers_them(self, made: Stack) -> None:
        """I1: 0 and 0 is never written."""
        made.dns.weigh(0, 0)
        made.update(CHANGED, properties())
        assert made.weights() == (50, 50)

    def test_a_shift_between_reading_and_writing_is_kept(self, made: Stack) -> None:
        made.dns.before_change.append(lambda: shifted(made, 10))
        assert made.update(CHANGED, properties())["Status"] == "SUCCESS"
        assert made.weights() == (10, 90)
        assert alias(made, "green")["HealthCheckId"] == "check-new"

    def test_it_gives_up_when_others_write_all_the_time(self, made: Stack) -> None:
        made.dns.before_change = [lambda blue=blue: made.dns.weigh(blue, 100 - blue) for blue in (10, 20, 30, 40)]
        answer = made.update(CHANGED, properties())
        assert answer["Status"] == "FAILED"
        assert "somebody else wrote" in answer["Reason"]
        assert made.weights() == (40, 60)

    def test_nothing_changed_writes_nothing(self, made: Stack) -> None:
        assert made.update(properties(), properties())["Status"] == "SUCCESS"
        assert len(made.dns.writes()) == 1

    def test_an_abort_stays_marked(self, made: Stack) -> None:
        shifted(made, 100, aborted=True)
        made.update(CHANGED, properties())
        assert made.mark().aborted

    @pytest.mark.parametrize(
        "wanted", [properties(RecordName="web.example.com"), properties(HostedZoneId="Z2")], ids=["name", "zone"]
    )
    def test_another_place_is_refused_and_going_back_from_it_is_not(self, made: Stack, wanted: dict) -> None:
        before = copy.deepcopy(made.dns.sets)
        answer = made.update(wanted, properties())
        assert answer["Status"] == "FAILED"
        assert made.dns.sets == before
        assert made.update(properties(), wanted)["Status"] == "SUCCESS"
        assert made.weights() == (100, 0)

    def test_a_name_in_other_letters_is_the_same(self, made: Stack) -> None:
        assert made.update(properties(RecordName="Shop.Example.com."), properties())["Status"] == "SUCCESS"

    def test_records_that_are_missing_are_made_anew(self, made: Stack) -> None:
        made.dns.sets.clear()
        assert made.update(CHANGED, properties())["Status"] == "SUCCESS"
        assert made.weights() == (100, 0)

    def test_without_its_mark_the_fuller_side_is_live(self, made: Stack) -> None:
        shifted(made, 20)
        made.dns.take(name=MARK, kind="TXT")
        assert made.update(properties(), properties())["Status"] == "SUCCESS"
        assert (made.weights(), made.mark().live) == ((20, 80), "green")

    def test_a_side_that_is_missing_comes_back_without_traffic(self, made: Stack) -> None:
        """The other one has been answered alone, whatever its weight."""
        made.dns.take(name=NAME, kind="A", identifier=f"bluegreen-blue-{OWNER}")
        assert made.update(properties(), properties())["Status"] == "SUCCESS"
        assert made.weights() == (0, 100)

    def test_a_record_set_of_somebody_else_is_left_alone(self, made: Stack) -> None:
        theirs = {**alias(made, "blue"), "SetIdentifier": "theirs", "Weight": 1}
        made.dns.put(theirs)
        assert made.update(CHANGED, properties())["Status"] == "SUCCESS"
        made.delete(CHANGED)
        assert [one["SetIdentifier"] for one in made.dns.sets.values()] == ["theirs"]

    def test_a_refusal_of_route_53_changes_nothing_and_its_late_copy_neither(self, made: Stack) -> None:
        event = made.event("Update", properties(Blue=side("blue", HealthCheckId="gone")), properties())
        answer = made.send(event)
        assert (answer["Status"], "gone" in answer["Reason"]) == ("FAILED", True)
        made.dns.health_checks.add("gone")
        assert made.update(properties(), event["ResourceProperties"])["Status"] == "SUCCESS"
        assert made.send(event)["Status"] == "FAILED"
        assert alias(made, "blue")["HealthCheckId"] == "check-blue"

    def test_a_late_copy_does_not_bring_back_what_was_rolled_back(self, made: Stack) -> None:
        event = made.event("Update", CHANGED, properties())
        made.send(event)
        made.update(properties(), CHANGED)
        made.send(event)
        assert alias(made, "green")["HealthCheckId"] == "check-green"


class TestDelete:
    def test_takes_both_records_and_the_mark_with_whatever_weights(self, made: Stack) -> None:
        shifted(made, 3)
        assert made.delete(properties())["Status"] == "SUCCESS"
        assert made.dns.sets == {}

    def test_nothing_there_is_success(self, stack: Stack) -> None:
        assert stack.delete(properties())["Status"] == "SUCCESS"

    def test_no_zone_is_success(self, made: Stack) -> None:
        made.dns.zones = {"Z9": {}}
        assert made.delete(properties())["Status"] == "SUCCESS"

    def test_records_of_another_resource_are_left_alone(self, made: Stack) -> None:
        event = made.event("Delete", properties()) | {"LogicalResourceId": "Another"}
        made.physical_id = None
        assert made.send(event)["Status"] == "SUCCESS"
        assert made.weights() == (100, 0)

    def test_a_shift_between_reading_and_deleting_does_not_keep_it(self, made: Stack) -> None:
        made.dns.before_change.append(lambda: made.dns.weigh(1, 99))
        assert made.delete(properties())["Status"] == "SUCCESS"
        assert made.dns.sets == {}

    def test_without_a_name_there_is_nothing_to_delete(self, stack: Stack) -> None:
        assert stack.delete({})["Status"] == "SUCCESS"
        assert stack.dns.calls == []


FAULTS = ["throttle", "busy", "busy with effect", "denied", "failure", "timeout", "timeout with effect"]
_LAST = 4  # a Create is two calls, an Update two, a Delete two; with a repeated one


@pytest.mark.parametrize("at", range(_LAST))
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_after_a_failed_call_and_what_cloudformation_does_then_all_is_as_it_was_or_as_wanted(
    kind: str, fault: str, at: int
) -> None:
    """I7: traffic is where it was; what CloudFormation takes for done is done."""
    stack = Stack()
    if kind != "Create":
        stack.create(properties())
        shifted(stack, 35)
    stack.dns.history.clear()
    stack.dns.faults = ["none"] * at + [fault]
    answer = {
        "Create": lambda: stack.create(properties()),
        "Update": lambda: stack.update(CHANGED, properties()),
        "Delete": lambda: stack.delete(properties()),
    }[kind]()
    stack.dns.faults = []
    if answer["Status"] == "FAILED":
        back = stack.update(properties(), CHANGED) if kind == "Update" else stack.delete(properties())
        assert back["Status"] == "SUCCESS"
    is_there = kind == "Update" or (kind == "Create" and answer["Status"] == "SUCCESS")
    assert bool(stack.dns.sets) is is_there
    if is_there:
        expected = "check-new" if kind == "Update" and answer["Status"] == "SUCCESS" else "check-green"
        assert alias(stack, "green")["HealthCheckId"] == expected
        assert stack.weights() == ((35, 65) if kind == "Update" else (100, 0))
    if kind != "Delete":
        was_never_moved(stack, (35, 65) if kind == "Update" else (100, 0))


@pytest.mark.parametrize("at", range(_LAST))
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_a_function_that_is_killed_and_gets_its_event_again_ends_as_if_nothing_had_happened(
    kind: str, when: str, at: int
) -> None:
    stack = Stack()
    if kind != "Create":
        stack.create(properties())
        shifted(stack, 35)
    stack.dns.history.clear()
    event = stack.event(kind, CHANGED if kind == "Update" else properties(), properties())
    stack.dns.faults = ["none"] * at + [f"killed {when}"]
    try:
        stack.send(event)
    except KilledError:
        stack.dns.faults = []
        assert stack.send(event)["Status"] == "SUCCESS"
    stack.dns.faults = []
    stack.send(event)  # and once more
    if kind == "Delete":
        assert stack.dns.sets == {}
        return
    assert stack.weights() == ((35, 65) if kind == "Update" else (100, 0))
    assert alias(stack, "green")["HealthCheckId"] == ("check-new" if kind == "Update" else "check-green")
    was_never_moved(stack, (35, 65) if kind == "Update" else (100, 0))


def led_to(zone: dict) -> dict[str, int]:
    """The weight of each load balancer, by its name: which record it is, no client sees."""
    return {one["AliasTarget"]["DNSName"]: one["Weight"] for one in zone.values() if one["Type"] == "A"}


def was_never_moved(stack: Stack, weights: tuple[int, int]) -> None:
    """At no moment was anything else answered."""
    expected = dict(zip(("blue-1.elb.amazonaws.com.", "green-1.elb.amazonaws.com."), weights, strict=True))
    for zone in stack.dns.history:
        assert led_to(zone) in ({}, expected)


def test_a_role_that_is_new_is_waited_for() -> None:
    stack = Stack(FakeRoute53())
    stack.dns.faults = ["denied", "none", "denied"]
    assert stack.create(properties())["Status"] == "SUCCESS"
