"""Made-up traffic of two sides: requests and bad events per look, from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, lgamma, log, pi, sin, sqrt
from random import Random

from ..engine.errors import ConfigurationError
from ..engine.model import Arm


@dataclass(frozen=True)
class Traffic:
    """What a rollout meets, look by look; both sides see the same world but for `ratio` and `flap`.

    requests_per_second: over both sides together.
    bad_rate: live's bad events per request, 0 to 1.
    weights: the candidate's weight in percent at each look, above 0 and below 100; as many as there are looks.
    ratio: how many times as often as live the candidate fails (default 1: nothing is wrong with it).
    ratio_from: the look, counted from 0, at which it begins to do so (default 0); before, it fails as often as live.
    seconds_per_look: default 60, as load balancers publish.
    burst: the mean size of a burst of bad events; each burst hits one side as a whole, its size is geometric (default
        1: events are independent).
    swing: by how much of itself the traffic, and with it the rate of bad events, swings up and down over 60 looks
        (default 0; 0.5 is from half to one and a half times).
    incident: looks from, to (not included) and the bad rate of both sides between them (default: no incident); the
        candidate's is `ratio` times that, at most 1.
    flap: a bad host: the chance, per look and side, that a side fails as a whole for that look, and the side's bad rate
        in such a look, both shares from 0 to 1 (default: no flap). It is drawn for each side by itself, whatever its
        traffic; the rate stands in for all else, `ratio` and incident included.
    """

    requests_per_second: float
    bad_rate: float
    weights: tuple[float, ...]
    ratio: float = 1.0
    ratio_from: int = 0
    seconds_per_look: float = 60.0
    burst: float = 1.0
    swing: float = 0.0
    incident: tuple[int, int, float] | None = None
    flap: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse traffic that cannot be."""
        for name, least, most in (
            ("requests_per_second", 0.0, 1e7),
            ("bad_rate", 0.0, 1.0),
            ("ratio", 0.0, 1e4),
            ("seconds_per_look", 1.0, 86_400.0),
            ("burst", 1.0, 1e6),
            ("swing", 0.0, 0.99),
        ):
            given = getattr(self, name)
            if not least <= given <= most:
                raise ConfigurationError(f"{name} is {given:g}: give a number from {least:g} to {most:g}")
        if self.incident is not None and not 0 <= self.incident[2] <= 1:
            raise ConfigurationError(f"the incident's bad rate is {self.incident[2]:g}: give a share from 0 to 1")
        if self.flap is not None:
            for name, given in zip(("chance", "bad rate"), self.flap, strict=True):
                if not 0 <= given <= 1:
                    raise ConfigurationError(f"the flap's {name} is {given:g}: give a share from 0 to 1")
        for weight in self.weights:
            if not 0 < weight < 100:
                raise ConfigurationError(f"a weight is {weight:g}: give percent above 0 and below 100")

    def looks(self, random: Random) -> Iterator[tuple[Arm, Arm]]:
        """Live and candidate, look after look."""
        for number, weight in enumerate(self.weights):
            requests = self.requests_per_second * self.seconds_per_look * self._tide(number)
            rate = self.live_rate(number)
            ratio = self.ratio if number >= self.ratio_from else 1.0
            share = weight / 100
            live_rate = self._flapped(random, rate)
            candidate_rate = self._flapped(random, min(1.0, rate * ratio))
            yield (
                self._arm(random, requests * (1 - share), live_rate),
                self._arm(random, requests * share, candidate_rate),
            )

    def live_rate(self, look: int) -> float:
        """The probability that a request to live is bad in this look, counted from 0, when live does not flap in it."""
        if self.incident is not None and self.incident[0] <= look < self.incident[1]:
            return self.incident[2]
        return min(1.0, self.bad_rate * self._tide(look))

    def _flapped(self, random: Random, rate: float) -> float:
        """The side's rate in one look; nothing is drawn without a flap, so that other traffic keeps its numbers."""
        if self.flap is None:
            return rate
        chance, flapping = self.flap
        return flapping if random.random() < chance else rate

    def _tide(self, look: int) -> float:
        return 1 + self.swing * sin(2 * pi * look / 60)

    def _arm(self, random: Random, requests: float, rate: float) -> Arm:
        """Good and bad requests arrive independently; bad ones one by one or in bursts."""
        good = poisson(random, requests * (1 - rate))
        bad = poisson(random, requests * rate / self.burst)
        if self.burst > 1:
            # A burst has 1 event and more: the sum of so many geometric sizes.
            bad = sum(1 + int(log(1 - random.random()) / log(1 - 1 / self.burst)) for _ in range(bad))
        return Arm(good + bad, bad)


def poisson(random: Random, mean: float) -> int:
    """A Poisson number, exact for any mean.

    Inversion below 10; above, Hörmann's transformed rejection with squeeze (PTRS, Insurance: Mathematics and Economics
    12, 1993, 39-45), because the standard library has no Poisson numbers.
    """
    if mean < 10:
        left, count, chance = random.random(), 0, exp(-mean)
        while left > chance and count < 1000:
            left -= chance
            count += 1
            chance *= mean / count
        return count
    root = sqrt(mean)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    scale = 1.1239 + 1.1328 / (b - 3.4)
    accepted = 0.9277 - 3.6224 / (b - 2)
    while True:
        u = random.random() - 0.5
        v = random.random()
        distance = 0.5 - abs(u)
        count = int((2 * a / distance + b) * u + mean + 0.43) if distance else -1
        if distance >= 0.07 and v <= accepted:
            return count
        if count < 0 or (distance < 0.013 and v > distance):
            continue
        if log(v * scale / (a / (distance * distance) + b)) <= count * log(mean) - mean - lgamma(count + 1):
            return count
