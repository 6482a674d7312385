"""An Elastic Load Balancing in memory, behind the interface of a boto3 client: rules, priorities, tags, faults."""

import copy
import re
from collections.abc import Callable

from botocore.exceptions import ClientError, ReadTimeoutError

PAGE = 3


class KilledError(BaseException):
    """The process ends here; nothing after it runs, no handler of exceptions either."""


class _Exceptions:
    ClientError = ClientError


class FakeElbv2:
    """Serves the calls and records each as (operation, arguments), also those that fail."""

    exceptions = _Exceptions

    def __init__(self, *listeners: str) -> None:
        self.listeners = set(listeners)
        self.rules: dict[str, dict] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.healthy: dict[str, int] = {}  # by target group
        self.calls: list[tuple[str, dict]] = []
        self.faults: list[str] = []  # for the calls to come, in their order
        self.fault_of: dict[str, str] = {}  # for the next call of an operation
        self._made = 0

    # what tests do beside the handler

    def rules_on(self, listener: str) -> list[dict]:
        return [rule for rule in self.rules.values() if rule["ListenerArn"] == listener]

    def set_weights(self, rule_arn: str, weights: dict[str, int]) -> None:
        config = self.rules[rule_arn]["Actions"][-1]["ForwardConfig"]
        config["TargetGroups"] = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]

    def add_rule(self, listener: str, priority: int, actions: list | None = None, tags: dict | None = None) -> str:
        self._made += 1
        arn = f"{listener.replace(':listener/', ':listener-rule/')}/{self._made:016x}"
        self.rules[arn] = {
            "RuleArn": arn,
            "ListenerArn": listener,
            "Priority": str(priority),
            "Conditions": [],
            "Actions": copy.deepcopy(actions or []),
            "IsDefault": False,
        }
        self.tags[arn] = dict(tags or {})
        return arn

    def writes(self) -> list[tuple[str, dict]]:
        return [call for call in self.calls if not call[0].startswith("Describe")]

    # the client

    def describe_rules(self, **arguments: object) -> dict:
        def run() -> dict:
            listener = arguments["ListenerArn"]
            if listener not in self.listeners:
                raise _error("ListenerNotFound", f"One or more listeners not found: {listener}")
            start = int(arguments.get("Marker", 0))
            rules = sorted(self.rules_on(listener), key=lambda rule: int(rule["Priority"]))
            rules.append({"RuleArn": f"{listener}/default", "Priority": "default", "IsDefault": True})
            page = {"Rules": [_described(rule) for rule in rules[start : start + PAGE]]}
            return page | ({"NextMarker": str(start + PAGE)} if len(rules) > start + PAGE else {})

        return self._serve("DescribeRules", arguments, run)

    def describe_tags(self, **arguments: object) -> dict:
        def run() -> dict:
            assert len(arguments["ResourceArns"]) <= 20
            for arn in arguments["ResourceArns"]:
                self._known(arn)
            return {
                "TagDescriptions": [
                    {"ResourceArn": arn, "Tags": [{"Key": k, "Value": v} for k, v in self.tags[arn].items()]}
                    for arn in arguments["ResourceArns"]
                ]
            }

        return self._serve("DescribeTags", arguments, run)

    def describe_target_health(self, **arguments: object) -> dict:
        def run() -> dict:
            healthy = self.healthy.get(str(arguments["TargetGroupArn"]), 0)
            return {"TargetHealthDescriptions": [{"TargetHealth": {"State": "healthy"}}] * healthy}

        return self._serve("DescribeTargetHealth", arguments, run)

    def create_rule(self, **arguments: object) -> dict:
        def run() -> dict:
            listener = arguments["ListenerArn"]
            if listener not in self.listeners:
                raise _error("ListenerNotFound", "One or more listeners not found")
            self._free(listener, arguments["Priority"])
            arn = self.add_rule(listener, arguments["Priority"], arguments["Actions"])
            self.rules[arn]["Conditions"] = copy.deepcopy(arguments["Conditions"])
            self.tags[arn] = {tag["Key"]: tag["Value"] for tag in arguments["Tags"]}
            return {"Rules": [_described(self.rules[arn])]}

        return self._serve("CreateRule", arguments, run)

    def modify_rule(self, **arguments: object) -> dict:
        def run() -> dict:
            rule = self._known(arguments["RuleArn"])
            for part in ("Conditions", "Actions"):
                if part in arguments:
                    rule[part] = copy.deepcopy(arguments[part])
            return {"Rules": [_described(rule)]}

        return self._serve("ModifyRule", arguments, run)

    def set_rule_priorities(self, **arguments: object) -> dict:
        def run() -> dict:
            for pair in arguments["RulePriorities"]:
                rule = self._known(pair["RuleArn"])
                self._free(rule["ListenerArn"], pair["Priority"])
                rule["Priority"] = str(pair["Priority"])
            return {"Rules": []}

        return self._serve("SetRulePriorities", arguments, run)

    def add_tags(self, **arguments: object) -> dict:
        def run() -> dict:
            for arn in arguments["ResourceArns"]:
                self._known(arn)
                self.tags[arn] |= {tag["Key"]: tag["Value"] for tag in arguments["Tags"]}
                # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Tag.html
                assert all(re.fullmatch(r"[\w .:/=+\-@]{0,256}", value) for value in self.tags[arn].values())
            return {}

        return self._serve("AddTags", arguments, run)

    def remove_tags(self, **arguments: object) -> dict:
        def run() -> dict:
            for arn in arguments["ResourceArns"]:
                self._known(arn)
                for key in arguments["TagKeys"]:
                    self.tags[arn].pop(key, None)
            return {}

        return self._serve("RemoveTags", arguments, run)

    def delete_rule(self, **arguments: object) -> dict:
        def run() -> dict:
            self._known(arguments["RuleArn"])
            del self.rules[arguments["RuleArn"]]
            del self.tags[arguments["RuleArn"]]
            return {}

        return self._serve("DeleteRule", arguments, run)

    def _serve(self, operation: str, arguments: dict, run: Callable[[], dict]) -> dict:
        self.calls.append((operation, copy.deepcopy(arguments)))
        match self.fault_of.pop(operation, None) or (self.faults.pop(0) if self.faults else "none"):
            case "throttle":
                raise _error("Throttling", "Rate exceeded")
            case "denied":
                raise _error("AccessDenied", f"not authorized to perform: elasticloadbalancing:{operation}")
            case "failure":
                raise _error("InternalFailure", "the service failed")
            case "timeout with effect":
                run()
                raise ReadTimeoutError(endpoint_url="https://elasticloadbalancing")
            case "timeout":
                raise ReadTimeoutError(endpoint_url="https://elasticloadbalancing")
            case "killed before":
                raise KilledError
            case "killed after":
                run()
                raise KilledError
        return run()

    def _known(self, arn: str) -> dict:
        if arn not in self.rules:
            raise _error("RuleNotFound", f"One or more rules not found: {arn}")
        return self.rules[arn]

    def _free(self, listener: str, priority: int) -> None:
        if any(rule["Priority"] == str(priority) for rule in self.rules_on(listener)):
            raise _error("PriorityInUse", f"Priority '{priority}' is currently in use")


def _described(rule: dict) -> dict:
    """As AWS answers: host and path conditions carry their values twice, the listener is not named."""
    described = copy.deepcopy({key: value for key, value in rule.items() if key != "ListenerArn"})
    for condition in described.get("Conditions", []):
        for config in ("HostHeaderConfig", "PathPatternConfig"):
            if config in condition:
                condition["Values"] = condition[config]["Values"]
    return described


def _error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")
