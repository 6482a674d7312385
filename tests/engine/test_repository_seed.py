"""A repository's first commit: made when it is empty, never again, and CloudFormation told."""

import json

import pytest

from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.handlers.repository_seed import serve
from bluegreen_constructs.engine.repository_seed import NotEmptyError, Seed, plant

SEED = Seed("delivery", "main", {"taskdef.json": "{}\n", "appspec.yaml": "version: 0.0\n"})
PROPERTIES: dict[str, object] = {
    "Repository": "delivery",
    "Branch": "main",
    "Files": [{"Path": "taskdef.json", "Text": "{}\n"}, {"Path": "appspec.yaml", "Text": "version: 0.0\n"}],
}


class PlayedRepositories:
    def __init__(self, *, empty: bool = True, refusal: AwsError | None = None) -> None:
        self.empty, self.refusal, self.commits = empty, refusal, list[Seed]()

    def is_empty(self, repository: str) -> bool:
        assert repository == "delivery"
        return self.empty

    def commit(self, seed: Seed) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.commits.append(seed)
        self.empty = False
        return "4c925148"


def answered(type: str, repositories: PlayedRepositories, **properties: object) -> dict:
    sent: list[bytes] = []
    event = {
        "RequestType": type,
        "StackId": "stack",
        "LogicalResourceId": "Seed",
        "RequestId": "request-1",
        "ResponseURL": "https://answers.example.com/1",
        "ResourceProperties": {**PROPERTIES, **properties},
    }
    serve(event, repositories=lambda: repositories, send=lambda _, body: sent.append(body))
    (body,) = sent
    return json.loads(body)


def test_an_empty_repository_gets_all_files_in_one_commit():
    played = PlayedRepositories()
    assert plant(SEED, played) == "appspec.yaml, taskdef.json committed to delivery as 4c925148"
    assert played.commits == [SEED]


def test_what_people_have_committed_is_left_alone():
    played = PlayedRepositories(empty=False)
    assert plant(SEED, played) == "delivery has commits already, nothing was committed"
    assert played.commits == []


def test_somebody_who_is_faster_is_no_failure():
    played = PlayedRepositories(refusal=NotEmptyError("a parent is required"))
    assert plant(SEED, played) == "delivery has commits already, nothing was committed"


def test_another_refusal_of_the_commit_is_a_failure_in_the_words_of_aws():
    with pytest.raises(AwsError, match="the key is disabled"):
        plant(SEED, PlayedRepositories(refusal=AwsError("the key is disabled")))


def test_a_created_resource_commits_and_the_same_event_again_commits_nothing_more():
    played = PlayedRepositories()
    assert answered("Create", played)["Status"] == "SUCCESS"
    assert answered("Create", played)["Status"] == "SUCCESS"
    assert played.commits == [SEED]


@pytest.mark.parametrize("type", ["Update", "Delete"])
def test_an_updated_or_deleted_resource_commits_nothing_even_to_an_empty_repository(type: str):
    played = PlayedRepositories()
    answer = answered(type, played, Files="damaged")
    assert (answer["Status"], answer["Reason"]) == ("SUCCESS", f"nothing is committed on {type}")
    assert played.commits == []


def test_cloudformation_is_told_why_nothing_could_be_committed():
    answer = answered("Create", PlayedRepositories(refusal=AwsError("the key is disabled")))
    assert (answer["Status"], answer["Reason"]) == ("FAILED", "the key is disabled")


@pytest.mark.parametrize(
    "damage",
    [
        {"Repository": ""},
        {"Branch": None},
        {"Files": []},
        {"Files": "taskdef.json"},
        {"Files": {"taskdef.json": "{}"}},
        {"Files": [{"Path": "taskdef.json"}]},
        {"Files": [{"Path": "taskdef.json", "Text": 1}]},
    ],
)
def test_a_resource_without_what_it_needs_is_refused(damage: dict[str, object]):
    with pytest.raises(ConfigurationError, match="deploy"):
        Seed.of({**PROPERTIES, **damage})
