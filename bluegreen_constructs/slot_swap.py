"""SlotSwap: a stage's deploy onto a slot of an AppServiceSlots, and its swap with production."""

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline

from .deploy_place import DeployPlace
from .engine.errors import ConfigurationError
from .engine.slot_settings import PRODUCTION
from .engine_rollout import RunByEngine, engine_action, engine_settings, longest_of_slots
from .pipeline_limits import Limit


@dataclass(frozen=True)
class SlotSwap:
    """Deploys the image to a slot, and swaps the slot with production; each waits for its end, the bake included.

    on: the `AppServiceSlots`. slot: which slot gets the release. swap: whether production gets it then (default: it
        does; False leaves it on the slot, where people look at it).

    Raises ConfigurationError, when the stage is made, for a slot that is not there, production itself, or times that
    are longer than CodePipeline waits.
    """

    on: RunByEngine
    slot: str = "staging"
    swap: bool = True

    def stacks(self) -> Sequence[cdk.Stack]:
        """None: what a swap changes is in no template."""
        return ()

    def make(self, place: DeployPlace, order: int) -> Sequence[codepipeline.IAction]:
        """An action of Step Functions for the deployment, and one for the swap."""
        settings = engine_settings(self.on, place)
        known = [] if settings.slots is None else [slot.name for slot in settings.slots.slots]
        if self.slot not in known or self.slot == PRODUCTION:
            others = ", ".join(name for name in known if name != PRODUCTION) or "none, it has no slots"
            raise ConfigurationError(
                f"SlotSwap in stage {place.stage} deploys to slot {self.slot} of {self.on.target}: give one of {others}"
            )
        Limit.STEP_FUNCTIONS.refuse_longer(
            f"a swap of {self.on.target}",
            longest_of_slots(settings),
            "give a shorter bake or canary, or swap with bluegreen slots swap",
        )
        image = place.require_image(f"SlotSwap({self.on.target})")
        what = f"{self.on.target.replace('/', '-')}.{self.slot}"
        deploy = {
            "slots": {
                "verb": "deploy",
                "slot": self.slot,
                "release": image.digest,
                "image": image.uri,
                # Where no swap follows, the slot itself is to have the release, whatever production runs.
                "unless_live": self.swap,
            }
        }
        actions = [engine_action(self.on, place, f"{what}.Deploy", order, deploy)]
        if self.swap:
            swap = {"slots": {"verb": "swap", "slot": self.slot, "release": image.digest, "unless_live": True}}
            actions.append(engine_action(self.on, place, f"{what}.Swap", order + 1, swap))
        return actions
