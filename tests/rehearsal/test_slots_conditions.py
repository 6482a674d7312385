"""The conditions of the scenarios of slots go red for what they are there to catch. Pure but for one marker file."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.cdk_run import CdkResult
from bluegreen_constructs.rehearsal.deployed_slots import DeployedSlots, record_of
from bluegreen_constructs.rehearsal.load import LoadRecord
from bluegreen_constructs.rehearsal.next_library import TAG
from bluegreen_constructs.rehearsal.outcome import Outcome
from bluegreen_constructs.rehearsal.rollout_watch import Weights
from bluegreen_constructs.rehearsal.scenarios import slots_refused
from bluegreen_constructs.rehearsal.scenarios.slots_back import (
    KILLED,
    ROLLED_BACK,
    Unrecorded,
    _judged_back,
    judged_killed,
)
from bluegreen_constructs.rehearsal.scenarios.slots_redeploy import RELEASE as REDEPLOYED
from bluegreen_constructs.rehearsal.scenarios.slots_redeploy import Look, Redeployed, _is_tagged
from bluegreen_constructs.rehearsal.scenarios.slots_redeploy import judged as judged_redeploy
from bluegreen_constructs.rehearsal.scenarios.slots_refused import (
    _DURING,
    _PINNED,
    FAILING,
    PREVIEWED,
    SlotsBadWarmUp,
    SlotsPreviewCancel,
)
from bluegreen_constructs.rehearsal.scenarios.slots_seen import SideTasks, SlotsSeen, Write
from bluegreen_constructs.rehearsal.scenarios.slots_swap import (
    _CHOSEN,
    _COOKIE,
    _TESTED,
    RELEASE,
    _scaled,
    _was_tested,
    swapped,
)
from tests.rehearsal.canary_records import BROKEN, TARGET, command, red
from tests.rehearsal.slots_records import (
    BACK,
    END,
    ENGINE,
    FLIP,
    FORMER,
    NEW,
    OPERATOR,
    OTHERS,
    SLOTS,
    A,
    B,
    C,
    Table,
    answered,
    completed_though_killed,
    led_to,
    preview_cancelled,
    rolled_back,
    spread,
    swap,
    swap_back,
    swap_before_the_redeploy,
    swap_refused,
    watched,
    with_records,
)

Spoil = Callable[[SlotsSeen], SlotsSeen]

LOST, WHOLE = "no request failed and no stream broke", "the load was sent whole and on time"
STICKY = "every slot runs with its own sticky settings"
LED = "each hostname leads to its slot's side alone"
FLIPPED, ONE_MORE = "one write of the live rule made the flip", "the epoch grew by one"
MET_ONE = "before the flip everybody met the former release, after it everybody the new one"
OWN = "every answer was of the release that served before"
PAUSED = "no slot swaps by itself until somebody resumes it"

TASKS = SideTasks(2, ("task-1", "task-2"))
UNRECORDED = Unrecorded("COMMITTING", FLIP, FLIP + 1.0, FLIP + 2.0)
PRODUCTIONS = {"MODEL_STAGE": "production", "SLOT": "production", "SLOT_ROLE": "candidate"}

TEAM, OTHER = dict(zip(("Key", "Value"), TAG, strict=True)), {"Key": "stage", "Value": "production"}
SAME = "Stack Slots\nThere were no differences\n\nNumber of stacks with differences: 0"
DONE = CdkResult(("deploy",), 0, 9.0, "", "", Path("log"))
RUNS = {A: {"MODEL_STAGE": "green"}, B: {"MODEL_STAGE": "blue"}, C: {"MODEL_STAGE": "production"}}
SWAPPED = Look(
    14.0,
    {C: 100},
    swap_before_the_redeploy(REDEPLOYED).record,
    {A: SideTasks(1, ("a-1",)), B: SideTasks(1, ("b-1",)), C: SideTasks(2, ("c-1", "c-2"))},
    RUNS,
)
PUT_BACK = Redeployed(
    swapped=SWAPPED,
    diff=replace(DONE, command=("diff",), stdout=SAME),
    deployed=DONE,
    status="UPDATE_COMPLETE",
    tagged=True,
    after_deploy=replace(SWAPPED, wall=18.0),
    reverted=6,
    after_revert=replace(SWAPPED, wall=22.0),
)


BY_ENGINE = "nobody but the engine's tick wrote the live rule"


@dataclass
class PlayedStage:
    """A stage on which nothing happens: what is seen of it, and what the candidate runs with, are given."""

    given: SlotsSeen
    settings: Mapping[str, str]
    home: Path = Path()
    candidate: str = C
    broken_at: tuple[str, ...] = ()

    def deployed(self, release: str) -> None:
        self._note(f"deploy {release}")

    def to_the_end(self, verb: str, *arguments: str) -> None:
        self._note(f"{verb} {' '.join(arguments)}")

    def bluegreen(self, verb: str, *arguments: str) -> None:
        self._note(verb)

    def host_of(self, slot: str) -> str:
        return f"www-{slot}.example.test"

    def ask(self, name: str, host: str) -> None: ...

    def settings_on(self, side: str) -> Mapping[str, str]:
        return self.settings

    def wait_for_phase(self, *phases: str) -> None: ...

    def seen(self) -> SlotsSeen:
        return self.given

    def _note(self, what: str) -> None:
        if any(self.home.iterdir()):
            self.broken_at = (*self.broken_at, what)


def played(scenario: SlotsPreviewCancel | SlotsBadWarmUp, stage: PlayedStage, folder: Path) -> Outcome:
    """What a scenario, which judges inside of its play, says of a stage on which nothing happens."""
    stage.home = folder / "home"
    stage.home.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def on_stage(session: object, name: str) -> Iterator[PlayedStage]:
        yield stage

    session: Any = SimpleNamespace(emulator=SimpleNamespace(config=SimpleNamespace(work_dir=folder)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(slots_refused, "on_slots_stage", on_stage)
        return scenario.play(session)


@dataclass(frozen=True)
class Play:
    """A scenario: what is good of it, and who judges. verb: the command that it is about."""

    name: str
    good: SlotsSeen
    judged: Callable[[SlotsSeen, Path], Outcome]
    verb: str
    code: int
    outcome: str

    def red(self, folder: Path, spoil: Spoil = lambda seen: seen) -> set[str]:
        return red(self.judged(spoil(self.good), folder))


def _swap(seen: SlotsSeen, folder: Path) -> Outcome:
    return swapped("slots-swap", seen, RELEASE, (*_was_tested(seen), *_scaled(seen)))


def _preview(seen: SlotsSeen, folder: Path, settings: Mapping[str, str] = PRODUCTIONS) -> Outcome:
    return played(SlotsPreviewCancel(), PlayedStage(seen, settings), folder)


def _warm_up(seen: SlotsSeen, folder: Path) -> Outcome:
    return played(SlotsBadWarmUp(), PlayedStage(seen, {}), folder)


def _back(seen: SlotsSeen, folder: Path, tasks: SideTasks = TASKS, kept: SideTasks = TASKS) -> Outcome:
    return _judged_back("slots-rollback-in-bake", seen, tasks, kept, (BACK - 1, BACK + 1))


def _killed(seen: SlotsSeen, folder: Path, unrecorded: Unrecorded = UNRECORDED) -> Outcome:
    return judged_killed("slots-killed-at-commit", seen, unrecorded)


def _redeployed(seen: SlotsSeen, folder: Path, done: Redeployed = PUT_BACK) -> Outcome:
    return judged_redeploy("slots-redeploy-after-swap", seen, done)


SWAP = Play("slots-swap", swap(_TESTED, _CHOSEN, _COOKIE), _swap, "swap", 0, "DONE")
SWAP_BACK = Play(
    "slots-swap-back",
    swap_back(),
    lambda seen, _: swapped("slots-swap-back", seen, seen.former_release_of("green"), ()),
    "swap",
    0,
    "DONE",
)
PREVIEW = Play(
    "slots-preview-cancel", preview_cancelled(PREVIEWED, _DURING, _PINNED), _preview, "cancel", 0, "CANCELLED"
)
WARM_UP = Play("slots-bad-warmup", swap_refused(FAILING), _warm_up, "swap", 1, "ROLLED_BACK")
ROLLBACK = Play("slots-rollback-in-bake", rolled_back(ROLLED_BACK), _back, "rollback", 0, "ROLLED_BACK")
KILL = Play("slots-killed-at-commit", completed_though_killed(KILLED), _killed, "complete", 0, "DONE")
REDEPLOY = Play("slots-redeploy-after-swap", swap_before_the_redeploy(REDEPLOYED), _redeployed, "swap", 0, "DONE")
PLAYS = (SWAP, SWAP_BACK, PREVIEW, WARM_UP, ROLLBACK, KILL, REDEPLOY)
FLIPS, REFUSED = (SWAP, SWAP_BACK, KILL), (PREVIEW, WARM_UP)


def every(*plays: Play) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("play", plays, ids=[play.name for play in plays])


def recorded(**changes: object) -> Spoil:
    """With changes of the record at the end."""
    return lambda seen: replace(seen, record={**seen.record, **changes})


def ended(**changes: object) -> Spoil:
    """With changes of how the record says that the last operation ended."""
    return lambda seen: recorded(last={**seen.record["last"], **changes})(seen)


def epoch(grown: int) -> Spoil:
    return lambda seen: recorded(epoch=seen.before["epoch"] + grown)(seen)


def runs(side: str, release: str) -> Spoil:
    """The record says another release of a side."""
    return lambda seen: recorded(sides={**seen.record["sides"], side: {"release": release}})(seen)


def written(*writes: tuple[float, str]) -> Spoil:
    """With other writes of the live rule."""
    return lambda seen: replace(seen, writes=tuple(Write(wall, caller) for wall, caller in writes))


def led(*moves: Weights) -> Spoil:
    return lambda seen: replace(seen, changes=moves)


def loaded(*records: LoadRecord) -> Spoil:
    """With other requests."""
    return lambda seen: replace(seen, watched=watched(records))


def further(*records: LoadRecord) -> Spoil:
    """With more requests."""
    return lambda seen: with_records(seen, *records)


def told(name: str, **changes: object) -> Spoil:
    """With changes of what a tester got."""
    return lambda seen: replace(seen, answers={**seen.answers, name: replace(seen.answers[name], **changes)})


def exited(verb: str, code: int) -> Spoil:
    return lambda seen: replace(seen, commands={**seen.commands, verb: command(verb, code)})


def split(wall: float, shares: Mapping[str, int]) -> Weights:
    return Weights(wall, shares)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The emulator's work folder, in which one scenario spoils its build for as long as it plays."""
    return tmp_path_factory.mktemp("work")


@every(*PLAYS)
class TestEveryScenario:
    def test_what_should_happen_passes(self, play: Play, folder: Path) -> None:
        outcome = play.judged(play.good, folder)
        assert red(outcome) == set()
        assert outcome.passed
        assert outcome.scenario == play.name
        assert outcome.timeline == ((0.0, "STARTED: because"), (180.0, "ENDED: because"))
        assert outcome.figures["requests sent"] == len(play.good.watched.records)
        assert outcome.figures["served by side b"] == 0

    def test_a_command_that_ended_the_other_way_is_seen(self, play: Play, folder: Path) -> None:
        says = f"bluegreen slots {play.verb} ends {play.code}"
        assert play.red(folder, exited(play.verb, 1 - play.code)) == {says}

    @pytest.mark.parametrize("other", ["DONE", "ROLLED_BACK", "CANCELLED", ""])
    def test_another_outcome_is_seen(self, play: Play, folder: Path, other: str) -> None:
        expected = set() if other == play.outcome else {f"the operation ended {play.outcome}"}
        assert play.red(folder, ended(outcome=other)) == expected

    def test_an_operation_that_goes_on_is_seen(self, play: Play, folder: Path) -> None:
        says = f"the operation ended {play.outcome}"
        assert play.red(folder, recorded(op={"phase": "DEMOTING"})) == {says}

    def test_a_record_that_knows_of_no_operation_is_seen(self, play: Play, folder: Path) -> None:
        if play is not WARM_UP:  # which asks it for the reason
            assert play.red(folder, recorded(last=None)) == {f"the operation ended {play.outcome}"}

    @pytest.mark.parametrize("fault", BROKEN)
    def test_one_lost_or_wrong_request_is_enough(self, play: Play, folder: Path, fault: dict[str, object]) -> None:
        """Due while the flip settles, where either release may answer."""
        lost = answered(FLIP + 0.2, A, FORMER, **fault)
        expected = {LOST, OWN} if play in REFUSED and lost.release is None else {LOST}
        assert play.red(folder, further(lost)) == expected

    def test_a_load_that_stopped_early_shows_nothing(self, play: Play, folder: Path) -> None:
        early = [one for one in play.good.watched.records if one.scheduled < END - 2]
        assert play.red(folder, loaded(*early)) == {WHOLE}

    def test_a_load_with_a_hole_in_it_shows_nothing(self, play: Play, folder: Path) -> None:
        thin = [one for one in play.good.watched.records if not 2 <= one.scheduled < 8]
        assert play.red(folder, loaded(*thin)) == {WHOLE}

    def test_a_load_that_was_late_shows_nothing(self, play: Play, folder: Path) -> None:
        records = play.good.watched.records
        late = [replace(one, late=0.3) if n % 20 == 0 else one for n, one in enumerate(records)]
        assert play.red(folder, loaded(*late)) == {WHOLE}

    def test_no_load_at_all_shows_nothing(self, play: Play, folder: Path) -> None:
        assert {LOST, WHOLE} <= play.red(folder, loaded())

    @pytest.mark.parametrize("side", [A, B, C])
    @pytest.mark.parametrize("environment", [{"MODEL_STAGE": "staging"}, {}])
    def test_a_sticky_setting_that_is_not_its_slots_is_seen(
        self, play: Play, folder: Path, side: str, environment: dict[str, str]
    ) -> None:
        found = play.red(folder, lambda seen: replace(seen, settings={**seen.settings, side: environment}))
        assert found == {STICKY}

    def test_sticky_settings_that_travelled_with_their_releases_are_seen(self, play: Play, folder: Path) -> None:
        settings = play.good.settings
        assert play.red(folder, lambda seen: replace(seen, settings={**settings, A: settings[C], C: settings[A]})) == {
            STICKY
        }

    @pytest.mark.parametrize("slot", ["production", "blue", "green"])
    @pytest.mark.parametrize("sides", [(), (A, C)])
    def test_a_hostname_that_leads_to_no_side_or_to_two_is_seen(
        self, play: Play, folder: Path, slot: str, sides: tuple[str, ...]
    ) -> None:
        final = {**play.good.final, slot: dict.fromkeys(sides, 100)}
        assert play.red(folder, lambda seen: replace(seen, final=final)) == {LED}

    def test_hostnames_that_lead_to_each_others_sides_are_seen(self, play: Play, folder: Path) -> None:
        final = {**play.good.final, "blue": play.good.final["green"], "green": play.good.final["blue"]}
        assert play.red(folder, lambda seen: replace(seen, final=final)) == {LED}

    def test_a_side_that_a_rule_still_names_without_a_share_is_seen(self, play: Play, folder: Path) -> None:
        production = {**play.good.final["production"], B: 0}
        assert play.red(folder, lambda seen: replace(seen, final={**seen.final, "production": production})) == {LED}


@every(*FLIPS)
class TestEveryFlip:
    def epoch_says(self, play: Play) -> str:
        return "the epoch grew by one, however often it was tried" if play is KILL else ONE_MORE

    def served(self, play: Play) -> str:
        return f"production serves {play.good.release_of('production')}"

    def sides(self, play: Play) -> tuple[str, str]:
        """Production's before and after."""
        return str(play.good.before["sides_of"]["production"]), play.good.side_of("production")

    def test_two_writes_of_the_same_are_seen(self, play: Play, folder: Path) -> None:
        assert play.red(folder, written((FLIP - 0.2, ENGINE), (FLIP - 0.1, ENGINE))) == {FLIPPED}

    @pytest.mark.parametrize("caller", [OPERATOR, "cdk", "states"])
    def test_a_write_by_somebody_else_besides_is_seen(self, play: Play, folder: Path, caller: str) -> None:
        assert play.red(folder, written((FLIP - 0.1, ENGINE), (FLIP + 9, caller))) == {FLIPPED, BY_ENGINE}

    def test_a_flip_by_somebody_else_alone_is_seen(self, play: Play, folder: Path) -> None:
        assert play.red(folder, written((FLIP - 0.1, "cdk"))) == {BY_ENGINE}

    @pytest.mark.parametrize("share", [1, 50, 99])
    def test_a_share_before_the_flip_is_seen(self, play: Play, folder: Path, share: int) -> None:
        old, new = self.sides(play)
        moves = (split(FLIP - 1, {new: share, old: 100 - share}), *led_to((FLIP, new)))
        assert play.red(folder, led(*moves)) == {FLIPPED}

    def test_a_flip_to_a_side_that_nobody_asked_for_is_seen(self, play: Play, folder: Path) -> None:
        assert play.red(folder, led(*led_to((FLIP, B)))) == {FLIPPED}

    def test_a_flip_that_went_to_and_fro_is_seen(self, play: Play, folder: Path) -> None:
        old, new = self.sides(play)
        moves = led_to((FLIP - 0.2, new), (FLIP - 0.1, old), (FLIP, new))
        assert play.red(folder, led(*moves)) == {FLIPPED}

    def test_a_rule_that_never_moved_is_seen(self, play: Play, folder: Path) -> None:
        found = play.red(folder, lambda seen: replace(seen, changes=(), writes=()))
        assert found == {FLIPPED, MET_ONE, self.served(play)}

    @pytest.mark.parametrize("grown", [-1, 0, 2])
    def test_another_epoch_is_seen(self, play: Play, folder: Path, grown: int) -> None:
        assert play.red(folder, epoch(grown)) == {self.epoch_says(play)}

    @pytest.mark.parametrize("at", [0.0, 5.0, FLIP - 0.6])
    def test_an_answer_of_the_new_release_before_the_flip_is_seen(self, play: Play, folder: Path, at: float) -> None:
        new = play.good.release_of("production")
        assert play.red(folder, further(answered(at, self.sides(play)[1], new))) == {MET_ONE}

    @pytest.mark.parametrize("at", [FLIP + 0.6, 20.0, END - 0.01])
    def test_an_answer_of_the_former_release_after_the_flip_is_seen(self, play: Play, folder: Path, at: float) -> None:
        late = answered(at, self.sides(play)[0], play.good.former_release_of("production"))
        assert play.red(folder, further(late)) == {MET_ONE, self.served(play)}

    @pytest.mark.parametrize("at", [5.0, 20.0])
    def test_an_answer_of_a_third_release_is_seen(self, play: Play, folder: Path, at: float) -> None:
        assert MET_ONE in play.red(folder, further(answered(at, B, OTHERS)))

    def test_either_release_may_answer_while_the_flip_settles(self, play: Play, folder: Path) -> None:
        old, new = (play.good.former_release_of("production"), play.good.release_of("production"))
        sides = self.sides(play)
        both = (answered(FLIP - 0.4, sides[1], new), answered(FLIP + 0.4, sides[0], old))
        assert play.red(folder, further(*both)) == set()

    def test_a_flip_without_enough_load_before_it_shows_nothing(self, play: Play, folder: Path) -> None:
        (old, new), at = self.sides(play), 0.7
        records = (
            *spread(0, at, old, play.good.former_release_of("production")),
            *spread(at, END, new, play.good.release_of("production")),
        )
        early = replace(play.good, changes=led_to((at, new)))
        assert red(play.judged(loaded(*records)(early), folder)) == {MET_ONE}

    def test_a_flip_without_enough_load_after_it_shows_nothing(self, play: Play, folder: Path) -> None:
        (old, new), at = self.sides(play), END - 0.7
        records = (
            *spread(0, at, old, play.good.former_release_of("production")),
            *spread(at, END, new, play.good.release_of("production")),
        )
        late = replace(play.good, changes=led_to((at, new)))
        assert red(play.judged(loaded(*records)(late), folder)) == {MET_ONE, self.served(play)}

    def test_a_record_with_another_release_in_production_is_seen(self, play: Play, folder: Path) -> None:
        side = self.sides(play)[1]
        assert play.red(folder, runs(side, "7.0.0")) == {MET_ONE, self.served(play)}

    def test_a_record_that_was_not_swapped_is_seen(self, play: Play, folder: Path) -> None:
        found = play.red(folder, recorded(sides_of=play.good.before["sides_of"]))
        assert {MET_ONE, STICKY, LED} <= found


class TestTheTestersOfASwap:
    MET = "testers met the release before its users, by hostname and by header"
    COOKIE = "a query parameter chooses the slot by a cookie, and leads back to the same path"
    SCALED = "each slot runs as many tasks as it is to"

    @pytest.mark.parametrize("name", [_TESTED, _CHOSEN])
    @pytest.mark.parametrize(
        "changes", [{"status": 503}, {"status": 302}, {"release": FORMER}, {"release": ""}, {"side": A}, {"side": ""}]
    )
    def test_a_tester_who_met_something_else_is_seen(self, folder: Path, name: str, changes: dict[str, object]) -> None:
        assert SWAP.red(folder, told(name, **changes)) == {self.MET}

    @pytest.mark.parametrize("status", [200, 301, 404])
    def test_a_parameter_that_chooses_nothing_is_seen(self, folder: Path, status: int) -> None:
        assert SWAP.red(folder, told(_COOKIE, status=status)) == {self.COOKIE}

    @pytest.mark.parametrize(
        "changes",
        [
            {"Location": "/"},
            {"Location": "/ready?x-slot-routing=green"},
            {"Location": None},
            {"Set-Cookie": "x-slot-routing=blue; Path=/"},
            {"Set-Cookie": "x-slot-routing=green-2; Path=/"},
            {"Set-Cookie": "other=green; Path=/"},
        ],
    )
    def test_a_cookie_for_another_slot_or_another_path_is_seen(
        self, folder: Path, changes: dict[str, str | None]
    ) -> None:
        headers = {**SWAP.good.answers[_COOKIE].headers, **changes}
        assert SWAP.red(folder, told(_COOKIE, headers=headers)) == {self.COOKIE}

    def test_an_answer_without_a_cookie_is_seen(self, folder: Path) -> None:
        assert SWAP.red(folder, told(_COOKIE, headers={"Location": "/ready"})) == {self.COOKIE}

    @pytest.mark.parametrize(("side", "desired"), [(C, 1), (C, 3), (A, 2), (A, 0), (B, 0)])
    def test_a_slot_with_another_count_of_tasks_is_seen(self, folder: Path, side: str, desired: int) -> None:
        tasks = {**SWAP.good.tasks, side: SideTasks(desired, ())}
        assert SWAP.red(folder, lambda seen: replace(seen, tasks=tasks)) == {self.SCALED}


@every(*REFUSED)
class TestEveryRefusedSwap:
    STILL = "the live rule never moved"

    @pytest.mark.parametrize("caller", [ENGINE, OPERATOR, "cdk"])
    def test_a_write_of_the_live_rule_is_seen_whoever_made_it(self, play: Play, folder: Path, caller: str) -> None:
        assert play.red(folder, written((FLIP, caller))) == {self.STILL}

    def test_a_rule_that_moved_and_came_back_is_seen(self, play: Play, folder: Path) -> None:
        assert play.red(folder, led(*led_to((FLIP, C), (BACK, A)))) == {self.STILL}

    @pytest.mark.parametrize("at", [0.0, FLIP, END - 0.01])
    def test_one_user_who_met_the_candidate_is_seen(self, play: Play, folder: Path, at: float) -> None:
        assert play.red(folder, further(answered(at, C, play.good.release_of("green")))) == {OWN}

    def test_no_load_shows_no_release(self, play: Play, folder: Path) -> None:
        assert OWN in play.red(folder, loaded())

    @pytest.mark.parametrize("grown", [-1, 1, 2])
    def test_another_epoch_is_seen(self, play: Play, folder: Path, grown: int) -> None:
        assert play.red(folder, epoch(grown)) == {"the epoch is as it was"}


class TestACancelledPreview:
    MEANWHILE = "the candidate ran with production's settings meanwhile"
    CLOSED = "green's own hostname is closed while its side has production's settings"

    def test_a_preview_that_failed_is_seen(self, folder: Path) -> None:
        assert PREVIEW.red(folder, exited("preview", 1)) == {"bluegreen slots preview ends 0"}

    @pytest.mark.parametrize(
        "settings",
        [
            {},
            {**PRODUCTIONS, "MODEL_STAGE": "green"},
            {**PRODUCTIONS, "SLOT": "green"},
            {"MODEL_STAGE": "production"},
            {"SLOT": "production"},
            {"MODEL_STAGE": "green", "SLOT": "green"},
        ],
    )
    def test_a_candidate_with_other_settings_is_seen(self, folder: Path, settings: dict[str, str]) -> None:
        assert red(_preview(PREVIEW.good, folder, settings)) == {self.MEANWHILE}

    @pytest.mark.parametrize(("status", "side"), [(200, C), (503, C), (503, A), (404, "")])
    def test_a_hostname_that_was_open_is_seen(self, folder: Path, status: int, side: str) -> None:
        found = PREVIEW.red(folder, told(_DURING, status=status, side=side))
        assert found == {self.CLOSED}

    @pytest.mark.parametrize("status", [503, 404, 302])
    def test_another_slot_that_was_closed_as_well_is_seen(self, folder: Path, status: int) -> None:
        found = PREVIEW.red(folder, told(_PINNED, status=status))
        assert found == {"the other slot's hostname was served as ever"}

    def test_a_release_that_is_gone_from_its_slot_is_seen(self, folder: Path) -> None:
        assert PREVIEW.red(folder, runs(C, FORMER)) == {"the release is still on green"}

    def test_a_cancel_that_paused_the_slots_is_seen(self, folder: Path) -> None:
        assert PREVIEW.red(folder, recorded(paused="cancelled")) == {"a cancelled preview pauses nothing"}


class TestABadWarmUp:
    REASON = "the reason names the task, what it answered, and how often it was asked"

    @pytest.mark.parametrize(
        "why",
        [
            "",
            "the application is not well",
            "not warm after 3 attempts: task 8d2f did not answer /stream",
            "not warm after 2 attempts: task 8d2f answered 500 to /stream",
            "task 8d2f answered 500 to /stream",
        ],
    )
    def test_another_reason_is_seen(self, folder: Path, why: str) -> None:
        assert WARM_UP.red(folder, ended(why=why)) == {self.REASON}

    def test_slots_that_are_not_paused_are_seen(self, folder: Path) -> None:
        assert WARM_UP.red(folder, recorded(paused="")) == {PAUSED}

    def test_the_build_fails_during_the_swap_alone(self, folder: Path) -> None:
        stage = PlayedStage(WARM_UP.good, {})
        played(SlotsBadWarmUp(), stage, folder)
        assert stage.broken_at == ("swap green",)
        assert not any(stage.home.iterdir())


class TestARollbackInTheBake:
    WENT = "the live rule went to the candidate and back, each by one write"
    OWN = "the second write was the operator's own"
    KEPT = "no task of the former side was started anew"
    SERVED = f"production serves {FORMER}"

    @pytest.mark.parametrize(
        "moves",
        [
            (*led_to((FLIP, C)), split(BACK - 1, {C: 50, A: 50}), *led_to((BACK, A))),
            led_to((FLIP, B), (BACK, A)),
            led_to((FLIP, C), (BACK, B)),
            led_to((BACK, A)),
            led_to((FLIP, C), (BACK - 2, A), (BACK - 1, C), (BACK, A)),
        ],
    )
    def test_any_other_way_of_the_rule_is_seen(self, folder: Path, moves: tuple[Weights, ...]) -> None:
        assert ROLLBACK.red(folder, led(*moves)) == {self.WENT}

    def test_a_rule_that_never_came_back_is_seen(self, folder: Path) -> None:
        assert ROLLBACK.red(folder, led(*led_to((FLIP, C)))) == {self.WENT, self.SERVED}

    def test_a_rule_that_never_moved_is_seen(self, folder: Path) -> None:
        found = ROLLBACK.red(folder, lambda seen: replace(seen, changes=(), writes=()))
        assert found == {self.WENT, self.OWN, self.SERVED}

    def test_a_third_write_is_seen(self, folder: Path) -> None:
        writes = ((FLIP - 0.1, ENGINE), (BACK - 0.2, ENGINE), (BACK - 0.1, OPERATOR))
        assert ROLLBACK.red(folder, written(*writes)) == {self.WENT}

    @pytest.mark.parametrize("caller", [ENGINE, "cdk", "states"])
    def test_a_way_back_that_somebody_else_wrote_is_seen(self, folder: Path, caller: str) -> None:
        assert ROLLBACK.red(folder, written((FLIP - 0.1, ENGINE), (BACK - 0.1, caller))) == {self.OWN}

    @pytest.mark.parametrize(
        "kept", [("task-1", "task-3"), ("task-1",), ("task-1", "task-2", "task-3"), ("task-3", "task-4"), ()]
    )
    def test_a_task_that_was_restarted_stopped_or_added_is_seen(self, folder: Path, kept: tuple[str, ...]) -> None:
        assert red(_back(ROLLBACK.good, folder, kept=SideTasks(2, kept))) == {self.KEPT}

    def test_a_side_without_tasks_shows_nothing(self, folder: Path) -> None:
        nobody = SideTasks(2, ())
        assert red(_back(ROLLBACK.good, folder, nobody, nobody)) == {self.KEPT}

    @pytest.mark.parametrize("at", [BACK + 0.6, 20.0, END - 0.01])
    def test_an_answer_of_the_candidate_after_the_way_back_is_seen(self, folder: Path, at: float) -> None:
        assert ROLLBACK.red(folder, further(answered(at, C, ROLLED_BACK))) == {self.SERVED}

    def test_a_way_back_without_load_after_it_shows_nothing(self, folder: Path) -> None:
        assert ROLLBACK.red(folder, led(*led_to((FLIP, C), (END - 0.7, A)))) == {self.SERVED}

    def test_a_record_with_another_release_in_production_is_seen(self, folder: Path) -> None:
        assert ROLLBACK.red(folder, runs(A, ROLLED_BACK)) == {self.SERVED}

    def test_slots_that_are_not_paused_are_seen(self, folder: Path) -> None:
        assert ROLLBACK.red(folder, recorded(paused="")) == {PAUSED}

    @pytest.mark.parametrize("grown", [0, 1, 3])
    def test_another_epoch_is_seen(self, folder: Path, grown: int) -> None:
        assert ROLLBACK.red(folder, epoch(grown)) == {"the epoch says that something happened"}

    def test_its_figures_tell_how_long_users_had_to_wait(self, folder: Path) -> None:
        figures = _back(ROLLBACK.good, folder).figures
        assert figures["from the command's start to everybody on the former release"] == (
            "1.0 s here, 0.5 rehearsed minutes"
        )


class TestAKillAtTheCommit:
    @pytest.mark.parametrize("phase", ["WARMING", "BAKING", "DEMOTING", "IDLE"])
    def test_a_record_that_said_so_already_shows_nothing(self, folder: Path, phase: str) -> None:
        found = red(_killed(KILL.good, folder, replace(UNRECORDED, phase=phase)))
        assert found == {"the live rule was flipped and the record did not say so yet"}

    @pytest.mark.parametrize("seconds", [3.0, 20.0])
    def test_an_engine_that_was_left_failing_for_long_shows_nothing(self, folder: Path, seconds: float) -> None:
        found = red(_killed(KILL.good, folder, replace(UNRECORDED, restored=FLIP + seconds)))
        assert found == {"the failing call worked again before the engine was given up"}

    def test_its_figure_is_how_long_the_flip_had_no_record(self, folder: Path) -> None:
        assert _killed(KILL.good, folder).figures["flip without its record"] == "2.0 s here, 1.0 rehearsed minutes"


class TestARedeployAfterASwap:
    STILL = "nobody wrote the live rule's actions"
    UPDATED = "the stack was updated with other tags and other code"

    @pytest.mark.parametrize(
        "diff",
        [
            replace(PUT_BACK.diff, exit_code=1),
            replace(PUT_BACK.diff, stdout=""),
            replace(PUT_BACK.diff, stdout="Resources\n[~] AWS::ECS::Service\n\nNumber of stacks with differences: 1"),
        ],
    )
    def test_a_difference_after_the_swap_is_seen(self, folder: Path, diff: CdkResult) -> None:
        found = red(_redeployed(REDEPLOY.good, folder, replace(PUT_BACK, diff=diff)))
        assert found == {"after the swap cdk diff finds nothing"}

    def test_what_it_says_may_be_on_either_stream(self, folder: Path) -> None:
        diff = replace(PUT_BACK.diff, stdout="", stderr=SAME)
        assert red(_redeployed(REDEPLOY.good, folder, replace(PUT_BACK, diff=diff))) == set()

    @pytest.mark.parametrize(
        "changes",
        [
            {"deployed": replace(DONE, exit_code=1)},
            {"status": "UPDATE_ROLLBACK_COMPLETE"},
            {"status": "CREATE_COMPLETE"},
            {"tagged": False},
        ],
    )
    def test_an_update_that_changed_nothing_shows_nothing(self, folder: Path, changes: dict[str, Any]) -> None:
        assert red(_redeployed(REDEPLOY.good, folder, replace(PUT_BACK, **changes))) == {self.UPDATED}

    @pytest.mark.parametrize(
        ("tags", "expected"),
        [
            ([[TEAM], [OTHER, TEAM]], True),
            ([[TEAM], [OTHER]], False),
            ([[{**TEAM, "Value": "payments"}]], False),
            ([[TEAM], []], False),
            ([], False),
        ],
    )
    @pytest.mark.parametrize("written", [dict, json.dumps])
    def test_every_service_has_to_have_the_tag(
        self, tags: list[list[dict[str, str]]], expected: bool, written: Callable[[Any], object]
    ) -> None:
        services = {
            f"Service{n}": {"Type": "AWS::ECS::Service", "Properties": {"Tags": own} if own else {}}
            for n, own in enumerate(tags)
        }
        table = {"Type": "AWS::DynamoDB::Table", "Properties": {"Tags": [TEAM]}}
        body = written({"Resources": {**services, "Table": table}})
        cloudformation = SimpleNamespace(get_template=lambda StackName: {"TemplateBody": body})  # noqa: N803
        stage: Any = SimpleNamespace(
            application=SimpleNamespace(about=SimpleNamespace(service_stack="Slots")),
            session=SimpleNamespace(apis=SimpleNamespace(cloudformation=cloudformation)),
        )
        assert _is_tagged(stage) is expected

    @pytest.mark.parametrize("reverted", [0, 2])
    def test_a_revert_that_put_nothing_back_shows_nothing(self, folder: Path, reverted: int) -> None:
        found = red(_redeployed(REDEPLOY.good, folder, replace(PUT_BACK, reverted=reverted)))
        assert found == {"and what it declares was put back"}

    @pytest.mark.parametrize("caller", [ENGINE, OPERATOR, "cdk", "cloudformation"])
    def test_a_write_after_the_swap_is_seen_whoever_made_it(self, folder: Path, caller: str) -> None:
        assert REDEPLOY.red(folder, written((FLIP - 0.1, ENGINE), (20.0, caller))) == {self.STILL, FLIPPED}

    def test_another_write_of_the_swap_itself_is_the_swaps_fault(self, folder: Path) -> None:
        assert REDEPLOY.red(folder, written((FLIP - 0.1, ENGINE), (SWAPPED.wall - 0.1, ENGINE))) == {FLIPPED}

    def test_answers_of_the_former_release_after_the_update_are_seen(self, folder: Path) -> None:
        former = REDEPLOY.good.former_release_of("production")
        assert MET_ONE in REDEPLOY.red(folder, further(answered(END - 0.5, A, former)))

    @pytest.mark.parametrize(("look", "when"), [("after_deploy", "the update"), ("after_revert", "the revert")])
    @pytest.mark.parametrize(
        ("part", "what", "became"),
        [
            ("shares", "the live rule gives what it gave", {A: 100}),
            ("shares", "the live rule gives what it gave", {C: 100, A: 0}),
            ("record", "the record is as it was", {**SWAPPED.record, "epoch": 6}),
            ("record", "the record is as it was", {**SWAPPED.record, "revision": 1}),
            ("record", "the record is as it was", {**SWAPPED.record, "paused": "an update"}),
            ("settings", "every side runs what it ran", {**RUNS, C: {"MODEL_STAGE": "green"}}),
            ("settings", "every side runs what it ran", {**RUNS, B: {**RUNS[B], "RATE_LIMIT": "1"}}),
            ("tasks", "no task was started or stopped", {**SWAPPED.tasks, C: SideTasks(2, ("c-1", "c-3"))}),
            ("tasks", "no task was started or stopped", {**SWAPPED.tasks, A: SideTasks(2, ("a-1", "a-2"))}),
            ("tasks", "no task was started or stopped", {**SWAPPED.tasks, B: SideTasks(0, ("b-1",))}),
        ],
    )
    def test_anything_that_became_another_is_seen_at_the_look_that_saw_it(
        self, folder: Path, look: str, when: str, part: str, what: str, became: object
    ) -> None:
        spoilt = replace(PUT_BACK, **{look: replace(getattr(PUT_BACK, look), **{part: became})})
        assert red(_redeployed(REDEPLOY.good, folder, spoilt)) == {f"after {when} {what}"}


class TestWhatIsReadOfTheApplication:
    def test_a_record_is_read_whole_with_its_sides_called_as_in_the_rehearsal(self) -> None:
        assert SWAP.good.before["sides_of"] == {"production": A, "blue": B, "green": C}
        assert SWAP.good.release_of("production") == NEW
        assert SWAP.good.former_release_of("production") == SWAP.good.former_release_of("green") == FORMER

    def test_the_record_is_asked_for_as_it_is_now(self) -> None:
        table = Table(None)
        with pytest.raises(RehearsalError, match=f"{TARGET.name} has no record of its slots"):
            record_of(SLOTS, table)
        (asked,) = table.asked
        assert asked["Key"] == {"pk": {"S": f"slots#{TARGET.name}"}, "sk": {"S": "-"}}
        assert asked["ConsistentRead"] is True

    def test_sides_are_known_by_their_groups(self) -> None:
        assert SLOTS.groups == {A: "arn:a", B: "arn:b", C: "arn:c"}
        assert (SLOTS.side_of("arn:b"), SLOTS.service_of(C)) == (B, "service-c")
        with pytest.raises(RehearsalError, match="no target group arn:z"):
            SLOTS.side_of("arn:z")

    def test_a_target_without_slots_is_refused(self) -> None:
        with pytest.raises(RehearsalError, match=f"{TARGET.name} has no slots"):
            DeployedSlots.of(TARGET)
