"""The parameter in which a target's settings wait for the engine and the command line."""

import json
import re

import aws_cdk as cdk
from constructs import Construct

from .engine.errors import ConfigurationError
from .engine.settings_codec import settings_to_dict, settings_to_json
from .engine.target_settings import PARAMETER_PREFIX, TargetSettings

# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
_LONGEST = 8192
# A token stands for an ARN or a name, most of which are shorter.
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")
_AS_LONG_AS_AN_ARN = "x" * 140


def settings_parameter(
    scope: Construct,
    settings: TargetSettings,
    *,
    table: str,
    state_machine_arn: str,
) -> None:
    """Make the parameter `/bluegreen/targets/<target>`.

    Beside the settings it holds where the engine keeps its parts, so that the `bluegreen` command needs no other
    look-up. More than 4 KB make it a parameter of the advanced tier, which has a price.

    Raises ConfigurationError for settings that no parameter holds.
    """
    target = settings.target
    _refuse(settings_to_json(settings), target)
    value = {"settings": settings_to_dict(settings), "table": table, "state_machine": state_machine_arn}
    cdk.CfnResource(
        scope,
        "Settings",
        type="AWS::SSM::Parameter",
        properties={
            "Name": PARAMETER_PREFIX + target,
            "Type": "String",
            "Tier": "Intelligent-Tiering",
            "Description": f"How rollouts of {target} are run; written by its stack",
            # Tokens in it stand for ARNs and names, which JSON takes as they are.
            "Value": json.dumps(value, separators=(",", ":")),
        },
    )


def _refuse(text: str, target: str) -> None:
    if "{{" in text:
        raise ConfigurationError(
            f"the settings of {target} hold '{{{{', which Parameter Store reads as a reference: write it otherwise in "
            "the hooks' bodies and details"
        )
    length = len(json.dumps(_TOKEN.sub(_AS_LONG_AS_AN_ARN, text)))
    if length > _LONGEST:
        raise ConfigurationError(
            f"the settings of {target} take about {length} characters, a parameter holds {_LONGEST}: give hooks "
            "shorter bodies and details, or fewer of them; of slots, fewer"
        )
