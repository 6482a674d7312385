"""Two sets of manifests as they ought to be: ping-pong behind an ALB, blue/green inside the cluster."""

from copy import deepcopy

from bluegreen_constructs.argo.manifest import Json, Manifest

LABELS: dict[str, Json] = {"app": "web"}


def metadata(name: str, **more: Json) -> dict[str, Json]:
    """The metadata of an object in the namespace `shop`."""
    return {"name": name, "namespace": "shop", **more}


def namespace() -> Manifest:
    """The namespace, with the label by which pods wait for the load balancer."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "labels": {"eks.amazonaws.com/pod-readiness-gate-inject": "enabled"}},
    }


def service(name: str) -> Manifest:
    """A Service in front of the pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name),
        "spec": {
            "type": "ClusterIP",
            "selector": dict(LABELS),
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def pod_template() -> Manifest:
    """Pods that say when they are ready and take their time to stop."""
    return {
        "metadata": {"labels": dict(LABELS)},
        "spec": {
            "terminationGracePeriodSeconds": 60,
            "containers": [
                {
                    "name": "web",
                    "image": "registry.example.com/web:1",
                    "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                    "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5},
                    "lifecycle": {"preStop": {"exec": {"command": ["sleep", "20"]}}},
                    "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "runAsNonRoot": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }


def errors_template() -> Manifest:
    """A judgement by CloudWatch: no data is neither success nor failure."""
    stat: Manifest = {
        "metric": {
            "namespace": "AWS/ApplicationELB",
            "metricName": "RequestCount",
            "dimensions": [{"name": "LoadBalancer", "value": "{{args.load-balancer}}"}],
        },
        "period": 60,
        "stat": "Sum",
    }
    failed = deepcopy(stat)
    failed["metric"]["metricName"] = "HTTPCode_Target_5XX_Count"  # type: ignore[call-overload,index]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": metadata("web-errors"),
        "spec": {
            "args": [{"name": "load-balancer"}, {"name": "measurements", "value": "5"}],
            "metrics": [
                {
                    "name": "errors",
                    "interval": "1m",
                    "initialDelay": "30s",
                    "count": "{{args.measurements}}",
                    "failureLimit": 1,
                    "inconclusiveLimit": 2,
                    "successCondition": "len(result[0].Values) > 0 && all(result[0].Values, {# <= 1})",
                    "failureCondition": "any(result[0].Values, {# > 1})",
                    "provider": {
                        "cloudWatch": {
                            "interval": "5m",
                            "metricDataQueries": [
                                {"id": "rate", "expression": "100*FILL(errors,0)/requests"},
                                {"id": "errors", "metricStat": failed, "returnData": False},
                                {"id": "requests", "metricStat": stat, "returnData": False},
                            ],
                        }
                    },
                }
            ],
        },
    }


def smoke_template() -> Manifest:
    """A request and a job against the candidate."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": metadata("web-smoke"),
        "spec": {
            "metrics": [
                {"name": "answers", "provider": {"web": {"url": "http://web-pong.shop.svc/healthz"}}},
                {
                    "name": "orders",
                    "provider": {
                        "job": {
                            "spec": {
                                "backoffLimit": 0,
                                "template": {
                                    "spec": {
                                        "restartPolicy": "Never",
                                        "containers": [{"name": "test", "image": "registry.example.com/test:1"}],
                                    }
                                },
                            }
                        }
                    },
                },
            ]
        },
    }


def ingress() -> Manifest:
    """The Ingress whose weights the controller writes."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(
            "web",
            annotations={
                "alb.ingress.kubernetes.io/scheme": "internal",
                "alb.ingress.kubernetes.io/target-type": "ip",
                "alb.ingress.kubernetes.io/listen-ports": '[{"HTTP": 80}]',
                "alb.ingress.kubernetes.io/target-group-attributes": "deregistration_delay.timeout_seconds=30",
            },
        ),
        "spec": {
            "ingressClassName": "alb",
            "rules": [
                {
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "web", "port": {"name": "use-annotation"}}},
                            }
                        ]
                    }
                }
            ],
        },
    }


def ingress_class() -> list[Manifest]:
    """The class of Auto Mode and its parameters."""
    return [
        {
            "apiVersion": "eks.amazonaws.com/v1",
            "kind": "IngressClassParams",
            "metadata": {"name": "alb"},
            "spec": {"scheme": "internal"},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "alb"},
            "spec": {
                "controller": "eks.amazonaws.com/alb",
                "parameters": {"apiGroup": "eks.amazonaws.com", "kind": "IngressClassParams", "name": "alb"},
            },
        },
    ]


def rollout(strategy: Manifest, **more: Json) -> Manifest:
    """A Rollout of the pods."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": metadata("web"),
        "spec": {
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": dict(LABELS)},
            "template": pod_template(),
            "strategy": strategy,
            **more,
        },
    }


def _supplied() -> list[Json]:
    return [
        {"name": "load-balancer", "valueFrom": {"fieldRef": {"fieldPath": "status.alb.loadBalancer.fullName"}}},
        {"name": "measurements", "value": "10"},
    ]


def ping_pong_rollout() -> Manifest:
    """The whole candidate first, then its tests, then all traffic, then the bake."""
    return rollout(
        {
            "canary": {
                "pingPong": {"pingService": "web-ping", "pongService": "web-pong"},
                "dynamicStableScale": False,
                "abortScaleDownDelaySeconds": 60,
                "trafficRouting": {"alb": {"ingress": "web", "rootService": "web", "servicePort": 80}},
                "steps": [
                    {"setCanaryScale": {"weight": 100}},
                    {"analysis": {"templates": [{"templateName": "web-smoke"}]}},
                    {"pause": {}},
                    {"setWeight": 100},
                    {"analysis": {"templates": [{"templateName": "web-errors"}], "args": _supplied()}},
                    {"pause": {"duration": "5m"}},
                ],
            }
        }
    )


def autoscaler() -> Manifest:
    """Two to ten pods by their load."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata("web"),
        "spec": {
            "scaleTargetRef": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"},
            "minReplicas": 2,
            "maxReplicas": 10,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
                }
            ],
        },
    }


def budget() -> Manifest:
    """One pod at a time may be evicted."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata("web"),
        "spec": {"minAvailable": 1, "selector": {"matchLabels": dict(LABELS)}},
    }


def ping_pong() -> list[Manifest]:
    """A service behind an ALB, whose traffic moves by weights between two Services."""
    return [
        *ingress_class(),
        namespace(),
        service("web"),
        service("web-ping"),
        service("web-pong"),
        errors_template(),
        smoke_template(),
        ingress(),
        ping_pong_rollout(),
        autoscaler(),
        budget(),
    ]


def blue_green_rollout() -> Manifest:
    """The preview, its tests, a person, then the switch and the bake."""
    return rollout(
        {
            "blueGreen": {
                "activeService": "web",
                "previewService": "web-preview",
                "autoPromotionEnabled": False,
                "previewReplicaCount": 1,
                "scaleDownDelaySeconds": 600,
                "abortScaleDownDelaySeconds": 60,
                "prePromotionAnalysis": {"templates": [{"templateName": "web-smoke"}]},
                "postPromotionAnalysis": {
                    "templates": [{"templateName": "web-errors"}],
                    "args": [{"name": "load-balancer", "value": "app/web/0123456789abcdef"}],
                },
            }
        },
        replicas=4,
    )


def blue_green() -> list[Manifest]:
    """A service that is asked inside the cluster only."""
    return [
        namespace(),
        service("web"),
        service("web-preview"),
        errors_template(),
        smoke_template(),
        blue_green_rollout(),
        budget(),
    ]


def target_group_binding() -> list[Manifest]:
    """A Deployment behind a target group that is made outside the cluster."""
    return [
        namespace(),
        service("web"),
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata("web"),
            "spec": {"replicas": 3, "selector": {"matchLabels": dict(LABELS)}, "template": pod_template()},
        },
        {
            "apiVersion": "eks.amazonaws.com/v1",
            "kind": "TargetGroupBinding",
            "metadata": metadata("web"),
            "spec": {
                "serviceRef": {"name": "web", "port": 80},
                "targetGroupARN": "${Token[TargetGroup.Arn.12]}",
                "targetType": "ip",
            },
        },
    ]
