"""When each request is sent and which one it is: fixed by the plan before the first answer arrives."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from .plan import GoldenCase, LoadPlan
from .record import Kind


@dataclass(frozen=True)
class Arrival:
    """One scheduled request: seconds after the start, and the golden case of a prediction."""

    offset: float
    kind: Kind
    case: GoldenCase | None = None


def schedule(plan: LoadPlan) -> Iterator[Arrival]:
    """The arrivals of a plan in order, without end unless it has a duration; the same for the same plan.

    Streams are spread evenly over the requests, so that a short run has its stated share of them.
    """
    generator = random.Random(plan.seed)  # noqa: S311 - a schedule, not a secret
    stream_share = Fraction(str(plan.stream_share))
    offset = 0.0
    streams = 0
    number = 0
    while True:
        number += 1
        gap = generator.expovariate(plan.rate_per_second) if plan.arrivals == "poisson" else 1 / plan.rate_per_second
        offset += gap
        if plan.duration_seconds is not None and offset > plan.duration_seconds:
            return
        if int(number * stream_share + Fraction(1, 2)) > streams:
            streams += 1
            yield Arrival(offset, Kind.STREAM)
        else:
            yield Arrival(offset, Kind.PREDICT, plan.golden[(number - streams - 1) % len(plan.golden)])
