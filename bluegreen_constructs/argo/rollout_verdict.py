"""Waits for Argo Rollouts' verdict on an image. A build of a pipeline runs this file alone, with Python's library.

Ends 0 when the image was promoted, and 1 when it was not: refused, replaced by another one, or not decided in time.
What cannot be read is no evidence, for or against; it is asked for again.
"""

import base64
import http.client
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Json = Mapping[str, object]

LOOK_EVERY = 10.0
TOKEN_GOOD_FOR = 600.0
"""Seconds; one of `aws eks get-token` is good for 14 minutes."""
MOST_SILENCE = 900.0
"""Seconds without any answer: then it is no hiccup, and most likely a missing right."""
MOST_OF_ANOTHER = 300.0
"""Seconds in which the Rollout asks for another image: then somebody has replaced this one."""


class NoAnswerError(Exception):
    """The cluster, or AWS, has not said what was asked."""


@dataclass(frozen=True)
class Verdict:
    """outcome: `promoted`, `refused`, `waiting`, or `another` (the pods are to run another image). words: why."""

    outcome: str
    words: str


def verdict(rollout: Json, image: str, workload: Json | None = None) -> Verdict:
    """What a Rollout says of an image; `workload`: the Deployment that its `workloadRef` names.

    The controller writes the generation that it has seen, the phase and the pods' hash in one patch. So what is said
    under an older generation is of another release, and is not looked at.
    https://github.com/argoproj/argo-rollouts/blob/v1.9.0/rollout/sync.go (persistRolloutStatus)
    """
    status, spec = _part(rollout, "status"), _part(rollout, "spec")
    if not _has_seen(status.get("observedGeneration"), rollout):
        return Verdict("waiting", "the controller has not seen the Rollout as it is now")
    if workload is not None and not _has_seen(status.get("workloadObservedGeneration"), workload):
        return Verdict("waiting", "the controller has not seen the Deployment as it is now")
    images = _images(_part(spec if workload is None else _part(workload, "spec"), "template", "spec"))
    if not images:
        return Verdict("waiting", "which image the pods are to run is not known")
    if image not in images:
        return Verdict("another", f"the pods are to run {', '.join(images)}")
    phase, stable = status.get("phase"), status.get("stableRS")
    words = ": ".join(str(one) for one in (phase or "no phase yet", status.get("message")) if one)
    if status.get("abort") or phase == "Degraded":
        return Verdict("refused", words)
    if phase == "Healthy" and stable and stable == status.get("currentPodHash"):
        return Verdict("promoted", words)
    return Verdict("waiting", words)


def watch(
    look: Callable[[], Verdict],
    seconds: float,
    *,
    now: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """The exit code. A refusal counts when it is seen twice: a controller that was restarted may still put it right."""
    began = answered = asked_for = now()
    said, before = "", ""
    while True:
        try:
            found = look()
            answered = now()
        except NoAnswerError as error:
            found = Verdict("", f"no answer: {error}")
        if found.words != said:
            said = found.words
            print(f"{round(now() - began):>6} s  {said}", flush=True)
        if found.outcome != "another":
            asked_for = now()
        if found.outcome == "promoted":
            return 0
        if found.outcome == before == "refused":
            return _ended("the image was refused")
        before = found.outcome
        if now() - asked_for >= MOST_OF_ANOTHER:
            return _ended("somebody has replaced the image")
        if now() - answered >= MOST_SILENCE:
            return _ended(f"the cluster has not answered for {round(MOST_SILENCE)} s: nothing is known of the image")
        if now() - began >= seconds:
            return _ended(f"no verdict in {round(seconds)} s: the Rollout goes on without the pipeline")
        wait(LOOK_EVERY)


class Cluster:
    """The API server of an EKS cluster, asked with a token of whoever runs this."""

    def __init__(self, name: str) -> None:
        """Ask nobody yet."""
        self._name = name
        self._url, self._context = "", ssl.create_default_context()
        self._token, self._token_until = "", 0.0

    def get(self, path: str) -> Json:
        """One object. Raises NoAnswerError, also for one that is not there."""
        if not self._url:
            self._find()
        if time.monotonic() >= self._token_until:
            self._token = str(_part(aws("eks", "get-token", "--cluster-name", self._name), "status").get("token"))
            self._token_until = time.monotonic() + TOKEN_GOOD_FOR
        asked = urllib.request.Request(  # noqa: S310 -- EKS says the address
            f"{self._url}/{path}", headers={"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        )
        try:
            with urllib.request.urlopen(asked, timeout=30, context=self._context) as answer:  # noqa: S310
                return _mapping(json.load(answer))
        except urllib.error.HTTPError as error:
            self._token_until = 0.0  # one that was refused is not tried again
            raise NoAnswerError(f"{path}: {error.code} {error.reason}") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise NoAnswerError(f"{path}: {error}") from error

    def _find(self) -> None:
        described = _part(aws("eks", "describe-cluster", "--name", self._name), "cluster")
        data = str(_part(described, "certificateAuthority").get("data") or "")
        try:
            if data:
                self._context = ssl.create_default_context(cadata=base64.b64decode(data).decode())
        except ValueError as error:  # an SSLError is one of them
            raise NoAnswerError(f"the certificate of cluster {self._name}: {error}") from error
        # The cluster's own authority may lack what Python 3.13 has become strict about.
        # https://github.com/kubernetes-client/python/issues/2394
        self._context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self._url = str(described.get("endpoint") or "").rstrip("/")
        if not self._url:
            raise NoAnswerError(f"the cluster {self._name} has no endpoint yet")


def aws(*arguments: str) -> Json:
    """What the AWS command line answers. Raises NoAnswerError."""
    command = ["aws", *arguments, "--output", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return _mapping(json.loads(done.stdout))
    except subprocess.CalledProcessError as error:
        raise NoAnswerError(f"aws {' '.join(arguments[:2])}: {str(error.stderr).strip()}") from error
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NoAnswerError(f"aws {' '.join(arguments[:2])}: {error}") from error


def main(environment: Mapping[str, str]) -> int:
    """Watch what the environment names."""
    namespace, name, image = (environment[f"BLUEGREEN_{one}"] for one in ("NAMESPACE", "ROLLOUT", "IMAGE"))
    cluster = Cluster(environment["BLUEGREEN_CLUSTER"])

    def look() -> Verdict:
        rollout = cluster.get(f"apis/argoproj.io/v1alpha1/namespaces/{namespace}/rollouts/{name}")
        deployment = _part(rollout, "spec", "workloadRef").get("name")
        if not deployment:
            return verdict(rollout, image)
        return verdict(rollout, image, cluster.get(f"apis/apps/v1/namespaces/{namespace}/deployments/{deployment}"))

    print(f"waiting for the verdict on {image}, of the Rollout {name} in {namespace}", flush=True)
    ended = watch(look, float(environment["BLUEGREEN_SECONDS"]))
    print(f"see kubectl argo rollouts get rollout {name} -n {namespace}", flush=True)
    return ended


def _ended(words: str) -> int:
    print(words, flush=True)
    return 1


def _has_seen(observed: object, of: Json) -> bool:
    """The controller writes it as text."""
    generation = _part(of, "metadata").get("generation")
    return generation is not None and str(observed) == str(generation)


def _images(pods: Json) -> list[str]:
    containers = pods.get("containers")
    return [str(_mapping(one).get("image")) for one in containers] if isinstance(containers, list) else []


def _part(of: Json, *names: str) -> Json:
    """A part of a part; empty where there is none."""
    for name in names:
        of = _mapping(of.get(name))
    return of


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


if __name__ == "__main__":
    sys.exit(main(os.environ))
