"""What starts a pipeline on a change of its source: an EventBridge rule that names the revision it saw."""

import json
import re
from collections.abc import Mapping

from aws_cdk import aws_events as events
from aws_cdk import interfaces
from constructs import Construct

from .account_arns import foreign_place
from .engine.errors import ConfigurationError
from .pipeline_parts import PipelinePlace
from .service_role import service_role

# What CodePipeline takes as the name of an action, of its variables and of its artefact alike.
# https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
# A change that could not be told for an hour may have been followed by others by then: it is started by hand.
_AGE_SECONDS = 3600
_DELIVERIES = 20


def refuse_name(kind: str, name: str) -> None:
    """Raise ConfigurationError for a name that CodePipeline would not take."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{kind} name is {name!r}: give letters, digits, hyphens and _, at most 100 of them, such as 'Source'"
        )


def refuse_elsewhere(
    scope: Construct, kind: str, what: str, arn: str, env: interfaces.ResourceEnvironment | None
) -> None:
    """Raise ConfigurationError for a source that is known to be in another account or region than the pipeline."""
    place = foreign_place(scope, arn, env)
    if place is not None:
        raise ConfigurationError(
            f"{kind} has a {what} in {place}, whose changes are announced there alone: give one of the pipeline's own "
            "account and region, such as a replica"
        )


def start_on_event(
    place: PipelinePlace,
    name: str,
    *,
    description: str,
    pattern: Mapping[str, object],
    revision_type: str,
    revision: str,
) -> None:
    """Start the pipeline on an event like `pattern`, with the revision that the event has at the path `revision`.

    Left to itself, a source action takes whatever is newest when it runs; two changes shortly after one another would
    then be one execution of the first and two of the second. The role may start this pipeline and nothing else.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-trigger-source-overrides.html

    name: of the source action that takes the revision. revision_type: CodePipeline's word for it.
    """
    pipeline = place.pipeline.pipeline_arn
    role = service_role(
        place.scope,
        "StartRole",
        services="events.amazonaws.com",
        description=f"EventBridge starts the pipeline on changes of its source {name}",
        policy="Start",
        statements=[{"Action": "codepipeline:StartPipelineExecution", "Resource": pipeline}],
    )
    override = {"actionName": name, "revisionType": revision_type, "revisionValue": "<revision>"}
    events.CfnRule(
        place.scope,
        "StartRule",
        description=description,
        event_pattern=dict(pattern),
        targets=[
            events.CfnRule.TargetProperty(
                id="Pipeline",
                arn=pipeline,
                role_arn=role.attr_arn,
                retry_policy={"maximumEventAgeInSeconds": _AGE_SECONDS, "maximumRetryAttempts": _DELIVERIES},
                # With the quotes around the variable, as CodePipeline's page writes it.
                # https://docs.aws.amazon.com/codepipeline/latest/userguide/create-cwe-ecr-source-console.html
                input_transformer=events.CfnRule.InputTransformerProperty(
                    input_paths_map={"revision": revision},
                    input_template=json.dumps({"sourceRevisions": [override]}, separators=(",", ":")),
                ),
            )
        ],
    )
