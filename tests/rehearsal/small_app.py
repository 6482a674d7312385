"""A small CDK application for test_real_deploy: most of what a service's surroundings are made of."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import custom_resources

SEED = """
import os

import boto3

def handler(event, context):
    if event["ResourceProperties"]["Greeting"] == "fail" and event["RequestType"] == "Update":
        raise ValueError("asked to fail")
    account = boto3.client("sts").get_caller_identity()["Account"]
    data = {
        "Answer": event["ResourceProperties"]["Greeting"] + account,
        "Proxy": os.environ.get("http_proxy", ""),
        "Sees": str([name for name in os.environ if name in ("PYTHONPATH", "USER", "VIRTUAL_ENV", "AWS_PROFILE")]),
    }
    return {"PhysicalResourceId": "seed", "Data": data}
"""


class SmallStack(cdk.Stack):
    """One of each; the context value `greeting` changes between deploys."""

    def __init__(self, scope: cdk.App, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        greeting = str(self.node.try_get_context("greeting"))
        vpc = ec2.Vpc(self, "Vpc", max_azs=2, nat_gateways=2, restrict_default_security_group=True)
        group = logs.LogGroup(self, "FlowLogs", removal_policy=cdk.RemovalPolicy.DESTROY)
        vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(group))
        front = ec2.SecurityGroup(self, "Front", vpc=vpc, allow_all_outbound=False)
        back = ec2.SecurityGroup(self, "Back", vpc=vpc, allow_all_outbound=False)
        front.connections.allow_to(back, ec2.Port.tcp(8080))
        ecs.Cluster(self, "Cluster", vpc=vpc)
        cloudwatch.Alarm(
            self,
            "Alarm",
            metric=cloudwatch.Metric(namespace="Small", metric_name="Errors"),
            threshold=len(greeting),
            evaluation_periods=1,
        )
        s3.Bucket(self, "Bucket", auto_delete_objects=True, removal_policy=cdk.RemovalPolicy.DESTROY)
        function = lambda_.Function(
            self,
            "Seed",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline(SEED),
        )
        provider = custom_resources.Provider(self, "Provider", on_event_handler=function)
        seeded = cdk.CustomResource(
            self,
            "Seeded",
            service_token=provider.service_token,
            resource_type="Custom::Seeded",
            properties={"Greeting": greeting},
        )
        for name in ("Answer", "Proxy", "Sees"):
            cdk.CfnOutput(self, name, value=seeded.get_att_string(name))


if __name__ == "__main__":
    app = cdk.App()
    SmallStack(app, "Small")
    app.synth()
