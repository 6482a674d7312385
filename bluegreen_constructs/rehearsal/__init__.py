"""A whole deployment on this machine: emulator, load balancer, tasks, deployment controllers, load, scenarios."""
