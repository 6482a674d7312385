"""Every operators' verb helps with an example that can be typed, and answers machines."""

import re
import shlex

import pytest

from bluegreen_constructs.cli.commands import app, run
from tests.cli.operated_world import OperatedWorld, settings_of

VERBS = (
    *("start", "status", "watch", "promote", "pause", "resume", "abort", "rollback", "history", "explain", "report"),
    "unlock",
)


def help_of(capsys: pytest.CaptureFixture[str], verb: str) -> str:
    assert run([verb, "--help"]) == 0
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
        assert words[1] == verb
        world = OperatedWorld(settings_of(), settings_of("Serving/Fleet")) if "Fleet" in example else OperatedWorld()
        if "--rule" in words:
            rules = world.rules_there.rules
            rules[words[words.index("--rule") + 1]] = rules[world.first.settings.rule_arn]
        # Nothing was rolled out there: most are refused for it, with the code of wrong usage, but not with its words.
        code, said = run(words[1:], world), capsys.readouterr().err
        assert code in {0, 3} or (code == 2 and "has had no rollout yet" in said), said


def test_every_verb_of_operators_is_registered() -> None:
    assert set(VERBS) <= {command.name for command in app.registered_commands}
