"""One snapshot per stack, as a tripwire: it says that a template changed, the other tests say what that means.

Update on purpose with `pytest tests/stacks/test_snapshots.py --snapshot-update` and read the diff.
"""

import re

from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from tests.stacks.conftest import synthesise

_HASH = re.compile(r"[0-9a-f]{64}")


def scrubbed(value: object) -> object:
    """A template without what changes by itself: asset hashes, and what the CDK adds about its own version."""
    if isinstance(value, dict):
        return {
            key: scrubbed(inner)
            for key, inner in value.items()
            if key not in {"Metadata", "Parameters", "Rules", "Conditions"} or "Resources" not in value
        }
    if isinstance(value, list):
        return [scrubbed(inner) for inner in value]
    return _HASH.sub("<HASH>", value) if isinstance(value, str) else value


def test_the_network_stack_is_as_reviewed(snapshot: SnapshotAssertion) -> None:
    assert scrubbed(synthesise("prod").network) == snapshot(extension_class=JSONSnapshotExtension)


def test_the_service_stack_is_as_reviewed(snapshot: SnapshotAssertion) -> None:
    assert scrubbed(synthesise("prod").service) == snapshot(extension_class=JSONSnapshotExtension)


def test_the_logical_ids_that_hold_state_or_name_a_target_never_change() -> None:
    """Renaming one of these replaces it: bucket, rules, groups, service, and the handler that owns the rules."""
    kept = {
        "AWS::ECS::Service": "InferenceB3CD4D8F",
        "AWS::S3::Bucket": "AccessLogs8B620ECA",
        "AWS::ElasticLoadBalancingV2::LoadBalancer": "InferenceLoadBalancer24A7E56D",
    }
    prod = synthesise("prod")
    for kind, logical_id in kept.items():
        assert list(prod.resources(kind)) == [logical_id]
    assert set(prod.resources("Custom::TrafficRule")) == {
        "InferenceRoutesProductionB3C8FBAC",
        "InferenceRoutesTest0F0D3081",
    }
    assert set(prod.resources("AWS::ElasticLoadBalancingV2::TargetGroup")) == {
        "InferenceBlue53E6D6A9",
        "InferenceGreenCFF7A9A8",
    }
    assert "BlueGreenTrafficRuleHandler" in prod.resources("AWS::Lambda::Function")
