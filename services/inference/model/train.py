"""Train the committed model: `python -m services.inference.model.train`.

Full-batch gradient descent from zero on data made from a seed: there is no chance anywhere, and weights are rounded to
three decimals, far above what different builds of a linear algebra library disagree about. The artefact is therefore
the same bytes on every machine, and a test holds the committed one against this script.
"""

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..artefact import MANIFEST
from ..classifier import Classifier, words_of
from .messages import TOPICS, Message, messages

NAME = "support-topics"
VERSION = "1.0.0"
SEED = 20261121
TRAINING_MESSAGES = 1600
HELD_OUT_MESSAGES = 400
STEPS = 250
LEARNING_RATE = 8.0
SHRINKAGE = 0.0005  # L2 penalty
DECIMALS = 3
LOW_CONFIDENCE_BELOW = 0.5


@dataclass(frozen=True)
class Trained:
    """What one training run makes: the bytes of the artefact and of the manifest that describes it."""

    artefact: bytes
    manifest: bytes


def train(version: str = VERSION, steps: int = STEPS) -> Trained:
    """Make the data, fit the model on four fifths of it, and measure it on the rest, which it never saw."""
    everything = messages(TRAINING_MESSAGES + HELD_OUT_MESSAGES, SEED)
    training, held_out = everything[:TRAINING_MESSAGES], everything[TRAINING_MESSAGES:]
    words = tuple(sorted({word for message in training for word in words_of(message.text)}))
    weights, biases = _fit(_features(training, words), _targets(training), steps)
    classifier = Classifier(
        version=version,
        topics=TOPICS,
        words=words,
        weights=weights,
        biases=biases,
        low_confidence_below=LOW_CONFIDENCE_BELOW,
    )
    artefact = _as_json(
        {
            "name": NAME,
            "version": version,
            "low_confidence_below": LOW_CONFIDENCE_BELOW,
            "topics": list(TOPICS),
            "words": list(words),
            "weights": weights.tolist(),
            "biases": biases.tolist(),
        },
        indent=None,
    )
    manifest = _as_json(
        {
            "name": NAME,
            "version": version,
            "artefact": "classifier.json",
            "sha256": hashlib.sha256(artefact).hexdigest(),
            "metrics": {
                "training_messages": len(training),
                "training_accuracy": accuracy(classifier, training),
                "held_out_messages": len(held_out),
                "held_out_accuracy": accuracy(classifier, held_out),
            },
        },
        indent=2,
    )
    return Trained(artefact, manifest)


def accuracy(classifier: Classifier, examples: list[Message]) -> float:
    """The share of messages whose topic the classifier gets right, to four decimals."""
    right = sum(classifier.predict(example.text).topic == example.topic for example in examples)
    return round(right / len(examples), 4)


def held_out_messages() -> list[Message]:
    """The messages that `held_out_accuracy` in the manifest is measured on."""
    return messages(TRAINING_MESSAGES + HELD_OUT_MESSAGES, SEED)[TRAINING_MESSAGES:]


def _features(examples: list[Message], words: tuple[str, ...]) -> NDArray[np.float64]:
    columns = {word: column for column, word in enumerate(words)}
    features = np.zeros((len(examples), len(words)))
    for row, example in enumerate(examples):
        features[row, [columns[word] for word in words_of(example.text)]] = 1.0
    return np.asarray(features / np.sqrt(features.sum(axis=1, keepdims=True)), dtype=np.float64)


def _targets(examples: list[Message]) -> NDArray[np.float64]:
    return np.array([[float(example.topic == topic) for topic in TOPICS] for example in examples])


def _fit(
    features: NDArray[np.float64], targets: NDArray[np.float64], steps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weights = np.zeros((features.shape[1], targets.shape[1]))
    biases = np.zeros(targets.shape[1])
    for _ in range(steps):
        scores = features @ weights + biases
        exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
        errors = (exponents / exponents.sum(axis=1, keepdims=True) - targets) / len(features)
        weights -= LEARNING_RATE * (features.T @ errors + SHRINKAGE * weights)
        biases -= LEARNING_RATE * errors.sum(axis=0)
    # Adding zero turns -0.0 into 0.0, which would otherwise be two spellings of the same weight.
    return weights.round(DECIMALS) + 0.0, biases.round(DECIMALS) + 0.0


def _as_json(document: dict[str, object], indent: int | None) -> bytes:
    separators = (",", ":") if indent is None else (",", ": ")
    return (json.dumps(document, indent=indent, separators=separators) + "\n").encode()


def main() -> None:
    """Write the artefact and its manifest, by default over the committed ones."""
    parser = argparse.ArgumentParser(description="train the support-topics model; the same bytes every time")
    parser.add_argument(
        "--version", default=VERSION, help="the version to write into the artefact (default %(default)s)"
    )
    parser.add_argument("--steps", type=int, default=STEPS, help="gradient steps (default %(default)s)")
    parser.add_argument("--directory", type=Path, default=MANIFEST.parent, help="where to write (default: beside me)")
    arguments = parser.parse_args()
    trained = train(arguments.version, arguments.steps)
    arguments.directory.mkdir(parents=True, exist_ok=True)
    (arguments.directory / "classifier.json").write_bytes(trained.artefact)
    (arguments.directory / MANIFEST.name).write_bytes(trained.manifest)
    print(trained.manifest.decode(), end="")


if __name__ == "__main__":
    main()
