"""The HTTP door: FastAPI, and the guard that stands before everything."""
