"""Every verb of `bluegreen slots` helps with an example that can be typed, and answers machines."""

import re
import shlex

import pytest

from bluegreen_constructs.cli.commands import run
from bluegreen_constructs.cli.slots_commands import slots_app
from bluegreen_constructs.testing_slots import example_slots
from tests.cli.slots_world import OperatedSlots

VERBS = (
    *("status", "deploy", "swap", "preview", "complete", "cancel", "rollback", "end-bake", "traffic", "clone", "diff"),
    *("history", "resume", "resolve"),
)
_WITH_SLOT = ("deploy", "swap", "preview", "diff")


def help_of(capsys: pytest.CaptureFixture[str], *verb: str) -> str:
    assert run(["slots", *verb, "--help"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_json_and_examples(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    said = help_of(capsys, verb)
    assert "--format text|json" in said
    assert re.search(r"^  Examples?:$", said, flags=re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS)
def test_its_examples_are_no_wrong_usage(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    examples = re.findall(r"^    (bluegreen .*)$", help_of(capsys, verb), flags=re.MULTILINE)
    assert examples
    for example in examples:
        words = shlex.split(re.split(r" && | > ", example)[0])
        assert words[1:3] == ["slots", verb]
        code, said = run(words[1:], OperatedSlots(example_slots("staging", "qa"))), capsys.readouterr().err
        assert code in {0, 3}, said


@pytest.mark.parametrize("verb", _WITH_SLOT)
def test_the_usage_says_that_the_target_alone_is_optional(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert f"Usage: bluegreen slots {verb} [OPTIONS] [TARGET] SLOT\n" in help_of(capsys, verb)


def test_the_usage_of_traffic_has_shares(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Usage: bluegreen slots traffic [OPTIONS] [TARGET] SLOT=PERCENT...\n" in help_of(capsys, "traffic")


def test_every_verb_is_registered_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert {command.name for command in slots_app.registered_commands} == set(VERBS)
    listed = help_of(capsys)
    assert all(re.search(rf"^  {verb} ", listed, flags=re.MULTILINE) for verb in VERBS)


def test_without_a_verb_the_help_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["slots"]) == 2
    assert "Usage: bluegreen slots" in capsys.readouterr().out


def test_a_verb_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["slots", "toggle"]) == 2
    assert "no such command 'toggle'" in capsys.readouterr().err
