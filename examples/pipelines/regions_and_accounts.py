"""Waves of regions in a production account of its own, with a bake between them; a red region stops the later ones.

    cdk deploy --app "python examples/pipelines/regions_and_accounts.py" Trust --profile production
    cdk deploy --app "python examples/pipelines/regions_and_accounts.py" Images Delivery --profile delivery

The account of production is prepared first: it trusts one role of the account with the pipeline, by its name. The
image's repository lets that account pull, and Amazon ECR replicates it to the regions (a setting of the registry). Each
wave watches its regions' alarms for an hour; one that rings takes its wave back, and later waves never begin.
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from bluegreen_constructs import (
    AccountRoles,
    AlarmOf,
    AppAssembly,
    BlueGreenPipeline,
    CodeCommitSource,
    Container,
    DeliveryStage,
    DeploymentRoles,
    EcrPush,
    EcsBlueGreenService,
    ImageRepository,
    Ingress,
    ReleaseImage,
    StackDeploy,
    StageApproval,
    StageBake,
    Together,
)

DELIVERY, PRODUCTION = "123456789012", "210987654321"
HOME = "eu-west-1"
WAVES = {"First": ["eu-west-1"], "Others": ["us-east-1", "ap-southeast-2"]}
PIPELINE_ROLE = "shop-delivery"
BAKE_ROLES = {wave: f"shop-bake-{wave.lower()}" for wave in WAVES}
ROLES = AccountRoles(PRODUCTION)


class Trust(cdk.Stack):
    """In the account of production, before anything else: what the pipeline acts with there."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, env=cdk.Environment(account=PRODUCTION, region=HOME))
        regions = [region for wave in WAVES.values() for region in wave]
        self.roles = DeploymentRoles(
            self,
            "Roles",
            roles=ROLES,
            pipeline_account=DELIVERY,
            pipeline_role=PIPELINE_ROLE,
            stacks=[f"Shop-{region}" for region in regions],
            regions=regions,
            bake_roles=list(BAKE_ROLES.values()),
        )


class Images(cdk.Stack):
    """Where releases lie, in the account of the pipeline."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, env=cdk.Environment(account=DELIVERY, region=HOME))
        self.repository = ImageRepository(self, "Images", name="shop", pulled_by=[PRODUCTION])


class Shop(cdk.Stack):
    """The service in one region of production, from the replica of the images there."""

    def __init__(self, scope: Construct, id: str, *, region: str) -> None:
        super().__init__(scope, id, env=cdk.Environment(account=PRODUCTION, region=region))
        replica = ecr.Repository.from_repository_attributes(
            self,
            "Images",
            repository_name="shop",
            repository_arn=f"arn:aws:ecr:{region}:{DELIVERY}:repository/shop",
        )
        service = EcsBlueGreenService(
            self,
            "Web",
            vpc=ec2.Vpc(self, "Vpc", availability_zones=[f"{region}a", f"{region}b"], nat_gateways=1),
            container=Container(image=ReleaseImage(replica), port=8080),
            ingress=Ingress(internet_facing=False, health_path="/ready"),
        )
        self.alarm_names = service.alarms.names


class Delivery(cdk.Stack):
    """The pipeline, in an account of its own."""

    def __init__(
        self, scope: Construct, id: str, *, images: Images, waves: dict[str, list[Shop]], alarms_role: str
    ) -> None:
        super().__init__(scope, id, env=cdk.Environment(account=DELIVERY, region=HOME))
        stages = []
        for name, shops in waves.items():
            deploys = [StackDeploy(shop) for shop in shops]
            alarms = [AlarmOf(one, shop.region, alarms_role) for shop in shops for one in shop.alarm_names]
            stages.append(
                DeliveryStage(
                    name,
                    deploys=deploys if len(deploys) == 1 else [Together(*deploys)],
                    approval=StageApproval("the release manager") if not stages else None,
                    bake=StageBake(timedelta(hours=1), alarms=alarms, role_name=BAKE_ROLES[name]),
                )
            )
        BlueGreenPipeline(
            self,
            "Pipeline",
            sources=[
                EcrPush(images.repository.repository),
                CodeCommitSource(
                    codecommit.Repository.from_repository_name(self, "Code", "shop"),
                    starts_pipeline=False,  # a commit goes with the next image
                ),
            ],
            app=AppAssembly(),
            stages=stages,
            accounts=[ROLES],
            role_name=PIPELINE_ROLE,
        )


app = cdk.App()
trust = Trust(app, "Trust")
Delivery(
    app,
    "Delivery",
    images=Images(app, "Images"),
    waves={name: [Shop(app, f"Shop-{region}", region=region) for region in wave] for name, wave in WAVES.items()},
    alarms_role=f"arn:aws:iam::{PRODUCTION}:role/bluegreen-alarms",
)
app.synth()
