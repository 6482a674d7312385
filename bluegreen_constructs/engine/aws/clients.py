"""Makes boto3 clients: the only module of the engine that imports boto3."""

from typing import TYPE_CHECKING, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

if TYPE_CHECKING:
    from .elbv2_rules import Elbv2Client

# Three tries of botocore's standard mode, 13 s at most each, and its pauses between them. Handlers keep this much of
# their time free before they start a call, so a longer wait here means less useful time there.
_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=10)
SECONDS_PER_CALL = 45.0

# What a client raises when AWS could not be reached or did not answer; what AWS answers is `client.exceptions`.
TRANSPORT_ERRORS: tuple[type[Exception], ...] = (BotoCoreError,)


def elbv2() -> "Elbv2Client":
    """Elastic Load Balancing v2; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("Elbv2Client", boto3.client("elbv2", config=_PATIENT))
