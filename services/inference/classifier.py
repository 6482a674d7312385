"""The model: multinomial logistic regression over the words of a support message."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .artefact import ModelReference
from .errors import ModelError


@dataclass(frozen=True)
class Prediction:
    """One answer: the topic, the probability the model gives it, and the probabilities of all topics."""

    topic: str
    confidence: float
    is_low_confidence: bool
    probabilities: Mapping[str, float]

    def to_json(self) -> dict[str, object]:
        """The answer as clients see it; probabilities to four decimals."""
        return {
            "topic": self.topic,
            "confidence": round(self.confidence, 4),
            "low_confidence": self.is_low_confidence,
            "probabilities": {topic: round(value, 4) for topic, value in self.probabilities.items()},
        }


def words_of(text: str) -> set[str]:
    """The words the model sees: training and serving both come here, so that they cannot drift apart."""
    return set(re.findall(r"[a-z]+", text.lower()))


class Classifier:
    """Weights, and the one matrix product that turns a message into probabilities."""

    def __init__(
        self,
        *,
        version: str,
        topics: tuple[str, ...],
        words: tuple[str, ...],
        weights: NDArray[np.float64],
        biases: NDArray[np.float64],
        low_confidence_below: float,
    ) -> None:
        if weights.shape != (len(words), len(topics)) or biases.shape != (len(topics),):
            raise ModelError(
                f"the model has weights {weights.shape} and biases {biases.shape} for {len(words)} words and "
                f"{len(topics)} topics; make it anew: python -m services.inference.model.train"
            )
        self.version = version
        self.topics = topics
        self.low_confidence_below = low_confidence_below
        self._columns = {word: column for column, word in enumerate(words)}
        self._weights = weights
        self._biases = biases

    def predict(self, text: str) -> Prediction:
        """The most likely topic of a message. Words the model never saw are ignored; without any, the priors answer."""
        probabilities = self._probabilities(text)
        return self._answer(probabilities, int(probabilities.argmax()))

    def predict_wrongly(self, text: str) -> Prediction:
        """The LEAST likely topic, with its own low probability: what a damaged model looks like from outside."""
        probabilities = self._probabilities(text)
        return self._answer(probabilities, int(probabilities.argmin()))

    def _answer(self, probabilities: NDArray[np.float64], chosen: int) -> Prediction:
        confidence = float(probabilities[chosen])
        return Prediction(
            topic=self.topics[chosen],
            confidence=confidence,
            is_low_confidence=confidence < self.low_confidence_below,
            probabilities=dict(zip(self.topics, probabilities.tolist(), strict=True)),
        )

    def _probabilities(self, text: str) -> NDArray[np.float64]:
        columns = [self._columns[word] for word in words_of(text) if word in self._columns]
        # The length is normalised, or long messages would be certain of everything.
        scale = 1.0 / max(1.0, float(np.sqrt(len(columns))))
        scores = self._weights[columns].sum(axis=0) * scale + self._biases
        exponents = np.exp(scores - scores.max())
        return np.asarray(exponents / exponents.sum(), dtype=np.float64)


def load_classifier(reference: ModelReference) -> Classifier:
    """The classifier a release promises, from bytes whose SHA-256 was verified.

    Raises ModelError when the file is not the promised one, holds another version, or is no classifier.
    """
    content = reference.read()
    try:
        document = json.loads(content)
        version = document["version"]
        classifier = Classifier(
            version=version,
            topics=tuple(document["topics"]),
            words=tuple(document["words"]),
            weights=np.array(document["weights"], dtype=np.float64),
            biases=np.array(document["biases"], dtype=np.float64),
            low_confidence_below=float(document["low_confidence_below"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"the model {reference.path} is no classifier ({error!r}); "
            "make it anew: python -m services.inference.model.train"
        ) from error
    if version != reference.version:
        raise ModelError(
            f"the model {reference.path} is version {version}, the release promises {reference.version}; "
            "ship the promised artefact, or set MODEL_VERSION to this one"
        )
    return classifier
