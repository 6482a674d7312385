"""An action of a pipeline, as its provider's reference page describes it, with the role that it runs with."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

import aws_cdk as cdk
import jsii
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from .artefact_rights import pass_artefacts
from .engine.errors import ConfigurationError

# https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionDeclaration.html
_LONGEST_VALUE = 1000
# What is not known before the deployment is taken to be as long as a region or an account.
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")
_A_VALUE = "123456789012"
# https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
_VARIABLE = re.compile(r"#\{([A-Za-z0-9@_-]+)\.[A-Za-z0-9@_-]+\}")


@jsii.implements(codepipeline.IAction)
class PipelineAction:
    """One action whose configuration is what its provider's reference page says, and nothing else.

    The CDK's own actions make event rules, roles and statements on all resources on the way; here each is made, and
    argued, by the part of the pipeline that needs it. The role may read the artefacts that come in and write those that
    go out.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference.html
    """

    def __init__(
        self,
        name: str,
        *,
        category: codepipeline.ActionCategory,
        provider: str,
        configuration: Mapping[str, object],
        role: iam.IRole | None,
        order: int = 1,
        inputs: Sequence[codepipeline.Artifact] = (),
        outputs: Sequence[codepipeline.Artifact] = (),
        namespace: str | None = None,
        region: str | None = None,
        commands: Sequence[str] = (),
        variables: Sequence[str] = (),
        timeout: timedelta | None = None,
        mentions: str = "",
    ) -> None:
        """Describe it; `namespace` is what later actions call its variables by, as in `#{Image.ImageDigest}`.

        commands, variables: of the provider Commands: what is run, and what of its environment others may read.
        timeout: of a manual approval, the one action that has one of its own.
        mentions: a text with the variables that a value holds which is a token here.
        """
        for key, value in configuration.items():
            size = len(_TOKEN.sub(_A_VALUE, str(value)))
            if size > _LONGEST_VALUE:
                raise ConfigurationError(
                    f"the action {name} has a {key} of {size} characters: CodePipeline takes {_LONGEST_VALUE}, give "
                    "fewer or shorter values"
                )
        self._configuration = dict(configuration)
        self.name, self.order, self.namespace, self._mentions = name, order, namespace, mentions
        self._reads, self._writes = tuple(inputs), tuple(outputs)
        self._properties = codepipeline.ActionProperties(
            action_name=name,
            category=category,
            owner="AWS",
            provider=provider,
            version="1",
            artifact_bounds=codepipeline.ActionArtifactBounds(
                min_inputs=len(inputs), max_inputs=len(inputs), min_outputs=len(outputs), max_outputs=len(outputs)
            ),
            inputs=list(inputs),
            outputs=list(outputs),
            role=role,
            run_order=order,
            variables_namespace=namespace,
            region=region,
            commands=list(commands) or None,
            output_variables=list(variables) or None,
            timeout=None if timeout is None else cdk.Duration.minutes(timeout // timedelta(minutes=1)),
        )

    @property
    def namespaces_used(self) -> Sequence[str]:
        """Whose variables the configuration has, each once."""
        texts = self._mentions + "".join(str(value) for value in self._configuration.values())
        return list(dict.fromkeys(_VARIABLE.findall(texts)))

    @property
    def action_properties(self) -> codepipeline.ActionProperties:
        """What CodePipeline is told of it."""
        return self._properties

    def bind(
        self,
        scope: Construct,  # noqa: ARG002 -- the CDK's signature
        stage: codepipeline.IStage,  # noqa: ARG002
        *,
        role: iam.IRole,
        bucket: s3.IBucket,
    ) -> codepipeline.ActionConfig:
        """Called by the CDK's pipeline when the action is added to a stage."""
        pass_artefacts(role, bucket, reads=bool(self._reads), writes=bool(self._writes), region=self._properties.region)
        return codepipeline.ActionConfig(configuration=self._configuration)

    def on_state_change(
        self,
        name: str,
        target: events.IRuleTarget | None = None,  # noqa: ARG002 -- the CDK's signature
        **options: object,  # noqa: ARG002
    ) -> events.Rule:
        """Not offered: `BlueGreenPipeline` tells of its actions itself."""
        raise ConfigurationError(f"{name} asks for an action's events: give BlueGreenPipeline(notifications=...)")
