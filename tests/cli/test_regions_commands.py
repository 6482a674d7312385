"""`bluegreen regions`: traffic between two regions, each move one batch that compares; refusals; the way back."""

import json
import re
import shlex

import boto3
import pytest
from botocore.stub import Stubber

from bluegreen_constructs.cli.aws_world import AwsWorld
from bluegreen_constructs.cli.commands import run
from bluegreen_constructs.engine.aws import clients
from bluegreen_constructs.engine.region_settings import RegionPlace, RegionSettings, region_settings_to_dict
from tests.cli.operated_regions import NAME, TARGET, OperatedRegions
from tests.cli.operated_world import Operator

VERBS = ("status", "shift", "promote", "abort")
SETTLED = "2026-11-22T10:02:00Z"


@pytest.fixture
def regions(capsys: pytest.CaptureFixture[str]) -> Operator:
    """An operator with one switch, Dns/Shop: blue has everything, and 10 healthy targets as green has."""
    return Operator(capsys, OperatedRegions())  # type: ignore[arg-type]


def world(operator: Operator) -> OperatedRegions:
    assert isinstance(operator.world, OperatedRegions)
    return operator.world


class TestShift:
    def test_gives_the_candidate_its_share_in_one_batch(self, regions: Operator) -> None:
        answer = regions.reads("regions", "shift", TARGET, "25")
        assert world(regions).shares == (75, 25)
        assert (answer["state"], answer["aws_calls"], world(regions).writes) == ("MOVED", 2, 1)
        assert answer["sides"]["green"] == {"region": "eu-central-1", "weight": 25, "percent": 25}

    def test_says_when_the_last_resolvers_ttl_has_ended(self, regions: Operator) -> None:
        assert regions.types("regions", "shift", "25") == 0
        assert f"resolvers that keep to the TTL have it by {SETTLED} (120 s)" in regions.out
        assert "for longer" in regions.out
        assert regions.reads("regions", "shift", "50")["settled_at"] == SETTLED

    def test_the_same_again_writes_nothing(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "25")
        assert regions.reads("regions", "shift", TARGET, "25")["state"] == "UNCHANGED"
        assert world(regions).writes == 1

    def test_somebody_who_writes_meanwhile_wins_and_it_is_exit_code_4(self, regions: Operator) -> None:
        world(regions).dns.before_change.append(lambda: world(regions).dns.weigh(60, 40))
        said = regions.is_refused(4, "regions", "shift", TARGET, "25")
        assert "somebody else wrote the records of shop.example.com" in said
        assert "nothing was changed" in said
        assert world(regions).shares == (60, 40)

    def test_two_operators_at_once_move_it_once(self, regions: Operator) -> None:
        """The second batch has the first one's fence to match."""
        other = OperatedRegions()
        other.dns = world(regions).dns
        world(regions).dns.before_change.append(lambda: run(["regions", "shift", TARGET, "40"], other))  # type: ignore[arg-type]
        assert regions.types("regions", "shift", TARGET, "50") == 4
        assert world(regions).shares == (60, 40)

    @pytest.mark.parametrize("percent", ["101", "-1", "2.5", "ten", ""])
    def test_only_whole_percents(self, regions: Operator, percent: str) -> None:
        assert regions.types("regions", "shift", "--", TARGET, percent) == 2
        assert world(regions).writes == 0

    def test_without_a_percentage_it_is_wrong_usage(self, regions: Operator) -> None:
        assert "give TARGET and PERCENT" in regions.is_refused(2, "regions", "shift")

    @pytest.mark.parametrize("effect", ["timeout with effect", "busy", "busy with effect", "throttle"])
    def test_an_answer_that_is_lost_or_put_off_is_looked_for(self, regions: Operator, effect: str) -> None:
        world(regions).dns.faults = ["none", effect]
        assert regions.types("regions", "shift", TARGET, "25") == 0
        assert world(regions).shares == (75, 25)

    @pytest.mark.parametrize("effect", ["timeout", "failure", "denied"])
    def test_a_failed_write_says_so(self, regions: Operator, effect: str) -> None:
        world(regions).dns.faults = ["none", effect]
        assert regions.types("regions", "shift", TARGET, "25") == 1
        assert world(regions).shares == (100, 0)

    def test_something_else_that_answers_for_the_name_is_refused(self, regions: Operator) -> None:
        theirs = {**world(regions).records().sides["blue"], "SetIdentifier": "theirs", "Weight": 9}
        world(regions).dns.put(theirs)
        assert "A record theirs of shop.example.com" in regions.is_refused(3, "regions", "shift", TARGET, "25")
        assert world(regions).writes == 0

    def test_without_its_mark_nothing_is_known_and_nothing_moved(self, regions: Operator) -> None:
        world(regions).dns.take(name=f"_bluegreen.{NAME}", kind="TXT")
        for verb in (("shift", TARGET, "25"), ("abort", TARGET), ("status", TARGET), ("promote", TARGET)):
            said = regions.is_refused(3, "regions", *verb)
            assert f"its mark _bluegreen.{NAME} cannot be read" in said.replace("their", "its")
            assert "bluegreen regions abort Dns/Shop --live blue, or green" in said

    def test_without_one_of_its_records_the_stack_has_to_make_it(self, regions: Operator) -> None:
        world(regions).dns.take(
            name=NAME, kind="A", identifier=world(regions).records().sides["green"]["SetIdentifier"]
        )
        for verb in (("shift", TARGET, "25"), ("abort", TARGET), ("abort", TARGET, "--live", "blue")):
            assert "deploy the stack of Dns/Shop with a change" in regions.is_refused(3, "regions", *verb)


class TestEnoughTargets:
    """I1: no region gets more than its healthy targets carry."""

    @pytest.mark.parametrize(("percent", "needed"), [(1, 1), (25, 3), (50, 5), (100, 10)])
    def test_a_region_with_too_few_is_refused_with_the_counts(
        self, regions: Operator, percent: int, needed: int
    ) -> None:
        world(regions).healthy["green-1"] = needed - 1
        said = regions.is_refused(3, "regions", "shift", TARGET, str(percent))
        assert f"eu-central-1 has {needed - 1} healthy targets and needs {needed} for {percent} %" in said
        assert "(all traffic needs 10, reckoned from 10 targets for 100 % in eu-west-1)" in said
        assert world(regions).writes == 0
        world(regions).healthy["green-1"] = needed
        assert regions.types("regions", "shift", TARGET, str(percent)) == 0

    def test_what_all_traffic_needs_is_reckoned_from_the_share_that_gives(self, regions: Operator) -> None:
        """Live has scaled in with its share: 8 for 80 % is 10 for everything."""
        regions.types("regions", "shift", TARGET, "20")
        world(regions).healthy |= {"blue-2": 8, "green-1": 4}
        assert "needs 5 for 50 %" in regions.is_refused(3, "regions", "shift", TARGET, "50")

    def test_an_ailing_region_needs_what_it_has_registered_and_not_what_is_left_of_it(self, regions: Operator) -> None:
        """In an incident one of ten is healthy: what it carries is not what users need."""
        world(regions).healthy |= {"blue-2": 1, "green-1": 4}
        world(regions).registered["blue-2"] = 10
        assert "needs 10 for 100 %" in regions.is_refused(3, "regions", "shift", TARGET, "100")
        assert regions.types("regions", "shift", TARGET, "100", "--needs", "4") == 0

    def test_the_way_back_by_hand_asks_live(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "100")
        world(regions).healthy["blue-2"] = 4
        said = regions.is_refused(3, "regions", "shift", TARGET, "50")
        assert "eu-west-1 has 4 healthy targets and needs 5 for 50 %" in said
        assert "bluegreen regions abort Dns/Shop goes back all the same" in said
        assert regions.types("regions", "shift", TARGET, "60") == 0

    def test_of_a_service_that_alternates_the_fullest_group_counts(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "10")
        assert world(regions).asked == [("eu-west-1", "blue-1"), ("eu-west-1", "blue-2"), ("eu-central-1", "green-1")]

    def test_a_region_that_does_not_answer_can_be_left_with_a_number_given(self, regions: Operator) -> None:
        world(regions).down.add("eu-west-1")
        assert "say with --needs how many" in regions.is_refused(1, "regions", "shift", TARGET, "100")
        assert "needs 12 for 100 %" in regions.is_refused(3, "regions", "shift", TARGET, "100", "--needs", "12")
        assert regions.types("regions", "shift", TARGET, "100", "--needs", "10") == 0
        assert world(regions).shares == (0, 100)

    def test_a_region_without_any_target_can_be_left_for_one_that_has_some(self, regions: Operator) -> None:
        world(regions).healthy |= {"blue-2": 0, "green-1": 1}
        assert regions.types("regions", "shift", TARGET, "100") == 0

    def test_none_at_all_is_never_enough(self, regions: Operator) -> None:
        world(regions).healthy |= {"blue-2": 0, "green-1": 0}
        regions.is_refused(3, "regions", "shift", TARGET, "1")


class TestHealthChecks:
    """By them Route 53 decides who is answered, whatever the weights."""

    def fails(self, regions: Operator, side: str, succeeding: int = 2) -> None:
        reports = ["Success: HTTP Status Code 200, OK"] * succeeding + ["Failure: timed out"] * (16 - succeeding)
        world(regions).dns.reports[f"check-{side}"] = reports

    def test_a_region_that_fails_gets_no_share(self, regions: Operator) -> None:
        self.fails(regions, "green")
        said = regions.is_refused(3, "regions", "shift", TARGET, "25")
        assert "eu-central-1 fails its health check (2 of 16 checkers of Route 53 succeed)" in said
        assert world(regions).writes == 0
        self.fails(regions, "green", succeeding=3)
        assert regions.types("regions", "shift", TARGET, "25") == 0

    def test_a_new_one_counts_as_healthy_as_it_does_for_route_53(self, regions: Operator) -> None:
        world(regions).dns.reports["check-green"] = []
        assert regions.types("regions", "shift", TARGET, "25") == 0

    def test_less_may_be_given_to_a_region_that_fails(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "50")
        self.fails(regions, "green")
        assert regions.types("regions", "shift", TARGET, "25", "--needs", "10") == 0

    def test_a_region_that_fails_is_not_promoted(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "100")
        world(regions).wait(120)
        self.fails(regions, "green")
        assert "eu-central-1 fails its health check" in regions.is_refused(3, "regions", "promote", TARGET)

    def test_an_abort_goes_back_first_and_says_it_then(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "50")
        self.fails(regions, "blue", succeeding=0)
        assert regions.types("regions", "abort", TARGET) == 0
        assert world(regions).shares == (100, 0)
        assert "note: eu-west-1 fails its health check (0 of 16" in regions.out

    def test_an_abort_does_not_need_to_know(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "50")
        world(regions).dns.is_silent = True
        assert regions.types("regions", "abort", TARGET) == 0
        assert world(regions).shares == (100, 0)
        assert "note: Route 53 does not say what its health checkers find" in regions.out
        assert "its health check is not known" in (regions.types("regions", "status"), regions.out)[1]

    def test_status_shows_them(self, regions: Operator) -> None:
        self.fails(regions, "blue")
        checks = regions.reads("regions", "status", TARGET)["health_checks"]
        assert checks["blue"] == {"succeeding": 2, "checkers": 16, "is_healthy": False}
        assert checks["green"]["is_healthy"]


class TestAbort:
    def test_gives_live_everything_in_two_calls_and_marks_it(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "50")
        world(regions).dns.calls.clear()
        answer = regions.reads("regions", "abort", TARGET)
        assert world(regions).shares == (100, 0)
        assert (answer["state"], answer["aws_calls"], answer["is_aborted"]) == ("RESTORED", 2, True)
        assert len(world(regions).dns.calls) == 2
        assert answer["settled_at"] == SETTLED

    def test_nothing_in_flight_moves_nothing_and_is_marked_once(self, regions: Operator) -> None:
        answer = regions.reads("regions", "abort", TARGET)
        assert (answer["state"], answer["aws_calls"], answer["settled_at"]) == ("NOTHING_IN_FLIGHT", 2, None)
        assert (world(regions).shares, world(regions).records().mark.aborted) == ((100, 0), True)
        assert regions.types("regions", "abort") == 0
        assert "nothing is in flight on Dns/Shop: shifts are refused until one says --again" in regions.out
        assert world(regions).writes == 1

    def test_a_shift_that_had_read_before_it_does_not_win(self, regions: Operator) -> None:
        """It asks two regions for health, which takes seconds: an abort finds 100 % live meanwhile."""
        other = OperatedRegions()
        other.dns = world(regions).dns
        world(regions).dns.before_change.append(lambda: run(["regions", "abort", TARGET], other))  # type: ignore[arg-type]
        assert regions.types("regions", "shift", TARGET, "50") == 4
        assert world(regions).shares == (100, 0)
        assert "--again" in regions.is_refused(3, "regions", "shift", TARGET, "50")

    def test_a_shift_that_is_written_before_its_mark_is_taken_back(self, regions: Operator) -> None:
        other = OperatedRegions()
        other.dns = world(regions).dns
        world(regions).dns.before_change.append(lambda: run(["regions", "shift", TARGET, "50"], other))  # type: ignore[arg-type]
        assert regions.types("regions", "abort", TARGET) == 0
        assert "live gets everything of Dns/Shop back" in regions.out
        assert (world(regions).shares, world(regions).records().mark.aborted) == ((100, 0), True)

    def test_somebody_who_promotes_meanwhile_is_said_with_the_way_back(self, regions: Operator) -> None:
        """It wanted to go back to blue, and by then green is live: 'nothing in flight' would be a lie."""
        regions.types("regions", "shift", TARGET, "100")
        world(regions).wait(120)
        other = OperatedRegions()
        other.dns, other.time = world(regions).dns, world(regions).time
        world(regions).dns.before_change.append(lambda: run(["regions", "promote", TARGET], other))  # type: ignore[arg-type]
        assert regions.types("regions", "abort", TARGET) == 4
        assert "somebody promoted eu-central-1 meanwhile" in regions.err
        assert "bluegreen regions shift Dns/Shop 100" in regions.err
        assert (world(regions).shares, world(regions).records().mark.live) == ((0, 100), "green")

    @pytest.mark.parametrize("mark", ["gone", "nonsense", "two values"])
    @pytest.mark.parametrize("live", ["blue", "green"])
    def test_writes_a_mark_that_cannot_be_read_again_in_one_batch(
        self, regions: Operator, mark: str, live: str
    ) -> None:
        regions.types("regions", "shift", TARGET, "50")
        value = world(regions).records().mark.value
        world(regions).dns.take(name=f"_bluegreen.{NAME}", kind="TXT")
        values = {"gone": [], "nonsense": ['"x"'], "two values": [value, '"x"']}[mark]
        if values:
            there = {"Name": f"_bluegreen.{NAME}", "Type": "TXT", "TTL": 60}
            world(regions).dns.put(there | {"ResourceRecords": [{"Value": one} for one in values]})
        before = world(regions).writes
        answer = regions.reads("regions", "abort", TARGET, "--live", live)
        assert (answer["state"], answer["live"], world(regions).writes) == ("RESTORED", live, before + 1)
        assert world(regions).shares == ((100, 0) if live == "blue" else (0, 100))
        records = world(regions).records()
        assert records.is_whole
        assert (records.mark.live, records.mark.aborted) == (live, True)
        assert regions.types("regions", "shift", TARGET, "10", "--again") == 0

    def test_who_is_live_is_not_decided_where_the_mark_says_it(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "50")
        said = regions.is_refused(3, "regions", "abort", TARGET, "--live", "green")
        assert "blue is live" in said
        assert world(regions).shares == (50, 50)
        assert regions.types("regions", "abort", TARGET, "--live", "blue") == 0
        assert regions.types("regions", "abort", TARGET, "--live", "red") == 2

    def test_by_a_records_name_alone_it_names_the_command_that_was_typed(self, regions: Operator) -> None:
        world(regions).dns.take(name=f"_bluegreen.{NAME}", kind="TXT")
        said = regions.is_refused(3, "regions", "abort", "--zone", "Z1", "--record", NAME)
        assert f"bluegreen regions abort --zone Z1 --record {NAME} --live blue" in said

    def test_goes_before_a_shift_that_is_written_meanwhile(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "50")
        world(regions).dns.before_change.append(lambda: world(regions).dns.weigh(10, 90))
        answer = regions.reads("regions", "abort", TARGET)
        assert (world(regions).shares, answer["aws_calls"]) == ((100, 0), 4)

    def test_gives_up_after_three_that_write_meanwhile(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "50")
        others = [lambda green=green: world(regions).dns.weigh(100 - green, green) for green in (60, 70, 80)]
        world(regions).dns.before_change = others
        regions.is_refused(4, "regions", "abort", TARGET)

    def test_asks_neither_whether_live_is_healthy_nor_whether_its_region_answers(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "50")
        world(regions).down.add("eu-west-1")
        assert regions.types("regions", "abort", TARGET) == 0
        assert world(regions).shares == (100, 0)
        assert "note: eu-west-1 does not say how many healthy targets it has" in regions.out

    def test_says_how_many_healthy_targets_live_has(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "50")
        world(regions).healthy["blue-2"] = 3
        regions.types("regions", "abort", TARGET)
        assert "note: eu-west-1 has 3 healthy targets for everything" in regions.out

    def test_goes_back_although_something_else_answers_as_well(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "50")
        world(regions).dns.put({**world(regions).records().sides["blue"], "SetIdentifier": "theirs", "Weight": 9})
        assert regions.types("regions", "abort", TARGET) == 0
        assert "A record theirs" in regions.out

    def test_works_while_parameter_store_does_not(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "50")
        world(regions).is_ssm_down = True
        assert "--zone ID --record NAME" in regions.is_refused(1, "regions", "abort", TARGET)
        assert regions.types("regions", "abort", "--zone", "Z1", "--record", "Shop.example.com.") == 0
        assert world(regions).shares == (100, 0)
        assert "blue (live) 100 %, green 0 %" in regions.out

    @pytest.mark.parametrize(
        "words", [["--zone", "Z1"], ["--record", NAME], [TARGET, "--zone", "Z1", "--record", NAME]]
    )
    def test_a_zone_is_given_with_its_record_and_without_a_target(self, regions: Operator, words: list[str]) -> None:
        assert "give TARGET, or --zone and --record" in regions.is_refused(2, "regions", "abort", *words)

    def test_after_it_a_shift_is_refused_until_somebody_begins_anew(self, regions: Operator) -> None:
        """A pipeline that shifts step by step must not go on where a person has aborted."""
        regions.types("regions", "shift", TARGET, "50")
        regions.types("regions", "abort", TARGET)
        assert "--again" in regions.is_refused(3, "regions", "shift", TARGET, "60")
        assert world(regions).shares == (100, 0)
        assert regions.types("regions", "shift", TARGET, "0") == 0
        assert world(regions).records().mark.aborted
        assert regions.types("regions", "shift", TARGET, "10", "--again") == 0
        assert not world(regions).records().mark.aborted
        assert regions.types("regions", "shift", TARGET, "20") == 0

    def test_a_shift_to_what_is_there_forgets_an_abort_too(self, regions: Operator) -> None:
        regions.types("regions", "abort", TARGET)
        world(regions).dns.weigh(50, 50)
        regions.is_refused(3, "regions", "shift", TARGET, "50")
        assert regions.types("regions", "shift", TARGET, "50", "--again") == 0
        assert (world(regions).shares, world(regions).records().mark.aborted) == ((50, 50), False)

    def test_shift_0_by_hand_keeps_what_an_abort_said(self, regions: Operator) -> None:
        regions.types("regions", "abort", TARGET)
        world(regions).dns.weigh(50, 50)
        assert regions.types("regions", "shift", TARGET, "0", "--needs", "10") == 0
        assert (world(regions).shares, world(regions).records().mark.aborted) == ((100, 0), True)


class TestPromote:
    def test_at_100_percent_the_other_region_becomes_live_and_nothing_moves(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "100")
        world(regions).wait(120)
        assert world(regions).records().mark.live == "blue"
        answer = regions.reads("regions", "promote", TARGET)
        assert (answer["live"], answer["state"], answer["settled_at"]) == ("green", "PROMOTED", None)
        assert world(regions).shares == (0, 100)

    def test_then_an_abort_goes_back_to_it_and_a_shift_to_the_former_one(self, regions: Operator) -> None:
        for words in (("shift", TARGET, "100"), ("promote", TARGET), ("shift", TARGET, "30")):
            assert regions.types("regions", *words) == 0
            world(regions).wait(120)
        assert world(regions).shares == (30, 70)
        regions.types("regions", "abort", TARGET)
        assert world(regions).shares == (0, 100)

    def test_while_live_has_a_share_it_is_refused(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "99")
        assert "live still has 1 %" in regions.is_refused(3, "regions", "promote", TARGET)

    def test_with_nothing_shifted_there_is_nothing_to_promote(self, regions: Operator) -> None:
        assert "nothing to promote" in regions.is_refused(3, "regions", "promote", TARGET)

    def test_while_resolvers_keep_the_answer_of_before_it_is_refused(self, regions: Operator) -> None:
        """Live would be a region that nobody has seen with everything, and the way back two minutes longer."""
        regions.types("regions", "shift", TARGET, "100")
        world(regions).wait(119)
        assert "for 1 s more" in regions.is_refused(3, "regions", "promote", TARGET)
        world(regions).wait(1)
        assert regions.types("regions", "promote", TARGET) == 0

    @pytest.mark.parametrize("hours", [-2, 2])
    def test_a_clock_that_is_far_off_keeps_nobody_from_it(self, regions: Operator, hours: int) -> None:
        regions.types("regions", "shift", TARGET, "100")
        world(regions).wait(hours * 3600)
        assert regions.types("regions", "promote", TARGET) == 0

    def test_a_move_by_hand_leaves_no_time(self, regions: Operator) -> None:
        world(regions).dns.weigh(0, 100)
        assert regions.types("regions", "promote", TARGET) == 0

    def test_beside_something_else_that_answers_it_is_refused(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "100")
        world(regions).wait(120)
        world(regions).dns.put({**world(regions).records().sides["blue"], "SetIdentifier": "theirs", "Weight": 9})
        assert "A record theirs" in regions.is_refused(3, "regions", "promote", TARGET)

    def test_forgets_an_abort(self, regions: Operator) -> None:
        regions.types("regions", "abort", TARGET)
        world(regions).dns.weigh(0, 100)
        assert regions.types("regions", "promote", TARGET) == 0
        assert not world(regions).records().mark.aborted

    def test_somebody_who_writes_meanwhile_wins(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "100")
        world(regions).wait(120)
        world(regions).dns.before_change.append(lambda: world(regions).dns.weigh(50, 50))
        regions.is_refused(4, "regions", "promote", TARGET)
        assert world(regions).records().mark.live == "blue"


class TestStatus:
    def test_shows_shares_regions_and_health(self, regions: Operator) -> None:
        regions.types("regions", "shift", TARGET, "25")
        assert regions.types("regions", "status") == 0
        assert regions.out.splitlines() == [
            "Dns/Shop (shop.example.com): blue (eu-west-1, live) 75 %, green (eu-central-1) 25 %",
            "eu-west-1: 10 healthy targets; its health check passes (16 of 16 checkers)",
            "eu-central-1: 10 healthy targets; its health check passes (16 of 16 checkers)",
        ]

    def test_as_json(self, regions: Operator) -> None:
        answer = regions.reads("regions", "status", TARGET)
        assert (answer["live"], answer["record"], answer["is_aborted"]) == ("blue", NAME, False)
        assert answer["healthy_targets"] == {"blue": 10, "green": 10}

    def test_a_region_that_is_down_does_not_hide_the_rest(self, regions: Operator) -> None:
        world(regions).down.add("eu-central-1")
        assert regions.types("regions", "status") == 0
        assert "eu-central-1: healthy targets are not known: AWS cannot be reached" in regions.out
        assert regions.reads("regions", "status")["healthy_targets"] == {"blue": 10, "green": None}

    def test_weights_by_hand_are_said_as_route_53_answers_them(self, regions: Operator) -> None:
        world(regions).dns.weigh(0, 0)
        assert regions.types("regions", "status") == 0
        assert "blue (eu-west-1, live) 50 %" in regions.out

    def test_an_abort_is_shown(self, regions: Operator) -> None:
        regions.types("regions", "shift", "50")
        regions.types("regions", "abort")
        regions.types("regions", "status")
        assert "the last shift was aborted" in regions.out

    def test_the_only_switch_need_not_be_named(self, regions: Operator) -> None:
        world(regions).names = []
        assert "deploy a stack with a RegionSwitch" in regions.is_refused(2, "regions", "status")
        world(regions).names = ["A/a", "B/b"]
        assert "give one of A/a, B/b" in regions.is_refused(2, "regions", "shift", "10")


class TestHelp:
    def test_without_a_verb_the_verbs_are_shown(self, regions: Operator) -> None:
        assert regions.types("regions") == 2
        assert all(verb in regions.out for verb in VERBS)

    @pytest.mark.parametrize("verb", VERBS)
    def test_a_verb_has_json_and_examples_that_can_be_typed(self, regions: Operator, verb: str) -> None:
        assert regions.types("regions", verb, "--help") == 0
        assert "--format text|json" in regions.out
        examples = re.findall(r"^    (bluegreen .*)$", regions.out, flags=re.MULTILINE)
        assert examples
        for example in examples:
            words = shlex.split(example)[1:]
            if "--zone" in words:
                words[words.index("--zone") + 1] = "Z1"
            regions.types("regions", "shift", TARGET, "0")
            if verb == "promote":
                regions.types("regions", "shift", TARGET, "100")
                world(regions).wait(120)
            world(regions).healthy["green-1"] = 12
            assert regions.types(*words) == 0, regions.err


# On AWS


def parameter(target: str = TARGET) -> dict[str, str]:
    places = {
        "blue": RegionPlace("eu-west-1", ("arn:blue",)),
        "green": RegionPlace("eu-central-1", ("arn:green",)),
    }
    value = region_settings_to_dict(RegionSettings(target, "Z1", NAME, places))
    return {"Name": f"/bluegreen/regions/{target}", "Value": json.dumps(value)}


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    client = boto3.client("ssm")
    stubber = Stubber(client)
    stubber.activate()
    monkeypatch.setattr(clients, "ssm", lambda: client)
    return stubber


def test_switches_are_read_from_parameters_of_their_own(ssm: Stubber) -> None:
    path = {"Path": "/bluegreen/regions/", "Recursive": True}
    ssm.add_response("get_parameters_by_path", {"Parameters": [parameter("B/b")], "NextToken": "more"}, path)
    ssm.add_response("get_parameters_by_path", {"Parameters": [parameter("A/a")]}, {**path, "NextToken": "more"})
    world = AwsWorld()
    assert world.switches() == ["A/a", "B/b"]
    assert world.switch("A/a").region("green") == "eu-central-1"


def test_a_named_switch_is_one_call(ssm: Stubber) -> None:
    ssm.add_response("get_parameter", {"Parameter": parameter()}, {"Name": "/bluegreen/regions/Dns/Shop"})
    assert AwsWorld().switch(TARGET).name == NAME
    ssm.assert_no_pending_responses()


def test_an_unknown_switch_is_refused_with_those_there_are(
    ssm: Stubber, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "route53", object)
    monkeypatch.setattr(AwsWorld, "zone_records", lambda self: None)
    ssm.add_client_error("get_parameter", "ParameterNotFound")
    ssm.add_response("get_parameters_by_path", {"Parameters": [parameter()]})
    assert run(["regions", "status", "Shop"]) == 2
    assert "there is no switch across regions 'Shop'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "verb",
    [
        ["start", TARGET, "--release", "1"],
        ["status", TARGET],
        ["watch", TARGET],
        ["promote", TARGET],
        ["pause", TARGET],
        ["resume", TARGET],
        ["abort", TARGET],
        ["rollback", TARGET],
        ["history", TARGET],
        ["explain", TARGET],
        ["report", TARGET],
        ["unlock", TARGET, "--reason", "gone"],
        ["slots", "status", TARGET],
    ],
    ids=lambda words: words[0],
)
def test_every_other_verb_refuses_a_switch_and_names_those_that_can(
    ssm: Stubber, capsys: pytest.CaptureFixture[str], verb: list[str]
) -> None:
    ssm.add_client_error("get_parameter", "ParameterNotFound", expected_params={"Name": f"/bluegreen/targets/{TARGET}"})
    ssm.add_response("get_parameter", {"Parameter": parameter()}, {"Name": f"/bluegreen/regions/{TARGET}"})
    assert run(verb) == 3
    said = capsys.readouterr().err
    assert "use bluegreen regions status, shift, promote or abort Dns/Shop" in said


def test_each_region_has_a_client_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def in_region(region: str) -> object:
        asked.append(region)
        client = boto3.client("elbv2", region_name=region)
        stubber = Stubber(client)
        healthy = {"Target": {"Id": "10.0.0.1"}, "TargetHealth": {"State": "healthy"}}
        stubber.add_response("describe_target_health", {"TargetHealthDescriptions": [healthy]})
        stubber.activate()
        return client

    monkeypatch.setattr(clients, "elbv2_in", in_region)
    targets = AwsWorld().region_targets()
    assert targets.targets("eu-west-1", "arn:blue").healthy == 1
    assert targets.targets("eu-central-1", "arn:green").healthy == 1
    assert asked == ["eu-west-1", "eu-central-1"]


def test_clients_are_of_the_region_and_patient() -> None:
    assert clients.elbv2_in("eu-west-1").meta.region_name == "eu-west-1"
    for client in (clients.elbv2_in("eu-west-1"), clients.route53()):
        assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 3}
