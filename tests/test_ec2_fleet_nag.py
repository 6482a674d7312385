"""Fleets with everything on are clean under cdk-nag, and every acknowledgement names an alternative."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from bluegreen_constructs import Artefact, CodeDeploy, MinimumHealthy, RolloutEngine, Scaling, Spot
from bluegreen_constructs.engine.warm_pool import WarmPool
from tests.canary_service import ENV, FLAGS
from tests.fleet import fleet, instances, under_code_deploy
from tests.nag_findings import acknowledgements, findings


@cache
def checked() -> tuple[frozenset[tuple[str, str]], dict[tuple[str, str], str]]:
    """What was found and what was acknowledged, of fleets with everything on, and a planted finding."""
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder), context=FLAGS)
    planted = cdk.Stack(app, "Planted", env=ENV)
    s3.Bucket(planted, "Open")
    scaling = Scaling(min=2, max=9, cpu_percent=60, requests_per_target=300)
    mixed, warm, deployed = (cdk.Stack(app, name, env=ENV) for name in ("Mixed", "Warm", "Deployed"))
    key = kms.Key.from_key_arn(
        mixed, "Key", "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    )
    RolloutEngine(mixed, "Engine", encryption_key=key)
    encrypted = s3.Bucket.from_bucket_attributes(mixed, "Releases", bucket_name="releases-of-ours", encryption_key=key)
    fleet(
        mixed,
        of={"types": ["g5.xlarge", "g5.2xlarge"], "spot": Spot(), "artefact": Artefact(encrypted, first="1.0.0")},
        scaling=scaling,
    ).add_dashboard()
    fleet(warm, instances=instances(warm, warm_pool=WarmPool(minimum=1)), scaling=scaling)
    fleet(
        deployed,
        instances=under_code_deploy(deployed),
        controller=CodeDeploy(configuration=MinimumHealthy(percent=50)),
    )
    found = findings(app)
    said = [acknowledgements(folder / f"{name}.metadata.json") for name in ("Mixed", "Warm", "Deployed")]
    return found, {place: reason for one in said for place, reason in dict(one).items()}


def test_fleets_with_everything_on_are_clean() -> None:
    found, _ = checked()
    assert {place for place, _ in found if place.startswith("Planted/")}
    own = sorted(one for one in found if not one[0].startswith("Planted/") and "/Vpc/" not in one[0])
    assert own == []


def test_each_acknowledgement_names_an_alternative() -> None:
    _, acknowledged = checked()
    assert {rule.partition("[")[0] for _, rule in acknowledged} >= {"AwsSolutions-AS3", "AwsSolutions-IAM4"}
    for place, reason in acknowledged.items():
        assert "considered" in reason, place
