"""The real programs that the tests run: built once from Go modules of exact versions, kept outside the tree.

The control plane is a dependency of the controller's own module, whose go.mod names its version (k8s.io/kubernetes
v1.34.1, etcd v3.6.4): k8s.io/kubernetes builds only as a dependency, since what it replaces is not in its module.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.eks.go_toolchain import BUILD_FLAGS, GoToolchain

ROLLOUTS = "github.com/argoproj/argo-rollouts@v1.9.1"
KWOK = "sigs.k8s.io/kwok@v0.7.0"
LINKER_FLAGS = "-s -w"
VERSION_STAMP = " -X k8s.io/component-base/version.git{part}={value}"
"""As in Kubernetes' own builds: kubectl and helm cannot read what an API server says of itself without."""
PACKAGES = {
    "rollouts-controller": (ROLLOUTS, "./cmd/rollouts-controller"),
    "kubectl-argo-rollouts": (ROLLOUTS, "./cmd/kubectl-argo-rollouts"),
    "etcd": (ROLLOUTS, "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": (ROLLOUTS, "k8s.io/kubernetes/cmd/kube-apiserver"),
    "kube-controller-manager": (ROLLOUTS, "k8s.io/kubernetes/cmd/kube-controller-manager"),
    "kube-scheduler": (ROLLOUTS, "k8s.io/kubernetes/cmd/kube-scheduler"),
    "kwok": (KWOK, "./cmd/kwok"),
}
MANIFESTS = ("manifests/crds", "manifests/role")
"""Of the controller's module: its custom resource definitions and its rights."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Binaries:
    """A folder that holds all of PACKAGES, and the manifests of the controller's version."""

    folder: Path

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)

    @property
    def crds(self) -> tuple[Path, ...]:
        """The controller's custom resource definitions, a file each."""
        return tuple(sorted((self.folder / "manifests" / "crds").glob("*-crd.yaml")))

    @property
    def cluster_role(self) -> Path:
        """The rights that the controller's authors give it."""
        return self.folder / "manifests" / "role" / "argo-rollouts-clusterrole.yaml"


class BuildError(Exception):
    """Go was there and the build failed; the text ends with what it said."""


def built(say: Say) -> Binaries:
    """What is in the cache, and what is missing there built into it: a quarter of an hour on two cores, once.

    Raises NoGoError without a Go that can build it, BuildError when it fails.
    """
    go = GoToolchain.found()
    folder = cache_folder() / _key(go)
    folder.mkdir(parents=True, exist_ok=True)
    binaries = Binaries(folder)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for module in dict.fromkeys(module for module, _ in PACKAGES.values()):
            _build_missing(go, module, folder, say)
    return binaries


def cache_folder() -> Path:
    """Outside of the checkout: `make clean` does not throw a quarter of an hour away."""
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(caches) / "bluegreen-constructs" / "eks"


def _key(go: GoToolchain) -> str:
    """A name for everything that decides what the binaries are."""
    parts = [PACKAGES, MANIFESTS, go.version, platform.machine(), BUILD_FLAGS, LINKER_FLAGS, VERSION_STAMP]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _build_missing(go: GoToolchain, module: str, folder: Path, say: Say) -> None:
    missing = [name for name, (of, _) in PACKAGES.items() if of == module and not (folder / name).exists()]
    needs_manifests = module == ROLLOUTS and not (folder / "manifests").exists()
    if not missing and not needs_manifests:
        return
    started = time.monotonic()
    say(f"eks: downloading {module} (built into {folder}, once)")
    with _writable_copy(go, module) as source:
        if needs_manifests:
            _copy_manifests(source, folder)
        for number, name in enumerate(missing, start=1):
            say(f"eks: building {name} ({number} of {len(missing)}) with {go.version}, minutes the first time")
            began = time.monotonic()
            # Written under another name first: what stands in the cache under its own name is whole.
            partial = folder / f".{name}.{os.getpid()}"
            package = PACKAGES[name][1]
            linker_flags = LINKER_FLAGS + _version_stamp(go, package, source)
            _run([go.executable, "build", f"-ldflags={linker_flags}", "-o", str(partial), package], go, source)
            partial.replace(folder / name)
            say(f"eks: built {name} in {time.monotonic() - began:.0f} s")
    say(f"eks: {module} done in {time.monotonic() - started:.0f} s")


def _version_stamp(go: GoToolchain, package: str, source: Path) -> str:
    if not package.startswith("k8s.io/kubernetes/"):
        return ""
    version = _run([go.executable, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"], go, source).strip()
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"Version": version, "Major": major, "Minor": minor}
    return "".join(VERSION_STAMP.format(part=part, value=value) for part, value in values.items())


@contextmanager
def _writable_copy(go: GoToolchain, module: str) -> Iterator[Path]:
    """The module as the main module of a folder of its own: its replace directives count only there."""
    with tempfile.TemporaryDirectory(prefix="bluegreen-eks-build-") as scratch:
        told = _run([go.executable, "mod", "download", "-json", module], go, Path(scratch))
        source = Path(scratch) / "source"
        shutil.copytree(json.loads(told)["Dir"], source, copy_function=shutil.copyfile)
        for path in [source, *source.rglob("*")]:  # the module cache is read-only, folders included
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
        yield source


def _copy_manifests(source: Path, folder: Path) -> None:
    partial = folder / f".manifests.{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    for place in MANIFESTS:
        shutil.copytree(source / place, partial / place.removeprefix("manifests/"))
    partial.replace(folder / "manifests")


def _run(command: list[str], go: GoToolchain, directory: Path) -> str:
    done = subprocess.run(
        command,
        cwd=directory,
        env=go.environment(),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command[1:])} failed: {done.stderr[-3000:] or done.stdout[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    print(built(print).folder)
