"""The CodeDeploy agent on the instances of a fleet: what installs it, and what it may read."""

import aws_cdk as cdk


def agent_script() -> str:
    """Installs the agent on Amazon Linux 2023 at the first boot, and lets systemd start it at every one.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/codedeploy-agent-operations-install-linux.html
    """
    region = cdk.Aws.REGION
    return f"""#!/bin/bash
set -euo pipefail
dnf install -y ruby wget
cd "$(mktemp -d)"
wget --quiet "https://aws-codedeploy-{region}.s3.{region}.amazonaws.com/latest/install"
chmod +x ./install
./install auto
systemctl enable --now codedeploy-agent
"""


def agent_updates() -> str:
    """The objects that the agent's installer and its updates are (a CloudFormation value).

    https://docs.aws.amazon.com/codedeploy/latest/userguide/getting-started-create-iam-instance-profile.html
    """
    return f"arn:{cdk.Aws.PARTITION}:s3:::aws-codedeploy-{cdk.Aws.REGION}/*"
