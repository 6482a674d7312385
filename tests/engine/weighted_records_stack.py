"""A stack that sends RegionSwitch's handler the events CloudFormation would send, and keeps the answers."""

import json
from collections.abc import Callable

from botocore.exceptions import BotoCoreError
from fake_route53 import FakeRoute53
from traffic_rule_stack import STACK_ID

from bluegreen_constructs.engine.aws.route53_records import Route53Records
from bluegreen_constructs.engine.handlers.weighted_records import serve
from bluegreen_constructs.engine.patience import Patience
from bluegreen_constructs.engine.record_mark import RecordMark, owner_of
from bluegreen_constructs.engine.weighted_records import WeightedRecords, found

NAME = "shop.example.com"
MARK = f"_bluegreen.{NAME}"
OWNER = owner_of(STACK_ID, "Switch")


class Stack:
    """One custom resource of one stack, on its own clock."""

    def __init__(self, dns: FakeRoute53 | None = None, seconds: float = 130.0) -> None:
        self.dns = dns or FakeRoute53()
        self.physical_id: str | None = None
        self.on_pause: Callable[[float], object] = lambda _seconds: None  # what others do meanwhile
        self.seconds = seconds
        self._left = seconds
        self._requests = 0

    def event(self, kind: str, properties: dict, former: dict | None = None) -> dict:
        self._requests += 1
        event = {
            "RequestType": kind,
            "RequestId": f"5b478418-9ee4-48c8-9cc7-{self._requests:012d}",
            "StackId": STACK_ID,
            "LogicalResourceId": "Switch",
            "ResourceType": "Custom::WeightedRecords",
            "ResponseURL": "https://cloudformation-custom-resource-response.example/secret",
            "ResourceProperties": {"ServiceToken": "arn", "ServiceTimeout": "300", **properties},
        }
        if former is not None:
            event["OldResourceProperties"] = {"ServiceToken": "arn", "ServiceTimeout": "300", **former}
        if kind != "Create":
            event["PhysicalResourceId"] = self.physical_id
        return event

    def zone(self) -> Route53Records:
        patience = Patience(lambda: self._left, self._pause, seconds_per_call=45)
        return Route53Records(self.dns, patience, (BotoCoreError,), has_new_role=True)

    def send(self, event: dict) -> dict:
        """Deliver the event to a fresh run of the handler; the answer it gives."""
        self._left = self.seconds
        sent: list[dict] = []

        def keep(url: str, body: bytes) -> None:
            assert url == event["ResponseURL"]
            sent.append(json.loads(body))

        serve(event, zone=self.zone, send=keep, pause=self._pause)
        (answer,) = sent
        assert self.physical_id in (None, answer["PhysicalResourceId"])
        self.physical_id = answer["PhysicalResourceId"]
        return answer

    def create(self, wanted: dict) -> dict:
        return self.send(self.event("Create", wanted))

    def update(self, wanted: dict, former: dict) -> dict:
        return self.send(self.event("Update", wanted, former))

    def delete(self, wanted: dict) -> dict:
        return self.send(self.event("Delete", wanted))

    def records(self) -> WeightedRecords:
        seen = found(list(self.dns.sets.values()), NAME, OWNER)
        assert seen is not None
        return seen

    def mark(self) -> RecordMark:
        return self.records().mark

    def weights(self) -> tuple[int, int]:
        """As they are in the zone: blue, green."""
        sides = self.records().sides
        return sides["blue"]["Weight"], sides["green"]["Weight"]

    def _pause(self, seconds: float) -> None:
        if seconds:
            self.on_pause(seconds)
        self._left -= seconds


def properties(**changes: object) -> dict:
    """The custom resource's properties as CloudFormation delivers them."""
    return {"HostedZoneId": "Z1", "RecordName": NAME, "Blue": side("blue"), "Green": side("green"), **changes}


def side(name: str, **changes: str) -> dict:
    made = {"DnsName": f"{name.title()}-1.elb.amazonaws.com", "ZoneId": f"Z{name.upper()}"}
    return made | {"HealthCheckId": f"check-{name}"} | changes


def simple(kind: str = "A", name: str = NAME, **others: object) -> dict:
    """A record that somebody made by hand."""
    values = {"A": "192.0.2.1", "AAAA": "2001:db8::1", "TXT": '"v=spf1 -all"'}
    one = {
        "Name": name,
        "Type": kind,
        "TTL": 300,
        "ResourceRecords": [{"Value": values.get(kind, "other.example.com")}],
    }
    return one | others
