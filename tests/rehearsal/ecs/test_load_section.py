"""What users send, as the tasks file says it: read, and refused where it says nothing that can be sent."""

from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.ecs.load_section import ANYTHING_AT_THE_ROOT
from bluegreen_constructs.rehearsal.ecs.tasks_file import Expected, TasksFile
from bluegreen_constructs.rehearsal.load import GoldenCase


def read(tmp_path: Path, content: str) -> TasksFile:
    file = tmp_path / "rehearse.toml"
    file.write_text(content, encoding="utf-8")
    return TasksFile.read(file)


def test_without_a_load_users_ask_for_the_root_and_take_any_answer(tmp_path: Path) -> None:
    load = read(tmp_path, "").load
    assert load.requests == (ANYTHING_AT_THE_ROOT,)
    assert load.per_minute is None
    assert ANYTHING_AT_THE_ROOT.accepts(b"<html>")


def test_a_request_says_what_is_sent_and_what_a_good_release_answers(tmp_path: Path) -> None:
    load = read(
        tmp_path,
        """[load]
        per_minute = 60
        requests = [
            { path = "/a" },
            { path = "/b", body = { text = "x" }, expects = { topic = "y" } },
            { path = "/c", method = "PUT", body = "raw", status = 201, expects = "made" },
        ]""",
    ).load
    assert load.per_minute == 60.0
    assert load.requests == (
        GoldenCase(None, None, path="/a", method="GET"),
        GoldenCase({"text": "x"}, {"topic": "y"}, path="/b", method="POST"),
        GoldenCase(None, None, path="/c", method="PUT", text="raw", status=201, contains="made"),
    )
    assert load.requests[1].accepts(b'{"topic": "y", "more": 1}')
    assert not load.requests[1].accepts(b"no JSON")
    assert load.requests[2].accepts(b"it was made")
    assert not load.requests[2].accepts(b"it was not")


def test_releases_keep_their_order_and_are_expected_to_be_promoted_unless_said_otherwise(tmp_path: Path) -> None:
    file = read(tmp_path, '[releases.b]\nexpect = "rolled back"\n[releases.a.environment]\nX = "1"\n')
    assert list(file.expected.items()) == [("b", Expected.ROLLED_BACK), ("a", Expected.PROMOTED)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[load]\nrate = 1\n", "has 'rate'; it takes requests and per_minute"),
        ("[load]\nrequests = []\n", "write requests = "),
        ('[load]\nrequests = ["/"]\n', "write requests = "),
        ("load = 1\n", r"write a table: \[load\]"),
        ('[load]\nrequests = [{url = "/"}]\n', "request 1 of .* has 'url'; it takes path, method, body, status and"),
        ('[load]\nrequests = [{}, {path = "x"}]\n', "request 2 of .* has path 'x'; give one that begins with /"),
        ('[load]\nrequests = [{method = "FETCH"}]\n', "has method 'FETCH'; give one of GET, POST"),
        ("[load]\nrequests = [{status = 503}]\n", "has status 503; give what a good release answers, from 200 to 499"),
        ("[load]\nrequests = [{status = true}]\n", "has status True"),
        ("[load]\nrequests = [{body = 1}]\n", "has body 1; give a text, or a table for JSON"),
        ("[load]\nrequests = [{expects = [1]}]\n", "has expects"),
        ("[load]\nper_minute = 0\n", "has per_minute 0; give how many requests users send in a rehearsed minute"),
        ("[load]\nper_minute = nan\n", "has per_minute nan"),
        ("[load]\nper_minute = true\n", "has per_minute True"),
        ("[load]\nper_minute = 1001\n", "from 1 to 1000"),
        ('[releases.a]\nexpect = "failed"\n', 'has expect .failed.; write "promoted" or "rolled back"'),
        ("[releases.a]\nexpect = []\n", "has expect"),
    ],
)
def test_what_cannot_be_sent_or_expected_is_refused_with_the_entry_named(
    tmp_path: Path, content: str, sentence: str
) -> None:
    with pytest.raises(RehearsalError, match=sentence):
        read(tmp_path, content)


def test_the_tasks_file_of_the_documentation_and_that_of_the_example_can_be_read(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs" / "rehearsal.md").read_text(encoding="utf-8").partition("## Your own application")[2]
    documented = read(tmp_path, page.partition("```toml\n")[2].partition("```")[0])
    example = TasksFile.read(root / "examples" / "own_app" / "rehearse.toml")
    for file in (documented, example):
        assert list(file.expected.items()) == [("1.1.0", Expected.PROMOTED), ("1.2.0", Expected.ROLLED_BACK)]
        assert list(file.containers) == ["Web"]
    assert documented.load.requests[1].status == 201
