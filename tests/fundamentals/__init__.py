"""Read first: one idea a file, from a reply as a log to a reply that outlives its process."""
