"""How instances that are stopped in a warm pool have started their release before: a launching hook waits for them."""

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_iam as iam
from constructs import Construct

from .account_arns import arn_here, wildcard_finding
from .acknowledgements import acknowledge
from .release_artefact import UNITS

HOOK = "release-started"
PROGRAMS = "/usr/local/sbin"
# Seconds of a heartbeat: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_LifecycleHook.html
_LEAST_WAIT = 30
# What another try does not change; whatever else fails, such as the metadata of a young instance, is tried again.
_GIVES_UP = 3


def wait_seconds(grace_seconds: int) -> int:
    """How long the hook waits for an instance: as long as it may boot, at least what Auto Scaling allows."""
    return max(grace_seconds, _LEAST_WAIT)


def wait_for_release(group: autoscaling.AutoScalingGroup, seconds: int) -> None:
    """Let no instance of the group be stopped, or be in service, before it has said that its release runs.

    Auto Scaling stops what enters a pool without waiting for its user data, which runs at the first boot only; a
    launching hook holds it, when it enters the pool, and again when it leaves. It goes on after `seconds` without a
    word, too, and the load balancer's check decides: instances of a version from before the pool say nothing, and live
    has to come by them until the next release. The hook is in the group itself, as one beside it would come after the
    first instances.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/warm-pool-instance-lifecycle.html
    """
    resource = group.node.default_child
    if isinstance(resource, autoscaling.CfnAutoScalingGroup):
        resource.lifecycle_hook_specification_list = [
            autoscaling.CfnAutoScalingGroup.LifecycleHookSpecificationProperty(
                lifecycle_hook_name=HOOK,
                lifecycle_transition="autoscaling:EC2_INSTANCE_LAUNCHING",
                default_result="CONTINUE",
                heartbeat_timeout=seconds,
            )
        ]


def let_instances_answer(scope: Construct, role: iam.Role) -> None:
    """Let the instances of this stack's groups answer the hook; in the role itself, which is there before the groups.

    CloudFormation waits for a group's instances, and they for this right: it cannot name the groups.
    """
    arn = arn_here("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*")
    ours = {"autoscaling:ResourceTag/aws:cloudformation:stack-id": cdk.Stack.of(scope).stack_id}
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["autoscaling:CompleteLifecycleAction"], resources=[arn], conditions={"StringEquals": ours}
        )
    )
    acknowledge(
        role,
        wildcard_finding(scope, arn),
        "only of groups with the tag of this stack, which CloudFormation gives and nobody else can; their names were "
        "considered, and a policy that names them is made after them, when their instances have waited in vain",
    )


def answering_script(port: int, seconds: int) -> str:
    """The end of a boot script: a unit that at each boot answers the hook when the release listens.

    Which group it is, the instance reads from the tag that Auto Scaling gives it, as Amazon's CloudWatch agent does, so
    that it needs no right to describe groups. It asks again for as long as the hook waits, because a pooled instance
    may be up before Auto Scaling waits for it. Where no hook waits, as when somebody reboots an instance that serves,
    that is said in the log, and is no failure.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/tutorial-lifecycle-hook-instance-metadata.html
    """
    return f"""cat > {PROGRAMS}/answer-hook << 'PROGRAM'
#!/bin/bash
set -euo pipefail
metadata=http://169.254.169.254/latest
token=$(curl -sSf --retry 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$metadata/api/token")
about() {{ curl -sSf --retry 5 --retry-connrefused -H "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/$1"; }}
instance=$(about instance-id)
address=$(about local-ipv4)
region=$(about placement/region)
group=$(about tags/instance/aws:autoscaling:groupName)
end=$((SECONDS + {seconds}))
until (exec 3<> "/dev/tcp/$address/{port}") 2> /dev/null; do
  if ((SECONDS >= end)); then
    echo "nothing listens on port {port} after {seconds} s: Auto Scaling is not told that $instance is ready" >&2
    exit {_GIVES_UP}
  fi
  sleep 2
done
until said=$(aws autoscaling complete-lifecycle-action --region "$region" --auto-scaling-group-name "$group" \\
  --lifecycle-hook-name {HOOK} --instance-id "$instance" --lifecycle-action-result CONTINUE 2>&1); do
  if ((SECONDS >= end)); then
    echo "$said" >&2
    [[ "$said" == *"No active Lifecycle Action"* ]] || exit {_GIVES_UP}
    echo "no hook waits for $instance"
    exit 0
  fi
  sleep 5
done
echo "Auto Scaling is told that $instance is ready"
PROGRAM
chmod 755 {PROGRAMS}/answer-hook
cat > {UNITS}/answer-hook.service << 'UNIT'
[Unit]
Description=tells Auto Scaling that the release listens
Wants=network-online.target
After=network-online.target release.service
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={PROGRAMS}/answer-hook
Restart=on-failure
RestartSec=5
RestartPreventExitStatus={_GIVES_UP}

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable answer-hook.service
systemctl start --no-block answer-hook.service
"""
