"""Guarantees of chatapp/services."""
