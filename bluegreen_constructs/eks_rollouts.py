"""EksRollouts: Argo Rollouts in an EKS cluster, and services that it rolls out."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from .argo.addresses import LONGEST_NAME, namespace_manifest
from .argo_chart import ArgoChart, RolloutsController
from .argo_judges import ClusterGuardrail, ClusterHook
from .argo_service import ArgoService
from .argo_service_checks import DNS_LABEL, refuse_service
from .argo_service_plan import ServicePlan, Shape
from .eks_cluster import EksCluster
from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta
from .engine.strategy import AllAtOnce, Strategy
from .existing_cluster import Cluster, ExistingCluster
from .guardrail_alarms import AlarmThresholds
from .ingress import Ingress
from .pods import ExistingDeployment, Pods
from .scaling import Scaling

DEFAULT_BAKE = timedelta(minutes=10)
DEFAULT_KEEP = timedelta(minutes=10)
DEFAULT_DEADLINE = timedelta(hours=24)
_CLUSTERS_OWN = frozenset({"default", "kube-system", "kube-public", "kube-node-lease", "argo-rollouts"})


class EksRollouts(Construct):
    """Argo Rollouts in a cluster. Each service of `add_service` is rolled out by it, step by step or all at once.

    The controller in the cluster moves the traffic and asks for evidence; the engine of this package has no part in it.
    A stack update hands a new release to it and is done when the cluster has accepted it: that the stack is complete
    does not say that the release is live. `kubectl argo rollouts get rollout NAME -n NAMESPACE --watch` does.

    cluster: an `EksCluster`, or an `ExistingCluster`.
    chart: which version of Argo Rollouts, and from where (default: 1.9.0, from the project's own chart repository).
    dashboard: whether its web page runs in the cluster (default False): it has no login. `kubectl argo rollouts
        dashboard` shows the same on one's own machine, with one's own rights.

    Raises ConfigurationError for what is no cluster.
    """

    def __init__(
        self, scope: Construct, id: str, *, cluster: Cluster, chart: ArgoChart | None = None, dashboard: bool = False
    ) -> None:
        """Install the controller."""
        super().__init__(scope, id)
        if not isinstance(cluster, EksCluster | ExistingCluster):
            raise ConfigurationError(
                f"{self.node.path} has the cluster {type(cluster).__name__}: give EksCluster(…), or "
                "ExistingCluster(cluster, version=…, load_balancing=…)"
            )
        self.cluster = cluster
        self.controller = RolloutsController(
            self, "Controller", cluster=cluster, chart=chart or ArgoChart(), dashboard=dashboard
        )
        self._namespaces: dict[str, eks.KubernetesManifest] = {}
        self._services: dict[tuple[str, str], ArgoService] = {}

    def add_service(
        self,
        id: str,
        *,
        namespace: str,
        pods: Pods | ExistingDeployment,
        ingress: Ingress | None = None,
        strategy: Strategy | None = None,
        bake: Span = DEFAULT_BAKE,
        guardrails: Sequence[ClusterGuardrail] | None = None,
        hooks: Sequence[ClusterHook] = (),
        scaling: Scaling | None = None,
        keep: Span = DEFAULT_KEEP,
        deadline: Span = DEFAULT_DEADLINE,
        shape: Shape | None = None,
        accept_dropped_requests: bool = False,
        scope: Construct | None = None,
    ) -> ArgoService:
        """Let Argo Rollouts run a service, and ship its releases.

        Behind a load balancer (with `ingress`) the candidate starts at live's full size, is tested, gets its share of
        the traffic as `strategy` says, is judged in each step by its own target group's metrics, and is promoted after
        the bake; any failure puts all traffic back on live in one write. Without `ingress` the service is reached
        inside the cluster by its name, and all traffic moves at once.

        id: the service's name in the cluster, which is a name of DNS. namespace: where it is; it is made, unless it is
            Kubernetes' own or the Deployment is adopted, and stays when the stack goes.
        pods: `Pods(...)`, or an `ExistingDeployment(...)` to take over.
        ingress: how requests from outside reach it (default: they do not). The cluster makes the load balancer; the
            listener, the load balancer and `grace` of other constructs mean nothing here. The health check asks
            `health_path`, else the pods' own.
        strategy: `AllAtOnce()` (default), `Canary`, `Linear` or `Steps` in whole percents, which need `ingress`.
        bake: how long going back stays one command after the last step (default 10 minutes); in whole minutes.
        guardrails: `AlarmThresholds` over the candidate's own target group (default behind a load balancer),
            `CloudWatchAnalysis`. Comparisons with live are the engine's: Argo has no place for their evidence. With
            guardrails a step's bake is 3 minutes or more. Two bad minutes abort; so does a step in which nothing could
            be measured.
        hooks: `HttpSmokeTest` (by the controller), `JobAnalysis` and `Approval`, in this order. An approval is given by
            `kubectl argo rollouts promote`; its own time-out means nothing here.
        scaling: how many pods (default 2), and on how much CPU there are more.
        keep: how long the former release's pods stay after it was replaced, or the candidate's after it was aborted
            (default 10 minutes).
        deadline: when a rollout behind a load balancer is aborted if it is still not over, approvals included
            (default 24 h). Argo has no place for one in the other shape: there an approval waits for ever.
        shape: "ping-pong" or "blue-green", if not as `ingress` suggests. "blue-green" behind a load balancer is refused
            unless `accept_dropped_requests`: its Service changes pods under the traffic, and the load balancer learns
            of it too late (https://argo-rollouts.readthedocs.io/en/stable/features/bluegreen/).
        scope: in which construct, of another stack for example (default: beside the controller).

        Raises ConfigurationError for what the cluster or the controller would refuse, or do otherwise than meant.
        """
        if not isinstance(id, str) or not DNS_LABEL.fullmatch(id) or len(id) > LONGEST_NAME:
            raise ConfigurationError(
                f"{self.node.path} has a service {id!r}: give a name of DNS of at most {LONGEST_NAME} small letters, "
                "digits and hyphens"
            )
        if (namespace, id) in self._services:
            raise ConfigurationError(f"{self.node.path} has a service {id} in {namespace} already: give another name")
        given = (AlarmThresholds(),) if guardrails is None and ingress is not None else tuple(guardrails or ())
        plan = ServicePlan(
            name=id,
            namespace=namespace,
            pods=pods,
            ingress=ingress,
            shape=shape or ("blue-green" if ingress is None else "ping-pong"),
            strategy=strategy or AllAtOnce(),
            bake=as_timedelta(bake, "bake"),
            guardrails=given,
            hooks=tuple(hooks),
            scaling=scaling or Scaling(),
            keep=as_timedelta(keep, "keep"),
            deadline=as_timedelta(deadline, "deadline"),
            accept_dropped_requests=accept_dropped_requests,
        )
        refuse_service(f"{self.node.path}/{id}", plan)
        place = self if scope is None else scope
        made = ArgoService(
            place,
            f"{namespace}-{id}",
            plan=plan,
            cluster=self.cluster,
            after=[self.controller.ready, *self._namespace(plan)],
        )
        self._services[namespace, id] = made
        return made

    @property
    def services(self) -> Mapping[tuple[str, str], ArgoService]:
        """The services, by namespace and name."""
        return dict(self._services)

    def _namespace(self, plan: ServicePlan) -> list[eks.KubernetesManifest]:
        """Its namespace, made once, with the label by which pods wait for their target group."""
        name = plan.namespace
        if name in _CLUSTERS_OWN or isinstance(plan.pods, ExistingDeployment):
            return []
        if name not in self._namespaces:
            labels = {self.cluster.load_balancing.readiness_gate_label: "enabled"}
            # It stays: with it would go all that is in it, whoever put it there.
            manifests = [namespace_manifest(name, labels)]
            self._namespaces[name] = self.cluster.add_manifest(self, f"Namespace-{name}", manifests, stays=True)
        return [self._namespaces[name]]
