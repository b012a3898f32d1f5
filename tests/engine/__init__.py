"""Guarantees of chatapp/engine."""
