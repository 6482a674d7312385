"""Applications with slots to test: made with one call, changed by keyword."""

from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template

from bluegreen_constructs import AppServiceSlots, Ingress, Plan, Slot, WebApp
from tests.canary_service import new_stack, vpc_in

SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:{}-AbCdEf"
INGRESS = Ingress(host="www.example.com", health_path="/ready", plain_http=True)


def web_app(**changes: object) -> WebApp:
    return WebApp(**{"image": ecs.ContainerImage.from_registry("registry/inference:1.0.0"), "port": 8080, **changes})


def cluster_in(stack: cdk.Stack) -> ecs.ICluster:
    known = stack.node.try_find_child("Cluster")
    return known or ecs.Cluster(stack, "Cluster", vpc=vpc_in(stack))  # type: ignore[return-value]


def two_slots(**staging: object) -> list[Slot]:
    return [Slot("production"), Slot("staging", **staging)]  # type: ignore[arg-type]


def secret(stack: cdk.Stack, name: str) -> secretsmanager.ISecret:
    known = stack.node.try_find_child(name)
    return known or secretsmanager.Secret.from_secret_complete_arn(stack, name, SECRET_ARN.format(name))  # type: ignore[return-value]


def pinned(stack: cdk.Stack, name: str, version: str = "v1") -> ecs.Secret:
    return ecs.Secret.from_secrets_manager_version(secret(stack, name), ecs.SecretVersionInfo(version_id=version))


def application(stack: cdk.Stack | None = None, id: str = "Web", **options: object) -> AppServiceSlots:
    stack = stack or new_stack()
    settings: dict[str, object] = {
        "plan": Plan(),
        "app": web_app(),
        "slots": two_slots(),
        "ingress": INGRESS,
        **options,
    }
    if "cluster" not in settings:
        settings["cluster"] = cluster_in(stack)
    return AppServiceSlots(stack, id, **settings)  # type: ignore[arg-type]


def template(of: AppServiceSlots) -> Template:
    return Template.from_stack(cdk.Stack.of(of))


@cache
def of_slots() -> Template:
    """Two slots, all defaults."""
    return template(application())
