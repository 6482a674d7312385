"""Is a plan enough for its own margin, and if not, what would be?"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from ..engine.comparison import Terms
from ..engine.errors import ConfigurationError
from ..engine.spans import in_words
from ..engine.strategy import Strategy
from .expected_traffic import ExpectedTraffic
from .plan_power import PlanPower, Steps, compared_steps, described, plan_power, possible_terms, tells_apart

LEAST_CHANCE = 0.8
"""The usual power of a test: below it, one bad release in five would end undecided after the last step."""
_LONGEST_BAKE = 24 * 60  # minutes
_PERCENTS = (1, 2, 5, 10, 20, 25, 30, 40, 50)
_MARGINS = (1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
_NEGLIGIBLE = (0.0001, 0.0002, 0.0005, 0.001, 0.002)


def checked_plan(
    strategy: Strategy, traffic: ExpectedTraffic, terms: Terms, *, budget: float = 1.0, name: str = "the comparison"
) -> PlanPower:
    """`plan_power`, refused when the plan cannot see its own margin within its own steps, with what to change.

    A plan is enough when a release at the margin is found, and an unchanged one promoted, in `LEAST_CHANCE` of rollouts
    before the last step ends. name: the comparison's, for the refusal.

    Raises ConfigurationError for a plan that is not enough, and what `plan_power` raises.
    """
    steps, possible = compared_steps(strategy), possible_terms(traffic, terms)
    found, promoted = tells_apart(steps, traffic, possible, budget)
    if min(found, promoted) >= LEAST_CHANCE:
        return plan_power(strategy, traffic, terms, budget=budget)
    rate = possible.margin * traffic.error_rate
    worse = f"fails {possible.margin:g} times as often as live"
    if possible.negligible is not None and possible.negligible > rate:
        worse = f"fails {100 * possible.negligible:g} % of requests"
    estimated = " (an estimate; bluegreen simulate plays it)" if possible.mode == "bursty" else ""
    raise ConfigurationError(
        f"{described(steps)} at {traffic} is too little for {name} to tell a release that {worse} from a good one: "
        f"before the last step ends it would find {100 * found:.0f} % of the one and promote {100 * promoted:.0f} % of "
        f"the other{estimated}, and {100 * LEAST_CHANCE:.0f} % is the least of both: "
        f"{_remedy(steps, traffic, possible, budget)}"
    )


def _remedy(steps: Steps, traffic: ExpectedTraffic, terms: Terms, budget: float) -> str:
    """Every change that would do by itself, with its number."""
    *before, last = steps

    def does(percent: float = last.percent, minutes: float | None = None, changed: Terms = terms) -> bool:
        bake = last.bake if minutes is None else timedelta(minutes=minutes)
        step = replace(last, percent=percent, bake=bake)
        return changed.margin * traffic.error_rate < 1 and (
            min(tells_apart((*before, step), traffic, changed, budget)) >= LEAST_CHANCE
        )

    remedies = []
    bake = _least(_LONGEST_BAKE, lambda minutes: does(minutes=minutes))
    if bake is not None:
        remedies.append(f"bake {'the last step ' if before else ''}for {in_words(timedelta(minutes=bake))}")
    # Half of the traffic tells most: beyond it, live has too few requests.
    others = [percent for percent in _PERCENTS if percent > last.percent] or [50]
    percent = next(filter(does, others), None)
    if percent is not None:
        remedies.append(f"give {'the last step' if before else 'it'} {percent} % of the traffic")
    wider = [margin for margin in _MARGINS if margin > terms.margin]
    margin = next((margin for margin in wider if does(changed=replace(terms, margin=margin))), None)
    if margin is not None:
        remedies.append(f"compare with margin={margin:g}")
    if terms.mode == "independent" and terms.negligible is None:
        small = [rate for rate in _NEGLIGIBLE if rate >= 2 * traffic.error_rate]
        rate = next((rate for rate in small if does(changed=replace(terms, negligible=rate))), None)
        if rate is not None:
            remedies.append(f"say negligible={rate:g}")
    if remedies:
        return " or ".join(remedies)
    if not traffic.error_rate:
        return 'without errors there is nothing to compare; use mode "independent" with a negligible rate'
    longest = in_words(timedelta(minutes=_LONGEST_BAKE))
    return f"no bake of {longest} and no share of this traffic would do; judge by alarms instead"


def _least(most: int, does: Callable[[int], bool]) -> int | None:
    """The smallest number from 1 to `most` that does, by bisection: more never does worse."""
    if not does(most):
        return None
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        if does(middle):
            high = middle
        else:
            low = middle + 1
    return low
