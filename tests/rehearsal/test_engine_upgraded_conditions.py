"""The conditions of engine-upgraded-mid-rollout go red, and the next engine is one. Pure but for one Python process."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import Rollout
from bluegreen_constructs.engine.rollout_codec import SCHEMA, rollout_from_json, rollout_to_json
from bluegreen_constructs.rehearsal.cdk_run import CdkResult
from bluegreen_constructs.rehearsal.next_engine import FURTHER_KEY, next_checkout
from bluegreen_constructs.rehearsal.scenarios.canary_seen import Execution, RuleWrite
from bluegreen_constructs.rehearsal.scenarios.engine_upgraded import Look, Upgrade, judged
from tests.rehearsal.canary_records import (
    BACK_WEIGHTS,
    BAKE,
    FIRST,
    FULL,
    SECOND,
    SETTINGS,
    TICK,
    answered,
    command,
    good_records,
    red,
    seen,
    weights,
)

ROOT = Path(__file__).parents[2]
DONE = CdkResult(("deploy",), 0, 9.0, "", "", Path("log"))
BEFORE = Look(FIRST + 1, 1, 10, has_further_key=False, code="this-engine")
DURING = Look(FIRST + 2, 2, 12, has_further_key=True, code="next-engine")
RESTORED = Look(FIRST + 3, 1, 13, has_further_key=True, code="this-engine")
AFTER = Look(FIRST + 4, 2, 15, has_further_key=True, code="next-engine")
UPGRADE = Upgrade(
    before=BEFORE,
    during=DURING,
    failed=replace(DONE, exit_code=1),
    failed_status="UPDATE_ROLLBACK_COMPLETE",
    restored=RESTORED,
    updated=DONE,
    updated_status="UPDATE_COMPLETE",
    after=AFTER,
    resumed=command("resume"),
)
CODE = "the first update replaced the engine's code, failed, and its rollback restored it"
GONE_ON = "each engine went on with the state that the other had written"
KEPT = "the deployed engine wrote back what only the next one knows"
STILL = "no weight moved meanwhile, and nobody wrote the rule's actions"


def red_of(upgrade: Upgrade = UPGRADE, code: int = 0, **changes: object) -> set[str]:
    return red(judged("upgraded", seen(**changes), upgrade, command("watch", code)))  # type: ignore[arg-type]


def test_what_should_happen_passes() -> None:
    assert red_of() == set()


@pytest.mark.parametrize(
    "upgrade",
    [
        replace(UPGRADE, failed=DONE),
        replace(UPGRADE, failed_status="UPDATE_ROLLBACK_FAILED"),
        replace(UPGRADE, during=replace(DURING, code="this-engine")),
        replace(UPGRADE, restored=replace(RESTORED, code="next-engine")),
    ],
)
def test_an_update_that_changed_nothing_or_was_not_taken_back_is_seen(upgrade: Upgrade) -> None:
    assert CODE in red_of(upgrade)


@pytest.mark.parametrize(
    "upgrade",
    [
        replace(UPGRADE, updated=replace(DONE, exit_code=1)),
        replace(UPGRADE, updated_status="UPDATE_ROLLBACK_COMPLETE"),
        replace(UPGRADE, after=replace(AFTER, code="this-engine")),
    ],
)
def test_a_second_update_that_did_not_last_is_seen(upgrade: Upgrade) -> None:
    assert "the second update replaced it for good" in red_of(upgrade)


@pytest.mark.parametrize(
    "upgrade",
    [
        replace(UPGRADE, during=replace(DURING, schema=1)),
        replace(UPGRADE, restored=replace(RESTORED, schema=2)),
        replace(UPGRADE, after=replace(AFTER, schema=1)),
        replace(UPGRADE, restored=replace(RESTORED, revision=12)),
        replace(UPGRADE, after=replace(AFTER, revision=5)),
    ],
)
def test_an_engine_that_could_not_go_on_is_seen(upgrade: Upgrade) -> None:
    assert GONE_ON in red_of(upgrade)


@pytest.mark.parametrize(
    "upgrade",
    [
        replace(UPGRADE, before=replace(BEFORE, has_further_key=True)),
        replace(UPGRADE, during=replace(DURING, has_further_key=False)),
        replace(UPGRADE, restored=replace(RESTORED, has_further_key=False)),
    ],
)
def test_a_key_that_was_lost_or_was_there_before_is_seen(upgrade: Upgrade) -> None:
    assert KEPT in red_of(upgrade)


def test_a_weight_that_moved_and_came_back_between_two_looks_is_seen() -> None:
    moved = weights((FIRST, 10), (FIRST + 1.5, 0), (FIRST + 2.5, 10), (SECOND, 50), (BAKE, 95), (FULL, 100))
    assert STILL in red_of(weights=moved)


def test_a_write_of_the_very_weights_that_were_there_is_seen() -> None:
    writes = (RuleWrite(FIRST, TICK), RuleWrite(FIRST + 2, TICK), RuleWrite(FULL, TICK))
    assert STILL in red_of(writes=writes)


def test_looks_that_were_not_apart_show_nothing() -> None:
    assert STILL in red_of(replace(UPGRADE, after=replace(AFTER, wall=BEFORE.wall)))


def test_a_rollout_that_the_updates_broke_is_seen() -> None:
    found = red_of(code=1, execution=Execution("FAILED", "EngineFailed"), weights=BACK_WEIGHTS)
    assert {"bluegreen watch ends 0", "the rollout's execution ended SUCCEEDED"} <= found


def test_one_lost_request_is_enough() -> None:
    records = [*good_records(), answered(12.0, "live", status=502)]
    assert "no request failed and no stream broke" in red_of(records=records)


def rollout() -> Rollout:
    from datetime import UTC, datetime  # noqa: PLC0415

    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Rollout("r", SETTINGS, Release("2.0.0"), "blue", 3, at, at)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("next")
    assert next_checkout(ROOT, folder) == folder / "app.py"
    return folder


def test_the_next_engine_writes_what_this_one_keeps_without_knowing_it(copied: Path) -> None:
    program = (
        "import sys; from bluegreen_constructs.engine import rollout_codec as codec;"
        "print(codec.rollout_to_json(codec.rollout_from_json(sys.stdin.read())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=rollout_to_json(rollout()),
        cwd=copied,
        env={"PYTHONPATH": str(copied)},
        capture_output=True,
        text=True,
        check=True,
    )
    by_next = json.loads(done.stdout)
    assert by_next["schema"] == SCHEMA + 1
    assert FURTHER_KEY in by_next
    again = json.loads(rollout_to_json(rollout_from_json(done.stdout)))
    assert again["schema"] == SCHEMA
    assert again[FURTHER_KEY] == by_next[FURTHER_KEY]


def test_the_copy_holds_what_a_synthesis_needs_and_not_the_rehearsal(copied: Path) -> None:
    assert (copied / "stacks" / "canary_stack.py").exists()
    assert (copied / "services" / "inference" / "golden.json").exists()
    assert not (copied / "bluegreen_constructs" / "rehearsal").exists()
    compile((copied / "app.py").read_text(encoding="utf-8"), "app.py", "exec")


def test_a_codec_that_writes_its_schema_otherwise_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for part in ("bluegreen_constructs/engine", "stacks", "services/inference"):
        (root / part).mkdir(parents=True)
    (root / "services" / "inference" / "golden.json").write_text("[]", encoding="utf-8")
    (root / "bluegreen_constructs" / "engine" / "rollout_codec.py").write_text("VERSION = 7\n", encoding="utf-8")
    with pytest.raises(RehearsalError, match="does not write its schema as it did"):
        next_checkout(root, tmp_path / "copy")
