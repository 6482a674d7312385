"""kubectl for a cluster: which layer has it, and whether its version fits the cluster's."""

import re
from importlib import import_module

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from .engine.errors import ConfigurationError

_VERSION = re.compile(r"1\.(\d{2})")
_LAYER = re.compile(r"KubectlV(\d{2})Layer")
_OLDEST = 30  # a pod's preStop sleep, with which it outlives its deregistration


def checked_version(path: str, version: str) -> str:
    """`version`, if it is a Kubernetes minor version that this package's manifests can be applied to.

    Raises ConfigurationError for anything else.
    """
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if found is None or int(found[1]) < _OLDEST:
        raise ConfigurationError(
            f"{path} has the version {version!r}: give a minor version from 1.{_OLDEST} on, '1.36'"
        )
    return version


def layer_for(scope: Construct, version: str) -> lambda_.ILayerVersion:
    """The layer with kubectl of `version`, from its package.

    Raises ConfigurationError when the package is not installed.
    """
    minor = version.removeprefix("1.")
    try:
        module = import_module(f"aws_cdk.lambda_layer_kubectl_v{minor}")
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"{scope.node.path} has version {version}, and no kubectl of that version is installed: pip install "
            f"aws-cdk.lambda-layer-kubectl-v{minor}, or give kubectl_layer="
        ) from None
    layer: lambda_.ILayerVersion = getattr(module, f"KubectlV{minor}Layer")(scope, "Kubectl")
    return layer


def refuse_skew(path: str, layer: lambda_.ILayerVersion, version: str) -> None:
    """Raise ConfigurationError for a kubectl that is more than one minor version from the cluster's.

    CDK does not look. A layer whose class does not say its version is taken as it is.
    https://kubernetes.io/releases/version-skew-policy/#kubectl
    """
    found = _LAYER.fullmatch(type(layer).__name__)
    if found is not None and abs(int(found[1]) - int(version.removeprefix("1."))) > 1:
        raise ConfigurationError(
            f"{path} has version {version} and kubectl 1.{found[1]}: kubectl must be at most one minor version away, "
            f"give the layer of aws-cdk.lambda-layer-kubectl-v{version.removeprefix('1.')}"
        )
