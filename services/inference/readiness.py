"""From a promised artefact to a model that has answered: the way to ready."""

import asyncio
import math
import time

from .artefact import ModelReference
from .classifier import Classifier, load_classifier
from .errors import ModelError

WARM_UP = "the page stays white after the update and my card was charged twice"


class NotReadyError(Exception):
    """The model cannot answer yet; the message says why."""


class ModelHost:
    """Holds the model, once it is loaded, verified and warm."""

    def __init__(self, reference: ModelReference, slow_warm_up_seconds: float = 0.0) -> None:
        self._reference = reference
        self._slow_warm_up_seconds = slow_warm_up_seconds
        self._classifier: Classifier | None = None
        self._reason = "the model is not loaded yet"

    @property
    def classifier(self) -> Classifier:
        """The warm model; raises NotReadyError with the reason while there is none."""
        if self._classifier is None:
            raise NotReadyError(self._reason)
        return self._classifier

    async def prepare(self) -> float:
        """Load, verify and warm up the model; how many seconds that took. Raises ModelError.

        Loading runs in a thread, so that /healthz answers however large the artefact is.
        """
        began = time.monotonic()
        try:
            classifier = await asyncio.to_thread(load_classifier, self._reference)
            self._reason = f"model {classifier.version} is loaded and warming up"
            await asyncio.sleep(self._slow_warm_up_seconds)
            await asyncio.to_thread(_warm_up, classifier)
        except ModelError as error:
            self._reason = str(error)
            raise
        self._classifier = classifier
        return time.monotonic() - began


def _warm_up(classifier: Classifier) -> None:
    total = sum(classifier.predict(WARM_UP).probabilities.values())
    # A NaN anywhere in the weights that the message touches ends up in the sum.
    if not math.isclose(total, 1.0, rel_tol=1e-6):
        raise ModelError(
            f"model {classifier.version} answered its warm-up with probabilities that add up to {total}, not 1; "
            "make it anew: python -m services.inference.model.train"
        )
