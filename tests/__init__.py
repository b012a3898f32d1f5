"""The tests mirror `chatapp/`; beside it are fundamentals, contracts, e2e, chaos and architecture."""
