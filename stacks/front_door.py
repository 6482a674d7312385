"""How requests from outside reach a service of the application: its Ingress, wired once for every stack."""

from datetime import timedelta
from typing import Protocol

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm

from bluegreen_constructs import Ingress

from .environments import Environment
from .network_stack import NetworkStack


class Reached(Protocol):
    """What the settings of a service say of it."""

    @property
    def host(self) -> str | None:
        """Its name."""

    @property
    def certificate_arn(self) -> str | None:
        """The certificate of that name."""

    @property
    def internet_facing(self) -> bool:
        """Whether everybody may ask it, or the network alone."""

    @property
    def plain_http(self) -> bool:
        """Whether it answers unencrypted requests."""


def front_door(
    stack: cdk.Stack,
    settings: Reached,
    *,
    environment: Environment,
    network: NetworkStack,
    grace: timedelta | None = None,
) -> Ingress:
    """The Ingress of `settings`; from inside only the environment's own addresses connect."""
    certificate = None
    if settings.certificate_arn is not None:
        certificate = acm.Certificate.from_certificate_arn(stack, "Certificate", settings.certificate_arn)
    return Ingress(
        certificate=certificate,
        host=settings.host,
        health_path="/ready",
        grace=grace,
        internet_facing=settings.internet_facing,
        plain_http=settings.plain_http,
        access_logs=network.access_logs,
        sources=() if settings.internet_facing else (environment.network.cidr,),
    )
