"""Ordering and delivery of events, jobs and cancels."""
