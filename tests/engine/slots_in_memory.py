"""Families, services and parameters of an application with slots, in memory, and a stack that sends its events."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.handlers.slots_resource import serve
from bluegreen_constructs.engine.ports import LostLockError
from bluegreen_constructs.engine.slot_settings import SlotSide
from bluegreen_constructs.engine.swap.installing import Installing
from bluegreen_constructs.engine.swap.ports import DefinitionSeen, ServiceSeen
from bluegreen_constructs.engine.swap.record import SlotsRecord

ARN = "arn:aws:ecs:eu-west-1:123456789012:task-definition"
STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/Serving/11111111-0000"
FORMER_STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/Serving/00000000-0000"


def slot_content(slot: str, image: str = "registry/inference:1.0.0", role_suffix: str = "1") -> dict[str, object]:
    """What a slot's own task definition says, as DescribeTaskDefinition answers it."""
    return {
        "family": f"Serving-Web-{slot}-settings",
        "taskRoleArn": f"arn:aws:iam::123456789012:role/{slot}-{role_suffix}",
        "executionRoleArn": f"arn:aws:iam::123456789012:role/{slot}-execution-{role_suffix}",
        "cpu": "256",
        "memory": "512",
        "networkMode": "awsvpc",
        "containerDefinitions": [
            {
                "name": "app",
                "image": image,
                "essential": True,
                "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
                "environment": [{"name": "STAGE", "value": slot}, {"name": "MODEL", "value": f"of {slot}"}],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {"awslogs-group": f"{slot}-logs", "awslogs-stream-prefix": slot},
                },
            }
        ],
    }


@dataclass
class Families:
    """Task definitions by ARN, newest last; `down` makes each call fail."""

    held: dict[str, DefinitionSeen] = field(default_factory=dict)
    retired: list[str] = field(default_factory=list)
    bounds: dict[str, tuple[int, int]] = field(default_factory=dict)
    registered: list[str] = field(default_factory=list)
    fail_after_registering: int = 0
    is_down: bool = False

    def add(self, content: Mapping[str, object], tags: Mapping[str, str] | None = None) -> str:
        family = str(content["family"])
        number = 1 + sum(arn.rpartition(":")[0].endswith(f"/{family}") for arn in self.held)
        arn = f"{ARN}/{family}:{number}"
        self.held[arn] = DefinitionSeen(arn, dict(content), dict(tags or {}))
        return arn

    def revisions(self, family: str) -> Sequence[str]:
        self._answer()
        arns = [arn for arn in self.held if arn.rpartition("/")[2].rpartition(":")[0] == family]
        return [arn for arn in reversed(arns) if arn not in self.retired]

    def definition(self, name: str) -> DefinitionSeen:
        self._answer()
        return self.held[name if name in self.held else self.revisions(name)[0]]

    def register(self, content: Mapping[str, object], tags: Mapping[str, str]) -> str:
        self._answer()
        arn = self.add(content, tags)
        self.registered.append(arn)
        if self.fail_after_registering:
            self.fail_after_registering -= 1
            raise AwsError("the connection was closed")
        return arn

    def retire(self, definition: str) -> None:
        self._answer()
        self.retired.append(definition)

    def bound(self, cluster: str, side: SlotSide, minimum: int, maximum: int) -> None:
        self._answer()
        self.bounds[f"{cluster}/{side.service}"] = minimum, maximum

    def seen(self, cluster: str, side: SlotSide) -> ServiceSeen:
        raise AssertionError("no event of a stack asks what runs")

    def run(self, cluster: str, side: SlotSide, definition: str) -> None:
        raise AssertionError("no event of a stack changes what runs")

    def _answer(self) -> None:
        if self.is_down:
            raise AwsError("ECS is down")


@dataclass
class Records:
    """The engine's table; `rivals` change the record before that many saves."""

    held: dict[str, SlotsRecord] = field(default_factory=dict)
    rivals: int = 0
    puts: int = 0

    def slots(self, target: str) -> SlotsRecord | None:
        return self.held.get(target)

    def put_slots(self, record: SlotsRecord, former: SlotsRecord | None) -> SlotsRecord:
        found = self.held.get(record.target)
        if self.rivals:
            self.rivals -= 1
            if found:
                self.held[record.target] = found = replace(found, revision=found.revision + 1)
            raise LostLockError("somebody else saved it")
        if (found and (found.fence, found.revision)) != (former and (former.fence, former.revision)):
            raise LostLockError("somebody else saved it")
        self.puts += 1
        self.held[record.target] = replace(record, revision=record.revision + 1)
        return self.held[record.target]


@dataclass
class Parameters:
    """Parameter Store."""

    held: dict[str, str] = field(default_factory=dict)

    def tell(self, parameter: str, side: str) -> None:
        self.held[parameter] = side

    def forget(self, parameter: str) -> None:
        self.held.pop(parameter, None)


class SlotsStack:
    """One application's custom resources, whose events it sends to the handler."""

    def __init__(self, stack_id: str = STACK_ID) -> None:
        self.families, self.records, self.parameters = Families(), Records(), Parameters()
        self.stack_id = stack_id
        self._requests = 0

    def properties(self, *slots: str, role_suffix: str = "1", **changes: object) -> dict[str, object]:
        """Of `Custom::SlotSides`, with a new revision of each slot's own task definition."""
        names = slots or ("production", "staging")
        return {
            "ServiceToken": "arn",
            "Target": "Serving/Web",
            "Container": "app",
            "Sticky": ["STAGE"],
            "RoleParameter": "/bluegreen/slots/Serving/Web/active-side",
            "Sides": [{"Name": side, "Family": f"Serving-Web-{side}"} for side in "abcdef"[: len(names)]],
            "Slots": [
                {"Name": name, "Definition": self.families.add(slot_content(name, role_suffix=role_suffix))}
                for name in names
            ],
            **changes,
        }

    def scaling(self, *slots: str, least: int = 1, most: int = 4) -> dict[str, object]:
        """Of `Custom::SlotScaling`."""
        names = slots or ("production", "staging")
        return {
            "Target": "Serving/Web",
            "Cluster": "cluster",
            "Sides": [{"Name": side, "Service": f"service-{side}"} for side in "abcdef"[: len(names)]],
            "Slots": [
                {"Name": name, "Minimum": str(least + number), "Maximum": str(most + number)}
                for number, name in enumerate(names)
            ],
        }

    def send(
        self, kind: str, properties: object, former: object = None, resource: str = "Custom::SlotSides"
    ) -> dict[str, str]:
        """Deliver an event; the answer, which there always is."""
        self._requests += 1
        event = {
            "RequestType": kind,
            "RequestId": f"request-{self._requests}",
            "StackId": self.stack_id,
            "LogicalResourceId": "Sides",
            "ResourceType": resource,
            "ResponseURL": "https://cloudformation.example/secret",
            "ResourceProperties": properties,
        }
        if former is not None:
            event["OldResourceProperties"] = former
        sent: list[dict[str, str]] = []
        serve(event, installing=self.installing, send=lambda _, body: sent.append(json.loads(body)))
        (answer,) = sent
        return answer

    def installing(self, stack_id: str) -> Installing:
        return Installing(stack_id, self.families, self.families, self.records, self.parameters)

    @property
    def record(self) -> SlotsRecord:
        return self.records.held["Serving/Web"]

    def newest(self, side: str) -> DefinitionSeen:
        return self.families.definition(f"Serving-Web-{side}")

    def environment(self, side: str) -> dict[str, str]:
        (container,) = self.newest(side).content["containerDefinitions"]
        return {one["name"]: one["value"] for one in container["environment"]}
