"""EC2 instances and Auto Scaling groups, each instance a local process behind its target groups."""
