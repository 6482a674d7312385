"""All scenarios, in the order in which `--scenario all` plays them."""

from .scenarios.ab_test import AbTest
from .scenarios.canary_abort import CanaryAbort
from .scenarios.canary_common_incident import CanaryCommonIncident
from .scenarios.canary_engine_killed import CanaryEngineKilled
from .scenarios.canary_low_traffic import CanaryLowTraffic
from .scenarios.canary_release import CANARY_RELEASES, FLEET_RELEASES
from .scenarios.canary_rollback import CanaryRollback
from .scenarios.code_deploy_ecs import CodeDeployEcs
from .scenarios.destroy import Destroy
from .scenarios.ecs_adoption import Adopt, Leave
from .scenarios.ecs_judged import ECS_JUDGED
from .scenarios.ecs_releases import ECS_RELEASES
from .scenarios.engine_upgraded import EngineUpgraded
from .scenarios.pipeline_bad import PipelineBad
from .scenarios.pipeline_bad_model import PipelineBadModel
from .scenarios.pipeline_good import PipelineGood
from .scenarios.redeploy_mid_rollout import RedeployMidRollout
from .scenarios.scenario import Catalogue
from .scenarios.slots_back import SlotsKilledAtCommit, SlotsRollbackInBake
from .scenarios.slots_redeploy import SlotsRedeployAfterSwap
from .scenarios.slots_refused import SlotsBadWarmUp, SlotsPreviewCancel
from .scenarios.slots_swap import SlotsSwap, SlotsSwapBack

# One good release after the other goes live, so that each scenario begins with what the one before has left; the engine
# is exchanged last.
CATALOGUE = Catalogue(
    (
        *ECS_RELEASES,
        RedeployMidRollout(),
        Adopt(),
        Leave(),
        *ECS_JUDGED,
        SlotsSwap(),
        SlotsSwapBack(),
        SlotsPreviewCancel(),
        SlotsBadWarmUp(),
        SlotsRollbackInBake(),
        SlotsKilledAtCommit(),
        SlotsRedeployAfterSwap(),
        CANARY_RELEASES[0],
        CanaryRollback(),
        *CANARY_RELEASES[1:],
        CanaryCommonIncident(),
        CanaryLowTraffic(),
        CanaryAbort(),
        CanaryEngineKilled(),
        AbTest(),
        PipelineGood(),
        PipelineBad(),
        PipelineBadModel(),
        *FLEET_RELEASES,
        CodeDeployEcs(),
        EngineUpgraded(),
        Destroy(),
    )
)
