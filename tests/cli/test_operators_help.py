"""Every operators' verb helps with an example that can be typed, and answers machines."""

import re
import shlex
from pathlib import Path

import pytest

from bluegreen_constructs.cli.commands import app, run
from bluegreen_constructs.engine.release import Release
from tests.cli.code_deployed import code_deploy_settings
from tests.cli.operated_world import OperatedWorld, settings_of

VERBS = (
    *("start", "status", "watch", "promote", "pause", "resume", "abort", "rollback", "history", "explain", "report"),
    *("unlock", "appspec", "taskdef"),
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


def _world(example: str) -> OperatedWorld:
    if "Serving/Inference" in example:
        return OperatedWorld(code_deploy_settings())
    return OperatedWorld(settings_of(), settings_of("Serving/Fleet")) if "Fleet" in example else OperatedWorld()


@pytest.mark.parametrize("verb", VERBS)
def test_its_examples_are_no_wrong_usage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"^    (bluegreen .*)$", help_of(capsys, verb), flags=re.MULTILINE)
    assert examples
    for example in examples:
        words = shlex.split(re.split(r" && | > ", example)[0])
        assert words[1] == verb
        world = _world(example)
        if "--rule" in words:
            rules = world.rules_there.rules
            rules[words[words.index("--rule") + 1]] = rules[world.first.settings.rule_arn]
        if "--deployment" in words:
            world.deployer.brought(words[words.index("--deployment") + 1], 1, "InProgress")
        if "--check" in words:
            assert run(words[1 : words.index("--check")], world) == 0
            Path(words[words.index("--check") + 1]).write_text(capsys.readouterr().out)
        # Nothing was rolled out there: most are refused for it, with the code of wrong usage, but not with its words.
        code, said = run(words[1:], world), capsys.readouterr().err
        assert code in {0, 3} or (code == 2 and "has had no rollout yet" in said), said


def test_start_says_how_each_kind_of_release_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    said = " ".join(help_of(capsys, "start").split())
    for word in ("ami-", "resolve:ssm:/name:version", "of a fleet with an Artefact the archive's name", "--version N"):
        assert word in said
    assert Release("1.4.2", "resolve:ssm:/golden/model:3").template_version("a group", named=False) == ""


def test_every_verb_of_operators_is_registered() -> None:
    assert set(VERBS) <= {command.name for command in app.registered_commands}
