"""The examples of slots, and of Elastic Beanstalk's older way, synthesise to what they say; its swap refuses."""

import json
from pathlib import Path

import pytest

from examples.beanstalk.swap import main, swap
from tests.test_ecs_examples import synthesised


def test_an_application_has_three_slots_on_one_plan(tmp_path: Path) -> None:
    made = synthesised("slots", tmp_path, release="1.4.2")
    definitions = [one["Properties"] for one in made.values() if one["Type"] == "AWS::ECS::TaskDefinition"]
    assert {one["Family"] for one in definitions} == {
        f"Slots-Web-{name}-settings" for name in ("production", "blue", "green")
    }
    assert {(one["Cpu"], one["Memory"]) for one in definitions} == {("512", "1024")}
    assert all(":1.4.2" in json.dumps(one) for one in definitions)
    (settings,) = [
        one["Properties"]
        for one in made.values()
        if one["Type"] == "AWS::SSM::Parameter" and one["Properties"]["Name"] == "/bluegreen/targets/Slots/Web"
    ]
    assert '"sticky":["MODEL_STAGE","RATE_LIMIT"]' in json.dumps(settings["Value"]).replace("\\", "")


def test_beanstalk_environments_do_not_claim_the_name_that_a_swap_moves(tmp_path: Path) -> None:
    made = synthesised("beanstalk", tmp_path, name="shop")
    environments = [one["Properties"] for one in made.values() if one["Type"] == "AWS::ElasticBeanstalk::Environment"]
    assert [one["EnvironmentName"] for one in environments] == ["shop-blue", "shop-green"]
    for one in environments:
        assert "CNAMEPrefix" not in one
        assert one["SolutionStackName"] == {"Ref": "SolutionStack"}


class Beanstalk:
    """Environments in memory."""

    def __init__(self, **changes: dict) -> None:
        self.environments = {
            name: {
                "EnvironmentName": name,
                "ApplicationName": "shop",
                "Status": "Ready",
                "Health": "Green",
                "CNAME": f"{name}.elasticbeanstalk.com",
                **changes.get(name, {}),
            }
            for name in ("one", "two")
        }
        self.swaps: list[tuple[object, object]] = []

    def describe_environments(self, **arguments: object) -> dict:
        names = arguments["EnvironmentNames"]
        return {"Environments": [one for name, one in self.environments.items() if name in names]}  # type: ignore[operator]

    def swap_environment_cnames(self, **arguments: object) -> dict:
        self.swaps.append((arguments["SourceEnvironmentName"], arguments["DestinationEnvironmentName"]))
        return {}


class TestSwap:
    def test_it_swaps_two_fit_environments_and_says_what_to_expect(self) -> None:
        client = Beanstalk()
        said = swap(client, "one", "two")
        assert client.swaps == [("one", "two")]
        assert said[0] == "one.elasticbeanstalk.com goes to two now"
        assert "resolvers remember" in said[2]

    @pytest.mark.parametrize(
        ("changes", "names", "said"),
        [
            ({"two": {"Status": "Updating"}}, ("one", "two"), "two is Updating: wait until it is Ready"),
            ({"one": {"Status": "Terminated"}}, ("one", "two"), "one is Terminated"),
            ({"two": {"Health": "Yellow"}}, ("one", "two"), "two is Yellow: its users would meet that"),
            ({"one": {"Health": "Grey"}}, ("one", "two"), "one is Grey"),
            ({"two": {"ApplicationName": "other"}}, ("one", "two"), "of different applications"),
            ({}, ("one", "three"), "there is no environment three here"),
            ({}, ("one", "one"), "one is given twice"),
        ],
    )
    def test_it_refuses_before_it_changes_anything(self, changes: dict, names: tuple[str, str], said: str) -> None:
        client = Beanstalk(**changes)
        with pytest.raises(ValueError, match=said):
            swap(client, *names)
        assert client.swaps == []

    def test_the_command_wants_two_names(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["one"]) == 2
        assert "give two environments" in capsys.readouterr().err
