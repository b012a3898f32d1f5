"""Use cases: what a person may do, and whether they may. Every call takes a principal."""
