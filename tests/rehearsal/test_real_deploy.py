"""The real CDK CLI against the emulator: bootstrap, deploy, diff, a second deploy, one that fails, destroy."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from bluegreen_constructs.rehearsal.cdk_cli import CdkCli, CdkResult, python_app
from bluegreen_constructs.rehearsal.emulator.coverage import require_covered
from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess

pytestmark = pytest.mark.rehearsal

APP = python_app(Path(__file__).parent / "small_app.py")
CHECKOUT = Path(__file__).parents[2]


class Deployment:
    """One emulator with a bootstrapped account."""

    def __init__(self, emulator: EmulatorProcess, folder: Path) -> None:
        self.emulator = emulator
        self.folder = folder
        here = folder / "app"
        here.mkdir()
        self.cli = CdkCli(
            here,
            environment=emulator.client_environment(),
            log_dir=folder / "logs",
            cli=CHECKOUT / ".toolchain" / "node_modules" / "aws-cdk" / "bin" / "cdk",
        )

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.emulator.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def synth(self, greeting: str) -> Path:
        assembly = self.folder / f"assembly-{greeting}"
        self.cli.synth(assembly, "-c", f"greeting={greeting}", app=APP).require_success()
        require_covered(assembly)
        return assembly

    def stack(self) -> dict[str, Any]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName="Small")["Stacks"]
        return dict(stack)

    def outputs(self) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self.stack()["Outputs"]}

    def leftovers(self) -> dict[str, list[str]]:
        """What an account can show, without what ministack has before anything is made."""
        ec2, iam = self.client("ec2"), self.client("iam")
        shown: dict[str, list[str]] = {
            "vpcs": [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]],
            "nat gateways": [nat["NatGatewayId"] for nat in ec2.describe_nat_gateways()["NatGateways"]],
            "addresses": [address["PublicIp"] for address in ec2.describe_addresses()["Addresses"]],
            "flow logs": [log["FlowLogId"] for log in ec2.describe_flow_logs()["FlowLogs"]],
            "groups": [
                group["GroupId"]
                for group in ec2.describe_security_groups()["SecurityGroups"]
                if group["GroupName"] != "default"
            ],
            "functions": [item["FunctionName"] for item in self.client("lambda").list_functions()["Functions"]],
            "alarms": [alarm["AlarmName"] for alarm in self.client("cloudwatch").describe_alarms()["MetricAlarms"]],
            "clusters": list(self.client("ecs").list_clusters()["clusterArns"]),
            "roles": [r["RoleName"] for r in iam.list_roles()["Roles"] if r["RoleName"].startswith("Small-")],
            "buckets": [
                bucket["Name"]
                for bucket in self.client("s3").list_buckets()["Buckets"]
                if not bucket["Name"].startswith("cdk-hnb659fds-assets")
            ],
        }
        return {kind: names for kind, names in shown.items() if names}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployment")
    with EmulatorProcess(folder / "emulator") as emulator:
        made = Deployment(emulator, folder)
        made.cli.bootstrap("123456789012", "us-east-1").require_success()
        yield made
    assert not processes_of(folder), "the emulator left processes behind"


def processes_of(folder: Path) -> list[str]:
    """The processes that have the folder in their command or environment."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in words:
                found.append(words.decode(errors="replace"))
    return found


def test_an_application_is_deployed_changed_rolled_back_and_destroyed(deployment: Deployment) -> None:
    assert deployment.leftovers() == {}
    first, second, bad = (deployment.synth(greeting) for greeting in ("hello", "goodbye", "fail"))

    deployment.cli.deploy(app=first).require_success()
    outputs = deployment.outputs()
    assert outputs.pop("Proxy").startswith("http://127.0.0.1:"), "functions reach load balancers through their proxy"
    assert outputs.pop("Sees") == "[]", "nothing of the user's environment reaches a function"
    assert outputs == {"Answer": "hello123456789012"}
    made = deployment.leftovers()
    assert {kind: len(names) for kind, names in made.items()} == {
        "vpcs": 1,
        "nat gateways": 2,
        "addresses": 2,
        "flow logs": 1,
        "groups": 2,
        "functions": 4,
        "alarms": 1,
        "clusters": 1,
        "roles": 5,
        "buckets": 1,
    }

    difference: CdkResult = deployment.cli.diff(app=second).require_success()
    assert "Seeded" in difference.stdout
    assert "AWS::CloudWatch::Alarm" in difference.stdout
    assert "AWS::EC2::NatGateway" not in difference.stdout

    deployment.cli.deploy(app=second).require_success()
    assert deployment.outputs()["Answer"] == "goodbye123456789012"
    assert deployment.leftovers() == made, "an update replaced what had not changed"

    failed = deployment.cli.deploy(app=bad)
    assert failed.exit_code == 1
    assert "asked to fail" in failed.stdout + failed.stderr
    assert deployment.stack()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert deployment.outputs()["Answer"] == "goodbye123456789012"

    deployment.cli.destroy(app=second).require_success()
    assert deployment.leftovers() == {}

    calls: Any = deployment.emulator.state()["calls"]
    assert calls["by_caller"]["cdk"] > 50
    assert any(caller.startswith("lambda/Small-Seed") for caller in calls["by_caller"])
