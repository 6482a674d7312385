"""Changes reach the nodes late and in order."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.rehearsal.load_balancer.model import LoadBalancer, RoutingTable
from bluegreen_constructs.rehearsal.load_balancer.propagation import Propagation, PropagationLag


def numbered(number: int) -> RoutingTable:
    return RoutingTable((LoadBalancer(str(number), "lb", "lb"),))


def test_a_change_takes_effect_between_the_shortest_and_the_longest_lag() -> None:
    propagation = Propagation(PropagationLag(1, 5), Random(1))
    assert propagation.see(numbered(1), now=100)
    propagation.advance(100.99)
    assert propagation.tables == [RoutingTable(), RoutingTable()]
    propagation.advance(105)
    assert propagation.tables == [numbered(1), numbered(1)]
    assert propagation.is_settled


def test_two_nodes_serve_different_tables_for_a_while() -> None:
    propagation = Propagation(PropagationLag(1, 5), Random(1))
    propagation.see(numbered(1), now=0)
    served = set[str]()
    for tenth in range(50):
        propagation.advance(tenth / 10)
        served.add(str([bool(table.load_balancers) for table in propagation.tables]))
    assert served >= {"[False, False]"}
    assert served & {"[True, False]", "[False, True]"}


def test_an_unchanged_table_is_no_change() -> None:
    propagation = Propagation(PropagationLag(), Random(1))
    assert propagation.see(numbered(1), 0)
    assert not propagation.see(numbered(1), 1)


@given(st.integers(), st.lists(st.floats(0, 3), min_size=1, max_size=8))
def test_no_node_ever_goes_back_to_an_earlier_table(seed: int, gaps: list[float]) -> None:
    propagation, now, seen = Propagation(PropagationLag(0, 10), Random(seed)), 0.0, [0, 0]
    for number, gap in enumerate(gaps, start=1):
        now += gap
        propagation.see(numbered(number), now)
        for _ in range(3):
            now += gap / 3
            propagation.advance(now)
            current = [int(table.load_balancers[0].arn) if table.load_balancers else 0 for table in propagation.tables]
            assert all(after >= before for before, after in zip(seen, current, strict=True))
            seen = current
    propagation.advance(now + 10)
    assert propagation.tables == [numbered(len(gaps))] * 2


@pytest.mark.parametrize(("shortest", "longest", "nodes"), [(-1, 5, 2), (5, 1, 2), (1, 5, 0)])
def test_an_impossible_lag_is_refused(shortest: float, longest: float, nodes: int) -> None:
    with pytest.raises(ConfigurationError, match="give"):
        PropagationLag(shortest, longest, nodes)
