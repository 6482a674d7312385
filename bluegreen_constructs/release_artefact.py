"""Artefact: releases as archives in S3, which each instance of a fleet fetches, verifies and starts when it boots."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aws_cdk as cdk

from .engine.errors import ConfigurationError

if TYPE_CHECKING:
    from aws_cdk import aws_s3 as s3

RELEASE_TAG = "bluegreen:release"
"""The instance tag that names the release; the engine sets it in the launch template version that it makes."""
SIDE_TAG = "bluegreen:side"
FOLDER = "/opt/release"
UNITS = "/etc/systemd/system"

_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*/")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class Artefact:
    """Where releases lie: `<prefix><release>.tar.gz`, and beside each its `.sha256` as `sha256sum` writes it.

    An instance reads the release's name from its tag `bluegreen:release`, fetches the archive, refuses one with another
    checksum, and runs `start` at its top: in the foreground, as a user without rights, with PORT, RELEASE and
    BLUEGREEN_SIDE in its environment, started again when it ends. An instance whose archive is missing or damaged never
    becomes healthy, so that its rollout ends before any user meets it. The user data is the same for all releases.

    bucket: readable from the instances; give them a way to S3 (a gateway endpoint, or NAT).
    first: the release that both sides start with; put it there before the first deploy. A fleet that CodeDeploy deploys
        to starts with none.
    prefix: of the keys, with a slash at its end (default `releases/`).

    Raises ConfigurationError for a prefix that is none, or a first release that no tag and no key could hold.
    """

    bucket: "s3.IBucket"
    first: str = ""
    prefix: str = "releases/"

    def __post_init__(self) -> None:
        """Refuse what no instance would find."""
        if not _PREFIX.fullmatch(self.prefix):
            raise ConfigurationError(
                f"Artefact prefix is {self.prefix!r}: give folders that end with a slash, such as 'releases/'"
            )
        if self.first and not cdk.Token.is_unresolved(self.first) and not _NAME.fullmatch(self.first):
            raise ConfigurationError(
                f"Artefact first is {self.first!r}: give the release's name in letters, digits, dots, hyphens and _, "
                "such as 1.4.2"
            )


def boot_script(artefact: Artefact, port: int) -> str:
    """What an instance does at its first boot, as a bash script. A pooled instance that is started again boots into it.

    The tag is read from the instance metadata: a colon may be in its key, a slash or a space may not.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
    """
    source = f"s3://{artefact.bucket.bucket_name}/{artefact.prefix}"
    return f"""#!/bin/bash
set -euo pipefail
metadata=http://169.254.169.254/latest
token=$(curl -sSf --retry 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$metadata/api/token")
tag() {{ curl -sSf --retry 5 -H "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/tags/instance/$1"; }}
release=$(tag {RELEASE_TAG})
side=$(tag {SIDE_TAG})
mkdir -p {FOLDER}
cd {FOLDER}
for file in "$release.tar.gz" "$release.tar.gz.sha256"; do
  aws s3 cp --only-show-errors "{source}$file" "$file"
done
sha256sum --check --strict "$release.tar.gz.sha256"
tar -xzf "$release.tar.gz" --no-same-owner
id release > /dev/null 2>&1 || useradd --system --no-create-home --shell /sbin/nologin release
cat > {UNITS}/release.service << UNIT
[Unit]
Description=release $release
Wants=network-online.target
After=network-online.target

[Service]
User=release
WorkingDirectory={FOLDER}
Environment=PORT={port}
Environment=RELEASE=$release
Environment=BLUEGREEN_SIDE=$side
ExecStart={FOLDER}/start
Restart=always
RestartSec=2
TimeoutStopSec=60

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now release.service
"""
