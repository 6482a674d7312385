"""Which model artefact a release promises, and its verified bytes."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from .errors import ModelError

MANIFEST = Path(__file__).parent / "model" / "manifest.json"


@dataclass(frozen=True)
class ModelReference:
    """The artefact a release promises: where it lies, its version, and the SHA-256 (hex) of its bytes."""

    path: Path
    version: str
    sha256: str

    def read(self) -> bytes:
        """The artefact's bytes, exactly as promised.

        The digest is compared before anything is parsed, so a swapped or half-copied file never reaches the parser.
        Raises ModelError when the file cannot be read or its SHA-256 is another one.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"the model {self.path} cannot be read ({error.strerror}); set MODEL_PATH to an existing artefact"
            ) from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != self.sha256:
            raise ModelError(
                f"the model {self.path} has SHA-256 {digest}, the release promises {self.sha256}; "
                "ship the artefact that was tested, or set MODEL_SHA256 to the digest of this one"
            )
        return content


def committed_model(manifest: Path = MANIFEST) -> ModelReference:
    """The artefact that lies in the source tree, as its manifest (written by `model/train.py`) describes it."""
    try:
        described = json.loads(manifest.read_bytes())
        return ModelReference(manifest.parent / described["artefact"], described["version"], described["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"the manifest {manifest} cannot be used ({error!r}); "
            "make it anew: python -m services.inference.model.train"
        ) from error
