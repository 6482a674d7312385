"""A scenario that cannot be played has failed with its reason; the others are played where that makes sense."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal import rehearse as rehearse_module
from bluegreen_constructs.rehearsal.outcome import Condition, Outcome
from bluegreen_constructs.rehearsal.rehearse import Options, rehearse
from bluegreen_constructs.rehearsal.session import NotDeployedError

KILLED = "the emulator was killed by SIGKILL; its log is emulator.log"


class FakeEmulator:
    def __init__(self) -> None:
        self.is_dead = False

    def state(self) -> dict[str, object]:
        if self.is_dead:
            raise RehearsalError(KILLED)
        return {}


@dataclass
class FakeSession:
    work_dir: Path
    say: Callable[[str], None]
    emulator: FakeEmulator = field(default_factory=FakeEmulator)
    is_disturbed: bool = False


@dataclass
class Played:
    """A scenario that passes, or raises what it was given."""

    name: str
    error: Exception | None = None
    kills: bool = False
    about: str = "what it shows"
    session: Any = None

    def play(self, session: Any) -> Outcome:
        self.session = session
        session.emulator.is_dead = self.kills
        if self.error is not None:
            raise self.error
        return Outcome(self.name, (Condition("it holds", holds=True, found="yes"),))


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[FakeSession]:
    opened: list[FakeSession] = []

    @contextmanager
    def open_session(options: Options, say: Callable[[str], None]) -> Iterator[FakeSession]:
        opened.append(FakeSession(tmp_path, say))
        yield opened[-1]

    monkeypatch.setattr(rehearse_module, "open_session", open_session)
    return opened


def outcomes(said: list[str], *scenarios: Played) -> dict[str, Outcome]:
    found = rehearse(cast("Any", scenarios), Options(Path()), said.append)
    assert [outcome.scenario for outcome in found] == [scenario.name for scenario in scenarios]
    return {outcome.scenario: outcome for outcome in found}


def reason(outcome: Outcome) -> str:
    assert not outcome.passed
    (condition,) = outcome.conditions
    assert condition.says == "the scenario can be played"
    return condition.found


def test_all_scenarios_share_one_session(sessions: list[FakeSession], said: list[str]) -> None:
    assert all(outcome.passed for outcome in outcomes(said, Played("one"), Played("two")).values())
    assert len(sessions) == 1


def test_a_scenario_that_breaks_off_has_failed_and_the_next_gets_an_account_of_its_own(
    sessions: list[FakeSession], said: list[str]
) -> None:
    found = outcomes(said, Played("one", RehearsalError("the load generator was killed")), Played("two"), Played("3"))
    assert reason(found["one"]) == "the load generator was killed"
    assert (found["two"].passed, found["3"].passed) == (True, True)
    assert len(sessions) == 2
    assert "scenario one: FAIL: the load generator was killed" in said


def test_an_application_that_cannot_be_deployed_does_not_disturb_the_others(
    sessions: list[FakeSession], said: list[str]
) -> None:
    found = outcomes(said, Played("one", NotDeployedError("cdk synth ended with exit code 1")), Played("two"))
    assert reason(found["one"]) == "cdk synth ended with exit code 1"
    assert found["two"].passed
    assert len(sessions) == 1


def test_an_error_that_is_not_made_for_users_is_named_with_a_file_that_says_where(
    sessions: list[FakeSession], said: list[str], tmp_path: Path
) -> None:
    found = outcomes(said, Played("one", KeyError("services")))
    file = tmp_path / "one.traceback.txt"
    assert reason(found["one"]) == f"it broke off with KeyError ('services'); where it did is in {file}"
    assert "in play" in file.read_text(encoding="utf-8")


def test_a_killed_emulator_ends_the_rehearsal_with_its_own_reason_and_keeps_what_was_seen(
    sessions: list[FakeSession], said: list[str]
) -> None:
    gone = EndpointConnectionError(endpoint_url="http://127.0.0.1:4566")
    found = outcomes(said, Played("one"), Played("two", gone, kills=True), Played("three"))
    assert found["one"].passed
    assert reason(found["two"]) == reason(found["three"]) == KILLED
    assert said[-1] == f"the rehearsal broke off: {KILLED}"
    assert len(sessions) == 1


def test_a_rehearsal_in_which_nothing_was_played_raises_the_reason(
    sessions: list[FakeSession], said: list[str]
) -> None:
    with pytest.raises(RehearsalError, match=KILLED):
        outcomes(said, Played("one", ValueError("no JSON"), kills=True), Played("two"))


@pytest.mark.usefixtures("sessions")
def test_an_interruption_is_not_taken_for_a_failed_scenario(said: list[str]) -> None:
    class Stop(BaseException):
        pass

    with pytest.raises(Stop):
        outcomes(said, Played("one", cast("Any", Stop())))


def test_a_scenario_that_was_not_played_is_in_the_json() -> None:
    outcome = Outcome.not_played("one", KILLED)
    assert outcome.to_json()["passed"] is False
    assert outcome.to_json()["conditions"] == [{"says": "the scenario can be played", "holds": False, "found": KILLED}]
