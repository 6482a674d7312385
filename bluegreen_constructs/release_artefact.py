"""Artefact: releases as archives in S3, which each instance of a fleet fetches, verifies and starts when it boots."""

import re
from collections.abc import Sequence
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
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_TRIES = 5


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
    packages: what `start` needs and the image has not, such as `python3.11` on Amazon Linux 2023, which has 3.9; dnf
        installs them at the first boot, before the release starts (default: none). An instance on which that fails 5
        times starts nothing, and says so in its console output. What must be the same on every instance belongs in the
        image, or in the archive: dnf installs what the image's repositories have that day.

    Raises ConfigurationError for a prefix that is none, a first release that no tag and no key could hold, or a package
    that has no name of one.
    """

    bucket: "s3.IBucket"
    first: str = ""
    prefix: str = "releases/"
    packages: Sequence[str] = ()

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
        if isinstance(self.packages, str):
            raise ConfigurationError(
                f"Artefact packages is {self.packages!r}: give a list, such as ['{self.packages or 'python3.11'}']"
            )
        for name in self.packages:
            if not _PACKAGE.fullmatch(name):
                raise ConfigurationError(
                    f"Artefact packages has {name!r}: give names that dnf knows, such as 'python3.11'"
                )


def boot_script(artefact: Artefact, port: int, afterwards: str = "") -> str:
    """What an instance does at its first boot, as a bash script; at later ones systemd starts the release's unit.

    afterwards: what comes at the script's end.

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
{_installed(artefact.packages)}mkdir -p {FOLDER}
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
{afterwards}"""


def _installed(packages: Sequence[str]) -> str:
    """Mirrors fail, and another program may hold dnf's lock at the first boot; so it tries again."""
    if not packages:
        return ""
    names = " ".join(packages)
    return f"""tries=1
until dnf install -y {names}; do
  if ((tries == {_TRIES})); then
    echo "{names} could not be installed in {_TRIES} tries: the release is not started" >&2
    exit 1
  fi
  tries=$((tries + 1))
  sleep 10
done
"""
