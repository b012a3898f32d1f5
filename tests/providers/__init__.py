"""Providers: what they read off the wire, and what they make of a server's faults."""
