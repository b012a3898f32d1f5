"""Guarantees of chatapp/storage."""
