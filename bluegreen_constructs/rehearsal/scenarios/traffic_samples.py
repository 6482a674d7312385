"""What the charts of a report show of a rollout: requests of each second, and the candidate's share. Pure."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from ..rollout_watch import Weights
from .traffic_conditions import Watched


def traffic_samples(
    watched: Watched, weights: Sequence[Weights], candidate: str, sides: Sequence[str] = ("blue", "green")
) -> dict[str, tuple[tuple[float, float], ...]]:
    """Requests of each second by side and failed, and the candidate's share, from the first request on."""
    start = watched.started
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter, {side: Counter() for side in (*sides, "failed")})
    for record in watched.records:
        failed = record.is_lost
        counts["failed" if failed else record.side or "failed"][int(record.scheduled - start)] += 1
    samples = {
        name: tuple((second + 0.5, float(count[second])) for second in sorted(count)) for name, count in counts.items()
    }
    shares = [(0.0, 0.0), *((one.wall - start, one.percent_of(candidate)) for one in weights)]
    shares.append((watched.stopped - start, shares[-1][1]))
    return {**samples, "candidate's share": tuple(shares)}
