"""Guarantees of chatapp/domain."""
