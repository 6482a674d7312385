"""One control plane, one controller and one deployed application for all tests here; loud when there can be none."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.eks.application import FIRST, Releases
from tests.eks.binaries import Binaries, BuildError, built, cache_folder
from tests.eks.control_plane import ControlPlane, start_control_plane
from tests.eks.deployed import Deployed
from tests.eks.go_toolchain import NoGoError
from tests.eks.kubectl_handler import KubectlHandler
from tests.eks.played_aws import PlayedAws
from tests.eks.played_load_balancer import PlayedLoadBalancerController, PlayedLoadBalancers
from tests.eks.played_pods import PlayedPods
from tests.eks.processes import Servers
from tests.eks.rollouts_controller import chart_values, install_kinds, start_controller

NOT_RUN = pytest.StashKey[str]()
LOGS = pytest.StashKey[Servers]()
KEPT_LOGS = pytest.StashKey[Path]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder needs the binaries."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("eks")


@pytest.fixture(scope="session")
def binaries(request: pytest.FixtureRequest) -> Binaries:
    """The real programs, built if they are not in the cache, which is said as it goes on."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    reporter = request.config.pluginmanager.getplugin("terminalreporter")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(line)

    try:
        return built(say)
    except NoGoError as error:
        request.config.stash[NOT_RUN] = str(error)
        pytest.skip(f"the EKS tests did not run: {error}")
    except BuildError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def releases() -> Iterator[Releases]:
    """The synthesised application, an assembly for each release of it."""
    with tempfile.TemporaryDirectory(prefix="eks-assemblies-") as folder:
        yield Releases(Path(folder))


@pytest.fixture(scope="session")
def plane(binaries: Binaries, request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """A fresh Kubernetes."""
    folder = Path(tempfile.mkdtemp(prefix="eks-"))
    servers = Servers(folder)
    request.config.stash[LOGS] = servers
    try:
        yield start_control_plane(binaries, servers, folder)
    finally:
        servers.stop()
        if request.session.testsfailed:
            kept = request.config.stash[KEPT_LOGS] = cache_folder() / "logs-of-the-last-failure"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(
                folder, kept, ignore=lambda of, names: [name for name in names if not name.endswith(".log")]
            )
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def deployed(
    binaries: Binaries, plane: ControlPlane, releases: Releases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    """The first release, created by CDK's handler, and the controller at work on it."""
    assembly = releases.assembly(FIRST)
    handler = KubectlHandler.of(assembly, plane.kubeconfig, tmp_path_factory.mktemp("function"))
    load_balancers = PlayedLoadBalancers(plane.api)
    aws, pods = PlayedAws(plane.api, load_balancers), PlayedPods(plane.api)
    load_balancing = PlayedLoadBalancerController(plane.api)
    with ExitStack() as stack:
        for played in (aws, pods, load_balancing):
            played.start()
            stack.callback(played.stop)
        start = partial(start_controller, binaries, plane, chart_values(assembly), aws=aws.url, pods=pods.url)
        made = Deployed(plane, binaries, handler, releases, aws, pods, start)
        made.try_before_the_chart()
        install_kinds(binaries, plane, handler.kubectl)
        start()
        made.create()
        yield made
        assert not aws.failures, aws.failures[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """What failed shows the end of each server's log."""
    report = yield
    if report.failed and LOGS in item.config.stash and item.get_closest_marker("eks"):
        report.sections.append(("the servers' logs", item.config.stash[LOGS].tails()))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Nothing proven is not a success."""
    if NOT_RUN in session.config.stash:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say it where it is seen."""
    if KEPT_LOGS in config.stash:
        terminalreporter.write_line(f"the servers' whole logs are in {config.stash[KEPT_LOGS]}")
    if NOT_RUN in config.stash:
        terminalreporter.section("the EKS tests DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.write_line(config.stash[NOT_RUN])
        terminalreporter.write_line(
            "nothing about EKS and Argo Rollouts was proven by this run; it does not count as one"
        )
