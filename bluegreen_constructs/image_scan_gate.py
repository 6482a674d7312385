"""ImageScan: what Amazon ECR's scan of an image may have found for the image to be shipped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from .build_machine import BuildMachine
from .build_project import BuildProject, Commands, strict_script
from .engine.errors import ConfigurationError

# From the worst down; the last is what ECR has no severity for, as basic and enhanced scanning call it.
_SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNTRIAGED")
_ALSO_CALLED = {"UNTRIAGED": ("UNTRIAGED", "UNDEFINED")}
_LOOKS_APART = timedelta(seconds=15)
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(hours=1)

# One answer holds the counts of all findings, whatever their pages. A scan that is asked for too early is unknown to
# ECR for a moment, and one that nobody asked for always. What is no number by then is no evidence.
_GATE = r"""answer="nothing yet"
for look in $(seq "$SCAN_LOOKS"); do
  answer=$(aws ecr describe-image-scan-findings --repository-name "$REPOSITORY_NAME" \
    --image-id "imageDigest=$IMAGE_DIGEST" --no-paginate --output text \
    --query "[imageScanStatus.status, imageScanFindings && $SCAN_COUNT]" 2>&1) || answer="NOT_READ $answer"
  read -r status found <<< "$answer" || true
  case "$status" in
    COMPLETE | ACTIVE)
      case "$found" in
        *[!0-9]* | "") echo "no evidence: the scan of $IMAGE_DIGEST has ended and shows no findings: $answer"; exit 1 ;;
      esac
      echo "$IMAGE_DIGEST has $found findings of severity $SCAN_SEVERITY or worse; $SCAN_MAXIMUM are allowed"
      [ "$found" -le "$SCAN_MAXIMUM" ]
      exit
      ;;
    IN_PROGRESS | PENDING | NOT_READ) sleep 15 ;;
    *) echo "no evidence: the scan of $IMAGE_DIGEST ended as $status; see what ECR says of the image"; exit 1 ;;
  esac
done
echo "no evidence: no scan of $IMAGE_DIGEST within $SCAN_LOOKS looks: $answer"
exit 1"""
IMAGE_DETAIL = "imageDetail.json"
# What the action CodeDeployToECS reads, and what its page says it holds.
# https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html
WRITE_IMAGE_DETAIL = (
    f"""printf '{{"ImageURI":"%s@%s"}}' "$REPOSITORY_URI" "$IMAGE_DIGEST" > {IMAGE_DETAIL} && cat {IMAGE_DETAIL}"""
)


@dataclass(frozen=True)
class ImageScan:
    """Fails a build when its image has more than `maximum` findings of severity `fail_on` or worse.

    fail_on: CRITICAL, HIGH, MEDIUM, LOW, INFORMATIONAL or UNTRIAGED (which counts those without a severity too).
    wait: how long ECR may take for the scan. No scan is no evidence: one that did not end by then, failed, or is of an
        image that ECR cannot scan, fails the build. So does a repository that is not scanned on push.
    is_enhanced: whether Amazon Inspector does the scanning (the registry's setting), whose findings are read with
        rights of Inspector's own.

    ECR scans single images, no index of several platforms, and its basic scanning does not scan every image for arm64.
    https://github.com/aws/containers-roadmap/issues/1683 https://github.com/aws/containers-roadmap/issues/2656

    It reads ECR's findings by the digest. CodePipeline's action InspectorScan was considered: it scans by a tag, and
    what a tag names may be another image by then.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html

    Raises ConfigurationError for another severity, a negative maximum, or a wait under 1 minute or over 1 hour.
    """

    fail_on: str = "HIGH"
    maximum: int = 0
    wait: timedelta = timedelta(minutes=15)
    is_enhanced: bool = False

    def __post_init__(self) -> None:
        """Refuse what could not be judged."""
        if self.fail_on not in _SEVERITIES:
            raise ConfigurationError(f"ImageScan fail_on is {self.fail_on!r}: give one of {', '.join(_SEVERITIES)}")
        if type(self.maximum) is not int or self.maximum < 0:
            raise ConfigurationError(f"ImageScan maximum is {self.maximum!r}: give how many are allowed, 0 or more")
        if not _SHORTEST <= self.wait <= _LONGEST:
            raise ConfigurationError(f"ImageScan wait is {self.wait}: give 1 minute to 1 hour")

    def project(self, scope: Construct, repository: ecr.IRepository, *, writes_detail: bool) -> BuildProject:
        """The build that looks. writes_detail: whether it writes `imageDetail.json` as well."""
        statements: list[Mapping[str, object]] = [
            {"Action": "ecr:DescribeImageScanFindings", "Resource": repository.repository_arn}
        ]
        if self.is_enhanced:
            statements.append({"Action": ["inspector2:ListCoverage", "inspector2:ListFindings"], "Resource": "*"})
        made = BuildProject(
            scope,
            "Scan",
            description="Looks at what Amazon ECR's scan found in the image",
            machine=BuildMachine(timeout=timedelta(minutes=5 + -(-self.wait // timedelta(minutes=1)))),
            commands=Commands(
                build=[strict_script(_GATE), *([WRITE_IMAGE_DETAIL] if writes_detail else [])],
                files=[IMAGE_DETAIL] if writes_detail else [],
            ),
            variables={
                "REPOSITORY_NAME": repository.repository_name,
                "REPOSITORY_URI": repository.repository_uri,
                "SCAN_COUNT": self._count,
                "SCAN_LOOKS": str(-(-self.wait // _LOOKS_APART)),
                "SCAN_MAXIMUM": str(self.maximum),
                "SCAN_SEVERITY": self.fail_on,
            },
            statements=statements,
        )
        if self.is_enhanced:
            made.acknowledge(
                {
                    "AwsSolutions-IAM5[Resource::*]": "ECR reads Amazon Inspector's findings with the caller's rights, "
                    "and Inspector's lists take no resource; basic scanning, which needs none, was considered"
                }
            )
        return made

    def gate(
        self,
        scope: Construct,
        repository: ecr.IRepository,
        role: iam.Role,
        *,
        order: int,
        digest: str,
        source: codepipeline.Artifact,
        detail: codepipeline.Artifact | None = None,
    ) -> codepipeline.IAction:
        """The action that fails an execution whose image, `digest`, has too many findings.

        source: any artefact; CodeBuild asks for one. detail: receives `imageDetail.json`.
        """
        return self.project(scope, repository, writes_detail=detail is not None).action(
            "Scan",
            role,
            order=order,
            inputs=[source],
            outputs=() if detail is None else [detail],
            variables={"IMAGE_DIGEST": digest},
        )

    @property
    def _count(self) -> str:
        """How many there are, in the language of the AWS command line's `--query`."""
        counted: Sequence[str] = _SEVERITIES[: _SEVERITIES.index(self.fail_on) + 1]
        names = [name for severity in counted for name in _ALSO_CALLED.get(severity, (severity,))]
        counts = ", ".join(f"imageScanFindings.findingSeverityCounts.{name} || `0`" for name in names)
        return f"sum([{counts}])"
