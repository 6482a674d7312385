"""Manifests for Argo Rollouts as plain values: no CDK in here."""
