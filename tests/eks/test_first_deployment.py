"""The first deployment of a service becomes live."""

import pytest

from tests.eks.application import FIRST, LATER, NAMES, REPLICAS
from tests.eks.deployed import Deployed


@pytest.mark.parametrize("service", sorted(NAMES - LATER))
def test_a_service_becomes_healthy_and_gets_its_traffic(deployed: Deployed, service: str) -> None:
    first, image = deployed.first[service], deployed.releases.image(service, FIRST)
    assert not first.failure
    assert first.ready == [image] * REPLICAS
    assert first.weights == ({image: 100} if "outside" in service else {})
