"""Services as users of this library write them: `python -m benchmarks.synth.one_call SERVICES`."""

from aws_cdk import aws_ecs as ecs

from bluegreen_constructs import Container, EcsBlueGreenService, Ingress

from .surroundings import IMAGE, Surroundings, main


def make_service(into: Surroundings, id: str) -> None:
    """One call, everything at its defaults: canary 10 % for 5 minutes, bake 10 minutes, breaker, alarms."""
    EcsBlueGreenService(
        into.stack,
        id,
        cluster=into.cluster,
        container=Container(image=ecs.ContainerImage.from_registry(IMAGE), port=8080),
        ingress=Ingress(certificate=into.certificate),
    )


if __name__ == "__main__":
    main(make_service)
