"""Counts of predictions for CloudWatch: lines of the log in the embedded metric format.

CloudWatch Logs makes metrics of such lines, whoever wrote them, so that a container needs no SDK, no credentials and no
permission for it:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from .metrics import Metrics

PREDICTIONS, LOW_CONFIDENCE = "Predictions", "LowConfidencePredictions"
SIDE = "Side"


@dataclass
class PublishedCounts:
    """What of `metrics` was written to the log so far.

    namespace: of the metrics. side: the value of their one dimension, which a MetricComparison tells the sides apart
    by. seconds: how long counts are gathered for one line.
    """

    metrics: Metrics
    namespace: str
    side: str
    seconds: float
    write: Callable[[str], None]
    _predictions: int = 0
    _low_confidence: int = 0

    async def keep_writing(self) -> None:
        """Write a line every `seconds`, and the last one when cancelled."""
        try:
            while True:
                await asyncio.sleep(self.seconds)
                self.write_line()
        finally:
            self.write_line()

    def write_line(self) -> None:
        """What was counted since the last line; no line when that is nothing, for no prediction is no evidence."""
        predictions = self.metrics.predictions.total() - self._predictions
        low_confidence = self.metrics.low_confidence - self._low_confidence
        if not predictions:
            return
        self._predictions += predictions
        self._low_confidence += low_confidence
        described = {
            "Namespace": self.namespace,
            "Dimensions": [[SIDE]],
            "Metrics": [{"Name": name, "Unit": "Count"} for name in (PREDICTIONS, LOW_CONFIDENCE)],
        }
        line = {
            "_aws": {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [described]},
            SIDE: self.side,
            PREDICTIONS: predictions,
            LOW_CONFIDENCE: low_confidence,
        }
        self.write(json.dumps(line, separators=(",", ":")))
