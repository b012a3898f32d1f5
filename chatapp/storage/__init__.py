"""All SQL, and nothing else that knows of it."""
