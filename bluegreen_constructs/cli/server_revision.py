"""A revision for EC2 instances that CodeDeploy deploys the sample service with: its AppSpec and its scripts; pure.

The archive's name is the release: `BUNDLE_KEY` says it to the scripts. They are for Amazon Linux 2023.
https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html

Its own `python3` is and stays 3.9, which is too old for the sample service, so that another one is installed beside it,
from Amazon's repositories. https://docs.aws.amazon.com/linux/al2023/ug/python.html

What the service needs comes from the folder `wheels` of the revision, and from PyPI only where there is none.
"""

from collections.abc import Mapping

from ..engine.app_spec import Script, server_app_spec

APP_SPEC = "appspec.yml"
"""CodeDeploy wants it under this name, at the root of the revision."""

_PYTHON = "python3.12"
_HEAD = """#!/bin/bash
set -euo pipefail
"""

_STOP = f"""{_HEAD}
# ApplicationStop: that of the revision before; on a new instance there is none, and it does not run.
if systemctl cat inference.service >/dev/null 2>&1; then
  systemctl stop inference.service
fi
"""

_BEFORE_INSTALL = f"""{_HEAD}
# BeforeInstall: Python, unless the image has it, the user, and nothing that an earlier revision has left.
if ! rpm --query --quiet {_PYTHON} {_PYTHON}-pip; then
  dnf --assumeyes --quiet install {_PYTHON} {_PYTHON}-pip
fi
if ! id inference >/dev/null 2>&1; then
  useradd --system --no-create-home --shell /sbin/nologin inference
fi
rm --recursive --force /opt/inference
mkdir --parents /opt/inference
"""

_AFTER_INSTALL = f"""{_HEAD}
# AfterInstall: what the service needs, its settings, its unit.
release=${{BUNDLE_KEY:-}}
release=${{release##*/}}
release=${{release%.zip}}
release=${{release:-$DEPLOYMENT_ID}}

token=$(curl --silent --fail --max-time 2 --request PUT \\
  --header "X-aws-ec2-metadata-token-ttl-seconds: 60" http://169.254.169.254/latest/api/token || true)
side=$(curl --silent --fail --max-time 2 --header "X-aws-ec2-metadata-token: $token" \\
  http://169.254.169.254/latest/meta-data/tags/instance/bluegreen:side || true)

# The wheels lie beside this script's folder, in what the agent has unpacked. Without them the instance needs PyPI.
wheels=$(cd "$(dirname "${{BASH_SOURCE[0]}}")/.." && pwd)/wheels
from=()
if [[ -d $wheels ]]; then
  from=(--no-index --find-links "$wheels")
fi
{_PYTHON} -m venv /opt/inference/venv
/opt/inference/venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: "${{from[@]}}" \\
  --requirement /opt/inference/services/inference/requirements.txt
/opt/inference/venv/bin/python -m compileall -q /opt/inference/services

cat >/etc/inference.env <<SETTINGS
HOST=0.0.0.0
PORT=8080
RELEASE=$release
BLUEGREEN_SIDE=$side
SETTINGS

cat >/etc/systemd/system/inference.service <<'UNIT'
[Unit]
Description=The inference service
After=network-online.target
Wants=network-online.target

[Service]
User=inference
WorkingDirectory=/opt/inference
EnvironmentFile=/etc/inference.env
ExecStart=/opt/inference/venv/bin/python -m services.inference
Restart=on-failure
TimeoutStopSec=30
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true

[Install]
WantedBy=multi-user.target
UNIT

systemctl daemon-reload
systemctl enable --quiet inference.service
"""

_START = f"""{_HEAD}
# ApplicationStart
systemctl restart inference.service
"""

_VALIDATE = f"""{_HEAD}
# ValidateService: ready, and with the release that was deployed.
release=$(sed --quiet 's/^RELEASE=//p' "${{SETTINGS_FILE:-/etc/inference.env}}")
for _ in $(seq 60); do
  answer=$(curl --silent --fail --max-time 2 --include http://127.0.0.1:8080/ready | tr --delete '\\r' || true)
  if grep --quiet --ignore-case --line-regexp --fixed-strings "x-release: $release" <<<"$answer"; then
    exit 0
  fi
  sleep 2
done
echo "the service is not ready with release $release within two minutes" >&2
systemctl --no-pager --lines 20 status inference.service >&2 || true
exit 1
"""

_SCRIPTS: Mapping[str, tuple[Script, str]] = {
    "ApplicationStop": (Script("scripts/stop.sh", 60), _STOP),
    "BeforeInstall": (Script("scripts/before_install.sh", 300), _BEFORE_INSTALL),
    "AfterInstall": (Script("scripts/after_install.sh", 600), _AFTER_INSTALL),
    "ApplicationStart": (Script("scripts/start.sh", 60), _START),
    "ValidateService": (Script("scripts/validate.sh", 180), _VALIDATE),
}


def server_revision() -> dict[str, str]:
    """The files of the revision by their places in it, the AppSpec first; `services/` is to lie beside them."""
    app_spec = server_app_spec(
        {"/services": "/opt/inference/services"}, {event: (script,) for event, (script, _) in _SCRIPTS.items()}
    )
    return {APP_SPEC: app_spec, **{script.location: text for script, text in _SCRIPTS.values()}}
