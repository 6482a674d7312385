"""A pipeline's build that publishes what the templates of its app name: files, and images of the app's own."""

from collections.abc import Sequence

import aws_cdk as cdk
from constructs import Construct

from .account_roles import bootstrap_role
from .build_machine import BuildMachine
from .build_project import BuildProject, Commands, strict_script
from .deploy_place import template_path
from .engine.errors import ConfigurationError

# The library by which the CDK's command lines publish, exactly: what runs here writes to where deployments read from.
# Its own command line was considered, and reads no assembly of this CDK's schema (cdk-assets 4.7.3: up to 54, this is
# 55). So was `cdk publish-assets`: unstable by its own word, and it asks for the bootstrap's deploy role on the way,
# which may change every stack.
# https://github.com/aws/aws-cdk-cli/tree/main/packages/@aws-cdk/cdk-assets-lib
PUBLISHER = ("@aws-cdk/cdk-assets-lib@1.5.0", "@aws-cdk/cloud-assembly-schema@55.6.0")
NODE = {"nodejs": "22"}
_INSTALL = (
    "PUBLISHER=$(mktemp -d) && export PUBLISHER",
    f'npm install --prefix "$PUBLISHER" --ignore-scripts --no-audit --no-fund {" ".join(PUBLISHER)}',
)
_PUBLISH = """NODE_PATH="$PUBLISHER/node_modules" node - MANIFESTS <<'PROGRAM'
const { AssetManifest, AssetPublishing, DefaultAwsClient } = require("@aws-cdk/cdk-assets-lib");
const progressListener = { onPublishEvent: (_, event) => console.log(`${event.percentComplete}% ${event.message}`) };
(async () => {
  for (const manifest of process.argv.slice(2)) {
    const aws = new DefaultAwsClient();
    await new AssetPublishing(AssetManifest.fromPath(manifest), { aws, progressListener }).publish();
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
PROGRAM"""
_ASKING = "AsksForTheQualifier"


def publish_assets(
    scope: Construct,
    *,
    stacks: Sequence[cdk.Stack],
    machine: BuildMachine,
    publishes_images: bool,
) -> BuildProject:
    """Make the build. It may take on the bootstrap's publishing roles where the stacks are, and nothing else.

    Raises ConfigurationError for a stack of another app, which is in another assembly.
    """
    for stack in stacks:
        if stack.node.root is not scope.node.root:
            raise ConfigurationError(
                f"stack {stack.stack_name} is of another app than the pipeline {cdk.Stack.of(scope).stack_name}: give "
                "stacks of the app that the pipeline is in"
            )
    manifests = sorted({_manifest(stack) for stack in stacks})
    bootstraps = dict.fromkeys(
        (_known(stack.account, cdk.Aws.ACCOUNT_ID), _known(stack.region, cdk.Aws.REGION), bootstrap_qualifier(stack))
        for stack in stacks
    )
    purposes = ["file-publishing", *(["image-publishing"] if publishes_images else [])]
    roles = [
        bootstrap_role(account, region, purpose, qualifier)
        for account, region, qualifier in bootstraps
        for purpose in purposes
    ]
    named = " ".join(f'"{manifest}"' for manifest in manifests)
    made = BuildProject(
        scope,
        "Assets",
        description="Publishes what the app's templates name",
        machine=machine,
        commands=Commands(
            install=_INSTALL, build=[strict_script(_PUBLISH.replace("MANIFESTS", named))], languages=NODE
        ),
        variables={},
        statements=[{"Action": "sts:AssumeRole", "Resource": roles}],
        is_privileged=publishes_images,
    )
    if publishes_images:
        made.acknowledge_privileges(
            "Docker runs in privileged builds alone; images that the release's build makes were considered, and these "
            "are the app's own"
        )
    return made


def _manifest(stack: cdk.Stack) -> str:
    """The CDK writes it beside the template."""
    return f"{template_path(stack).removesuffix('.template.json')}.assets.json"


def bootstrap_qualifier(stack: cdk.Stack) -> str:
    """Of the bootstrap that the stack is deployed with, and its assets go to.

    A synthesizer that was made in Python and given to a stack is known here as it was before the stack: the CDK uses a
    copy, and only the copy has the qualifier. Nothing but a nested stack asks the copy, so one is made and taken back.
    https://github.com/aws/aws-cdk/blob/v2.275.0/packages/aws-cdk-lib/core/lib/stack-synthesizers/nested.ts
    """
    found = stack.synthesizer.bootstrap_qualifier
    if found is None:
        found = cdk.NestedStack(stack, _ASKING).synthesizer.bootstrap_qualifier
        for made in (_ASKING, f"{_ASKING}.NestedStack"):
            stack.node.try_remove_child(made)
    return found or cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER


def _known(place: str, here: str) -> str:
    return here if cdk.Token.is_unresolved(place) else place
