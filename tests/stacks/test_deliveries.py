"""The deliveries of the application: each synthesises clean, and its stacks are those of the environments."""

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from bluegreen_constructs.engine.errors import ConfigurationError
from stacks import environments
from stacks.application import build
from stacks.deliveries import DELIVERIES, Stop
from stacks.environments import ENVIRONMENTS, chosen
from tests.codepipeline_model import objections
from tests.delivered_stacks import graph, properties
from tests.nag_findings import acknowledgements, lint
from tests.stacks.conftest import settings, synthesise
from tests.stacks.test_snapshots import scrubbed


@cache
def delivered(name: str) -> Path:
    """The assembly of a delivery, which cdk-nag has nothing to say of."""
    folder = Path(mkdtemp(prefix="bluegreen-synth-"))
    app = cdk.App(outdir=str(folder), context=settings())
    build(app, environment=name, release=None)
    app.synth()  # raises for a finding
    return folder


def template(name: str, stack: str) -> dict:
    return json.loads((delivered(name) / f"{stack}.template.json").read_text(encoding="utf-8"))


def pipeline_of(name: str) -> dict:
    return template(name, f"BlueGreenPipeline-{DELIVERIES[name].name}")


@pytest.mark.parametrize("name", list(DELIVERIES))
def test_every_delivery_is_clean_under_cdk_nag_and_cfn_lint(name: str) -> None:
    assert lint([delivered(name) / f"BlueGreenPipeline-{DELIVERIES[name].name}.template.json"]) == (0, "")


def test_an_image_goes_from_dev_by_staging_to_production_which_is_asked_for_and_baked() -> None:
    stages = graph(pipeline_of("delivery"))
    assert list(stages) == ["Source", "Synth", "Dev", "Staging", "ReviewProd", "Prod"]
    assert [(name, provider) for _, name, provider in stages["Prod"]] == [
        ("BlueGreenNetwork-prod.Prepare", "CloudFormation"),
        ("BlueGreenNetwork-prod.Deploy", "CloudFormation"),
        ("BlueGreenCanary-prod.Prepare", "CloudFormation"),
        ("BlueGreenCanary-prod.Deploy", "CloudFormation"),
        ("BlueGreenSlots-prod.Prepare", "CloudFormation"),
        ("BlueGreenSlots-prod.Deploy", "CloudFormation"),
        ("BlueGreenService-prod.Prepare", "CloudFormation"),
        ("BlueGreenService-prod.Deploy", "CloudFormation"),
        ("BlueGreenCanary-prod-Inference.Rollout", "StepFunctions"),
        ("BlueGreenSlots-prod-Inference.staging.Deploy", "StepFunctions"),
        ("BlueGreenSlots-prod-Inference.staging.Swap", "StepFunctions"),
        ("Bake", "Lambda"),
    ]
    assert [(name, provider) for _, name, provider in stages["Dev"]][:2] == [
        ("BlueGreenNetwork-dev.Prepare", "CloudFormation"),
        ("BlueGreenNetwork-dev.Deploy", "CloudFormation"),
    ]


@pytest.mark.parametrize("name", list(DELIVERIES))
def test_codepipelines_own_model_objects_to_no_delivery(name: str) -> None:
    assert objections(dict(properties(pipeline_of(name)))) == []


def test_every_stage_that_deploys_is_rolled_back() -> None:
    told = properties(pipeline_of("delivery"))
    assert [one["Name"] for one in told["Stages"] if one.get("OnFailure") == {"Result": "ROLLBACK"}] == [
        "Dev",
        "Staging",
        "Prod",
    ]
    assert told["ExecutionMode"] == "SUPERSEDED"


def test_the_stacks_that_the_engine_rolls_out_are_those_of_the_environment_alone() -> None:
    """Or an environment that is deployed by itself would take away what the pipeline imports."""
    alone = synthesise("prod")
    assert template("delivery", "BlueGreenCanary-prod")["Outputs"] == alone.canary["Outputs"]
    assert template("delivery", "BlueGreenCanary-prod") == alone.canary
    assert template("delivery", "BlueGreenSlots-prod") == alone.slots


def test_the_service_keeps_its_release_as_a_parameter_and_no_template_names_one() -> None:
    """I2: the template is the same before and after any number of releases."""
    service = template("delivery", "BlueGreenService-prod")
    assert service["Parameters"]["ImageDigest"]["Default"] == ":bootstrap"
    images = [
        json.dumps(container["Image"])
        for one in service["Resources"].values()
        if one["Type"] == "AWS::ECS::TaskDefinition"
        for container in one["Properties"]["ContainerDefinitions"]
    ]
    assert images
    assert all('{"Ref": "ImageDigest"}' in image for image in images)


def test_the_pipeline_stack_is_as_reviewed(snapshot: SnapshotAssertion) -> None:
    assert scrubbed(pipeline_of("delivery")) == snapshot(extension_class=JSONSnapshotExtension)


def test_what_holds_artefacts_and_the_pipeline_itself_never_change_their_ids() -> None:
    resources = pipeline_of("delivery")["Resources"]
    kept = {"AWS::CodePipeline::Pipeline", "AWS::S3::Bucket", "AWS::KMS::Key"}
    assert {name: one["Type"] for name, one in resources.items() if one["Type"] in kept} == KEPT


KEPT = {
    "DeliveryArtefactsDA07B74B": "AWS::S3::Bucket",
    "DeliveryArtefactsKey7F09DAD2": "AWS::KMS::Key",
    "Delivery202F2198": "AWS::CodePipeline::Pipeline",
}


@pytest.mark.parametrize("name", list(DELIVERIES))
def test_each_acknowledgement_is_on_one_resource_and_names_an_alternative(name: str) -> None:
    stack = f"BlueGreenPipeline-{DELIVERIES[name].name}"
    listed = acknowledgements(delivered(name) / f"{stack}.metadata.json")
    assert listed
    for (place, rule), reason in listed:
        assert "/" in place, f"{rule} is acknowledged on a whole stack"
        assert "considered" in reason, (place, rule, reason)


def test_every_stop_is_at_an_environment_that_there_is() -> None:
    for delivery in DELIVERIES.values():
        assert {stop.environment for stop in delivery.stops} <= set(ENVIRONMENTS)
    assert not set(DELIVERIES) & set(ENVIRONMENTS)


def test_a_release_is_no_business_of_a_delivery() -> None:
    with pytest.raises(ConfigurationError, match="and its stacks keep theirs: leave -c release out"):
        build(cdk.App(), environment="delivery", release="1.4.2")


def test_a_wrong_name_is_refused_with_environments_and_deliveries() -> None:
    with pytest.raises(ConfigurationError, match="choose one of rehearsal, dev, staging, prod, delivery, rehearsal-"):
        build(cdk.App(), environment="nowhere", release=None)
    with pytest.raises(ConfigurationError, match="choose one of rehearsal, dev, staging, prod, with"):
        chosen("delivery")


def test_a_bake_without_the_service_whose_alarms_it_watches_is_refused() -> None:
    from datetime import timedelta  # noqa: PLC0415

    with pytest.raises(ConfigurationError, match="bakes and ships no service, whose alarms it would watch"):
        Stop(name="Prod", environment="prod", ships=("canary",), bake=timedelta(minutes=1))


class TestBootstraps:
    """Environments whose accounts are bootstrapped with a qualifier of their own."""

    @staticmethod
    def built(monkeypatch: pytest.MonkeyPatch, context: dict[str, str] | None = None, **qualifiers: str) -> cdk.App:
        places = {
            name: replace(place, qualifier=qualifiers.get(name, place.qualifier))
            for name, place in ENVIRONMENTS.items()
        }
        monkeypatch.setattr(environments, "ENVIRONMENTS", places)
        app = cdk.App(context={**settings(), **(context or {})})
        build(app, environment="delivery", release=None)
        return app

    def test_the_qualifier_of_the_environments_reaches_every_stack_and_the_pipelines_roles(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = self.built(monkeypatch, dev="team1", staging="team1", prod="team1")
        stacks = [one for one in app.node.children if isinstance(one, cdk.Stack)]
        assert {one.synthesizer.bootstrap_qualifier for one in stacks} == {"team1"}
        (pipeline,) = [one for one in stacks if one.stack_name == "BlueGreenPipeline-delivery"]
        told = json.dumps(Template.from_stack(pipeline).to_json())
        assert "cdk-team1-file-publishing-role-" in told
        assert "cdk-team1-cfn-exec-role-" in told
        assert "hnb659fds" not in told

    def test_environments_that_name_none_have_the_apps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        app = self.built(monkeypatch, {"@aws-cdk/core:bootstrapQualifier": "team1"}, prod="team1")
        stacks = [one for one in app.node.children if isinstance(one, cdk.Stack)]
        assert {one.synthesizer.bootstrap_qualifier for one in stacks} == {"team1"}

    @pytest.mark.parametrize("given", [{"dev": "team1"}, {"dev": "team1", "staging": "team1", "prod": "team2"}])
    def test_environments_of_different_bootstraps_are_refused(
        self, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
    ) -> None:
        of = {name: given.get(name, "hnb659fds") for name in ("dev", "staging", "prod")}
        listed = ", ".join(f"{name} {qualifier}" for name, qualifier in of.items())
        said = f"the environments of one delivery have bootstraps with different qualifiers ({listed}): give them"
        with pytest.raises(ConfigurationError, match=re.escape(said)):
            self.built(monkeypatch, **given)
