"""How instances that are stopped in a warm pool have started their release before: a launching hook waits for them."""

from collections.abc import Sequence

from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_iam as iam
from constructs import Construct

from .account_arns import arn_here, wildcard_finding
from .acknowledgements import acknowledge
from .release_artefact import UNITS

HOOK = "release-started"
PROGRAMS = "/usr/local/sbin"
_LEAST_WAIT = (
    30  # seconds, of a heartbeat: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_LifecycleHook.html
)


def wait_seconds(grace_seconds: int) -> int:
    """How long the hook waits for an instance: as long as it may boot, at least what Auto Scaling allows."""
    return max(grace_seconds, _LEAST_WAIT)


def wait_for_release(group: autoscaling.AutoScalingGroup, seconds: int) -> None:
    """Let no instance of the group be stopped, or be in service, before it has said that its release runs.

    Auto Scaling stops what enters a pool without waiting for its user data, which runs at the first boot only; a
    launching hook holds it, when it enters the pool, and again when it leaves. An instance that says nothing in
    `seconds` is terminated. The hook is in the group itself, as one beside it would come after the first instances.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/warm-pool-instance-lifecycle.html
    """
    resource = group.node.default_child
    if isinstance(resource, autoscaling.CfnAutoScalingGroup):
        resource.lifecycle_hook_specification_list = [
            autoscaling.CfnAutoScalingGroup.LifecycleHookSpecificationProperty(
                lifecycle_hook_name=HOOK,
                lifecycle_transition="autoscaling:EC2_INSTANCE_LAUNCHING",
                default_result="ABANDON",
                heartbeat_timeout=seconds,
            )
        ]


def let_instances_answer(scope: Construct, role: iam.IRole, groups: Sequence[autoscaling.AutoScalingGroup]) -> None:
    """Let the instances of these groups answer the hook, and no other group's.

    A policy of its own: the role's other one must be there before the groups, and this one names them. An instance that
    is faster asks again.
    """
    arns = [
        arn_here("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{one.auto_scaling_group_name}")
        for one in groups
    ]
    policy = iam.Policy(
        scope,
        "AnswerHook",
        roles=[role],
        statements=[iam.PolicyStatement(actions=["autoscaling:CompleteLifecycleAction"], resources=arns)],
    )
    for arn in arns:
        acknowledge(
            policy,
            wildcard_finding(scope, arn),
            "a group's ARN holds an id that only AWS knows, so its name stands behind it; a tag of the group as a "
            "condition on all groups was considered, and whoever may set tags could widen it",
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
about() {{ curl -sSf --retry 5 -H "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/$1"; }}
instance=$(about instance-id)
address=$(about local-ipv4)
region=$(about placement/region)
group=$(about tags/instance/aws:autoscaling:groupName)
end=$((SECONDS + {seconds}))
until (exec 3<> "/dev/tcp/$address/{port}") 2> /dev/null; do
  if ((SECONDS >= end)); then
    echo "nothing listens on port {port} after {seconds} s: Auto Scaling is not told that $instance is ready" >&2
    exit 1
  fi
  sleep 2
done
until said=$(aws autoscaling complete-lifecycle-action --region "$region" --auto-scaling-group-name "$group" \\
  --lifecycle-hook-name {HOOK} --instance-id "$instance" --lifecycle-action-result CONTINUE 2>&1); do
  if ((SECONDS >= end)); then
    echo "$said" >&2
    [[ "$said" == *"No active Lifecycle Action"* ]] || exit 1
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

[Service]
Type=oneshot
ExecStart={PROGRAMS}/answer-hook

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable answer-hook.service
systemctl start --no-block answer-hook.service
"""
