"""Open-loop load from a second process: the plan, the process, and what came of it. Nothing here imports aiohttp."""

from .plan import Arrivals, GoldenCase, LoadPlan, read_golden
from .process import LoadProcess
from .record import Kind, LoadRecord, read_records
from .result import Latency, LoadResult, Tally

__all__ = [
    "Arrivals",
    "GoldenCase",
    "Kind",
    "Latency",
    "LoadPlan",
    "LoadProcess",
    "LoadRecord",
    "LoadResult",
    "Tally",
    "read_golden",
    "read_records",
]
