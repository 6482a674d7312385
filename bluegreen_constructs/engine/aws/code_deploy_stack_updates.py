"""What a function may do to AWS CodeDeploy that starts a deployment of its stack's update, and waits for its end."""

from .resource_kinds import Actions

# What `AwsCodeDeployments` calls then, and what CreateDeployment checks besides.
# https://docs.aws.amazon.com/codedeploy/latest/userguide/auth-and-access-control-permissions-reference.html
IAM_ACTIONS: Actions = {
    "codedeploy:BatchGetDeployments": ("deployment group",),
    "codedeploy:CreateDeployment": ("deployment group",),
    "codedeploy:GetApplicationRevision": ("code deploy application",),
    "codedeploy:GetDeployment": ("deployment group",),
    "codedeploy:GetDeploymentConfig": ("deployment configuration",),
    "codedeploy:ListDeployments": ("deployment group",),
    "codedeploy:RegisterApplicationRevision": ("code deploy application",),
    # No resource in the service authorization reference, as of `code_deploy_events`.
    "codedeploy:StopDeployment": ("any",),
}
