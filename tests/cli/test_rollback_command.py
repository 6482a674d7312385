"""`bluegreen rollback` goes back to a retained release by an expedited rollout, and rejects the one that is left."""

from dataclasses import replace

import pytest

from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.target_settings import SIDES, Compute
from tests.cli.operated_world import OperatedWorld, Operator, settings_of


@pytest.fixture
def three(operator: Operator) -> Operator:
    """1.0, 1.1 and 1.2 were promoted, one after the other; before them there was a release that no rollout brought."""
    for release in ("1.0", "1.1", "1.2"):
        operator.world.promoted(release)
    return operator


def test_the_release_that_was_live_before_is_live_again(three: Operator) -> None:
    assert three.types("rollback", "--wait") == 0
    rollout = three.world.rollout
    assert (rollout.release.name, rollout.phase, rollout.is_expedited) == ("1.1", Phase.PROMOTED, True)
    assert rollout.reason == "rollback from 1.2"


def test_it_takes_neither_steps_nor_a_bake(three: Operator) -> None:
    assert three.types("rollback", "--wait") == 0
    assert "step" not in three.err
    assert three.world.waited < 120


def test_the_release_that_is_left_is_rejected_and_not_gone_back_to(three: Operator) -> None:
    three.types("rollback", "--wait")
    three.world.go_on(60)
    assert three.is_refused(3, "rollback", "--to", "1.2").startswith("1.2 is rejected since 2026-01-05T")
    assert three.types("rollback", "--wait") == 0
    assert three.world.rollout.release.name == "1.0"


def test_a_named_release_is_gone_back_to_with_a_reason(three: Operator) -> None:
    answer = three.reads("rollback", "--to", "1.0", "--reason", "wrong prices since noon", "--quarantine")
    assert (answer["release"], answer["from"], answer["reason"]) == ("1.0", "1.2", "wrong prices since noon")
    assert three.world.rollout.is_quarantined


def test_what_runs_is_told_with_how_to_watch_it(three: Operator) -> None:
    assert three.types("rollback") == 0
    assert three.out == (
        f"rollout {three.world.rollout.id} takes Serving/Model back from 1.2 to 1.1; watch it with bluegreen watch "
        "Serving/Model\n"
    )


def test_a_side_in_quarantine_is_replaced_only_when_that_is_said(three: Operator) -> None:
    assert three.types("rollback", "--quarantine", "--wait") == 0
    three.world.go_on(60)
    assert three.is_refused(3, "rollback").endswith("then start with --end-quarantine")
    assert three.types("rollback", "--end-quarantine", "--wait") == 0
    assert three.world.rollout.phase is Phase.PROMOTED


def test_an_unknown_release_is_refused_with_those_there_are(three: Operator) -> None:
    assert three.is_refused(3, "rollback", "--to", "0.9") == (
        "0.9 is no retained release of Serving/Model; retained are: 1.1, 1.0, first"
    )
    assert three.is_refused(3, "rollback", "--to", "1.2").startswith("1.2 is live on Serving/Model already; retained")


def test_a_launch_template_version_of_the_other_side_is_refused_with_how_to_start_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain = settings_of()
    sides = {
        side: replace(plain.side(side), compute=Compute.AUTO_SCALING, auto_scaling_group=f"{side}-group")
        for side in SIDES
    }
    operator = Operator(capsys, OperatedWorld(settings_of(**sides)))
    for version in ("7", "4", "8"):
        operator.world.promoted(version)
    sentence = operator.is_refused(3, "rollback", "--to", "7")
    assert sentence.startswith("version 7 of release 7 is of green's launch template, and the release goes to blue")
    assert sentence.endswith("start it with --release 7 and, as --version, its number on blue")
    assert operator.types("rollback", "--wait") == 0
    assert operator.world.rollout.release.name == "4"


def test_only_so_many_releases_are_retained(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(settings_of(retained=1)))
    for release in ("1.0", "1.1", "1.2"):
        operator.world.promoted(release)
    assert operator.is_refused(3, "rollback", "--to", "1.0").endswith("retained are: 1.1")


def test_after_a_rollout_that_went_back_live_is_what_it_was(three: Operator) -> None:
    three.world.begun("1.3", minutes=3)
    three.types("abort")
    three.world.go_on(60)
    assert three.reads("rollback")["from"] == "1.2"


def test_during_a_rollout_abort_is_the_way_back(three: Operator) -> None:
    three.world.begun("1.3", minutes=3)
    sentence = three.is_refused(4, "rollback")
    assert sentence.startswith("rollout 1.3, started by arn:aws:iam::123456789012:user/example, has held Serving/Model")
    assert sentence.endswith("bluegreen abort Serving/Model goes back from it")


def test_where_nothing_was_rolled_out_there_is_nothing_to_go_back_from(operator: Operator) -> None:
    assert "has had no rollout yet" in operator.is_refused(2, "rollback")
    operator.world.promoted("1.0")
    operator.world.store.records["Serving/Model"].pop("first")
    assert operator.is_refused(3, "rollback").startswith("no release of Serving/Model was live before 1.0")
