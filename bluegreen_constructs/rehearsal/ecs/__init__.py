"""The played ECS: deployments, and one local process per task."""
