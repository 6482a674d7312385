"""LEGACY: two Elastic Beanstalk environments whose names are swapped; read README.md before you build on it.

    cdk deploy --app "python examples/beanstalk/app.py" --parameters SolutionStack="<one of AWS's>"
    python examples/beanstalk/swap.py shop-blue shop-green

`aws elasticbeanstalk list-available-solution-stacks` names the solution stacks that a region has this month.
"""

import aws_cdk as cdk
from aws_cdk import aws_elasticbeanstalk as beanstalk
from aws_cdk import aws_iam as iam
from constructs import Construct

# What an instance of a web server environment may do: fetch its versions, send its logs.
# https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/iam-instanceprofile.html
_WEB_TIER = "AWSElasticBeanstalkWebTier"


class BeanstalkPair(cdk.Stack):
    """One application, and the environments `<name>-blue` and `<name>-green`.

    Which of them has the live name is nowhere in the template: a swap changes it, and no update puts it back. The
    environments name no CNAMEPrefix for that reason; one in the template would be a claim that a swap breaks.
    """

    def __init__(self, scope: Construct, id: str, *, name: str, env: cdk.Environment) -> None:
        """Make them; `name` begins the environments' names."""
        super().__init__(scope, id, env=env)
        solution_stack = cdk.CfnParameter(
            self, "SolutionStack", type="String", description="the platform, as list-available-solution-stacks names it"
        )
        application = beanstalk.CfnApplication(self, "Application", description="swapped by DNS")
        role = iam.Role(
            self,
            "InstanceRole",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(_WEB_TIER)],
        )
        profile = iam.CfnInstanceProfile(self, "Profile", roles=[role.role_name])
        for side in ("blue", "green"):
            environment = beanstalk.CfnEnvironment(
                self,
                side.capitalize(),
                application_name=application.ref,
                environment_name=f"{name}-{side}",
                solution_stack_name=solution_stack.value_as_string,
                option_settings=[
                    _option("aws:autoscaling:launchconfiguration", "IamInstanceProfile", profile.ref),
                    _option("aws:elasticbeanstalk:environment", "EnvironmentType", "LoadBalanced"),
                    _option("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
                    # Without it, an environment is Green whatever it answers, and swap.py asks for Green.
                    _option("aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced"),
                    _option("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath", "/"),
                ],
            )
            cdk.CfnOutput(self, f"{side.capitalize()}Endpoint", value=environment.attr_endpoint_url)


def _option(namespace: str, name: str, value: str) -> beanstalk.CfnEnvironment.OptionSettingProperty:
    return beanstalk.CfnEnvironment.OptionSettingProperty(namespace=namespace, option_name=name, value=value)


app = cdk.App()
BeanstalkPair(
    app,
    "BeanstalkPair",
    name=str(app.node.try_get_context("name") or "shop"),
    env=cdk.Environment(region="us-east-1"),
)
app.synth()
