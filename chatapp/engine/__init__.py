"""Runs: generate, record, recover, follow."""
