"""A warm pool's settings: what Auto Scaling refuses is refused before."""

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.warm_pool_settings import POOL_STATES, WarmPoolSettings


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"minimum": -1}, r"the warm pool's minimum is -1: give a whole number of 0 or more"),
        ({"minimum": True}, r"the warm pool's minimum is True"),
        ({"most_prepared": 2.5}, r"the warm pool's most_prepared is 2\.5"),
        ({"state": "Asleep"}, r"the warm pool's state is 'Asleep': give one of Stopped, Running, Hibernated"),
    ],
)
def test_what_no_pool_can_be_is_refused(given: dict, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        WarmPoolSettings(**given)


@pytest.mark.parametrize("state", POOL_STATES)
def test_every_state_of_auto_scaling_is_one(state: str) -> None:
    assert WarmPoolSettings(0, 0, state).state == state  # type: ignore[arg-type]
