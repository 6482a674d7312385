"""The committed artefact is what the training script makes, is as good as its manifest says, and is verified."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from services.inference.artefact import MANIFEST, ModelReference, committed_model
from services.inference.classifier import Classifier, load_classifier
from services.inference.errors import ModelError
from services.inference.model.messages import messages
from services.inference.model.train import SEED, TRAINING_MESSAGES, accuracy, held_out_messages, train
from services.inference.readiness import WARM_UP

GOLDEN = json.loads((MANIFEST.parent.parent / "golden.json").read_bytes())


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier(committed_model())


def promised(path: Path, content: bytes, version: str = "1.0.0") -> ModelReference:
    path.write_bytes(content)
    return ModelReference(path, version, hashlib.sha256(content).hexdigest())


def test_training_makes_the_committed_artefact_and_manifest_byte_for_byte():
    trained = train()
    assert trained.artefact == committed_model().path.read_bytes()
    assert trained.manifest == MANIFEST.read_bytes()


def test_the_held_out_accuracy_is_what_the_manifest_says(classifier: Classifier):
    metrics = json.loads(MANIFEST.read_bytes())["metrics"]
    held_out = held_out_messages()
    assert len(held_out) == metrics["held_out_messages"]
    assert accuracy(classifier, held_out) == metrics["held_out_accuracy"] > 0.9


def test_no_held_out_message_was_trained_on():
    training = {message.text for message in messages(TRAINING_MESSAGES, SEED)}
    assert training.isdisjoint(message.text for message in held_out_messages())


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["request"]["text"][:30])
def test_every_golden_request_gets_its_expected_answer(classifier: Classifier, case: dict[str, dict[str, object]]):
    answer = classifier.predict(str(case["request"]["text"])).to_json()
    assert {name: answer[name] for name in case["expected"]} == case["expected"]


def test_a_message_without_a_known_word_is_answered_with_low_confidence(classifier: Classifier):
    prediction = classifier.predict("Grüße, 12345")
    assert prediction.is_low_confidence
    assert sum(prediction.probabilities.values()) == pytest.approx(1.0)


def test_a_wrong_prediction_differs_from_the_right_one_and_has_low_confidence(classifier: Classifier):
    for case in GOLDEN:
        wrong = classifier.predict_wrongly(case["request"]["text"])
        assert wrong.topic != case["expected"]["topic"]
        assert wrong.is_low_confidence


def test_one_changed_byte_is_refused_with_both_digests(tmp_path: Path):
    committed = committed_model()
    content = committed.path.read_bytes()
    path = tmp_path / "classifier.json"
    path.write_bytes(content.replace(b"0.0", b"0.1", 1))
    with pytest.raises(ModelError) as refusal:
        load_classifier(replace(committed, path=path))
    assert committed.sha256 in str(refusal.value)
    assert hashlib.sha256(path.read_bytes()).hexdigest() in str(refusal.value)


def test_another_version_than_promised_is_refused_with_both_versions():
    with pytest.raises(ModelError, match=r"is version 1\.0\.0, the release promises 2\.0\.0"):
        load_classifier(replace(committed_model(), version="2.0.0"))


def test_a_missing_artefact_is_refused_with_its_path(tmp_path: Path):
    with pytest.raises(ModelError, match=r"nowhere\.json cannot be read \(No such file or directory\)"):
        load_classifier(replace(committed_model(), path=tmp_path / "nowhere.json"))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"version": "1.0.0"}', b"\xff"])
def test_a_promised_file_that_is_no_classifier_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(ModelError, match="is no classifier"):
        load_classifier(promised(tmp_path / "classifier.json", content))


def test_weights_that_do_not_fit_the_words_are_refused(tmp_path: Path):
    document = json.loads(committed_model().path.read_bytes())
    document["words"].append("one more")
    with pytest.raises(ModelError, match="make it anew"):
        load_classifier(promised(tmp_path / "classifier.json", json.dumps(document).encode()))


def test_a_manifest_that_cannot_be_read_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="cannot be used"):
        committed_model(tmp_path / "manifest.json")


def test_the_warm_up_uses_words_that_the_model_knows(classifier: Classifier):
    assert classifier.predict("").probabilities != classifier.predict(WARM_UP).probabilities
