"""AppServiceSlots with everything on is clean under cdk-nag, and every acknowledgement names an alternative."""

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from bluegreen_constructs import Capacity, ErrorComparison, Plan, RolloutEngine, Slot, Step
from tests.canary_service import ENV, FLAGS, function, vpc_in
from tests.nag_findings import acknowledgements, findings
from tests.slots_application import application, pinned, web_app


@cache
def checked() -> tuple[frozenset[tuple[str, str]], dict[tuple[str, str], str]]:
    """What was found and what was acknowledged, of an application with everything on, and a planted finding."""
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder), context=FLAGS)
    stack, planted = cdk.Stack(app, "Stack", env=ENV), cdk.Stack(app, "Planted", env=ENV)
    s3.Bucket(planted, "Open")
    repository = ecr.Repository.from_repository_name(stack, "Repository", "inference")
    RolloutEngine(stack, "Engine", encryption_key=kms.Key.from_key_arn(stack, "Key", _KEY))
    application(
        stack,
        cluster=ecs.Cluster.from_cluster_attributes(stack, "Shared", cluster_name="shared", vpc=vpc_in(stack)),
        app=web_app(image=ecs.ContainerImage.from_ecr_repository(repository, "1.0.0"), environment={"LOG": "info"}),
        plan=Plan(cpu_percent=60, requests_per_target=500, execute_command=True, capacity=Capacity.spot(50)),
        slots=[
            Slot("production", max_tasks=9, secrets={"DB": pinned(stack, "production")}),
            Slot("staging", secrets={"DB": pinned(stack, "staging"), "KEY": pinned(stack, "travels")}),
            Slot("qa", secrets={"DB": pinned(stack, "staging", "v2")}),
        ],
        sticky=["DB"],
        guardrails=[ErrorComparison()],
        canary=Step(5, timedelta(minutes=10)),
        activation=function(planted, "Activation"),
    )
    found = findings(app)
    return found, dict(acknowledgements(folder / "Stack.metadata.json"))


_KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def test_an_application_with_everything_on_is_clean() -> None:
    found, _ = checked()
    assert {place for place, _ in found if place.startswith("Planted/")}
    assert sorted(one for one in found if not one[0].startswith("Planted/")) == []


def test_each_acknowledgement_is_on_one_resource_and_names_an_alternative() -> None:
    _, acknowledged = checked()
    for (place, rule), reason in acknowledged.items():
        assert "/" in place, f"{rule} is acknowledged on a whole stack"
        assert "considered" in reason or "alternative" in reason, (place, rule, reason)


def test_the_handler_may_use_the_key_of_the_table() -> None:
    folder = Path(mkdtemp(prefix="bluegreen-key-"))
    app = cdk.App(outdir=str(folder), context=FLAGS)
    stack = cdk.Stack(app, "Stack", env=ENV)
    RolloutEngine(stack, "Engine", encryption_key=kms.Key.from_key_arn(stack, "Key", _KEY))
    application(stack)
    roles = Template.from_stack(stack).find_resources("AWS::IAM::Role")
    (role,) = [one for name, one in roles.items() if name.startswith("BlueGreenSlotsRole")]
    assert _KEY in json.dumps(role)
