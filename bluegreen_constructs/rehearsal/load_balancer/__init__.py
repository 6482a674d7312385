"""The played Application Load Balancer: live rules served on loopback sockets."""
