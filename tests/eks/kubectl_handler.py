"""CDK's own code behind a KubernetesManifest and a HelmChart, run on the test's API server as Lambda would run it.

Real: the handler from the cloud assembly, and kubectl and helm from the layer beside it. Fake: `aws`, of which the
handler uses `eks update-kubeconfig` and nothing else that is reachable here. A process for each event: the handler
changes its own environment, and in Lambda an event never meets what another one left there.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.eks.cloud_assembly import CloudAssembly, CustomResource

Verb = Literal["Create", "Update", "Delete"]
_AWS = """#!/bin/sh
# The only fake program: CDK's handler asks for nothing else.
case "$1 $2" in
  "eks update-kubeconfig") ;;
  *) echo "aws $*: not played here" >&2; exit 2;;
esac
while [ $# -gt 0 ]; do
  if [ "$1" = "--kubeconfig" ]; then exec cp "$BLUEGREEN_TEST_KUBECONFIG" "$2"; fi
  shift
done
echo "no --kubeconfig was given" >&2; exit 2
"""
_SIDE_BY_SIDE = 4
_RUN = "import json, sys, index; index.handler(json.load(sys.stdin), None)"


class HandlerError(Exception):
    """The handler raised: CloudFormation would call the resource failed, with this reason."""


@dataclass(frozen=True)
class KubectlHandler:
    """The handler of an assembly, and the API server that stands for the cluster."""

    code: Path
    tools: tuple[Path, ...]
    kubeconfig: Path
    scratch: Path
    say: Callable[[str], None] = print

    @staticmethod
    def of(assembly: CloudAssembly, kubeconfig: Path, scratch: Path) -> "KubectlHandler":
        """Take the handler and its tools out of the assembly."""
        shims = scratch / "shims"
        shims.mkdir(parents=True)
        (shims / "aws").write_text(_AWS)
        (shims / "aws").chmod(0o755)
        return KubectlHandler(assembly.handler(), (*assembly.unpack_tools(scratch), shims), kubeconfig, scratch)

    @property
    def kubectl(self) -> str:
        """The layer's kubectl."""
        return str(self.tools[0] / "kubectl")

    def environment(self, folder: Path) -> dict[str, str]:
        """That of the function: the layer first on PATH, and a folder of its own for what it writes."""
        return {
            **os.environ,
            "PATH": os.pathsep.join([*map(str, self.tools), os.environ["PATH"]]),
            "BLUEGREEN_TEST_KUBECONFIG": str(self.kubeconfig),
            "TEST_OUTDIR": str(folder),
            "HOME": str(folder),
            **{f"HELM_{of}_HOME": str(folder / of.lower()) for of in ("CACHE", "CONFIG", "DATA")},
        }

    def run(self, verb: Verb, resources: Sequence[CustomResource]) -> None:
        """What a deployment would call for these resources; what does not depend on each other goes side by side.

        A chart is skipped, which is said: no chart repository is reachable from the tests. Raises HandlerError.
        """
        depths = sorted({resource.depth for resource in resources}, reverse=verb == "Delete")
        with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
            for depth in depths:
                now = [resource for resource in resources if resource.depth == depth]
                list(pool.map(lambda resource: self._handle_unless_chart(verb, resource), now))

    def _handle_unless_chart(self, verb: Verb, resource: CustomResource) -> None:
        if resource.kind == "HelmChart":
            of = resource.properties
            self.say(f"eks: skipped the chart {of.get('Chart')} {of.get('Version')}: no repository of charts here")
        else:
            self.handle(verb, resource)

    def handle(self, verb: Verb, resource: CustomResource) -> None:
        """One event."""
        began = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix=resource.logical_id, dir=self.scratch))
        event = {
            "RequestType": verb,
            "ResourceType": resource.type,
            "ResponseURL": "https://answers.invalid/",
            "LogicalResourceId": resource.logical_id,
            "ResourceProperties": resource.properties,
            **({} if verb == "Create" else {"PhysicalResourceId": f"made-up-{resource.logical_id}"}),
        }
        done = subprocess.run(
            [sys.executable, "-c", _RUN],
            input=json.dumps(event),
            cwd=self.code,
            env={**self.environment(folder), "PYTHONPATH": str(self.code), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=900,  # that of the function
        )
        seconds = time.monotonic() - began
        outcome = "done" if done.returncode == 0 else "failed"
        self.say(f"eks: {verb} {resource.kind} {resource.logical_id} {outcome} in {seconds:.1f} s")
        if done.returncode != 0:
            raise HandlerError(done.stderr.strip().rsplit("\n", 1)[-1].replace("\\n", "\n"))
