"""CodeDeploy's calls to Elastic Load Balancing, made for real against the emulator's gateway."""

from collections.abc import Mapping
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from ..ecs.deployment_plan import mappings
from .listener_rules import check_primary, pairs_rules, rewritten
from .refusals import StepFailedError

_CODE = "ELASTIC_LOAD_BALANCING_INVALID"


class ElbClient(Protocol):
    """The methods of boto3's elbv2 client that are used."""

    def describe_target_groups(self, *, Names: list[str]) -> dict[str, object]: ...  # noqa: N803
    def describe_rules(self, *, ListenerArn: str) -> dict[str, object]: ...  # noqa: N803
    def modify_rule(self, *, RuleArn: str, Actions: list[dict[str, object]]) -> object: ...  # noqa: N803
    def modify_listener(self, *, ListenerArn: str, DefaultActions: list[dict[str, object]]) -> object: ...  # noqa: N803


class ListenerCalls:
    """Listeners and target groups, as CodeDeploy uses them. Every method may raise StepFailedError."""

    def __init__(self, client: ElbClient) -> None:
        self._client = client

    def groups(self, names: tuple[str, str]) -> tuple[str, str]:
        """The ARNs of two target groups, in the order of their names."""
        try:
            found = mappings(self._client.describe_target_groups(Names=list(names)).get("TargetGroups"))
            by_name = {str(group["TargetGroupName"]): str(group["TargetGroupArn"]) for group in found}
            return by_name[names[0]], by_name[names[1]]
        except (ClientError, BotoCoreError, KeyError) as error:
            raise _elb_error(f"One or more target groups not found: {', '.join(names)} ({error})") from error

    def check_primary(self, listener: str, groups: tuple[str, str], primary: str) -> None:
        """Fail when the primary task set's group is not behind the listener."""
        check_primary(listener, self._rules(listener), groups, primary)

    def shift(self, listener: str, shares: Mapping[str, float]) -> None:
        """Make every rule of the listener that forwards to one of the groups forward to `shares` (percent by group).

        A rule is read first and written only when it differs; each write carries the whole list of actions.
        """
        first, second = shares
        for rule in pairs_rules(self._rules(listener), (first, second)):
            actions = rewritten(rule, shares)
            if actions is None:
                continue
            try:
                if rule.get("IsDefault"):
                    self._client.modify_listener(ListenerArn=listener, DefaultActions=actions)
                else:
                    self._client.modify_rule(RuleArn=str(rule["RuleArn"]), Actions=actions)
            except (ClientError, BotoCoreError) as error:
                raise _elb_error(str(error)) from error

    def _rules(self, listener: str) -> tuple[Mapping[str, object], ...]:
        try:
            return mappings(self._client.describe_rules(ListenerArn=listener).get("Rules"))
        except (ClientError, BotoCoreError) as error:
            raise _elb_error(str(error)) from error


def _elb_error(said: str) -> StepFailedError:
    return StepFailedError(_CODE, f"The ELB could not be updated due to the following error: {said}")
