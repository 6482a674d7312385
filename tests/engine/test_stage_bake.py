"""The bake of a pipeline's stage: what rings fails it, what says nothing never passes it, and it always ends."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.handlers import stage_bake as entry
from bluegreen_constructs.engine.handlers.stage_bake import BakeWorld, serve
from bluegreen_constructs.engine.stage_bake import (
    EXTRA,
    LONGEST,
    MISSING,
    SETTINGS,
    UNREAD,
    AlarmSeen,
    BakedAlarm,
    BakeSettings,
    BakeTurn,
    judged,
)

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)
SPAN = timedelta(minutes=10)
HERE, FAR = BakedAlarm("errors"), BakedAlarm("errors", "us-east-1")
OTHER = BakedAlarm("latency", "eu-west-1", "arn:aws:iam::210987654321:role/bakes")
BAKE = BakeSettings(SPAN, (HERE, FAR, OTHER))
TEXT = json.dumps(BAKE.to_dict())
QUIET = {alarm: AlarmSeen("OK") for alarm in BAKE.alarms}
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
RINGS_STILL = AlarmSeen("ALARM", rings_still=True)


def verdict(minutes: float, **said: AlarmSeen) -> tuple[str, str]:
    """After so many minutes; `here`, `far` and `other` say what is given, and OK else."""
    seen = dict(zip(BAKE.alarms, (said.get(name, AlarmSeen("OK")) for name in ("here", "far", "other")), strict=True))
    found = judged(BAKE, BEGAN, BEGAN + timedelta(minutes=minutes), seen)
    return found.outcome, found.summary


def test_a_bake_under_quiet_alarms_goes_on_until_its_span_is_over_and_is_good_then() -> None:
    assert verdict(0)[0] == "again"
    assert verdict(9.99)[0] == "again"
    assert verdict(10) == ("good", "3 alarms were quiet for 10 min")


@pytest.mark.parametrize("minutes", [0, 5, 9.99, 10, 15, 20, 500])
def test_an_alarm_fails_it_at_once_and_is_named_with_its_place(minutes: float) -> None:
    outcome, said = verdict(minutes, other=AlarmSeen("ALARM"))
    assert outcome == "failed"
    assert said.startswith("latency (eu-west-1, account 210987654321) is in alarm after ")


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_one_that_rang_between_two_looks_fails_it_although_it_is_quiet_by_now(state: str) -> None:
    outcome, said = verdict(10, far=AlarmSeen(state, has_rung=True))
    assert (outcome, said) == ("failed", "errors (us-east-1) rang after 10 min of baking")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (MISSING, "does not exist"),
        (UNREAD, "could not be read (AccessDenied)"),
        ("INSUFFICIENT_DATA", "has insufficient data"),
        ("NEWLY_INVENTED", "is NEWLY_INVENTED"),
    ],
)
def test_what_says_nothing_never_passes_and_fails_it_in_the_end(state: str, words: str) -> None:
    nothing = AlarmSeen(state, why="AccessDenied" if state == UNREAD else "")
    for minutes in (0, 9, 10, 19.9):
        outcome, said = verdict(minutes, here=nothing)
        assert outcome == "again"
        assert f"errors {words}" in said
    outcome, said = verdict(20, here=nothing)
    assert (outcome, said) == ("failed", f"errors {words} 10 min after the bake, and no data is no evidence")
    assert verdict(19.9) == ("good", "3 alarms were quiet for 10 min")  # it spoke in time after all


def test_an_alarm_is_no_evidence_until_all_its_data_are_of_the_bake() -> None:
    slow = AlarmSeen("OK", needs=HOUR)
    assert verdict(5, here=slow)[1] == "5 min of baking left; errors needs 55 min more for data of the bake alone"
    for minutes in (10, 25, 59.99):  # it is OK since yesterday, which says nothing of this release
        outcome, said = verdict(minutes, here=slow)
        assert outcome == "again"
        assert "errors needs" in said
    assert verdict(60, here=slow) == ("good", "3 alarms were quiet for 10 min")
    assert verdict(30, here=slow, far=AlarmSeen("ALARM"))[0] == "failed"


def test_what_has_its_evidence_within_the_span_makes_the_bake_no_longer() -> None:
    assert verdict(10, here=AlarmSeen("OK", needs=SPAN))[0] == "good"


def test_a_slow_alarm_that_is_not_quiet_has_its_own_time_and_ten_minutes() -> None:
    for silent in (AlarmSeen("INSUFFICIENT_DATA", needs=HOUR), AlarmSeen("ALARM", rings_still=True, needs=HOUR)):
        assert verdict(69.9, here=silent)[0] == "again"
        assert verdict(70, here=silent)[0] == "failed"


def test_an_alarm_that_needs_longer_than_any_bake_fails_it_at_once_and_is_named() -> None:
    assert verdict(0, here=AlarmSeen("OK", needs=LONGEST))[0] == "again"
    outcome, said = verdict(0, here=AlarmSeen("OK", needs=timedelta(hours=24)), far=AlarmSeen(MISSING))
    assert outcome == "failed"
    assert said.startswith("errors needs 24 h for data of the bake alone, and a bake waits 23 h at most: give alarms")


def test_a_missing_alarm_is_not_waited_for_because_another_one_is_slow() -> None:
    outcome, said = verdict(20, here=AlarmSeen("OK", needs=HOUR), far=AlarmSeen(MISSING))
    assert (outcome, said) == (
        "failed",
        "errors (us-east-1) does not exist 10 min after the bake, and no data is no evidence",
    )


def test_a_look_that_failed_ends_no_bake_that_waits_for_a_slow_alarm() -> None:
    turn = BakeTurn("j-1", BEGAN).having_seen({HERE: AlarmSeen("OK", needs=HOUR), FAR: AlarmSeen("OK")})
    turn = BakeTurn.of(event("j-2", turn.token), BEGAN).having_seen({})  # what it needs is remembered
    unread = {alarm: AlarmSeen(UNREAD) for alarm in BAKE.alarms}
    assert turn.waits == HOUR
    assert judged(BAKE, BEGAN, BEGAN + HOUR + EXTRA - SECOND, unread, turn.waits).outcome == "again"
    assert judged(BAKE, BEGAN, BEGAN + HOUR + EXTRA, unread, turn.waits).outcome == "failed"


def test_an_alarm_that_rings_since_before_the_bake_may_become_quiet_and_fails_it_else() -> None:
    for minutes in (0, 9, 10, 19.9):
        outcome, said = verdict(minutes, here=RINGS_STILL)
        assert outcome == "again"
        assert "errors is in alarm since before the bake" in said
    assert verdict(20, here=RINGS_STILL) == ("failed", "errors is in alarm since before the bake 10 min after the bake")
    assert verdict(10)[0] == "good"  # it became quiet in time
    assert verdict(9, here=AlarmSeen("ALARM"))[0] == "failed"  # it became quiet, and rang anew
    assert verdict(9, here=AlarmSeen("OK", has_rung=True))[0] == "failed"


def test_an_alarm_that_nobody_answered_for_says_nothing() -> None:
    found = judged(BAKE, BEGAN, BEGAN + SPAN, {HERE: AlarmSeen("OK"), FAR: AlarmSeen("OK")})
    assert found.outcome == "again"
    assert "could not be read" in found.summary


def test_many_alarms_are_named_in_part() -> None:
    many = tuple(BakedAlarm(f"alarm{number}") for number in range(25))
    found = judged(BakeSettings(SPAN, many), BEGAN, BEGAN, {alarm: AlarmSeen("ALARM") for alarm in many})
    assert found.summary.startswith("alarm0 is in alarm and alarm1 is in alarm")
    assert found.summary.endswith("and 15 more after 0 s of baking")


def test_progress_is_a_percentage_that_is_100_only_when_it_is_good() -> None:
    shown = [judged(BAKE, BEGAN, BEGAN + SPAN * part / 100, QUIET).percent for part in (-10, 0, 50, 99.999, 100)]
    assert shown == [0, 0, 50, 99, 100]
    silent = {alarm: AlarmSeen(UNREAD) for alarm in BAKE.alarms}
    assert judged(BAKE, BEGAN, BEGAN + SPAN + SECOND, silent).percent == 99


# -- what is given to it ------------------------------------------------------------------------------------------


def test_settings_are_read_as_they_were_written() -> None:
    assert BakeSettings.from_text(TEXT) == BAKE


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"seconds": 60}', '{"seconds": "x", "alarms": [["a", "", ""]]}'])
def test_settings_of_nobody_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="only a construct sets it"):
        BakeSettings.from_text(text)


@pytest.mark.parametrize("span", [timedelta(), timedelta(seconds=59), timedelta(hours=23, seconds=1), -SPAN])
def test_a_span_is_refused_that_codepipeline_would_cut_or_nobody_would_notice(span: timedelta) -> None:
    with pytest.raises(ConfigurationError, match=r"give 1 min to 23 h"):
        BakeSettings(span, (HERE,))


def test_a_bake_that_nothing_could_fail_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="without an alarm"):
        BakeSettings(SPAN, ())


def event(job: str = "j-1", token: str | None = None) -> dict[str, object]:
    data: dict[str, object] = {"actionConfiguration": {"configuration": {"FunctionName": "bake"}}}
    data["artifactCredentials"] = {"secretAccessKey": "of the artefacts"}
    if token is not None:
        data["continuationToken"] = token
    return {"CodePipeline.job": {"id": job, "accountId": "123456789012", "data": data}}


def test_a_job_without_a_token_is_a_bake_that_begins() -> None:
    assert BakeTurn.of(event(), BEGAN) == BakeTurn("j-1", BEGAN)


def test_a_token_carries_the_beginning_to_the_next_job() -> None:
    token = BakeTurn("j-1", BEGAN).token
    assert BakeTurn.of(event("j-2", token), BEGAN + SPAN) == BakeTurn("j-2", BEGAN)
    assert (
        len(token) <= 2048
    )  # https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutJobSuccessResult.html


# -- CodePipeline, played -----------------------------------------------------------------------------------------


@dataclass
class Pipeline:
    """CodePipeline and the alarms in memory: it asks until it has an answer, at most `LIMIT`.

    states: what the alarms say from each minute on. lost: calls to it that fail, by number: `before` they had their
    effect, or `after`. twice: the invocations that Lambda delivers twice.
    """

    LIMIT = timedelta(hours=24)
    states: Mapping[int, Mapping[BakedAlarm, AlarmSeen]] = field(default_factory=dict)
    every: timedelta = timedelta(seconds=30)
    lost: Mapping[int, str] = field(default_factory=dict)
    twice: frozenset[int] = frozenset()
    variable: str = TEXT
    now: datetime = BEGAN
    outcome: str = ""
    said: str = ""
    looks: list[tuple[datetime, Mapping[BakedAlarm, AlarmSeen]]] = field(default_factory=list)
    invocations: int = 0
    _calls: int = 0
    _open: dict[str, bool] = field(default_factory=dict)
    _token: str | None = None

    def since(self, alarms: Sequence[BakedAlarm], began: datetime) -> Mapping[BakedAlarm, AlarmSeen]:
        assert began <= self.now
        minute = (self.now - BEGAN) // timedelta(minutes=1)
        known = [at for at in self.states if at <= minute]
        found = self.states[max(known)] if known else QUIET
        self.looks.append((self.now, found))
        return {alarm: found[alarm] for alarm in alarms if alarm in found}

    def again(self, job: str, token: str, summary: str, percent: int) -> None:
        assert 0 <= percent < 100
        self._answer(job, "again", summary, token)

    def good(self, job: str, summary: str) -> None:
        self._answer(job, "good", summary)

    def failed(self, job: str, message: str) -> None:
        self._answer(job, "failed", message)

    def _answer(self, job: str, outcome: str, said: str, token: str | None = None) -> None:
        self._calls += 1
        loss = self.lost.get(self._calls)
        if loss == "before":
            raise AwsError("throttled")
        if self._open.get(job):  # else it was answered already, and keeps that answer
            self._open[job] = False
            self._token, self.said = token, said
            if outcome != "again":
                self.outcome = outcome
        if loss == "after":
            raise AwsError("no answer came")

    def play(self) -> "Pipeline":
        number = 0
        while not self.outcome and self.now - BEGAN < self.LIMIT:
            number += 1
            job = f"j-{number}"
            self._open[job] = True
            self._invoke(event(job, self._token))
            if self._open[job]:  # Lambda gave up on it: nobody asks again, and CodePipeline waits in vain
                self.now = BEGAN + self.LIMIT
                self.outcome = "timed out"
            self.now += self.every
        return self

    def _invoke(self, given: dict[str, object]) -> None:
        """Asynchronously: an invocation that raises is tried twice more, and any may come twice."""
        for _ in range(3):
            self.invocations += 1
            world = BakeWorld(self.variable, self, self, self.now)  # type: ignore[arg-type]
            try:
                serve(given, world)
                if self.invocations in self.twice:
                    serve(given, world)
            except AwsError:
                self.now += timedelta(seconds=60)
            else:
                return


def test_a_good_release_bakes_for_its_span_and_passes() -> None:
    played = Pipeline().play()
    assert (played.outcome, played.said) == ("good", "3 alarms were quiet for 10 min")
    assert played.looks[-1][0] - BEGAN == SPAN


def test_a_bad_one_is_stopped_at_the_next_look() -> None:
    played = Pipeline(states={3: {**QUIET, FAR: AlarmSeen("ALARM")}, 4: QUIET}).play()
    assert played.outcome == "failed"
    assert "errors (us-east-1) is in alarm after 180 s" in played.said.replace("3 min", "180 s")


def test_evidence_that_comes_late_is_waited_for_and_not_for_ever() -> None:
    silent = {**QUIET, HERE: AlarmSeen("INSUFFICIENT_DATA")}
    assert Pipeline(states={0: silent, 14: QUIET}).play().outcome == "good"
    played = Pipeline(states={0: silent}).play()
    assert (played.outcome, played.looks[-1][0] - BEGAN) == ("failed", SPAN + EXTRA)


def test_the_bake_of_a_stage_that_was_rolled_back_waits_for_the_alarm_that_brought_it_back() -> None:
    ringing = {**QUIET, HERE: RINGS_STILL}
    assert Pipeline(states={0: ringing, 4: QUIET}).play().outcome == "good"
    assert Pipeline(states={0: ringing, 4: QUIET, 6: {**QUIET, HERE: AlarmSeen("ALARM")}}).play().outcome == "failed"
    played = Pipeline(states={0: ringing}).play()
    assert (played.outcome, played.looks[-1][0] - BEGAN) == ("failed", SPAN + EXTRA)


def test_a_slow_alarm_is_waited_for_also_when_a_look_fails_meanwhile() -> None:
    slow = {**QUIET, HERE: AlarmSeen("OK", needs=HOUR)}
    unread = {alarm: AlarmSeen(UNREAD) for alarm in BAKE.alarms}
    played = Pipeline(states={0: slow, 40: unread, 41: slow}).play()
    assert (played.outcome, played.looks[-1][0] - BEGAN) == ("good", HOUR)


def test_settings_that_were_lost_fail_the_stage_in_words_and_no_alarm_is_asked() -> None:
    played = Pipeline(variable="").play()
    assert played.outcome == "failed"
    assert SETTINGS in played.said
    assert played.looks == []


def test_a_token_of_an_older_version_goes_on() -> None:
    assert BakeTurn.of(event("j-2", json.dumps({"began": BEGAN.isoformat()})), BEGAN + SPAN) == BakeTurn("j-2", BEGAN)


BAD_WAIT = json.dumps({"began": BEGAN.isoformat(), "waits": "x"})


def test_a_token_that_no_bake_has_given_fails_the_stage() -> None:
    for token in (
        "abc",
        "{}",
        '{"began": 5}',
        '{"began": "tomorrow"}',
        "[]",
        "null",
        '{"began":"0001-01-01"}',
        BAD_WAIT,
    ):
        played = Pipeline()
        played._open["j-1"] = True
        serve(event("j-1", token), BakeWorld(played.variable, played, played, BEGAN))  # type: ignore[arg-type]
        assert played.outcome == "failed", token


@pytest.mark.parametrize("given", [{}, {"CodePipeline.job": 5}, {"CodePipeline.job": {"id": ""}}, {"job": {"id": "1"}}])
def test_an_event_of_nobodys_is_refused(given: dict[str, object]) -> None:
    world = Pipeline()
    with pytest.raises(ConfigurationError, match="only CodePipeline invokes this function"):
        serve(given, BakeWorld(world.variable, world, world, BEGAN))  # type: ignore[arg-type]


def test_an_answer_that_was_lost_is_given_again_and_an_event_that_came_twice_changes_nothing() -> None:
    for loss in ("before", "after"):
        for call in (1, 2, 5):
            played = Pipeline(lost={call: loss}).play()
            assert played.outcome == "good"
            assert played.looks[-1][0] - BEGAN >= SPAN
    assert Pipeline(twice=frozenset(range(100))).play().outcome == "good"


_STATES = st.builds(
    AlarmSeen,
    st.sampled_from(["OK"] * 6 + ["ALARM", "INSUFFICIENT_DATA", MISSING, UNREAD]),
    st.sampled_from([False] * 9 + [True]),
    needs=st.sampled_from([timedelta()] * 6 + [SPAN, HOUR, LONGEST, LONGEST + HOUR]),
    rings_still=st.booleans(),
)
_MINUTES = st.dictionaries(
    st.integers(0, 25), st.fixed_dictionaries(dict.fromkeys(BAKE.alarms, _STATES)), min_size=1, max_size=6
)


@given(
    states=_MINUTES,
    every=st.integers(1, 400),
    lost=st.dictionaries(st.integers(1, 30), st.sampled_from(["before", "after"]), max_size=4),
    twice=st.frozensets(st.integers(1, 30), max_size=4),
)
def test_whatever_happens_it_passes_only_what_was_seen_quiet_to_the_end(
    states: Mapping[int, Mapping[BakedAlarm, AlarmSeen]], every: int, lost: Mapping[int, str], twice: frozenset[int]
) -> None:
    played = Pipeline(states=states, every=timedelta(seconds=every), lost=lost, twice=twice).play()
    assert played.outcome in {"good", "failed", "timed out"}
    assert played.now - BEGAN <= Pipeline.LIMIT + timedelta(seconds=every)  # it always ends
    looked, last = played.looks[-1]
    if played.outcome == "good":
        assert looked - BEGAN >= SPAN
        assert {answer.state for answer in last.values()} == {"OK"}
        assert not any(answer.has_rung for _, seen in played.looks for answer in seen.values())
        assert not any(
            answer.state == "ALARM" and not answer.rings_still for _, seen in played.looks for answer in seen.values()
        )
        assert all(looked - BEGAN >= answer.needs for answer in last.values())
    if played.outcome == "failed":
        rang = any(answer.state == "ALARM" or answer.has_rung for answer in last.values())
        too_slow = any(answer.needs > LONGEST for answer in last.values())
        assert rang or too_slow or looked - BEGAN >= SPAN + EXTRA


# -- Lambda's entry point -----------------------------------------------------------------------------------------


def test_the_function_takes_its_time_its_alarms_and_its_settings_from_outside_and_logs_no_credentials(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[tuple[str, dict[str, object]]] = []
    asked: list[tuple[str, str]] = []

    class Jobs:
        exceptions = SimpleNamespace(ClientError=KeyError)

        def put_job_success_result(self, **given: object) -> dict[str, object]:
            told.append(("success", given))
            return {}

    class Alarms:
        exceptions = SimpleNamespace(ClientError=KeyError)

        def __init__(self, region: str, role: str) -> None:
            asked.append((region, role))

        def describe_alarms(self, **given: object) -> dict[str, object]:
            return {
                "MetricAlarms": [
                    {"AlarmName": name, "StateValue": "OK", "StateTransitionedTimestamp": BEGAN - SPAN}
                    for name in given["AlarmNames"]  # type: ignore[attr-defined]
                ]
            }

    monkeypatch.setattr(entry.clients, "pipeline_jobs", Jobs)
    monkeypatch.setattr(entry.clients, "alarms_in", Alarms)
    monkeypatch.setattr(entry.time, "time", (BEGAN + SPAN).timestamp)
    monkeypatch.setenv(SETTINGS, TEXT)
    caplog.set_level("INFO")
    token = BakeTurn("j-1", BEGAN).token
    seconds = [900.0]
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: seconds[0] * 1000)
    entry.handler(event("j-2", token), context)  # type: ignore[arg-type]
    assert told == [
        (
            "success",
            {"jobId": "j-2", "executionDetails": {"summary": "3 alarms were quiet for 10 min", "percentComplete": 100}},
        )
    ]
    assert asked == [("", ""), ("us-east-1", ""), ("eu-west-1", OTHER.role_arn)]
    assert "of the artefacts" not in caplog.text
    seconds[0] = 60.0  # no time is left to ask, and still CodePipeline is told
    entry.handler(event("j-3", token), context)  # type: ignore[arg-type]
    assert json.loads(str(told[-1][1]["continuationToken"])) == {"began": BEGAN.isoformat(), "waits": 0}
    assert len(asked) == 3
