"""The engine's tags on a rule: what an abort and a late worker read there."""

from dataclasses import replace

import pytest

from bluegreen_constructs.engine.rule_tags import ABORTED, ENDED, FENCE, NEEDS, ROLLOUT, STICKINESS, RuleTags, tags_for
from tests.engine.example_rollouts import rollout

HERE = rollout()
TAGS = tags_for(HERE, has_other_actions=False)


def test_the_tags_of_a_rollout_say_all_that_an_abort_needs() -> None:
    tags = RuleTags.of(TAGS)
    assert tags.live == HERE.live_side.group_arn
    assert tags.candidate == HERE.candidate_side.group_arn
    assert tags.rollout == HERE.id
    assert tags.fence == HERE.fence
    assert tags.needs == HERE.needs
    assert tags.stickiness_seconds is None
    assert not tags.has_other_actions
    assert tags.is_in_flight
    assert tags.tell(HERE)


def test_stickiness_and_authentication_are_told() -> None:
    sticky = replace(HERE, settings=replace(HERE.settings, stickiness_seconds=3600))
    tags = RuleTags.of(tags_for(sticky, has_other_actions=True))
    assert tags.stickiness_seconds == 3600
    assert tags.has_other_actions


def test_the_tags_fit_into_what_elastic_load_balancing_takes() -> None:
    longest = replace(HERE, id="x" * 80, fence=10**17)
    for key, value in tags_for(longest, has_other_actions=True).items():
        assert len(key) <= 128
        assert len(value) <= 256


def test_a_rule_that_no_rollout_touched_has_nothing_in_flight() -> None:
    tags = RuleTags.of({"bluegreen:stack": "Serving"})
    assert not tags.is_in_flight
    assert tags.fence == 0
    assert not tags.is_aborted("any")


def test_an_ended_rollout_is_not_in_flight_and_the_next_one_is() -> None:
    assert not RuleTags.of({**TAGS, ENDED: HERE.id}).is_in_flight
    assert RuleTags.of({**TAGS, ENDED: "the one before"}).is_in_flight


def test_a_mark_meets_the_rollout_it_names_only() -> None:
    tags = RuleTags.of({**TAGS, ABORTED: HERE.id})
    assert tags.is_aborted(HERE.id)
    assert not tags.is_aborted("another one")


def test_tags_without_the_live_group_name_nothing_that_could_be_aborted() -> None:
    assert not RuleTags.of({ROLLOUT: HERE.id}).is_in_flight


@pytest.mark.parametrize("text", ["", "-1", "1.5", "seven", "٣", "9" * 30])
def test_numbers_that_were_edited_into_nonsense_count_as_not_there(text: str) -> None:
    tags = RuleTags.of({**TAGS, FENCE: text, NEEDS: text, STICKINESS: text})
    assert (tags.fence, tags.needs, tags.stickiness_seconds) == (0, 0, None)


@pytest.mark.parametrize(
    "other",
    [
        replace(HERE, id="another"),
        replace(HERE, fence=HERE.fence + 1),
        replace(HERE, live="green"),
    ],
    ids=["id", "fence", "live"],
)
def test_tags_of_another_rollout_worker_or_side_do_not_tell_of_this_one(other: object) -> None:
    assert not RuleTags.of(TAGS).tell(other)  # type: ignore[arg-type]
