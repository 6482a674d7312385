"""The CDK for Node alone: the packages that pip installed for jsii, unpacked where Node finds them."""

import tarfile
from importlib.resources import as_file, files
from pathlib import Path

# Python package: the name under which Node requires it.
_PACKAGES = {
    "aws_cdk": "aws-cdk-lib",
    "aws_cdk.asset_awscli_v1": "@aws-cdk/asset-awscli-v1",
    "aws_cdk.asset_node_proxy_agent_v6": "@aws-cdk/asset-node-proxy-agent-v6",
    "aws_cdk.cloud_assembly_schema": "@aws-cdk/cloud-assembly-schema",
    "constructs": "constructs",
}
_NOT_RUN = (".d.ts", ".md", ".jsii", ".jsii.gz", ".map")


def unpack_cdk(folder: Path) -> Path:
    """Unpack the CDK into `folder` and return what NODE_PATH has to name: the same files that jsii runs."""
    modules = folder / "node_modules"
    for package, name in _PACKAGES.items():
        for tarball in files(f"{package}._jsii").iterdir():
            if tarball.name.endswith(".jsii.tgz"):
                with as_file(tarball) as path:
                    _unpack(path, modules / name)
    return modules


def _unpack(tarball: Path, into: Path) -> None:
    with tarfile.open(tarball) as archive:
        for member in archive:
            # npm puts everything into a folder `package`.
            name = member.name.partition("/")[2]
            if member.isfile() and not name.endswith(_NOT_RUN):
                archive.extract(member.replace(name=name), into, filter="data")
