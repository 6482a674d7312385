"""destroy: `cdk destroy` ends with nothing left, rules before groups, after a service that ran."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..application import checkout, sample_application
from ..deployed_service import DeployedService
from ..leftovers import owned_by, rules_still_there, still_there
from ..outcome import Condition, Outcome
from ..session import Session


@dataclass(frozen=True)
class Destroy:
    """Deletes every stack of the sample application and looks for what stayed.

    The emulator refuses to delete a target group that a rule names, as ELB does: a wrong order fails the destroy.
    """

    name: ClassVar[str] = "destroy"
    about: ClassVar[str] = "cdk destroy removes every stack, and nothing of them is left"

    def play(self, session: Session) -> Outcome:
        """Destroy the application, deployed before if it was not."""
        application = session.application(sample_application(checkout(session.checkout)))
        stacks = application.about.stacks
        service = application.service()
        rules = (service.production_rule, service.test_rule)
        owned = owned_by(stacks, session.apis)
        # A look that finds nothing where everything is could not find a leftover either.
        before = len(still_there(owned, session.apis)) + len(rules_still_there(rules, session.apis))
        session.say("cdk destroy")
        result = application.destroy()
        statuses = {
            stack["StackName"]: stack["StackStatus"]
            for stack in session.apis.cloudformation.describe_stacks()["Stacks"]
            if stack["StackName"] in stacks and stack["StackStatus"] != "DELETE_COMPLETE"
        }
        left = [
            *(f"stack {name} ({status})" for name, status in statuses.items()),
            *still_there(owned, session.apis),
            *rules_still_there(rules, session.apis),
            *_still_running(session, service),
        ]
        return Outcome(
            self.name,
            (
                Condition("before, every look finds what is there", before > len(owned) / 2, f"{before} found"),
                Condition("cdk destroy ends 0", result.succeeded, f"exit code {result.exit_code}"),
                Condition("nothing of the stacks is left", not left, ", ".join(left) or "nothing"),
            ),
            figures={"stacks": len(stacks), "resources": len(owned), "seconds": f"{result.seconds:.1f}"},
        )


def _still_running(session: Session, service: DeployedService) -> Iterator[str]:
    """Tasks that are still processes of this machine, sockets that still listen, scaling that is still registered."""
    state = session.state()
    known = state["ecs"]["services"].get(service.service, {"tasks": []})
    yield from (f"task {task['id']}" for task in known["tasks"] if task["state"] != "STOPPED")
    yield from (f"listener on {one}" for one in state["elbv2"]["endpoints"].get(service.load_balancer, {}).values())
    yield from (f"scaling of {name}" for name in state["resource_types"]["registered"] if service.service in name)
