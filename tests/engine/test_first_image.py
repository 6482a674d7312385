"""A repository's first image: pushed once, waited for, and CloudFormation told how it ended."""

import json
from collections.abc import Iterator

import pytest

from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.first_image import LOOK_SECONDS, BuildSeen, WantedImage, ensure_image
from bluegreen_constructs.engine.handlers.bootstrap_image import serve

WANTED = WantedImage("inference", "bootstrap", "push-it")
PROPERTIES = {"Repository": "inference", "Tag": "bootstrap", "Project": "push-it", "ServiceToken": "arn"}


class PlayedBuilds:
    """Builds that end as told, after so many looks; an error is one that fails."""

    def __init__(self, *seen: BuildSeen | AwsError, pushed: bool = False) -> None:
        self.pushed, self.started = pushed, list[tuple[str, str]]()
        self._seen: Iterator[BuildSeen | AwsError] = iter(seen)

    def is_pushed(self, repository: str, tag: str) -> bool:
        assert (repository, tag) == ("inference", "bootstrap")
        return self.pushed

    def start(self, project: str, token: str) -> str:
        self.started.append((project, token))
        return "push-it:1"

    def look(self, build: str) -> BuildSeen:
        assert build == "push-it:1"
        seen = next(self._seen)
        if isinstance(seen, AwsError):
            raise seen
        return seen


class Clock:
    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def pause(self, seconds: float) -> None:
        self.left -= seconds


RUNS, DONE = BuildSeen("IN_PROGRESS"), BuildSeen("SUCCEEDED")
UNSEEN = AwsError("throttled")


def ensured(builds: PlayedBuilds, seconds: float = 800) -> str:
    clock = Clock(seconds)
    return ensure_image(WANTED, "request-1", builds=builds, seconds_left=lambda: clock.left, pause=clock.pause)


def test_the_image_is_built_and_waited_for():
    builds = PlayedBuilds(RUNS, RUNS, DONE)
    assert ensured(builds) == "build push-it:1 pushed inference:bootstrap"
    assert builds.started == [("push-it", "request-1")]


def test_an_image_that_is_there_is_not_built():
    builds = PlayedBuilds(pushed=True)
    assert ensured(builds) == "inference:bootstrap is there already, nothing was pushed"
    assert builds.started == []


@pytest.mark.parametrize("status", ["FAILED", "FAULT", "STOPPED", "TIMED_OUT", "None", "a status of tomorrow"])
def test_any_other_end_of_the_build_is_a_failure_in_its_own_words(status: str):
    with pytest.raises(AwsError, match=f"build push-it:1 ended as {status}: no more space"):
        ensured(PlayedBuilds(RUNS, BuildSeen(status, "no more space")))


def test_a_build_that_says_nothing_has_a_log():
    with pytest.raises(AwsError, match="ended as FAILED: look at its log"):
        ensured(PlayedBuilds(BuildSeen("FAILED")))


def test_the_wait_ends_while_there_is_time_to_say_so():
    builds = PlayedBuilds(*[RUNS] * 9)
    with pytest.raises(AwsError, match="has not ended in time: look at its log, then deploy again"):
        ensured(builds, seconds=LOOK_SECONDS * 3.5)
    assert len(list(builds._seen)) == 9 - 4  # the look after the last pause was the last


@pytest.mark.parametrize("looks", [[UNSEEN, DONE], [RUNS, UNSEEN, UNSEEN, RUNS, DONE]])
def test_a_look_that_fails_is_no_failed_build_for_the_build_runs_on(looks: list[BuildSeen | AwsError]):
    assert ensured(PlayedBuilds(*looks)) == "build push-it:1 pushed inference:bootstrap"


def test_a_build_that_failed_has_failed_also_after_a_look_that_did():
    with pytest.raises(AwsError, match="ended as FAILED: look at its log"):
        ensured(PlayedBuilds(UNSEEN, BuildSeen("FAILED")))


def test_looks_that_fail_to_the_end_are_told_in_the_words_of_the_last():
    builds = PlayedBuilds(*[RUNS, UNSEEN, UNSEEN, AwsError("AccessDenied"), DONE])
    with pytest.raises(AwsError, match=r"was not seen to end in time \(AccessDenied\): look at its log, then deploy"):
        ensured(builds, seconds=LOOK_SECONDS * 3.5)
    assert list(builds._seen) == [DONE]


def test_a_look_that_failed_before_one_that_did_not_is_forgotten():
    with pytest.raises(AwsError, match="has not ended in time: look at its log"):
        ensured(PlayedBuilds(UNSEEN, RUNS, RUNS), seconds=LOOK_SECONDS * 2.5)


@pytest.mark.parametrize("call", ["start", "is_pushed"])
def test_a_build_that_could_not_be_started_is_a_failure_at_once(call: str, monkeypatch: pytest.MonkeyPatch):
    def refused(*_: str) -> str:
        raise UNSEEN

    builds = PlayedBuilds()
    monkeypatch.setattr(builds, call, refused)
    with pytest.raises(AwsError, match="throttled"):
        ensured(builds)


def answered(type: str, builds: PlayedBuilds, **properties: object) -> dict:
    sent: list[tuple[str, bytes]] = []
    event = {
        "RequestType": type,
        "StackId": "stack",
        "LogicalResourceId": "FirstImage",
        "RequestId": "request-1",
        "ResponseURL": "https://answers.example.com/1",
        "ResourceProperties": {**PROPERTIES, **properties},
    }
    clock = Clock(800)
    serve(
        event,
        builds=lambda: builds,
        send=lambda url, body: sent.append((url, body)),
        seconds_left=lambda: clock.left,
        pause=clock.pause,
    )
    ((url, body),) = sent
    assert url == "https://answers.example.com/1"
    return json.loads(body)


@pytest.mark.parametrize("type", ["Create", "Update"])
def test_a_stack_that_makes_or_changes_the_resource_waits_for_the_image(type: str):
    builds = PlayedBuilds(RUNS, DONE)
    answer = answered(type, builds)
    assert (answer["Status"], answer["Reason"]) == ("SUCCESS", "build push-it:1 pushed inference:bootstrap")
    assert builds.started == [("push-it", "request-1")]


def test_the_same_event_delivered_again_starts_the_same_build():
    builds = PlayedBuilds(DONE, DONE)
    answered("Create", builds)
    answered("Create", builds)
    assert set(builds.started) == {("push-it", "request-1")}


def test_an_update_of_a_repository_with_the_image_does_nothing():
    builds = PlayedBuilds(pushed=True)
    assert answered("Update", builds)["Status"] == "SUCCESS"
    assert builds.started == []


def test_a_deleted_resource_leaves_the_image_also_when_its_properties_are_none():
    builds = PlayedBuilds()
    answer = answered("Delete", builds, Repository="", Project=None)
    assert (answer["Status"], answer["Reason"]) == ("SUCCESS", "the image stays, nothing was deleted")
    assert builds.started == []


def test_cloudformation_is_told_why_the_build_failed():
    answer = answered("Create", PlayedBuilds(BuildSeen("FAILED", "toomanyrequests")))
    assert (answer["Status"], answer["Reason"]) == ("FAILED", "build push-it:1 ended as FAILED: toomanyrequests")


@pytest.mark.parametrize("missing", ["Repository", "Tag", "Project"])
def test_a_resource_without_what_it_needs_is_refused(missing: str):
    with pytest.raises(ConfigurationError, match=f"the resource's {missing} is None: deploy the stack"):
        WantedImage.of({name: value for name, value in PROPERTIES.items() if name != missing})


def test_a_request_that_does_not_exist_is_refused():
    assert answered("Forget", PlayedBuilds())["Status"] == "FAILED"
