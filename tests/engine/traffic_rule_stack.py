"""A stack that sends TrafficRule's handler the events CloudFormation would send, and keeps the answers."""

import json
from collections.abc import Callable

from botocore.exceptions import BotoCoreError
from fake_elbv2 import FakeElbv2

from bluegreen_constructs.engine.aws.elbv2_rules import Elbv2Rules
from bluegreen_constructs.engine.handlers.traffic_rule import serve
from bluegreen_constructs.engine.patience import Patience

ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
LISTENER = f"{ELB}:listener/app/shared/50dc6c495c0c9188/f2f7dc8efc522ab2"
OTHER_LISTENER = f"{ELB}:listener/app/shared/50dc6c495c0c9188/0000000000000002"
BLUE = f"{ELB}:targetgroup/blue/1111111111111111"
GREEN = f"{ELB}:targetgroup/green/2222222222222222"
PINK = f"{ELB}:targetgroup/pink/3333333333333333"
STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/Inference/1f0a5c60-aaaa-bbbb-cccc-0a1b2c3d4e5f"
OUR_TAGS = {"bluegreen:stack": STACK_ID, "bluegreen:logical-id": "Rule"}


class Stack:
    """One custom resource of one stack, on its own clock."""

    def __init__(self, elb: FakeElbv2 | None = None, seconds: float = 130.0) -> None:
        self.elb = elb or FakeElbv2(LISTENER, OTHER_LISTENER)
        self.answers: list[dict] = []
        self.physical_id: str | None = None
        self.on_pause: Callable[[float], None] = lambda _seconds: None  # what others do meanwhile
        self.seconds = seconds
        self._left = seconds
        self._requests = 0

    def event(self, kind: str, properties: dict, former: dict | None = None) -> dict:
        self._requests += 1
        event = {
            "RequestType": kind,
            "RequestId": f"5b478418-9ee4-48c8-9cc7-{self._requests:012d}",
            "StackId": STACK_ID,
            "LogicalResourceId": "Rule",
            "ResourceType": "Custom::TrafficRule",
            "ResponseURL": "https://cloudformation-custom-resource-response.example/secret",
            "ResourceProperties": {"ServiceToken": "arn", "ServiceTimeout": "300", **properties},
        }
        if former is not None:
            event["OldResourceProperties"] = {"ServiceToken": "arn", "ServiceTimeout": "300", **former}
        if kind != "Create":
            event["PhysicalResourceId"] = self.physical_id
        return event

    def send(self, event: dict) -> dict:
        """Deliver the event to a fresh run of the handler; the answer it gives."""
        self._left = self.seconds
        patience = Patience(lambda: self._left, self._pause, seconds_per_call=45)
        sent: list[dict] = []

        def keep(url: str, body: bytes) -> None:
            assert url == event["ResponseURL"]
            assert len(body) <= 4096
            sent.append(json.loads(body))

        serve(event, rules=lambda: Elbv2Rules(self.elb, patience, (BotoCoreError,)), send=keep, pause=self._pause)
        (answer,) = sent
        assert answer["RequestId"] == event["RequestId"]
        assert self.physical_id in (None, answer["PhysicalResourceId"])
        self.physical_id = answer["PhysicalResourceId"]
        self.answers.append(answer)
        return answer

    def create(self, properties: dict) -> dict:
        return self.send(self.event("Create", properties))

    def update(self, properties: dict, former: dict) -> dict:
        return self.send(self.event("Update", properties, former))

    def delete(self, properties: dict) -> dict:
        return self.send(self.event("Delete", properties))

    def own_rules(self) -> list[dict]:
        """The rules with our tags, on whichever listener."""
        return [rule for arn, rule in self.elb.rules.items() if OUR_TAGS.items() <= self.elb.tags[arn].items()]

    def the_rule(self) -> dict:
        (rule,) = self.own_rules()
        return rule

    def weights(self) -> dict[str, int]:
        groups = self.the_rule()["Actions"][-1]["ForwardConfig"]["TargetGroups"]
        return {group["TargetGroupArn"]: group["Weight"] for group in groups}

    def _pause(self, seconds: float) -> None:
        if seconds:
            self.on_pause(seconds)
        self._left -= seconds


def properties(**changes: object) -> dict:
    """The custom resource's properties as CloudFormation delivers them: numbers as strings."""
    return {
        "ListenerArn": LISTENER,
        "Priority": "10",
        "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": ["predict.example.com"]}}],
        "Blue": BLUE,
        "Green": GREEN,
        "InitialCandidateWeight": "0",
        **changes,
    }


def path(pattern: str) -> list[dict]:
    return [{"Field": "path-pattern", "PathPatternConfig": {"Values": [pattern]}}]
