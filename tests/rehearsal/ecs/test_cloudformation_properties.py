"""Template properties as API requests: nothing lost, nothing of the user's respelled."""

from bluegreen_constructs.rehearsal.ecs.cloudformation_properties import (
    forces_deployment,
    service_request,
    task_definition_request,
)


def test_a_task_definition_survives_whole_and_the_users_own_keys_stay() -> None:
    container = {
        "Name": "app",
        "Image": "app:1",
        "Essential": True,
        "Cpu": "256",
        "StopTimeout": 30,
        "Secrets": [{"Name": "TOKEN", "ValueFrom": "arn:aws:ssm:us-east-1:1:parameter/token"}],
        "DependsOn": [{"ContainerName": "log", "Condition": "START"}],
        "HealthCheck": {"Command": ["CMD", "true"], "Interval": "10", "StartPeriod": 5},
        "LinuxParameters": {"InitProcessEnabled": True, "Capabilities": {"Add": ["NET_ADMIN"]}},
        "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "G", "Mode": "non-blocking"}},
        "DockerLabels": {"Team": "ML"},
        "Environment": [{"Name": "Key", "Value": "Value"}],
        "Ulimits": [{"Name": "nofile", "SoftLimit": 1024, "HardLimit": "2048"}],
        "PortMappings": [{"ContainerPort": "8080", "Protocol": "tcp"}],
    }
    request = task_definition_request(
        {"Cpu": 1024, "Memory": "2048", "NetworkMode": "awsvpc", "ContainerDefinitions": [container], "Tags": []}, "fam"
    )
    assert (request["family"], request["cpu"], request["memory"]) == ("fam", "1024", "2048")
    containers = request["containerDefinitions"]
    assert isinstance(containers, list)
    assert containers[0] == {
        "name": "app",
        "image": "app:1",
        "essential": True,
        "cpu": 256,
        "stopTimeout": 30,
        "secrets": [{"name": "TOKEN", "valueFrom": "arn:aws:ssm:us-east-1:1:parameter/token"}],
        "dependsOn": [{"containerName": "log", "condition": "START"}],
        "healthCheck": {"command": ["CMD", "true"], "interval": 10, "startPeriod": 5},
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"add": ["NET_ADMIN"]}},
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "G", "Mode": "non-blocking"}},
        "dockerLabels": {"Team": "ML"},
        "environment": [{"name": "Key", "value": "Value"}],
        "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 2048}],
        "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
    }


def test_a_service_request_has_every_property_and_no_desired_count_that_was_not_given() -> None:
    request = service_request(
        {
            "ServiceName": "web",
            "Cluster": "c",
            "TaskDefinition": "td:1",
            "EnableECSManagedTags": True,
            "HealthCheckGracePeriodSeconds": "60",
            "DeploymentConfiguration": {
                "Strategy": "BLUE_GREEN",
                "LifecycleHooks": [{"TargetType": "PAUSE", "HookDetails": {"Path": "/"}}],
            },
            "Tags": [{"Key": "Team", "Value": "ML"}],
        }
    )
    assert request == {
        "taskDefinition": "td:1",
        "enableECSManagedTags": True,
        "healthCheckGracePeriodSeconds": 60,
        "deploymentConfiguration": {
            "strategy": "BLUE_GREEN",
            "lifecycleHooks": [{"targetType": "PAUSE", "hookDetails": {"Path": "/"}}],
        },
        "tags": [{"key": "Team", "value": "ML"}],
    }


def test_a_deployment_is_forced_by_a_new_nonce_only() -> None:
    one = {"ForceNewDeployment": {"EnableForceNewDeployment": True, "ForceNewDeploymentNonce": "1"}}
    other = {"ForceNewDeployment": {"EnableForceNewDeployment": "true", "ForceNewDeploymentNonce": "2"}}
    assert forces_deployment(one, other)
    assert not forces_deployment(one, one)
    assert not forces_deployment(one, {})
