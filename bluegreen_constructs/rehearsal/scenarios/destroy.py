"""destroy: `cdk destroy` ends with nothing left, rules before groups, after a service that ran."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..application import checkout, sample_application
from ..leftovers import owned_by, rules_still_there, still_there
from ..outcome import Condition, Outcome
from ..session import DeployedApplication, Session


@dataclass(frozen=True)
class Destroy:
    """Deletes every stack of the sample application and looks for what stayed.

    The emulator refuses to delete a target group that a rule names, as ELB does: a wrong order fails the destroy.
    """

    name: ClassVar[str] = "destroy"
    about: ClassVar[str] = "cdk destroy removes every stack, and nothing of them is left"

    def play(self, session: Session) -> Outcome:
        """Destroy the application, deployed before if it was not, with all that other scenarios deployed of it."""
        sample = sample_application(checkout(session.checkout))
        deployed = session.deployed_with(sample) or [session.application(sample)]
        stacks = tuple(dict.fromkeys(stack for one in deployed for stack in one.about.stacks))
        parts = [_parts(one) for one in deployed]
        rules = [rule for part in parts for rule in part.rules]
        owned = owned_by(stacks, session.apis)
        # A look that finds nothing where everything is could not find a leftover either.
        before = len(still_there(owned, session.apis)) + len(rules_still_there(rules, session.apis))
        session.say("cdk destroy")
        result = deployed[0].destroy()
        statuses = {
            stack["StackName"]: stack["StackStatus"]
            for stack in session.apis.cloudformation.describe_stacks()["Stacks"]
            if stack["StackName"] in stacks and stack["StackStatus"] != "DELETE_COMPLETE"
        }
        left = [
            *(f"stack {name} ({status})" for name, status in statuses.items()),
            *still_there(owned, session.apis),
            *rules_still_there(rules, session.apis),
            *(found for part in parts for found in _still_running(session, part)),
        ]
        return Outcome(
            self.name,
            (
                Condition("before, every look finds what is there", before > len(owned) / 2, f"{before} found"),
                Condition("cdk destroy ends 0", result.succeeded, f"exit code {result.exit_code}"),
                Condition("nothing of the stacks is left", not left, ", ".join(left) or "nothing"),
            ),
            figures={
                "stacks": len(stacks),
                "resources": len(owned),
                "kept, as their templates say": sum(one.is_kept for one in owned),
                "seconds": f"{result.seconds:.1f}",
            },
        )


@dataclass(frozen=True)
class _Parts:
    """What of an application outlives its stack if something goes wrong: the rules, and the names of its services."""

    rules: tuple[str, ...]
    services: tuple[str, ...]


def _parts(application: DeployedApplication) -> _Parts:
    if application.about.has_target:
        target = application.target()
        return _Parts((target.rule, *target.settings.test_rule_arns), tuple(target.services.values()))
    service = application.service()
    return _Parts((service.production_rule, service.test_rule), (service.service,))


def _still_running(session: Session, parts: _Parts) -> Iterator[str]:
    """Tasks that are still processes of this machine, sockets that still listen, scaling that is still registered."""
    state = session.state()
    balancers = {rule.split("/")[2] for rule in parts.rules}
    for name in parts.services:
        tasks = state["ecs"]["services"].get(name, {"tasks": []})["tasks"]
        yield from (f"task {task['id']}" for task in tasks if task["state"] != "STOPPED")
        yield from (f"scaling of {known}" for known in state["resource_types"]["registered"] if name in known)
    for balancer in balancers:
        yield from (f"listener on {one}" for one in state["elbv2"]["endpoints"].get(balancer, {}).values())
