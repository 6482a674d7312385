"""RolloutLimits: how long the former live side is kept, and what of it is refused."""

from datetime import timedelta

import aws_cdk as cdk
import pytest

from bluegreen_constructs import RolloutLimits
from bluegreen_constructs.engine.errors import ConfigurationError


@pytest.mark.parametrize("keep", [timedelta(0), timedelta(hours=4), timedelta(days=14)])
def test_a_former_side_is_kept_for_nothing_up_to_two_weeks(keep: timedelta) -> None:
    assert RolloutLimits(keep=keep).span("keep") == keep


def test_it_is_not_kept_unless_somebody_says_so() -> None:
    assert RolloutLimits().span("keep") == timedelta(0)


def test_a_duration_is_a_time_as_well() -> None:
    assert RolloutLimits(keep=cdk.Duration.hours(4)).span("keep") == timedelta(hours=4)


@pytest.mark.parametrize(
    ("keep", "sentence"),
    [
        (timedelta(days=15), r"RolloutLimits keep is 360 h: give at most 336 h, it is paid for like live"),
        (timedelta(hours=-1), "RolloutLimits keep is .* which is negative"),
        (4, "RolloutLimits keep is 4: give a datetime.timedelta"),
    ],
)
def test_what_is_no_such_time_is_refused(keep: object, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        RolloutLimits(keep=keep)  # type: ignore[arg-type]
