"""All scenarios, in the order in which `--scenario all` plays them."""

from .scenarios.destroy import Destroy
from .scenarios.ecs_releases import ECS_RELEASES
from .scenarios.redeploy_mid_rollout import RedeployMidRollout
from .scenarios.scenario import Catalogue

CATALOGUE = Catalogue((*ECS_RELEASES, RedeployMidRollout(), Destroy()))
