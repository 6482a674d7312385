"""Any sequence of events, faults and hands on the weights: the stack never moves an answer (I2, I7)."""

import hypothesis.strategies as st
from fake_route53 import FakeRoute53, KilledError
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from weighted_records_stack import MARK, NAME, Stack, properties, side, simple

from bluegreen_constructs.engine.target_settings import SIDES
from bluegreen_constructs.engine.weighted_records import weights_for

FAULTS = st.lists(
    st.sampled_from(
        [*["none"] * 3, "throttle", "busy", "busy with effect", "denied", "failure", "timeout", "timeout with effect"]
    ),
    max_size=6,
)
TEMPLATES = st.builds(
    lambda blue, green, name: properties(
        Blue=side("blue", HealthCheckId=blue), Green=side("green", HealthCheckId=green), RecordName=name
    ),
    st.sampled_from(["check-blue", "check-new"]),
    st.sampled_from(["check-green", "check-new", "gone"]),
    st.sampled_from([NAME, NAME, NAME, "other.example.com"]),
)
HEALTHY = TEMPLATES.filter(lambda one: "gone" not in str(one) and one["RecordName"] == NAME)
PERCENTS = st.integers(0, 100)


class StackLife(RuleBasedStateMachine):
    """CloudFormation's behaviour: an event at a time, a rollback after a failed update, late copies of events."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = Stack(FakeRoute53())
        self.dns = self.stack.dns
        self.dns.put(simple("MX"))
        self.dns.put(simple(name=f"1.{NAME}"))
        self.template: dict = {}
        self.weights = (100, 0)
        self.live = "blue"
        self.late: list[dict] = []

    def deliver(self, event: dict, faults: list[str]) -> dict:
        self.dns.faults = list(faults)
        answer = self.stack.send(event)
        self.dns.faults = []
        if answer["Status"] == "SUCCESS":
            self.late.append(event)
        return answer

    def settled(self, template: dict) -> None:
        """After a success: both records lead where the template says, with the weights that were in force."""
        records = self.stack.records()
        assert records.is_whole
        for one in SIDES:
            assert records.sides[one]["HealthCheckId"] == template[one.title()]["HealthCheckId"]
            assert records.sides[one]["AliasTarget"]["DNSName"] == f"{template[one.title()]['DnsName'].lower()}."
        self.template = template

    @initialize(template=HEALTHY, faults=FAULTS)
    def create(self, template: dict, faults: list[str]) -> None:
        for attempt in (faults, []):
            if self.deliver(self.stack.event("Create", template), attempt)["Status"] == "SUCCESS":
                break
            assert self.stack.delete(template)["Status"] == "SUCCESS"
        self.settled(template)

    @rule(percent=PERCENTS, live=st.sampled_from(SIDES))
    def an_operator_moves_answers(self, percent: int, live: str) -> None:
        self.shifted(percent, live)

    def shifted(self, percent: int, live: str) -> None:
        records = self.stack.records()
        batch = records.changed(weights_for(percent, "blue"), records.next_mark(live=live))  # type: ignore[arg-type]
        meanwhile, self.dns.before_change = self.dns.before_change, []
        faults, self.dns.faults = self.dns.faults, []
        self.dns.change_resource_record_sets(HostedZoneId="Z1", ChangeBatch={"Changes": batch})
        self.dns.before_change, self.dns.faults = meanwhile, faults
        self.weights, self.live = (percent, 100 - percent), live

    @rule(template=TEMPLATES, faults=FAULTS, meanwhile=st.lists(PERCENTS, max_size=2))
    def update(self, template: dict, faults: list[str], meanwhile: list[int]) -> None:
        former, template = self.template, self.with_its_load_balancers(template)
        self.dns.before_change = [lambda percent=one: self.shifted(percent, self.live) for one in meanwhile]
        event = self.stack.event("Update", template, former)
        answer = self.deliver(event, faults)
        self.dns.before_change = []
        if answer["Status"] == "SUCCESS":
            self.settled(template)
        else:
            self.roll_back(former, template)

    @rule(template=HEALTHY, kill_at=st.integers(0, 3), after=st.booleans(), redelivered=st.booleans())
    def update_that_is_killed(self, template: dict, kill_at: int, after: bool, redelivered: bool) -> None:
        former, template = self.template, self.with_its_load_balancers(template)
        event = self.stack.event("Update", template, former)
        try:
            answer = self.deliver(event, ["none"] * kill_at + ["killed after" if after else "killed before"])
        except KilledError:
            self.dns.faults = []
            answer = self.stack.send(event) if redelivered else {"Status": "FAILED"}
        if answer["Status"] == "SUCCESS":
            self.settled(template)
        else:
            self.roll_back(former, template)

    @rule(name=st.sampled_from(SIDES), load_balancer=st.sampled_from(["a", "b", "c"]))
    def update_of_a_load_balancer(self, name: str, load_balancer: str) -> None:
        """Of a side with traffic it is refused, and CloudFormation's way back is free."""
        former, key = self.template, name.title()
        template = former | {key: former[key] | {"DnsName": f"{name}-{load_balancer}.elb.amazonaws.com"}}
        is_free = template == former or not self.weights[SIDES.index(name)]  # type: ignore[arg-type]
        answer = self.deliver(self.stack.event("Update", template, former), [])
        assert answer["Status"] == ("SUCCESS" if is_free else "FAILED")
        if is_free:
            self.settled(template)
        else:
            self.roll_back(former, template)

    def with_its_load_balancers(self, template: dict) -> dict:
        names = {key: self.template[key]["DnsName"] for key in ("Blue", "Green")}
        return template | {key: template[key] | {"DnsName": name} for key, name in names.items()}

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def late_copy(self, data: st.DataObject) -> None:
        """Of one that was answered well; its mark is remembered for the last fourteen."""
        before = len(self.dns.writes())
        self.stack.send(data.draw(st.sampled_from(self.late[-7:])))
        assert len(self.dns.writes()) == before

    @rule(percent=PERCENTS)
    def somebody_takes_the_mark_away(self, percent: int) -> None:
        """The next update that changes something brings it back, and knows no request that came before."""
        self.shifted(percent, "blue" if percent >= 50 else "green")
        self.dns.take(name=MARK, kind="TXT")
        self.late.clear()
        assert self.stack.update(self.template, self.template)["Status"] == "SUCCESS"
        self.settled(self.template)

    def roll_back(self, former: dict, template: dict) -> None:
        """CloudFormation goes back."""
        assert self.deliver(self.stack.event("Update", former, template), [])["Status"] == "SUCCESS"
        self.settled(former)

    @invariant()
    def answers_are_where_an_operator_left_them(self) -> None:
        if self.template:
            assert self.stack.weights() == self.weights
            assert self.stack.mark().live == self.live

    @invariant()
    def what_is_somebody_elses_is_untouched(self) -> None:
        assert {("shop.example.com.", "MX", ""), ("1.shop.example.com.", "A", "")} <= set(self.dns.sets)

    def teardown(self) -> None:
        if self.template:
            assert self.stack.delete(self.template)["Status"] == "SUCCESS"
            assert self.stack.delete(self.template)["Status"] == "SUCCESS"
            assert len(self.dns.sets) == 2
        for zone in self.dns.history:
            weights = [one["Weight"] for one in zone.values() if "Weight" in one]
            assert len(weights) in {0, 2}
            assert not weights or sum(weights) == 100


StackLife.TestCase.settings = settings(
    max_examples=100, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnySequenceOfEvents = StackLife.TestCase
