"""The web application: five routes over one model."""

import asyncio
from dataclasses import replace

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from .classifier import Classifier, Prediction
from .edge import Edge, identity
from .event_stream import Event, EventStream
from .faults import Spread
from .incident import Incident
from .metrics import CONTENT_TYPE, Metrics
from .readiness import ModelHost, NotReadyError
from .requests import text_of
from .settings import Settings

STREAM_EVENTS = 4
STREAM_PAUSE_SECONDS = 0.05


class Endpoints:
    """The routes, and the faults that strike them."""

    def __init__(self, settings: Settings, host: ModelHost, metrics: Metrics) -> None:
        faults = settings.faults
        self._host = host
        self._metrics = metrics
        self._latency_seconds = float(faults.latency_ms) / 1000
        # One counter per route: with a shared one, traffic that alternates would put all faults on one of the two.
        self._failed_predictions = Spread(faults.error_rate)
        self._failed_streams = Spread(faults.error_rate)
        self._wrong_predictions = Spread(faults.wrong_predictions)
        self._broken_streams = Spread(faults.broken_streams)
        self._incident = Incident(settings.incident_file)
        self._low_confidence_below = settings.low_confidence_below

    async def predict(self, request: Request) -> Response:
        """POST /predict: the topic of one message."""
        classifier = self._host.classifier
        text = await text_of(request)
        await asyncio.sleep(self._latency_seconds)
        self._refuse_during_an_incident()
        if self._failed_predictions.strikes():
            raise HTTPException(500, "this release fails on purpose (INFERENCE_FAULTS error_rate)")
        return JSONResponse(self._predict(classifier, text).to_json())

    async def stream(self, request: Request) -> Response:
        """GET or POST /stream: the answer as the message is read; the last event is `done`."""
        classifier = self._host.classifier
        text = await text_of(request)
        await asyncio.sleep(self._latency_seconds)
        self._refuse_during_an_incident()
        if self._failed_streams.strikes():
            raise HTTPException(500, "this release fails on purpose (INFERENCE_FAULTS error_rate)")
        words = text.split()
        read = [max(1, len(words) * part // STREAM_EVENTS) for part in range(1, STREAM_EVENTS)]
        events = [
            Event("partial", {"words": count, **classifier.predict(" ".join(words[:count])).to_json()})
            for count in read
        ]
        events.append(Event("done", {"words": len(words), **self._predict(classifier, text).to_json()}))
        return EventStream(
            events, STREAM_PAUSE_SECONDS, break_after=len(events) // 2 if self._broken_streams.strikes() else None
        )

    async def ready(self, _request: Request) -> Response:
        """GET /ready: 200 once the model is verified, loaded and warm, until then 503 with the reason."""
        return JSONResponse({"ready": True, "model_version": self._host.classifier.version})

    async def healthz(self, _request: Request) -> Response:
        """GET /healthz: the process answers; says nothing about the model."""
        return JSONResponse({"alive": True})

    async def metrics(self, _request: Request) -> Response:
        """GET /metrics: what this process has counted."""
        return PlainTextResponse(self._metrics.render(), headers={"content-type": CONTENT_TYPE})

    def _refuse_during_an_incident(self) -> None:
        if self._incident.strikes():
            raise HTTPException(500, "what all releases depend on is down (INCIDENT_FILE)")

    def _predict(self, classifier: Classifier, text: str) -> Prediction:
        is_wrong = self._wrong_predictions.strikes()
        prediction = classifier.predict_wrongly(text) if is_wrong else classifier.predict(text)
        if self._low_confidence_below is not None:
            is_low = prediction.confidence < self._low_confidence_below
            prediction = replace(prediction, is_low_confidence=is_low)
        self._metrics.predicted(prediction.topic, is_low_confidence=prediction.is_low_confidence)
        return prediction


def create_metrics(settings: Settings) -> Metrics:
    """The counters of a process, with who it is."""
    return Metrics(identity={name.removeprefix("x-").replace("-", "_"): v for name, v in identity(settings).items()})


def create_application(settings: Settings, host: ModelHost, metrics: Metrics | None = None) -> ASGIApp:
    """The application around a model host that somebody else prepares (`server.py`, or a test).

    metrics: what counts its answers (default: counters that only `/metrics` shows).
    """
    metrics = metrics or create_metrics(settings)
    endpoints = Endpoints(settings, host, metrics)
    application = Starlette(
        routes=[
            Route("/predict", endpoints.predict, methods=["POST"]),
            Route("/stream", endpoints.stream, methods=["GET", "POST"]),
            Route("/ready", endpoints.ready, methods=["GET"]),
            Route("/healthz", endpoints.healthz, methods=["GET"]),
            Route("/metrics", endpoints.metrics, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _refused, NotReadyError: _not_ready, Exception: _failed},
    )
    return Edge(application, identity(settings), metrics)


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


async def _not_ready(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 503, headers={"retry-after": "1"})


async def _failed(_request: Request, _error: Exception) -> Response:
    # What went wrong is in the log; a client learns nothing about our insides.
    return JSONResponse({"error": "the service failed"}, 500)
