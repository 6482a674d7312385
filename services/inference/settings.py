"""The service's settings: environment variables in, one frozen value out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .artefact import ModelReference, committed_model
from .errors import SettingsError
from .faults import Faults

# What may stand in a response header without any quoting; an image digest (sha256:...) is among it.
_TOKEN = re.compile(r"[A-Za-z0-9._:@+/-]{1,200}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Settings:
    """What one process needs to know.

    host, port: where to listen (HOST, default 0.0.0.0; PORT, default 8080, 0 lets the system choose)
    release: what was shipped, usually the image tag or digest (RELEASE, default "unreleased")
    side: "blue", "green" or a slot's side (BLUEGREEN_SIDE); None when the platform does not say
    model: the promised artefact (MODEL_PATH, MODEL_VERSION, MODEL_SHA256; default the committed one)
    faults: what a rehearsal breaks on purpose (INFERENCE_FAULTS, default nothing)
    incident_file: while it exists, a share of all requests fails (INCIDENT_FILE, default none; see `incident.py`)
    low_confidence_below: below which probability a prediction is marked (LOW_CONFIDENCE_BELOW, default the model's own)
    metrics_namespace: where counts are published in CloudWatch (METRICS_NAMESPACE, default nowhere; needs the side)
    metrics_seconds: how long counts are gathered before they are published (METRICS_SECONDS, default 10)
    stop_seconds: how long requests in flight may take after SIGTERM (STOP_SECONDS, default 25: ECS kills a container
        30 s after SIGTERM unless its stopTimeout says otherwise)
    """

    model: ModelReference
    host: str = "0.0.0.0"  # noqa: S104 - in a container the loopback address would be unreachable
    port: int = 8080
    release: str = "unreleased"
    side: str | None = None
    faults: Faults = field(default_factory=Faults)
    incident_file: Path | None = None
    low_confidence_below: float | None = None
    metrics_namespace: str | None = None
    metrics_seconds: float = 10.0
    stop_seconds: int = 25

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings; an empty variable counts as not set. Raises SettingsError, ModelError."""
        given = {name: value.strip() for name, value in environment.items() if value.strip()}
        side, namespace = given.get("BLUEGREEN_SIDE"), given.get("METRICS_NAMESPACE")
        if namespace is not None and side is None:
            raise SettingsError(
                f"METRICS_NAMESPACE is {namespace!r} without BLUEGREEN_SIDE; set the side that is counted, or neither"
            )
        incident = given.get("INCIDENT_FILE")
        below = given.get("LOW_CONFIDENCE_BELOW")
        return cls(
            model=_model(given),
            host=given.get("HOST", cls.host),
            port=_whole_number(given, "PORT", cls.port, 0, 65_535),
            release=_token("RELEASE", given.get("RELEASE", cls.release)),
            side=None if side is None else _token("BLUEGREEN_SIDE", side),
            faults=Faults.parse(given.get("INFERENCE_FAULTS", "")),
            incident_file=None if incident is None else Path(incident).expanduser(),
            low_confidence_below=None if below is None else _number("LOW_CONFIDENCE_BELOW", below, 0, 1),
            metrics_namespace=None if namespace is None else _token("METRICS_NAMESPACE", namespace),
            metrics_seconds=_number("METRICS_SECONDS", given.get("METRICS_SECONDS", str(cls.metrics_seconds)), 0.1, 60),
            stop_seconds=_whole_number(given, "STOP_SECONDS", cls.stop_seconds, 0, 120),
        )


def _model(given: Mapping[str, str]) -> ModelReference:
    path, version, sha256 = (given.get(name) for name in ("MODEL_PATH", "MODEL_VERSION", "MODEL_SHA256"))
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise SettingsError(f"MODEL_SHA256 is {sha256!r}, not 64 lower-case hex digits; give the artefact's SHA-256")
    if path is not None:
        if version is None or sha256 is None:
            raise SettingsError(
                f"MODEL_PATH is {path!r} without MODEL_VERSION and MODEL_SHA256; "
                "set both, because an artefact that nobody promised is not loaded"
            )
        return ModelReference(Path(path), _token("MODEL_VERSION", version), sha256)
    committed = committed_model()
    return ModelReference(
        committed.path,
        _token("MODEL_VERSION", version or committed.version),
        sha256 or committed.sha256,
    )


def _whole_number(given: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    written = given.get(name)
    if written is None:
        return default
    if not (written.isascii() and written.isdigit()) or not low <= int(written) <= high:
        raise SettingsError(f"{name} is {written!r}; give a whole number from {low} to {high}")
    return int(written)


def _number(name: str, written: str, low: float, high: float) -> float:
    try:
        value = float(written)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise SettingsError(f"{name} is {written!r}; give a number from {low:g} to {high:g}")
    return value


def _token(name: str, written: str) -> str:
    if not _TOKEN.fullmatch(written):
        raise SettingsError(f"{name} is {written!r}; give 1 to 200 letters, digits or . _ : @ + / -")
    return written
