"""Guarantees of chatapp/streams."""
