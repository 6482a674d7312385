"""Environment variables become one frozen value, or one sentence."""

from fractions import Fraction

import pytest

from services.inference.artefact import committed_model
from services.inference.errors import SettingsError
from services.inference.settings import Settings

DIGEST = "0" * 64


def test_an_empty_environment_serves_the_committed_model_on_port_8080():
    settings = Settings.from_environment({})
    assert (settings.host, settings.port, settings.release, settings.side) == ("0.0.0.0", 8080, "unreleased", None)
    assert settings.model == committed_model()
    assert settings.faults.error_rate == 0


def test_every_variable_is_read():
    settings = Settings.from_environment(
        {
            "HOST": "127.9.0.1",
            "PORT": "80",
            "RELEASE": "sha256:" + DIGEST,
            "BLUEGREEN_SIDE": "green",
            "MODEL_PATH": "/models/classifier.json",
            "MODEL_VERSION": "7",
            "MODEL_SHA256": DIGEST,
            "INFERENCE_FAULTS": "error_rate=0.5",
            "STOP_SECONDS": "3",
        }
    )
    assert (settings.host, settings.port, settings.stop_seconds) == ("127.9.0.1", 80, 3)
    assert (settings.release, settings.side) == ("sha256:" + DIGEST, "green")
    assert (str(settings.model.path), settings.model.version, settings.model.sha256) == (
        "/models/classifier.json",
        "7",
        DIGEST,
    )
    assert settings.faults.error_rate == Fraction(1, 2)


def test_an_empty_variable_counts_as_not_set():
    assert Settings.from_environment({"BLUEGREEN_SIDE": "", "PORT": " "}) == Settings.from_environment({})


def test_a_release_can_promise_another_digest_for_the_committed_path():
    assert Settings.from_environment({"MODEL_SHA256": DIGEST}).model.sha256 == DIGEST
    assert Settings.from_environment({"MODEL_SHA256": DIGEST}).model.path == committed_model().path


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "65536", "PORT is '65536'; give a whole number from 0 to 65535"),
        ("PORT", "http", "PORT is 'http'; give a whole number from 0 to 65535"),
        ("PORT", "-1", "PORT is '-1'; give a whole number from 0 to 65535"),
        ("STOP_SECONDS", "121", "STOP_SECONDS is '121'; give a whole number from 0 to 120"),
        ("RELEASE", "a b", "RELEASE is 'a b'; give 1 to 200 letters, digits or"),
        ("RELEASE", "1\r\nx-admin: 1", "RELEASE is "),
        ("BLUEGREEN_SIDE", "grün", "BLUEGREEN_SIDE is 'grün'"),
        ("MODEL_VERSION", '"1"', "MODEL_VERSION is "),
        ("MODEL_SHA256", "abc", "MODEL_SHA256 is 'abc', not 64 lower-case hex digits"),
        ("MODEL_PATH", "/m.json", "MODEL_PATH is '/m.json' without MODEL_VERSION and MODEL_SHA256; set both"),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence_that_names_the_variable(name: str, value: str, says: str):
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environment({name: value})
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert refusal.value.exit_code == 2
