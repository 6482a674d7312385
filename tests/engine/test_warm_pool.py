"""A warm pool's settings: what Auto Scaling refuses is refused before."""

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.warm_pool import POOL_STATES, WarmPool


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"minimum": -1}, r"WarmPool minimum is -1: give a whole number of 0 or more"),
        ({"minimum": True}, r"WarmPool minimum is True"),
        ({"most_prepared": 2.5}, r"WarmPool most_prepared is 2\.5"),
        ({"state": "Asleep"}, r"WarmPool state is 'Asleep': give one of Stopped, Running, Hibernated"),
    ],
)
def test_what_no_pool_can_be_is_refused(given: dict, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        WarmPool(**given)


@pytest.mark.parametrize("state", POOL_STATES)
def test_every_state_of_auto_scaling_is_one(state: str) -> None:
    assert WarmPool(0, 0, state).state == state  # type: ignore[arg-type]
