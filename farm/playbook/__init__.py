"""Typed, idempotent provisioning steps."""
