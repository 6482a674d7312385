"""Any sequence of events, faults and hands on the weights: the template's stack never moves live traffic (I2)."""

import hypothesis.strategies as st
from fake_elbv2 import FakeElbv2, KilledError
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from traffic_rule_stack import BLUE, GREEN, LISTENER, OTHER_LISTENER, Stack, path, properties

FAULTS = st.lists(
    st.sampled_from(["none", "none", "none", "throttle", "denied", "failure", "timeout", "timeout with effect"]),
    max_size=8,
)
TEMPLATES = st.builds(
    properties,
    ListenerArn=st.sampled_from([LISTENER, LISTENER, OTHER_LISTENER]),
    Priority=st.sampled_from(["10", "20", "30"]),
    Conditions=st.sampled_from([path("/*"), path("/v2/*"), properties()["Conditions"]]),
    InitialCandidateWeight=st.sampled_from(["0", "50"]),
    Tags=st.sampled_from([[], [{"Key": "team", "Value": "ml"}], [{"Key": "owner", "Value": "me"}]]),
)
WEIGHTS = st.integers(0, 100)


class StackLife(RuleBasedStateMachine):
    """CloudFormation's behaviour: an event at a time, a rollback after a failed update, late copies of events."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = Stack(FakeElbv2(LISTENER, OTHER_LISTENER))
        self.elb = self.stack.elb
        self.template: dict = {}
        self.published = ""  # the ARN that CloudFormation told to whoever moves traffic
        self.live: dict[str, int] = {}
        self.late: list[dict] = []
        self.deployment = 0  # where in `late` the events of the deployment in flight begin
        self.foreign: dict[str, dict] = {}

    def deliver(self, event: dict, faults: list[str]) -> dict:
        self.elb.faults = list(faults)
        answer = self.stack.send(event)
        self.elb.faults = []
        return answer

    def can_come_late(self, event: dict, answer: dict, faults: list[str]) -> None:
        """A request that failed because AWS failed may have left no mark, and is not remembered."""
        if answer["Status"] == "SUCCESS" or not faults:
            self.late.append(event)

    def settled(self, template: dict, answer: dict) -> None:
        """After a success: one rule, as the template says, with the weights that were in force."""
        mine = self.stack.the_rule()
        assert mine["ListenerArn"] == template["ListenerArn"]
        assert mine["Priority"] == template["Priority"]
        assert mine["Conditions"] == template["Conditions"]
        tags = self.elb.tags[mine["RuleArn"]]
        assert {k: v for k, v in tags.items() if not k.startswith("bluegreen:")} == {
            tag["Key"]: tag["Value"] for tag in template["Tags"]
        }
        assert answer["Data"]["RuleArn"] == mine["RuleArn"]
        if self.template["ListenerArn"] != template["ListenerArn"]:
            # Lambda drops an event after two minutes: no copy from before this deployment arrives after it.
            self.late = self.late[self.deployment :]
        self.template, self.published = template, mine["RuleArn"]
        assert self.stack.weights() == self.live

    @initialize(template=TEMPLATES, faults=FAULTS)
    def create(self, template: dict, faults: list[str]) -> None:
        for attempt in (faults, []):
            event = self.stack.event("Create", template)
            answer = self.deliver(event, attempt)
            if answer["Status"] == "SUCCESS":
                break
            assert self.stack.delete(template)["Status"] == "SUCCESS"
            assert self.stack.own_rules() == []
        weight = int(template["InitialCandidateWeight"])
        self.live = {BLUE: 100 - weight, GREEN: weight}
        self.template = template
        self.settled(template, answer)
        self.late.append(event)

    @rule(weight=WEIGHTS)
    def somebody_moves_traffic(self, weight: int) -> None:
        self.live = {BLUE: 100 - weight, GREEN: weight}
        self.elb.set_weights(self.published, self.live)

    @rule(priority=st.sampled_from([10, 20, 30]))
    def somebody_takes_a_priority(self, priority: int) -> None:
        if not any(held["Priority"] == str(priority) for held in self.elb.rules_on(LISTENER)):
            arn = self.elb.add_rule(LISTENER, priority)
            self.foreign[arn] = dict(self.elb.rules[arn])

    @rule()
    def somebody_frees_the_priorities(self) -> None:
        for arn in self.foreign:
            self.elb.delete_rule(RuleArn=arn)
        self.foreign = {}

    @rule(template=TEMPLATES, faults=FAULTS, rollback_faults=FAULTS, weight=WEIGHTS)
    def update(self, template: dict, faults: list[str], rollback_faults: list[str], weight: int) -> None:
        former = self.template
        event = self.stack.event("Update", template, former)
        self.deployment = len(self.late)
        answer = self.deliver(event, faults)
        self.can_come_late(event, answer, faults)
        if answer["Status"] == "SUCCESS":
            self.settled(template, answer)
            return
        self.somebody_moves_traffic_if_it_can(weight)
        self.roll_back(former, template, rollback_faults)

    @rule(template=TEMPLATES, faults=FAULTS, weight=WEIGHTS)
    def update_that_another_resource_fails(self, template: dict, faults: list[str], weight: int) -> None:
        former = self.template
        self.update(template, [], [], weight)
        if self.template is template:
            self.somebody_moves_traffic(weight)
            self.roll_back(former, template, faults)

    @rule(template=TEMPLATES, weight=WEIGHTS, kill_at=st.integers(0, 7), after=st.booleans(), redelivered=st.booleans())
    def update_that_is_killed(self, template: dict, weight: int, kill_at: int, after: bool, redelivered: bool) -> None:
        former = self.template
        event = self.stack.event("Update", template, former)
        self.deployment = len(self.late)
        faults = ["none"] * kill_at + ["killed after" if after else "killed before"]
        try:
            answer = self.deliver(event, faults)
        except KilledError:
            self.elb.faults = []
            self.somebody_moves_traffic_if_it_can(weight)
            answer = self.stack.send(event) if redelivered else {"Status": "FAILED"}
        if answer["Status"] == "SUCCESS":
            self.late.append(event)
            self.settled(template, answer)
            return
        self.roll_back(former, template, [])

    @rule()
    def same_update(self) -> None:
        before = len(self.elb.writes())
        self.settled(self.template, self.stack.update(self.template, self.template))
        assert len(self.elb.writes()) == before

    @precondition(lambda self: self.late)
    @rule(data=st.data(), faults=FAULTS)
    def late_copy(self, data: st.DataObject, faults: list[str]) -> None:
        event = data.draw(st.sampled_from(self.late))
        before = len(self.elb.writes())
        self.deliver(event, faults)
        assert len(self.elb.writes()) == before
        assert self.stack.weights() == self.live

    def roll_back(self, former: dict, template: dict, faults: list[str]) -> None:
        """CloudFormation goes back; a rollback that AWS refuses is continued by the operator until it succeeds."""
        for attempt in (faults, [], []):
            event = self.stack.event("Update", former, template)
            answer = self.deliver(event, attempt)
            self.can_come_late(event, answer, attempt)
            if answer["Status"] == "SUCCESS":
                break
            self.somebody_frees_the_priorities()
        assert answer["Status"] == "SUCCESS"
        self.settled(former, answer)

    def somebody_moves_traffic_if_it_can(self, weight: int) -> None:
        if self.published in self.elb.rules:
            self.somebody_moves_traffic(weight)

    @invariant()
    def no_call_after_create_carries_actions(self) -> None:
        for operation, arguments in self.elb.calls:
            assert operation == "CreateRule" or "Actions" not in arguments

    @invariant()
    def foreign_rules_are_untouched(self) -> None:
        assert all(self.elb.rules[arn] == held for arn, held in self.foreign.items())

    def teardown(self) -> None:
        if self.template:
            self.elb.fault_of = {"DeleteRule": "throttle"}
            assert self.stack.delete(self.template)["Status"] == "SUCCESS"
            assert self.stack.delete(self.template)["Status"] == "SUCCESS"
            assert self.stack.own_rules() == []
            self.foreign_rules_are_untouched()


StackLife.TestCase.settings = settings(
    max_examples=120, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnySequenceOfEvents = StackLife.TestCase
