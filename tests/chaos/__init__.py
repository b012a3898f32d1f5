"""Faults at random moments, on real processes."""
