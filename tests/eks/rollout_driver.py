"""One Rollout on the test's cluster, driven as an operator drives it: by kubectl-argo-rollouts. Every wait ends."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.eks.cluster_api import ClusterApi
from tests.eks.played_load_balancer import target_groups

SECONDS = 60.0
"""How long a wait lasts at most, unless it says otherwise: for what takes seconds, on a machine that may be busy."""

Json = dict[str, Any]


@dataclass
class RolloutDriver:
    """`service`: production's Service. `plugin`: the program kubectl-argo-rollouts."""

    api: ClusterApi
    plugin: str
    kubeconfig: Path
    namespace: str
    name: str
    check_servers: Callable[[], None] = field(default=lambda: None)

    def get(self) -> Json:
        """The Rollout as it is now; empty before it exists."""
        return self.api.get(self.namespace, "rollouts", self.name) or {}

    @property
    def status(self) -> Json:
        """Its status, empty before the controller wrote one."""
        return dict(self.get().get("status", {}))

    def told(self) -> str:
        """What `kubectl argo rollouts get rollout` prints."""
        return self._call("get", "rollout", self.name, "--no-color")

    def promote(self, *, full: bool = False) -> None:
        """Go on from a pause, or past all steps."""
        self._call("promote", self.name, *(["--full"] if full else []))

    def abort(self) -> None:
        """Go back to live."""
        self._call("abort", self.name)

    def retry(self) -> None:
        """Try again what was aborted."""
        self._call("retry", "rollout", self.name)

    def undo(self, *, revision: int = 0) -> None:
        """Make an earlier revision's pods the candidate; 0: the one before."""
        self._call("undo", self.name, f"--to-revision={revision}")

    def wait(self, what: str, is_so: Callable[[Json], bool], *, seconds: float = SECONDS) -> Json:
        """Return the Rollout once `is_so` of it. Raises AssertionError that tells what was seen instead."""
        end = time.monotonic() + seconds
        seen: list[str] = []
        while True:
            rollout = self.get()
            said = _summary(rollout)
            if not seen or seen[-1] != said:
                seen.append(said)
            if rollout and is_so(rollout):
                return rollout
            self.check_servers()
            if time.monotonic() > end:
                story = "\n  ".join(seen[-12:])
                runs = "\n  ".join(map(_run_summary, self.analysis_runs()))
                raise AssertionError(
                    f"{self.namespace}/{self.name} was not {what} in {seconds:.0f} s; seen:\n  {story}\n"
                    f"analysis runs:\n  {runs}\nstatus: {json.dumps(rollout.get('status'), indent=1)[-3000:]}"
                )
            time.sleep(0.1)

    def wait_until(self, what: str, is_so: Callable[[], bool], *, seconds: float = SECONDS) -> None:
        """Wait for something else than the Rollout, which may not exist. Raises AssertionError."""
        end = time.monotonic() + seconds
        while not is_so():
            self.check_servers()
            assert time.monotonic() < end, f"{self.namespace}: not in {seconds:.0f} s: {what}; {_summary(self.get())}"
            time.sleep(0.1)

    def wait_for_release(self, image: str, *, seconds: float = SECONDS) -> Json:
        """Wait until the image is live, all of it, and nothing is going on any more."""
        return self.wait(
            f"healthy on {image}",
            lambda rollout: _is_settled(rollout, "Healthy") and self.live_image(rollout) == image,
            seconds=seconds,
        )

    def wait_for_phase(self, phase: str, *, seconds: float = SECONDS) -> Json:
        """Wait until the controller, having seen what was last asked of it, calls the Rollout this."""
        return self.wait(phase, lambda rollout: _is_settled(rollout, phase), seconds=seconds)

    def image_of(self, pod_hash: str) -> str:
        """The image of the pods of one revision."""
        for one in self.api.list(self.namespace, "replicasets"):
            if one["metadata"]["labels"].get("rollouts-pod-template-hash") == pod_hash:
                return str(one["spec"]["template"]["spec"]["containers"][0]["image"])
        return ""

    def live_image(self, rollout: Json | None = None) -> str:
        """The image of what the controller calls stable."""
        of = self.get() if rollout is None else rollout
        return self.image_of(of.get("status", {}).get("stableRS", ""))

    def pods(self) -> dict[str, int]:
        """How many of the Rollout's pods there are of each image, ready or not."""
        return dict(
            Counter(
                pod["spec"]["containers"][0]["image"]
                for pod in self.api.list(self.namespace, "pods")
                if "deletionTimestamp" not in pod["metadata"]
                and "rollouts-pod-template-hash" in pod["metadata"].get("labels", {})
            )
        )

    def ready_images(self, service: str) -> list[str]:
        """The images of the pods that a Service leads to, one for each."""
        images = {
            pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"]
            for pod in self.api.list(self.namespace, "pods")
        }
        return [
            images.get(endpoint["targetRef"]["name"], "")
            for piece in self.api.list(self.namespace, "endpointslices")
            if piece["metadata"]["labels"]["kubernetes.io/service-name"] == service
            for endpoint in piece["endpoints"] or ()
            if endpoint["conditions"]["ready"]
        ]

    def weights(self) -> dict[str, int]:
        """What the Ingresses' action annotations give each image of the traffic, in percent."""
        found: dict[str, int] = {}
        for ingress in self.api.list(self.namespace, "ingresses"):
            for group in target_groups(ingress):
                for image in set(self.ready_images(group.service)) or {"nothing"}:
                    if group.weight:
                        found[image] = found.get(image, 0) + group.weight
        return found

    def analysis_runs(self) -> list[Json]:
        """All of the Rollout's, the oldest first."""
        runs = [
            run
            for run in self.api.list(self.namespace, "analysisruns")
            if any(owner["name"] == self.name for owner in run["metadata"].get("ownerReferences", ()))
        ]
        return sorted(runs, key=lambda run: run["metadata"]["creationTimestamp"])

    def _call(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.plugin, *arguments, "--namespace", self.namespace, "--kubeconfig", str(self.kubeconfig)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"kubectl argo rollouts {' '.join(arguments)}: {done.stderr or done.stdout}"
        return done.stdout


def _is_settled(rollout: Json, phase: str) -> bool:
    """The controller writes the generation that it has seen as text."""
    status = rollout.get("status", {})
    has_seen = status.get("observedGeneration") == str(rollout["metadata"]["generation"])
    return has_seen and status.get("phase") == phase and "restartedAt" not in rollout["spec"]


def _summary(rollout: Json) -> str:
    status = rollout.get("status", {})
    if not status:
        return "no status"
    parts = [status.get("phase"), status.get("message"), f"step {status.get('currentStepIndex')}"]
    parts += [f"stable {status.get('stableRS')}", f"ready {status.get('readyReplicas')}"]
    parts += [f"paused for {one['reason']}" for one in status.get("pauseConditions", ())]
    return ", ".join(map(str, filter(None, parts)))


def _run_summary(run: Json) -> str:
    status = run.get("status", {})
    metrics = [
        f"{metric['name']} {metric['phase']} {metric.get('message', '')} "
        + str([(one.get("phase"), one.get("value"), one.get("message")) for one in metric.get("measurements", ())][-4:])
        for metric in status.get("metricResults", ())
    ]
    return f"{run['metadata']['name']}: {status.get('phase')} {status.get('message', '')}; {'; '.join(metrics)}"
