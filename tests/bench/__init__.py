"""The benchmark is kept in working order: it is the one thing that would notice a slow app."""
