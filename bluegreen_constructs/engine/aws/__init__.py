"""Adapters over boto3 clients; each is given its client and declares the IAM actions it calls."""
