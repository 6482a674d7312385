"""The scenarios, played for real: the CDK CLI, the emulator, processes, load; two sessions of them side by side."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluegreen_constructs.rehearsal.catalogue import CATALOGUE

ROOT = Path(__file__).parents[2]
DEMO = ("ecs-good", "ecs-bad-errors")
NAMES = [scenario.name for scenario in CATALOGUE.scenarios]
# A session is one emulator, and one `bluegreen rehearse`. They wait more than they work: two of them share two cores.
JUDGED = ("ecs-judged-good", "ecs-judged-bad", "ecs-hotfix-while-red")
JUDGED_THOROUGH = ("ecs-bad-hotfix",)
# A good release is what the engine is killed under; leaving is played with the emulator alone, too.
CANARIES = ("canary-bad-errors", "canary-engine-killed", "destroy")
ECS_THOROUGH = ("ecs-bad-model", "ecs-leave")
PIPELINES = ("pipeline-good", "pipeline-bad")
SLOTS = ("slots-swap", "slots-killed-at-commit")
SESSIONS = {
    "ecs": (
        *(
            name
            for name in NAMES
            if name.startswith(("ecs-", "redeploy-")) and name not in {*JUDGED, *JUDGED_THOROUGH, *ECS_THOROUGH}
        ),
        *PIPELINES,
        "destroy",
    ),
    "judged-and-canary": (*JUDGED, *SLOTS, "codedeploy-ecs", *CANARIES),
    # What these show of the engine, its own tests show as well: `make thorough` plays them.
    "ecs-thorough": ECS_THOROUGH,
    "judged-thorough": JUDGED_THOROUGH,
    "slots-thorough": tuple(name for name in NAMES if name.startswith("slots-") and name not in SLOTS),
    "canary-thorough": tuple(
        name for name in NAMES if name.startswith(("canary-", "ab-", "engine-")) and name not in CANARIES
    ),
    "pipeline-thorough": tuple(name for name in NAMES if name.startswith("pipeline-") and name not in PIPELINES),
    "fleet-thorough": ("fleet-good", "fleet-bad"),
}
PLAYED = [
    pytest.param(
        session,
        name,
        id=f"{session}-{name}",
        marks=(pytest.mark.rehearsal, *([pytest.mark.thorough] if session.endswith("-thorough") else [])),
    )
    for session, names in SESSIONS.items()
    for name in names
]


class Sessions:
    """The sessions that the chosen tests ask for, all of them under way at once."""

    def __init__(self, wanted: set[str], folder: Path) -> None:
        self._folder = folder
        self._outcomes: dict[str, dict[str, dict]] = {}
        self._processes = {session: self._start(session) for session in sorted(wanted)}

    def _start(self, session: str) -> subprocess.Popen[str]:
        report = str(self._folder / f"{session}.html")
        options = ("--scenario", ",".join(SESSIONS[session]), "--format", "json", "--report", report)
        said, log = self._folder / f"{session}.json", self._folder / f"{session}.log"
        with said.open("w", encoding="utf-8") as out, log.open("w", encoding="utf-8") as err:
            return subprocess.Popen(
                [Path(sys.executable).parent / "bluegreen", "rehearse", *options],
                cwd=ROOT,
                stdout=out,
                stderr=err,
                text=True,
                env={**os.environ, "COLUMNS": "200"},
            )

    def played(self, session: str) -> dict[str, dict]:
        """What `bluegreen rehearse --format json` says of a session, by scenario."""
        if session not in self._outcomes:
            code = self._processes[session].wait()
            said = (self._folder / f"{session}.json").read_text(encoding="utf-8")
            assert said.strip(), (self._folder / f"{session}.log").read_text(encoding="utf-8")[-4000:]
            outcome = json.loads(said)
            assert outcome["passed"] == (code == 0), "the exit code and the JSON disagree"
            assert "plotly" in (self._folder / f"{session}.html").read_text(encoding="utf-8")
            self._outcomes[session] = {scenario["scenario"]: scenario for scenario in outcome["scenarios"]}
        return self._outcomes[session]

    def end(self) -> None:
        """Nobody waits for what is still under way."""
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
            process.wait()


@pytest.fixture(scope="module")
def sessions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    chosen = (getattr(item, "callspec", None) for item in request.session.items)
    wanted = {str(one.params["session"]) for one in chosen if one is not None and "session" in one.params}
    started = Sessions(wanted & SESSIONS.keys(), tmp_path_factory.mktemp("sessions"))
    yield started
    started.end()


@pytest.mark.parametrize(("session", "name"), PLAYED)
def test_the_scenario_holds(sessions: Sessions, session: str, name: str) -> None:
    played = sessions.played(session)[name]
    broken = [f"{one['says']}: {one['found']}" for one in played["conditions"] if not one["holds"]]
    if not played["passed"]:  # whole, which an assertion's message would not be
        happened = [f"{one['at']:8.1f} s  {one['what']}" for one in played["timeline"]]
        pytest.fail("\n".join([*broken, "", *happened]), pytrace=False)
    assert played["conditions"]


def test_every_scenario_is_played_by_a_test() -> None:
    assert {name for names in SESSIONS.values() for name in names} == set(NAMES)


def test_the_demo_is_among_the_scenarios_and_is_the_default() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"bluegreen rehearse --scenario {','.join(DEMO)}" in makefile
    assert set(DEMO) <= set(NAMES)
