"""The played AWS CodeDeploy: blue/green deployments of Amazon ECS services that have its deployment controller."""
